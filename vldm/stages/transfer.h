/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents between host frames and device tensors: the two ends of every stage.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/frames.h"

G_BEGIN_DECLS

/* Frames of @latents from @first on, as many as @tensor has, into @tensor [n, height, width, channels]. */
gboolean vldm_write_latents (OclQueue * queue, const VldmFrames * latents, guint first, const OclTensor * tensor,
    GError ** error);

/* @tensor into the frames of @latents from @first on, in their format; waits. */
gboolean vldm_read_latents (OclQueue * queue, const OclTensor * tensor, VldmFrames * latents, guint first,
    GError ** error);

G_END_DECLS
