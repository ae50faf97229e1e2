/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cutting a field into overlapping tiles along one axis, and the weights by which they are put together again: pure
 * functions. A field is cut along both axes; the weight of a place is the product of its two.
 * Source: MultiDiffusion, arXiv 2302.08113.
 *
 *   length 10, size 4, overlap 1:   0 1 2 3 4 5 6 7 8 9
 *                                   [-----]
 *                                         [-----]
 *                                               [-----]
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  guint length;                 /* of the field */
  guint size;                   /* of a tile, at most length */
  guint step;                   /* from one tile's start to the next's: size - overlap */
  guint n;
} VldmTiles;

/* @size is cut to @length. 0 <= overlap < size. */
VldmTiles vldm_tiles_new (guint length, guint size, guint overlap);

/* Where tile @i begins; the last one ends with the field. */
guint vldm_tile_start (const VldmTiles * tiles, guint i);

/* @weights [size] of tile @i: rising and falling linearly over what it shares with its neighbours, such that the
 * weights of all tiles add up to 1 everywhere. */
void vldm_tile_weights (const VldmTiles * tiles, guint i, gfloat * weights);

G_END_DECLS
