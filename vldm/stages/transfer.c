/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planar host latents <-> channels-last tensors.
 */
#include "vldm/stages/transfer.h"

#include "opencl/ops/convert.h"

static OclType
type_of (const VldmFrames * latents)
{
  return latents->format == VLDM_FORMAT_F16LE ? OCL_F16 : OCL_F32;
}

gboolean
vldm_write_latents (OclQueue * queue, const VldmFrames * latents, guint first,
    const OclTensor * tensor, GError ** error)
{
  OclType type = type_of (latents);
  gsize size = vldm_frames_frame_size (latents) * tensor->frames;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclBuffer *planar;
  gsize offset;
  gboolean done = ocl_arena_alloc (arena, size, &planar, &offset, error)
      && ocl_queue_write (queue, planar, offset, vldm_frames_host (latents,
          first), size, error)
      && ocl_from_planar (queue, planar, offset / ocl_type_size (type), type,
      tensor, error);

  ocl_arena_release (arena, mark);
  return done;
}

gboolean
vldm_read_latents (OclQueue * queue, const OclTensor * tensor,
    VldmFrames * latents, guint first, GError ** error)
{
  OclType type = type_of (latents);
  gsize size = vldm_frames_frame_size (latents) * tensor->frames;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclBuffer *planar;
  gsize offset;
  gboolean done = ocl_arena_alloc (arena, size, &planar, &offset, error)
      && ocl_to_planar (queue, tensor, planar, offset / ocl_type_size (type),
      type, error)
      && ocl_queue_read (queue, planar, offset, vldm_frames_host (latents,
          first), size, error);

  ocl_arena_release (arena, mark);
  return done;
}
