/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tiles of a UNet's field, one call each: what the network sees of it goes up, and what it makes is added to the output's
 * part of the field. And the size of tiles that the device has memory for.
 */
#include "vldm/stages/tiling.h"

#include <string.h>

#include "opencl/ops/elementwise.h"
#include "opencl/ops/tile.h"
#include "vldm/stages/transfer.h"

/* A step for smaller tiles than this costs more than it saves: overlaps become as large as what they surround. */
#define MIN_AUTOMATIC_SIZE 64

static gboolean
upload_weights (OclQueue * queue, const VldmTiles * tiles, OclTensor * weights,
    GError ** error)
{
  g_autofree gfloat *values = g_new (gfloat, (gsize) tiles->n * tiles->size);

  for (guint i = 0; i < tiles->n; i++)
    vldm_tile_weights (tiles, i, values + (gsize) i * tiles->size);
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (tiles->n, 1, 1,
          tiles->size), weights, error)
      && ocl_tensor_write (queue, weights, values, error);
}

gboolean
vldm_tiled_unet_init (VldmTiledUnet * tiled, OclQueue * queue,
    VldmUnet * unet, const gfloat * time_ids, const VldmFrames * beside,
    guint size, guint overlap, GError ** error)
{
  tiled->unet = unet;
  tiled->time_ids = time_ids;
  tiled->beside = beside;
  tiled->rows = vldm_tiles_new (beside->height, size, overlap);
  tiled->columns = vldm_tiles_new (beside->width, size, overlap);
  return upload_weights (queue, &tiled->rows, &tiled->row_weights, error)
      && upload_weights (queue, &tiled->columns, &tiled->column_weights, error);
}

/* @seen = what the network sees of the tile at (@y, @x). */
static gboolean
write_seen (const VldmTiledUnet * tiled, OclQueue * queue,
    const VldmFrames * latents, gfloat input_scale, gsize y, gsize x,
    const OclTensor * seen, GError ** error)
{
  OclTensor noisy = ocl_tensor_channels (seen, 0, latents->channels);
  OclTensor beside = ocl_tensor_channels (seen, latents->channels,
      tiled->beside->channels);
  const OclTensor *input = &noisy;

  return vldm_write_tile (queue, latents, 0, y, x, &noisy, error)
      && ocl_combine (queue, 1, &input, &input_scale, 0.0f, &noisy, error)
      && vldm_write_tile (queue, tiled->beside, 0, y, x, &beside, error);
}

/* @output += rows * columns * @result, over the tile at (@y, @x). */
static gboolean
add_result (OclQueue * queue, const OclTensor * result, gsize y, gsize x,
    const OclTensor * rows, const OclTensor * columns, VldmFrames * output,
    GError ** error)
{
  const OclPlace whole = {.rows = rows,.columns = columns };
  OclTensor sum;

  return ocl_tensor_alloc_like (queue, result, &sum, error)
      && vldm_write_tile (queue, output, 0, y, x, &sum, error)
      && ocl_tile_add (queue, result, &whole, &sum, error)
      && vldm_read_tile (queue, &sum, output, 0, y, x, error);
}

/* Tile (@i, @j): what the network makes of it for each prompt is added to the prompt's output. */
static gboolean
call_on_tile (const VldmTiledUnet * tiled, OclQueue * queue, guint i, guint j,
    guint n_prompts, const VldmUnetContext * const *contexts,
    const VldmFrames * latents, gfloat input_scale, gfloat timestep,
    VldmFrames * const *outputs, GError ** error)
{
  gsize y = vldm_tile_start (&tiled->rows, i);
  gsize x = vldm_tile_start (&tiled->columns, j);
  OclTensor rows = ocl_tensor_frames (&tiled->row_weights, i, 1);
  OclTensor columns = ocl_tensor_frames (&tiled->column_weights, j, 1);
  OclTensor seen, results;

  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (latents->count,
              tiled->rows.size, tiled->columns.size,
              latents->channels + tiled->beside->channels), &seen, error)
      || !ocl_tensor_alloc (queue, OCL_F32,
          ocl_shape (n_prompts * latents->count, tiled->rows.size,
              tiled->columns.size, latents->channels), &results, error)
      || !write_seen (tiled, queue, latents, input_scale, y, x, &seen, error)
      || !vldm_unet_run_prompts (tiled->unet, queue, n_prompts, contexts, &seen,
          timestep, tiled->time_ids, &results, error))
    return FALSE;
  for (guint k = 0; k < n_prompts; k++) {
    OclTensor result =
        ocl_tensor_frames (&results, k * latents->count, latents->count);

    if (!add_result (queue, &result, y, x, &rows, &columns, outputs[k], error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_tiled_unet_call (OclQueue * queue, guint n_prompts,
    const VldmUnetContext * const *contexts, const VldmFrames * latents,
    gfloat input_scale, gfloat timestep, VldmFrames * const *outputs,
    gpointer network, GError ** error)
{
  const VldmTiledUnet *tiled = network;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  for (guint k = 0; k < n_prompts; k++)
    memset (vldm_frames_host (outputs[k], 0), 0, vldm_frames_size (outputs[k]));
  for (guint i = 0; done && i < tiled->rows.n; i++) {
    for (guint j = 0; done && j < tiled->columns.n; j++) {
      done = call_on_tile (tiled, queue, i, j, n_prompts, contexts, latents,
          input_scale, timestep, outputs, error);
      ocl_arena_release (arena, mark);
    }
  }
  return done;
}

guint
vldm_tile_size_for (OclDevice * device, const VldmUnetConfig * config,
    OclType type, guint frames, guint height, guint width, guint unit)
{
  guint size = (MAX (height, width) + unit - 1) / unit * unit;

  while (size > MAX (unit, MIN_AUTOMATIC_SIZE)
      && !vldm_unet_fits (config, type, device, frames, MIN (size, height),
          MIN (size, width)))
    size -= unit;
  return size;
}
