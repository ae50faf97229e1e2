/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop. The state stays on the device in fp32 from the first step to the last; the host reads nothing.
 */
#include "vldm/sampling/sampler.h"

#include "opencl/ops/convert.h"
#include "opencl/ops/elementwise.h"

/* What the loop works on, besides the latents: all fp32, shaped like them. */
typedef struct
{
  OclTensor guided;             /* F after guidance */
  OclTensor negative;           /* F of the negative prompt */
  OclTensor x0[2];              /* predicted clean latents of this step and the one before, alternating */
  OclTensor fresh_noise;
} SamplerState;

static gboolean
sampler_state_alloc (SamplerState * state, OclQueue * queue,
    const OclTensor * latents, GError ** error)
{
  OclTensor *tensors[] = { &state->guided, &state->negative, &state->x0[0],
    &state->x0[1], &state->fresh_noise
  };

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++) {
    if (!ocl_tensor_alloc_like (queue, latents, tensors[i], error))
      return FALSE;
  }
  return TRUE;
}

/* state->guided = F at the latents. */
static gboolean
guided_output (const VldmSampler * sampler, OclQueue * queue,
    const SamplerState * state, const OclTensor * sample, gfloat timestep,
    GError ** error)
{
  gfloat scale = sampler->guidance_scale;
  const OclTensor *outputs[] = { &state->negative, &state->guided };
  const gfloat scales[] = { 1.0f - scale, scale };
  OclTensor text = state->guided;

  if (!vldm_unet_run (sampler->unet, queue, sampler->text, sample, timestep,
          sampler->time_ids, &text, error))
    return FALSE;
  if (scale == 1.0f)
    return TRUE;
  if (!vldm_unet_run (sampler->unet, queue, sampler->negative_text, sample,
          timestep, sampler->time_ids, &state->negative, error))
    return FALSE;
  if (sampler->guidance_rescale == 0.0)
    return ocl_combine (queue, 2, outputs, scales, 0.0f, &state->guided, error);

  /* the rescale needs F of the text beside the guided one */
  return ocl_combine (queue, 2, outputs, scales, 0.0f, &state->negative, error)
      && ocl_rescale_guidance (queue, sampler->guidance_rescale, &text,
      &state->negative, &state->guided, error);
}

/* One linear update as VldmStep describes it; terms with coefficient 0 are left out, so that a NaN there cannot spread. */
static gboolean
update_latents (OclQueue * queue, const VldmStep * step,
    const SamplerState * state, guint index, const OclTensor * latents,
    VldmNoise * noise, GError ** error)
{
  const OclTensor *x0 = &state->x0[index % 2];
  const OclTensor *last_x0 = &state->x0[(index + 1) % 2];
  const OclTensor *inputs[] = { latents, &state->guided };
  const gfloat scales[] = { step->x0_x, step->x0_output };
  const struct
  {
    const OclTensor *tensor;
    gfloat scale;
  } terms[] = {
    {latents, step->from_x},
    {&state->guided, step->from_output},
    {x0, step->from_x0},
    {last_x0, step->from_last_x0},
    {&state->fresh_noise, step->from_noise},
  };
  const OclTensor *used[G_N_ELEMENTS (terms)];
  gfloat used_scales[G_N_ELEMENTS (terms)];
  guint n = 0;

  if (!ocl_combine (queue, 2, inputs, scales, step->clamp, x0, error))
    return FALSE;
  if (step->from_noise != 0.0f
      && !vldm_noise_to_tensor (noise, queue, &state->fresh_noise, error))
    return FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (terms); i++) {
    if (terms[i].scale != 0.0f) {
      used[n] = terms[i].tensor;
      used_scales[n++] = terms[i].scale;
    }
  }
  return ocl_combine (queue, n, used, used_scales, 0.0f, latents, error);
}

static gboolean
denoise (const VldmSampler * sampler, OclQueue * queue,
    const OclTensor * sample, const OclTensor * latents, VldmNoise * noise,
    VldmStepFunc step_func, gpointer user_data, GError ** error)
{
  const VldmSchedule *schedule = sampler->schedule;
  OclTensor input = ocl_tensor_channels (sample, 0, latents->channels);
  SamplerState state;

  if (!sampler_state_alloc (&state, queue, latents, error))
    return FALSE;
  if (!ocl_combine (queue, 1, &latents, &schedule->initial_scale, 0.0f,
          latents, error))
    return FALSE;

  for (guint i = 0; i < schedule->n; i++) {
    const VldmStep *step = &schedule->steps[i];

    if (!step_func (i, schedule->n, user_data, error))
      return FALSE;
    if (!ocl_combine (queue, 1, &latents, &step->input_scale, 0.0f, &input,
            error))
      return FALSE;
    if (!guided_output (sampler, queue, &state, sample, step->timestep, error))
      return FALSE;
    if (!update_latents (queue, step, &state, i, latents, noise, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_sampler_run (const VldmSampler * sampler, OclQueue * queue,
    const OclTensor * sample, const OclTensor * latents, VldmNoise * noise,
    VldmStepFunc step, gpointer user_data, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = denoise (sampler, queue, sample, latents, noise, step,
      user_data, error);

  ocl_arena_release (arena, mark);
  return done;
}

gboolean
vldm_noise_to_tensor (VldmNoise * noise, OclQueue * queue,
    const OclTensor * output, GError ** error)
{
  gsize n = ocl_tensor_pixels (output) * output->channels;
  g_autofree gfloat *values = g_new (gfloat, n);
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclBuffer *planar;
  gsize offset;
  gboolean done;

  vldm_noise_fill (noise, values, n);
  done = ocl_arena_alloc (arena, n * sizeof (gfloat), &planar, &offset, error)
      && ocl_queue_write (queue, planar, offset, values, n * sizeof (gfloat),
      error)
      && ocl_from_planar (queue, planar, offset / sizeof (gfloat), OCL_F32,
      output, error);
  ocl_arena_release (arena, mark);
  return done;
}
