/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stages that compute nothing.
 */
#include "tests/elements/fake_private.h"

#include <string.h>

#include "vldm/stages/decode.h"
#include "vldm/stages/encode.h"
#include "vldm/stages/interpolate.h"
#include "vldm/stages/keyframes.h"

#define FACTOR 8
#define SLICE_MS 10

FakeSettings fake;
gint fake_decoder_space;
gint fake_models_opened, fake_stages_made, fake_generations, fake_chunks;
gint fake_gaps, fake_upsamplings;
gint fake_long_works;
gint fake_live_models, fake_live_stages;
FakeGap fake_last_gap;
FakeUpsampling fake_last_upsampling;
FakeWindow fake_windows[FAKE_MAX_WINDOWS];

struct _OclDevice
{
  int nothing;
};

struct _VldmModel
{
  gint refs;
  char *folder;
  OclType type;
};

struct _VldmKeyframes
{
  VldmModel *model;
};

struct _VldmDecode
{
  VldmModel *model;
  guint kept;
};

struct _VldmInterpolate
{
  VldmModel *model;
};

struct _VldmEncode
{
  VldmModel *model;
};

static OclDevice the_device;

void
fake_reset (void)
{
  memset (&fake, 0, sizeof (fake));
  fake.fps_n = 24000;
  fake.fps_d = 1001;
  fake_models_opened = fake_stages_made = fake_generations = fake_chunks = 0;
  fake_gaps = fake_upsamplings = 0;
  fake_long_works = 0;
  memset (&fake_last_upsampling, 0, sizeof (fake_last_upsampling));
  memset (&fake_last_gap, 0, sizeof (fake_last_gap));
}

gboolean
fake_work (const VldmProgress * progress, VldmActivity activity, guint done,
    guint total, gint ms, GError ** error)
{
  const gboolean is_long = ms >= FAKE_LONG_MS;

  do {
    if (!progress->progress (activity, done, total, progress->user_data)) {
      g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_CANCELLED,
          "cancelled");
      return FALSE;
    }
    if (ms > 0)
      g_usleep (1000 * MIN (ms, SLICE_MS));
    ms -= SLICE_MS;
  } while (ms > 0);
  if (is_long)
    g_atomic_int_inc (&fake_long_works);
  return TRUE;
}

gboolean
fake_fails (FakeFailure what, GQuark domain, gint code, GError ** error)
{
  if (fake.failure != what)
    return FALSE;
  g_set_error (error, domain, code, "injected failure %d", what);
  return TRUE;
}

GQuark
ocl_error_quark (void)
{
  return g_quark_from_static_string ("ocl-error-quark");
}

void
ocl_buffer_unref (OclBuffer * buffer)
{
}

OclDevice *
ocl_device_open (const char *selector, OclForm form, GError ** error)
{
  if (fake_fails (FAKE_FAIL_DEVICE, OCL_ERROR, OCL_ERROR_NO_DEVICE, error))
    return NULL;
  return &the_device;
}

void
ocl_device_unref (OclDevice * device)
{
}

const char *
ocl_device_description (OclDevice * device)
{
  return "fake: no device";
}

guint64
ocl_device_bytes_allocated (OclDevice * device)
{
  return 4096;
}

VldmModel *
vldm_model_new (const char *folder, OclDevice * device,
    VldmPrecision precision, GError ** error)
{
  VldmModel *model;

  if (fake_fails (FAKE_FAIL_MODEL, VLDM_ERROR, VLDM_ERROR_MODEL, error))
    return NULL;
  model = g_new0 (VldmModel, 1);
  model->refs = 1;
  model->folder = g_strdup (folder);
  model->type = precision == VLDM_PRECISION_F16 ? OCL_F16
      : precision == VLDM_PRECISION_BF16 && fake.bf16 ? OCL_BF16 : OCL_F32;
  g_atomic_int_inc (&fake_models_opened);
  g_atomic_int_inc (&fake_live_models);
  return model;
}

