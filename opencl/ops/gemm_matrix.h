/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product on a device's matrix unit (runtime/matrix.h). For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Sizes of tiles; how large they are depends on the unit. */
enum
{
  OCL_MATRIX_TILE_SMALL,
  OCL_MATRIX_TILE_MEDIUM,
  OCL_MATRIX_TILE_LARGE,
  OCL_N_MATRIX_TILES,
};

/* TRUE if the device has a matrix unit and local memory for this tile, and the product is one of fp16 sources and
 * weights whose pixels are whole chunks of eight channels. */
gboolean ocl_gemm_matrix_can (OclDevice * device, const OclProduct * product, guint tile);

/* TRUE if this is the larger tile to take, and there are enough of them for all compute units. */
gboolean ocl_gemm_matrix_suits (OclDevice * device, const OclProduct * product, guint tile);

/* As ocl_gemm (). */
gboolean ocl_gemm_matrix (OclQueue * queue, const OclProduct * product, guint tile, GError ** error);

G_END_DECLS
