/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A window of upsampling: noise -> noisy pictures beside noisy latents -> denoised latents, tile by tile at every step ->
 * blended with the window before -> pictures. Guidance, rescale and the scheduler's step see the whole field, so that
 * tiles leave no seam. Fields lie in the host's memory; what the device holds does not grow with them.
 * Source: Align your Latents, section 3.4; diffusers' StableDiffusionUpscalePipeline.
 */
#include "vldm/stages/upsample.h"

#include <math.h>
#include <string.h>

#include "opencl/ops/convert.h"
#include "opencl/ops/elementwise.h"
#include "vldm/files/extras.h"
#include "vldm/sampling/field.h"
#include "vldm/stages/autoencode.h"
#include "vldm/stages/finite.h"
#include "vldm/stages/overlap.h"
#include "vldm/stages/prompts.h"
#include "vldm/stages/tiling.h"
#include "vldm/stages/transfer.h"
#include "vldm/stages/upsample_private.h"

#define RGB_CHANNELS VLDM_UPSAMPLE_RGB_CHANNELS

/* Of a low-res picture on the device at once. */
#define BAND_PIXELS (1 << 16)

struct _VldmUpsample
{
  VldmModel *model;
  OclQueue *queue;
  VldmUnet *unet;               /* the model's */
  VldmAutoencoder *decoder;     /* the model's; NULL until pictures are wanted */
  VldmPrompts *prompts;
  gboolean warned;              /* of a sampler that is not the file's */
  VldmFrames kept_latents;      /* of the window before, fp32 in host memory */
  VldmOverlap kept_pictures;    /* the same of a decoder with temporal layers, in [-1, 1] */
};

VldmUpsample *
vldm_upsample_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmUpsample) upsample = g_new0 (VldmUpsample, 1);
  VldmTokenizer *tokenizer;
  VldmTextEncoder *encoder;
  g_autofree char *encoder_folder = NULL;

  if (!vldm_upsample_check_model (model, error))
    return NULL;
  if (g_str_equal (vldm_model_upsampler_component (model), "unet")
      && !vldm_extras_warn (vldm_model_folder (model), progress, error))
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
  encoder_folder = vldm_folder_component (vldm_model_folder (model),
      "upsampler_text_encoder", error);
  if (encoder_folder == NULL)
    return NULL;
  upsample->unet = vldm_model_upsampler (model, progress, error);
  if (upsample->unet == NULL)
    return NULL;
  upsample->prompts = vldm_prompts_new (tokenizer, encoder, encoder_folder,
      upsample->unet, vldm_model_type (model));
  return g_steal_pointer (&upsample);
}

void
vldm_upsample_free (VldmUpsample * upsample)
{
  if (upsample == NULL)
    return;
  vldm_frames_clear (&upsample->kept_latents);
  vldm_overlap_clear (&upsample->kept_pictures);
  g_clear_pointer (&upsample->prompts, vldm_prompts_free);
  g_clear_pointer (&upsample->queue, ocl_queue_free);
  vldm_model_unref (upsample->model);
  g_free (upsample);
}

/* ---- noise and pictures ---- */

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
  VldmUpsampleConfigs configs;
  VldmUpsampleShape shape;
} UpsampleRun;

static void
fill_noise (VldmNoise * noise, VldmFrames * field)
{
  vldm_noise_fill (noise, (gfloat *) vldm_frames_host (field, 0),
      vldm_frames_size (field) / sizeof (gfloat));
}

/* The first frames of @field get the noise that the window before had there, as its last ones. */
static gboolean
share_noise (const UpsampleRun * run, VldmNoise * earlier_noise,
    VldmFrames * field, GError ** error)
{
  guint size = run->params->windows.size, shared = run->window->shared;
  g_auto (VldmFrames) earlier = { 0 };

  if (!vldm_frames_init (&earlier, field->format, size, field->channels,
          field->height, field->width, error))
    return FALSE;
  fill_noise (earlier_noise, &earlier);
  memcpy (vldm_frames_host (field, 0), vldm_frames_host (&earlier,
          size - shared), shared * vldm_frames_frame_size (field));
  return TRUE;
}

