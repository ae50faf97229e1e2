/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transformers of UNets: attention within frames and to the prompt, then, in video UNets, attention across frames, mixed.
 * Source: diffusers' Transformer2DModel, TransformerSpatioTemporalModel, BasicTransformerBlock and
 * TemporalBasicTransformerBlock; Align your Latents, section 3.1.
 */
#pragma once

#include "opencl/ops/attention.h"
#include "opencl/ops/linear.h"
#include "vldm/networks/clips.h"
#include "vldm/networks/layers.h"

G_BEGIN_DECLS

#define VLDM_TRANSFORMER_NORM_GROUPS 32

typedef struct
{
  VldmNorm norm;
  OclWeights *to_qkv, *to_out;  /* query, key and value side by side */
} VldmSelfAttention;

typedef struct
{
  VldmNorm norm;
  OclWeights *to_q, *to_kv, *to_out;    /* key and value side by side */
} VldmCrossAttention;

typedef struct
{
  VldmNorm norm;
  OclWeights *proj, *out;
} VldmFeedForward;

typedef struct
{
  VldmFeedForward ff_in;        /* temporal blocks only */
  VldmSelfAttention attn1;      /* empty where it attends to the prompt */
  VldmCrossAttention cross_attn1;       /* then attn1 is this one */
  VldmCrossAttention attn2;
  VldmFeedForward ff;
} VldmTransformerBlock;

typedef struct
{
  gsize channels;
  guint heads;
  gsize context_channels;       /* of the prompt's vectors */
  guint n_layers;
  gboolean only_cross_attention;        /* attn1 within frames attends to the prompt, too */
  gboolean temporal;            /* has layers across frames */
} VldmTransformerConfig;

typedef struct
{
  VldmTransformerConfig config;
  VldmNorm norm;
  OclWeights *proj_in, *proj_out;
  VldmTransformerBlock *transformer_blocks;     /* [n_layers] */
  VldmTransformerBlock *temporal_transformer_blocks;    /* [n_layers]; NULL = none, nor the three below */
  OclWeights *time_pos_embed_1, *time_pos_embed_2;
  VldmMix mix;
} VldmTransformer;

/* @prefix is the transformer's, such as "down_blocks.0.attentions.1". */
gboolean vldm_transformer_load (VldmTransformer * transformer, VldmWeights * weights, const char *prefix,
    const VldmTransformerConfig * config, GError ** error);
void vldm_transformer_clear (VldmTransformer * transformer);

/* What one attention needs of a prompt, the same for all steps and frames: keys and values [1, 1, tokens, 2 C] side by
 * side, or, for attn2 of a prompt with one token, the attention's whole result [1, 1, 1, C], since a softmax over one
 * token is 1. Empty where there is no such attention. */
typedef struct
{
  OclTensor tensor;
  gboolean is_result;
} VldmPrompt;

/* Attentions of one layer to the prompt, in order of its prompts. */
typedef enum
{
  VLDM_PROMPT_ATTN1,            /* within frames, where only_cross_attention */
  VLDM_PROMPT_ATTN2,            /* within frames */
  VLDM_PROMPT_TEMPORAL_ATTN2,
  VLDM_PROMPTS_PER_LAYER,
} VldmPromptPlace;

/* Fills in @prompts [VLDM_PROMPTS_PER_LAYER * n_layers], zeroed before, in buffers of their own. @texts are [1, 1, tokens,
 * context_channels]. On failure vldm_prompt_clear frees what there is. */
gboolean vldm_transformer_prepare (const VldmTransformer * transformer, OclQueue * queue, OclType type,
    const OclTensor * spatial_text, const OclTensor * temporal_text, VldmPrompt * prompts, GError ** error);
void vldm_prompt_clear (VldmPrompt * prompt);

/* Positions of @frames frames as the temporal blocks add them: @positions becomes [frames, 1, 1, channels], fp32, in a buffer
 * of its own. */
gboolean vldm_transformer_positions (const VldmTransformer * transformer, OclQueue * queue, guint frames,
    OclTensor * positions, GError ** error);

/* @x [T, h, w, channels] in place: one clip for all @clips or one for each, afterwards one for each. Each has prompts of its
 * own, @prompts [clips->n], with the same number of tokens. @positions, of as many frames as a clip has or more, is not read
 * where there are no layers across frames. */
gboolean vldm_transformer_run (const VldmTransformer * transformer, OclQueue * queue, const VldmClips * clips,
    const VldmPrompt * const *prompts, const OclTensor * positions, OclTensor * x, GError ** error);

G_END_DECLS
