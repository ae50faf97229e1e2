/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What upsampling can be asked for: defaults, ranges and shapes, from configurations alone.
 */
#include <string.h>

#include "vldm/stages/tiling.h"
#include "vldm/stages/upsample.h"
#include "vldm/stages/upsample_private.h"

#define MAX_WINDOW 1024
#define MAX_TILE 16384

static gboolean
check_network (VldmModel * model, const VldmUpsampleConfigs * configs,
    GError ** error)
{
  const VldmUnetConfig *unet = configs->unet;
  guint latents = configs->autoencoder->latent_channels;
  const char *component = vldm_model_upsampler_component (model);

  if (unet->in_channels != latents + VLDM_UPSAMPLE_RGB_CHANNELS
      || unet->out_channels != latents) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/%s/config.json: in_channels is %u and out_channels %u; an upsampler of latents with %u channels has %u (noisy latents, RGB) and %u",
        vldm_model_folder (model), component, unet->in_channels,
        unet->out_channels, latents, latents + VLDM_UPSAMPLE_RGB_CHANNELS,
        latents);
    return FALSE;
  }
  if (unet->n_time_ids + (unet->num_class_embeds > 0 ? 1 : 0) > 1) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/%s/config.json: %u added time ids; an upsampler has one, the noise level",
        vldm_model_folder (model), component, unet->n_time_ids);
    return FALSE;
  }
  return TRUE;
}

gboolean
vldm_upsample_find_configs (VldmModel * model, VldmUpsampleConfigs * configs,
    GError ** error)
{
  configs->unet = vldm_model_upsampler_config (model, error);
  if (configs->unet == NULL)
    return FALSE;
  configs->autoencoder = vldm_model_upsampler_autoencoder_config (model, error);
  if (configs->autoencoder == NULL)
    return FALSE;
  configs->unit = 1u << (configs->unet->n_levels - 1);
  return check_network (model, configs, error);
}

gboolean
vldm_upsample_check_model (VldmModel * model, GError ** error)
{
  VldmUpsampleConfigs configs;
  guint max_level;

  return vldm_upsample_find_configs (model, &configs, error)
      && vldm_model_max_noise_level (model, &max_level, error);
}

gboolean
vldm_upsample_defaults (VldmModel * model, VldmUpsampleParams * params,
    GError ** error)
{
  const VldmDefaults *defaults = vldm_model_defaults (model);
  VldmUpsampleConfigs configs;

  if (!vldm_upsample_find_configs (model, &configs, error))
    return FALSE;
  memset (params, 0, sizeof (*params));
  vldm_sampling_init (&params->sampling, &defaults->upsampler);
  params->noise_level = defaults->noise_level;
  return vldm_upsample_windows (model, -1, -1, &params->windows, error);
}

static gboolean
check_windows (gint size, gint overlap, GError ** error)
{
  return vldm_check_range ("frames of a window", size, 1, MAX_WINDOW, error)
      && vldm_check_range ("overlap of windows", overlap, 0, size / 2, error);
}

gboolean
vldm_upsample_windows (VldmModel * model, gint size, gint overlap,
    VldmChunks * windows, GError ** error)
{
  const VldmStageDefaults *defaults = &vldm_model_defaults (model)->upsampler;

  if (size == -1)
    size = defaults->frames;
  if (overlap == -1)
    overlap = MIN (defaults->context, (guint) MAX (size, 0) / 2);
  windows->size = size;
  windows->overlap = overlap;
  return check_windows (size, overlap, error);
}

gboolean
vldm_upsample_decodes_frames (VldmModel * model)
{
  const VldmAutoencoderConfig *config =
      vldm_model_upsampler_autoencoder_config (model, NULL);

  return config != NULL && !config->temporal_decoder;
}

static guint
round_up (guint size, guint unit)
{
  return (size + unit - 1) / unit * unit;
}

