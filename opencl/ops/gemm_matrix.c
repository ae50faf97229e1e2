/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/gemm_matrix.cl: tiles as large as the unit's registers take, smaller where large ones would leave
 * compute units without work.
 */

#include "opencl/ops/gemm_matrix.h"
#include "opencl/runtime/matrix.h"

/* As in kernels/matrix.clh and gemm_matrix.cl. */
#define CHUNK 8
#define PANEL 32
#define GROUPS_DOWN 2
#define GROUPS_ACROSS 2

/* Products that a sub-group holds, and buffers of factors. */
typedef struct
{
  guint blocks_down, blocks_across, stages;
} Tile;

/* Of large outputs: bounded by registers (128 sums a work-item of NVIDIA's, 64 of the others') and, for the third
 * stage, by 48 KiB of local memory. */
static const Tile large_tiles[] = {
  [OCL_MATRIX_PTX] = {4, 4, 3},
  [OCL_MATRIX_DPAS] = {4, 2, 2},
  [OCL_MATRIX_WMMA] = {4, 2, 2},
  [OCL_MATRIX_MFMA] = {4, 4, 2},
};

static const Tile small_tiles[] = {
  [OCL_MATRIX_PTX] = {2, 2, 3},
  [OCL_MATRIX_DPAS] = {4, 2, 2},
  [OCL_MATRIX_WMMA] = {2, 2, 2},
  [OCL_MATRIX_MFMA] = {2, 2, 2},
};

static gboolean
is_chunked (const OclTensor * input)
{
  return input->type == OCL_F16 && input->channels % CHUNK == 0
      && input->stride % CHUNK == 0 && input->offset % CHUNK == 0;
}

gboolean
ocl_gemm_matrix_suits (OclDevice * device, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2)
{
  return weights->type == OCL_F16 && weights->panel == PANEL
      && is_chunked (input) && (input2 == NULL || is_chunked (input2))
      && ocl_device_matrix (device)->kind != OCL_MATRIX_NONE;
}

static gsize
tile_rows (const OclMatrix * matrix, const Tile * tile)
{
  return (gsize) GROUPS_DOWN *tile->blocks_down * matrix->rows;
}

static gsize
tile_columns (const OclMatrix * matrix, const Tile * tile)
{
  gsize columns = (gsize) GROUPS_ACROSS * tile->blocks_across * matrix->columns;

  /* Sub-groups of eight: twice as many products make up whole panels. */
  return matrix->columns == 8 ? 2 * columns : columns;
}

static gsize
count_tiles (const OclMatrix * matrix, const Tile * tile,
    const OclWeights * weights, const OclTensor * output)
{
  gsize columns = (gsize) weights->n_panels * weights->panel;
  gsize across = tile_columns (matrix, tile), down = tile_rows (matrix, tile);

  return (columns + across - 1) / across
      * ((ocl_tensor_pixels (output) + down - 1) / down);
}

gboolean
ocl_gemm_matrix (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  OclDevice *device = ocl_queue_device (queue);
  const OclMatrix *matrix = ocl_device_matrix (device);
  const Tile *tile = &large_tiles[matrix->kind];
  gsize items = (gsize) GROUPS_DOWN * GROUPS_ACROSS * matrix->lanes;
  gsize columns = (gsize) weights->n_panels * weights->panel;
  g_autofree char *options = NULL;
  OclCall call = { 0 };

  /* Compilers for CPUs take half a minute over a large tile of an emulated unit. */
  if (matrix->emulated || count_tiles (matrix, tile, weights, output) <
      ocl_device_caps (device)->compute_units)
    tile = &small_tiles[matrix->kind];
  options = g_strdup_printf ("-DMATRIX=%d -DMATRIX_LANES=%u "
      "-DMATRIX_EMULATED=%d -DBLOCKS_DOWN=%u -DBLOCKS_ACROSS=%u -DSTAGES=%u",
      matrix->kind, matrix->lanes, matrix->emulated, tile->blocks_down,
      tile->blocks_across * (matrix->columns == 8 ? 2 : 1), tile->stages);
  call.program = call.kernel = "gemm_matrix";
  call.options = options;
  call.global[0] = (columns + tile_columns (matrix, tile) - 1)
      / tile_columns (matrix, tile) * items;
  call.global[1] = (ocl_tensor_pixels (output) + tile_rows (matrix, tile) - 1)
      / tile_rows (matrix, tile);
  call.local[0] = items;
  call.work = 2.0 * ocl_tensor_pixels (output) * weights->out_channels
      * weights->kernel_t * weights->kernel_h * weights->kernel_w
      * weights->in_channels;
  ocl_call_sources (&call, input, input2);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_int (&call, weights->n_panels);
  ocl_call_gather (&call, conv, weights, input, output);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}
