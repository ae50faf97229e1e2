/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The test of the device's matrix unit against what matrix.clh expects of it: one sub-group multiplies small
 * integers, whose product is exact.
 */

#define TILE_COLUMNS MATRIX_PROBE_COLUMNS
#include "matrix.clh"

/* product [MATRIX_ROWS, MATRIX_COLUMNS] = rows [MATRIX_ROWS, DEPTH] x columns [DEPTH, TILE_COLUMNS], fp16 bits. */
__attribute__ ((reqd_work_group_size (MATRIX_LANES, 1, 1)))
#if MATRIX == MATRIX_DPAS && !MATRIX_EMULATED
__attribute__ ((intel_reqd_sub_group_size (MATRIX_LANES)))
#endif
__kernel void
matrix_probe (const __global ushort *rows, const __global ushort *columns, __global float *product)
{
  __local ushort row_tile[MATRIX_ROWS * DEPTH] __attribute__ ((aligned (16)));
  __local ushort column_tile[DEPTH * TILE_COLUMNS] __attribute__ ((aligned (16)));
  __local float sums[MATRIX_ROWS * MATRIX_COLUMNS];
  MATRIX_DECLARE (matrix)

  for (int i = matrix.lane; i < MATRIX_ROWS * DEPTH / CHUNK; i += MATRIX_LANES)
    copy_chunk (row_tile + rows_at (i / (DEPTH / CHUNK), i % (DEPTH / CHUNK)), rows + i * CHUNK, 1);
  for (int i = matrix.lane; i < DEPTH * TILE_COLUMNS / CHUNK; i += MATRIX_LANES)
    copy_chunk (column_tile + columns_at (i / (TILE_COLUMNS / CHUNK), i % (TILE_COLUMNS / CHUNK)),
        columns + i * CHUNK, 1);
  COPIES_COMMIT ();
  COPIES_WAIT (0);
  barrier (CLK_LOCAL_MEM_FENCE);

  MatrixSums total = (MatrixSums) 0.0f;
  for (int depth = 0; depth < DEPTH; depth += 16) {
    const MatrixRows r = matrix_load_rows (&matrix, row_tile, 0, depth);
    const MatrixColumns c = matrix_load_columns (&matrix, column_tile, depth, 0);
    total = matrix_multiply_add (&matrix, r, c, total);
  }
  matrix_store_sums (&matrix, sums, MATRIX_COLUMNS, total);
  barrier (CLK_LOCAL_MEM_FENCE);
  for (int i = matrix.lane; i < MATRIX_ROWS * MATRIX_COLUMNS; i += MATRIX_LANES)
    product[i] = sums[i];
}
