/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that say how to sample.
 */
#include "gst/sampling.h"

#include "gst/properties.h"
#include "vldm/error.h"

void
gst_vldm_sampling_install (GObjectClass * klass, guint first_id)
{
  const GParamFlags flags = GST_VLDM_PARAM_PLAYING;

  g_object_class_install_property (klass, first_id,
      g_param_spec_string ("prompt", "Prompt",
          "What the video shows (NULL = what it was made from; taken at the "
          "next window)", NULL, flags));
  g_object_class_install_property (klass, first_id + 1,
      g_param_spec_string ("negative-prompt", "Negative prompt",
          "What the video is led away from (NULL = as it was made; taken at "
          "the next window)", NULL, flags));
  g_object_class_install_property (klass, first_id + 2,
      g_param_spec_int64 ("seed", "Seed",
          "Starts the noise (-1 = the seed that the video was made from)",
          -1, G_MAXUINT32, -1, flags));
  g_object_class_install_property (klass, first_id + 3,
      g_param_spec_int ("steps", "Steps",
          "Denoising steps: more take longer and look better (-1 = the model's)",
          -1, G_MAXINT, -1, flags));
  g_object_class_install_property (klass, first_id + 4,
      g_param_spec_double ("guidance-scale", "Guidance scale",
          "How strongly the prompt leads; 1 or less = the prompt alone, half the "
          "work (-1 = the model's)", -G_MAXDOUBLE, G_MAXDOUBLE, -1.0,
          GST_VLDM_PARAM_FRACTION));
  g_object_class_install_property (klass, first_id + 5,
      g_param_spec_double ("guidance-rescale", "Guidance rescale",
          "How much guided latents are scaled back to natural contrast, "
          "0 to 1 (-1 = the model's)", -G_MAXDOUBLE, G_MAXDOUBLE, -1.0,
          GST_VLDM_PARAM_FRACTION));
  g_object_class_install_property (klass, first_id + 6,
      g_param_spec_enum ("scheduler", "Scheduler",
          "Sampler that walks from noise to latents", GST_TYPE_VLDM_SCHEDULER,
          VLDM_SCHEDULER_AUTO, flags));
}

void
gst_vldm_sampling_init (GstVldmSampling * settings)
{
  memset (settings, 0, sizeof (*settings));
  settings->seed = -1;
  settings->steps = -1;
  settings->guidance_scale = -1.0;
  settings->guidance_rescale = -1.0;
  settings->scheduler = VLDM_SCHEDULER_AUTO;
}

void
gst_vldm_sampling_clear (GstVldmSampling * settings)
{
  g_clear_pointer (&settings->prompt, g_free);
  g_clear_pointer (&settings->negative_prompt, g_free);
}

gboolean
gst_vldm_sampling_check_steps (gint steps, GError ** error)
{
  if (steps != 0)
    return TRUE;
  g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "steps is 0; it must be 1 or more, or -1 for the model's value");
  return FALSE;
}

void
gst_vldm_sampling_texts_clear (GstVldmSamplingTexts * texts)
{
  g_clear_pointer (&texts->prompt, g_free);
  g_clear_pointer (&texts->negative_prompt, g_free);
}

static char *
choose_text (const char *own, const char *upstream)
{
  if (own == NULL)
    own = upstream;
  return g_strdup (own ? own : "");
}

void
gst_vldm_sampling_apply (const GstVldmSampling * settings,
    const GstVldmConditioning * conditioning, VldmSampling * sampling,
    GstVldmSamplingTexts * texts)
{
  gst_vldm_sampling_texts_clear (texts);
  texts->prompt = choose_text (settings->prompt, conditioning->prompt);
  texts->negative_prompt = choose_text (settings->negative_prompt,
      conditioning->negative_prompt);
  sampling->prompt = texts->prompt;
  sampling->negative_prompt = texts->negative_prompt;

  sampling->seed = settings->seed != -1 ? (guint32) settings->seed
      : conditioning->seed;
  sampling->scheduler = settings->scheduler;
  if (settings->steps != -1)
    sampling->steps = settings->steps;
  if (settings->guidance_scale != -1.0)
    sampling->guidance_scale = settings->guidance_scale;
  if (settings->guidance_rescale != -1.0)
    sampling->guidance_rescale = settings->guidance_rescale;
}
