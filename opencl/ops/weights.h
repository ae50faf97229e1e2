/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Weights of a linear layer or convolution, packed once at load into the layout that the matrix kernels read:
 * column panels [ceil (N / NR)][K][NR], K = taps x input channels, zero-padded, with the bias beside them.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

typedef struct
{
  OclBuffer *panels;
  OclBuffer *bias;              /* fp32 [n_panels * panel] in the panels' order, zeros without a bias */
  gsize zeros;                  /* bytes from the start of panels to a row of in_channels fp32 zeros */
  OclBuffer *winograd;          /* transformed kernels (winograd.h), or NULL */
  gboolean suits_winograd;      /* that way is possible, from `winograd` or else from the panels */
  OclType type;                 /* storage of the panels; OCL_BF16: two channels of a column side by side */
  gsize in_channels, out_channels;      /* out_channels before GEGLU halves them */
  guint kernel_t, kernel_h, kernel_w;   /* 1, 1, 1 for linear layers */
  guint panel, n_panels;        /* NR: columns a panel, 32 or 16; and how many panels */
  gboolean geglu;               /* panels hold 16 value and their 16 gate columns; out_channels / 2 come out */
} OclWeights;

/* @weight is PyTorch's layout, fp32: [out, in] or [out, in, kt, kh, kw] (kt, kh, kw = 1 for linear). @bias [out] or
 * NULL. @geglu: the output's first half is the value, the second the gate of a GEGLU; the layer then gives
 * value * gelu (gate). Layers that do not suit bf16 (fewer than 17 outputs, or inputs that are no multiple of
 * BF16_CHANNELS of kernels/shared.clh) are fp32 where @type is OCL_BF16, which needs ocl_multiplies_bf16 (). */
OclWeights *ocl_weights_new (OclDevice * device, OclType type, const gfloat * weight, const gfloat * bias,
    gsize out_channels, gsize in_channels, guint kernel_t, guint kernel_h, guint kernel_w, gboolean geglu,
    GError ** error);

/* "1x3x3 320>320 f32", the layer's part of a shape in tuning.h; g_free it. */
char *ocl_weights_describe (const OclWeights * weights);

void ocl_weights_free (OclWeights * weights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclWeights, ocl_weights_free);

G_END_DECLS
