/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files of a model folder, which come from strangers and over networks: opening them, and what is said of one that is not
 * there or not what its name promises.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

/* Whether there is an entry of that name: also a link to nothing, and what may not be looked at. */
gboolean vldm_file_exists (const char *path);

/* Why @path cannot be opened as @what, "file" or "folder"; to be put behind "PATH: ". */
char *vldm_file_explain (const char *path, const char *what);

/* Maps a regular file for reading; never waits, as opening a pipe would. VLDM_ERROR_NOT_FOUND if there is no entry of that
 * name, else VLDM_ERROR_READ: "PATH: cannot be read: WHY". */
GMappedFile *vldm_file_map (const char *path, GError ** error);

/* The same for a text file. An empty one and one that vldm_file_recognize () knows to be something else are refused:
 * "PATH: IS". */
GMappedFile *vldm_file_map_text (const char *path, GError ** error);

/* What a file that begins with @data, and is of no use as it is, is known to be: "is a pointer of git-lfs ..."; NULL if
 * that is not known. */
const char *vldm_file_recognize (const char *data, gsize length);

G_END_DECLS
