/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers that are not finite (NaN and infinities), in the host's memory.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Place of the first of @n numbers, fp32 or half precision, that is not finite; @n if all are. As fast as memory. */
gsize vldm_find_not_finite (const gfloat * numbers, gsize n);
gsize vldm_find_not_finite_half (const guint16 * numbers, gsize n);

G_END_DECLS
