/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions over space and time as implicit GEMM: no im2col buffer, no copy of concatenated or upsampled inputs.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* Computes the convolution (product.h). */
gboolean ocl_conv (OclQueue * queue, const OclProduct * conv, GError ** error);

/* TRUE if ocl_conv () fuses a norm of the inputs into its loads, unless a measurement chooses otherwise; else it
 * writes the normalised inputs to the arena. Tensors need no memory yet. */
gboolean ocl_conv_fuses_norm (OclQueue * queue, const OclProduct * conv);

/* Bytes that ocl_conv () may take from the queue's arena during a convolution without a norm. Tensors need no memory
 * yet. */
gsize ocl_conv_scratch (OclQueue * queue, const OclProduct * conv);

G_END_DECLS