gboolean
vldm_upsample_find_shape (const VldmUpsampleConfigs * configs, guint width,
    guint height, VldmUpsampleShape * shape, GError ** error)
{
  if (!vldm_check_range ("width", width, 1, MAX_TILE, error)
      || !vldm_check_range ("height", height, 1, MAX_TILE, error))
    return FALSE;
  shape->scale = configs->autoencoder->factor;
  shape->channels = configs->autoencoder->latent_channels;
  shape->width = round_up (width, configs->unit);
  shape->height = round_up (height, configs->unit);
  return TRUE;
}

gboolean
vldm_upsample_shape (VldmModel * model, guint width, guint height,
    guint * scale, guint * latent_channels, guint * latent_width,
    guint * latent_height, GError ** error)
{
  VldmUpsampleConfigs configs;
  VldmUpsampleShape shape;

  if (!vldm_upsample_find_configs (model, &configs, error)
      || !vldm_upsample_find_shape (&configs, width, height, &shape, error))
    return FALSE;
  *scale = shape.scale;
  *latent_channels = shape.channels;
  *latent_width = shape.width;
  *latent_height = shape.height;
  return TRUE;
}

/* @unit is the smallest tile. */
static gboolean
check_tiles (const VldmUpsampleParams * params, guint unit, GError ** error)
{
  return params->tile_size == 0
      || (vldm_check_range ("tile-size", params->tile_size, unit, MAX_TILE,
          error)
      && vldm_check_range ("tile-overlap", params->tile_overlap, 0,
          params->tile_size / 2, error));
}

/* @configs may be NULL: what no model takes is refused all the same. */
static gboolean
check_settings (const VldmUpsampleConfigs * configs, guint max_level,
    const VldmUpsampleParams * params, GError ** error)
{
  return vldm_sampling_check (&params->sampling, error)
      && vldm_check_range ("noise-level", params->noise_level, 0, max_level,
      error)
      && check_windows (params->windows.size, params->windows.overlap, error)
      && check_tiles (params, configs == NULL ? 1 : configs->unit, error);
}

gboolean
vldm_upsample_check_settings (VldmModel * model,
    const VldmUpsampleConfigs * configs, const VldmUpsampleParams * params,
    GError ** error)
{
  guint max_level;

  return vldm_model_max_noise_level (model, &max_level, error)
      && check_settings (configs, max_level, params, error);
}

gboolean
vldm_upsample_check (VldmModel * model, const VldmUpsampleParams * params,
    GError ** error)
{
  VldmUpsampleConfigs configs;

  if (model == NULL)
    return check_settings (NULL, G_MAXINT, params, error);
  return vldm_upsample_find_configs (model, &configs, error)
      && vldm_upsample_check_settings (model, &configs, params, error);
}

void
vldm_upsample_choose_tiles (VldmModel * model,
    const VldmUpsampleConfigs * configs, const VldmUpsampleParams * params,
    const VldmUpsampleShape * shape, guint * tile_size, guint * tile_overlap)
{
  *tile_size = params->tile_size;
  *tile_overlap = params->tile_overlap;
  if (params->tile_size == 0) {
    *tile_size = vldm_tile_size_for (vldm_model_device (model), configs->unet,
        vldm_model_type (model), params->windows.size, shape->height,
        shape->width, configs->unit);
    *tile_overlap = *tile_size / 4;
  }
}

gboolean
vldm_upsample_tiles (VldmModel * model, const VldmUpsampleParams * params,
    guint width, guint height, guint * tile_size, guint * tile_overlap,
    GError ** error)
{
  VldmUpsampleConfigs configs;
  VldmUpsampleShape shape;

  if (!vldm_upsample_find_configs (model, &configs, error)
      || !vldm_upsample_check_settings (model, &configs, params, error)
      || !vldm_upsample_find_shape (&configs, width, height, &shape, error))
    return FALSE;
  vldm_upsample_choose_tiles (model, &configs, params, &shape, tile_size,
      tile_overlap);
  return TRUE;
}
