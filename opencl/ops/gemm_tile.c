/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/gemm_tile.cl: the table of its tiles, and a guess at the fastest.
 */

#include "opencl/ops/gemm_tile.h"
#include "opencl/kernels/shared.clh"

/* Parameters of gemm_tile.cl. */
typedef struct
{
  guint across, down, blocks, depth;
} Tile;

static const Tile tiles[OCL_N_TILES] = {
  [OCL_TILE_32X32X16] = {4, 8, 1, 16},
  [OCL_TILE_64X64X16] = {8, 8, 2, 16},
  [OCL_TILE_64X64X32] = {8, 8, 2, 32},
  [OCL_TILE_128X64X16] = {8, 16, 2, 16},
  [OCL_TILE_128X128X16] = {16, 16, 2, 16},
};

/* The local memory that OpenCL 1.2 guarantees, for drivers that do not give a number. */
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

static gboolean
fits (const OclCaps * caps, const Tile * tile)
{
  gsize local_memory = caps->local_memory != 0 ? caps->local_memory
      : LEAST_LOCAL_MEMORY;
  gsize bytes = tile->depth * sizeof (gfloat)
      * (tile_rows (tile) + GEMM_TILE_PADDING + tile_columns (tile));

  return tile->across * tile->down <= caps->max_work_group
      && bytes <= local_memory;
}

gboolean
ocl_gemm_tile_can (OclDevice * device, const OclProduct * product, guint tile)
{
  const OclCaps *caps = ocl_device_caps (device);

  return caps->form == OCL_FORM_TILE
      && (tile == OCL_TILE_32X32X16 || fits (caps, &tiles[tile]));
}

gboolean
ocl_gemm_tile_suits (OclDevice * device, const OclProduct * product, guint tile)
{
  const Tile *t = &tiles[tile];
  gsize n = ocl_product_tiles_across (product, tile_columns (t))
      * ocl_product_tiles_down (product, tile_rows (t));

  return tile == OCL_TILE_64X64X16
      && n >= ocl_device_caps (device)->compute_units;
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
      product->input->type == OCL_F16, weights->layer.type == OCL_F16,
      t->across,
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
  ocl_call_product (&call, product);
  return ocl_queue_run (queue, &call, error);
}
