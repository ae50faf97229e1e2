/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The product behind a linear layer or convolution as one thing, so that the tuner can be asked which of several ways to
 * compute it is the fastest. For conv.c, linear.c and gemm.c.
 */
#pragma once

#include "opencl/ops/conv.h"

G_BEGIN_DECLS

/* As the arguments of ocl_conv_normed (); input2, epilogue and norm may be NULL. */
typedef struct
{
  const OclConv *conv;
  const OclWeights *weights;
  const OclTensor *input, *input2;
  const OclEpilogue *epilogue;
  const OclTensor *output;
  const OclInputNorm *norm;
} OclProduct;

/* How many operations it takes directly, 2 a multiply-add. */
gdouble ocl_product_work (const OclProduct * product);

/* How many tiles of @columns packed columns, or @rows pixels, cover it. */
gsize ocl_product_tiles_across (const OclProduct * product, gsize columns);
gsize ocl_product_tiles_down (const OclProduct * product, gsize rows);

/* Computes @product in way number @way, user_data being what ocl_product_choose () was given. */
typedef gboolean (*OclProductFunc) (OclQueue * queue, const OclProduct * product, guint way, gpointer user_data,
    GError ** error);

/* *@way = the one of @n_ways to take (tuning.h, where @operation and the names of @ways are explained), or as it was where
 * nothing was measured. Where it is measured, @run computes into memory that nobody reads. */
gboolean ocl_product_choose (OclQueue * queue, const char *operation, const OclProduct * product,
    const char *const *ways, guint n_ways, OclProductFunc run, gpointer user_data, guint * way, GError ** error);

G_END_DECLS
