/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product on a device's matrix unit (runtime/matrix.h). For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Tiles; their sizes in rows and columns depend on the unit. */
enum
{
  OCL_MATRIX_TILE_SMALL,
  OCL_MATRIX_TILE_MEDIUM,
  OCL_MATRIX_TILE_LARGE,
  OCL_N_MATRIX_TILES,
};

/* TRUE if the device has a matrix unit and local memory for this tile, and if sources and weights are fp16 and pixels
 * consist of whole chunks of eight channels. */
gboolean ocl_gemm_matrix_can (OclDevice * device, const OclProduct * product, guint tile);

/* TRUE if this tile is worth its size: there are enough of them for all compute units. */
gboolean ocl_gemm_matrix_suits (OclDevice * device, const OclProduct * product, guint tile);

/* As ocl_gemm (). */
gboolean ocl_gemm_matrix (OclQueue * queue, const OclProduct * product, guint tile, GError ** error);

G_END_DECLS
