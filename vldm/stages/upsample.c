/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A window of upsampling: noise -> noisy pictures beside noisy latents -> denoised latents, tile by tile at every step ->
 * blended with the window before -> pictures. Guidance, rescale and the scheduler's step see the whole field, so that
 * tiles leave no seam.
 * Source: Align your Latents, section 3.4; diffusers' StableDiffusionUpscalePipeline.
 */
#include "vldm/stages/upsample.h"

#include <math.h>

#include "opencl/ops/convert.h"
#include "opencl/ops/elementwise.h"
#include "vldm/model/autoencoder.h"
#include "vldm/sampling/sampler.h"
#include "vldm/stages/overlap.h"
#include "vldm/stages/prompts.h"
#include "vldm/stages/tiling.h"
#include "vldm/stages/transfer.h"
#include "vldm/stages/upsample_private.h"

#define RGB_CHANNELS VLDM_UPSAMPLE_RGB_CHANNELS

struct _VldmUpsample
{
  VldmModel *model;
  OclQueue *queue;
  VldmUnet *unet;               /* the model's */
  VldmAutoencoder *autoencoder; /* the model's; NULL until pictures are wanted */
  VldmPrompts *prompts;
  VldmOverlap kept_latents;     /* of the window before, fp32 */
  VldmOverlap kept_pictures;    /* the same of a decoder with temporal layers, in [-1, 1] */
};

VldmUpsample *
vldm_upsample_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmUpsample) upsample = g_new0 (VldmUpsample, 1);
  VldmUpsampleConfigs configs;
  VldmTokenizer *tokenizer;
  VldmTextEncoder *encoder;

  if (!vldm_upsample_find_configs (model, &configs, error))
    return NULL;
  upsample->model = vldm_model_ref (model);
  upsample->queue = ocl_queue_new (vldm_model_device (model), error);
  if (upsample->queue == NULL)
    return NULL;
  tokenizer = vldm_model_upsampler_tokenizer (model, error);
  if (tokenizer == NULL)
    return NULL;
  encoder = vldm_model_upsampler_text_encoder (model, progress, error);
  if (encoder == NULL)
    return NULL;
  upsample->unet = vldm_model_upsampler (model, progress, error);
  if (upsample->unet == NULL)
    return NULL;
  upsample->prompts = vldm_prompts_new (tokenizer, encoder, upsample->unet,
      vldm_model_type (model));
  return g_steal_pointer (&upsample);
}

void
vldm_upsample_free (VldmUpsample * upsample)
{
  if (upsample == NULL)
    return;
  vldm_upsample_reset (upsample);
  g_clear_pointer (&upsample->prompts, vldm_prompts_free);
  g_clear_pointer (&upsample->queue, ocl_queue_free);
  vldm_model_unref (upsample->model);
  g_free (upsample);
}

void
vldm_upsample_reset (VldmUpsample * upsample)
{
  vldm_overlap_clear (&upsample->kept_latents);
  vldm_overlap_clear (&upsample->kept_pictures);
}

/* ---- a window ---- */

/* What one call works on. */
typedef struct
{
  VldmUpsample *upsample;
  const VldmUpsampleParams *params;
  const VldmUpsampleWindow *window;
  const VldmFrames *rgb;
  VldmFrames *latents, *pictures;
  guint count;                  /* frames that come out */
  VldmReport *report;
} UpsampleRun;

/* Noise of the low-res pictures, then of the latents, from the window's generator. */
static gboolean
draw_noise (OclQueue * queue, VldmNoise * noise, const OclTensor * low_res,
    const OclTensor * latents, GError ** error)
{
  return vldm_noise_to_tensor (noise, queue, low_res, error)
      && vldm_noise_to_tensor (noise, queue, latents, error);
}

