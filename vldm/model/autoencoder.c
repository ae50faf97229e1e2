/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Encoder: conv_in, down blocks, mid block, conv_out, quant_conv. Decoder: post_quant_conv, conv_in, mid block, up blocks,
 * conv_out and, for clips, time_conv_out. All layers of one direction write two slabs by turns, so that decoding needs about
 * four tensors of the picture's size and the channels of the last level.
 */
#include "vldm/model/autoencoder.h"

#include "opencl/ops/attention.h"
#include "opencl/ops/elementwise.h"
#include "vldm/model/resnets.h"

#define EPS 1e-6f
#define TEMPORAL_EPS 1e-5f

/* Single-head attention within frames, with bias everywhere. */
typedef struct
{
  VldmNorm group_norm;
  OclWeights *to_qkv;           /* query, key and value side by side; NULL = no attention */
  OclWeights *to_out;
} MidAttention;

typedef struct
{
  guint n_resnets;
  VldmResnet *resnets;
  OclWeights *sampler;          /* convolution to the next level; NULL = none */
} AutoencoderBlock;

/* Encoder or decoder: both are the same row of layers but for the place of the mid block. */
typedef struct
{
  OclWeights *conv_in, *conv_out;
  VldmNorm conv_norm_out;
  AutoencoderBlock mid_block;
  MidAttention attention;       /* between the mid block's resnets */
  AutoencoderBlock blocks[VLDM_MAX_LEVELS];     /* down_blocks or up_blocks */
} AutoencoderHalf;

struct _VldmAutoencoder
{
  VldmAutoencoderConfig *config;
  OclType type;
  AutoencoderHalf encoder, decoder;
  OclWeights *quant_conv, *post_quant_conv;     /* NULL = none */
  OclWeights *time_conv_out;    /* temporal decoders only */
  OclBuffer *shift;             /* shift_factor for each latent channel, fp32; NULL where it is 0 */
  OclBuffer *unshift;           /* - scaling_factor * shift_factor */
};

/* ---- loading ---- */

typedef struct
{
  const VldmAutoencoderConfig *config;
  VldmWeights *weights;
  const char *half;             /* "encoder" or "decoder" */
  gboolean temporal;
} HalfLoad;

