/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A transformer's layers, found by diffusers' names.
 */
#include "vldm/networks/transformers.h"

/* ocl_attention's limit. */
#define MAX_HEAD_DIM 512

static gboolean
load_self_attention (VldmSelfAttention * attention, VldmWeights * weights,
    const char *prefix, gsize channels, GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".attn1", NULL);
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, path, "to_q", channels);
  vldm_stack_add (stack, path, "to_k", channels);
  vldm_stack_add (stack, path, "to_v", channels);
  return vldm_weights_norm (weights, prefix, "norm1", channels,
      &attention->norm, error)
      && vldm_weights_stack (weights, stack, channels, VLDM_LINEAR_PLAIN,
      &attention->to_qkv, error)
      && vldm_weights_linear (weights, path, "to_out.0", channels, channels,
      VLDM_LINEAR_BIAS, &attention->to_out, error);
}

static gboolean
load_cross_attention (VldmCrossAttention * attention, VldmWeights * weights,
    const char *prefix, const char *name, const char *norm, gsize channels,
    gsize context, GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".", name, NULL);
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, path, "to_k", channels);
  vldm_stack_add (stack, path, "to_v", channels);
  return vldm_weights_norm (weights, prefix, norm, channels,
      &attention->norm, error)
      && vldm_weights_linear (weights, path, "to_q", channels, channels,
      VLDM_LINEAR_PLAIN, &attention->to_q, error)
      && vldm_weights_stack (weights, stack, context, VLDM_LINEAR_PLAIN,
      &attention->to_kv, error)
      && vldm_weights_linear (weights, path, "to_out.0", channels, channels,
      VLDM_LINEAR_BIAS, &attention->to_out, error);
}

static gboolean
load_feed_forward (VldmFeedForward * ff, VldmWeights * weights,
    const char *prefix, const char *name, const char *norm, gsize channels,
    GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".", name, NULL);

  return vldm_weights_norm (weights, prefix, norm, channels, &ff->norm, error)
      && vldm_weights_linear (weights, path, "net.0.proj", 8 * channels,
      channels, VLDM_LINEAR_BIAS | VLDM_LINEAR_GEGLU, &ff->proj, error)
      && vldm_weights_linear (weights, path, "net.2", channels, 4 * channels,
      VLDM_LINEAR_BIAS, &ff->out, error);
}

static gboolean
load_attn1 (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  if (config->only_cross_attention)
    return load_cross_attention (&block->cross_attn1, weights, prefix, "attn1",
        "norm1", config->channels, config->context_channels, error);
  return load_self_attention (&block->attn1, weights, prefix, config->channels,
      error);
}

static gboolean
load_block (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  return load_attn1 (block, weights, prefix, config, error)
      && load_cross_attention (&block->attn2, weights, prefix, "attn2", "norm2",
      config->channels, config->context_channels, error)
      && load_feed_forward (&block->ff, weights, prefix, "ff", "norm3",
      config->channels, error);
}

/* Across frames, attn1 always is a self-attention. */
static gboolean
load_temporal_block (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  VldmTransformerConfig temporal = *config;

  temporal.only_cross_attention = FALSE;
  return load_feed_forward (&block->ff_in, weights, prefix, "ff_in",
      "norm_in", config->channels, error)
      && load_block (block, weights, prefix, &temporal, error);
}

static gboolean
load_layer (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, guint layer, GError ** error)
{
  const VldmTransformerConfig *config = &transformer->config;
  g_autofree char *spatial =
      g_strdup_printf ("%s.transformer_blocks.%u", prefix, layer);
  g_autofree char *temporal =
      g_strdup_printf ("%s.temporal_transformer_blocks.%u", prefix, layer);

  return load_block (&transformer->transformer_blocks[layer], weights, spatial,
      config, error)
      && (!config->temporal
      || load_temporal_block (&transformer->temporal_transformer_blocks[layer],
          weights, temporal, config, error));
}

