/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop. Guidance and update do not look at neighbours, so a piece is any row of numbers. Where the store lies
 * on the device, the host reads nothing from the first step to the last.
 */
#include <math.h>

#include "opencl/ops/elementwise.h"
#include "vldm/sampling/sampler_private.h"

/* What one step's passes over the pieces have in common. */
typedef struct
{
  const VldmSampler *sampler;
  OclQueue *queue;
  const VldmStore *store;
  const VldmStep *step;
  gfloat factor;                /* rescale, where the store is not resident */
} Run;

/* A piece of each array, and of F after guidance. */
typedef struct
{
  OclTensor arrays[VLDM_STORE_ARRAYS];
  OclTensor guided;
} Piece;

gboolean
vldm_guides (gdouble guidance_scale)
{
  return guidance_scale > 1.0;
}

static gboolean
uses_context (const VldmSampler * sampler)
{
  return sampler->context_guidance != 1.0;
}

static gboolean
is_guided (const VldmSampler * sampler)
{
  return vldm_guides (sampler->guidance_scale) || uses_context (sampler);
}

static gboolean
needs_noise (const VldmSchedule * schedule)
{
  for (guint i = 0; i < schedule->n; i++) {
    if (schedule->steps[i].from_noise != 0.0f)
      return TRUE;
  }
  return FALSE;
}

gboolean
vldm_sampler_needs (const VldmSampler * sampler, VldmStoreArray array)
{
  switch (array) {
    case VLDM_STORE_NEGATIVE:
      return is_guided (sampler);
    case VLDM_STORE_BLANK:
      return uses_context (sampler);
    case VLDM_STORE_NOISE:
      return needs_noise (sampler->schedule);
    default:
      return TRUE;
  }
}

/* ---- pieces ---- */

static gboolean
load (const Run * run, VldmStoreArray array, gsize first, gsize n,
    Piece * piece, GError ** error)
{
  return run->store->class->load (run->store->store, run->queue, array, first,
      n, &piece->arrays[array], error);
}

static gboolean
save (const Run * run, VldmStoreArray array, gsize first, const Piece * piece,
    GError ** error)
{
  return run->store->class->save (run->store->store, run->queue, array, first,
      &piece->arrays[array], error);
}

typedef gboolean (*PieceFunc) (const Run * run, gsize first, gsize n,
    gpointer user_data, GError ** error);

