/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Do borders of patches, windows or chunks show? How much larger differences are there than inside, and how sure that is.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  GArray *borders;              /* of pairs: what was measured at a border, and inside beside it */
} Seam;

void seam_init (Seam * seam);
void seam_clear (Seam * seam);
void seam_add (Seam * seam, gdouble border, gdouble inside);

/* Prints and returns the ratio: sum of what was measured at borders over the sum beside them. @lower and @upper, which may
 * be NULL, get one-sided 95% bounds: quantiles of 2000 bootstrap samples of the borders. */
gdouble seam_ratio (const Seam * seam, const char *name, gdouble * lower, gdouble * upper);

G_END_DECLS
