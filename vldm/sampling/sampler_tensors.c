/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising loop's numbers as tensors on the device, each in one piece.
 */
#include "opencl/ops/convert.h"
#include "opencl/ops/elementwise.h"
#include "vldm/sampling/sampler_private.h"

typedef struct
{
  const VldmSamplerTensors *tensors;
  OclTensor arrays[VLDM_STORE_ARRAYS];
  OclTensor both;               /* NEGATIVE and TEXT, which are views of it */
} TensorStore;

static gboolean
tensor_store_init (TensorStore * store, const VldmSampler * sampler,
    OclQueue * queue, GError ** error)
{
  const OclTensor *latents = store->tensors->latents;
  gboolean guided = vldm_sampler_needs (sampler, VLDM_STORE_NEGATIVE);
  OclTensor *arrays = store->arrays;

  for (guint i = VLDM_STORE_LATENTS + 1; i < VLDM_STORE_ARRAYS; i++) {
    gboolean is_view = guided
        && (i == VLDM_STORE_TEXT || i == VLDM_STORE_NEGATIVE);

    if (!is_view && vldm_sampler_needs (sampler, i)
        && !ocl_tensor_alloc_like (queue, latents, &arrays[i], error))
      return FALSE;
  }
  arrays[VLDM_STORE_LATENTS] = *latents;
  if (!guided)
    return TRUE;
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (2 * latents->frames,
              latents->height, latents->width, latents->channels), &store->both,
          error))
    return FALSE;
  arrays[VLDM_STORE_NEGATIVE] =
      ocl_tensor_frames (&store->both, 0, latents->frames);
  arrays[VLDM_STORE_TEXT] =
      ocl_tensor_frames (&store->both, latents->frames, latents->frames);
  return TRUE;
}

static gboolean
tensor_store_call (gpointer store, OclQueue * queue, const VldmUnetCall * call,
    const VldmStep * step, VldmStoreArray output, GError ** error)
{
  TensorStore *self = store;
  const VldmSamplerTensors *tensors = self->tensors;
  const OclTensor *sample = output == VLDM_STORE_BLANK
      ? tensors->blank_sample : tensors->sample;
  OclTensor noisy = ocl_tensor_channels (sample, 0, tensors->latents->channels);

  return ocl_combine (queue, 1, &tensors->latents, &step->input_scale, 0.0f,
      &noisy, error)
      && tensors->call (queue, call, sample,
      call->n_prompts == 2 ? &self->both : &self->arrays[output],
      tensors->network, error);
}

static gboolean
tensor_store_load (gpointer store, OclQueue * queue, VldmStoreArray array,
    gsize first, gsize n, OclTensor * piece, GError ** error)
{
  *piece = ((TensorStore *) store)->arrays[array];
  return TRUE;
}

static gboolean
tensor_store_save (gpointer store, OclQueue * queue, VldmStoreArray array,
    gsize first, const OclTensor * piece, GError ** error)
{
  return TRUE;
}

static gboolean
tensor_store_draw (gpointer store, OclQueue * queue, VldmNoise * noise,
    GError ** error)
{
  return vldm_noise_to_tensor (noise, queue,
      &((TensorStore *) store)->arrays[VLDM_STORE_NOISE], error);
}

static void
tensor_store_age (gpointer store)
{
  OclTensor *arrays = ((TensorStore *) store)->arrays;
  OclTensor oldest = arrays[VLDM_STORE_LAST_X0];

  arrays[VLDM_STORE_LAST_X0] = arrays[VLDM_STORE_X0];
  arrays[VLDM_STORE_X0] = oldest;
}

gboolean
vldm_sampler_run (const VldmSampler * sampler, OclQueue * queue,
    const VldmSamplerTensors * tensors, GError ** error)
{
  static const VldmStoreClass class = {
    tensor_store_call, tensor_store_load, tensor_store_save, tensor_store_draw,
    tensor_store_age
  };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize size = ocl_tensor_pixels (tensors->latents)
      * tensors->latents->channels;
  TensorStore self = {.tensors = tensors };
  const VldmStore store = { &class, &self, size, size, TRUE };
  gboolean done = tensor_store_init (&self, sampler, queue, error)
      && vldm_sampler_loop (sampler, queue, &store, error);

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
