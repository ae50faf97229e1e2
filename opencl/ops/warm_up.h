/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Builds kernels before they are needed, while the host loads weights.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* Runs the operations whose kernels take longest to compile on a few numbers each, for weights of @type: matrix
 * products, convolutions, norms and attention with each of the @n @head_dims. The driver keeps the kernels that
 * it compiles, for the process or on disk; nothing else remains. */
gboolean ocl_warm_up (OclQueue * queue, OclType type, const guint * head_dims, guint n, GError ** error);

G_END_DECLS
