/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An autoencoder's layers, found by diffusers' names.
 */
#include "vldm/networks/autoencoder_private.h"

#define TEMPORAL_EPS 1e-5f

typedef struct
{
  const VldmAutoencoderConfig *config;
  VldmWeights *weights;
  const char *half;             /* "encoder" or "decoder" */
  gboolean temporal;
} HalfLoad;

static gboolean
load_resnets (HalfLoad * load, const char *prefix, guint n, gsize in, gsize out,
    VldmAutoencoderBlock * block, GError ** error)
{
  block->resnets = g_new0 (VldmResnet, n);
  for (guint i = 0; i < n; i++) {
    g_autofree char *path =
        g_strdup_printf ("%s.%s.resnets.%u", load->half, prefix, i);
    const VldmResnetConfig config = {
      .in_channels = i == 0 ? in : out,
      .out_channels = out,
      .groups = load->config->norm_num_groups,
      .eps = VLDM_AUTOENCODER_EPS,
      .temporal_eps = load->temporal ? TEMPORAL_EPS : 0.0f,
      .mix_is_temporal = TRUE,
    };

    block->n_resnets++;
    if (!vldm_resnet_load (&block->resnets[i], load->weights, path, &config,
            NULL, error))
      return FALSE;
  }
  return TRUE;
}

/* Files of diffusers' first versions name the four layers query, key, value, proj_attn. */
static gboolean
load_attention (HalfLoad * load, gsize channels, VldmMidAttention * attention,
    GError ** error)
{
  static const char *const names[2][4] = {
    {"to_q", "to_k", "to_v", "to_out.0"},
    {"query", "key", "value", "proj_attn"},
  };
  g_autofree char *prefix =
      g_strconcat (load->half, ".mid_block.attentions.0", NULL);
  gboolean old = vldm_weights_has (load->weights, prefix, "query.weight");
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  for (guint i = 0; i < 3; i++)
    vldm_stack_add (stack, prefix, names[old][i], channels);
  return vldm_weights_norm (load->weights, prefix, "group_norm", channels,
      &attention->group_norm, error)
      && vldm_weights_stack (load->weights, stack, channels, VLDM_LINEAR_BIAS,
      &attention->to_qkv, error)
      && vldm_weights_linear (load->weights, prefix, names[old][3], channels,
      channels, VLDM_LINEAR_BIAS, &attention->to_out, error);
}

/* The temporal decoder's mid block has layers_per_block resnets, of which the class runs two at most, the attention between
 * them; with one resnet the attention never runs. */
static gboolean
load_mid_block (HalfLoad * load, VldmAutoencoderHalf * half, GError ** error)
{
  gsize channels = load->config->block_out_channels[load->config->n_levels - 1];
  guint n = load->temporal ? MIN (load->config->layers_per_block, 2) : 2;
  gboolean attention = load->temporal || load->config->mid_block_attention;

  return load_resnets (load, "mid_block", n, channels, channels,
      &half->mid_block, error)
      && (n < 2 || !attention
      || load_attention (load, channels, &half->attention, error));
}

static gboolean
load_ends (HalfLoad * load, VldmAutoencoderHalf * half, gsize in, gsize first,
    gsize last, gsize out, GError ** error)
{
  return vldm_weights_conv (load->weights, load->half, "conv_in", first, in, 1,
      3, &half->conv_in, error)
      && vldm_weights_norm (load->weights, load->half, "conv_norm_out", last,
      &half->conv_norm_out, error)
      && vldm_weights_conv (load->weights, load->half, "conv_out", out, last, 1,
      3, &half->conv_out, error);
}

static gboolean
load_block (HalfLoad * load, const char *kind, guint index, guint n, gsize in,
    gsize out, const char *sampler, VldmAutoencoderBlock * block,
    GError ** error)
{
  g_autofree char *name = g_strdup_printf ("%s.%u", kind, index);
  g_autofree char *prefix = g_strconcat (load->half, ".", name, NULL);

  return load_resnets (load, name, n, in, out, block, error)
      && (sampler == NULL || vldm_weights_conv (load->weights, prefix, sampler,
          out, out, 1, 3, &block->sampler, error));
}

static gboolean
load_encoder (VldmAutoencoder * autoencoder, VldmWeights * weights,
    GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  const guint *channels = config->block_out_channels;
  guint n = config->n_levels;
  VldmAutoencoderHalf *half = &autoencoder->half;
  HalfLoad load = { config, weights, "encoder", FALSE };

  if (!load_ends (&load, half, config->in_channels, channels[0],
          channels[n - 1], 2 * config->latent_channels, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    if (!load_block (&load, "down_blocks", i, config->layers_per_block,
            channels[i > 0 ? i - 1 : 0], channels[i],
            i + 1 < n ? "downsamplers.0.conv" : NULL, &half->blocks[i], error))
      return FALSE;
  }
  return load_mid_block (&load, half, error)
      && (!config->use_quant_conv
      || vldm_weights_conv (weights, "", "quant_conv",
          2 * config->latent_channels, 2 * config->latent_channels, 1, 1,
          &autoencoder->quant_conv, error));
}

static gboolean
load_decoder (VldmAutoencoder * autoencoder, VldmWeights * weights,
    GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  const guint *channels = config->block_out_channels;
  guint n = config->n_levels;
  VldmAutoencoderHalf *half = &autoencoder->half;
  HalfLoad load = { config, weights, "decoder", config->temporal_decoder };

  if (!load_ends (&load, half, config->latent_channels, channels[n - 1],
          channels[0], config->out_channels, error)
      || !load_mid_block (&load, half, error)
      || (config->use_post_quant_conv
          && !vldm_weights_conv (weights, "", "post_quant_conv",
              config->latent_channels, config->latent_channels, 1, 1,
              &autoencoder->quant_conv, error)))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    guint level = n - 1 - i;

    if (!load_block (&load, "up_blocks", i, config->layers_per_block + 1,
            channels[i > 0 ? level + 1 : level], channels[level],
            level > 0 ? "upsamplers.0.conv" : NULL, &half->blocks[i], error))
      return FALSE;
  }
  return !config->temporal_decoder
      || vldm_weights_conv (weights, "decoder", "time_conv_out",
      config->out_channels, config->out_channels, 3, 1,
      &autoencoder->time_conv_out, error);
}

