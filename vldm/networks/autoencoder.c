/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Encoder: conv_in, down blocks, mid block, conv_out, quant_conv. Decoder: post_quant_conv, conv_in, mid block, up blocks,
 * conv_out and, for clips, time_conv_out. Between the first and the last convolution activations lie in strips (strips.h), so
 * that what memory must hold is two tensors of the picture's size and the channels of the first level, or one with those of the
 * second level, and some strips.
 */
#include "vldm/networks/autoencoder_private.h"

#include "opencl/ops/elementwise.h"
#include "vldm/networks/strip_layers.h"

const VldmAutoencoderConfig *
vldm_autoencoder_config (VldmAutoencoder * autoencoder)
{
  return autoencoder->config;
}

VldmAutoencoderPart
vldm_autoencoder_part (VldmAutoencoder * autoencoder)
{
  return autoencoder->part;
}

const char *
vldm_autoencoder_folder (VldmAutoencoder * autoencoder)
{
  return autoencoder->folder;
}

OclType
vldm_autoencoder_type (VldmAutoencoder * autoencoder)
{
  return autoencoder->type;
}

/* ---- encoder and decoder ---- */

/* One run of one of them, for one frame or one clip. */
typedef struct
{
  const VldmAutoencoder *autoencoder;
  const OclTensor *input, *output;
} HalfRun;

static gboolean
is_encoder (const HalfRun * run)
{
  return run->autoencoder->part == VLDM_ENCODER;
}

