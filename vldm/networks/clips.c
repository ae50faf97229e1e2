/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Views of tensors: no function here computes anything, and only vldm_tensor_repeat () copies.
 */
#include "vldm/networks/clips.h"

#include "opencl/ops/elementwise.h"

const OclConv vldm_conv_same = { 1, 1, 1 };
const OclConv vldm_conv_halve = { 2, 1, 1 };

OclConv
vldm_conv_upsample (const OclTensor * output)
{
  const OclConv conv = { 1, 1, 1, output->height, output->width };

  return conv;
}

static gboolean
is_one_for_all (const OclTensor * tensor, const VldmClips * clips)
{
  return tensor->frames == clips->frames;
}

OclTensor
vldm_tensor_clip (const OclTensor * tensor, const VldmClips * clips, guint i)
{
  gsize first = is_one_for_all (tensor, clips) ? 0 : i * clips->frames;

  return ocl_tensor_frames (tensor, first, clips->frames);
}

gboolean
vldm_tensor_repeat (OclQueue * queue, OclTensor * tensor,
    const VldmClips * clips, GError ** error)
{
  const OclTensor one = *tensor;

  if (!is_one_for_all (tensor, clips))
    return TRUE;
  tensor->frames = clips->n * clips->frames;
  for (guint i = 1; i < clips->n; i++) {
    OclTensor clip = vldm_tensor_clip (tensor, clips, i);

    if (!ocl_copy (queue, &one, &clip, error))
      return FALSE;
  }
  return TRUE;
}

OclTensor
vldm_tensor_reuse (const OclTensor * memory, gsize channels)
{
  OclTensor tensor = *memory;

  tensor.channels = tensor.stride = channels;
  return tensor;
}

gboolean
vldm_ping_pong_alloc (VldmPingPong * ping_pong, OclQueue * queue, OclType type,
    gsize n, GError ** error)
{
  ping_pong->turn = 0;
  return ocl_tensor_alloc (queue, type, ocl_shape (1, 1, 1, n),
      &ping_pong->slabs[0], error)
      && ocl_tensor_alloc (queue, type, ocl_shape (1, 1, 1, n),
      &ping_pong->slabs[1], error);
}

OclTensor
vldm_ping_pong_next (VldmPingPong * ping_pong, gsize frames, gsize height,
    gsize width, gsize channels)
{
  OclTensor tensor = ping_pong->slabs[ping_pong->turn];

  ping_pong->turn = 1 - ping_pong->turn;
  tensor.frames = frames;
  tensor.height = height;
  tensor.width = width;
  tensor.channels = tensor.stride = channels;
  return tensor;
}
