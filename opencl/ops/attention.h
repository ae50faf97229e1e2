/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Multi-head attention without a score matrix in memory. Softmax in fp32, scale head_dim^-0.5.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

typedef struct
{
  guint heads;
  gboolean causal;              /* pixel i sees pixels 0 .. i only */
  gboolean bf16;                /* products of fp32 tensors are computed in bf16, which needs ocl_multiplies_bf16 ();
                                 * not for heads of fewer than 16 channels or not of a multiple of 8 */
} OclAttention;

/* Within frames: the height * width pixels of query frame f attend to the pixels of key frame f, or of frame 0 where
 * key and value have one frame (a prompt that all frames share). query, output [F, H, W, heads * head_dim]; key, value
 * [F or 1, H', W', heads * head_dim]. Strided tensors are fine, so one fused projection can hold query, key and value.
 * Any head_dim from 1 to 512. */
gboolean ocl_attention (OclQueue * queue, const OclAttention * attention, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, const OclTensor * output, GError ** error);

/* Across frames: pixel p of frame t attends to pixel p of all frames. All tensors [F, H, W, heads * head_dim]. */
gboolean ocl_temporal_attention (OclQueue * queue, guint heads, const OclTensor * query, const OclTensor * key,
    const OclTensor * value, const OclTensor * output, GError ** error);

G_END_DECLS
