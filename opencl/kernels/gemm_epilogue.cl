/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The epilogue alone, on sums that another library's matrix product left in memory:
 *   out[m][n] = epilogue (sums[m][n])
 *
 * sums: fp32 [rows][stride], `columns` of them in the order of the weights' panels.
 * Work-item (i, j) takes rows j n .. j n + n - 1 of VEC columns and of the VEC columns 16 further right.
 */

/* Columns at a time: 16 where a work-item alone is a work-group, else 4. */
#ifndef VEC
#define VEC 16
#endif
#define EPILOGUE_ROWS 4
#include "epilogue.clh"

__attribute__ ((vec_type_hint (floatv)))
__kernel void
gemm_epilogue (const __global float *sums, ulong offset, int stride, int columns, int rows, int n, EPILOGUE_PARAMS)
{
  const Epilogue e = EPILOGUE_INIT;
  const int item = get_global_id (0);
  const int column = item / (16 / VEC) * 32 + item % (16 / VEC) * VEC;
  const int first = (int) get_global_id (1) * n;

  if (column >= columns)
    return;
  for (int row = first; row < min (first + n, rows); row += EPILOGUE_ROWS) {
    floatv block[EPILOGUE_ROWS][2];
    for (int r = 0; r < EPILOGUE_ROWS; r++) {
      const ulong at = offset + (ulong) min (row + r, rows - 1) * stride + column;
      block[r][0] = load_vector (sums, 0, at, columns - column);
      block[r][1] = load_vector (sums, 0, at + 16, columns - column - 16);
    }
    epilogue_block (&e, row, min (first + n, rows) - row, column, block);
  }
}
