/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/gemm_tile.cl: which tiles there are, and which one to take unasked.
 */

#include "opencl/ops/gemm_tile.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/gemm.h"

/* Parameters of gemm_tile.cl. */
typedef struct
{
  guint across, down, blocks, depth;
} Tile;

/* From little to much reuse of what is copied; the fewer the tiles, the more compute units have none. */
enum
{
  TILE_SMALL,
  TILE_COMMON,
};

static const Tile tiles[OCL_GEMM_TILES] = {
  [TILE_SMALL] = {4, 8, 1, 16},
  [TILE_COMMON] = {8, 8, 2, 16},
  {8, 8, 2, 32},
  {8, 16, 2, 16},
  {16, 16, 2, 16},
};

/* Rows x columns x depth. */
const char *const ocl_gemm_tile_names[OCL_GEMM_TILES] = {
  [TILE_SMALL] = "32x32x16",
  [TILE_COMMON] = "64x64x16",
  "64x64x32",
  "128x64x16",
  "128x128x16",
};

/* What OpenCL 1.2 promises, where the driver does not say. */
#define LEAST_LOCAL_MEMORY (32 << 10)

static gsize
tile_rows (const Tile * tile)
{
  return GEMM_TILE_ROWS * (gsize) tile->down * tile->blocks;
}

static gsize
tile_columns (const Tile * tile)
{
  return GEMM_TILE_COLUMNS * (gsize) tile->across;
}

gboolean
ocl_gemm_tile_fits (OclDevice * device, guint tile)
{
  const OclCaps *caps = ocl_device_caps (device);
  const Tile *t = &tiles[tile];
  gsize local_memory = caps->local_memory != 0 ? caps->local_memory
      : LEAST_LOCAL_MEMORY;
  gsize bytes = t->depth * sizeof (gfloat)
      * (tile_rows (t) + GEMM_TILE_PADDING + tile_columns (t));

  return t->across * t->down <= caps->max_work_group && bytes <= local_memory;
}

guint
ocl_gemm_tile_guess (OclDevice * device, const OclProduct * product)
{
  const Tile *common = &tiles[TILE_COMMON];
  gsize n = ocl_product_tiles_across (product, tile_columns (common))
      * ocl_product_tiles_down (product, tile_rows (common));

  return n < ocl_device_caps (device)->compute_units ? TILE_SMALL : TILE_COMMON;
}

gboolean
ocl_gemm_tile (OclQueue * queue, const OclProduct * product, guint tile,
    GError ** error)
{
  const OclWeights *weights = product->weights;
  const Tile *t = &tiles[tile];
  g_autofree char *options =
      g_strdup_printf ("-DSOURCE_HALF=%d -DWEIGHT_HALF=%d -DITEMS_ACROSS=%u "
      "-DITEMS_DOWN=%u -DBLOCKS_DOWN=%u -DDEPTH=%u",
      product->input->type == OCL_F16, weights->type == OCL_F16, t->across,
      t->down, t->blocks, t->depth);
  OclCall call = { 0 };

  call.program = call.kernel = "gemm_tile";
  call.options = options;
  call.global[0] = ocl_product_tiles_across (product, tile_columns (t))
      * t->across;
  call.global[1] = ocl_product_tiles_down (product, tile_rows (t))
      * t->down;
  call.local[0] = t->across;
  call.local[1] = t->down;
  call.work = ocl_product_work (product);
  ocl_call_sources (&call, product->input, product->input2);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_int (&call, weights->panel);
  ocl_call_int (&call, weights->n_panels);
  ocl_call_gather (&call, product->conv, weights, product->input,
      product->output);
  ocl_call_epilogue (&call, weights, product->epilogue, product->output);
  return ocl_queue_run (queue, &call, error);
}
