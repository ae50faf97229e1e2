/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear layers: matrix products with fused epilogue.
 */
#pragma once

#include "opencl/ops/epilogue.h"

G_BEGIN_DECLS

/* output [.., out] = input [.., in] x weights^T, then the epilogue (NULL = bias only). Any number of pixels but 0.
 * With weights->layer.geglu, output has out_channels / 2 channels, and the epilogue has neither activation nor frame
 * bias. Input and output strides are free. */
gboolean ocl_linear (OclQueue * queue, const OclWeights * weights, const OclTensor * input,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error);

G_END_DECLS