/* Noise of the low-res pictures, then of the latents, from the window's generator. */
static gboolean
draw_noise (const UpsampleRun * run, VldmNoise * noise, VldmFrames * low_res,
    VldmFrames * latents, GError ** error)
{
  g_autoptr (VldmNoise) earlier = vldm_noise_new (run->window->earlier_seed);

  fill_noise (noise, low_res);
  fill_noise (noise, latents);
  return run->window->shared == 0 || (share_noise (run, earlier, low_res, error)
      && share_noise (run, earlier, latents, error));
}

/* Parts of picture and noise in a picture at the noise level. */
static gboolean
load_noise_level (const UpsampleRun * run, gfloat scales[2], GError ** error)
{
  guint level = run->params->noise_level;
  const VldmSchedulerConfig *config =
      vldm_model_scheduler_config (run->upsample->model, "low_res_scheduler",
      VLDM_SCHEDULER_AUTO, error);
  g_autofree gdouble *alphas_cumprod = NULL;

  if (config == NULL
      || !vldm_check_range ("noise-level", level, 0,
          config->num_train_timesteps - 1, error))
    return FALSE;
  alphas_cumprod = vldm_alphas_cumprod (config);
  scales[0] = sqrt (alphas_cumprod[level]);
  scales[1] = sqrt (1.0 - alphas_cumprod[level]);
  return TRUE;
}

/* Rows [@y, @y + @n) of frame @i of @low_res: noise becomes the padded picture with noise. */
static gboolean
cover_band (const UpsampleRun * run, const gfloat scales[2], guint i, guint y,
    guint n, VldmFrames * low_res, GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  const VldmFrames *rgb = run->rgb;
  gsize row = RGB_CHANNELS * (gsize) rgb->width;
  /* Below the picture its last row goes on. */
  guint first = MIN (y, rgb->height - 1);
  guint there = MIN (n, rgb->height - first);
  OclTensor picture, noise;
  const OclTensor *inputs[] = { &picture, &noise };
  OclBuffer *bytes;
  gsize offset;

  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, n, low_res->width,
          RGB_CHANNELS), &picture, error)
      && ocl_tensor_alloc_like (queue, &picture, &noise, error)
      && ocl_arena_alloc (ocl_queue_arena (queue), there * row, &bytes, &offset,
      error)
      && ocl_queue_write (queue, bytes, offset,
      vldm_frames_host (rgb, i) + first * row, there * row, error)
      && ocl_from_rgb8 (queue, bytes, offset, there, rgb->width, &picture,
      error)
      && vldm_write_tile (queue, low_res, i, y, 0, &noise, error)
      && ocl_combine (queue, 2, inputs, scales, 0.0f, &noise, error)
      && vldm_read_tile (queue, &noise, low_res, i, y, 0, error);
}

