/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Implicit matrix product for devices whose work-groups share local memory; arguments and result as gemm_vec.cl.
 *
 * A work-group of 8 x 8 work-items makes a tile of 64 rows x 64 packed columns. It walks over taps and channels in steps
 * of DEPTH: all work-items copy 64 rows' channels (transposed) and 64 columns' weights to local memory, then each
 * adds to its 8 x 8 sums: rows 4 ty .. and 32 + 4 ty .., columns c .. c + 3 and c + 16 .. c + 19, so that value and
 * gate columns of a GEGLU layer meet in one work-item. Panels may be 16 or 32 columns wide.
 */

/* Storage: 0 = fp32, 1 = fp16. */
#ifndef SOURCE_HALF
#define SOURCE_HALF 0
#endif
#ifndef WEIGHT_HALF
#define WEIGHT_HALF 0
#endif

#define VEC 4
#define EPILOGUE_ROWS 4
#define lanes int
#include "epilogue.clh"
#include "gather.clh"

#define TILE 64
#define DEPTH 16
#define SIDE 8
/* Keeps the transposed copy off the banks of one column. */
#define PITCH (TILE + 4)

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

/* Four rows' channels k .. k + 3 to local memory: row i of this work-item is 16 i + item / 4 of the tile. */
void
copy_rows (__local float *rows, const __global source_t *source, ulong offset, int stride, const int pixel[4],
    int item, int first, int channels)
{
  const int k = first + item % 4 * 4;

  for (int i = 0; i < 4; i++) {
    const int n = pixel[i] < 0 ? 0 : channels - k;
    const floatv v = n <= 0 ? (floatv) 0.0f
        : load_vector (source, SOURCE_HALF, offset + (ulong) pixel[i] * stride + k, n);
    __local float *to = rows + item % 4 * 4 * PITCH + 16 * i + item / 4;
    to[0] = v.s0;
    to[PITCH] = v.s1;
    to[2 * PITCH] = v.s2;
    to[3 * PITCH] = v.s3;
  }
}

/* DEPTH channels' weights of 64 columns: this work-item's share is 4 columns of every fourth channel. */
void
copy_weights (__local float *columns, const __global weight_t *panels, int panel_width, int n_panels, size_t panel_depth,
    int column, size_t depth, int item, int channels)
{
  const int panel = (column + item % 16 * 4) / panel_width;
  const size_t at = panel * panel_depth * panel_width + (column + item % 16 * 4) % panel_width;

  for (int i = 0; i < 4; i++) {
    const int k = item / 16 + 4 * i;
    const floatv v = panel < n_panels && k < channels ? WEIGHTS (at + (depth + k) * panel_width, panels)
        : (floatv) 0.0f;
    vstore4 (v, 0, columns + k * TILE + item % 16 * 4);
  }
}

/* Work-group (i, j) makes the tile of columns 64 i and rows 64 j. */
__attribute__ ((reqd_work_group_size (SIDE, SIDE, 1)))
__kernel void
gemm_tile (const __global source_t *source1, ulong offset1, int stride1, int channels1,
    const __global source_t *source2, ulong offset2, int stride2, int channels2,
    const __global weight_t *panels, int panel_width, int n_panels, GATHER_PARAMS, EPILOGUE_PARAMS)
{
  __local float rows[DEPTH * PITCH];
  __local float columns[DEPTH * TILE];
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int tx = get_local_id (0), ty = get_local_id (1), item = ty * SIDE + tx;
  const int first_row = (int) get_global_id (1) / SIDE * TILE;
  const int first_column = (int) get_global_id (0) / SIDE * TILE;
  const int column = tx / 4 * 32 + tx % 4 * 4;
  const int n_rows = frames * height * width;
  const size_t panel_depth = (size_t) kernel_t * kernel_h * kernel_w * (channels1 + channels2);
  /* Rows 4 ty .. and rows 32 + 4 ty .., columns from `column` and from `column` + 16 on. */
  float4 upper[4][2], lower[4][2];
  size_t depth = 0;

  for (int r = 0; r < 4; r++)
    upper[r][0] = upper[r][1] = lower[r][0] = lower[r][1] = (float4) 0.0f;

  for (int t = 0; t < kernel_t; t++)
    for (int y = 0; y < kernel_h; y++)
      for (int x = 0; x < kernel_w; x++) {
        int pixel[4];
        for (int i = 0; i < 4; i++) {
          const int line = (first_row + 16 * i + item / 4) / width;
          const Pixels p = { line / height, line % height, (first_row + 16 * i + item / 4) % width };
          pixel[i] = gather_source (&g, gather_window (&g, p), t, y, x);
        }
        for (int s = 0; s < (channels2 > 0 ? 2 : 1); s++) {
          const int n = s == 0 ? channels1 : channels2;
          for (int k = 0; k < n; k += DEPTH) {
            copy_rows (rows, s == 0 ? source1 : source2, s == 0 ? offset1 : offset2, s == 0 ? stride1 : stride2,
                pixel, item, k, n);
            copy_weights (columns, panels, panel_width, n_panels, panel_depth, first_column, depth + k, item,
                n - k);
            barrier (CLK_LOCAL_MEM_FENCE);
            for (int j = 0; j < DEPTH; j++) {
              const float4 a0 = vload4 (0, rows + j * PITCH + 4 * ty);
              const float4 a1 = vload4 (0, rows + j * PITCH + 32 + 4 * ty);
              const float4 w0 = vload4 (0, columns + j * TILE + column);
              const float4 w1 = vload4 (0, columns + j * TILE + column + 16);
              upper[0][0] = fma ((float4) a0.s0, w0, upper[0][0]);
              upper[0][1] = fma ((float4) a0.s0, w1, upper[0][1]);
              upper[1][0] = fma ((float4) a0.s1, w0, upper[1][0]);
              upper[1][1] = fma ((float4) a0.s1, w1, upper[1][1]);
              upper[2][0] = fma ((float4) a0.s2, w0, upper[2][0]);
              upper[2][1] = fma ((float4) a0.s2, w1, upper[2][1]);
              upper[3][0] = fma ((float4) a0.s3, w0, upper[3][0]);
              upper[3][1] = fma ((float4) a0.s3, w1, upper[3][1]);
              lower[0][0] = fma ((float4) a1.s0, w0, lower[0][0]);
              lower[0][1] = fma ((float4) a1.s0, w1, lower[0][1]);
              lower[1][0] = fma ((float4) a1.s1, w0, lower[1][0]);
              lower[1][1] = fma ((float4) a1.s1, w1, lower[1][1]);
              lower[2][0] = fma ((float4) a1.s2, w0, lower[2][0]);
              lower[2][1] = fma ((float4) a1.s2, w1, lower[2][1]);
              lower[3][0] = fma ((float4) a1.s3, w0, lower[3][0]);
              lower[3][1] = fma ((float4) a1.s3, w1, lower[3][1]);
            }
            barrier (CLK_LOCAL_MEM_FENCE);
          }
          depth += n;
        }
      }

  epilogue_block (&e, first_row + 4 * ty, n_rows - first_row - 4 * ty, first_column + column, upper);
  epilogue_block (&e, first_row + 32 + 4 * ty, n_rows - first_row - 32 - 4 * ty, first_column + column, lower);
}
