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
  OclTensor input, blank_input; /* the latents' channels of the network's inputs */
  OclTensor guided;             /* F after guidance */
  OclTensor both;               /* F of both prompts, the next two, with guidance only: twice the frames */
  OclTensor negative, text;
  OclTensor blank;              /* F of the negative prompt without context; with context guidance only */
  OclTensor x0[2];              /* predicted clean latents of this step and the one before, alternating */
  OclTensor fresh_noise;        /* where the schedule wants some */
} SamplerState;

gboolean
vldm_guides (gdouble guidance_scale)
{
  return guidance_scale > 1.0;
}

gboolean
vldm_schedule_needs_noise (const VldmSchedule * schedule)
{
  for (guint i = 0; i < schedule->n; i++) {
    if (schedule->steps[i].from_noise != 0.0f)
      return TRUE;
  }
  return FALSE;
}

static gboolean
sampler_state_alloc (SamplerState * state, const VldmSampler * sampler,
    OclQueue * queue, const OclTensor * latents, GError ** error)
{
  gboolean in_context = sampler->context_guidance != 1.0;
  gboolean guided = in_context || vldm_guides (sampler->guidance_scale);
  const struct
  {
    OclTensor *tensor;
    gboolean needed;
  } tensors[] = {
    {&state->guided, TRUE},
    {&state->blank, in_context},
    {&state->x0[0], TRUE},
    {&state->x0[1], TRUE},
    {&state->fresh_noise, vldm_schedule_needs_noise (sampler->schedule)},
  };

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++) {
    if (tensors[i].needed
        && !ocl_tensor_alloc_like (queue, latents, tensors[i].tensor, error))
      return FALSE;
  }
  if (!guided)
    return TRUE;
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (2 * latents->frames,
              latents->height, latents->width, latents->channels), &state->both,
          error))
    return FALSE;
  state->negative = ocl_tensor_frames (&state->both, 0, latents->frames);
  state->text =
      ocl_tensor_frames (&state->both, latents->frames, latents->frames);
  return TRUE;
}

static gboolean
call_network (const VldmSampler * sampler, OclQueue * queue, guint n_prompts,
    const VldmUnetContext * const *contexts, const OclTensor * sample,
    const VldmStep * step, const OclTensor * output, GError ** error)
{
  return sampler->call (queue, n_prompts, contexts, sample, step->timestep,
      output, sampler->network, error);
}

/* state->guided = F at the latents. */
static gboolean
guided_output (const VldmSampler * sampler, OclQueue * queue,
    const SamplerState * state, const OclTensor * sample,
    const OclTensor * blank_sample, const VldmStep * step, GError ** error)
{
  gfloat g = MAX (sampler->guidance_scale, 1.0);
  gfloat c = sampler->context_guidance;
  const VldmUnetContext *const both[] = { sampler->negative_text,
    sampler->text
  };
  const OclTensor *outputs[] = { &state->blank, &state->negative,
    &state->text
  };
  const gfloat scales[] = { 1.0f - c, c - g, g };
  guint first = c == 1.0f ? 1 : 0;

  if (g == 1.0f && c == 1.0f)
    return call_network (sampler, queue, 1, &sampler->text, sample, step,
        &state->guided, error);

  if (c != 1.0f && !call_network (sampler, queue, 1, &sampler->negative_text,
          blank_sample, step, &state->blank, error))
    return FALSE;
  if (!call_network (sampler, queue, 2, both, sample, step, &state->both,
          error))
    return FALSE;
  if (!ocl_combine (queue, 3 - first, outputs + first, scales + first, 0.0f,
          &state->guided, error))
    return FALSE;
  return sampler->guidance_rescale == 0.0
      || ocl_rescale_guidance (queue, sampler->guidance_rescale, &state->text,
      &state->guided, &state->guided, error);
}

/* Terms with coefficient 0 are left out, so that a NaN there cannot spread. */
gboolean
vldm_step_update (OclQueue * queue, const VldmStep * step,
    const VldmStepTensors * tensors, GError ** error)
{
  const OclTensor *inputs[] = { tensors->latents, tensors->guided };
  const gfloat scales[] = { step->x0_x, step->x0_output };
  const struct
  {
    const OclTensor *tensor;
    gfloat scale;
  } terms[] = {
    {tensors->latents, step->from_x},
    {tensors->guided, step->from_output},
    {tensors->x0, step->from_x0},
    {tensors->last_x0, step->from_last_x0},
    {tensors->fresh_noise, step->from_noise},
  };
  const OclTensor *used[G_N_ELEMENTS (terms)];
  gfloat used_scales[G_N_ELEMENTS (terms)];
  guint n = 0;

  if (!ocl_combine (queue, 2, inputs, scales, step->clamp, tensors->x0, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (terms); i++) {
    if (terms[i].scale != 0.0f) {
      used[n] = terms[i].tensor;
      used_scales[n++] = terms[i].scale;
    }
  }
  return ocl_combine (queue, n, used, used_scales, 0.0f, tensors->latents,
      error);
}

static gboolean
update_latents (OclQueue * queue, const VldmStep * step,
    const SamplerState * state, guint index, const OclTensor * latents,
    VldmNoise * noise, GError ** error)
{
  const VldmStepTensors tensors = {
    latents, &state->guided, &state->x0[index % 2],
    &state->x0[(index + 1) % 2], &state->fresh_noise
  };

  return (step->from_noise == 0.0f
      || vldm_noise_to_tensor (noise, queue, &state->fresh_noise, error))
      && vldm_step_update (queue, step, &tensors, error);
}

static gboolean
set_input (const VldmSampler * sampler, OclQueue * queue,
    const SamplerState * state, const OclTensor * latents,
    const VldmStep * step, GError ** error)
{
  return ocl_combine (queue, 1, &latents, &step->input_scale, 0.0f,
      &state->input, error)
      && (sampler->context_guidance == 1.0
      || ocl_combine (queue, 1, &latents, &step->input_scale, 0.0f,
          &state->blank_input, error));
}

static gboolean
denoise (const VldmSampler * sampler, OclQueue * queue,
    const OclTensor * sample, const OclTensor * blank_sample,
    const OclTensor * latents, VldmNoise * noise, VldmStepFunc step_func,
    gpointer user_data, GError ** error)
{
  const VldmSchedule *schedule = sampler->schedule;
  SamplerState state = { 0 };

  if (!sampler_state_alloc (&state, sampler, queue, latents, error))
    return FALSE;
  state.input = ocl_tensor_channels (sample, 0, latents->channels);
  if (sampler->context_guidance != 1.0)
    state.blank_input =
        ocl_tensor_channels (blank_sample, 0, latents->channels);
  if (!ocl_combine (queue, 1, &latents, &schedule->initial_scale, 0.0f,
          latents, error))
    return FALSE;

  for (guint i = 0; i < schedule->n; i++) {
    const VldmStep *step = &schedule->steps[i];

    if (!step_func (i, schedule->n, user_data, error))
      return FALSE;
    if (!set_input (sampler, queue, &state, latents, step, error))
      return FALSE;
    if (!guided_output (sampler, queue, &state, sample, blank_sample, step,
            error))
      return FALSE;
    if (!update_latents (queue, step, &state, i, latents, noise, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_sampler_run (const VldmSampler * sampler, OclQueue * queue,
    const OclTensor * sample, const OclTensor * blank_sample,
    const OclTensor * latents, VldmNoise * noise, VldmStepFunc step,
    gpointer user_data, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = denoise (sampler, queue, sample, blank_sample, latents,
      noise, step, user_data, error);

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
