/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames that two pieces of a video share: the last ones of a piece are kept, the first ones of the next are blended with
 * them.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

typedef struct
{
  OclTensor frames;
  OclBuffer *buffer;            /* that holds them; NULL = nothing is kept */
} VldmOverlap;

void vldm_overlap_clear (VldmOverlap * overlap);

/* The first @n of @frames = (1 - w) kept + w frame, in place, w = (i + 1) / (n + 1) of frame i. VLDM_ERROR_SETTINGS unless
 * as many of that size were kept. */
gboolean vldm_overlap_blend (const VldmOverlap * overlap, OclQueue * queue, guint n, const OclTensor * frames,
    GError ** error);

/* Copies the last @n > 0 of @frames out of the arena. */
gboolean vldm_overlap_keep (VldmOverlap * overlap, OclQueue * queue, guint n, const OclTensor * frames,
    GError ** error);

G_END_DECLS
