/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames of fp16 tensors for devices with matrix units (matrix.clh); arguments and result are
 * those of attention_vec.cl.
 *
 * A work-group of GROUPS sub-groups takes TILE queries of one (frame, head), each sub-group OWN_ROWS of them, which
 * stay in its registers, and walks over the keys, TILE at a time:
 * 1. keys to local memory, scores from the matrix unit to local memory as fp32;
 * 2. softmax: PARTS work-items per query take TILE / PARTS keys each, keep the query's running maximum and their share
 *    of its sum, and leave the weights as fp16;
 * 3. values to the place of the keys, and the matrix unit adds them, weighted, to the outputs in registers.
 * Channels, strides and offsets are multiples of eight. Local memory: 26 KiB and 128 bytes per channel, 47 KiB for heads
 * of 160 channels.
 */

/* Channels per head, at most 160. */
#ifndef HEAD_DIM
#define HEAD_DIM 40
#endif

/* Tiles lie in blocks of DEPTH channels, each like the rows of a product. */
#define TILE_COLUMNS 32
#define VEC 4
#include "vector.clh"
#include "matrix.clh"

#define GROUPS ATTENTION_MATRIX_GROUPS
#define ITEMS (GROUPS * MATRIX_LANES)
#define TILE ATTENTION_TILE
#define OWN_ROWS (TILE / GROUPS)
#define OWN_BLOCKS (OWN_ROWS / MATRIX_ROWS)
#define KEY_BLOCKS (TILE / MATRIX_COLUMNS)
/* Products deep or across that make up a head, and blocks of DEPTH channels in local memory. */
#define DEPTHS ((HEAD_DIM + 15) / 16)
#define COLUMNS ((HEAD_DIM + MATRIX_COLUMNS - 1) / MATRIX_COLUMNS)
#define BLOCKS ((HEAD_DIM + DEPTH - 1) / DEPTH)
#define BLOCK_SIZE (TILE * DEPTH)
#define PITCH (TILE + 4)
#define PARTS (ITEMS / TILE)
#define MASKED -3.0e38f

/* TILE rows of a head's channels to local memory; zeros past the last row and channel. */
ALWAYS_INLINE void
copy_tile (__local ushort *tile, const __global ushort *base, ulong at, int stride, int rows, int item)
{
  for (int i = item; i < TILE * BLOCKS * (DEPTH / CHUNK); i += ITEMS) {
    const int row = i / (BLOCKS * (DEPTH / CHUNK)), chunk = i % (BLOCKS * (DEPTH / CHUNK));
    const int exists = row < rows && chunk * CHUNK < HEAD_DIM;
    copy_chunk (tile + chunk / (DEPTH / CHUNK) * BLOCK_SIZE + rows_at (row, chunk % (DEPTH / CHUNK)),
        base + at + (exists ? (ulong) row * stride + chunk * CHUNK : 0), exists);
  }
  COPIES_COMMIT ();
  COPIES_WAIT (0);
  barrier (CLK_LOCAL_MEM_FENCE);
}

/* Step 1: scores[query][key] of this sub-group's queries, from `row` on. */
ALWAYS_INLINE void
make_scores (const Matrix *matrix, __local float *scores, const MatrixRows queries[OWN_BLOCKS][DEPTHS],
    const __local ushort *keys, int row)
{
  UNROLL
  for (int k = 0; k < KEY_BLOCKS; k++) {
    MatrixSums sums[OWN_BLOCKS];
    UNROLL
    for (int q = 0; q < OWN_BLOCKS; q++)
      sums[q] = (MatrixSums) 0.0f;
    UNROLL
    for (int d = 0; d < DEPTHS; d++) {
      const MatrixColumns columns = matrix_load_columns_as_rows (matrix, keys + 16 * d / DEPTH * BLOCK_SIZE,
          16 * d % DEPTH, k * MATRIX_COLUMNS);
      UNROLL
      for (int q = 0; q < OWN_BLOCKS; q++)
        sums[q] = matrix_multiply_add (matrix, queries[q][d], columns, sums[q]);
    }
    UNROLL
    for (int q = 0; q < OWN_BLOCKS; q++)
      matrix_store_sums (matrix, scores + (row + q * MATRIX_ROWS) * PITCH + k * MATRIX_COLUMNS, PITCH, sums[q]);
  }
  barrier (CLK_LOCAL_MEM_FENCE);
}

