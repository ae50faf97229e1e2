/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Group norm and layer norm. Statistics are computed in fp32 per block and combined so that long clips lose no digits.
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

/* The affine part of a norm: fp32 vectors [C]. */
typedef struct
{
  OclBuffer *weight, *bias;
} OclAffine;

/* output [F, H, W, C] = group norm of input and, when not NULL, @input2 appended on channels. */
gboolean ocl_group_norm (OclQueue * queue, const OclGroupNorm * norm, const OclAffine * affine,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output, GError ** error);

/* The same in two steps, for a tensor [F, H, W, C] that lies in @n strips of whole rows, one below the other: the
 * first step finds the factors from all strips, the second normalises any part by itself. Both together give the
 * numbers of ocl_group_norm (), bit for bit. @factors [F, or 1 if norm->over_clip, 1, 2, C] is fp32. */
gboolean ocl_group_norm_factors (OclQueue * queue, const OclGroupNorm * norm, const OclTensor * strips, guint n,
    OclBuffer * weight, const OclTensor * factors, GError ** error);

/* A group norm whose first step is done. */
typedef struct
{
  const OclGroupNorm *norm;
  OclTensor factors;
  OclBuffer *bias;
} OclInputNorm;

/* The second step. @input has as many frames as the factors, or any number if they are for one. */
gboolean ocl_group_norm_apply (OclQueue * queue, const OclInputNorm * norm, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output, GError ** error);

/* For operations that fuse the second step into their loads. The first returns TRUE if the norm fits these inputs; the
 * other adds the arguments INPUT_NORM_PARAMS of kernels/input_norm.clh, also for @norm NULL. */
gboolean ocl_input_norm_check (const char *operation, const OclInputNorm * norm, const OclTensor * input,
    const OclTensor * input2, GError ** error);
void ocl_call_input_norm (OclCall * call, const OclInputNorm * norm);

/* Bytes that the first step takes from the queue's arena while it runs, for a tensor shaped like @whole. */
gsize ocl_group_norm_scratch (OclQueue * queue, const OclTensor * whole);

/* Normalises the channels of each pixel. output may be input. */
gboolean ocl_layer_norm (OclQueue * queue, gfloat eps, const OclAffine * affine, const OclTensor * input,
    const OclTensor * output, GError ** error);

G_END_DECLS
