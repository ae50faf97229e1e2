/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The UNet, assembled from config.json alone.
 */
#include "vldm/networks/unet_private.h"

typedef struct
{
  guint level;                  /* whose channels, heads and transformer layers the block has */
  guint n_resnets, n_attentions;
  const gsize *in_channels;     /* [n_resnets] */
  gfloat eps;
  gboolean only_cross_attention;
  const char *sampler;          /* name of the convolution to the next level, or NULL */
} BlockPlan;

typedef struct
{
  VldmUnet *unet;
  VldmWeights *weights;
  VldmStack *time;
} UnetLoad;

static gboolean
load_block (UnetLoad * load, const char *prefix, const BlockPlan * plan,
    VldmUnetBlock * block, GError ** error)
{
  const VldmUnetConfig *config = load->unet->config;
  gsize channels = config->block_out_channels[plan->level];

  block->first_transformer = load->unet->n_transformers;
  block->resnets = g_new0 (VldmResnet, plan->n_resnets);
  block->attentions = g_new0 (VldmTransformer, plan->n_attentions);

  for (guint i = 0; i < plan->n_resnets; i++) {
    g_autofree char *path = g_strdup_printf ("%s.resnets.%u", prefix, i);
    const VldmResnetConfig resnet = {
      .in_channels = plan->in_channels[i],
      .out_channels = channels,
      .groups = VLDM_UNET_NORM_GROUPS,
      .eps = plan->eps,
      .temporal_eps = config->temporal_layers ? plan->eps : 0.0f,
    };

    block->n_resnets++;
    if (!vldm_resnet_load (&block->resnets[i], load->weights, path, &resnet,
            load->time, error))
      return FALSE;
  }
  for (guint i = 0; i < plan->n_attentions; i++) {
    g_autofree char *path = g_strdup_printf ("%s.attentions.%u", prefix, i);
    const VldmTransformerConfig transformer = {
      .channels = channels,
      .heads = config->num_attention_heads[plan->level],
      .context_channels = config->cross_attention_dim[plan->level],
      .n_layers = config->transformer_layers_per_block[plan->level],
      .only_cross_attention = plan->only_cross_attention,
      .temporal = config->temporal_layers,
    };

    block->n_attentions++;
    load->unet->n_transformers++;
    if (!vldm_transformer_load (&block->attentions[i], load->weights, path,
            &transformer, error))
      return FALSE;
  }
  return plan->sampler == NULL
      || vldm_weights_conv (load->weights, prefix, plan->sampler, channels,
      channels, 1, 3, &block->sampler, error);
}

static gboolean
load_down_block (UnetLoad * load, guint level, GError ** error)
{
  const VldmUnetConfig *config = load->unet->config;
  gboolean attention = config->down_attention[level];
  guint n = config->layers_per_block[level];
  g_autofree char *prefix = g_strdup_printf ("down_blocks.%u", level);
  g_autofree gsize *in_channels = g_new (gsize, n);
  const BlockPlan plan = {
    .level = level,
    .n_resnets = n,
    .n_attentions = attention ? n : 0,
    .in_channels = in_channels,
    .eps = attention ? config->attention_norm_eps : config->norm_eps,
    .only_cross_attention = config->only_cross_attention[level],
    .sampler = level + 1 < config->n_levels ? "downsamplers.0.conv" : NULL,
  };

  for (guint i = 0; i < n; i++)
    in_channels[i] =
        config->block_out_channels[i == 0 && level > 0 ? level - 1 : level];
  return load_block (load, prefix, &plan, &load->unet->down_blocks[level],
      error);
}

static gboolean
load_mid_block (UnetLoad * load, GError ** error)
{
  const VldmUnetConfig *config = load->unet->config;
  guint level = config->n_levels - 1;
  const gsize in_channels[] = {
    config->block_out_channels[level], config->block_out_channels[level]
  };
  const BlockPlan plan = {
    .level = level,
    .n_resnets = G_N_ELEMENTS (in_channels),
    .n_attentions = 1,
    .in_channels = in_channels,
    .eps = config->norm_eps,
  };

  return load_block (load, "mid_block", &plan, &load->unet->mid_block, error);
}

/* Up block @index has the channels of level n - 1 - index; its last resnet takes the skip that came from the level above,
 * its first one the output of the block before. */
static gboolean
load_up_block (UnetLoad * load, guint index, GError ** error)
{
  const VldmUnetConfig *config = load->unet->config;
  const guint *channels = config->block_out_channels;
  guint level = config->n_levels - 1 - index;
  guint above = level > 0 ? level - 1 : 0;
  guint below = index > 0 ? level + 1 : level;
  guint n = config->layers_per_block[level] + 1;
  g_autofree char *prefix = g_strdup_printf ("up_blocks.%u", index);
  g_autofree gsize *in_channels = g_new (gsize, n);
  const BlockPlan plan = {
    .level = level,
    .n_resnets = n,
    .n_attentions = config->up_attention[index] ? n : 0,
    .in_channels = in_channels,
    .eps = config->attention_norm_eps,
    .only_cross_attention = config->only_cross_attention[level],
    .sampler = level > 0 ? "upsamplers.0.conv" : NULL,
  };

  for (guint i = 0; i < n; i++)
    in_channels[i] = (gsize) channels[i == 0 ? below : level]
        + channels[i == n - 1 ? above : level];
  return load_block (load, prefix, &plan, &load->unet->up_blocks[index], error);
}

