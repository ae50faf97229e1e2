/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the process's surroundings lack and drivers need. Each case is a process of its own, since a driver starts once.
 */

#define _XOPEN_SOURCE 700

#include "opencl/runtime/program.h"
#include "tests/runtime/fixture.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *scratch;

static char *
in_scratch (const char *name)
{
  return g_build_filename (scratch, name, NULL);
}

/* Sets @variable to a path below the scratch folder. */
static void
set_path (const char *variable, const char *name)
{
  g_autofree char *path = in_scratch (name);

  g_setenv (variable, path, TRUE);
}

/* The same, and makes the folder. */
static void
make_folder (const char *variable, const char *name, guint mode)
{
  g_autofree char *path = in_scratch (name);

  set_path (variable, name);
  g_assert_cmpint (g_mkdir (path, mode), ==, 0);
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
}

/* No folder is there that any of the variables could name, and HOME is a file. */
static void
set_up_scratch (gpointer * unused, gconstpointer data)
{
  static const char *const variables[] = { "POCL_CACHE_DIR", "VLDM_CACHE_DIR",
    "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "VLDM_KERNEL_DIR"
  };
  g_autofree char *file = NULL;

  if (g_test_subprocess ())
    return;
  scratch = g_dir_make_tmp ("vldm-XXXXXX", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  file = in_scratch ("file");
  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  set_path ("HOME", "file");
  set_path ("TMPDIR", "missing");
}

static int
remove_entry (const char *path, const struct stat *info, int type,
    struct FTW *walk)
{
  return g_remove (path);
}

static void
tear_down_scratch (gpointer * unused, gconstpointer data)
{
  if (g_test_subprocess ())
    return;
  nftw (scratch, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&scratch, g_free);
}

/* What opening the device comes to in a process with this environment, which says so on standard output. */
static void
try_device (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OclDevice) device = NULL;
  const char *folder;

  if (!g_test_subprocess ()) {
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed ();
    return;
  }
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  folder = g_getenv ("POCL_CACHE_DIR");
  if (device == NULL)
    g_print ("error: %s\n", error->message);
  else
    g_print ("kernels in %s\n", folder != NULL ? folder : "PoCL's folder");
}

/* @what, a space, and the path of @name below the scratch folder are in what the process said. */
static void
assert_said (const char *what, const char *name)
{
  g_autofree char *path = NULL, *pattern = NULL;

  if (g_test_subprocess ())
    return;
  path = in_scratch (name);
  pattern = g_strdup_printf ("*%s %s*", what, path);
  g_test_trap_assert_stdout (pattern);
}

/* An error that says what is missing, of a driver that is installed. */
static void
assert_refused (const char *text)
{
  if (g_test_subprocess ())
    return;
  g_test_trap_assert_stdout ("*error: *cache folder*");
  g_test_trap_assert_stdout (text);
  g_test_trap_assert_stdout_unmatched ("*Install*");
}

static char *
own_name (const char *parent)
{
  return g_strdup_printf ("%s/gst-vldm-%u", parent, (guint) geteuid ());
}

/* Cache folders */

static void
usable_folder_is_left_to_pocl (gpointer * unused, gconstpointer data)
{
  if (!g_test_subprocess ()) {
    set_path ("HOME", "home");
    /* As good as not set, while PoCL aborts. */
    g_setenv ("POCL_CACHE_DIR", "", TRUE);
  }
  try_device ();
  if (!g_test_subprocess ())
    g_test_trap_assert_stdout ("*kernels in PoCL's folder*");
}

static void
plugins_cache_comes_first (gpointer * unused, gconstpointer data)
{
  if (!g_test_subprocess ()) {
    set_path ("VLDM_CACHE_DIR", "own");
    make_folder ("XDG_RUNTIME_DIR", "run", 0700);
  }
  try_device ();
  assert_said ("kernels in", "own/pocl");
  /* What is not needed is not made. */
  if (!g_test_subprocess ()) {
    g_autofree char *name = own_name ("run"), *path = in_scratch (name);
    g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  }
}

static void
runtime_folder_comes_next (gpointer * unused, gconstpointer data)
{
  g_autofree char *name = own_name ("run");

  if (!g_test_subprocess ()) {
    make_folder ("XDG_RUNTIME_DIR", "run", 0700);
    make_folder ("TMPDIR", "tmp", 01777);
  }
  try_device ();
  assert_said ("kernels in", name);
}

static void
temporary_folder_is_private (gpointer * unused, gconstpointer data)
{
  g_autofree char *name = own_name ("tmp"), *path = NULL;
  GStatBuf info;

  if (!g_test_subprocess ())
    make_folder ("TMPDIR", "tmp", 01777);
  try_device ();
  assert_said ("kernels in", name);
  if (g_test_subprocess ())
    return;
  path = in_scratch (name);
  g_assert_cmpint (g_lstat (path, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 07777, ==, 0700);
}

/* Code that others could have put there is not loaded: where anybody may rename folders, and behind a link. */
static void
others_folders_are_not_trusted (gpointer * unused, gconstpointer data)
{
  g_autofree char *name = own_name ("tmp"), *link = NULL;

  if (!g_test_subprocess ()) {
    make_folder ("XDG_RUNTIME_DIR", "run", 0777);
    make_folder ("TMPDIR", "tmp", 01777);
    link = in_scratch (name);
    g_assert_cmpint (symlink (scratch, link), ==, 0);
  }
  try_device ();
  assert_refused ("*VLDM_CACHE_DIR*");
}

static void
users_folder_is_named (gpointer * unused, gconstpointer data)
{
  if (!g_test_subprocess ()) {
    set_path ("POCL_CACHE_DIR", "file/sub");
    set_path ("VLDM_CACHE_DIR", "own");
  }
  try_device ();
  assert_refused ("*POCL_CACHE_DIR*Not a directory*");
  assert_said ("cannot use", "file/sub");
}

/* Compilers */

/* What a compiler counts on standard error is no news for who plays a video. */
static void
builds_are_quiet (gpointer * unused, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OclDevice) device = NULL;

  if (!g_test_subprocess ()) {
    set_path ("POCL_CACHE_DIR", "kernels");
    g_setenv ("VLDM_KERNEL_DIR", TEST_KERNELS, TRUE);
    g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed ();
    g_test_trap_assert_stderr ("");
    return;
  }
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_assert_nonnull (ocl_program_get (device, "warns", NULL, &error));
  g_assert_no_error (error);
}

static gboolean
device_is_pocl (void)
{
  g_autoptr (OclDevice) device = ocl_device_open (NULL, OCL_FORM_AUTO, NULL);

  return device != NULL && strstr (ocl_device_description (device),
      "Portable Computing Language") != NULL;
}

#define ADD(name) \
  g_test_add ("/runtime/" #name, gpointer, NULL, set_up_scratch, name, \
      tear_down_scratch)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!g_test_subprocess () && !device_is_pocl ()) {
    g_print ("1..0 # SKIP the default device is not PoCL's\n");
    return 0;
  }
  ADD (usable_folder_is_left_to_pocl);
  ADD (plugins_cache_comes_first);
  ADD (runtime_folder_comes_next);
  ADD (temporary_folder_is_private);
  ADD (others_folders_are_not_trusted);
  ADD (users_folder_is_named);
  ADD (builds_are_quiet);
  return g_test_run ();
}
