/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights of a linear layer or convolution, packed once at load into the layout that the matrix kernels read: column
 * panels [ceil (N / NR)][K][NR], K = taps x input channels, zero-padded, with the bias beside them. NR is the panel's
 * width, wide or narrow.
 */
#pragma once

#include "opencl/ops/layer.h"

G_BEGIN_DECLS

typedef struct
{
  OclLayer layer;
  OclBuffer *panels;
  OclBuffer *bias;              /* fp32 [n_panels * panel] in the panels' order, zeros without a bias */
  gsize zeros;                  /* bytes from the start of panels to a row of in_channels fp32 zeros */
  OclBuffer *winograd;          /* transformed filters (winograd_weights.h), or NULL */
  guint panel, n_panels;        /* columns of a panel; with GEGLU 16 values and their 16 gates */
} OclWeights;

/* @weight is PyTorch's layout, fp32: [out, in] or [out, in, kt, kh, kw] (kt, kh, kw = 1 for linear). @bias [out] or
 * NULL. A layer that does not suit bf16 (fewer than 17 outputs, or inputs that are not a multiple of BF16_CHANNELS of
 * kernels/shared.clh) is stored as fp32 where @layer asks for OCL_BF16, which needs ocl_multiplies_bf16 (). */
OclWeights *ocl_weights_new (OclDevice * device, const OclLayer * layer, const gfloat * weight, const gfloat * bias,
    GError ** error);

void ocl_weights_free (OclWeights * weights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclWeights, ocl_weights_free);

G_END_DECLS
