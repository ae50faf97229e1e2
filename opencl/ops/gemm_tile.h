/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product in tiles of local memory. For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Rows x columns x channels at a time, from little to much reuse of copied factors. The larger the tiles, the fewer
 * there are, and the more compute units may be left without one. */
enum
{
  OCL_TILE_32X32X16,
  OCL_TILE_64X64X16,
  OCL_TILE_64X64X32,
  OCL_TILE_128X64X16,
  OCL_TILE_128X128X16,
  OCL_N_TILES,
};

/* TRUE if the device runs kernels of the tile form and has work-groups and local memory for this tile. The smallest
 * tile is the portable one and assumed to fit anywhere. */
gboolean ocl_gemm_tile_can (OclDevice * device, const OclProduct * product, guint tile);

/* TRUE if this tile is worth its size: there are enough of them for all compute units. */
gboolean ocl_gemm_tile_suits (OclDevice * device, const OclProduct * product, guint tile);

/* As ocl_gemm (). */
gboolean ocl_gemm_tile (OclQueue * queue, const OclProduct * product, guint tile, GError ** error);

G_END_DECLS
