/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix products with fused epilogue: linear layers, and convolutions as implicit GEMM (conv.h).
 */
#pragma once

#include "opencl/kernels/shared.clh"
#include "opencl/ops/weights.h"

G_BEGIN_DECLS

typedef enum
{
  OCL_ACTIVATION_NONE = ACTIVATION_NONE,
  OCL_ACTIVATION_SILU = ACTIVATION_SILU,        /* x * sigmoid (x) */
  OCL_ACTIVATION_GELU = ACTIVATION_GELU,        /* exact, by erf */
  OCL_ACTIVATION_QUICK_GELU = ACTIVATION_QUICK_GELU,    /* x * sigmoid (1.702 x) */
} OclActivation;

/* out = scale * activation (product + bias + frame_bias) + residual_scale * residual + merge_scale * merge
 * `scale` 0 counts as 1, so that {0} is "nothing but the bias". The alpha merge of spatial and temporal layers is
 * scale = 1 - alpha with the spatial result as residual or merge. out may be the residual or merge itself. */
typedef struct
{
  OclActivation activation;
  const OclTensor *frame_bias;  /* fp32 or the input's type, [frames or 1, 1, 1, out]: added to all pixels of a frame */
  gfloat scale;
  const OclTensor *residual;    /* shaped like out */
  gfloat residual_scale;        /* 0 counts as 1 */
  const OclTensor *merge;       /* shaped like out */
  gfloat merge_scale;
} OclEpilogue;

/* output [.., out] = input [.., in] x weights^T, then the epilogue (NULL = bias only). Any number of pixels but 0. With
 * weights->geglu, output has out_channels / 2 channels, and the epilogue has neither activation nor frame bias. Input
 * and output strides are free. */
gboolean ocl_linear (OclQueue * queue, const OclWeights * weights, const OclTensor * input,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error);

G_END_DECLS
