/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tensors that layers hand on: clips of several prompts in one tensor, memory that is used again, and the shapes of
 * 3 x 3 convolutions.
 */
#pragma once

#include "opencl/ops/conv.h"

G_BEGIN_DECLS

/* A network that runs for several prompts at once works on one clip per prompt, one behind the other. Before the first layer
 * that reads the prompt all clips are equal; until then a tensor holds a single clip in a buffer sized for all: its frame
 * count tells which. */
typedef struct
{
  guint n;
  gsize frames;                 /* of one */
} VldmClips;

/* Clip @i of @tensor, which may hold a single clip for all; no copy. */
OclTensor vldm_tensor_clip (const OclTensor * tensor, const VldmClips * clips, guint i);

/* If the packed @tensor holds a single clip for all, copies it, so that each prompt has its own. */
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
