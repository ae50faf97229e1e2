/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The upsampler that computes nothing; fake_stages.h says what its pictures tell.
 */
#include "tests/elements/fake_private.h"

#include <string.h>

#include "vldm/stages/upsample.h"

struct _VldmUpsample
{
  VldmModel *model;
  guint kept;
};

static gboolean
has_upsampler (VldmModel * model, GError ** error)
{
  if (fake.failure != FAKE_FAIL_NO_UPSAMPLER)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s has no folder \"upsampler\"", vldm_model_folder (model));
  return FALSE;
}

gboolean
vldm_upsample_check_model (VldmModel * model, GError ** error)
{
  return has_upsampler (model, error) && fake_check_model (error);
}

VldmUpsample *
vldm_upsample_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  VldmUpsample *upsample;

  if (!fake_load (progress, error))
    return NULL;
  upsample = g_new0 (VldmUpsample, 1);
  upsample->model = vldm_model_ref (model);
  return upsample;
}

void
vldm_upsample_free (VldmUpsample * upsample)
{
  g_atomic_int_add (&fake_live_stages, -1);
  vldm_model_unref (upsample->model);
  g_free (upsample);
}

gboolean
vldm_upsample_windows (VldmModel * model, gint size, gint overlap,
    VldmChunks * windows, GError ** error)
{
  windows->size = size == -1 ? 8 : size;
  windows->overlap = overlap == -1 ? 2 : overlap;
  return has_upsampler (model, error);
}

gboolean
vldm_upsample_defaults (VldmModel * model, VldmUpsampleParams * params,
    GError ** error)
{
  memset (params, 0, sizeof (*params));
  params->sampling.prompt = params->sampling.negative_prompt = "";
  params->sampling.steps = 4;
  params->noise_level = 20;
  return vldm_upsample_windows (model, -1, -1, &params->windows, error);
}

gboolean
vldm_upsample_shape (VldmModel * model, guint width, guint height,
    guint * scale, guint * latent_channels, guint * latent_width,
    guint * latent_height, GError ** error)
{
  *scale = 4;
  *latent_channels = FAKE_CHANNELS;
  *latent_width = (width + 1) / 2 * 2;
  *latent_height = (height + 1) / 2 * 2;
  return has_upsampler (model, error);
}

gboolean
vldm_upsample_check (VldmModel * model, const VldmUpsampleParams * params,
    GError ** error)
{
  return vldm_check_range ("steps", params->sampling.steps, 1, 1000, error)
      && vldm_check_range ("guidance-rescale",
      params->sampling.guidance_rescale, 0, 1, error)
      && vldm_check_range ("noise-level", params->noise_level, 0,
      model == NULL ? G_MAXINT : 350, error)
      && (params->tile_size == 0
      || (vldm_check_range ("tile-size", params->tile_size,
              model == NULL ? 1 : 8, 4096, error)
          && vldm_check_range ("tile-overlap", params->tile_overlap, 0,
              params->tile_size / 2, error)));
}

static void
note_upsampling (const VldmUpsampleParams * params)
{
  const VldmSampling *sampling = &params->sampling;

  g_atomic_int_inc (&fake_upsamplings);
  G_LOCK (fake_last);
  g_strlcpy (fake_last_upsampling.prompt, sampling->prompt,
      sizeof (fake_last_upsampling.prompt));
  g_strlcpy (fake_last_upsampling.negative_prompt, sampling->negative_prompt,
      sizeof (fake_last_upsampling.negative_prompt));
  fake_last_upsampling.seed = sampling->seed;
  fake_last_upsampling.steps = sampling->steps;
  fake_last_upsampling.noise_level = params->noise_level;
  fake_last_upsampling.tile_size = params->tile_size;
  fake_last_upsampling.tile_overlap = params->tile_overlap;
  G_UNLOCK (fake_last);
}

/* What is written into the three channels of frame @i. */
static void
upsampled (const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, const VldmFrames * rgb, guint i,
    guint8 colour[3])
{
  gboolean shared = i < window->shared;
  const guint8 *pixel = vldm_frames_host (rgb, i);

  colour[0] = pixel[0] ^ pixel[1] ^ pixel[2];
  colour[1] = params->sampling.seed + window->earlier_seed;
  colour[2] = rgb->count + (shared && window->blend ? 16 * window->shared : 0);
}

gboolean
vldm_upsample_run (VldmUpsample * upsample, const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, const VldmFrames * rgb,
    VldmFrames * latents, VldmFrames * pictures,
    const VldmProgress * progress, GError ** error)
{
  const VldmFrames *out = pictures ? pictures : latents;
  gsize bytes = vldm_frames_frame_size (out), j;
  guint i;

  note_upsampling (params);
  if (window->blend && upsample->kept != window->shared) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u frames kept, %u to blend", upsample->kept, window->shared);
    return FALSE;
  }
  for (i = 0; i < params->sampling.steps; i++)
    if ((i == 2 && fake_fails (FAKE_FAIL_UPSAMPLE, OCL_ERROR, OCL_ERROR_MEMORY,
                error))
        || !fake_work (progress, VLDM_ACTIVITY_DENOISE, i,
            params->sampling.steps, g_atomic_int_get (&fake.step_ms), error))
      return FALSE;

  for (i = 0; i < out->count; i++) {
    guint8 colour[3];

    upsampled (params, window, rgb, i, colour);
    for (j = 0; pictures != NULL && j < bytes; j++)
      vldm_frames_host (pictures, i)[j] = colour[j % 3];
    for (j = 0; latents != NULL && j < 3; j++)
      ((gfloat *) vldm_frames_host (latents, i))[j] = colour[j];
  }
  upsample->kept = window->keep ? params->windows.overlap : 0;
  return fake_work (progress, VLDM_ACTIVITY_DENOISE, params->sampling.steps,
      params->sampling.steps, 0, error);
}

gboolean
vldm_upsample_decodes_frames (VldmModel * model)
{
  return !fake.clip_decoder;
}

gboolean
vldm_upsample_decode (VldmUpsample * upsample, const VldmFrames * latents,
    guint i, VldmFrames * picture, const VldmProgress * progress,
    GError ** error)
{
  const gfloat *colour = (gfloat *) vldm_frames_host (latents, i);
  gsize bytes = vldm_frames_size (picture), j;

  if (fake_fails (FAKE_FAIL_UPSAMPLED, OCL_ERROR, OCL_ERROR_MEMORY, error)
      || !fake_work (progress, VLDM_ACTIVITY_DECODE, i, latents->count,
          g_atomic_int_get (&fake.decode_ms), error))
    return FALSE;
  for (j = 0; j < bytes; j++)
    vldm_frames_host (picture, 0)[j] = colour[j % 3];
  return TRUE;
}
