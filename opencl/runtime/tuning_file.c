/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every write reads the file again, makes one change and replaces the file, all under a lock that other processes
 * respect. So nothing that they wrote is lost, and a reader always finds a complete file.
 */

#include "opencl/runtime/tuning_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#define VERSION_NUMBER 1
#define HEADING \
  " The fastest variants of operations, measured with VLDM_TUNING=now. A line of\n" \
  " [chosen] may be changed to another name in [measured]; a deleted line is measured again."

#define GROUP_FILE "file"
#define GROUP_CHOSEN "chosen"
#define GROUP_MEASURED "measured"
#define GROUP_FAILED "failed"
#define GROUP_TRYING "trying"

struct _OclTuningFile
{
  char *path, *lock_path, *identity;
  GMutex lock;                  /* of the fields below */
  GKeyFile *keys;
  gboolean warned;              /* that it cannot be written */
};

static GKeyFile *
keys_new (const char *identity)
{
  GKeyFile *keys = g_key_file_new ();

  g_key_file_set_integer (keys, GROUP_FILE, "version", VERSION_NUMBER);
  g_key_file_set_string (keys, GROUP_FILE, "identity", identity);
  return keys;
}

/* The reason why the file cannot be used, or NULL. */
static char *
find_fault (GKeyFile * keys, const char *identity)
{
  g_autofree char *theirs =
      g_key_file_get_string (keys, GROUP_FILE, "identity", NULL);
  gint version = g_key_file_get_integer (keys, GROUP_FILE, "version", NULL);

  if (version != VERSION_NUMBER)
    return g_strdup_printf ("its version is %d instead of %d", version,
        VERSION_NUMBER);
  if (g_strcmp0 (theirs, identity) != 0)
    return g_strdup_printf ("it was measured on \"%s\", not on \"%s\"",
        theirs != NULL ? theirs : "", identity);
  return NULL;
}

/* The content of the file; empty if it does not exist or cannot be used. */
static GKeyFile *
read_keys (const OclTuningFile * file)
{
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *fault = NULL;

  if (g_key_file_load_from_file (keys, file->path, G_KEY_FILE_NONE, &error)) {
    fault = find_fault (keys, file->identity);
    if (fault == NULL)
      return g_steal_pointer (&keys);
  } else if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
      && !g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR)) {
    fault = g_strdup (error->message);
  }
  if (fault != NULL)
    g_warning ("the tuning file %s is ignored: %s", file->path, fault);
  return keys_new (file->identity);
}

/* ---- reading ---- */

static char *
read_string (OclTuningFile * file, const char *group, const char *key)
{
  char *text;

  g_mutex_lock (&file->lock);
  text = g_key_file_get_string (file->keys, group, key, NULL);
  g_mutex_unlock (&file->lock);
  return text;
}

char *
ocl_tuning_file_chosen (OclTuningFile * file, const char *key)
{
  return read_string (file, GROUP_CHOSEN, key);
}

char *
ocl_tuning_file_measured (OclTuningFile * file, const char *key)
{
  return read_string (file, GROUP_MEASURED, key);
}

static gboolean
is_in_failed (GKeyFile * keys, const char *key, const char *variant)
{
  g_auto (GStrv) failed =
      g_key_file_get_string_list (keys, GROUP_FAILED, key, NULL, NULL);

  return failed != NULL
      && g_strv_contains ((const char *const *) failed, variant);
}

gboolean
ocl_tuning_file_has_failed (OclTuningFile * file, const char *key,
    const char *variant)
{
  gboolean failed;

  g_mutex_lock (&file->lock);
  failed = is_in_failed (file->keys, key, variant);
  g_mutex_unlock (&file->lock);
  return failed;
}

/* ---- writing ---- */

