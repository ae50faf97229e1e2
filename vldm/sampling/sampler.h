/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop: network calls with classifier-free guidance, and the scheduler's linear updates, all on the device.
 * Latents lie on the device, as here, or in the host's memory (field.h).
 * Source: diffusers' pipelines; guidance rescale after Lin et al., arXiv 2305.08891.
 */
#pragma once

#include "vldm/networks/unet.h"
#include "vldm/sampling/noise.h"
#include "vldm/sampling/scheduler.h"

G_BEGIN_DECLS

/* Called before step @done of @total; FALSE with @error set stops. */
typedef gboolean (*VldmStepFunc) (guint done, guint total, gpointer user_data, GError ** error);

/* How to denoise. With F the network's output,
 *   F = F_negative + g (F_text - F_negative), or with c != 1
 *   F = F_blank + c (F_negative - F_blank) + g (F_text - F_negative), F_blank with the negative prompt and without context,
 * where a g below 1 counts as 1. */
typedef struct
{
  const VldmSchedule *schedule;
  const VldmUnetContext *text;
  const VldmUnetContext *negative_text; /* read only where there is guidance of either kind */
  gdouble guidance_scale;       /* g; up to 1 = text alone, unless context guidance is used */
  gdouble guidance_rescale;     /* 0 = none */
  gdouble context_guidance;     /* c; 1 = none */
  VldmNoise *noise;             /* schedules that need fresh noise draw on from it */
  VldmStepFunc step;
  gpointer user_data;           /* for step */
} VldmSampler;

/* diffusers' rule: a scale of 1 or less is no guidance, whatever its value. */
gboolean vldm_guides (gdouble guidance_scale);

/* F: the network's output for @call, whose time ids are not set, at @sample [T, h, w, in_channels] -> @output
 * [n_prompts T, h, w, out_channels], one prompt behind the other. All fp32. */
typedef gboolean (*VldmNetworkFunc) (OclQueue * queue, const VldmUnetCall * call, const OclTensor * sample,
    const OclTensor * output, gpointer network, GError ** error);

/* Latents on the device, and the network that denoises them; all tensors fp32. */
typedef struct
{
  VldmNetworkFunc call;
  gpointer network;             /* for call */
  const OclTensor *latents;     /* [T, h, w, out_channels] */
  const OclTensor *sample;      /* [T, h, w, in_channels], the network's input: the first channels are overwritten at each step,
                                 * the others (masked context and mask) are the caller's */
  const OclTensor *blank_sample;        /* the same without context, read only where context_guidance != 1 */
} VldmSamplerTensors;

/* Denoises the latents in place, starting from unscaled noise. */
gboolean vldm_sampler_run (const VldmSampler * sampler, OclQueue * queue, const VldmSamplerTensors * tensors,
    GError ** error);

/* Draws the next [frames, channels, height, width] of @noise into the channels-last @output, which gives the shape. */
gboolean vldm_noise_to_tensor (VldmNoise * noise, OclQueue * queue, const OclTensor * output, GError ** error);

G_END_DECLS
