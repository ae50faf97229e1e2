/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folder for inputs, in memory where the system has such a place.
 */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <stdlib.h>

#define MEMORY "/dev/shm"

static char *folder;

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (folder);
  g_clear_pointer (&folder, g_free);
}

const char *
fuzz_folder (void)
{
  if (!folder) {
    gboolean memory = g_file_test (MEMORY, G_FILE_TEST_IS_DIR);

    folder = g_build_filename (memory ? MEMORY : g_get_tmp_dir (),
        "vldm-fuzz-XXXXXX", NULL);
    if (!g_mkdtemp (folder))
      g_error ("no folder for inputs at %s", folder);
    atexit (remove_folder);
  }
  return folder;
}

void
fuzz_write (const char *name, const void *data, gsize size)
{
  g_autofree char *path = g_build_filename (fuzz_folder (), name, NULL);
  FILE *file;

  if (!data) {
    g_remove (path);
    return;
  }
  file = g_fopen (path, "wb");
  if (!file || fwrite (data, 1, size, file) != size || fclose (file) != 0)
    g_error ("cannot write %s", path);
}