static gboolean
load_resnets (HalfLoad * load, const char *prefix, guint n, gsize in, gsize out,
    AutoencoderBlock * block, GError ** error)
{
  block->resnets = g_new0 (VldmResnet, n);
  for (guint i = 0; i < n; i++) {
    g_autofree char *path =
        g_strdup_printf ("%s.%s.resnets.%u", load->half, prefix, i);
    const VldmResnetConfig config = {
      .in_channels = i == 0 ? in : out,
      .out_channels = out,
      .groups = load->config->norm_num_groups,
      .eps = EPS,
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
load_attention (HalfLoad * load, gsize channels, MidAttention * attention,
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
load_mid_block (HalfLoad * load, AutoencoderHalf * half, GError ** error)
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
load_ends (HalfLoad * load, AutoencoderHalf * half, gsize in, gsize first,
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
    gsize out, const char *sampler, AutoencoderBlock * block, GError ** error)
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
  AutoencoderHalf *half = &autoencoder->encoder;
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
  return load_mid_block (&load, half, error);
}

static gboolean
load_decoder (VldmAutoencoder * autoencoder, VldmWeights * weights,
    GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  const guint *channels = config->block_out_channels;
  guint n = config->n_levels;
  AutoencoderHalf *half = &autoencoder->decoder;
  HalfLoad load = { config, weights, "decoder", config->temporal_decoder };

  if (!load_ends (&load, half, config->latent_channels, channels[n - 1],
          channels[0], config->out_channels, error)
      || !load_mid_block (&load, half, error))
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

static gboolean
load_quant_convs (VldmAutoencoder * autoencoder, VldmWeights * weights,
    GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  gsize n = config->latent_channels;

  if (config->use_quant_conv
      && !vldm_weights_conv (weights, "", "quant_conv", 2 * n, 2 * n, 1, 1,
          &autoencoder->quant_conv, error))
    return FALSE;
  return !config->use_post_quant_conv
      || vldm_weights_conv (weights, "", "post_quant_conv", n, n, 1, 1,
      &autoencoder->post_quant_conv, error);
}

static OclBuffer *
constant_vector (OclDevice * device, guint n, gfloat value, GError ** error)
{
  g_autofree gfloat *values = g_new (gfloat, n);

  for (guint i = 0; i < n; i++)
    values[i] = value;
  return ocl_vector_new (device, values, n, error);
}

static gboolean
make_shifts (VldmAutoencoder * autoencoder, OclDevice * device, GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;

  if (config->shift_factor == 0.0f)
    return TRUE;
  autoencoder->shift = constant_vector (device, config->latent_channels,
      config->shift_factor, error);
  if (autoencoder->shift == NULL)
    return FALSE;
  autoencoder->unshift = constant_vector (device, config->latent_channels,
      -config->scaling_factor * config->shift_factor, error);
  return autoencoder->unshift != NULL;
}

VldmAutoencoder *
vldm_autoencoder_load (OclDevice * device, OclType type, const char *folder,
    VldmLoadingFunc loading, gpointer user_data, GError ** error)
{
  g_autoptr (VldmAutoencoder) autoencoder = g_new0 (VldmAutoencoder, 1);
  g_autoptr (VldmWeights) weights = NULL;

  autoencoder->type = ocl_type_beside (type);
  autoencoder->config = vldm_autoencoder_config_load (folder, error);
  if (autoencoder->config == NULL)
    return NULL;
  weights = vldm_weights_open (device, type, folder,
      "diffusion_pytorch_model", loading, user_data, error);
  if (weights == NULL)
    return NULL;
  if (!load_encoder (autoencoder, weights, error)
      || !load_decoder (autoencoder, weights, error)
      || !load_quant_convs (autoencoder, weights, error)
      || !make_shifts (autoencoder, device, error))
    return NULL;
  vldm_weights_list_unused (weights);
  return g_steal_pointer (&autoencoder);
}

static void
clear_block (AutoencoderBlock * block)
{
  for (guint i = 0; i < block->n_resnets; i++)
    vldm_resnet_clear (&block->resnets[i]);
  g_clear_pointer (&block->resnets, g_free);
  g_clear_pointer (&block->sampler, ocl_weights_free);
}

static void
clear_half (AutoencoderHalf * half)
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
  clear_half (&autoencoder->encoder);
  clear_half (&autoencoder->decoder);
  g_clear_pointer (&autoencoder->quant_conv, ocl_weights_free);
  g_clear_pointer (&autoencoder->post_quant_conv, ocl_weights_free);
  g_clear_pointer (&autoencoder->time_conv_out, ocl_weights_free);
  g_clear_pointer (&autoencoder->shift, ocl_buffer_unref);
  g_clear_pointer (&autoencoder->unshift, ocl_buffer_unref);
  g_clear_pointer (&autoencoder->config, g_free);
  g_free (autoencoder);
}

const VldmAutoencoderConfig *
vldm_autoencoder_config (VldmAutoencoder * autoencoder)
{
  return autoencoder->config;
}

/* ---- running ---- */

typedef struct
{
  const VldmAutoencoder *autoencoder;
  OclQueue *queue;
  VldmPingPong slabs;
  OclTensor hidden;             /* the last layer's output, in one of the slabs */
} HalfRun;

/* Replaces run->hidden by the next slab, of @height x @width and @channels, and returns what it was. */
static OclTensor
advance (HalfRun * run, gsize height, gsize width, gsize channels)
{
  OclTensor input = run->hidden;

  run->hidden = vldm_ping_pong_next (&run->slabs, input.frames, height, width,
      channels);
  return input;
}

static gboolean
run_resnet (HalfRun * run, const VldmResnet * resnet, GError ** error)
{
  OclTensor input = advance (run, run->hidden.height, run->hidden.width,
      resnet->out_channels);

  return vldm_resnet_run (resnet, run->queue, &input, NULL, NULL, &run->hidden,
      error);
}

/* hidden += to_out (attention (norm (hidden))). */
static gboolean
run_attention (HalfRun * run, const MidAttention * attention, GError ** error)
{
  const VldmAutoencoderConfig *config = run->autoencoder->config;
  const OclGroupNorm norm = { config->norm_num_groups, EPS, FALSE, FALSE };
  const OclTensor *x = &run->hidden;
  const OclEpilogue add = {.residual = x };
  OclArena *arena = ocl_queue_arena (run->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor normed, qkv, query, key, value;
  gboolean done = FALSE;

  if (ocl_tensor_alloc_like (run->queue, x, &normed, error)
      && ocl_tensor_alloc (run->queue, x->type, x->frames, x->height, x->width,
          3 * x->channels, &qkv, error)) {
    query = ocl_tensor_channels (&qkv, 0, x->channels);
    key = ocl_tensor_channels (&qkv, x->channels, x->channels);
    value = ocl_tensor_channels (&qkv, 2 * x->channels, x->channels);
    done = ocl_group_norm (run->queue, &norm, x, NULL,
        attention->group_norm.weight, attention->group_norm.bias, &normed,
        error)
        && ocl_linear (run->queue, attention->to_qkv, &normed, NULL, &qkv,
        error)
        && ocl_attention (run->queue, 1, FALSE, &query, &key, &value, &normed,
        error)
        && ocl_linear (run->queue, attention->to_out, &normed, &add, x, error);
  }
  ocl_arena_release (arena, mark);
  return done;
}

static gboolean
run_mid_block (HalfRun * run, const AutoencoderHalf * half, GError ** error)
{
  for (guint i = 0; i < half->mid_block.n_resnets; i++) {
    if (i == 1 && half->attention.to_qkv != NULL
        && !run_attention (run, &half->attention, error))
      return FALSE;
    if (!run_resnet (run, &half->mid_block.resnets[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
run_block (HalfRun * run, const AutoencoderBlock * block, gboolean down,
    GError ** error)
{
  /* zeros right and below the picture only */
  OclConv conv = {.stride = 2 };
  OclTensor input;

  for (guint i = 0; i < block->n_resnets; i++) {
    if (!run_resnet (run, &block->resnets[i], error))
      return FALSE;
  }
  if (block->sampler == NULL)
    return TRUE;
  if (down) {
    input = advance (run, run->hidden.height / 2, run->hidden.width / 2,
        run->hidden.channels);
  } else {
    input = advance (run, 2 * run->hidden.height, 2 * run->hidden.width,
        run->hidden.channels);
    conv = vldm_conv_upsample (&run->hidden);
  }
  return ocl_conv (run->queue, &conv, block->sampler, &input, NULL, NULL,
      &run->hidden, error);
}

static gboolean
run_conv_out (HalfRun * run, const AutoencoderHalf * half,
    const OclTensor * output, GError ** error)
{
  const OclGroupNorm norm = {
    run->autoencoder->config->norm_num_groups, EPS, FALSE, TRUE
  };
  OclTensor input = advance (run, run->hidden.height, run->hidden.width,
      run->hidden.channels);

  return ocl_group_norm (run->queue, &norm, &input, NULL,
      half->conv_norm_out.weight, half->conv_norm_out.bias, &run->hidden, error)
      && ocl_conv (run->queue, &vldm_conv_same, half->conv_out, &run->hidden,
      NULL, NULL, output, error);
}

/* Both slabs hold the largest tensor: the picture with the channels of the first level, or with those of the second, which
 * the decoder upsamples and the encoder never has at that size. */
static gboolean
begin_half (HalfRun * run, const AutoencoderHalf * half, gsize height,
    gsize width, const OclTensor * input, GError ** error)
{
  const VldmAutoencoderConfig *config = run->autoencoder->config;
  gsize n = 0, pixels;

  if (!g_size_checked_mul (&pixels, input->frames, height)
      || !g_size_checked_mul (&pixels, pixels, width)
      || pixels > G_MAXSIZE / G_MAXUINT32) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%" G_GSIZE_FORMAT " frames of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
        " pixels exceed any memory", input->frames, width, height);
    return FALSE;
  }
  for (guint i = 0; i < config->n_levels; i++) {
    guint below = MIN (i + 1, config->n_levels - 1);

    n = MAX (n, (pixels >> 2 * i) * MAX (config->block_out_channels[i],
            config->block_out_channels[below]));
  }
  if (!vldm_ping_pong_alloc (&run->slabs, run->queue, run->autoencoder->type, n,
          error))
    return FALSE;
  run->hidden = *input;
  advance (run, input->height, input->width, half->conv_in->out_channels);
  return ocl_conv (run->queue, &vldm_conv_same, half->conv_in, input, NULL,
      NULL, &run->hidden, error);
}

/* output = scale * input + shift, where @shift is NULL or a vector. */
static gboolean
scale_and_shift (OclQueue * queue, const OclTensor * input, gfloat scale,
    OclBuffer * shift, const OclTensor * output, GError ** error)
{
  const OclTensor bias = {
    .buffer = shift,
    .type = OCL_F32,
    .frames = 1,
    .height = 1,
    .width = 1,
    .channels = output->channels,
    .stride = output->channels,
  };

  return ocl_combine (queue, 1, &input, &scale, 0.0f, output, error)
      && (shift == NULL
      || ocl_add_frame_bias (queue, output, &bias, output, error));
}

/* ---- decoding ---- */

static gboolean
decode_clip (const VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * latents, const OclTensor * rgb, GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  const AutoencoderHalf *half = &autoencoder->decoder;
  const OclConv pointwise = { 0 };
  HalfRun run = { autoencoder, queue };
  OclTensor scaled, unquantised, frames;
  const OclTensor *input = &scaled;

  if (!ocl_tensor_alloc_like (queue, latents, &scaled, error)
      || !scale_and_shift (queue, latents, 1.0f / config->scaling_factor,
          autoencoder->shift, &scaled, error))
    return FALSE;
  if (autoencoder->post_quant_conv != NULL) {
    if (!ocl_tensor_alloc_like (queue, latents, &unquantised, error)
        || !ocl_conv (queue, &pointwise, autoencoder->post_quant_conv, &scaled,
            NULL, NULL, &unquantised, error))
      return FALSE;
    input = &unquantised;
  }
  if (!begin_half (&run, half, rgb->height, rgb->width, input, error)
      || !run_mid_block (&run, half, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!run_block (&run, &half->blocks[i], FALSE, error))
      return FALSE;
  }
  if (autoencoder->time_conv_out == NULL)
    return run_conv_out (&run, half, rgb, error);
  return ocl_tensor_alloc_like (queue, rgb, &frames, error)
      && run_conv_out (&run, half, &frames, error)
      && ocl_conv (queue, &pointwise, autoencoder->time_conv_out, &frames, NULL,
      NULL, rgb, error);
}

static gboolean
check_sizes (const VldmAutoencoder * autoencoder, const OclTensor * latents,
    const OclTensor * rgb, guint rgb_channels, GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;

  if (latents->frames == rgb->frames
      && latents->height * config->factor == rgb->height
      && latents->width * config->factor == rgb->width
      && latents->channels == config->latent_channels
      && rgb->channels == rgb_channels)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%" G_GSIZE_FORMAT " latents of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
      " x %" G_GSIZE_FORMAT " do not go with %" G_GSIZE_FORMAT " pictures of %"
      G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
      "; the autoencoder has %u and %u channels, and %u pixels a latent",
      latents->frames, latents->width, latents->height, latents->channels,
      rgb->frames, rgb->width, rgb->height, rgb->channels,
      config->latent_channels, rgb_channels, config->factor);
  return FALSE;
}

gboolean
vldm_autoencoder_decode (VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * latents, const OclTensor * rgb, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  gsize together = autoencoder->config->temporal_decoder ? latents->frames : 1;
  gboolean done = check_sizes (autoencoder, latents, rgb,
      autoencoder->config->out_channels, error);

  for (gsize i = 0; done && i < latents->frames; i += together) {
    OclArenaMark mark = ocl_arena_mark (arena);
    OclTensor some_latents = ocl_tensor_frames (latents, i, together);
    OclTensor some_rgb = ocl_tensor_frames (rgb, i, together);

    done = decode_clip (autoencoder, queue, &some_latents, &some_rgb, error);
    ocl_arena_release (arena, mark);
  }
  return done;
}

/* ---- encoding ---- */

static gboolean
encode_frame (const VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * rgb, const OclTensor * latents, GError ** error)
{
  const VldmAutoencoderConfig *config = autoencoder->config;
  const AutoencoderHalf *half = &autoencoder->encoder;
  const OclConv pointwise = { 0 };
  HalfRun run = { autoencoder, queue };
  OclTensor moments, quantised, mean;

  if (!ocl_tensor_alloc (queue, OCL_F32, latents->frames, latents->height,
          latents->width, 2 * latents->channels, &moments, error)
      || !begin_half (&run, half, rgb->height, rgb->width, rgb, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!run_block (&run, &half->blocks[i], TRUE, error))
      return FALSE;
  }
  if (!run_mid_block (&run, half, error)
      || !run_conv_out (&run, half, &moments, error))
    return FALSE;
  if (autoencoder->quant_conv != NULL) {
    if (!ocl_tensor_alloc_like (queue, &moments, &quantised, error)
        || !ocl_conv (queue, &pointwise, autoencoder->quant_conv, &moments,
            NULL, NULL, &quantised, error))
      return FALSE;
    moments = quantised;
  }
  mean = ocl_tensor_channels (&moments, 0, latents->channels);
  return scale_and_shift (queue, &mean, config->scaling_factor,
      autoencoder->unshift, latents, error);
}

gboolean
vldm_autoencoder_encode (VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * rgb, const OclTensor * latents, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  gboolean done = check_sizes (autoencoder, latents, rgb,
      autoencoder->config->in_channels, error);

  for (gsize i = 0; done && i < rgb->frames; i++) {
    OclArenaMark mark = ocl_arena_mark (arena);
    OclTensor some_latents = ocl_tensor_frames (latents, i, 1);
    OclTensor some_rgb = ocl_tensor_frames (rgb, i, 1);

    done = encode_frame (autoencoder, queue, &some_rgb, &some_latents, error);
    ocl_arena_release (arena, mark);
  }
  return done;
}