static gboolean
load_time (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, GError ** error)
{
  gsize channels = transformer->config.channels;
  g_autofree char *positions = g_strconcat (prefix, ".time_pos_embed", NULL);

  return vldm_weights_linear (weights, positions, "linear_1", 4 * channels,
      channels, VLDM_LINEAR_BIAS, &transformer->time_pos_embed_1, error)
      && vldm_weights_linear (weights, positions, "linear_2", channels,
      4 * channels, VLDM_LINEAR_BIAS, &transformer->time_pos_embed_2, error)
      && vldm_weights_mix (weights, prefix, &transformer->mix, error);
}

static gboolean
check_config (const char *prefix, const VldmTransformerConfig * config,
    GError ** error)
{
  gsize channels = config->channels;
  guint heads = config->heads;

  if (channels % VLDM_TRANSFORMER_NORM_GROUPS == 0 && heads > 0
      && channels % heads == 0 && channels / heads <= MAX_HEAD_DIM)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
      "%s: %" G_GSIZE_FORMAT " channels and %u attention heads; channels must "
      "be a multiple of %u and of the heads, with at most %u a head", prefix,
      channels, heads, VLDM_TRANSFORMER_NORM_GROUPS, MAX_HEAD_DIM);
  return FALSE;
}

gboolean
vldm_transformer_load (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  gsize channels = config->channels;

  if (!check_config (prefix, config, error))
    return FALSE;
  transformer->config = *config;
  transformer->transformer_blocks =
      g_new0 (VldmTransformerBlock, config->n_layers);
  if (config->temporal)
    transformer->temporal_transformer_blocks =
        g_new0 (VldmTransformerBlock, config->n_layers);
  for (guint i = 0; i < config->n_layers; i++) {
    if (!load_layer (transformer, weights, prefix, i, error))
      return FALSE;
  }
  return vldm_weights_norm (weights, prefix, "norm", channels,
      &transformer->norm, error)
      && vldm_weights_linear (weights, prefix, "proj_in", channels, channels,
      VLDM_LINEAR_BIAS, &transformer->proj_in, error)
      && vldm_weights_linear (weights, prefix, "proj_out", channels, channels,
      VLDM_LINEAR_BIAS, &transformer->proj_out, error)
      && (!config->temporal || load_time (transformer, weights, prefix, error));
}

static void
clear_feed_forward (VldmFeedForward * ff)
{
  vldm_norm_clear (&ff->norm);
  g_clear_pointer (&ff->proj, ocl_weights_free);
  g_clear_pointer (&ff->out, ocl_weights_free);
}

static void
clear_cross_attention (VldmCrossAttention * attention)
{
  vldm_norm_clear (&attention->norm);
  g_clear_pointer (&attention->to_q, ocl_weights_free);
  g_clear_pointer (&attention->to_kv, ocl_weights_free);
  g_clear_pointer (&attention->to_out, ocl_weights_free);
}

static void
clear_blocks (VldmTransformerBlock * blocks, guint n)
{
  for (guint i = 0; blocks != NULL && i < n; i++) {
    VldmTransformerBlock *block = &blocks[i];

    clear_feed_forward (&block->ff_in);
    vldm_norm_clear (&block->attn1.norm);
    g_clear_pointer (&block->attn1.to_qkv, ocl_weights_free);
    g_clear_pointer (&block->attn1.to_out, ocl_weights_free);
    clear_cross_attention (&block->cross_attn1);
    clear_cross_attention (&block->attn2);
    clear_feed_forward (&block->ff);
  }
  g_free (blocks);
}

void
vldm_transformer_clear (VldmTransformer * transformer)
{
  guint n = transformer->config.n_layers;

  clear_blocks (g_steal_pointer (&transformer->transformer_blocks), n);
  clear_blocks (g_steal_pointer (&transformer->temporal_transformer_blocks), n);
  vldm_norm_clear (&transformer->norm);
  g_clear_pointer (&transformer->proj_in, ocl_weights_free);
  g_clear_pointer (&transformer->proj_out, ocl_weights_free);
  g_clear_pointer (&transformer->time_pos_embed_1, ocl_weights_free);
  g_clear_pointer (&transformer->time_pos_embed_2, ocl_weights_free);
}
