/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the UNet is made of: between unet_load.c, which builds it, unet_context.c, which prepares it for a prompt, and unet.c,
 * which runs it.
 */
#pragma once

#include "vldm/networks/resnets.h"
#include "vldm/networks/transformers.h"
#include "vldm/networks/unet.h"

G_BEGIN_DECLS

#define VLDM_UNET_NORM_GROUPS 32

typedef struct
{
  guint n_resnets, n_attentions;
  VldmResnet *resnets;
  VldmTransformer *attentions;  /* attentions[i] follows resnets[i] */
  guint first_transformer;      /* index of attentions[0] among all of the network */
  OclWeights *sampler;          /* convolution to the next level; NULL = none */
} VldmUnetBlock;

struct _VldmUnet
{
  VldmUnetConfig *config;
  OclType type;
  OclWeights *conv_in, *conv_out;
  VldmNorm conv_norm_out;
  OclWeights *time_embedding[2];        /* linear_1, linear_2 */
  OclWeights *add_embedding[2]; /* of time ids; NULL = none */
  OclBuffer *class_embedding;   /* fp32 [num_class_embeds, 4 C]; NULL = none */
  OclWeights *time_emb_proj;    /* of all resnets, stacked */
  VldmUnetBlock down_blocks[VLDM_MAX_LEVELS], mid_block,
      up_blocks[VLDM_MAX_LEVELS];
  guint n_transformers;
};

struct _VldmUnetContext
{
  GArray *prompts;              /* VldmPrompt of every layer of every transformer, in order of blocks */
  guint frames;                 /* of a window at most */
  guint n_transformers;
  guint *first_prompt;          /* [n_transformers] */
  OclTensor *positions;         /* [n_transformers] of [frames, 1, 1, channels]; empty without layers across frames */
};

/* All blocks in the order in which they run; NULL after the last. */
const VldmUnetBlock *vldm_unet_block (const VldmUnet * unet, guint i);

G_END_DECLS
