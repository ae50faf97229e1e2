/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix product behind linear layers and convolutions: rows are output pixels, gathered tap by tap. For the
 * operations of this folder; networks use linear.h and conv.h.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Computes the product, whose shapes have been checked. It reads its inputs as they are: product->norm is NULL. */
gboolean ocl_gemm (OclQueue * queue, const OclProduct * product, GError ** error);

/* Computes the product of one input once with each kernel that ocl_gemm () may take, for an output of any size, if
 * nothing was measured. */
gboolean ocl_gemm_warm_up (OclQueue * queue, const OclProduct * product, GError ** error);

G_END_DECLS
