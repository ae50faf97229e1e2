/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files for one test.
 */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

Fixture
fixture_new (void)
{
  g_autoptr (GError) error = NULL;
  Fixture fixture = { g_dir_make_tmp ("vldm-test-XXXXXX", &error) };

  g_assert_no_error (error);
  return fixture;
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    remove_tree (child);
  }
  g_remove (path);
}

void
fixture_clear (Fixture * fixture)
{
  if (fixture->folder)
    remove_tree (fixture->folder);
  g_clear_pointer (&fixture->folder, g_free);
}

void
fixture_write (Fixture * fixture, const char *name, const void *content,
    gssize length)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_mkdir_with_parents (parent, 0700);
  g_file_set_contents (path, content, length, &error);
  g_assert_no_error (error);
}

void
fixture_write_tensors (Fixture * fixture, const char *name,
    const char *header, gsize n_data)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  guint64 length = GUINT64_TO_LE (strlen (header));

  g_byte_array_append (file, (const guint8 *) &length, 8);
  g_byte_array_append (file, (const guint8 *) header, strlen (header));
  for (gsize i = 0; i < n_data; i++) {
    guint8 byte = i;

    g_byte_array_append (file, &byte, 1);
  }
  fixture_write (fixture, name, file->data, file->len);
}

void
fixture_remove (Fixture * fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

  g_assert_cmpint (g_remove (path), ==, 0);
}

void
fixture_copy (Fixture * fixture, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *content = NULL;
  gsize length;

  if (g_file_get_contents (path, &content, &length, NULL))
    fixture_write (fixture, name, content, length);
}

/* A user without rights. */
#define NOBODY 65534

void
fixture_drop_rights (void)
{
  g_assert_true (getuid () != 0 || seteuid (NOBODY) == 0);
}

void
fixture_restore_rights (void)
{
  g_assert_true (getuid () != 0 || seteuid (0) == 0);
}

void
fixture_check_error (const GError * error, VldmError code, const char *reason,
    const char *file)
{
  g_assert_error (error, VLDM_ERROR, (gint) code);
  if (!strstr (error->message, reason))
    g_error ("\"%s\" does not say \"%s\"", error->message, reason);
  if (file && !strstr (error->message, file))
    g_error ("\"%s\" does not name %s", error->message, file);
}
