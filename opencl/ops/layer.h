/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The shape of a linear layer or convolution and the storage type of its weights. Their packing follows from both.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

typedef struct
{
  OclType type;                 /* OCL_BF16: two channels of a column side by side */
  gsize in_channels, out_channels;      /* out_channels before GEGLU halves them */
  guint kernel_t, kernel_h, kernel_w;   /* 1, 1, 1 for linear layers */
  gboolean geglu;               /* the first half of the outputs is a value, the second its gate */
} OclLayer;

gsize ocl_layer_taps (const OclLayer * layer);

/* Channels that come out of the layer: half of out_channels with GEGLU. */
gsize ocl_layer_outputs (const OclLayer * layer);

/* Columns of a panel of its packed weights (weights.h), WIDE_PANEL or NARROW_PANEL of kernels/shared.clh, and how
 * many panels there are. */
guint ocl_layer_panel (const OclLayer * layer);
guint ocl_layer_n_panels (const OclLayer * layer);

/* "1x3x3 320>320 f32", the layer's part of a shape in tuning.h; g_free it. */
char *ocl_layer_describe (const OclLayer * layer);

G_END_DECLS