static gboolean
for_each_piece (const Run * run, PieceFunc func, gpointer user_data,
    GError ** error)
{
  const VldmStore *store = run->store;
  OclArena *arena = ocl_queue_arena (run->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  for (gsize first = 0; done && first < store->size; first += store->piece) {
    done = func (run, first, MIN (store->piece, store->size - first), user_data,
        error);
    ocl_arena_release (arena, mark);
  }
  return done;
}

static gboolean
scale_piece (const Run * run, gsize first, gsize n, gpointer unused,
    GError ** error)
{
  Piece piece;
  const OclTensor *latents = &piece.arrays[VLDM_STORE_LATENTS];

  return load (run, VLDM_STORE_LATENTS, first, n, &piece, error)
      && ocl_combine (run->queue, 1, &latents,
      &run->sampler->schedule->initial_scale, 0.0f, latents, error)
      && save (run, VLDM_STORE_LATENTS, first, &piece, error);
}

/* ---- guidance ---- */

/* F of every prompt at the latents. */
static gboolean
call_network (const Run * run, GError ** error)
{
  const VldmSampler *sampler = run->sampler;
  const VldmUnetContext *const contexts[] = { sampler->negative_text,
    sampler->text
  };
  const VldmUnetCall blank = { 1, contexts, run->step->timestep };
  const VldmUnetCall both = { 2, contexts, run->step->timestep };
  const VldmUnetCall text = { 1, contexts + 1, run->step->timestep };

  if (uses_context (sampler) && !run->store->class->call (run->store->store,
          run->queue, &blank, run->step, VLDM_STORE_BLANK, error))
    return FALSE;
  return run->store->class->call (run->store->store, run->queue,
      is_guided (sampler) ? &both : &text, run->step, VLDM_STORE_TEXT, error);
}

/* piece->guided = F after guidance, without rescale. */
static gboolean
guide_piece (const Run * run, gsize first, gsize n, Piece * piece,
    GError ** error)
{
  const VldmSampler *sampler = run->sampler;
  gfloat g = MAX (sampler->guidance_scale, 1.0);
  gfloat c = sampler->context_guidance;
  const OclTensor *outputs[] = { &piece->arrays[VLDM_STORE_BLANK],
    &piece->arrays[VLDM_STORE_NEGATIVE], &piece->arrays[VLDM_STORE_TEXT]
  };
  const gfloat scales[] = { 1.0f - c, c - g, g };
  guint skip = uses_context (sampler) ? 0 : 1;

  if (!load (run, VLDM_STORE_TEXT, first, n, piece, error))
    return FALSE;
  piece->guided = piece->arrays[VLDM_STORE_TEXT];
  if (!is_guided (sampler))
    return TRUE;
  return load (run, VLDM_STORE_NEGATIVE, first, n, piece, error)
      && (skip == 1 || load (run, VLDM_STORE_BLANK, first, n, piece, error))
      && ocl_tensor_alloc_like (run->queue, &piece->arrays[VLDM_STORE_TEXT],
      &piece->guided, error)
      && ocl_combine (run->queue, 3 - skip, outputs + skip, scales + skip, 0.0f,
      &piece->guided, error);
}

/* Of F of the prompt, and of F after guidance. */
typedef struct
{
  OclMoments text, guided;
} Spread;

static gboolean
measure_piece (const Run * run, gsize first, gsize n, gpointer user_data,
    GError ** error)
{
  Spread *spread = user_data;
  Piece piece;

  return guide_piece (run, first, n, &piece, error)
      && ocl_moments (run->queue, &piece.arrays[VLDM_STORE_TEXT],
      &spread->text, error)
      && ocl_moments (run->queue, &piece.guided, &spread->guided, error);
}

static gdouble
deviation (const OclMoments * moments)
{
  return sqrt (moments->squares / (moments->count - 1.0));
}

static gboolean
rescales (const VldmSampler * sampler)
{
  return is_guided (sampler) && sampler->guidance_rescale != 0.0;
}

/* diffusers' rescale_noise_cfg: the guided F gets part of the deviation of that of the prompt. Here for pieces; a resident
 * store leaves it to ocl_rescale_guidance (), which needs no answer from the device. */
static gboolean
find_factor (Run * run, GError ** error)
{
  gdouble w = run->sampler->guidance_rescale;
  Spread spread = { 0 };

  run->factor = 1.0f;
  if (run->store->resident || !rescales (run->sampler))
    return TRUE;
  if (!for_each_piece (run, measure_piece, &spread, error))
    return FALSE;
  run->factor =
      w * (deviation (&spread.text) / deviation (&spread.guided)) + 1.0 - w;
  return TRUE;
}

static gboolean
rescale_piece (const Run * run, const Piece * piece, GError ** error)
{
  const OclTensor *guided = &piece->guided;

  if (run->store->resident && rescales (run->sampler))
    return ocl_rescale_guidance (run->queue, run->sampler->guidance_rescale,
        &piece->arrays[VLDM_STORE_TEXT], guided, guided, error);
  return run->factor == 1.0f || ocl_combine (run->queue, 1, &guided,
      &run->factor, 0.0f, guided, error);
}

/* ---- a step ---- */

/* The linear update that VldmStep describes. Terms with coefficient 0 are left out, so that a NaN there cannot spread. */
static gboolean
step_piece (const Run * run, const Piece * piece, GError ** error)
{
  const VldmStep *step = run->step;
  const OclTensor *latents = &piece->arrays[VLDM_STORE_LATENTS];
  const OclTensor *x0 = &piece->arrays[VLDM_STORE_X0];
  const OclTensor *inputs[] = { latents, &piece->guided };
  const gfloat scales[] = { step->x0_x, step->x0_output };
  const struct
  {
    const OclTensor *tensor;
    gfloat scale;
  } terms[] = {
    {latents, step->from_x},
    {&piece->guided, step->from_output},
    {x0, step->from_x0},
    {&piece->arrays[VLDM_STORE_LAST_X0], step->from_last_x0},
    {&piece->arrays[VLDM_STORE_NOISE], step->from_noise},
  };
  const OclTensor *used[G_N_ELEMENTS (terms)];
  gfloat used_scales[G_N_ELEMENTS (terms)];
  guint n = 0;

  if (!ocl_combine (run->queue, 2, inputs, scales, step->clamp, x0, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (terms); i++) {
    if (terms[i].scale != 0.0f) {
      used[n] = terms[i].tensor;
      used_scales[n++] = terms[i].scale;
    }
  }
  return ocl_combine (run->queue, n, used, used_scales, 0.0f, latents, error);
}

static gboolean
update_piece (const Run * run, gsize first, gsize n, gpointer unused,
    GError ** error)
{
  const VldmStep *step = run->step;
  Piece piece;

  return guide_piece (run, first, n, &piece, error)
      && rescale_piece (run, &piece, error)
      && (step->from_noise == 0.0f
      || load (run, VLDM_STORE_NOISE, first, n, &piece, error))
      && (step->from_last_x0 == 0.0f
      || load (run, VLDM_STORE_LAST_X0, first, n, &piece, error))
      && load (run, VLDM_STORE_LATENTS, first, n, &piece, error)
      && load (run, VLDM_STORE_X0, first, n, &piece, error)
      && step_piece (run, &piece, error)
      && save (run, VLDM_STORE_X0, first, &piece, error)
      && save (run, VLDM_STORE_LATENTS, first, &piece, error);
}

static gboolean
run_step (Run * run, GError ** error)
{
  const VldmStore *store = run->store;

  if (!call_network (run, error))
    return FALSE;
  if (run->step->from_noise != 0.0f && !store->class->draw (store->store,
          run->queue, run->sampler->noise, error))
    return FALSE;
  if (!find_factor (run, error)
      || !for_each_piece (run, update_piece, NULL, error))
    return FALSE;
  store->class->age (store->store);
  return TRUE;
}

gboolean
vldm_sampler_loop (const VldmSampler * sampler, OclQueue * queue,
    const VldmStore * store, GError ** error)
{
  const VldmSchedule *schedule = sampler->schedule;
  Run run = {.sampler = sampler,.queue = queue,.store = store };

  if (!for_each_piece (&run, scale_piece, NULL, error))
    return FALSE;
  for (guint i = 0; i < schedule->n; i++) {
    run.step = &schedule->steps[i];
    if (!sampler->step (i, schedule->n, sampler->user_data, error)
        || !run_step (&run, error))
      return FALSE;
  }
  return TRUE;
}
