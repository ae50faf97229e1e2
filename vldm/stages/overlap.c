/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kept frames and the blend with them.
 */
#include "vldm/stages/overlap.h"

#include "opencl/ops/elementwise.h"
#include "vldm/error.h"

void
vldm_overlap_clear (VldmOverlap * overlap)
{
  g_clear_pointer (&overlap->buffer, ocl_buffer_unref);
}

gboolean
vldm_overlap_blend (const VldmOverlap * overlap, OclQueue * queue, guint n,
    const OclTensor * frames, GError ** error)
{
  const OclTensor *kept = &overlap->frames;

  if (overlap->buffer == NULL || kept->frames < n
      || kept->width != frames->width || kept->height != frames->height) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "no %u frames of the piece before were kept to blend with", n);
    return FALSE;
  }
  for (guint i = 0; i < MIN (n, frames->frames); i++) {
    OclTensor before = ocl_tensor_frames (kept, i, 1);
    OclTensor now = ocl_tensor_frames (frames, i, 1);
    const OclTensor *inputs[] = { &before, &now };
    gfloat w = (i + 1.0f) / (n + 1.0f);
    const gfloat scales[] = { 1.0f - w, w };

    if (!ocl_combine (queue, 2, inputs, scales, 0.0f, &now, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_overlap_keep (VldmOverlap * overlap, OclQueue * queue, guint n,
    const OclTensor * frames, GError ** error)
{
  guint count = MIN (n, frames->frames);
  OclTensor last = ocl_tensor_frames (frames, frames->frames - count, count);
  gsize size =
      ocl_tensor_pixels (&last) * last.channels * ocl_type_size (last.type);

  if (overlap->buffer == NULL || ocl_buffer_size (overlap->buffer) != size) {
    vldm_overlap_clear (overlap);
    overlap->buffer = ocl_buffer_new (ocl_queue_device (queue), size, error);
    if (overlap->buffer == NULL)
      return FALSE;
  }
  overlap->frames = last;
  overlap->frames.buffer = overlap->buffer;
  overlap->frames.offset = 0;
  overlap->frames.stride = last.channels;
  return ocl_copy (queue, &last, &overlap->frames, error);
}
