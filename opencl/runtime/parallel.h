/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Work of the host on all its processors: weights are read and packed so.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls @part once for every index below @n, from several threads at once if @numbers, what all of it writes, is worth
 * starting them. Returns when all is done. */
void ocl_parallel_for (gsize n, gsize numbers, void (*part) (gsize index, gpointer user_data), gpointer user_data);

G_END_DECLS
