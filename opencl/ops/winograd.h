/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolutions by Winograd's F(4 x 4, 3 x 3), a quarter of the multiplications, and temporal ones by F(4, 3),
 * half of them; both about one digit less exact. For conv.c, weights.c and warm_up.c.
 * VLDM_CONV = auto | direct | winograd chooses; auto takes it where it was measured to be faster (tuning.h), or else is
 * expected to be.
 */
#pragma once

#include "opencl/ops/conv.h"

G_BEGIN_DECLS

/* Sets weights->suits_winograd, and for layers that are narrow enough transforms @weight [out, in, 3, 3] or [out, in, 3]
 * into weights->winograd. */
gboolean ocl_winograd_prepare (OclDevice * device, OclWeights * weights, const gfloat * weight, GError ** error);

/* Whether this convolution, already checked, may run as ocl_winograd () or the direct way, whichever is faster. */
gboolean ocl_winograd_is_optional (const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output);

/* Whether it should, as long as nobody has measured it. */
gboolean ocl_winograd_suits (OclDevice * device, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output);

/* Bytes that it takes from the queue's arena meanwhile; 0 where this convolution cannot go this way. */
gsize ocl_winograd_scratch (OclDevice * device, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * output);

/* output = convolution as in ocl_conv_normed (), shapes already checked; only where ocl_winograd_is_optional () or
 * ocl_winograd_suits (). @norm may be NULL. */
gboolean ocl_winograd (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output,
    GError ** error);

G_END_DECLS
