/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Planar host latents <-> channels-last tensors.
 */
#include "vldm/stages/transfer.h"

#include <string.h>

#include "opencl/ops/convert.h"
#include "vldm/error.h"

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

/* Calls for every row of the rectangle: what lies at @row of the field, and at @packed of the rectangle by itself. */
typedef void (*TileRowFunc) (gfloat * row, gfloat * packed, gsize n);

static void
pack_row (gfloat * row, gfloat * packed, gsize n)
{
  memcpy (packed, row, n * sizeof (gfloat));
}

static void
unpack_row (gfloat * row, gfloat * packed, gsize n)
{
  memcpy (row, packed, n * sizeof (gfloat));
}

static void
for_each_row (const VldmFrames * field, guint first, gsize y, gsize x,
    const OclTensor * tensor, gfloat * packed, TileRowFunc row_func)
{
  gsize rows = field->height, columns = field->width;

  for (gsize f = 0; f < tensor->frames; f++) {
    gfloat *frame = (gfloat *) vldm_frames_host (field, first + f);

    for (gsize c = 0; c < tensor->channels; c++) {
      for (gsize i = 0; i < tensor->height; i++) {
        row_func (frame + (c * rows + y + i) * columns + x, packed,
            tensor->width);
        packed += tensor->width;
      }
    }
  }
}

/* Host memory for the rectangle, or NULL. */
static gfloat *
new_packed (const OclTensor * tensor, gsize * size, GError ** error)
{
  gfloat *packed;

  *size = ocl_tensor_pixels (tensor) * tensor->channels * sizeof (gfloat);
  packed = g_try_malloc (*size);
  if (packed == NULL)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "a tile of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " needs %"
        G_GSIZE_FORMAT " bytes, more than this machine gives: use smaller ones",
        tensor->width, tensor->height, *size);
  return packed;
}

gboolean
vldm_write_tile (OclQueue * queue, const VldmFrames * field, guint first,
    gsize y, gsize x, const OclTensor * tensor, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize size, offset;
  g_autofree gfloat *packed = new_packed (tensor, &size, error);
  OclBuffer *planar;
  gboolean done;

  if (packed == NULL)
    return FALSE;
  for_each_row (field, first, y, x, tensor, packed, pack_row);
  done = ocl_arena_alloc (arena, size, &planar, &offset, error)
      && ocl_queue_write (queue, planar, offset, packed, size, error)
      && ocl_from_planar (queue, planar, offset / sizeof (gfloat), OCL_F32,
      tensor, error);
  ocl_arena_release (arena, mark);
  return done;
}

gboolean
vldm_read_tile (OclQueue * queue, const OclTensor * tensor, VldmFrames * field,
    guint first, gsize y, gsize x, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize size, offset;
  g_autofree gfloat *packed = new_packed (tensor, &size, error);
  OclBuffer *planar;
  gboolean done;

  if (packed == NULL)
    return FALSE;
  done = ocl_arena_alloc (arena, size, &planar, &offset, error)
      && ocl_to_planar (queue, tensor, planar, offset / sizeof (gfloat),
      OCL_F32, error)
      && ocl_queue_read (queue, planar, offset, packed, size, error);
  ocl_arena_release (arena, mark);
  if (done)
    for_each_row (field, first, y, x, tensor, packed, unpack_row);
  return done;
}
