/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product on a device's matrix unit (runtime/matrix.h). For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Sizes of tiles, by the names that the tuner knows them by; how large they are depends on the unit. */
#define OCL_GEMM_MATRIX_TILES 3
extern const char *const ocl_gemm_matrix_names[OCL_GEMM_MATRIX_TILES];

/* Whether ocl_gemm_matrix () can do this product: fp16 sources and weights whose pixels are whole chunks of eight
 * channels, on a device with a matrix unit. */
gboolean ocl_gemm_matrix_suits (OclDevice * device, const OclProduct * product);

/* Whether the device's local memory is large enough for this tile. */
gboolean ocl_gemm_matrix_fits (OclDevice * device, guint tile);

/* The tile to take where nobody has measured. */
guint ocl_gemm_matrix_guess (OclDevice * device, const OclProduct * product);

/* As ocl_gemm (). */
gboolean ocl_gemm_matrix (OclQueue * queue, const OclProduct * product, guint tile, GError ** error);

G_END_DECLS
