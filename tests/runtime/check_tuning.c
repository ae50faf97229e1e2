/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tuner's promises, with variants that sleep, fail or end the process instead of computing. Each test is a story in
 * several processes, because a choice holds for the life of one: the parent sets the stage, subprocesses ask.
 */

#include "tests/runtime/fixture.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "opencl/runtime/tuning.h"
#include "opencl/runtime/tuning_file.h"

#define KEY "sleep long"

/* What a fake variant does: sleeps so many microseconds, so far apart that a busy machine does not hide which are more,
 * or else. */
enum
{
  SHORT = 1000,
  MEDIUM = 40000,
  LONG = 80000,
  FAILS = -1,
  KILLS = -2,
  NO_MEMORY = -3,
  FAILS_LATER = -4,             /* when it is timed */
};

typedef struct
{
  gint us[3];
  guint runs[3];
} Fake;

static gboolean
run_fake (OclQueue * queue, guint variant, gpointer user_data, GError ** error)
{
  Fake *fake = user_data;

  fake->runs[variant]++;
  switch (fake->us[variant]) {
    case FAILS:
      g_set_error (error, OCL_ERROR, OCL_ERROR_BUILD, "it does not compile");
      return FALSE;
    case NO_MEMORY:
      g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY, "it does not fit");
      return FALSE;
    case FAILS_LATER:
      if (fake->runs[variant] <= 2)
        return TRUE;
      g_set_error (error, OCL_ERROR, OCL_ERROR_CALL, "it stops working");
      return FALSE;
    case KILLS:
      raise (SIGKILL);
      return FALSE;
    default:
      g_usleep (fake->us[variant]);
      return TRUE;
  }
}

static gboolean
ask (OclQueue * queue, Fake * fake, guint * variant, GError ** error)
{
  static const char *const names[] = { "slow", "fast", "odd" };
  const OclTuningQuestion question = {
    .operation = "sleep",
    .shape = "long",
    .variants = names,
    .n_variants = 3,
    .built_in = 0,
    .run = run_fake,
    .user_data = fake,
  };

  return ocl_tuning_choose (queue, &question, variant, error);
}

/* The answer of a queue of its own. */
static guint
answer (Fake * fake)
{
  g_autoptr (GError) error = NULL;
  Fixture f;
  guint variant = 99;

  set_up (&f, NULL);
  g_assert_true (ask (f.queue, fake, &variant, &error));
  g_assert_no_error (error);
  tear_down (&f, NULL);
  return variant;
}

/* The parent's part: a fresh cache folder, and subprocesses one after the other. */

static char *
fresh_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("tuning-XXXXXX", &error);

  g_assert_no_error (error);
  g_setenv ("VLDM_CACHE_DIR", folder, TRUE);
  return folder;
}

static void
remove_folder (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_assert_cmpint (g_remove (path), ==, 0);
  }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

static void
in_process (const char *mode, const char *name)
{
  g_autofree char *path =
      g_strconcat ("/runtime/tuning/subprocess/", name, NULL);

  g_setenv ("VLDM_TUNING", mode, TRUE);
  g_test_trap_subprocess (path, 0, 0);
}

static void
expect (const char *mode, const char *name)
{
  in_process (mode, name);
  g_test_trap_assert_passed ();
}

/* The only tuning file in @folder. */
static char *
find_file (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".ini"))
      return g_build_filename (folder, name, NULL);
  g_assert_not_reached ();
}

static void
set_in_file (const char *folder, const char *group, const char *key,
    const char *value)
{
  g_autofree char *path = find_file (folder);
  g_autoptr (GKeyFile) keys = g_key_file_new ();

  g_assert_true (g_key_file_load_from_file (keys, path, 0, NULL));
  g_key_file_set_value (keys, group, key, value);
  g_assert_true (g_key_file_save_to_file (keys, path, NULL));
}

static void
assert_in_file (const char *folder, const char *text)
{
  g_autofree char *path = find_file (folder);
  g_autofree char *contents = NULL;

  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  if (strstr (contents, text) == NULL)
    g_error ("\"%s\" is not in \"%s\"", text, contents);
}

/* What subprocesses find */

static void
takes_slow_without_running (void)
{
  Fake fake = { {LONG, SHORT, FAILS} };

  g_assert_cmpuint (answer (&fake), ==, 0);
  g_assert_cmpuint (fake.runs[0] + fake.runs[1] + fake.runs[2], ==, 0);
}

static void
takes_fast_without_running (void)
{
  Fake fake = { {LONG, SHORT, FAILS} };

  g_assert_cmpuint (answer (&fake), ==, 1);
  g_assert_cmpuint (fake.runs[0] + fake.runs[1] + fake.runs[2], ==, 0);
}

static void
measures_fast (void)
{
  Fake fake = { {LONG, SHORT, MEDIUM} };
  guint runs;

  g_assert_cmpuint (answer (&fake), ==, 1);
  g_assert_cmpuint (fake.runs[0], >=, 2);
  g_assert_cmpuint (fake.runs[1], >=, 2);
  /* The same again, of another queue of another opening of the device: no more runs. */
  runs = fake.runs[1];
  g_assert_cmpuint (answer (&fake), ==, 1);
  g_assert_cmpuint (fake.runs[1], ==, runs);
}

