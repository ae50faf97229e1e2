/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sampling settings: the model's own values, and ranges.
 */
#include "vldm/sampling/settings.h"

#include <string.h>

#define MAX_STEPS 1000
#define MAX_GUIDANCE 1000.0

void
vldm_sampling_init (VldmSampling * sampling, const VldmStageDefaults * defaults)
{
  memset (sampling, 0, sizeof (*sampling));
  sampling->prompt = "";
  sampling->negative_prompt = "";
  sampling->steps = defaults->steps;
  sampling->guidance_scale = defaults->guidance;
  sampling->guidance_rescale = defaults->rescale;
  sampling->context_guidance = 1.0;
  sampling->scheduler = VLDM_SCHEDULER_AUTO;
}

gboolean
vldm_check_range (const char *name, gdouble value, gdouble min, gdouble max,
    GError ** error)
{
  if (value >= min && value <= max)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %g; must be %g to %g", name, value, min, max);
  return FALSE;
}

gboolean
vldm_sampling_check (const VldmSampling * sampling, GError ** error)
{
  return vldm_check_range ("steps", sampling->steps, 1, MAX_STEPS, error)
      && vldm_check_range ("guidance-scale", sampling->guidance_scale, 0,
      MAX_GUIDANCE, error)
      && vldm_check_range ("guidance-rescale", sampling->guidance_rescale, 0,
      1, error)
      && vldm_check_range ("context-guidance", sampling->context_guidance, 0,
      MAX_GUIDANCE, error)
      && vldm_check_range ("eta", sampling->eta, 0, 1, error);
}
