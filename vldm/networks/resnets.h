/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Residual convolution blocks of UNets and autoencoders, within frames and, where a network has them, across frames.
 * Source: diffusers' ResnetBlock2D, TemporalResnetBlock and SpatioTemporalResBlock; Align your Latents, section 3.1.
 */
#pragma once

#include "opencl/ops/conv.h"
#include "opencl/ops/norm.h"
#include "vldm/networks/clips.h"
#include "vldm/networks/layers.h"

G_BEGIN_DECLS

typedef struct
{
  gsize in_channels, out_channels;
  guint groups;                 /* of all its norms */
  gfloat eps;                   /* norms of the spatial block */
  gfloat temporal_eps;          /* norms of the temporal block; 0 = there is none */
  gboolean mix_is_temporal;     /* mix_factor counts the temporal part, as in autoencoders, else the spatial one */
} VldmResnetConfig;

/* norm1, conv1, norm2, conv2: within frames 3 x 3 convolutions, across frames 3 x 1 x 1. */
typedef struct
{
  OclGroupNorm norm;            /* what both norms have in common */
  VldmNorm norm1, norm2;
  OclConv conv;                 /* the same for both convolutions */
  OclWeights *conv1, *conv2;
  gsize time_bias;              /* first channel of its time_emb_proj in the network's stack of them */
} VldmResidualPath;

typedef struct
{
  gsize in_channels, out_channels;
  gboolean has_temporal;
  VldmResidualPath spatial, temporal;
  OclWeights *conv_shortcut;    /* NULL where in_channels = out_channels */
  gfloat temporal_part;         /* of the temporal block in the mix */
} VldmResnet;

/* @prefix is the block's, such as "down_blocks.0.resnets.1". Its time_emb_proj layers are added to @time; NULL = it has
 * none, as in autoencoders. */
gboolean vldm_resnet_load (VldmResnet * resnet, VldmWeights * weights, const char *prefix,
    const VldmResnetConfig * config, VldmStack * time, GError ** error);
void vldm_resnet_clear (VldmResnet * resnet);

typedef struct
{
  const OclTensor *tensor;      /* [T, h, w, C1] */
  const OclTensor *skip;        /* [T, h, w, C2] appended on channels; NULL = none */
  const OclTensor *time_bias;   /* [1, 1, 1, n], the network's stack of time projections; NULL = none */
} VldmResnetInput;

/* @input, C1 + C2 = in_channels -> @output [T, h, w, out_channels], another tensor. The frames are clips of @clip_frames each,
 * one behind the other. */
gboolean vldm_resnet_run (const VldmResnet * resnet, OclQueue * queue, gsize clip_frames, const VldmResnetInput * input,
    const OclTensor * output, GError ** error);

G_END_DECLS