VldmModel *
vldm_model_ref (VldmModel * model)
{
  g_atomic_int_inc (&model->refs);
  return model;
}

void
vldm_model_unref (VldmModel * model)
{
  if (!g_atomic_int_dec_and_test (&model->refs))
    return;
  g_atomic_int_add (&fake_live_models, -1);
  g_free (model->folder);
  g_free (model);
}

const char *
vldm_model_folder (VldmModel * model)
{
  return model->folder;
}

OclDevice *
vldm_model_device (VldmModel * model)
{
  return &the_device;
}

gboolean
vldm_model_precision_is_open (VldmModel * model)
{
  return FALSE;
}

OclType
vldm_model_type (VldmModel * model)
{
  return model->type == OCL_BF16 ? OCL_F32 : model->type;
}

OclType
vldm_model_weights_type (VldmModel * model)
{
  return model->type;
}

const VldmAutoencoderConfig *
vldm_model_autoencoder_config (VldmModel * model, GError ** error)
{
  static const VldmAutoencoderConfig config = {
    .latent_channels = FAKE_CHANNELS,
    .factor = FACTOR,
  };

  return &config;
}

gboolean
fake_check_model (GError ** error)
{
  return !fake_fails (FAKE_FAIL_CHECK, VLDM_ERROR, VLDM_ERROR_MODEL, error);
}

gboolean
vldm_keyframes_check_model (VldmModel * model, GError ** error)
{
  return fake_check_model (error);
}

gboolean
vldm_interpolate_check_model (VldmModel * model, GError ** error)
{
  return fake_check_model (error);
}

gboolean
vldm_decode_check_model (VldmModel * model, VldmLatentSpace space,
    GError ** error)
{
  return fake_check_model (error);
}

gboolean
vldm_encode_check_model (VldmModel * model, GError ** error)
{
  return fake_check_model (error);
}

gboolean
fake_load (const VldmProgress * progress, GError ** error)
{
  if (!fake_work (progress, VLDM_ACTIVITY_LOAD_MODEL, 0, 1, fake.load_ms,
          error))
    return FALSE;
  if (fake_fails (FAKE_FAIL_LOAD, VLDM_ERROR, VLDM_ERROR_READ, error))
    return FALSE;
  if (!fake_work (progress, VLDM_ACTIVITY_LOAD_MODEL, 1, 1, 0, error))
    return FALSE;
  g_atomic_int_inc (&fake_stages_made);
  g_atomic_int_inc (&fake_live_stages);
  return TRUE;
}

VldmKeyframes *
vldm_keyframes_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  VldmKeyframes *keyframes;

  if (!fake_load (progress, error))
    return NULL;
  keyframes = g_new0 (VldmKeyframes, 1);
  keyframes->model = vldm_model_ref (model);
  return keyframes;
}

void
vldm_keyframes_free (VldmKeyframes * keyframes)
{
  g_atomic_int_add (&fake_live_stages, -1);
  vldm_model_unref (keyframes->model);
  g_free (keyframes);
}

gboolean
vldm_keyframes_defaults (VldmModel * model, VldmKeyframesParams * params,
    gint * fps_n, gint * fps_d, GError ** error)
{
  memset (params, 0, sizeof (*params));
  params->sampling.prompt = params->sampling.negative_prompt = "";
  params->sampling.steps = 4;
  params->sampling.guidance_scale = 4.0;
  params->sampling.context_guidance = 1.0;
  params->frames = 8;
  params->width = 64;
  params->height = 32;
  *fps_n = fake.fps_n;
  *fps_d = fake.fps_d;
  return TRUE;
}

gboolean
fake_in_range (const char *name, gdouble value, gdouble min, gdouble max,
    GError ** error)
{
  if (value >= min && value <= max)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %g; allowed is %g to %g", name, value, min, max);
  return FALSE;
}

