/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How to sample: what a stage is told about prompts, seed, scheduler and guidance, and the ranges of the numbers.
 */
#pragma once

#include "vldm/files/config.h"

G_BEGIN_DECLS

/* How to sample. The caller resolves defaults. */
typedef struct
{
  const char *prompt, *negative_prompt; /* UTF-8, not NULL */
  guint32 seed;                 /* of the window: vldm_window_seed */
  guint steps;
  gdouble guidance_scale;       /* up to 1 = no guidance */
  gdouble guidance_rescale;     /* 0 .. 1 */
  gdouble context_guidance;     /* 1 = none; only where frames are known */
  VldmSchedulerKind scheduler;
  gdouble eta;                  /* DDIM's share of fresh noise a step, 0 .. 1; other samplers ignore it */
} VldmSampling;

/* What a model's author chose for a stage: no prompts, seed 0, the scheduler of the model's folder. */
void vldm_sampling_init (VldmSampling * sampling, const VldmStageDefaults * defaults);

/* Ranges of the sampling settings; VLDM_ERROR_SETTINGS names the parameter and what is allowed. Quick. */
gboolean vldm_sampling_check (const VldmSampling * sampling, GError ** error);

/* FALSE with VLDM_ERROR_SETTINGS naming @name, @value and the range unless min <= value <= max. */
gboolean vldm_check_range (const char *name, gdouble value, gdouble min, gdouble max, GError ** error);

G_END_DECLS
