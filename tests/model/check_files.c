/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files that cannot be opened: the message says why, and nothing waits.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "vldm/files/files.h"

#include "fixture.h"

static void
check_unreadable (const char *path, VldmError code, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vldm_file_map (path, &error));
  fixture_check_error (error, code, reason, path);
  g_assert_true (vldm_file_exists (path) == (code != VLDM_ERROR_NOT_FOUND));
}

static void
test_unreadable (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *none = g_build_filename (fixture.folder, "none", NULL);
  g_autofree char *link = g_build_filename (fixture.folder, "link", NULL);
  g_autofree char *loop = g_build_filename (fixture.folder, "loop", NULL);
  g_autofree char *pipe = g_build_filename (fixture.folder, "pipe", NULL);
  g_autofree char *inside = g_build_filename (fixture.folder, "file", "x",
      NULL);

  fixture_write (&fixture, "file", "x", 1);
  g_assert_cmpint (symlink ("../blobs/1", link), ==, 0);
  g_assert_cmpint (symlink ("loop", loop), ==, 0);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  check_unreadable (none, VLDM_ERROR_NOT_FOUND, "no such file");
  check_unreadable (inside, VLDM_ERROR_NOT_FOUND, "no such file");
  check_unreadable (link, VLDM_ERROR_READ,
      "a symbolic link to ../blobs/1, which is not there");
  check_unreadable (loop, VLDM_ERROR_READ, "symbolic links");
  check_unreadable (pipe, VLDM_ERROR_READ, "neither a file nor a folder");
  check_unreadable (fixture.folder, VLDM_ERROR_READ,
      "no such file, but a folder");
}

static void
test_forbidden (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, "a", "x", NULL);
  g_autofree char *folder = g_path_get_dirname (path);

  fixture_write (&fixture, "a/x", "x", 1);
  g_assert_cmpint (chmod (path, 0), ==, 0);
  g_assert_cmpint (chmod (fixture.folder, 0755), ==, 0);
  g_assert_cmpint (chmod (folder, 0755), ==, 0);
  fixture_drop_rights ();
  check_unreadable (path, VLDM_ERROR_READ, "Permission denied");
  fixture_restore_rights ();
  g_assert_cmpint (chmod (folder, 0), ==, 0);
  fixture_drop_rights ();
  check_unreadable (path, VLDM_ERROR_READ, "Permission denied");
  fixture_restore_rights ();
  g_assert_cmpint (chmod (folder, 0755), ==, 0);
}

int
main (int argc, char **argv)
{
  g_setenv ("LC_ALL", "C", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/files/unreadable", test_unreadable);
  g_test_add_func ("/files/forbidden", test_forbidden);
  return g_test_run ();
}
