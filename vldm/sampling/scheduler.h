/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Schedules and updates of the samplers, as plain numbers: a scheduler turns a configuration and a number of steps into
 * a list of steps, each a timestep, an input scale and the coefficients of a linear update. sampler.c applies them.
 * Source: diffusers 0.42 DDIMScheduler, EulerDiscreteScheduler, DPMSolverMultistepScheduler.
 */
#pragma once

#include "vldm/files/config.h"

G_BEGIN_DECLS

/* One step. With F the network's output at x:
 *   x0   = x0_x * x + x0_output * F, clamped to [-clamp, clamp] if clamp > 0
 *   next = from_x * x + from_output * F + from_x0 * x0 + from_last_x0 * (x0 of the step before) + from_noise * N (0, 1)
 * from_output is for DDIM's epsilon when x0 was clamped. */
typedef struct
{
  gfloat timestep;              /* what the network is told */
  gfloat input_scale;           /* the network sees x * input_scale */
  gfloat x0_x, x0_output, clamp;
  gfloat from_x, from_output, from_x0, from_last_x0, from_noise;
} VldmStep;

typedef struct
{
  guint n;
  VldmStep *steps;
  gfloat initial_scale;         /* x = initial_scale * N (0, 1) to begin with */
} VldmSchedule;

/* @eta is DDIM's; others ignore it. VLDM_ERROR_SETTINGS when @n_steps is 0 or more than the model has. */
VldmSchedule *vldm_schedule_new (const VldmSchedulerConfig * config, guint n_steps, gdouble eta, GError ** error);
void vldm_schedule_free (VldmSchedule * schedule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmSchedule, vldm_schedule_free);

/* Cumulative alphas [num_train_timesteps], after zero-SNR rescaling: for tests and noise augmentation. g_free it. */
gdouble *vldm_alphas_cumprod (const VldmSchedulerConfig * config);

G_END_DECLS
