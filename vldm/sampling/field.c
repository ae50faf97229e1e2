/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop over a field in the host's memory. Guidance and update do not look at neighbours, so a piece is any
 * row of numbers.
 */
#include "vldm/sampling/field.h"

#include <math.h>

#include "opencl/ops/elementwise.h"

/* Numbers on the device at once: enough that a launch costs little beside its work. */
#define PIECE (1 << 18)

#define MAX_INPUTS 5

/* What the loop works on, besides the latents: shaped like them. */
typedef struct
{
  VldmFrames text;              /* F of the prompt, or with guidance off F itself */
  VldmFrames negative;          /* F of the negative prompt; with guidance only */
  VldmFrames x0;                /* predicted clean latents of the step before */
  VldmFrames fresh_noise;       /* where the schedule wants some */
} FieldState;

/* What one step's passes over the pieces have in common. */
typedef struct
{
  const VldmFieldSampler *sampler;
  OclQueue *queue;
  const VldmStep *step;
  const VldmFrames *latents;
  const FieldState *state;
  gfloat factor;                /* rescale */
} FieldStep;

static void
field_state_clear (FieldState * state)
{
  vldm_frames_clear (&state->text);
  vldm_frames_clear (&state->negative);
  vldm_frames_clear (&state->x0);
  vldm_frames_clear (&state->fresh_noise);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FieldState, field_state_clear);

static gboolean
is_guided (const VldmFieldSampler * sampler)
{
  return vldm_guides (sampler->guidance_scale);
}

static gboolean
field_state_init (FieldState * state, const VldmFieldSampler * sampler,
    const VldmFrames * latents, GError ** error)
{
  const struct
  {
    VldmFrames *field;
    gboolean needed;
  } fields[] = {
    {&state->text, TRUE},
    {&state->negative, is_guided (sampler)},
    {&state->x0, TRUE},
    {&state->fresh_noise, vldm_schedule_needs_noise (sampler->schedule)},
  };

  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    if (fields[i].needed && !vldm_frames_init (fields[i].field,
            latents->format, latents->count, latents->channels,
            latents->height, latents->width, error))
      return FALSE;
  }
  return TRUE;
}

static gsize
count_numbers (const VldmFrames * field)
{
  return vldm_frames_size (field) / sizeof (gfloat);
}

static gfloat *
numbers (const VldmFrames * field)
{
  return (gfloat *) vldm_frames_host (field, 0);
}

/* ---- pieces ---- */

/* @n numbers from @data on, on the device. */
static gboolean
load_piece (OclQueue * queue, const gfloat * data, gsize n, OclTensor * piece,
    GError ** error)
{
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, n, 1), piece, error)
      && ocl_tensor_write (queue, piece, data, error);
}

static gboolean
combine_piece (OclQueue * queue, guint n_inputs, const gfloat * const *inputs,
    const gfloat * scales, gfloat * output, gsize first, gsize n,
    GError ** error)
{
  OclTensor tensors[MAX_INPUTS], result;
  const OclTensor *pointers[MAX_INPUTS];

  for (guint i = 0; i < n_inputs; i++) {
    pointers[i] = &tensors[i];
    if (!load_piece (queue, inputs[i] + first, n, &tensors[i], error))
      return FALSE;
  }
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, n, 1), &result,
      error)
      && ocl_combine (queue, n_inputs, pointers, scales, 0.0f, &result, error)
      && ocl_tensor_read (queue, &result, output + first, error);
}

gboolean
vldm_field_combine (OclQueue * queue, guint n_inputs,
    const gfloat * const *inputs, const gfloat * scales, gfloat * output,
    gsize n, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  g_return_val_if_fail (n_inputs <= MAX_INPUTS, FALSE);
  for (gsize first = 0; done && first < n; first += PIECE) {
    done = combine_piece (queue, n_inputs, inputs, scales, output, first,
        MIN (PIECE, n - first), error);
    ocl_arena_release (arena, mark);
  }
  return done;
}

/* ---- a step ---- */

/* @guided = F after guidance, without rescale; @text is that of the prompt. */
static gboolean
guide_piece (const FieldStep * run, gsize first, gsize n, OclTensor * text,
    OclTensor * guided, GError ** error)
{
  OclQueue *queue = run->queue;
  gfloat g = run->sampler->guidance_scale;
  OclTensor negative;
  const OclTensor *outputs[] = { &negative, text };
  const gfloat scales[] = { 1.0f - g, g };

  if (!load_piece (queue, numbers (&run->state->text) + first, n, text, error))
    return FALSE;
  *guided = *text;
  if (!is_guided (run->sampler))
    return TRUE;
  return load_piece (queue, numbers (&run->state->negative) + first, n,
      &negative, error)
      && ocl_tensor_alloc_like (queue, text, guided, error)
      && ocl_combine (queue, 2, outputs, scales, 0.0f, guided, error);
}