/* @low_res, which is noise, becomes the padded pictures with noise. */
static gboolean
cover_pictures (const UpsampleRun * run, VldmFrames * low_res, GError ** error)
{
  OclArena *arena = ocl_queue_arena (run->upsample->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  guint band = MAX (1, BAND_PIXELS / low_res->width);
  gfloat scales[2];

  if (!load_noise_level (run, scales, error))
    return FALSE;
  for (guint i = 0; i < low_res->count; i++) {
    for (guint y = 0; y < low_res->height; y += band) {
      gboolean done = cover_band (run, scales, i, y,
          MIN (band, low_res->height - y), low_res, error);

      ocl_arena_release (arena, mark);
      if (!done)
        return FALSE;
    }
  }
  return TRUE;
}

/* ---- denoising ---- */

/* Tile by tile at every step; guidance, rescale and the step itself over the whole field. */
static gboolean
denoise (const UpsampleRun * run, VldmNoise * noise, const VldmFrames * low_res,
    VldmFrames * latents, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  const VldmSampling *sampling = &run->params->sampling;
  const gfloat time_id = run->params->noise_level;
  g_autoptr (VldmSchedule) schedule = NULL;
  VldmTiledUnet tiled = {.unet = upsample->unet,.time_ids = &time_id,
    .beside = low_res
  };
  const VldmSamplerField field = { vldm_tiled_unet_call, &tiled, latents };
  VldmSampler sampler = {.guidance_scale = sampling->guidance_scale,
    .guidance_rescale = sampling->guidance_rescale,.context_guidance = 1.0,
    .noise = noise,.step = vldm_report_step,.user_data = run->report
  };
  guint size, overlap;

  schedule = vldm_sampling_schedule (sampling, upsample->model,
      "upsampler_scheduler", run->report, &upsample->warned, error);
  if (schedule == NULL)
    return FALSE;
  vldm_upsample_choose_tiles (upsample->model, &run->configs, run->params,
      &run->shape, &size, &overlap);
  g_debug ("upsampling %u frames of %u x %u in tiles of %u that share %u",
      run->rgb->count, run->rgb->width, run->rgb->height, size, overlap);
  if (!vldm_tiled_unet_init (&tiled, upsample->queue, size, overlap, error))
    return FALSE;
  sampler.schedule = schedule;
  sampler.text = vldm_prompts_text (upsample->prompts);
  sampler.negative_text = vldm_prompts_negative (upsample->prompts);
  return vldm_field_sampler_run (&sampler, upsample->queue, &field, error)
      && vldm_report_progress (run->report, VLDM_ACTIVITY_DENOISE, schedule->n,
      schedule->n, error);
}

static gboolean
check_latents (const UpsampleRun * run, const VldmFrames * latents,
    GError ** error)
{
  VldmModel *model = run->upsample->model;
  g_autofree char *folder = g_build_filename (vldm_model_folder (model),
      vldm_model_upsampler_component (model), NULL);
  const VldmMaker maker = { "the upsampler", folder, vldm_model_type (model) };

  return vldm_check_latents_made (&maker, latents, error);
}

/* ---- windows that share frames ---- */

static gboolean
blend_latents (const UpsampleRun * run, VldmFrames * latents, GError ** error)
{
  const VldmFrames *kept = &run->upsample->kept_latents;
  guint n = run->window->shared;

  if (kept->count < n || kept->width != latents->width
      || kept->height != latents->height) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "no %u frames of the window before were kept to blend with", n);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    gfloat *now = (gfloat *) vldm_frames_host (latents, i);
    const gfloat *const inputs[] =
        { (const gfloat *) vldm_frames_host (kept, i), now };
    gfloat w = (i + 1.0f) / (n + 1.0f);
    const gfloat scales[] = { 1.0f - w, w };

    if (!vldm_field_combine (run->upsample->queue, 2, inputs, scales, now,
            vldm_frames_frame_size (latents) / sizeof (gfloat), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
keep_latents (const UpsampleRun * run, const VldmFrames * latents,
    GError ** error)
{
  VldmFrames *kept = &run->upsample->kept_latents;
  guint n = MIN (run->params->windows.overlap, latents->count);

  vldm_frames_clear (kept);
  if (!vldm_frames_init (kept, latents->format, n, latents->channels,
          latents->height, latents->width, error))
    return FALSE;
  memcpy (vldm_frames_host (kept, 0), vldm_frames_host (latents,
          latents->count - n), vldm_frames_size (kept));
  return TRUE;
}

/* Blends the frames that the window before had, and keeps those that the next one will have. */
static gboolean
join_windows (const UpsampleRun * run, VldmFrames * latents, GError ** error)
{
  return (!run->window->blend || blend_latents (run, latents, error))
      && (!run->window->keep || run->params->windows.overlap == 0
      || keep_latents (run, latents, error));
}

/* The same with pictures of a decoder with temporal layers. */
static gboolean
join_pictures (const UpsampleRun * run, const OclTensor * frames,
    GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  VldmOverlap *kept = &run->upsample->kept_pictures;

  return (!run->window->blend
      || vldm_overlap_blend (kept, queue, run->window->shared, frames, error))
      && (!run->window->keep || run->params->windows.overlap == 0
      || vldm_overlap_keep (kept, queue, run->params->windows.overlap, frames,
          error));
}

/* ---- what comes out ---- */

/* Copies the first of @latents to where they are wanted, in the format wanted there. */
static gboolean
give_latents (const UpsampleRun * run, const VldmFrames * latents,
    GError ** error)
{
  OclQueue *queue = run->upsample->queue;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  if (run->latents->format == latents->format) {
    memcpy (vldm_frames_host (run->latents, 0), vldm_frames_host (latents, 0),
        vldm_frames_size (run->latents));
    return TRUE;
  }
  for (guint i = 0; done && i < run->count; i++) {
    OclTensor frame;

    done =
        ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, latents->height,
            latents->width, latents->channels), &frame, error)
        && vldm_write_latents (queue, latents, i, &frame, error)
        && vldm_read_latents (queue, &frame, run->latents, i, error);
    ocl_arena_release (arena, mark);
  }
  return done;
}

/* Decodes @n frames of @latents from @first on, as one clip, and reads the first @count of them into @pictures. Where the
 * decoder has temporal layers, the clip is the run's window. */
static gboolean
decode_clip (const UpsampleRun * run, const VldmFrames * latents, guint first,
    guint n, VldmFrames * pictures, guint count, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  gboolean temporal = !vldm_upsample_decodes_frames (upsample->model);
  OclQueue *queue = upsample->queue;
  guint factor = vldm_autoencoder_config (upsample->decoder)->factor;
  gsize size = count * vldm_frames_frame_size (pictures), offset;
  OclTensor input, decoded, wanted;
  OclBuffer *bytes;

  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (n, latents->height * factor,
              latents->width * factor, RGB_CHANNELS), &decoded, error)
      || !ocl_tensor_alloc (queue, OCL_F32, ocl_shape (n, latents->height,
              latents->width, latents->channels), &input, error)
      || !vldm_write_latents (queue, latents, first, &input, error)
      || !vldm_autoencode (upsample->model, upsample->decoder, queue, &input,
          &decoded, run->report, error)
      || (temporal && !join_pictures (run, &decoded, error)))
    return FALSE;
  wanted = ocl_tensor_frames (&decoded, 0, count);
  return ocl_arena_alloc (ocl_queue_arena (queue), size, &bytes, &offset, error)
      && ocl_to_rgb8 (queue, &wanted, pictures->height, pictures->width, bytes,
      offset, error)
      && ocl_queue_read (queue, bytes, offset, vldm_frames_host (pictures, 0),
      size, error);
}

