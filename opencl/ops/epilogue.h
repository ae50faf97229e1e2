/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The epilogue of a product: bias, activation and sums with other tensors, before the result is stored
 * (kernels/epilogue.clh).
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
 * `scale` 0 counts as 1, so that {0} means "the bias only". The alpha merge of spatial and temporal layers is
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

/* TRUE if @epilogue (NULL = none) fits @output and @weights; @operation names the caller in errors. */
gboolean ocl_epilogue_check (const char *operation, const OclWeights * weights, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error);

/* Adds the arguments EPILOGUE_PARAMS of kernels/epilogue.clh. */
void ocl_call_epilogue (OclCall * call, const OclWeights * weights, const OclEpilogue * epilogue,
    const OclTensor * output);

G_END_DECLS
