/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Encoding, one frame at a time: memory stays that of one frame whatever comes in.
 */
#include "vldm/stages/encode.h"

#include "opencl/ops/convert.h"
#include "vldm/stages/autoencode.h"
#include "vldm/stages/transfer.h"

struct _VldmEncode
{
  VldmModel *model;
  OclQueue *queue;
  VldmAutoencoder *encoder;     /* the model's */
};

VldmEncode *
vldm_encode_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmEncode) encode = g_new0 (VldmEncode, 1);

  encode->model = vldm_model_ref (model);
  encode->queue = ocl_queue_new (vldm_model_device (model), error);
  if (encode->queue == NULL)
    return NULL;
  encode->encoder = vldm_model_encoder (model, progress, error);
  if (encode->encoder == NULL)
    return NULL;
  return g_steal_pointer (&encode);
}

void
vldm_encode_free (VldmEncode * encode)
{
  if (encode == NULL)
    return;
  g_clear_pointer (&encode->queue, ocl_queue_free);
  vldm_model_unref (encode->model);
  g_free (encode);
}

gboolean
vldm_encode_check_model (VldmModel * model, GError ** error)
{
  return vldm_model_autoencoder_config (model, error) != NULL;
}

gboolean
vldm_encode_shape (VldmModel * model, guint width, guint height,
    guint * latent_channels, guint * latent_width, guint * latent_height,
    GError ** error)
{
  const VldmAutoencoderConfig *config =
      vldm_model_autoencoder_config (model, error);

  if (config == NULL)
    return FALSE;
  *latent_channels = config->latent_channels;
  *latent_width = (width + config->factor - 1) / config->factor;
  *latent_height = (height + config->factor - 1) / config->factor;
  return TRUE;
}

static gboolean
check_frames (VldmEncode * encode, const VldmFrames * rgb,
    const VldmFrames * latents, GError ** error)
{
  guint channels, width, height;

  if (!vldm_encode_shape (encode->model, rgb->width, rgb->height, &channels,
          &width, &height, error))
    return FALSE;
  if (rgb->format == VLDM_FORMAT_RGB8 && rgb->host != NULL
      && latents->format != VLDM_FORMAT_RGB8 && latents->host != NULL
      && latents->count == rgb->count && latents->channels == channels
      && latents->width == width && latents->height == height)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%u RGB pictures of %u x %u in host memory encode to as many latents of [%u, %u, %u], not %u of [%u, %u, %u]",
      rgb->count, rgb->width, rgb->height, channels, height, width,
      latents->count, latents->channels, latents->height, latents->width);
  return FALSE;
}

static gboolean
encode_frame (VldmEncode * encode, const VldmFrames * rgb,
    VldmFrames * latents, guint i, VldmReport * report, GError ** error)
{
  OclQueue *queue = encode->queue;
  guint factor = vldm_autoencoder_config (encode->encoder)->factor;
  gsize size = vldm_frames_frame_size (rgb);
  OclTensor picture, encoded;
  OclBuffer *bytes;
  gsize offset;

  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1,
          (gsize) latents->height * factor, (gsize) latents->width * factor, 3),
      &picture, error)
      && ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, latents->height,
          latents->width, latents->channels), &encoded, error)
      && ocl_arena_alloc (ocl_queue_arena (queue), size, &bytes, &offset, error)
      && ocl_queue_write (queue, bytes, offset, vldm_frames_host (rgb, i),
      size, error)
      && ocl_from_rgb8 (queue, bytes, offset, rgb->height, rgb->width,
      &picture, error)
      && vldm_autoencode (encode->model, encode->encoder, queue, &picture,
      &encoded, report, error)
      && vldm_read_latents (queue, &encoded, latents, i, error);
}

static gboolean
encode_frames (VldmEncode * encode, const VldmFrames * rgb,
    VldmFrames * latents, VldmReport * report, GError ** error)
{
  OclArena *arena = ocl_queue_arena (encode->queue);
  OclArenaMark mark = ocl_arena_mark (arena);

  for (guint i = 0; i < rgb->count; i++) {
    if (!vldm_report_progress (report, VLDM_ACTIVITY_ENCODE, i, rgb->count,
            error))
      return FALSE;
    if (!encode_frame (encode, rgb, latents, i, report, error))
      return FALSE;
    ocl_arena_release (arena, mark);
  }
  return vldm_report_progress (report, VLDM_ACTIVITY_ENCODE, rgb->count,
      rgb->count, error);
}

gboolean
vldm_encode_run (VldmEncode * encode, const VldmFrames * rgb,
    VldmFrames * latents, const VldmProgress * progress, GError ** error)
{
  VldmReport report;
  gboolean done;

  if (!check_frames (encode, rgb, latents, error))
    return FALSE;

  vldm_report_begin (&report, encode->queue, progress);
  done = encode_frames (encode, rgb, latents, &report, error);
  return vldm_report_end (&report, done, error);
}
