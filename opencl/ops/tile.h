/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A field composed of weighted, overlapping tiles.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* The place of a tile of h x w pixels in its field, and the weights of its rows [1, 1, 1, h] and columns [1, 1, 1, w],
 * fp32 and packed. */
typedef struct
{
  gsize y, x;
  const OclTensor *rows, *columns;
} OclPlace;

/* The rectangle of the fp32 @field [F, H, W, C] that begins at row y and column x and lies inside it
 * += rows[i] * columns[j] * tile, pixel (i, j) of @tile [F, h, w, C] for pixel (y + i, x + j) of the field. */
gboolean ocl_tile_add (OclQueue * queue, const OclTensor * tile, const OclPlace * place, const OclTensor * field,
    GError ** error);

G_END_DECLS