/* One frame of @frames, in the same memory. */
static VldmFrames
one_frame (const VldmFrames * frames, guint i)
{
  VldmFrames frame = *frames;

  frame.host = vldm_frames_host (frames, i);
  frame.count = 1;
  return frame;
}

/* Frame by frame, or, where the decoder has temporal layers, all of the window as one clip. */
static gboolean
decode_window (const UpsampleRun * run, const VldmFrames * latents,
    GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  OclArena *arena = ocl_queue_arena (upsample->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean clip = !vldm_upsample_decodes_frames (upsample->model);
  gboolean done = TRUE;

  for (guint i = 0; done && i < (clip ? 1 : run->count); i++) {
    VldmFrames picture = one_frame (run->pictures, i);

    done = vldm_report_progress (run->report, VLDM_ACTIVITY_DECODE, i,
        run->count, error)
        && (clip ? decode_clip (run, latents, 0, latents->count, run->pictures,
            run->count, error)
        : decode_clip (run, latents, i, 1, &picture, 1, error));
    ocl_arena_release (arena, mark);
  }
  return done && vldm_report_progress (run->report, VLDM_ACTIVITY_DECODE,
      run->count, run->count, error);
}

/* ---- a window ---- */

static gboolean
make_window (const UpsampleRun * run, GError ** error)
{
  VldmUpsample *upsample = run->upsample;
  const VldmSampling *sampling = &run->params->sampling;
  g_autoptr (VldmNoise) noise = vldm_noise_new (sampling->seed);
  const VldmUpsampleShape *shape = &run->shape;
  g_auto (VldmFrames) latents = { 0 }, low_res = { 0 };

  if (!vldm_prompts_encode (upsample->prompts, upsample->queue,
          run->rgb->count, sampling->prompt,
          vldm_guides (sampling->guidance_scale) ? sampling->negative_prompt
          : NULL, run->report, error))
    return FALSE;
  if (!vldm_frames_init (&latents, VLDM_FORMAT_F32LE, run->rgb->count,
          shape->channels, shape->height, shape->width, error)
      || !vldm_frames_init (&low_res, VLDM_FORMAT_F32LE, run->rgb->count,
          RGB_CHANNELS, shape->height, shape->width, error)
      || !draw_noise (run, noise, &low_res, &latents, error)
      || !cover_pictures (run, &low_res, error)
      || !denoise (run, noise, &low_res, &latents, error)
      || !check_latents (run, &latents, error)
      || !join_windows (run, &latents, error))
    return FALSE;
  vldm_frames_clear (&low_res);
  return (run->latents == NULL || give_latents (run, &latents, error))
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
  const VldmUpsampleShape *shape = &run->shape;

  if (rgb->format != VLDM_FORMAT_RGB8 || rgb->host == NULL || rgb->count < 1
      || rgb->count > run->params->windows.size)
    return refuse_frames ("pictures", rgb, run->params->windows.size,
        RGB_CHANNELS, rgb->height, rgb->width, error);
  if (latents != NULL && (latents->format == VLDM_FORMAT_RGB8
          || latents->host == NULL || latents->count != run->count
          || latents->channels != shape->channels
          || latents->width != shape->width
          || latents->height != shape->height))
    return refuse_frames ("latents", latents, rgb->count, shape->channels,
        shape->height, shape->width, error);
  if (pictures != NULL && (pictures->format != VLDM_FORMAT_RGB8
          || pictures->host == NULL || pictures->count != run->count
          || pictures->width != shape->scale * rgb->width
          || pictures->height != shape->scale * rgb->height))
    return refuse_frames ("enlarged pictures", pictures, rgb->count,
        RGB_CHANNELS, shape->scale * rgb->height, shape->scale * rgb->width,
        error);
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

static gboolean
ensure_decoder (VldmUpsample * upsample, const VldmProgress * progress,
    GError ** error)
{
  if (upsample->decoder == NULL)
    upsample->decoder =
        vldm_model_upsampler_decoder (upsample->model, progress, error);
  return upsample->decoder != NULL;
}

gboolean
vldm_upsample_run (VldmUpsample * upsample, const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, const VldmFrames * rgb,
    VldmFrames * latents, VldmFrames * pictures,
    const VldmProgress * progress, GError ** error)
{
  VldmReport report;
  const VldmFrames *out = latents != NULL ? latents : pictures;
  UpsampleRun run = { upsample, params, window, rgb, latents, pictures,
    out == NULL ? 0 : out->count, &report
  };
  gboolean done;

  if (!vldm_upsample_find_configs (upsample->model, &run.configs, error)
      || !vldm_upsample_check_settings (upsample->model, &run.configs, params,
          error)
      || !vldm_upsample_find_shape (&run.configs, rgb->width, rgb->height,
          &run.shape, error)
      || !check_window (&run, error) || !check_frames (&run, error)
      || (pictures != NULL && !ensure_decoder (upsample, progress, error)))
    return FALSE;

  vldm_report_begin (&report, upsample->queue, progress);
  done = make_window (&run, error);
  return vldm_report_end (&report, done, error);
}

gboolean
vldm_upsample_decode (VldmUpsample * upsample, const VldmFrames * latents,
    guint i, VldmFrames * picture, const VldmProgress * progress,
    GError ** error)
{
  const VldmAutoencoderConfig *config;
  VldmReport report;
  const UpsampleRun run = {.upsample = upsample,.report = &report };
  gboolean done;

  if (!ensure_decoder (upsample, progress, error))
    return FALSE;
  config = vldm_autoencoder_config (upsample->decoder);
  if (latents->channels != config->latent_channels || i >= latents->count
      || picture->format != VLDM_FORMAT_RGB8 || picture->host == NULL
      || picture->count != 1 || picture->width > config->factor * latents->width
      || picture->height > config->factor * latents->height)
    return refuse_frames ("a picture", picture, 1, RGB_CHANNELS,
        config->factor * latents->height, config->factor * latents->width,
        error);

  vldm_report_begin (&report, upsample->queue, progress);
  done = vldm_report_progress (&report, VLDM_ACTIVITY_DECODE, i, latents->count,
      error)
      && decode_clip (&run, latents, i, 1, picture, 1, error)
      && vldm_report_progress (&report, VLDM_ACTIVITY_DECODE, i + 1,
      latents->count, error);
  return vldm_report_end (&report, done, error);
}