/* The first frames of both get the noise that the window before had there, as its last ones. */
static gboolean
share_noise (const UpsampleRun * run, const OclTensor * low_res,
    const OclTensor * latents, GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  guint size = run->params->windows.size, shared = run->window->shared;
  g_autoptr (VldmNoise) noise = vldm_noise_new (run->window->earlier_seed);
  OclTensor earlier_low_res, earlier_latents;
  const struct
  {
    const OclTensor *from, *to;
  } pairs[] = { {&earlier_low_res, low_res}, {&earlier_latents, latents} };

  if (!ocl_tensor_alloc (queue, OCL_F32, size, low_res->height,
          low_res->width, low_res->channels, &earlier_low_res, error)
      || !ocl_tensor_alloc (queue, OCL_F32, size, latents->height,
          latents->width, latents->channels, &earlier_latents, error)
      || !draw_noise (queue, noise, &earlier_low_res, &earlier_latents, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    OclTensor from = ocl_tensor_frames (pairs[i].from, size - shared, shared);
    OclTensor to = ocl_tensor_frames (pairs[i].to, 0, shared);

    if (!ocl_copy (queue, &from, &to, error))
      return FALSE;
  }
  return TRUE;
}

/* Parts of picture and noise in a picture at the noise level. */
static gboolean
load_noise_level (const UpsampleRun * run, gfloat scales[2], GError ** error)
{
  guint level = run->params->noise_level;
  g_autofree char *folder =
      vldm_folder_component (vldm_model_folder (run->upsample->model),
      "low_res_scheduler", error);
  g_autoptr (VldmSchedulerConfig) config = NULL;
  g_autofree gdouble *alphas_cumprod = NULL;

  if (folder == NULL)
    return FALSE;
  config = vldm_scheduler_config_load (folder, VLDM_SCHEDULER_AUTO, error);
  if (config == NULL
      || !vldm_check_range ("noise-level", level, 0,
          config->num_train_timesteps - 1, error))
    return FALSE;
  alphas_cumprod = vldm_alphas_cumprod (config);
  scales[0] = sqrt (alphas_cumprod[level]);
  scales[1] = sqrt (1.0 - alphas_cumprod[level]);
  return TRUE;
}

/* @low_res [T, H, W, 3] = the padded pictures with noise; @noise is of the same shape. */
static gboolean
add_noise (const UpsampleRun * run, const OclTensor * noise,
    const OclTensor * low_res, GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  const VldmFrames *rgb = run->rgb;
  const OclTensor *inputs[] = { low_res, noise };
  gsize size = vldm_frames_size (rgb), offset;
  gfloat scales[2];
  OclBuffer *bytes;

  return load_noise_level (run, scales, error)
      && ocl_arena_alloc (ocl_queue_arena (queue), size, &bytes, &offset, error)
      && ocl_queue_write (queue, bytes, offset, vldm_frames_host (rgb, 0),
      size, error)
      && ocl_from_rgb8 (queue, bytes, offset, rgb->height, rgb->width, low_res,
      error)
      && ocl_combine (queue, 2, inputs, scales, 0.0f, low_res, error);
}

/* Fills in @latents, pure noise, and @sample's channels after the latents', the noisy pictures. */
static gboolean
begin_window (const UpsampleRun * run, VldmNoise * noise,
    const OclTensor * latents, const OclTensor * sample, GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor low_res = ocl_tensor_channels (sample, latents->channels,
      RGB_CHANNELS);
  OclTensor low_res_noise;
  gboolean done = ocl_tensor_alloc (queue, OCL_F32, latents->frames,
      latents->height, latents->width, RGB_CHANNELS, &low_res_noise, error)
      && draw_noise (queue, noise, &low_res_noise, latents, error)
      && (run->window->shared == 0
      || share_noise (run, &low_res_noise, latents, error))
      && add_noise (run, &low_res_noise, &low_res, error);

  ocl_arena_release (arena, mark);
  return done;
}

static gboolean
report_step (guint done, guint total, gpointer user_data, GError ** error)
{
  return vldm_report_progress (user_data, VLDM_ACTIVITY_DENOISE, done, total,
      error);
}

/* Tile by tile at every step; guidance, rescale and the step itself over the whole field. */
static gboolean
denoise (const UpsampleRun * run, VldmNoise * noise, const OclTensor * sample,
    const OclTensor * latents, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  const VldmSampling *sampling = &run->params->sampling;
  const gfloat time_id = run->params->noise_level;
  g_autoptr (VldmSchedule) schedule = NULL;
  VldmTiledUnet tiled;
  VldmSampler sampler = {.call = vldm_tiled_unet_call,.network = &tiled };
  guint size, overlap;

  schedule = vldm_sampling_schedule (sampling, upsample->model,
      "upsampler_scheduler", error);
  if (schedule == NULL)
    return FALSE;
  if (!vldm_upsample_tiles (upsample->model, run->params, run->rgb->width,
          run->rgb->height, &size, &overlap, error)
      || !vldm_tiled_unet_init (&tiled, upsample->queue, upsample->unet,
          &time_id, latents->height, latents->width, size, overlap, error))
    return FALSE;
  sampler.schedule = schedule;
  sampler.text = vldm_prompts_text (upsample->prompts);
  sampler.negative_text = vldm_prompts_negative (upsample->prompts);
  sampler.guidance_scale = sampling->guidance_scale;
  sampler.guidance_rescale = sampling->guidance_rescale;
  sampler.context_guidance = 1.0;
  return vldm_sampler_run (&sampler, upsample->queue, sample, NULL, latents,
      noise, report_step, run->report, error)
      && vldm_report_progress (run->report, VLDM_ACTIVITY_DENOISE, schedule->n,
      schedule->n, error);
}

/* Blends the frames that the window before had, and keeps those that the next one will have. */
static gboolean
join_windows (const UpsampleRun * run, VldmOverlap * kept,
    const OclTensor * frames, GError ** error)
{
  OclQueue *queue = run->upsample->queue;

  if (run->window->blend
      && !vldm_overlap_blend (kept, queue, run->window->shared, frames, error))
    return FALSE;
  return !run->window->keep || run->params->windows.overlap == 0
      || vldm_overlap_keep (kept, queue, run->params->windows.overlap, frames,
      error);
}

/* Decodes @latents and reads the first @count of the pictures into the caller's from @first on. */
static gboolean
decode_frames (const UpsampleRun * run, const OclTensor * latents,
    guint first, guint count, gboolean join, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  OclQueue *queue = upsample->queue;
  const VldmFrames *pictures = run->pictures;
  guint factor = vldm_autoencoder_config (upsample->autoencoder)->factor;
  gsize size = count * vldm_frames_frame_size (pictures), offset;
  OclTensor decoded, wanted;
  OclBuffer *bytes;

  if (!vldm_report_progress (run->report, VLDM_ACTIVITY_DECODE, first,
          run->count, error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, latents->frames,
          latents->height * factor, latents->width * factor, RGB_CHANNELS,
          &decoded, error)
      || !vldm_autoencoder_decode (upsample->autoencoder, queue, latents,
          &decoded, error)
      || (join && !join_windows (run, &upsample->kept_pictures, &decoded,
              error)))
    return FALSE;
  wanted = ocl_tensor_frames (&decoded, 0, count);
  return ocl_arena_alloc (ocl_queue_arena (queue), size, &bytes, &offset, error)
      && ocl_to_rgb8 (queue, &wanted, pictures->height, pictures->width, bytes,
      offset, error)
      && ocl_queue_read (queue, bytes, offset, vldm_frames_host (pictures,
          first), size, error);
}

/* Frame by frame, or, where the decoder has temporal layers, all of the window as one clip. */
static gboolean
decode_window (const UpsampleRun * run, const OclTensor * latents,
    GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  OclArena *arena = ocl_queue_arena (upsample->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  if (vldm_autoencoder_config (upsample->autoencoder)->temporal_decoder) {
    done = decode_frames (run, latents, 0, run->count, TRUE, error);
    ocl_arena_release (arena, mark);
  } else {
    for (guint i = 0; done && i < run->count; i++) {
      OclTensor frame = ocl_tensor_frames (latents, i, 1);

      done = decode_frames (run, &frame, i, 1, FALSE, error);
      ocl_arena_release (arena, mark);
    }
  }
  return done && vldm_report_progress (run->report, VLDM_ACTIVITY_DECODE,
      run->count, run->count, error);
}

static gboolean
make_window (const UpsampleRun * run, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  const VldmSampling *sampling = &run->params->sampling;
  OclQueue *queue = upsample->queue;
  g_autoptr (VldmNoise) noise = vldm_noise_new (sampling->seed);
  OclTensor latents, sample, wanted;
  guint scale, channels, width, height;

  if (!vldm_upsample_shape (upsample->model, run->rgb->width,
          run->rgb->height, &scale, &channels, &width, &height, error))
    return FALSE;
  if (!vldm_prompts_encode (upsample->prompts, queue, sampling->prompt,
          sampling->guidance_scale == 1.0 ? NULL : sampling->negative_prompt,
          run->report, error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, run->rgb->count, height, width,
          channels, &latents, error)
      || !ocl_tensor_alloc (queue, OCL_F32, run->rgb->count, height, width,
          channels + RGB_CHANNELS, &sample, error)
      || !begin_window (run, noise, &latents, &sample, error)
      || !denoise (run, noise, &sample, &latents, error)
      || !join_windows (run, &upsample->kept_latents, &latents, error))
    return FALSE;
  wanted = ocl_tensor_frames (&latents, 0, run->count);
  return (run->latents == NULL
      || vldm_read_latents (queue, &wanted, run->latents, 0, error))
      && (run->pictures == NULL || decode_window (run, &latents, error));
}

/* ---- checks ---- */

static gboolean
refuse_frames (const char *what, const VldmFrames * is, guint count,
    guint channels, guint height, guint width, GError ** error)
{
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s of an upsampled window: %u of [%u, %u, %u]; it needs 1 to %u of [%u, %u, %u] in host memory",
      what, is->count, is->channels, is->height, is->width, count, channels,
      height, width);
  return FALSE;
}

static gboolean
check_frames (const UpsampleRun * run, GError ** error)
{
  const VldmFrames *rgb = run->rgb, *latents = run->latents;
  const VldmFrames *pictures = run->pictures;
  guint scale, channels, width, height;

  if (!vldm_upsample_shape (run->upsample->model, rgb->width, rgb->height,
          &scale, &channels, &width, &height, error))
    return FALSE;
  if (rgb->format != VLDM_FORMAT_RGB8 || rgb->host == NULL || rgb->count < 1
      || rgb->count > run->params->windows.size)
    return refuse_frames ("pictures", rgb, run->params->windows.size,
        RGB_CHANNELS, rgb->height, rgb->width, error);
  if (latents != NULL && (latents->format == VLDM_FORMAT_RGB8
          || latents->host == NULL || latents->count != run->count
          || latents->channels != channels || latents->width != width
          || latents->height != height))
    return refuse_frames ("latents", latents, rgb->count, channels, height,
        width, error);
  if (pictures != NULL && (pictures->format != VLDM_FORMAT_RGB8
          || pictures->host == NULL || pictures->count != run->count
          || pictures->width != scale * rgb->width
          || pictures->height != scale * rgb->height))
    return refuse_frames ("enlarged pictures", pictures, rgb->count,
        RGB_CHANNELS, scale * rgb->height, scale * rgb->width, error);
  return TRUE;
}

/* A window shares all of the overlap or nothing, and gives at most what it has. */
static gboolean
check_window (const UpsampleRun * run, GError ** error)
{
  guint overlap = run->params->windows.overlap;
  guint shared = run->window->shared;

  if ((shared == 0 || shared == overlap) && shared <= run->rgb->count
      && run->count >= 1 && run->count <= run->rgb->count)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "a window of %u frames that shares %u and gives %u; it shares 0 or %u, and gives 1 to %u",
      run->rgb->count, shared, run->count, overlap, run->rgb->count);
  return FALSE;
}

gboolean
vldm_upsample_run (VldmUpsample * upsample, const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, const VldmFrames * rgb,
    VldmFrames * latents, VldmFrames * pictures,
    const VldmProgress * progress, GError ** error)
{
  VldmReport report;
  const VldmFrames *out = latents != NULL ? latents : pictures;
  const UpsampleRun run = { upsample, params, window, rgb, latents, pictures,
    out == NULL ? 0 : out->count, &report
  };
  gboolean done;

  if (!vldm_upsample_check (upsample->model, params, error)
      || !check_window (&run, error) || !check_frames (&run, error))
    return FALSE;
  if (pictures != NULL && upsample->autoencoder == NULL) {
    upsample->autoencoder =
        vldm_model_upsampler_autoencoder (upsample->model, progress, error);
    if (upsample->autoencoder == NULL)
      return FALSE;
  }

  vldm_report_begin (&report, upsample->queue, progress);
  done = make_window (&run, error);
  return vldm_report_end (&report, done, error);
}
