/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fields of any size: they lie in the host's memory and go through the device in pieces, so that the device's memory bounds
 * no picture. The denoising loop is that of sampler.h.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/sampling/sampler.h"

G_BEGIN_DECLS

/* F: the network's output for @call, whose time ids are not set, at @input_scale times @latents -> @outputs [n_prompts], of
 * the same shape. */
typedef gboolean (*VldmFieldFunc) (OclQueue * queue, const VldmUnetCall * call, const VldmFrames * latents,
    gfloat input_scale, VldmFrames * const *outputs, gpointer network, GError ** error);

/* Latents in the host's memory, and the network that denoises them. */
typedef struct
{
  VldmFieldFunc call;
  gpointer network;             /* for call */
  VldmFrames *latents;          /* F32LE */
} VldmSamplerField;

/* Denoises the latents in place, starting from unscaled noise. context_guidance must be 1. Takes host memory of three more
 * fields where there is guidance, else of two; one more where fresh noise is drawn. */
gboolean vldm_field_sampler_run (const VldmSampler * sampler, OclQueue * queue, const VldmSamplerField * field,
    GError ** error);

/* output = sum of scales[i] * inputs[i] for @n numbers in host memory, 1 to 5 inputs; @output may be one of them. */
gboolean vldm_field_combine (OclQueue * queue, guint n_inputs, const gfloat * const *inputs, const gfloat * scales,
    gfloat * output, gsize n, GError ** error);

G_END_DECLS
