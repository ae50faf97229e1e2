/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop for fields of any size: they lie in the host's memory and go through the device in pieces, so that the
 * device's memory bounds no picture. The arithmetic is that of sampler.h, element by element.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/sampling/noise.h"
#include "vldm/sampling/sampler.h"

G_BEGIN_DECLS

/* F: the network's output at @input_scale times @latents for the prompts of @contexts [n_prompts], one or both of guidance ->
 * @outputs [n_prompts], of the same shape. */
typedef gboolean (*VldmFieldFunc) (OclQueue * queue, guint n_prompts, const VldmUnetContext * const *contexts,
    const VldmFrames * latents, gfloat input_scale, gfloat timestep, VldmFrames * const *outputs, gpointer network,
    GError ** error);

typedef struct
{
  VldmFieldFunc call;
  gpointer network;             /* for call */
  const VldmSchedule *schedule;
  const VldmUnetContext *text;
  const VldmUnetContext *negative_text; /* read only where guidance_scale > 1 */
  gdouble guidance_scale;       /* up to 1 = none */
  gdouble guidance_rescale;     /* 0 = none; its deviations are those of the whole field */
} VldmFieldSampler;

/* Denoises @latents (F32LE in host memory) in place, starting from unscaled noise; fresh noise is drawn on from @noise.
 * Takes host memory of three more fields where there is guidance, else of two; one more where fresh noise is drawn. */
gboolean vldm_field_sampler_run (const VldmFieldSampler * sampler, OclQueue * queue, VldmFrames * latents,
    VldmNoise * noise, VldmStepFunc step, gpointer user_data, GError ** error);

/* output = sum of scales[i] * inputs[i] for @n numbers in host memory, 1 to 5 inputs; @output may be one of them. */
gboolean vldm_field_combine (OclQueue * queue, guint n_inputs, const gfloat * const *inputs, const gfloat * scales,
    gfloat * output, gsize n, GError ** error);

G_END_DECLS
