/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Key frames: a window from nothing but a prompt, or predicted from the last frames of the one before.
 * Source: Align your Latents, sections 3.1 (key frames) and 3.2 (prediction).
 */
#include "vldm/stages/keyframes.h"

#include <string.h>

#include "vldm/files/extras.h"

#define MAX_SIZE 16384
#define MAX_CONTEXT 8

struct _VldmKeyframes
{
  VldmModel *model;
  VldmDenoiser *denoiser;
};

VldmKeyframes *
vldm_keyframes_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmKeyframes) keyframes = g_new0 (VldmKeyframes, 1);
  VldmDenoiserNetwork network = {.name = "the key frame network",
    .component = "unet",.scheduler = "scheduler"
  };

  keyframes->model = vldm_model_ref (model);
  if (!vldm_keyframes_check_model (model, error)
      || !vldm_extras_warn (vldm_model_folder (model), progress, error))
    return NULL;
  network.unet = vldm_model_unet (model, progress, error);
  if (network.unet == NULL)
    return NULL;
  keyframes->denoiser = vldm_denoiser_new (model, &network, progress, error);
  if (keyframes->denoiser == NULL)
    return NULL;
  return g_steal_pointer (&keyframes);
}

void
vldm_keyframes_free (VldmKeyframes * keyframes)
{
  if (keyframes == NULL)
    return;
  vldm_denoiser_free (keyframes->denoiser);
  vldm_model_unref (keyframes->model);
  g_free (keyframes);
}

/* Both configurations that key frames need: the size of latents is the autoencoder's. */
static gboolean
find_configs (VldmModel * model, const VldmUnetConfig ** unet,
    const VldmAutoencoderConfig ** autoencoder, GError ** error)
{
  *unet = vldm_model_unet_config (model, error);
  *autoencoder = *unet == NULL ? NULL
      : vldm_model_autoencoder_config (model, error);
  return *autoencoder != NULL;
}

gboolean
vldm_keyframes_defaults (VldmModel * model, VldmKeyframesParams * params,
    gint * fps_n, gint * fps_d, GError ** error)
{
  const VldmDefaults *defaults = vldm_model_defaults (model);
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;

  if (!find_configs (model, &unet, &autoencoder, error))
    return FALSE;

  memset (params, 0, sizeof (*params));
  vldm_sampling_init (&params->sampling, &defaults->keyframes);
  params->frames = defaults->keyframes.frames;
  params->fps = (gdouble) defaults->keyframes.fps_n / defaults->keyframes.fps_d;

  params->width = defaults->width;
  params->height = defaults->height;
  if (params->width == 0)
    params->width = unet->sample_width * autoencoder->factor;
  if (params->height == 0)
    params->height = unet->sample_height * autoencoder->factor;
  if (params->width == 0)
    params->width = 256;
  if (params->height == 0)
    params->height = 256;
  *fps_n = defaults->keyframes.fps_n;
  *fps_d = defaults->keyframes.fps_d;
  return TRUE;
}

static gboolean
check_size (const char *name, guint size, guint factor, GError ** error)
{
  guint below = MAX (size / factor, 1) * factor;

  if (size % factor == 0)
    return vldm_check_range (name, size, factor, MAX_SIZE, error);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %u; this model makes multiples of %u, the nearest are %u and %u",
      name, size, factor, below, below + factor);
  return FALSE;
}

/* @context: are first frames given? */
static gboolean
check_network (VldmModel * model, gboolean context, GError ** error)
{
  g_autofree char *folder =
      g_build_filename (vldm_model_folder (model), "unet", NULL);
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;

  return find_configs (model, &unet, &autoencoder, error)
      && vldm_denoiser_check (folder, unet, autoencoder->latent_channels,
      context, error);
}

gboolean
vldm_keyframes_check_model (VldmModel * model, GError ** error)
{
  return check_network (model, FALSE, error);
}

static gboolean
check_params (VldmModel * model, const VldmKeyframesParams * params,
    gboolean context, GError ** error)
{
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;

  return check_network (model, context, error)
      && find_configs (model, &unet, &autoencoder, error)
      && check_size ("width", params->width, autoencoder->factor, error)
      && check_size ("height", params->height, autoencoder->factor, error)
      && vldm_check_range ("chunk-frames", params->frames, 1,
      VLDM_MAX_KEYFRAMES, error)
      && vldm_check_range ("frames per second", params->fps, 1e-3, 1e3, error)
      && vldm_sampling_check (&params->sampling, error);
}

gboolean
vldm_keyframes_check (VldmModel * model, const VldmKeyframesParams * params,
    GError ** error)
{
  return check_params (model, params, FALSE, error);
}

guint
vldm_keyframes_context (VldmModel * model)
{
  const VldmUnetConfig *unet = vldm_model_unet_config (model, NULL);

  if (unet == NULL || unet->in_channels == unet->out_channels)
    return 0;
  return vldm_model_defaults (model)->keyframes.context;
}

/* The caller's memory must have exactly the shape that the parameters mean. */
static gboolean
check_frames (VldmModel * model, const VldmKeyframesParams * params,
    const VldmFrames * context, const VldmFrames * out, GError ** error)
{
  const VldmAutoencoderConfig *autoencoder =
      vldm_model_autoencoder_config (model, NULL);
  guint width = params->width / autoencoder->factor;
  guint height = params->height / autoencoder->factor;

  if (out->host == NULL || out->format == VLDM_FORMAT_RGB8
      || out->count != params->frames
      || out->channels != autoencoder->latent_channels
      || out->width != width || out->height != height) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "key frames come as %u latents of [%u, %u, %u] in host memory, not %u of [%u, %u, %u]",
        params->frames, autoencoder->latent_channels, height, width,
        out->count, out->channels, out->height, out->width);
    return FALSE;
  }
  if (context != NULL && (context->count >= out->count
          || context->count > MAX_CONTEXT)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u context frames for a window of %u; must be up to %u, and fewer than the window has",
        context->count, out->count, MAX_CONTEXT);
    return FALSE;
  }
  return TRUE;
}

gboolean
vldm_keyframes_run (VldmKeyframes * keyframes,
    const VldmKeyframesParams * params, const VldmFrames * context,
    VldmFrames * out, const VldmProgress * progress, GError ** error)
{
  static const guint positions[MAX_CONTEXT] = { 0, 1, 2, 3, 4, 5, 6, 7 };
  const VldmKnownFrames known = { context, positions };

  return check_params (keyframes->model, params, context != NULL, error)
      && check_frames (keyframes->model, params, context, out, error)
      && vldm_denoiser_run (keyframes->denoiser, &params->sampling,
      params->fps, context != NULL ? &known : NULL, out, progress, error);
}
