/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is said of a path that is no model folder.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What @path is instead, and where the model may be; to be put behind "PATH: ". */
char *vldm_folder_advise (const char *path);

G_END_DECLS