static void
measures_with_failures (void)
{
  Fake fake = { {LONG, SHORT, FAILS} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING,
      "*sleep long: odd fails: it does not compile*");
  g_assert_cmpuint (answer (&fake), ==, 1);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (fake.runs[2], ==, 1);
}

static void
measures_with_late_failure (void)
{
  Fake fake = { {LONG, SHORT, FAILS_LATER} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING,
      "*sleep long: odd fails: it stops working*");
  g_assert_cmpuint (answer (&fake), ==, 1);
  g_test_assert_expected_messages ();
}

static void
measures_failing_built_in (void)
{
  Fake fake = { {FAILS, SHORT, LONG} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING, "*slow fails*");
  g_assert_cmpuint (answer (&fake), ==, 1);
  g_test_assert_expected_messages ();
}

static void
dies (void)
{
  Fake fake = { {SHORT, KILLS, LONG} };

  answer (&fake);
}

static void
measures_without_the_dead (void)
{
  Fake fake = { {LONG, KILLS, SHORT} };

  g_assert_cmpuint (answer (&fake), ==, 2);
  g_assert_cmpuint (fake.runs[1], ==, 0);
}

static void
runs_out_of_memory (void)
{
  Fake fake = { {LONG, NO_MEMORY, SHORT} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING,
      "*is not measured*");
  g_assert_cmpuint (answer (&fake), ==, 0);
  g_test_assert_expected_messages ();
}

static gboolean
stop (gpointer unused)
{
  return FALSE;
}

static void
is_cancelled (void)
{
  g_autoptr (GError) error = NULL;
  Fake fake = { {LONG, SHORT, MEDIUM} };
  Fixture f;
  guint variant;

  set_up (&f, NULL);
  ocl_queue_set_callbacks (f.queue, stop, NULL, NULL, NULL);
  g_assert_false (ask (f.queue, &fake, &variant, &error));
  g_assert_error (error, OCL_ERROR, OCL_ERROR_CANCELLED);
  tear_down (&f, NULL);
}

static void
warns (const char *pattern)
{
  Fake fake = { {LONG, SHORT, MEDIUM} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING, pattern);
  g_assert_cmpuint (answer (&fake), ==, 0);
  g_test_assert_expected_messages ();
}

static void
finds_rubbish (void)
{
  warns ("*is ignored: *");
}

static void
finds_old_version (void)
{
  warns ("*is ignored: its version is 0 instead of 1*");
}

static void
finds_foreign_device (void)
{
  warns ("*is ignored: it was measured on \"abacus\", not on *");
}

static void
finds_no_place_to_write (void)
{
  Fake fake = { {LONG, SHORT, MEDIUM} };

  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING,
      "*cannot be written*");
  g_assert_cmpuint (answer (&fake), ==, 1);
  g_test_assert_expected_messages ();
}

/* A file that another process changes meanwhile says nothing to who has asked before. */
static void
stays_with_slow (void)
{
  Fake fake = { {LONG, SHORT, MEDIUM} };

  g_assert_cmpuint (answer (&fake), ==, 0);
  set_in_file (g_getenv ("VLDM_CACHE_DIR"), "chosen", KEY, "fast");
  g_assert_cmpuint (answer (&fake), ==, 0);
}

/* Stories */

static void
fastest_wins (void)
{
  char *folder = fresh_folder ();

  expect ("auto", "takes_slow_without_running");
  expect ("now", "measures_fast");
  expect ("auto", "takes_fast_without_running");
  expect ("show", "takes_fast_without_running");
  g_test_trap_assert_stderr ("*tuning: sleep long = fast (slow *ms, fast *ms*");
  expect ("now", "takes_fast_without_running");
  expect ("off", "takes_slow_without_running");
  remove_folder (folder);
}

static void
a_remembered_choice_can_be_changed_by_hand (void)
{
  char *folder = fresh_folder ();

  expect ("now", "measures_fast");
  set_in_file (folder, "chosen", KEY, "slow");
  expect ("now", "takes_slow_without_running");
  /* What this version does not know is measured. */
  set_in_file (folder, "chosen", KEY, "unheard-of");
  expect ("auto", "takes_slow_without_running");
  remove_folder (folder);
}

static void
failures_are_remembered (void)
{
  char *folder = fresh_folder ();

  expect ("now", "measures_with_failures");
  assert_in_file (folder, "[failed]\n" KEY "=odd;");
  expect ("now", "takes_fast_without_running");
  remove_folder (folder);

  folder = fresh_folder ();
  expect ("now", "measures_with_late_failure");
  assert_in_file (folder, "[failed]\n" KEY "=odd;");
  remove_folder (folder);

  folder = fresh_folder ();
  expect ("now", "measures_failing_built_in");
  remove_folder (folder);
}