static gboolean
multiple (const char *name, guint value, GError ** error)
{
  if (value % FACTOR == 0)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %u; the nearest are %u and %u", name, value,
      value / FACTOR * FACTOR, value / FACTOR * FACTOR + FACTOR);
  return FALSE;
}

gboolean
vldm_keyframes_check (VldmModel * model, const VldmKeyframesParams * params,
    GError ** error)
{
  const VldmSampling *sampling = &params->sampling;

  return multiple ("width", params->width, error)
      && multiple ("height", params->height, error)
      && fake_in_range ("steps", sampling->steps, 1, 1000, error)
      && fake_in_range ("guidance-scale", sampling->guidance_scale, 0, 100,
      error)
      && fake_in_range ("guidance-rescale", sampling->guidance_rescale, 0, 1,
      error)
      && fake_in_range ("context-guidance", sampling->context_guidance, 0, 100,
      error);
}

guint
vldm_keyframes_context (VldmModel * model)
{
  return fake.no_context ? 0 : 2;
}

static void
record (const VldmKeyframesParams * params, const VldmFrames * context)
{
  gint n = g_atomic_int_add (&fake_generations, 1);
  FakeWindow *window = &fake_windows[MIN (n, FAKE_MAX_WINDOWS - 1)];

  window->seed = params->sampling.seed;
  window->frames = params->frames;
  window->context = context != NULL ? context->count : 0;
  window->first = context != NULL
      ? *(gfloat *) vldm_frames_host (context, 0) : 0;
  window->context_guidance = params->sampling.context_guidance;
  g_strlcpy (window->prompt, params->sampling.prompt, sizeof (window->prompt));
}

/* Frame i of @out, see the header. */
static void
fill (const VldmKeyframesParams * params, const VldmFrames * context,
    VldmFrames * out, guint i)
{
  const VldmSampling *sampling = &params->sampling;
  gfloat *frame = (gfloat *) vldm_frames_host (out, i);
  guint known = context != NULL ? context->count : 0;
  gfloat values[4];
  gsize j;

  if (i < known) {
    memcpy (frame, vldm_frames_host (context, i),
        vldm_frames_frame_size (context));
    return;
  }
  values[0] = g_str_hash (sampling->prompt) % 65536;
  values[1] = sampling->seed % 65536;
  values[2] = known;
  values[3] = sampling->steps;
  frame[0] = 1000.0f * sampling->seed + i;
  if (known > 0)
    frame[0] = *(gfloat *) vldm_frames_host (context, known - 1)
        + (i - known + 1);
  for (j = 1; j < vldm_frames_frame_size (out) / sizeof (gfloat); j++)
    frame[j] = values[(j - 1) % 4];
}

gboolean
vldm_keyframes_run (VldmKeyframes * keyframes,
    const VldmKeyframesParams * params, const VldmFrames * context,
    VldmFrames * out, const VldmProgress * progress, GError ** error)
{
  guint steps = params->sampling.steps;
  guint i;

  record (params, context);
  if (!fake_work (progress, VLDM_ACTIVITY_ENCODE_TEXT, 0, 1, 0, error)
      || !fake_work (progress, VLDM_ACTIVITY_ENCODE_TEXT, 1, 1, 0, error))
    return FALSE;
  for (i = 0; i < steps; i++) {
    if (i == steps / 2 && fake_fails (FAKE_FAIL_GENERATE, OCL_ERROR,
            OCL_ERROR_MEMORY, error))
      return FALSE;
    if (!fake_work (progress, VLDM_ACTIVITY_DENOISE, i, steps, fake.step_ms,
            error))
      return FALSE;
  }

  for (i = 0; out->format == VLDM_FORMAT_F32LE && i < out->count; i++)
    fill (params, context, out, i);
  return fake_work (progress, VLDM_ACTIVITY_DENOISE, steps, steps, 0, error);
}

