/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product with its sums in the registers of a CPU. For gemm.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* TRUE if the device runs kernels of the vector form. */
gboolean ocl_gemm_vec_can (OclDevice * device, const OclProduct * product, guint unused);

/* As ocl_gemm (). */
gboolean ocl_gemm_vec (OclQueue * queue, const OclProduct * product, guint unused, GError ** error);

G_END_DECLS
