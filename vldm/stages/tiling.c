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
vldm_tiled_unet_init (VldmTiledUnet * tiled, OclQueue * queue, guint size,
    guint overlap, GError ** error)
{
  const VldmFrames *beside = tiled->beside;

  tiled->rows = vldm_tiles_new (beside->height, size, overlap);
  tiled->columns = vldm_tiles_new (beside->width, size, overlap);
  return upload_weights (queue, &tiled->rows, &tiled->row_weights, error)
      && upload_weights (queue, &tiled->columns, &tiled->column_weights, error);
}

/* One call on a field, and the tile that it is at: where the tile begins, and its weights. */
typedef struct
{
  const VldmTiledUnet *tiled;
  OclQueue *queue;
  const VldmFrames *latents;
  gfloat input_scale;
  gsize y, x;
  OclTensor row_weights, column_weights;
} TileRun;

/* @seen = what the network sees of the tile. */
static gboolean
write_seen (const TileRun * run, const OclTensor * seen, GError ** error)
{
  const VldmFrames *latents = run->latents, *beside = run->tiled->beside;
  OclTensor noisy = ocl_tensor_channels (seen, 0, latents->channels);
  OclTensor others = ocl_tensor_channels (seen, latents->channels,
      beside->channels);
  const OclTensor *input = &noisy;

  return vldm_write_tile (run->queue, latents, 0, run->y, run->x, &noisy, error)
      && ocl_combine (run->queue, 1, &input, &run->input_scale, 0.0f, &noisy,
      error)
      && vldm_write_tile (run->queue, beside, 0, run->y, run->x, &others,
      error);
}

/* @output += weights * @result, over the tile. */
static gboolean
add_result (const TileRun * run, const OclTensor * result, VldmFrames * output,
    GError ** error)
{
  const OclPlace whole = {.rows = &run->row_weights,
    .columns = &run->column_weights
  };
  OclTensor sum;

  return ocl_tensor_alloc_like (run->queue, result, &sum, error)
      && vldm_write_tile (run->queue, output, 0, run->y, run->x, &sum, error)
      && ocl_tile_add (run->queue, result, &whole, &sum, error)
      && vldm_read_tile (run->queue, &sum, output, 0, run->y, run->x, error);
}

/* What the network makes of the tile for each prompt is added to the prompt's output. */
static gboolean
call_on_tile (const TileRun * run, const VldmUnetCall * call,
    VldmFrames * const *outputs, GError ** error)
{
  const VldmTiledUnet *tiled = run->tiled;
  const VldmFrames *latents = run->latents;
  OclTensor seen, results;

  if (!ocl_tensor_alloc (run->queue, OCL_F32, ocl_shape (latents->count,
              tiled->rows.size, tiled->columns.size,
              latents->channels + tiled->beside->channels), &seen, error)
      || !ocl_tensor_alloc (run->queue, OCL_F32,
          ocl_shape (call->n_prompts * latents->count, tiled->rows.size,
              tiled->columns.size, latents->channels), &results, error)
      || !write_seen (run, &seen, error)
      || !vldm_unet_run (tiled->unet, run->queue, call, &seen, &results, error))
    return FALSE;
  for (guint k = 0; k < call->n_prompts; k++) {
    OclTensor result =
        ocl_tensor_frames (&results, k * latents->count, latents->count);

    if (!add_result (run, &result, outputs[k], error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_tiled_unet_call (OclQueue * queue, const VldmUnetCall * call,
    const VldmFrames * latents, gfloat input_scale, VldmFrames * const *outputs,
    gpointer network, GError ** error)
{
  const VldmTiledUnet *tiled = network;
  VldmUnetCall on_tile = *call;
  TileRun run = { tiled, queue, latents, input_scale };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done = TRUE;

  on_tile.time_ids = tiled->time_ids;
  for (guint k = 0; k < call->n_prompts; k++)
    memset (vldm_frames_host (outputs[k], 0), 0, vldm_frames_size (outputs[k]));
  for (guint i = 0; done && i < tiled->rows.n; i++) {
    run.y = vldm_tile_start (&tiled->rows, i);
    run.row_weights = ocl_tensor_frames (&tiled->row_weights, i, 1);
    for (guint j = 0; done && j < tiled->columns.n; j++) {
      run.x = vldm_tile_start (&tiled->columns, j);
      run.column_weights = ocl_tensor_frames (&tiled->column_weights, j, 1);
      done = call_on_tile (&run, &on_tile, outputs, error);
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
