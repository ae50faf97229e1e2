/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop: network calls with classifier-free guidance, and the scheduler's linear updates, all on the device.
 * Source: diffusers' pipelines; guidance rescale after Lin et al., arXiv 2305.08891.
 */
#pragma once

#include "vldm/networks/unet.h"
#include "vldm/sampling/noise.h"
#include "vldm/sampling/scheduler.h"

G_BEGIN_DECLS

/* F: the network's output at @sample [T, h, w, in_channels] for the prompts of @contexts [n_prompts], one or both of
 * guidance -> @output [n_prompts T, h, w, out_channels], one behind the other. All fp32. */
typedef gboolean (*VldmNetworkFunc) (OclQueue * queue, guint n_prompts, const VldmUnetContext * const *contexts,
    const OclTensor * sample, gfloat timestep, const OclTensor * output, gpointer network, GError ** error);

typedef struct
{
  VldmNetworkFunc call;
  gpointer network;             /* for call */
  const VldmSchedule *schedule;
  const VldmUnetContext *text;
  const VldmUnetContext *negative_text; /* read only where there is guidance of either kind */
  gdouble guidance_scale;       /* g; up to 1 = text alone, unless context guidance is used */
  gdouble guidance_rescale;     /* 0 = none */
  gdouble context_guidance;     /* c; 1 = none */
} VldmSampler;

/* diffusers' rule: a scale of 1 or less is no guidance, whatever its value. */
gboolean vldm_guides (gdouble guidance_scale);

/* Called before step @done of @total; FALSE with @error set stops. */
typedef gboolean (*VldmStepFunc) (guint done, guint total, gpointer user_data, GError ** error);

/* Denoises @latents [T, h, w, out_channels] in place, fp32, starting from unscaled noise. @sample [T, h, w, in_channels],
 * fp32, is the network's input: its first channels are overwritten at each step, the others (masked context and mask) are
 * the caller's. @blank_sample is the same without context, read only where context_guidance != 1.
 *   F = F_negative + g (F_text - F_negative), or with c != 1
 *   F = F_blank + c (F_negative - F_blank) + g (F_text - F_negative), F_blank with the negative prompt,
 * where a g below 1 counts as 1.
 * Samplers that need fresh noise draw on from @noise. */
gboolean vldm_sampler_run (const VldmSampler * sampler, OclQueue * queue, const OclTensor * sample,
    const OclTensor * blank_sample, const OclTensor * latents, VldmNoise * noise, VldmStepFunc step,
    gpointer user_data, GError ** error);

/* What a step reads, and what it changes: fp32 tensors of one shape, of the whole field or of any piece of it. */
typedef struct
{
  const OclTensor *latents;     /* changed */
  const OclTensor *guided;      /* F after guidance */
  const OclTensor *x0;          /* gets the predicted clean latents */
  const OclTensor *last_x0;     /* those of the step before */
  const OclTensor *fresh_noise; /* read where the step wants some */
} VldmStepTensors;

/* One linear update as VldmStep describes it. */
gboolean vldm_step_update (OclQueue * queue, const VldmStep * step, const VldmStepTensors * tensors, GError ** error);

/* TRUE if some step draws fresh noise. */
gboolean vldm_schedule_needs_noise (const VldmSchedule * schedule);

/* Draws the next [frames, channels, height, width] of @noise into the channels-last @output, which gives the shape. */
gboolean vldm_noise_to_tensor (VldmNoise * noise, OclQueue * queue, const OclTensor * output, GError ** error);

G_END_DECLS