static void
a_variant_that_ends_the_process_is_tried_once (void)
{
  char *folder = fresh_folder ();

  in_process ("now", "dies");
  g_test_trap_assert_failed ();
  assert_in_file (folder, "[trying]\n" KEY "=fast;");
  expect ("now", "measures_without_the_dead");
  assert_in_file (folder, KEY "=fast;");
  remove_folder (folder);
}

static void
what_says_nothing_is_not_remembered (void)
{
  char *folder = fresh_folder ();

  expect ("now", "is_cancelled");
  expect ("now", "runs_out_of_memory");
  expect ("now", "measures_fast");
  remove_folder (folder);
}

static void
bad_files_are_ignored (void)
{
  char *folder = fresh_folder ();
  g_autofree char *path = NULL;

  expect ("now", "measures_fast");
  set_in_file (folder, "file", "version", "0");
  expect ("auto", "finds_old_version");
  set_in_file (folder, "file", "version", "1");
  set_in_file (folder, "file", "identity", "abacus");
  expect ("auto", "finds_foreign_device");
  path = find_file (folder);
  g_assert_true (g_file_set_contents (path, "\001[[\n= rubbish", -1, NULL));
  expect ("auto", "finds_rubbish");
  remove_folder (folder);
}

static void
choices_hold_without_a_place_to_write (void)
{
  char *folder = fresh_folder ();
  g_autofree char *below = g_build_filename (folder, "file", "below", NULL);
  g_autofree char *file = g_build_filename (folder, "file", NULL);

  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_setenv ("VLDM_CACHE_DIR", below, TRUE);
  expect ("now", "finds_no_place_to_write");
  remove_folder (folder);
}

static void
a_used_choice_stays (void)
{
  char *folder = fresh_folder ();

  expect ("now", "measures_fast");
  set_in_file (folder, "chosen", KEY, "slow");
  expect ("auto", "stays_with_slow");
  expect ("auto", "takes_fast_without_running");
  remove_folder (folder);
}

/* Two processes, each with a hundred keys of its own and all of them with one more. */
static void
write_keys (const char *folder, guint process)
{
  g_autoptr (OclTuningFile) file = ocl_tuning_file_open (folder, "test");
  g_autofree char *chosen = g_strdup_printf ("of%u", process);

  for (guint i = 0; i < 100; i++) {
    g_autofree char *key = g_strdup_printf ("key %u %u", process, i);
    ocl_tuning_file_trying (file, key, "a");
    ocl_tuning_file_choose (file, key, "a", "");
  }
  ocl_tuning_file_choose (file, "shared", chosen, "");
}

static void
two_processes_lose_nothing (void)
{
  char *folder = fresh_folder ();
  pid_t children[2];
  g_autoptr (OclTuningFile) file = NULL;
  g_autofree char *shared = NULL;

  for (guint process = 0; process < 2; process++) {
    children[process] = fork ();
    if (children[process] == 0) {
      write_keys (folder, process);
      _exit (0);
    }
  }
  for (guint process = 0; process < 2; process++) {
    int status;
    g_assert_cmpint (waitpid (children[process], &status, 0), ==,
        children[process]);
    g_assert_cmpint (status, ==, 0);
  }
  file = ocl_tuning_file_open (folder, "test");
  for (guint i = 0; i < 200; i++) {
    g_autofree char *key = g_strdup_printf ("key %u %u", i % 2, i / 2);
    g_autofree char *chosen = ocl_tuning_file_chosen (file, key);
    g_assert_cmpstr (chosen, ==, "a");
    g_assert_false (ocl_tuning_file_has_failed (file, key, "a"));
  }
  shared = ocl_tuning_file_chosen (file, "shared");
  g_assert_true (g_strcmp0 (shared, "of0") == 0
      || g_strcmp0 (shared, "of1") == 0);
  remove_folder (folder);
}

#define SUBPROCESS(name) \
  g_test_add_func ("/runtime/tuning/subprocess/" #name, name)
#define STORY(name) \
  g_test_add_func ("/runtime/tuning/" #name, name)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  SUBPROCESS (takes_slow_without_running);
  SUBPROCESS (takes_fast_without_running);
  SUBPROCESS (measures_fast);
  SUBPROCESS (measures_with_failures);
  SUBPROCESS (measures_with_late_failure);
  SUBPROCESS (measures_failing_built_in);
  SUBPROCESS (dies);
  SUBPROCESS (measures_without_the_dead);
  SUBPROCESS (runs_out_of_memory);
  SUBPROCESS (is_cancelled);
  SUBPROCESS (finds_rubbish);
  SUBPROCESS (finds_old_version);
  SUBPROCESS (finds_foreign_device);
  SUBPROCESS (finds_no_place_to_write);
  SUBPROCESS (stays_with_slow);
  STORY (fastest_wins);
  STORY (a_remembered_choice_can_be_changed_by_hand);
  STORY (failures_are_remembered);
  STORY (a_variant_that_ends_the_process_is_tried_once);
  STORY (what_says_nothing_is_not_remembered);
  STORY (bad_files_are_ignored);
  STORY (choices_hold_without_a_place_to_write);
  STORY (a_used_choice_stays);
  STORY (two_processes_lose_nothing);
  return g_test_run ();
}
