/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Work on all processors of the host, such as reading and packing weights.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Calls @part once for every index below @n and returns when all calls have. Several threads make the calls if
 * @numbers, the count of numbers that all calls write together, is large enough to be worth their start. */
void ocl_parallel_for (gsize n, gsize numbers, void (*part) (gsize index, gpointer user_data), gpointer user_data);

G_END_DECLS
