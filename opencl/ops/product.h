/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A linear layer or convolution with all its operands, as operations pass it to each other, and the table of
 * variants that can compute it.
 */
#pragma once

#include "opencl/ops/epilogue.h"
#include "opencl/ops/gather.h"
#include "opencl/ops/norm.h"
#include "opencl/runtime/environment.h"

G_BEGIN_DECLS

/* output [F, OH, OW, out] = convolution of @input [F, H, W, C1] and, when not NULL, @input2 [F, H, W, C2] appended on
 * channels (C1 + C2 = in_channels of the weights' layer), then the epilogue. Cross-correlation as in PyTorch. Kernels
 * with kernel_t > 1 look (kernel_t - 1) / 2 frames back and ahead, zeros outside the tensor's frames. Fields that are
 * not set are absent: {0} is the geometry of a linear layer. */
typedef struct
{
  const OclWeights *weights;
  const OclTensor *input, *input2;
  const OclTensor *output;
  OclConv conv;
  const OclInputNorm *norm;     /* applied to the inputs, with factors for the channels of both; NULL = none */
  const OclEpilogue *epilogue;  /* NULL = bias only */
} OclProduct;

/* Operations of the direct product, 2 per multiply-add. */
gdouble ocl_product_work (const OclProduct * product);

/* The number of tiles of @columns packed columns, or of @rows pixels, that cover it. */
gsize ocl_product_tiles_across (const OclProduct * product, gsize columns);
gsize ocl_product_tiles_down (const OclProduct * product, gsize rows);

/* Adds the arguments GATHER_PARAMS and EPILOGUE_PARAMS of the product. */
void ocl_call_product (OclCall * call, const OclProduct * product);

/* One variant. @number tells variants apart that share functions, such as tiles of several sizes. */
typedef struct
{
  const char *name;             /* in the environment and in the tuner's files */
  guint number;
  /* TRUE if it can compute the product; NULL = always. */
  gboolean (*can) (OclDevice * device, const OclProduct * product, guint number);
  /* TRUE if it is expected to be faster than the variants before it; NULL = always. */
  gboolean (*suits) (OclDevice * device, const OclProduct * product, guint number);
  gboolean (*run) (OclQueue * queue, const OclProduct * product, guint number, GError ** error);
} OclVariant;

/* The variants of an operation, the portable one of each form first. The choice is the variant
 * that the environment forces, if it can compute the product; else the one that was measured to be the fastest
 * (tuning.h); else the last one that can and suits. */
typedef struct
{
  const char *operation;        /* in the tuner's files */
  OclEnvironment forced;        /* the variable that names a variant, or "auto" */
  const OclVariant *variants;
  guint n_variants;
} OclVariants;

/* The variant that is taken if nothing was measured. */
const OclVariant *ocl_product_expect (OclDevice * device, const OclVariants * variants, const OclProduct * product);

/* Computes the product, whose shapes have been checked, with the chosen variant. */
gboolean ocl_product_run (OclQueue * queue, const OclVariants * variants, const OclProduct * product, GError ** error);

G_END_DECLS