gboolean
vldm_decode_chunks (VldmModel * model, VldmLatentSpace space, gint size,
    gint overlap, VldmChunks * chunks, GError ** error)
{
  guint usual = fake.chunk_frames > 0 ? fake.chunk_frames : 8;

  chunks->size = size == -1 ? usual : (guint) size;
  chunks->overlap = overlap == -1 ? (gint) MIN (2, chunks->size / 2) : overlap;
  return fake_in_range ("chunk-frames", chunks->size, 1, 1024, error)
      && fake_in_range ("chunk-overlap", chunks->overlap, 0, chunks->size / 2,
      error);
}

VldmDecode *
vldm_decode_new (VldmModel * model, VldmLatentSpace space,
    const VldmProgress * progress, GError ** error)
{
  VldmDecode *decode;

  if (!fake_load (progress, error))
    return NULL;
  g_atomic_int_set (&fake_decoder_space, space);
  decode = g_new0 (VldmDecode, 1);
  decode->model = vldm_model_ref (model);
  return decode;
}

void
vldm_decode_free (VldmDecode * decode)
{
  g_atomic_int_add (&fake_live_stages, -1);
  vldm_model_unref (decode->model);
  g_free (decode);
}

gboolean
vldm_decode_run (VldmDecode * decode, const VldmDecodeParams * params,
    const VldmFrames * latents, VldmFrames * rgb, const VldmProgress * progress,
    GError ** error)
{
  guint n = latents->count;
  gsize bytes = vldm_frames_frame_size (rgb);
  guint8 first = *(gfloat *) vldm_frames_host (latents, 0);
  guint i;
  gsize j;

  g_atomic_int_inc (&fake_chunks);
  if (params->blend > 0 && decode->kept != params->blend) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u frames kept, %u to blend", decode->kept, params->blend);
    return FALSE;
  }
  for (i = 0; i < n; i++) {
    guint8 *picture = vldm_frames_host (rgb, i);
    guint8 number = *(gfloat *) vldm_frames_host (latents, i);

    if (i == n / 2 && fake_fails (FAKE_FAIL_DECODE, OCL_ERROR, OCL_ERROR_CALL,
            error))
      return FALSE;
    if (!fake_work (progress, VLDM_ACTIVITY_DECODE, i, n, fake.decode_ms,
            error))
      return FALSE;
    for (j = 0; j < bytes; j += 3) {
      picture[j] = number;
      picture[j + 1] = first;
      picture[j + 2] = 16 * (i < params->blend ? params->blend : 0) + n;
    }
  }
  decode->kept = params->keep ? MIN (params->overlap, n) : 0;
  return fake_work (progress, VLDM_ACTIVITY_DECODE, n, n, 0, error);
}

void
vldm_decode_reset (VldmDecode * decode)
{
  decode->kept = 0;
}

VldmInterpolate *
vldm_interpolate_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  VldmInterpolate *interpolate;

  if (!fake_load (progress, error))
    return NULL;
  interpolate = g_new0 (VldmInterpolate, 1);
  interpolate->model = vldm_model_ref (model);
  return interpolate;
}

void
vldm_interpolate_free (VldmInterpolate * interpolate)
{
  g_atomic_int_add (&fake_live_stages, -1);
  vldm_model_unref (interpolate->model);
  g_free (interpolate);
}

gboolean
vldm_interpolate_defaults (VldmModel * model, VldmInterpolateParams * params,
    guint * factor, GError ** error)
{
  memset (params, 0, sizeof (*params));
  params->sampling.prompt = params->sampling.negative_prompt = "";
  params->sampling.steps = 4;
  params->sampling.guidance_scale = 1.0;
  *factor = 4;
  return TRUE;
}