static gboolean
run_resnets (VldmStripMemory * memory, const VldmAutoencoderBlock * block,
    VldmStrips * hidden, GError ** error)
{
  for (guint i = 0; i < block->n_resnets; i++) {
    if (!vldm_strips_resnet (memory, &block->resnets[i], hidden, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
run_mid_block (const HalfRun * run, VldmStripMemory * memory,
    VldmStrips * hidden, GError ** error)
{
  const VldmAutoencoderBlock *block = &run->autoencoder->half.mid_block;
  const VldmMidAttention *attention = &run->autoencoder->half.attention;
  const OclGroupNorm norm = {
    run->autoencoder->config->norm_num_groups, VLDM_AUTOENCODER_EPS, FALSE,
    FALSE
  };

  for (guint i = 0; i < block->n_resnets; i++) {
    if (i == 1 && attention->to_qkv != NULL
        && !vldm_strips_attention (memory, &norm, &attention->group_norm,
            attention->to_qkv, attention->to_out, hidden, error))
      return FALSE;
    if (!vldm_strips_resnet (memory, &block->resnets[i], hidden, error))
      return FALSE;
  }
  return TRUE;
}

/* To the next level: half or twice the size. */
static gboolean
run_sampler (const HalfRun * run, VldmStripMemory * memory,
    const OclWeights * sampler, VldmStrips * hidden, GError ** error)
{
  /* zeros right and below the picture only */
  const VldmStripConv down = {.weights = sampler,.conv = {.stride = 2} };
  const VldmStripConv up = {
    .weights = sampler,
    .conv = vldm_conv_same,
    .upsample = TRUE,
  };
  const OclTensor *whole = &hidden->whole;
  gsize height = is_encoder (run) ? whole->height / 2 : 2 * whole->height;
  gsize width = is_encoder (run) ? whole->width / 2 : 2 * whole->width;
  VldmStrips next;
  gboolean done;

  vldm_strips_init (memory, whole->frames, height, width, whole->channels,
      &next);
  done =
      vldm_strips_conv (memory, is_encoder (run) ? &down : &up, hidden, TRUE,
      0.0f, &next, error);
  vldm_strips_clear (memory, hidden);
  *hidden = next;
  return done;
}

static gboolean
run_blocks (const HalfRun * run, VldmStripMemory * memory, VldmStrips * hidden,
    GError ** error)
{
  for (guint i = 0; i < run->autoencoder->config->n_levels; i++) {
    const VldmAutoencoderBlock *block = &run->autoencoder->half.blocks[i];

    if (!run_resnets (memory, block, hidden, error)
        || (block->sampler != NULL
            && !run_sampler (run, memory, block->sampler, hidden, error)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
run_conv_in (const HalfRun * run, VldmStripMemory * memory,
    VldmStrips * hidden, GError ** error)
{
  const VldmStripConv conv_in = {
    .weights = run->autoencoder->half.conv_in,
    .conv = vldm_conv_same,
  };
  const OclTensor *input = run->input;
  VldmStrips borrowed;
  gboolean done;

  vldm_strips_init (memory, input->frames, input->height, input->width,
      conv_in.weights->layer.out_channels, hidden);
  vldm_strips_borrow (input, &borrowed);
  done = vldm_strips_conv (memory, &conv_in, &borrowed, FALSE, 0.0f, hidden,
      error);
  vldm_strips_clear (memory, &borrowed);
  return done;
}

static gboolean
run_half (VldmStripMemory * memory, gpointer user_data, GError ** error)
{
  const HalfRun *run = user_data;
  const VldmAutoencoderHalf *half = &run->autoencoder->half;
  const OclGroupNorm norm = {
    run->autoencoder->config->norm_num_groups, VLDM_AUTOENCODER_EPS, FALSE, TRUE
  };
  const VldmStripConv conv_out = {
    .weights = half->conv_out,
    .conv = vldm_conv_same,
    .norm = &norm,
    .affine = &half->conv_norm_out,
  };
  VldmStrips hidden;
  gboolean done = run_conv_in (run, memory, &hidden, error);

  if (is_encoder (run))
    done = done && run_blocks (run, memory, &hidden, error)
        && run_mid_block (run, memory, &hidden, error);
  else
    done = done && run_mid_block (run, memory, &hidden, error)
        && run_blocks (run, memory, &hidden, error);
  done = done && vldm_strips_conv_out (memory, &conv_out,
      is_encoder (run) ? NULL : run->autoencoder->time_conv_out, &hidden,
      run->output, error);
  vldm_strips_clear (memory, &hidden);
  return done;
}

/* The numbers of a picture must not overflow when channels are counted with them. */
static gboolean
start_half (const HalfRun * run, OclQueue * queue, GError ** error)
{
  const OclTensor *picture = is_encoder (run) ? run->input : run->output;
  g_autofree char *task =
      g_strdup_printf ("%s %" G_GSIZE_FORMAT " frame%s of %" G_GSIZE_FORMAT
      " x %" G_GSIZE_FORMAT " pixels",
      is_encoder (run) ? "encoding" : "decoding",
      picture->frames, picture->frames > 1 ? "s together" : "", picture->width,
      picture->height);
  gsize pixels;

  if (!g_size_checked_mul (&pixels, picture->frames, picture->height)
      || !g_size_checked_mul (&pixels, pixels, picture->width)
      || pixels > G_MAXSIZE / G_MAXUINT32) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%s needs more than any memory", task);
    return FALSE;
  }
  return vldm_strips_run (queue, run->autoencoder->type, run_half,
      (gpointer) run, task, error);
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

/* ---- decoding ---- */

static gboolean
decode_clip (const VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * latents, const OclTensor * rgb, GError ** error)
{
  OclTensor scaled, unquantised;
  const OclProduct quant_conv = {
    .weights = autoencoder->quant_conv,
    .input = &scaled,
    .output = &unquantised,
  };
  HalfRun run = { autoencoder, &scaled, rgb };

  if (!ocl_tensor_alloc_like (queue, latents, &scaled, error)
      || !scale_and_shift (queue, latents,
          1.0f / autoencoder->config->scaling_factor, autoencoder->shift,
          &scaled, error))
    return FALSE;
  if (autoencoder->quant_conv != NULL) {
    if (!ocl_tensor_alloc_like (queue, latents, &unquantised, error)
        || !ocl_conv (queue, &quant_conv, error))
      return FALSE;
    run.input = &unquantised;
  }
  return start_half (&run, queue, error);
}

gboolean
vldm_autoencoder_decode (VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * latents, const OclTensor * rgb, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  gsize together = autoencoder->config->temporal_decoder ? latents->frames : 1;
  gboolean done = check_sizes (autoencoder, latents, rgb,
      autoencoder->config->out_channels, error);

  g_return_val_if_fail (autoencoder->part == VLDM_DECODER, FALSE);

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
  OclTensor moments, quantised, mean;
  const OclProduct quant_conv = {
    .weights = autoencoder->quant_conv,
    .input = &moments,
    .output = &quantised,
  };
  const HalfRun run = { autoencoder, rgb, &moments };

  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (latents->frames,
              latents->height, latents->width, 2 * latents->channels), &moments,
          error)
      || !start_half (&run, queue, error))
    return FALSE;
  if (autoencoder->quant_conv != NULL) {
    if (!ocl_tensor_alloc_like (queue, &moments, &quantised, error)
        || !ocl_conv (queue, &quant_conv, error))
      return FALSE;
    moments = quantised;
  }
  mean = ocl_tensor_channels (&moments, 0, latents->channels);
  return scale_and_shift (queue, &mean, autoencoder->config->scaling_factor,
      autoencoder->shift, latents, error);
}

gboolean
vldm_autoencoder_encode (VldmAutoencoder * autoencoder, OclQueue * queue,
    const OclTensor * rgb, const OclTensor * latents, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  gboolean done = check_sizes (autoencoder, latents, rgb,
      autoencoder->config->in_channels, error);

  g_return_val_if_fail (autoencoder->part == VLDM_ENCODER, FALSE);

  for (gsize i = 0; done && i < rgb->frames; i++) {
    OclArenaMark mark = ocl_arena_mark (arena);
    OclTensor some_latents = ocl_tensor_frames (latents, i, 1);
    OclTensor some_rgb = ocl_tensor_frames (rgb, i, 1);

    done = encode_frame (autoencoder, queue, &some_rgb, &some_latents, error);
    ocl_arena_release (arena, mark);
  }
  return done;
}
