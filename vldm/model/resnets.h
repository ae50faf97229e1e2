/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Residual convolution blocks of UNets and autoencoders, within frames and, where a network has them, across frames.
 * Source: diffusers' ResnetBlock2D, TemporalResnetBlock and SpatioTemporalResBlock; Align your Latents, section 3.1.
 */
#pragma once

#include "opencl/ops/conv.h"
#include "opencl/ops/norm.h"
#include "vldm/model/weights.h"

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

/* @input [T, h, w, C1] and, when not NULL, @skip [T, h, w, C2] appended on channels -> @output [T, h, w, out_channels],
 * another tensor. @time_bias [1, 1, 1, n] is the network's stack of time projections; NULL = none. The frames
 * are clips of @clip_frames each, one behind the other. */
gboolean vldm_resnet_run (const VldmResnet * resnet, OclQueue * queue, gsize clip_frames, const OclTensor * input,
    const OclTensor * skip, const OclTensor * time_bias, const OclTensor * output, GError ** error);

/* What a network works on for several prompts: a clip for each, one behind the other. Before the first layer that reads the
 * prompt all clips are equal; until then a tensor holds one, in memory for all, and its frames tell. */
typedef struct
{
  guint n;
  gsize frames;                 /* of one */
} VldmClips;

/* Clip @i of @tensor, which may hold one for all; no copy. */
OclTensor vldm_tensor_clip (const OclTensor * tensor, const VldmClips * clips, guint i);

/* Where @tensor, packed, holds one clip for all, copies it, so that each has its own. */
gboolean vldm_tensor_repeat (OclQueue * queue, OclTensor * tensor, const VldmClips * clips, GError ** error);

/* The 3 x 3 convolution that keeps the size, and the one that halves it, rounding up. */
extern const OclConv vldm_conv_same, vldm_conv_halve;

/* The 3 x 3 convolution of @input after nearest upsampling to @output's size. */
OclConv vldm_conv_upsample (const OclTensor * output);

/* The first numbers of @memory as a packed tensor of the same frames, height and width, but @channels. */
OclTensor vldm_tensor_reuse (const OclTensor * memory, gsize channels);

/* Two tensors' worth of memory that a row of layers writes in turn, each layer reading what the one before wrote. */
typedef struct
{
  OclTensor slabs[2];
  guint turn;
} VldmPingPong;

/* Each slab holds @n numbers. */
gboolean vldm_ping_pong_alloc (VldmPingPong * ping_pong, OclQueue * queue, OclType type, gsize n, GError ** error);

/* The next output, in the slab that the last one was not in. */
OclTensor vldm_ping_pong_next (VldmPingPong * ping_pong, gsize frames, gsize height, gsize width, gsize channels);

G_END_DECLS