/* Latents are scaling_factor * (mean - shift_factor). */
static gboolean
make_shift (VldmAutoencoder * autoencoder, OclDevice * device, GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  guint n = config->latent_channels;
  g_autofree gfloat *values = g_new (gfloat, n);

  if (config->shift_factor == 0.0f)
    return TRUE;
  for (guint i = 0; i < n; i++)
    values[i] = autoencoder->part == VLDM_DECODER ? config->shift_factor
        : -config->scaling_factor * config->shift_factor;
  autoencoder->shift = ocl_vector_new (device, values, n, error);
  return autoencoder->shift != NULL;
}

/* The tensors of @part, and what the other part's begin with. */
static const struct
{
  gboolean (*load) (VldmAutoencoder * autoencoder, VldmWeights * weights,
      GError ** error);
  const char *others[2];
} parts[] = {
  [VLDM_ENCODER] = {load_encoder, {"decoder.", "post_quant_conv."}},
  [VLDM_DECODER] = {load_decoder, {"encoder.", "quant_conv."}},
};

VldmAutoencoder *
vldm_autoencoder_load (OclDevice * device, OclType type, const char *folder,
    VldmAutoencoderPart part, VldmLoadingFunc loading, gpointer user_data,
    GError ** error)
{
  g_autoptr (VldmAutoencoder) autoencoder = g_new0 (VldmAutoencoder, 1);
  g_autoptr (VldmWeights) weights = NULL;

  g_mutex_init (&autoencoder->lock);
  autoencoder->device = ocl_device_ref (device);
  autoencoder->folder = g_strdup (folder);
  autoencoder->type = ocl_type_beside (type);
  autoencoder->part = part;
  autoencoder->config = vldm_autoencoder_config_load (folder, error);
  if (autoencoder->config == NULL)
    return NULL;
  weights = vldm_weights_open (device, type, folder,
      "diffusion_pytorch_model", loading, user_data, error);
  if (weights == NULL)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (parts[part].others); i++)
    vldm_weights_ignore (weights, parts[part].others[i]);
  if (!parts[part].load (autoencoder, weights, error)
      || !make_shift (autoencoder, device, error))
    return NULL;
  vldm_weights_list_unused (weights);
  return g_steal_pointer (&autoencoder);
}

VldmAutoencoder *
vldm_autoencoder_widen (VldmAutoencoder * autoencoder, VldmLoadingFunc loading,
    gpointer user_data, GError ** error)
{
  VldmAutoencoder *wide;

  g_mutex_lock (&autoencoder->lock);
  wide = autoencoder->wide;
  if (wide == NULL) {
    wide = vldm_autoencoder_load (autoencoder->device, OCL_F32,
        autoencoder->folder, autoencoder->part, loading, user_data, error);
    g_atomic_pointer_set (&autoencoder->wide, wide);
  }
  g_mutex_unlock (&autoencoder->lock);
  return wide;
}

VldmAutoencoder *
vldm_autoencoder_widest (VldmAutoencoder * autoencoder)
{
  VldmAutoencoder *wide = g_atomic_pointer_get (&autoencoder->wide);

  return wide != NULL ? wide : autoencoder;
}

static void
clear_block (VldmAutoencoderBlock * block)
{
  for (guint i = 0; i < block->n_resnets; i++)
    vldm_resnet_clear (&block->resnets[i]);
  g_clear_pointer (&block->resnets, g_free);
  g_clear_pointer (&block->sampler, ocl_weights_free);
}

static void
clear_half (VldmAutoencoderHalf * half)
{
  g_clear_pointer (&half->conv_in, ocl_weights_free);
  g_clear_pointer (&half->conv_out, ocl_weights_free);
  vldm_norm_clear (&half->conv_norm_out);
  clear_block (&half->mid_block);
  vldm_norm_clear (&half->attention.group_norm);
  g_clear_pointer (&half->attention.to_qkv, ocl_weights_free);
  g_clear_pointer (&half->attention.to_out, ocl_weights_free);
  for (guint i = 0; i < VLDM_MAX_LEVELS; i++)
    clear_block (&half->blocks[i]);
}

void
vldm_autoencoder_free (VldmAutoencoder * autoencoder)
{
  if (autoencoder == NULL)
    return;
  clear_half (&autoencoder->half);
  g_clear_pointer (&autoencoder->quant_conv, ocl_weights_free);
  g_clear_pointer (&autoencoder->time_conv_out, ocl_weights_free);
  g_clear_pointer (&autoencoder->shift, ocl_buffer_unref);
  g_clear_pointer (&autoencoder->wide, vldm_autoencoder_free);
  g_clear_pointer (&autoencoder->config, g_free);
  g_clear_pointer (&autoencoder->folder, g_free);
  g_clear_pointer (&autoencoder->device, ocl_device_unref);
  g_mutex_clear (&autoencoder->lock);
  g_free (autoencoder);
}
