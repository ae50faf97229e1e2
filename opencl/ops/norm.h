/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Group norm and layer norm. Statistics in fp32 by blocks, combined so that long clips lose no digits.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

typedef struct
{
  guint groups;
  gfloat eps;
  gboolean over_clip;           /* statistics over all frames together, else frame by frame */
  gboolean silu;                /* SiLU after the affine part */
} OclGroupNorm;

/* output [F, H, W, C] = group norm of input and, when not NULL, @input2 appended on channels; @weight and @bias are
 * fp32 [C]. */
gboolean ocl_group_norm (OclQueue * queue, const OclGroupNorm * norm, const OclTensor * input,
    const OclTensor * input2, OclBuffer * weight, OclBuffer * bias, const OclTensor * output, GError ** error);

/* Every pixel's channels; @weight and @bias fp32 [C]. output may be input. */
gboolean ocl_layer_norm (OclQueue * queue, gfloat eps, const OclTensor * input, OclBuffer * weight, OclBuffer * bias,
    const OclTensor * output, GError ** error);

G_END_DECLS
