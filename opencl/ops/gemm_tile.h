/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product in tiles of local memory. For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Sizes of tiles, by the names that the tuner knows them by. */
#define OCL_GEMM_TILES 5
extern const char *const ocl_gemm_tile_names[OCL_GEMM_TILES];

/* Whether the device's work-groups and local memory are large enough for this one. */
gboolean ocl_gemm_tile_fits (OclDevice * device, guint tile);

/* The one to take where nobody has measured, which every device can. */
guint ocl_gemm_tile_guess (OclDevice * device, const OclProduct * product);

/* As ocl_gemm (). */
gboolean ocl_gemm_tile (OclQueue * queue, const OclProduct * product, guint tile, GError ** error);

G_END_DECLS