static gboolean
load_embedding (UnetLoad * load, const char *name, gsize in,
    OclWeights * layers[2], GError ** error)
{
  gsize width = 4 * load->unet->config->block_out_channels[0];

  return vldm_weights_linear (load->weights, name, "linear_1", width, in,
      VLDM_LINEAR_BIAS, &layers[0], error)
      && vldm_weights_linear (load->weights, name, "linear_2", width, width,
      VLDM_LINEAR_BIAS, &layers[1], error);
}

/* What the network is told besides time and text. */
static gboolean
load_conditions (UnetLoad * load, GError ** error)
{
  VldmUnet *unet = load->unet;
  const VldmUnetConfig *config = unet->config;

  if (config->num_class_embeds > 0
      && !vldm_weights_table (load->weights, "class_embedding", "weight",
          config->num_class_embeds, 4 * config->block_out_channels[0],
          &unet->class_embedding, error))
    return FALSE;
  return config->n_time_ids == 0
      || load_embedding (load, "add_embedding",
      (gsize) config->n_time_ids * config->addition_time_embed_dim,
      unet->add_embedding, error);
}

static gboolean
load_unet (UnetLoad * load, GError ** error)
{
  VldmUnet *unet = load->unet;
  const VldmUnetConfig *config = unet->config;
  gsize channels = config->block_out_channels[0];

  if (!vldm_weights_conv (load->weights, "", "conv_in", channels,
          config->in_channels, 1, 3, &unet->conv_in, error)
      || !load_embedding (load, "time_embedding", channels,
          unet->time_embedding, error)
      || !load_conditions (load, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!load_down_block (load, i, error))
      return FALSE;
  }
  if (!load_mid_block (load, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!load_up_block (load, i, error))
      return FALSE;
  }
  return vldm_weights_norm (load->weights, "", "conv_norm_out", channels,
      &unet->conv_norm_out, error)
      && vldm_weights_conv (load->weights, "", "conv_out",
      config->out_channels, channels, 1, 3, &unet->conv_out, error)
      && vldm_weights_stack (load->weights, load->time, 4 * channels,
      VLDM_LINEAR_BIAS, &unet->time_emb_proj, error);
}

VldmUnet *
vldm_unet_load (OclDevice * device, OclType type, const char *folder,
    VldmLoadingFunc loading, gpointer user_data, GError ** error)
{
  g_autoptr (VldmUnet) unet = g_new0 (VldmUnet, 1);
  g_autoptr (VldmWeights) weights = NULL;
  g_autoptr (VldmStack) time = vldm_stack_new ();
  UnetLoad load = {.unet = unet,.time = time };

  unet->type = ocl_type_beside (type);
  unet->config = vldm_unet_config_load (folder, error);
  if (unet->config == NULL)
    return NULL;
  weights = vldm_weights_open (device, type, folder,
      "diffusion_pytorch_model", loading, user_data, error);
  if (weights == NULL)
    return NULL;
  load.weights = weights;
  if (!load_unet (&load, error))
    return NULL;
  vldm_weights_list_unused (weights);
  return g_steal_pointer (&unet);
}

static void
clear_block (VldmUnetBlock * block)
{
  for (guint i = 0; i < block->n_resnets; i++)
    vldm_resnet_clear (&block->resnets[i]);
  for (guint i = 0; i < block->n_attentions; i++)
    vldm_transformer_clear (&block->attentions[i]);
  g_clear_pointer (&block->resnets, g_free);
  g_clear_pointer (&block->attentions, g_free);
  g_clear_pointer (&block->sampler, ocl_weights_free);
}

void
vldm_unet_free (VldmUnet * unet)
{
  if (unet == NULL)
    return;
  for (guint i = 0; i < VLDM_MAX_LEVELS; i++) {
    clear_block (&unet->down_blocks[i]);
    clear_block (&unet->up_blocks[i]);
  }
  clear_block (&unet->mid_block);
  for (guint i = 0; i < 2; i++) {
    g_clear_pointer (&unet->time_embedding[i], ocl_weights_free);
    g_clear_pointer (&unet->add_embedding[i], ocl_weights_free);
  }
  g_clear_pointer (&unet->class_embedding, ocl_buffer_unref);
  g_clear_pointer (&unet->time_emb_proj, ocl_weights_free);
  g_clear_pointer (&unet->conv_in, ocl_weights_free);
  g_clear_pointer (&unet->conv_out, ocl_weights_free);
  vldm_norm_clear (&unet->conv_norm_out);
  g_clear_pointer (&unet->config, g_free);
  g_free (unet);
}

const VldmUnetConfig *
vldm_unet_config (VldmUnet * unet)
{
  return unet->config;
}

const VldmUnetBlock *
vldm_unet_block (const VldmUnet * unet, guint i)
{
  guint n = unet->config->n_levels;

  if (i < n)
    return &unet->down_blocks[i];
  if (i == n)
    return &unet->mid_block;
  return i <= 2 * n ? &unet->up_blocks[i - n - 1] : NULL;
}