/* Step 2: weights[query][key] = exp (score - maximum), zero for keys that do not count. Leaves in shared[query] what
 * earlier outputs are to be multiplied by. */
ALWAYS_INLINE void
softmax (__local ushort *weights, __local float (*shared)[TILE], const __local float *scores, int item, int counted,
    float scale, float *top, float *total)
{
  const int query = item % TILE, part = item / TILE;
  const int first = part * (TILE / PARTS), end = first + TILE / PARTS;
  float largest = MASKED;

  for (int k = first; k < min (counted, end); k++)
    largest = fmax (largest, scores[query * PITCH + k] * scale);
  shared[part][query] = largest;
  barrier (CLK_LOCAL_MEM_FENCE);
  for (int i = 0; i < PARTS; i++)
    largest = fmax (largest, shared[i][query]);
  largest = fmax (largest, *top);
  const float factor = exp (*top - largest);
  *top = largest;
  *total *= factor;
  for (int k = first; k < end; k++) {
    const float weight = k < counted ? exp (scores[query * PITCH + k] * scale - largest) : 0.0f;
    vstore_half (weight, k / DEPTH * BLOCK_SIZE + rows_at (query, k % DEPTH / CHUNK) + k % CHUNK,
        (__local half *) weights);
    *total += weight;
  }
  barrier (CLK_LOCAL_MEM_FENCE);
  if (part == 0)
    shared[0][query] = factor;
  barrier (CLK_LOCAL_MEM_FENCE);
}

/* Step 3: out = out * factors + weights x values. */
ALWAYS_INLINE void
add_values (const Matrix *matrix, MatrixSums out[OWN_BLOCKS][COLUMNS], const __local float *factors,
    const __local ushort *weights, const __local ushort *values, int row)
{
  UNROLL
  for (int q = 0; q < OWN_BLOCKS; q++) {
    union
    {
      float s[MATRIX_SUMS];
      MatrixSums v;
    } factor;
    UNROLL
    for (int i = 0; i < MATRIX_SUMS; i++)
      factor.s[i] = factors[row + q * MATRIX_ROWS + matrix_row_of (matrix->lane, i)];
    UNROLL
    for (int c = 0; c < COLUMNS; c++)
      out[q][c] *= factor.v;
  }
  UNROLL
  for (int k = 0; k < TILE; k += 16)
    UNROLL
    for (int c = 0; c < COLUMNS; c++) {
      const int channel = c * MATRIX_COLUMNS;
      /* Blocks of DEPTH channels hold all keys, so that a key is a depth of the product. */
      const MatrixColumns columns = matrix_load_columns (matrix, values + channel / DEPTH * BLOCK_SIZE, k,
          channel % DEPTH);
      UNROLL
      for (int q = 0; q < OWN_BLOCKS; q++)
        out[q][c] = matrix_multiply_add (matrix, matrix_load_rows (matrix, weights + k / DEPTH * BLOCK_SIZE,
                row + q * MATRIX_ROWS, k % DEPTH), columns, out[q][c]);
    }
  barrier (CLK_LOCAL_MEM_FENCE);
}

ALWAYS_INLINE void
store_outputs (const Matrix *matrix, __global void *output, ulong at, int stride, int rows,
    MatrixSums out[OWN_BLOCKS][COLUMNS], const __local float (*totals)[TILE], int first)
{
  UNROLL
  for (int q = 0; q < OWN_BLOCKS; q++)
    UNROLL
    for (int c = 0; c < COLUMNS; c++) {
      union
      {
        float s[MATRIX_SUMS];
        MatrixSums v;
      } u;
      u.v = out[q][c];
      UNROLL
      for (int i = 0; i < MATRIX_SUMS; i++) {
        const int row = first + q * MATRIX_ROWS + matrix_row_of (matrix->lane, i);
        const int channel = c * MATRIX_COLUMNS + matrix_column_of (matrix->lane, i);
        float total = 0.0f;
        for (int part = 0; part < PARTS; part++)
          total += totals[part][row];
        if (row < rows && channel < HEAD_DIM)
          store_element (output, 1, at + (ulong) row * stride + channel, u.s[i] / total);
      }
    }
}

