/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) for layers of many channels, whose weights are transformed on the way. For winograd.c.
 */
#pragma once

#include "opencl/ops/conv.h"

G_BEGIN_DECLS

/* Whether kernels/winograd_wide_vec.cl can do this convolution, already checked, on this device. */
gboolean ocl_winograd_wide_is_possible (OclDevice * device, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output);

/* Whether it is expected to be faster than the direct way. */
gboolean ocl_winograd_wide_suits (const OclTensor * output);

/* Bytes that it takes from the queue's arena meanwhile. */
gsize ocl_winograd_wide_scratch (OclDevice * device, const OclWeights * weights, const OclTensor * output);

gboolean ocl_winograd_wide (OclQueue * queue, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output,
    GError ** error);

G_END_DECLS
