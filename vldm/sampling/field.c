/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop's numbers in the host's memory.
 */
#include "vldm/sampling/field.h"

#include "opencl/ops/elementwise.h"
#include "vldm/sampling/sampler_private.h"

/* Numbers on the device at once: enough that a launch costs little beside its work. */
#define PIECE (1 << 18)

#define MAX_INPUTS 5

/* X0 and LAST_X0 are one field: the loop reads a piece of the last step's before it writes this step's. */
typedef struct
{
  const VldmSamplerField *field;
  VldmFrames arrays[VLDM_STORE_ARRAYS]; /* empty: LATENTS, which are the caller's, LAST_X0, and what is not needed */
} FieldStore;

static void
field_store_clear (FieldStore * store)
{
  for (guint i = 0; i < VLDM_STORE_ARRAYS; i++)
    vldm_frames_clear (&store->arrays[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FieldStore, field_store_clear);

static gboolean
field_store_init (FieldStore * store, const VldmSampler * sampler,
    GError ** error)
{
  const VldmFrames *latents = store->field->latents;

  for (guint i = 0; i < VLDM_STORE_ARRAYS; i++) {
    if (i != VLDM_STORE_LATENTS && i != VLDM_STORE_LAST_X0
        && vldm_sampler_needs (sampler, i)
        && !vldm_frames_init (&store->arrays[i], latents->format,
            latents->count, latents->channels, latents->height, latents->width,
            error))
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

static gfloat *
array_numbers (const FieldStore * store, VldmStoreArray array)
{
  if (array == VLDM_STORE_LATENTS)
    return numbers (store->field->latents);
  return numbers (&store->arrays[array == VLDM_STORE_LAST_X0
          ? VLDM_STORE_X0 : array]);
}

static gboolean
field_store_call (gpointer store, OclQueue * queue, const VldmUnetCall * call,
    const VldmStep * step, VldmStoreArray output, GError ** error)
{
  FieldStore *self = store;
  VldmFrames *const both[] = { &self->arrays[VLDM_STORE_NEGATIVE],
    &self->arrays[VLDM_STORE_TEXT]
  };

  return self->field->call (queue, call, self->field->latents,
      step->input_scale, call->n_prompts == 2 ? both : both + 1,
      self->field->network, error);
}

static gboolean
alloc_piece (OclQueue * queue, gsize n, OclTensor * piece, GError ** error)
{
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, n, 1), piece,
      error);
}

static gboolean
field_store_load (gpointer store, OclQueue * queue, VldmStoreArray array,
    gsize first, gsize n, OclTensor * piece, GError ** error)
{
  return alloc_piece (queue, n, piece, error)
      && (array == VLDM_STORE_X0
      || ocl_tensor_write (queue, piece, array_numbers (store, array) + first,
          error));
}

static gboolean
field_store_save (gpointer store, OclQueue * queue, VldmStoreArray array,
    gsize first, const OclTensor * piece, GError ** error)
{
  return ocl_tensor_read (queue, piece, array_numbers (store, array) + first,
      error);
}

static gboolean
field_store_draw (gpointer store, OclQueue * queue, VldmNoise * noise,
    GError ** error)
{
  const VldmFrames *fresh = &((FieldStore *) store)->arrays[VLDM_STORE_NOISE];

  vldm_noise_fill (noise, numbers (fresh), count_numbers (fresh));
  return TRUE;
}

static void
field_store_age (gpointer store)
{
}

gboolean
vldm_field_sampler_run (const VldmSampler * sampler, OclQueue * queue,
    const VldmSamplerField * field, GError ** error)
{
  static const VldmStoreClass class = {
    field_store_call, field_store_load, field_store_save, field_store_draw,
    field_store_age
  };
  g_auto (FieldStore) self = {.field = field };
  const VldmStore store = { &class, &self, count_numbers (field->latents),
    PIECE, FALSE
  };

  g_return_val_if_fail (sampler->context_guidance == 1.0, FALSE);
  return field_store_init (&self, sampler, error)
      && vldm_sampler_loop (sampler, queue, &store, error);
}

/* ---- arithmetic ---- */

/* Numbers in host memory that are combined: all of them, or a piece. */
typedef struct
{
  guint n_inputs;
  const gfloat *const *inputs;
  const gfloat *scales;
  gfloat *output;
} Combination;

static gboolean
combine_piece (OclQueue * queue, const Combination * all, gsize first, gsize n,
    GError ** error)
{
  OclTensor tensors[MAX_INPUTS], result;
  const OclTensor *pointers[MAX_INPUTS];

  for (guint i = 0; i < all->n_inputs; i++) {
    pointers[i] = &tensors[i];
    if (!alloc_piece (queue, n, &tensors[i], error)
        || !ocl_tensor_write (queue, &tensors[i], all->inputs[i] + first,
            error))
      return FALSE;
  }
  return alloc_piece (queue, n, &result, error)
      && ocl_combine (queue, all->n_inputs, pointers, all->scales, 0.0f,
      &result, error)
      && ocl_tensor_read (queue, &result, all->output + first, error);
}

gboolean
vldm_field_combine (OclQueue * queue, guint n_inputs,
    const gfloat * const *inputs, const gfloat * scales, gfloat * output,
    gsize n, GError ** error)
{
  const Combination all = { n_inputs, inputs, scales, output };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  g_return_val_if_fail (n_inputs <= MAX_INPUTS, FALSE);
  for (gsize first = 0; done && first < n; first += PIECE) {
    done = combine_piece (queue, &all, first, MIN (PIECE, n - first), error);
    ocl_arena_release (arena, mark);
  }
  return done;
}