/* Work-group (frame, head, TILE queries), queries fastest. */
__attribute__ ((reqd_work_group_size (ITEMS, 1, 1)))
#if MATRIX == MATRIX_DPAS && !MATRIX_EMULATED
__attribute__ ((intel_reqd_sub_group_size (MATRIX_LANES)))
#endif
__kernel void
attention_matrix (const __global ushort *query, ulong query_offset, int query_stride, const __global ushort *key,
    ulong key_offset, int key_stride, const __global ushort *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int queries, int keys, int key_frames,
    int causal, float scale)
{
  __local ushort tile[BLOCKS * BLOCK_SIZE] __attribute__ ((aligned (128)));
  __local ushort weights[TILE * TILE] __attribute__ ((aligned (128)));
  __local float scores[TILE * PITCH] __attribute__ ((aligned (16)));
  __local float shared[PARTS][TILE];
  MATRIX_DECLARE (matrix)

  const int tiles = (queries + TILE - 1) / TILE;
  const int group = get_global_id (0) / ITEMS;
  const int first = group % tiles * TILE;
  const int head = group / tiles % heads;
  const int frame = group / tiles / heads;
  const int rows = min (queries - first, TILE);
  const int visible = causal ? min (keys, first + rows) : keys;
  const int item = get_local_id (0);
  const int own_row = item / MATRIX_LANES * OWN_ROWS;
  MatrixRows own_queries[OWN_BLOCKS][DEPTHS];
  MatrixSums out[OWN_BLOCKS][COLUMNS];
  float top = MASKED, total = 0.0f;

  query_offset += ((ulong) frame * queries + first) * query_stride + head * HEAD_DIM;
  output_offset += ((ulong) frame * queries + first) * output_stride + head * HEAD_DIM;
  key_offset += (key_frames > 1 ? (ulong) frame * keys * key_stride : 0) + head * HEAD_DIM;
  value_offset += (key_frames > 1 ? (ulong) frame * keys * value_stride : 0) + head * HEAD_DIM;

  copy_tile (tile, query, query_offset, query_stride, rows, item);
  UNROLL
  for (int q = 0; q < OWN_BLOCKS; q++) {
    UNROLL
    for (int d = 0; d < DEPTHS; d++)
      own_queries[q][d] = matrix_load_rows (&matrix, tile + 16 * d / DEPTH * BLOCK_SIZE, own_row + q * MATRIX_ROWS,
          16 * d % DEPTH);
    UNROLL
    for (int c = 0; c < COLUMNS; c++)
      out[q][c] = (MatrixSums) 0.0f;
  }
  barrier (CLK_LOCAL_MEM_FENCE);

  for (int k = 0; k < visible; k += TILE) {
    const int n = min (visible - k, TILE);
    /* A causal query sees keys up to its own number. */
    const int counted = causal ? min (n, first + item % TILE + 1 - k) : n;

    copy_tile (tile, key, key_offset + (ulong) k * key_stride, key_stride, n, item);
    make_scores (&matrix, scores, own_queries, tile, own_row);
    softmax (weights, shared, scores, item, counted, scale, &top, &total);
    copy_tile (tile, value, value_offset + (ulong) k * value_stride, value_stride, n, item);
    add_values (&matrix, out, shared[0], weights, tile, own_row);
  }

  shared[item / TILE][item % TILE] = total;
  barrier (CLK_LOCAL_MEM_FENCE);
  store_outputs (&matrix, output, output_offset, output_stride, rows, out, shared, own_row);
}
