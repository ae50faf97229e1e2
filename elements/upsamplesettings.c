/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that say how vldmsr upsamples.
 */
#include "elements/upsamplesettings.h"

#include "gst/properties.h"

#define DEFAULT_NOISE_LEVEL -1
#define DEFAULT_TILE_SIZE 0
#define DEFAULT_TILE_OVERLAP -1

void
gst_vldm_install_upsample_properties (GObjectClass * klass, guint first_id)
{
  const GParamFlags flags = GST_VLDM_PARAM_PLAYING;

  g_object_class_install_property (klass, first_id,
      g_param_spec_int ("noise-level", "Noise level",
          "How much noise covers the pictures that come in: more gives the "
          "network more freedom (-1 = the model's)", -1, G_MAXINT,
          DEFAULT_NOISE_LEVEL, flags));
  g_object_class_install_property (klass, first_id + 1,
      g_param_spec_int ("tile-size", "Tile size",
          "Pixels of what comes in that the network sees at once, along each "
          "axis (0 = as the device's memory allows)", 0, G_MAXINT,
          DEFAULT_TILE_SIZE, flags));
  g_object_class_install_property (klass, first_id + 2,
      g_param_spec_int ("tile-overlap", "Tile overlap",
          "Pixels that neighbouring tiles share, at most half of tile-size "
          "(-1 = a quarter of it)", -1, G_MAXINT, DEFAULT_TILE_OVERLAP, flags));
}

void
gst_vldm_upsample_settings_init (GstVldmUpsampleSettings * settings)
{
  gst_vldm_sampling_init (&settings->sampling);
  settings->noise_level = DEFAULT_NOISE_LEVEL;
  settings->tile_size = DEFAULT_TILE_SIZE;
  settings->tile_overlap = DEFAULT_TILE_OVERLAP;
}

void
gst_vldm_upsample_settings_clear (GstVldmUpsampleSettings * settings)
{
  gst_vldm_sampling_clear (&settings->sampling);
}

void
gst_vldm_upsample_settings_apply (const GstVldmUpsampleSettings * settings,
    const GstVldmConditioning * conditioning, VldmUpsampleParams * params,
    GstVldmSamplingTexts * texts)
{
  gst_vldm_sampling_apply (&settings->sampling, conditioning,
      &params->sampling, texts);
  if (settings->noise_level != -1)
    params->noise_level = settings->noise_level;
  params->tile_size = settings->tile_size;
  params->tile_overlap = settings->tile_overlap != -1 ? settings->tile_overlap
      : settings->tile_size / 4;
}

gboolean
gst_vldm_upsample_settings_check (VldmModel * model,
    const VldmUpsampleParams * params, GError ** error)
{
  return gst_vldm_check_text ("prompt", params->sampling.prompt, error)
      && gst_vldm_check_text ("negative-prompt",
      params->sampling.negative_prompt, error)
      && vldm_upsample_check (model, params, error);
}
