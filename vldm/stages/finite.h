/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers that are not finite end a stage with one error, which says who made them and what is the likely cause. They are
 * looked for where they are few: in latents that come from outside, in latents that go out, and on the device in what a text
 * encoder or an autoencoder makes.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/frames.h"

G_BEGIN_DECLS

/* A network as messages name it. */
typedef struct
{
  const char *name;             /* "the decoder" */
  const char *folder;           /* of its weights, which are finite: vldm/networks/layers.h */
  OclType type;                 /* that it stores numbers in */
} VldmMaker;

/* For latents that the stage was given: VLDM_ERROR_INPUT names the first place that is not finite. Host memory. */
gboolean vldm_check_latents_in (const VldmFrames * latents, GError ** error);

/* For latents, in host memory, or a tensor, for which it waits, that the stage has made: VLDM_ERROR_SETTINGS where another
 * precision helps, else VLDM_ERROR_MODEL. */
gboolean vldm_check_latents_made (const VldmMaker * maker, const VldmFrames * latents, GError ** error);
gboolean vldm_check_tensor_made (const VldmMaker * maker, OclQueue * queue, const OclTensor * tensor,
    GError ** error);

/* Their error. */
void vldm_set_not_finite (const VldmMaker * maker, GError ** error);

G_END_DECLS
