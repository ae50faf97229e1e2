/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Interpolation: a window [known, ?, ?, ?, known] whose inner frames are denoised with both ends as context.
 * Source: Align your Latents, section 3.3.
 */
#include "vldm/stages/interpolate.h"

#include <string.h>

#include "vldm/files/extras.h"

struct _VldmInterpolate
{
  VldmModel *model;
  VldmDenoiser *denoiser;
};

/* Latents come from anywhere, so an autoencoder has a say only where the model has one. */
gboolean
vldm_interpolate_check_model (VldmModel * model, GError ** error)
{
  const VldmUnetConfig *config = vldm_model_interpolator_config (model, error);
  const VldmAutoencoderConfig *autoencoder =
      vldm_model_autoencoder_config (model, NULL);
  g_autofree char *folder = g_build_filename (vldm_model_folder (model),
      vldm_model_interpolator_component (model), NULL);

  return config != NULL
      && vldm_denoiser_check (folder, config, autoencoder == NULL
      ? config->out_channels : autoencoder->latent_channels, TRUE, error);
}

VldmInterpolate *
vldm_interpolate_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmInterpolate) interpolate = g_new0 (VldmInterpolate, 1);
  VldmDenoiserNetwork network = {.name = "the interpolation network",
    .component = vldm_model_interpolator_component (model),.scheduler =
        "interpolator_scheduler"
  };

  interpolate->model = vldm_model_ref (model);
  if (!vldm_interpolate_check_model (model, error))
    return NULL;
  if (g_str_equal (vldm_model_interpolator_component (model), "unet")
      && !vldm_extras_warn (vldm_model_folder (model), progress, error))
    return NULL;
  network.unet = vldm_model_interpolator (model, progress, error);
  if (network.unet == NULL)
    return NULL;
  interpolate->denoiser = vldm_denoiser_new (model, &network, progress, error);
  if (interpolate->denoiser == NULL)
    return NULL;
  return g_steal_pointer (&interpolate);
}

void
vldm_interpolate_free (VldmInterpolate * interpolate)
{
  if (interpolate == NULL)
    return;
  vldm_denoiser_free (interpolate->denoiser);
  vldm_model_unref (interpolate->model);
  g_free (interpolate);
}

/* ---- settings ---- */

gboolean
vldm_interpolate_defaults (VldmModel * model, VldmInterpolateParams * params,
    guint * factor, GError ** error)
{
  const VldmStageDefaults *defaults =
      &vldm_model_defaults (model)->interpolation;

  if (defaults->frames < 2) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/videoldm.json: interpolation.frames is %u; a window needs both ends and frames between, 3 or more",
        vldm_model_folder (model), defaults->frames);
    return FALSE;
  }
  memset (params, 0, sizeof (*params));
  vldm_sampling_init (&params->sampling, defaults);
  *factor = defaults->frames - 1;
  return TRUE;
}

gboolean
vldm_interpolate_check (VldmModel * model,
    const VldmInterpolateParams * params, GError ** error)
{
  return vldm_interpolate_check_model (model, error)
      && vldm_check_range ("frames per second", params->fps, 1e-3, 1e4, error)
      && vldm_sampling_check (&params->sampling, error);
}

gboolean
vldm_interpolate_rate_is_unusual (VldmModel * model, gdouble fps)
{
  const VldmDefaults *defaults = vldm_model_defaults (model);

  for (guint i = 0; i < defaults->n_interpolation_rates; i++) {
    gdouble rate = defaults->interpolation_rates[i];

    if (fps <= 2 * rate && fps >= rate / 2)
      return FALSE;
  }
  return defaults->n_interpolation_rates > 0;
}

/* ---- a gap ---- */

gboolean
vldm_interpolate_run (VldmInterpolate * interpolate,
    const VldmInterpolateParams * params, const VldmFrames * ends,
    VldmFrames * inner, const VldmProgress * progress, GError ** error)
{
  const guint positions[] = { 0, inner->count + 1 };
  const VldmKnownFrames known = { ends, positions };
  g_auto (VldmFrames) window = { 0 };

  if (!vldm_interpolate_check (interpolate->model, params, error))
    return FALSE;
  if (ends->count != 2 || ends->host == NULL || inner->host == NULL) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "a gap has 2 ends in host memory, not %u", ends->count);
    return FALSE;
  }
  if (!vldm_frames_init (&window, inner->format, inner->count + 2,
          inner->channels, inner->height, inner->width, error))
    return FALSE;
  if (!vldm_denoiser_run (interpolate->denoiser, &params->sampling,
          params->fps, &known, &window, progress, error))
    return FALSE;
  memcpy (vldm_frames_host (inner, 0), vldm_frames_host (&window, 1),
      vldm_frames_size (inner));
  return TRUE;
}
