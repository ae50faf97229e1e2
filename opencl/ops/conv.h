/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions over space and time as implicit GEMM: no im2col buffer, no copy of concatenated or upsampled inputs.
 */
#pragma once

#include "opencl/ops/linear.h"
#include "opencl/ops/norm.h"

G_BEGIN_DECLS

typedef struct
{
  guint stride;                 /* in space; 0 counts as 1 */
  gint pad_top, pad_left;       /* zeros before the first row and column, or -n: the first n are passed over; those after
                                 * follow from the output's size */
  gsize upsampled_height, upsampled_width;      /* nearest-upsample first (src = dst * in / out), below 2^15; 0 = no */
} OclConv;

/* output [F, OH, OW, out] = convolution of input [F, H, W, C1] and, when not NULL, @input2 [F, H, W, C2] appended on
 * channels (C1 + C2 = weights' in_channels), then the epilogue. Cross-correlation as in PyTorch. Kernels with
 * kernel_t > 1 look (kernel_t - 1) / 2 frames back and ahead, zeros outside the tensor's frames.
 * 3 x 3 "same" is { 1, 1, 1 }; diffusers' autoencoder downsampler (pad right and bottom) is { 2, 0, 0 }. */
gboolean ocl_conv (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output, GError ** error);

/* The same of the normed inputs: @norm's factors are of all their channels together. */
gboolean ocl_conv_normed (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output,
    GError ** error);

/* Whether it norms what it reads on the way, as long as nobody has measured another way to be faster; else it makes normed
 * tensors in the arena. Tensors need no memory yet. */
gboolean ocl_conv_norms (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output);

/* Bytes that ocl_conv () may take from the queue's arena meanwhile. Tensors need no memory yet. */
gsize ocl_conv_scratch (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * output);

G_END_DECLS
