/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Implicit matrix product for devices whose work-groups share local memory; arguments and result as gemm_vec.cl.
 *
 * A work-group of ITEMS_ACROSS x ITEMS_DOWN work-items makes a tile of TILE_ROWS rows x TILE_COLUMNS packed columns. It
 * walks over taps and channels in steps of DEPTH: all work-items copy the rows' channels (transposed) and the columns'
 * weights to local memory, then each adds to its BLOCKS_DOWN blocks of sums: four rows of columns c .. c + 3 and
 * c + 16 .. c + 19, so that value and gate columns of a GEGLU layer meet in one work-item. Panels may be 16 or 32
 * columns wide. Every sum runs in the order of the weights: tiles of all sizes give the same bits.
 */

/* Storage: 0 = fp32, 1 = fp16. */
#ifndef SOURCE_HALF
#define SOURCE_HALF 0
#endif
#ifndef WEIGHT_HALF
#define WEIGHT_HALF 0
#endif
/* The work-group, a multiple of 4 across; blocks of 4 x 8 sums of a work-item; channels a step, a multiple of 4. Copies
 * come out even where BLOCKS_DOWN * DEPTH is a multiple of ITEMS_ACROSS, and 2 * DEPTH of ITEMS_DOWN. */
#ifndef ITEMS_ACROSS
#define ITEMS_ACROSS 8
#endif
#ifndef ITEMS_DOWN
#define ITEMS_DOWN 8
#endif
#ifndef BLOCKS_DOWN
#define BLOCKS_DOWN 2
#endif
#ifndef DEPTH
#define DEPTH 16
#endif

#define VEC 4
#define EPILOGUE_ROWS GEMM_TILE_ROWS
#define lanes int
#include "epilogue.clh"
#include "gather.clh"

#define ITEMS (ITEMS_ACROSS * ITEMS_DOWN)
#define TILE_ROWS (GEMM_TILE_ROWS * ITEMS_DOWN * BLOCKS_DOWN)
#define TILE_COLUMNS (GEMM_TILE_COLUMNS * ITEMS_ACROSS)
/* Rows of channels that work-items copy at once, and in how many goes; the same for weights. */
#define ROWS_AT_ONCE (ITEMS / (DEPTH / 4))
#define ROW_COPIES (TILE_ROWS / ROWS_AT_ONCE)
#define DEPTHS_AT_ONCE (ITEMS / (TILE_COLUMNS / 4))
#define COLUMN_COPIES (DEPTH / DEPTHS_AT_ONCE)
/* Keeps the transposed copy off the banks of one column. */
#define PITCH (TILE_ROWS + GEMM_TILE_PADDING)

#define UNROLL _Pragma ("unroll")

#if SOURCE_HALF
typedef half source_t;
#else
typedef float source_t;
#endif
#if WEIGHT_HALF
typedef half weight_t;
#define WEIGHTS(at, w) vload_half4 (0, (w) + (at))
#else
typedef float weight_t;
#define WEIGHTS(at, w) vload4 (0, (w) + (at))
#endif

/* Row of the tile that a work-item copies four channels of in go `copy`. */
int
copied_row (int item, int copy)
{
  return copy * ROWS_AT_ONCE + item / (DEPTH / 4);
}

/* Its rows' channels to local memory, of `channels` that are left. */
void
copy_rows (__local float *rows, const __global source_t *source, ulong offset, int stride,
    const int pixels[ROW_COPIES], int item, int first, int channels)
{
  const int part = item % (DEPTH / 4) * 4, k = first + part;

  for (int i = 0; i < ROW_COPIES; i++) {
    const int n = pixels[i] < 0 ? 0 : channels - k;
    const floatv v = n <= 0 ? (floatv) 0.0f
        : load_vector (source, SOURCE_HALF, offset + (ulong) pixels[i] * stride + k, n);
    __local float *to = rows + part * PITCH + copied_row (item, i);
    to[0] = v.s0;
    to[PITCH] = v.s1;
    to[2 * PITCH] = v.s2;
    to[3 * PITCH] = v.s3;
  }
}

/* DEPTH channels' weights of the tile's columns: this work-item's share is 4 columns of every DEPTHS_AT_ONCE-th
 * channel. */
void
copy_weights (__local float *columns, const __global weight_t *panels, int panel_width, int n_panels, size_t panel_depth,
    int column, size_t depth, int item, int channels)
{
  const int part = item % (TILE_COLUMNS / 4) * 4;
  const int panel = (column + part) / panel_width;
  const size_t at = panel * panel_depth * panel_width + (column + part) % panel_width;

  for (int i = 0; i < COLUMN_COPIES; i++) {
    const int k = item / (TILE_COLUMNS / 4) + DEPTHS_AT_ONCE * i;
    const floatv v = panel < n_panels && k < channels ? WEIGHTS (at + (depth + k) * panel_width, panels)
        : (floatv) 0.0f;
    vstore4 (v, 0, columns + k * TILE_COLUMNS + part);
  }
}

