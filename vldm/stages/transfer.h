/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents, or tiles of a field, between host frames and device tensors: the two ends of every stage.
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

/* The rectangle of @field (F32LE in host memory) that begins at row @y and column @x of frame @first and lies inside it,
 * into @tensor [n, height, width, channels], which gives its size; and the way back, which waits. */
gboolean vldm_write_tile (OclQueue * queue, const VldmFrames * field, guint first, gsize y, gsize x,
    const OclTensor * tensor, GError ** error);
gboolean vldm_read_tile (OclQueue * queue, const OclTensor * tensor, VldmFrames * field, guint first, gsize y, gsize x,
    GError ** error);

G_END_DECLS