static int
take_lock (const OclTuningFile * file)
{
  g_autofree char *folder = g_path_get_dirname (file->path);
  int fd;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    return -1;
  fd = g_open (file->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return -1;
  while (flock (fd, LOCK_EX) != 0) {
    if (errno != EINTR) {
      g_close (fd, NULL);
      return -1;
    }
  }
  return fd;
}

/* Warns once. Choices then hold for this process only. */
static void
warn_unwritable (OclTuningFile * file, const char *reason)
{
  if (!file->warned)
    g_warning ("the tuning file %s cannot be written: %s", file->path, reason);
  file->warned = TRUE;
}

static void
set_failed (GKeyFile * keys, const char *key, const char *variant)
{
  g_auto (GStrv) failed =
      g_key_file_get_string_list (keys, GROUP_FAILED, key, NULL, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  if (is_in_failed (keys, key, variant))
    return;
  for (guint i = 0; failed != NULL && failed[i] != NULL; i++)
    g_ptr_array_add (names, failed[i]);
  g_ptr_array_add (names, (gpointer) variant);
  g_key_file_set_string_list (keys, GROUP_FAILED, key,
      (const char *const *) names->pdata, names->len);
}

/* TRUE if the process with the number @process has ended. In a container, another process may have had our number. */
static gboolean
has_ended (const char *process)
{
  gint64 id = g_ascii_strtoll (process, NULL, 10);

  return id <= 0 || id > G_MAXINT || id == getpid ()
      || (kill (id, 0) != 0 && errno == ESRCH);
}

/* Turns trials during which a process ended into failures; TRUE if there were any. To be called before this process
 * starts a trial. */
static gboolean
bury_trials (GKeyFile * keys)
{
  g_auto (GStrv) tried = g_key_file_get_keys (keys, GROUP_TRYING, NULL, NULL);
  gboolean any = FALSE;

  for (guint i = 0; tried != NULL && tried[i] != NULL; i++) {
    g_auto (GStrv) trial =
        g_key_file_get_string_list (keys, GROUP_TRYING, tried[i], NULL, NULL);
    if (trial == NULL || g_strv_length (trial) != 2 || !has_ended (trial[1]))
      continue;
    set_failed (keys, tried[i], trial[0]);
    g_key_file_remove_key (keys, GROUP_TRYING, tried[i], NULL);
    any = TRUE;
  }
  return any;
}

/* One change of one key. */
typedef struct
{
  const char *key;
  const char *trying;           /* "" = the trial is over */
  const char *failed;
  const char *chosen, *measured;
} Change;

static void
apply (GKeyFile * keys, const Change * change)
{
  if (change->trying != NULL && *change->trying == '\0') {
    g_key_file_remove_key (keys, GROUP_TRYING, change->key, NULL);
  } else if (change->trying != NULL) {
    g_autofree char *process = g_strdup_printf ("%d", (int) getpid ());
    const char *const trial[] = { change->trying, process };
    g_key_file_set_string_list (keys, GROUP_TRYING, change->key, trial, 2);
  }
  if (change->failed != NULL)
    set_failed (keys, change->key, change->failed);
  if (change->chosen != NULL
      && !g_key_file_has_key (keys, GROUP_CHOSEN, change->key, NULL)) {
    g_key_file_set_string (keys, GROUP_CHOSEN, change->key, change->chosen);
    g_key_file_set_string (keys, GROUP_MEASURED, change->key, change->measured);
  }
}

/* @change NULL = bury_trials () only. If the file cannot be written, the change holds for this process only. */
static void
update (OclTuningFile * file, const Change * change)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&file->lock);
  g_autoptr (GError) error = NULL;
  int lock = take_lock (file);

  if (lock < 0) {
    warn_unwritable (file, g_strerror (errno));
  } else {
    g_key_file_unref (file->keys);
    file->keys = read_keys (file);
  }
  if (change != NULL)
    apply (file->keys, change);
  else
    bury_trials (file->keys);
  if (lock < 0)
    return;
  g_key_file_set_comment (file->keys, NULL, NULL, HEADING, NULL);
  if (!g_key_file_save_to_file (file->keys, file->path, &error))
    warn_unwritable (file, error->message);
  g_close (lock, NULL);
}

OclTuningFile *
ocl_tuning_file_open (const char *folder, const char *identity)
{
  OclTuningFile *file = g_new0 (OclTuningFile, 1);
  g_autofree char *hash =
      g_compute_checksum_for_string (G_CHECKSUM_SHA256, identity, -1);
  g_autofree char *name = g_strdup_printf ("tuning-%.16s.ini", hash);

  g_mutex_init (&file->lock);
  file->identity = g_strdup (identity);
  file->path = g_build_filename (folder, name, NULL);
  file->lock_path = g_strconcat (file->path, ".lock", NULL);
  file->keys = read_keys (file);
  if (bury_trials (file->keys))
    update (file, NULL);
  return file;
}

void
ocl_tuning_file_free (OclTuningFile * file)
{
  if (file == NULL)
    return;
  g_key_file_unref (file->keys);
  g_mutex_clear (&file->lock);
  g_free (file->path);
  g_free (file->lock_path);
  g_free (file->identity);
  g_free (file);
}

void
ocl_tuning_file_trying (OclTuningFile * file, const char *key,
    const char *variant)
{
  const Change change = { key, variant != NULL ? variant : "" };

  update (file, &change);
}

void
ocl_tuning_file_failed (OclTuningFile * file, const char *key,
    const char *variant)
{
  const Change change = { key, "", variant };

  update (file, &change);
}

void
ocl_tuning_file_choose (OclTuningFile * file, const char *key,
    const char *chosen, const char *measured)
{
  const Change change = { key, "", NULL, chosen, measured };

  update (file, &change);
}
