/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/gemm_matrix.cl: with tiles as large as the unit's registers allow, or smaller ones if large ones
 * would leave compute units without work.
 */

#include "opencl/ops/gemm_matrix.h"
#include "opencl/kernels/shared.clh"
#include "opencl/runtime/matrix.h"

/* The products that a sub-group holds, and the number of buffers of factors. */
typedef struct
{
  guint blocks_down, blocks_across, stages;
} Tile;

/* A work-item holds 128 sums of NVIDIA's, DPAS's and WMMA's large tiles, 64 of their medium ones and MFMA's large
 * one. The third stage makes 48 KiB of local memory of the largest. */
static const Tile tiles[][OCL_N_MATRIX_TILES] = {
  [OCL_MATRIX_PTX] = {{2, 2, 3}, {4, 2, 3}, {4, 4, 3}},
  [OCL_MATRIX_DPAS] = {{2, 2, 2}, {4, 2, 2}, {4, 4, 2}},
  [OCL_MATRIX_WMMA] = {{2, 2, 2}, {4, 2, 2}, {4, 4, 2}},
  [OCL_MATRIX_MFMA] = {{2, 2, 2}, {4, 2, 2}, {4, 4, 2}},
};

/* The largest tile whose sums certainly stay in registers. */
static const guint safe_tiles[] = {
  [OCL_MATRIX_PTX] = OCL_MATRIX_TILE_LARGE,
  [OCL_MATRIX_DPAS] = OCL_MATRIX_TILE_MEDIUM,
  [OCL_MATRIX_WMMA] = OCL_MATRIX_TILE_MEDIUM,
  [OCL_MATRIX_MFMA] = OCL_MATRIX_TILE_LARGE,
};

static gboolean
is_chunked (const OclTensor * input)
{
  return input->type == OCL_F16 && input->channels % MATRIX_CHUNK == 0
      && input->stride % MATRIX_CHUNK == 0 && input->offset % MATRIX_CHUNK == 0;
}

static gsize
tile_rows (const OclMatrix * matrix, const Tile * tile)
{
  return (gsize) GEMM_MATRIX_GROUPS_DOWN *tile->blocks_down * matrix->rows;
}

/* Sub-groups of eight: twice as many products make up whole panels. */
static guint
blocks_across (const OclMatrix * matrix, const Tile * tile)
{
  return tile->blocks_across * (matrix->columns == MATRIX_CHUNK ? 2 : 1);
}

static gsize
tile_columns (const OclMatrix * matrix, const Tile * tile)
{
  return (gsize) GEMM_MATRIX_GROUPS_ACROSS *blocks_across (matrix,
      tile) * matrix->columns;
}

static gboolean
fits (OclDevice * device, guint tile)
{
  const OclMatrix *matrix = ocl_device_matrix (device);
  const Tile *t = &tiles[matrix->kind][tile];
  gsize rows = tile_rows (matrix, t), columns = tile_columns (matrix, t);
  gsize factors = t->stages * (rows + columns) * MATRIX_DEPTH
      * sizeof (guint16);

  return factors <= ocl_device_caps (device)->local_memory;
}

gboolean
ocl_gemm_matrix_can (OclDevice * device, const OclProduct * product, guint tile)
{
  const OclWeights *weights = product->weights;

  return ocl_device_caps (device)->form == OCL_FORM_TILE
      && weights->layer.type == OCL_F16 && weights->panel == WIDE_PANEL
      && is_chunked (product->input) && (product->input2 == NULL
      || is_chunked (product->input2))
      && ocl_device_matrix (device)->kind != OCL_MATRIX_NONE
      && fits (device, tile);
}

gboolean
ocl_gemm_matrix_suits (OclDevice * device, const OclProduct * product,
    guint tile)
{
  const OclMatrix *matrix = ocl_device_matrix (device);
  const Tile *t = &tiles[matrix->kind][tile];
  gsize n = ocl_product_tiles_across (product, tile_columns (matrix, t))
      * ocl_product_tiles_down (product, tile_rows (matrix, t));

  /* Compilers for CPUs take half a minute to compile a large tile of an emulated unit. */
  return tile == safe_tiles[matrix->kind] && !matrix->emulated
      && n >= ocl_device_caps (device)->compute_units;
}

gboolean
ocl_gemm_matrix (OclQueue * queue, const OclProduct * product, guint tile,
    GError ** error)
{
  const OclMatrix *matrix = ocl_device_matrix (ocl_queue_device (queue));
  const OclWeights *weights = product->weights;
  const Tile *t = &tiles[matrix->kind][tile];
  gsize items =
      (gsize) GEMM_MATRIX_GROUPS_DOWN * GEMM_MATRIX_GROUPS_ACROSS *
      matrix->lanes;
  g_autofree char *options =
      g_strdup_printf ("-DMATRIX=%d -DMATRIX_LANES=%u "
      "-DMATRIX_EMULATED=%d -DBLOCKS_DOWN=%u -DBLOCKS_ACROSS=%u -DSTAGES=%u",
      matrix->kind, matrix->lanes, matrix->emulated, t->blocks_down,
      blocks_across (matrix, t), t->stages);
  OclCall call = { 0 };

  call.program = call.kernel = "gemm_matrix";
  call.options = options;
  call.global[0] =
      ocl_product_tiles_across (product, tile_columns (matrix, t)) * items;
  call.global[1] = ocl_product_tiles_down (product, tile_rows (matrix, t));
  call.local[0] = items;
  call.work = ocl_product_work (product);
  ocl_call_sources (&call, product->input, product->input2);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_int (&call, weights->n_panels);
  ocl_call_product (&call, product);
  return ocl_queue_run (queue, &call, error);
}
