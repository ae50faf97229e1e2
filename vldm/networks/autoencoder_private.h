/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What autoencoders are made of: between autoencoder_load.c, which builds them, and autoencoder.c, which runs them.
 */
#pragma once

#include "vldm/networks/autoencoder.h"
#include "vldm/networks/resnets.h"

G_BEGIN_DECLS

/* Of all norms but those of temporal blocks. */
#define VLDM_AUTOENCODER_EPS 1e-6f

/* Single-head attention within frames, with bias everywhere. */
typedef struct
{
  VldmNorm group_norm;
  OclWeights *to_qkv;           /* query, key and value side by side; NULL = no attention */
  OclWeights *to_out;
} VldmMidAttention;

typedef struct
{
  guint n_resnets;
  VldmResnet *resnets;
  OclWeights *sampler;          /* convolution to the next level; NULL = none */
} VldmAutoencoderBlock;

/* Encoder or decoder: both are the same row of layers but for the place of the mid block. */
typedef struct
{
  OclWeights *conv_in, *conv_out;
  VldmNorm conv_norm_out;
  VldmAutoencoderBlock mid_block;
  VldmMidAttention attention;   /* between the mid block's resnets */
  VldmAutoencoderBlock blocks[VLDM_MAX_LEVELS];     /* down_blocks or up_blocks */
} VldmAutoencoderHalf;

struct _VldmAutoencoder
{
  VldmAutoencoderConfig *config;
  OclDevice *device;
  char *folder;
  OclType type;
  VldmAutoencoderPart part;
  VldmAutoencoderHalf half;     /* the part's layers */
  OclWeights *quant_conv;       /* behind the encoder's, or post_quant_conv before the decoder's; NULL = none */
  OclWeights *time_conv_out;    /* temporal decoders only */
  GMutex lock;                  /* whoever loads wide */
  VldmAutoencoder *wide;        /* atomic: the same in fp32; NULL = not wanted so far */
  OclBuffer *shift;             /* added to latents once they are scaled, fp32 for each channel; NULL = 0 */
};

G_END_DECLS
