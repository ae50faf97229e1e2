/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Decoding: one chunk of latents -> pictures, blended in [-1, 1] with what the chunk before saw of the same frames.
 */
#include "vldm/stages/decode.h"

#include "opencl/ops/convert.h"
#include "vldm/stages/autoencode.h"
#include "vldm/stages/finite.h"
#include "vldm/stages/overlap.h"
#include "vldm/stages/transfer.h"

#define DEFAULT_CHUNK 8
#define DEFAULT_OVERLAP 2
#define MAX_CHUNK 1024

struct _VldmDecode
{
  VldmModel *model;
  OclQueue *queue;
  VldmAutoencoder *decoder;     /* the model's */

  VldmOverlap kept;             /* of the chunk before, fp32 in [-1, 1] */
};

static const VldmAutoencoderConfig *
find_config (VldmModel * model, VldmLatentSpace space, GError ** error)
{
  return space == VLDM_LATENTS_UPSAMPLER_VAE
      ? vldm_model_upsampler_autoencoder_config (model, error)
      : vldm_model_autoencoder_config (model, error);
}

gboolean
vldm_decode_check_model (VldmModel * model, VldmLatentSpace space,
    GError ** error)
{
  return find_config (model, space, error) != NULL;
}

gboolean
vldm_decode_chunks (VldmModel * model, VldmLatentSpace space, gint size,
    gint overlap, VldmChunks * chunks, GError ** error)
{
  const VldmAutoencoderConfig *config = find_config (model, space, error);

  if (config == NULL)
    return FALSE;
  if (size == -1)
    size = DEFAULT_CHUNK;
  if (overlap == -1)
    overlap = MIN (DEFAULT_OVERLAP, size / 2);
  if (size < 1 || size > MAX_CHUNK) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-frames is %d; must be 1 to %d", size, MAX_CHUNK);
    return FALSE;
  }
  if (overlap < 0 || overlap > size / 2) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-overlap is %d; must be 0 to %d, half of chunk-frames",
        overlap, size / 2);
    return FALSE;
  }

  chunks->size = config->temporal_decoder ? size : 1;
  chunks->overlap = config->temporal_decoder ? overlap : 0;
  return TRUE;
}

VldmDecode *
vldm_decode_new (VldmModel * model, VldmLatentSpace space,
    const VldmProgress * progress, GError ** error)
{
  g_autoptr (VldmDecode) decode = g_new0 (VldmDecode, 1);

  decode->model = vldm_model_ref (model);
  decode->queue = ocl_queue_new (vldm_model_device (model), error);
  if (decode->queue == NULL)
    return NULL;
  decode->decoder = space == VLDM_LATENTS_UPSAMPLER_VAE
      ? vldm_model_upsampler_decoder (model, progress, error)
      : vldm_model_decoder (model, progress, error);
  if (decode->decoder == NULL)
    return NULL;
  return g_steal_pointer (&decode);
}

void
vldm_decode_free (VldmDecode * decode)
{
  if (decode == NULL)
    return;
  vldm_overlap_clear (&decode->kept);
  g_clear_pointer (&decode->queue, ocl_queue_free);
  vldm_model_unref (decode->model);
  g_free (decode);
}

static gboolean
check_frames (VldmDecode * decode, const VldmDecodeParams * params,
    const VldmFrames * latents, const VldmFrames * rgb, GError ** error)
{
  const VldmAutoencoderConfig *config =
      vldm_autoencoder_config (decode->decoder);
  gsize width = (gsize) latents->width * config->factor;
  gsize height = (gsize) latents->height * config->factor;

  if (latents->format == VLDM_FORMAT_RGB8 || latents->host == NULL
      || latents->channels != config->latent_channels) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "the decoder of %s takes latents of %u channels, not %u",
        vldm_model_folder (decode->model), config->latent_channels,
        latents->channels);
    return FALSE;
  }
  if (params->width < 1 || params->height < 1 || params->width > width
      || params->height > height) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "latents of %u x %u decode to %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
        " pixels, which cannot be cropped to %u x %u", latents->width,
        latents->height, width, height, params->width, params->height);
    return FALSE;
  }
  if (rgb->format != VLDM_FORMAT_RGB8 || rgb->host == NULL
      || rgb->count != latents->count || rgb->width != params->width
      || rgb->height != params->height) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u frames of latents decode to as many %u x %u RGB pictures in host memory",
        latents->count, params->width, params->height);
    return FALSE;
  }
  return TRUE;
}

static gboolean
decode_chunk (VldmDecode * decode, const VldmDecodeParams * params,
    const VldmFrames * latents, VldmFrames * rgb, VldmReport * report,
    GError ** error)
{
  OclQueue *queue = decode->queue;
  guint factor = vldm_autoencoder_config (decode->decoder)->factor;
  gsize size = vldm_frames_size (rgb);
  OclTensor input, picture;
  OclBuffer *bytes;
  gsize offset;

  if (!vldm_report_progress (report, VLDM_ACTIVITY_DECODE, 0, latents->count,
          error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (latents->count,
              (gsize) latents->height * factor, (gsize) latents->width * factor,
              rgb->channels), &picture, error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (latents->count,
              latents->height, latents->width, latents->channels), &input,
          error)
      || !vldm_write_latents (queue, latents, 0, &input, error))
    return FALSE;
  if (!vldm_autoencode (decode->model, decode->decoder, queue, &input,
          &picture, report, error))
    return FALSE;
  if (params->blend > 0
      && !vldm_overlap_blend (&decode->kept, queue, params->blend, &picture,
          error))
    return FALSE;
  if (params->keep && params->overlap > 0
      && !vldm_overlap_keep (&decode->kept, queue, params->overlap, &picture,
          error))
    return FALSE;

  return ocl_arena_alloc (ocl_queue_arena (queue), size, &bytes, &offset, error)
      && ocl_to_rgb8 (queue, &picture, rgb->height, rgb->width, bytes, offset,
      error)
      && ocl_queue_read (queue, bytes, offset, vldm_frames_host (rgb, 0), size,
      error)
      && vldm_report_progress (report, VLDM_ACTIVITY_DECODE, latents->count,
      latents->count, error);
}

gboolean
vldm_decode_run (VldmDecode * decode, const VldmDecodeParams * params,
    const VldmFrames * latents, VldmFrames * rgb, const VldmProgress * progress,
    GError ** error)
{
  VldmReport report;
  gboolean done;

  if (!check_frames (decode, params, latents, rgb, error)
      || !vldm_check_latents_in (latents, error))
    return FALSE;

  vldm_report_begin (&report, decode->queue, progress);
  done = decode_chunk (decode, params, latents, rgb, &report, error);
  return vldm_report_end (&report, done, error);
}
