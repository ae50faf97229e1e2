/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One case of a linear layer or convolution with its epilogue: operands, plain C reference and comparison, for
 * check_linear.c and check_conv.c.
 */
#pragma once

#include "tests/kernels/check.h"

G_BEGIN_DECLS

typedef struct
{
  gsize frames, height, width;  /* of the input */
  gsize channels, channels2, out;       /* channels2 0 = one input; out before GEGLU halves it */
  guint kernel_t, kernel_h, kernel_w;   /* 0, 0, 0 = a linear layer */
  OclConv conv;
  gsize out_height, out_width;  /* 0 = the (upsampled) input's */
  gsize gap;                    /* elements between the pixels of all tensors */
  guint norm;                   /* of the inputs: 0 = none, 1 = one for all frames, 2 = one a frame and SiLU */
  gboolean geglu, no_bias;
  OclActivation activation;
  guint frame_bias;             /* 0 = none, 1 = one for all frames, 2 = one a frame */
  gfloat scale, residual_scale; /* as in OclEpilogue */
  gfloat residual, merge;       /* 0 = none; residual 1 = its own tensor, 2 = the output itself; merge = its scale */
  gboolean mixed;               /* once more with fp16 weights and the output in the other type */
  gboolean bf16;                /* once more with bf16 weights, where the device multiplies bf16 */
} Product;

/* Runs the case in the round's form and type. @tolerance as for check_compare (). */
void product_check (Check * check, const Product * product, gdouble tolerance);

G_END_DECLS
