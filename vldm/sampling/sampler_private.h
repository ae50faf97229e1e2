/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between the denoising loop in sampler.c and the two stores of its numbers: sampler_tensors.c, on the device, and field.c, in
 * the host's memory.
 */
#pragma once

#include "vldm/sampling/sampler.h"

G_BEGIN_DECLS

/* What the loop works on: arrays of one size. */
typedef enum
{
  VLDM_STORE_LATENTS,
  VLDM_STORE_TEXT,              /* F of the prompt */
  VLDM_STORE_NEGATIVE,          /* F of the negative prompt; with guidance only */
  VLDM_STORE_BLANK,             /* F of the negative prompt without context; with context guidance only */
  VLDM_STORE_X0,                /* predicted clean latents of this step: only written */
  VLDM_STORE_LAST_X0,           /* predicted clean latents of the step before: only read */
  VLDM_STORE_NOISE,             /* fresh noise; where the schedule wants some */
  VLDM_STORE_ARRAYS,
} VldmStoreArray;

/* The loop takes each array through the device piece by piece: numbers [first, first + n) of it. */
typedef struct
{
  /* F of the prompts of @call at step->input_scale times the latents: of two prompts to NEGATIVE and TEXT, of one to
   * @output. BLANK is without context. */
  gboolean (*call) (gpointer store, OclQueue * queue, const VldmUnetCall * call, const VldmStep * step,
      VldmStoreArray output, GError ** error);
  /* @piece, on the device, gets @n numbers from @first on. */
  gboolean (*load) (gpointer store, OclQueue * queue, VldmStoreArray array, gsize first, gsize n, OclTensor * piece,
      GError ** error);
  /* Puts back @piece, which load gave and the loop has changed. */
  gboolean (*save) (gpointer store, OclQueue * queue, VldmStoreArray array, gsize first, const OclTensor * piece,
      GError ** error);
  /* NOISE gets the next numbers. */
  gboolean (*draw) (gpointer store, OclQueue * queue, VldmNoise * noise, GError ** error);
  /* After a step: X0 becomes LAST_X0. */
  void (*age) (gpointer store);
} VldmStoreClass;

typedef struct
{
  const VldmStoreClass *class;
  gpointer store;
  gsize size;                   /* numbers of an array */
  gsize piece;                  /* numbers of a piece at most */
  gboolean resident;            /* one piece, which lies on the device all the time */
} VldmStore;

gboolean vldm_sampler_loop (const VldmSampler * sampler, OclQueue * queue, const VldmStore * store, GError ** error);

/* The arrays that @sampler needs. */
gboolean vldm_sampler_needs (const VldmSampler * sampler, VldmStoreArray array);

G_END_DECLS
