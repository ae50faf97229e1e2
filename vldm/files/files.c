/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What can be wrong with a file before its content matters.
 */
#include "vldm/files/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
vldm_file_exists (const char *path)
{
  struct stat info;

  return lstat (path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

char *
vldm_file_explain (const char *path, const char *what)
{
  g_autofree char *target = NULL;
  struct stat info;

  if (stat (path, &info) == 0) {
    if (faccessat (AT_FDCWD, path, S_ISDIR (info.st_mode) ? R_OK | X_OK : R_OK,
            AT_EACCESS) != 0)
      return g_strdup (g_strerror (errno));
    if (!S_ISDIR (info.st_mode) && !S_ISREG (info.st_mode))
      return g_strdup ("neither a file nor a folder");
    return g_strdup_printf ("no such %s, but a %s", what,
        S_ISDIR (info.st_mode) ? "folder" : "file");
  }
  if (errno != ENOENT && errno != ENOTDIR)
    return g_strdup (g_strerror (errno));
  target = g_file_read_link (path, NULL);
  return target != NULL
      ? g_strdup_printf ("a symbolic link to %s, which is not there", target)
      : g_strdup_printf ("no such %s", what);
}

GMappedFile *
vldm_file_map (const char *path, GError ** error)
{
  gint fd = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  g_autoptr (GError) map_error = NULL;
  g_autofree char *why = NULL;
  GMappedFile *file = NULL;
  struct stat info;

  if (fd >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode)) {
    file = g_mapped_file_new_from_fd (fd, FALSE, &map_error);
    why = map_error != NULL ? g_strdup (map_error->message) : NULL;
  } else {
    why = vldm_file_explain (path, "file");
  }
  if (fd >= 0)
    close (fd);
  if (file == NULL)
    g_set_error (error, VLDM_ERROR, vldm_file_exists (path) ? VLDM_ERROR_READ
        : VLDM_ERROR_NOT_FOUND, "%s: cannot be read: %s", path, why);
  return file;
}

GMappedFile *
vldm_file_map_text (const char *path, GError ** error)
{
  g_autoptr (GMappedFile) file = vldm_file_map (path, error);
  const char *is;

  if (file == NULL)
    return NULL;
  is = g_mapped_file_get_length (file) == 0
      ? "has 0 bytes, as a failed download leaves it"
      : vldm_file_recognize (g_mapped_file_get_contents (file),
      g_mapped_file_get_length (file));
  if (is == NULL)
    return g_steal_pointer (&file);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: %s", path, is);
  return NULL;
}

const char *
vldm_file_recognize (const char *data, gsize length)
{
  static const struct
  {
    const char *beginning, *is;
  } kinds[] = {
    {"version https://git-lfs.github.com/spec/", "is a pointer of git-lfs in "
          "place of the file; \"git lfs pull\" in its folder fetches that"},
    {"\xef\xbb\xbf", "begins with a byte order mark, which "
          "the format does not allow; save it as UTF-8 without one"},
    {"\xff\xfe", "begins with the byte order mark of UTF-16; save it as UTF-8 "
          "without one"},
    {"\xfe\xff", "begins with the byte order mark of UTF-16; save it as UTF-8 "
          "without one"},
    {"PK\3\4", "is a zip archive, as PyTorch saves pickles, whatever its name "
          "says; convert it to safetensors first"},
    {"\x80\2", "is a pickle of Python, whatever its name says; convert it to "
          "safetensors first"},
    {"GGUF", "is a GGUF file, whatever its name says; convert it to "
          "safetensors first"},
    {"<!doctype html", "is an HTML page, such as one that asks to log in, in "
          "place of the file; download it again"},
    {"<html", "is an HTML page, such as one that asks to log in, in place of "
          "the file; download it again"},
    {"<?xml", "is an XML page, such as a server's error, in place of the file; "
          "download it again"},
  };

  while (length > 0 && g_ascii_isspace (*data)) {
    data++;
    length--;
  }
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    gsize n = strlen (kinds[i].beginning);

    if (length >= n && g_ascii_strncasecmp (data, kinds[i].beginning, n) == 0)
      return kinds[i].is;
  }
  return NULL;
}