static gdouble
deviation (const OclMoments * moments)
{
  return sqrt (moments->squares / (moments->count - 1.0));
}

/* diffusers' rescale_noise_cfg: the guided F gets part of the deviation of that of the prompt. */
static gboolean
find_factor (FieldStep * run, GError ** error)
{
  gdouble w = run->sampler->guidance_rescale;
  OclArena *arena = ocl_queue_arena (run->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize total = count_numbers (run->latents);
  OclMoments of_text = { 0 }, of_guided = { 0 };
  OclTensor text, guided;

  run->factor = 1.0f;
  if (!is_guided (run->sampler) || w == 0.0)
    return TRUE;
  for (gsize first = 0; first < total; first += PIECE) {
    gboolean done = guide_piece (run, first, MIN (PIECE, total - first), &text,
        &guided, error)
        && ocl_moments (run->queue, &text, &of_text, error)
        && ocl_moments (run->queue, &guided, &of_guided, error);

    ocl_arena_release (arena, mark);
    if (!done)
      return FALSE;
  }
  run->factor = w * (deviation (&of_text) / deviation (&of_guided)) + 1.0 - w;
  return TRUE;
}

static gboolean
update_piece (const FieldStep * run, gsize first, gsize n, GError ** error)
{
  OclQueue *queue = run->queue;
  const FieldState *state = run->state;
  OclTensor latents, text, guided, x0, last_x0, fresh_noise;
  const VldmStepTensors tensors = {
    &latents, &guided, &x0, &last_x0, &fresh_noise
  };
  const OclTensor *unscaled = &guided;

  if (!guide_piece (run, first, n, &text, &guided, error))
    return FALSE;
  if (run->factor != 1.0f && !ocl_combine (queue, 1, &unscaled, &run->factor,
          0.0f, &guided, error))
    return FALSE;
  if (run->step->from_noise != 0.0f
      && !load_piece (queue, numbers (&state->fresh_noise) + first, n,
          &fresh_noise, error))
    return FALSE;
  return load_piece (queue, numbers (run->latents) + first, n, &latents, error)
      && load_piece (queue, numbers (&state->x0) + first, n, &last_x0, error)
      && ocl_tensor_alloc_like (queue, &latents, &x0, error)
      && vldm_step_update (queue, run->step, &tensors, error)
      && ocl_tensor_read (queue, &x0, numbers (&state->x0) + first, error)
      && ocl_tensor_read (queue, &latents, numbers (run->latents) + first,
      error);
}

static gboolean
update (FieldStep * run, GError ** error)
{
  OclArena *arena = ocl_queue_arena (run->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize total = count_numbers (run->latents);
  gboolean done = find_factor (run, error);

  for (gsize first = 0; done && first < total; first += PIECE) {
    done = update_piece (run, first, MIN (PIECE, total - first), error);
    ocl_arena_release (arena, mark);
  }
  return done;
}

static gboolean
call_network (const FieldStep * run, FieldState * state, GError ** error)
{
  const VldmFieldSampler *sampler = run->sampler;
  const VldmStep *step = run->step;
  const VldmUnetContext *const contexts[] = { sampler->text,
    sampler->negative_text
  };
  VldmFrames *const outputs[] = { &state->text, &state->negative };

  return sampler->call (run->queue, is_guided (sampler) ? 2 : 1, contexts,
      run->latents, step->input_scale, step->timestep, outputs,
      sampler->network, error);
}

gboolean
vldm_field_sampler_run (const VldmFieldSampler * sampler, OclQueue * queue,
    VldmFrames * latents, VldmNoise * noise, VldmStepFunc step_func,
    gpointer user_data, GError ** error)
{
  const VldmSchedule *schedule = sampler->schedule;
  g_auto (FieldState) state = { 0 };
  const gfloat *const whole = numbers (latents);

  if (!field_state_init (&state, sampler, latents, error)
      || !vldm_field_combine (queue, 1, &whole, &schedule->initial_scale,
          numbers (latents), count_numbers (latents), error))
    return FALSE;

  for (guint i = 0; i < schedule->n; i++) {
    FieldStep run = {.sampler = sampler,.queue = queue,.latents = latents };

    run.step = &schedule->steps[i];
    run.state = &state;
    if (!step_func (i, schedule->n, user_data, error)
        || !call_network (&run, &state, error))
      return FALSE;
    if (run.step->from_noise != 0.0f)
      vldm_noise_fill (noise, numbers (&state.fresh_noise),
          count_numbers (latents));
    if (!update (&run, error))
      return FALSE;
  }
  return TRUE;
}