/* Adds one step's products. Blocks of a work-item lie 4 * ITEMS_DOWN rows apart. */
void
multiply_step (float4 sums[BLOCKS_DOWN][4][2], const __local float *rows, const __local float *columns, int row,
    int column)
{
  for (int j = 0; j < DEPTH; j++) {
    const float4 w0 = vload4 (0, columns + j * TILE_COLUMNS + column);
    const float4 w1 = vload4 (0, columns + j * TILE_COLUMNS + column + 16);
    UNROLL
    for (int b = 0; b < BLOCKS_DOWN; b++) {
      const float4 a = vload4 (0, rows + j * PITCH + 4 * ITEMS_DOWN * b + row);
      sums[b][0][0] = fma ((float4) a.s0, w0, sums[b][0][0]);
      sums[b][0][1] = fma ((float4) a.s0, w1, sums[b][0][1]);
      sums[b][1][0] = fma ((float4) a.s1, w0, sums[b][1][0]);
      sums[b][1][1] = fma ((float4) a.s1, w1, sums[b][1][1]);
      sums[b][2][0] = fma ((float4) a.s2, w0, sums[b][2][0]);
      sums[b][2][1] = fma ((float4) a.s2, w1, sums[b][2][1]);
      sums[b][3][0] = fma ((float4) a.s3, w0, sums[b][3][0]);
      sums[b][3][1] = fma ((float4) a.s3, w1, sums[b][3][1]);
    }
  }
}

/* Work-group (i, j) makes the tile of columns TILE_COLUMNS i and rows TILE_ROWS j. */
__attribute__ ((reqd_work_group_size (ITEMS_ACROSS, ITEMS_DOWN, 1)))
__kernel void
gemm_tile (const __global source_t *source1, ulong offset1, int stride1, int channels1,
    const __global source_t *source2, ulong offset2, int stride2, int channels2,
    const __global weight_t *panels, int panel_width, int n_panels, GATHER_PARAMS, EPILOGUE_PARAMS)
{
  __local float rows[DEPTH * PITCH];
  __local float columns[DEPTH * TILE_COLUMNS];
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int tx = get_local_id (0), ty = get_local_id (1), item = ty * ITEMS_ACROSS + tx;
  const int first_row = (int) get_global_id (1) / ITEMS_DOWN * TILE_ROWS;
  const int first_column = (int) get_global_id (0) / ITEMS_ACROSS * TILE_COLUMNS;
  const int column = tx / 4 * 32 + tx % 4 * 4;
  const int n_rows = frames * height * width;
  const size_t panel_depth = (size_t) kernel_t * kernel_h * kernel_w * (channels1 + channels2);
  float4 sums[BLOCKS_DOWN][4][2];
  size_t depth = 0;

  UNROLL
  for (int b = 0; b < BLOCKS_DOWN; b++)
    UNROLL
    for (int r = 0; r < 4; r++)
      sums[b][r][0] = sums[b][r][1] = (float4) 0.0f;

  for (int t = 0; t < kernel_t; t++)
    for (int y = 0; y < kernel_h; y++)
      for (int x = 0; x < kernel_w; x++) {
        int pixels[ROW_COPIES];
        for (int i = 0; i < ROW_COPIES; i++) {
          const int row = first_row + copied_row (item, i), line = row / width;
          const Pixels p = { line / height, line % height, row % width };
          pixels[i] = gather_source (&g, gather_window (&g, p), t, y, x);
        }
        for (int s = 0; s < (channels2 > 0 ? 2 : 1); s++) {
          const int n = s == 0 ? channels1 : channels2;
          for (int k = 0; k < n; k += DEPTH) {
            copy_rows (rows, s == 0 ? source1 : source2, s == 0 ? offset1 : offset2, s == 0 ? stride1 : stride2,
                pixels, item, k, n);
            copy_weights (columns, panels, panel_width, n_panels, panel_depth, first_column, depth + k, item,
                n - k);
            barrier (CLK_LOCAL_MEM_FENCE);
            multiply_step (sums, rows, columns, 4 * ty, column);
            barrier (CLK_LOCAL_MEM_FENCE);
          }
          depth += n;
        }
      }

  UNROLL
  for (int b = 0; b < BLOCKS_DOWN; b++) {
    const int row = first_row + 4 * ITEMS_DOWN * b + 4 * ty;
    epilogue_block (&e, row, n_rows - row, first_column + column, sums[b]);
  }
}