gboolean
vldm_interpolate_check (VldmModel * model,
    const VldmInterpolateParams * params, GError ** error)
{
  return fake_in_range ("frames per second", params->fps, 1e-3, 1e4, error)
      && fake_in_range ("steps", params->sampling.steps, 1, 1000, error)
      && fake_in_range ("guidance-scale", params->sampling.guidance_scale, 0,
      100, error);
}

gboolean
vldm_interpolate_rate_is_unusual (VldmModel * model, gdouble fps)
{
  return fps > 400;
}

gboolean
vldm_interpolate_run (VldmInterpolate * interpolate,
    const VldmInterpolateParams * params, const VldmFrames * ends,
    VldmFrames * inner, const VldmProgress * progress, GError ** error)
{
  const VldmSampling *sampling = &params->sampling;
  gfloat left = *(gfloat *) vldm_frames_host (ends, 0);
  gfloat right = *(gfloat *) vldm_frames_host (ends, 1);
  guint i;

  g_atomic_int_inc (&fake_gaps);
  g_strlcpy (fake_last_gap.prompt, sampling->prompt,
      sizeof (fake_last_gap.prompt));
  g_strlcpy (fake_last_gap.negative_prompt, sampling->negative_prompt,
      sizeof (fake_last_gap.negative_prompt));
  fake_last_gap.steps = sampling->steps;
  fake_last_gap.guidance_scale = sampling->guidance_scale;
  fake_last_gap.fps = params->fps;
  for (i = 0; i < sampling->steps; i++) {
    if (i == sampling->steps / 2
        && fake_fails (FAKE_FAIL_INTERPOLATE, OCL_ERROR, OCL_ERROR_MEMORY,
            error))
      return FALSE;
    if (!fake_work (progress, VLDM_ACTIVITY_DENOISE, i, sampling->steps,
            fake.step_ms, error))
      return FALSE;
  }

  for (i = 0; i < inner->count; i++) {
    gfloat *frame = (gfloat *) vldm_frames_host (inner, i);

    frame[0] = left + (right - left) * (i + 1) / (inner->count + 1);
    frame[1] = sampling->seed % 65536;
    frame[2] = params->fps;
  }
  return fake_work (progress, VLDM_ACTIVITY_DENOISE, i, i, 0, error);
}

VldmEncode *
vldm_encode_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  VldmEncode *encode;

  if (!fake_load (progress, error))
    return NULL;
  encode = g_new0 (VldmEncode, 1);
  encode->model = vldm_model_ref (model);
  return encode;
}

void
vldm_encode_free (VldmEncode * encode)
{
  g_atomic_int_add (&fake_live_stages, -1);
  vldm_model_unref (encode->model);
  g_free (encode);
}

gboolean
vldm_encode_shape (VldmModel * model, guint width, guint height,
    guint * latent_channels, guint * latent_width, guint * latent_height,
    GError ** error)
{
  *latent_channels = FAKE_CHANNELS;
  *latent_width = (width + FACTOR - 1) / FACTOR;
  *latent_height = (height + FACTOR - 1) / FACTOR;
  return TRUE;
}

gboolean
vldm_encode_run (VldmEncode * encode, const VldmFrames * rgb,
    VldmFrames * latents, const VldmProgress * progress, GError ** error)
{
  gsize n = vldm_frames_frame_size (latents) / sizeof (gfloat), j;
  guint i;

  for (i = 0; i < rgb->count; i++) {
    gfloat *frame = (gfloat *) vldm_frames_host (latents, i);

    if (fake_fails (FAKE_FAIL_ENCODE, OCL_ERROR, OCL_ERROR_CALL, error)
        || !fake_work (progress, VLDM_ACTIVITY_ENCODE, i, rgb->count,
            fake.encode_ms, error))
      return FALSE;
    for (j = 0; latents->format == VLDM_FORMAT_F32LE && j < n; j++)
      frame[j] = *vldm_frames_host (rgb, i);
  }
  return fake_work (progress, VLDM_ACTIVITY_ENCODE, i, i, 0, error);
}
