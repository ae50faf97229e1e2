/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames for devices whose work-groups share local memory; arguments and result as attention_vec.cl.
 *
 * A work-group of 16 x 16 work-items takes TILE queries of one (frame, head) and walks over the keys, TILE at a time:
 * 1. scores: work-item (x, y) makes those of keys 4 x .. with queries 4 y .., from DEPTH channels of both at a time in
 *    local memory;
 * 2. softmax: four work-items a query take 16 keys each; they keep the query's running maximum and their share of its
 *    sum;
 * 3. sums: work-item (x, y) adds to channels x, x + 16, .. of queries 4 y .., from DEPTH rows of values at a time.
 * Local memory: 28 KiB whatever HEAD_DIM is. Numerics: as attention_vec.cl.
 */

/* Channels a head. */
#ifndef HEAD_DIM
#define HEAD_DIM 32
#endif
/* Storage of all four tensors: 0 = fp32, 1 = fp16. */
#ifndef HALF
#define HALF 0
#endif

#define VEC 4
#include "vector.clh"

#define TILE 64
#define DEPTH 16
#define ITEMS 256
/* Keeps transposed copies off the banks of one column. */
#define PITCH (TILE + 4)
/* Channels in BLOCKS blocks of COLUMNS times 16, at most 128 of them. */
#define BLOCKS ((HEAD_DIM + 127) / 128)
#define COLUMNS ((HEAD_DIM + 16 * BLOCKS - 1) / (16 * BLOCKS))
#define WIDTH (16 * COLUMNS)
#define MASKED -3.0e38f

/* DEPTH channels from d on of TILE rows, transposed to to[channel][row]; rows past the last repeat it. */
void
copy_transposed (__local float (*to)[PITCH], const __global void *base, ulong at, int stride, int rows, int d)
{
  const int row = get_local_id (0) / 4, c = get_local_id (0) % 4 * 4;
  const float4 v = load_vector (base, HALF, at + (ulong) min (row, rows - 1) * stride + d + c, HEAD_DIM - d - c);

  to[c][row] = v.s0;
  to[c + 1][row] = v.s1;
  to[c + 2][row] = v.s2;
  to[c + 3][row] = v.s3;
}

/* WIDTH channels from d on of DEPTH rows from `row` on; rows past the last repeat it. */
void
copy_rows (__local float *to, const __global void *base, ulong at, int stride, int rows, int row, int d)
{
  for (int i = get_local_id (0); i < DEPTH * WIDTH / 4; i += ITEMS) {
    const int r = i / (WIDTH / 4), c = i % (WIDTH / 4) * 4;
    vstore4 (load_vector (base, HALF, at + (ulong) min (row + r, rows - 1) * stride + d + c, HEAD_DIM - d - c), 0,
        to + r * WIDTH + c);
  }
}

/* Work-group (frame, head, TILE queries), queries fastest. */
__attribute__ ((reqd_work_group_size (ITEMS, 1, 1)))
__kernel void
attention_tile (const __global void *query, ulong query_offset, int query_stride, const __global void *key,
    ulong key_offset, int key_stride, const __global void *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int queries, int keys, int key_frames,
    int causal, float scale)
{
  __local float chunk[2 * DEPTH * PITCH];
  __local float scores[TILE][PITCH];
  __local float shared[4][TILE];
  __local float (*chunk_q)[PITCH] = (__local float (*)[PITCH]) chunk;
  __local float (*chunk_k)[PITCH] = chunk_q + DEPTH;

  const int tiles = (queries + TILE - 1) / TILE;
  const int group = get_global_id (0) / ITEMS;
  const int first = group % tiles * TILE;
  const int head = group / tiles % heads;
  const int frame = group / tiles / heads;
  const int rows = min (queries - first, TILE);
  const int visible = causal ? min (keys, first + rows) : keys;
  const int item = get_local_id (0);
  const int x = item % 16, y = item / 16;
  /* In the softmax step. */
  const int own = item % TILE, quarter = item / TILE;

  query_offset += ((ulong) frame * queries + first) * query_stride + head * HEAD_DIM;
  output_offset += ((ulong) frame * queries + first) * output_stride + head * HEAD_DIM;
  key_offset += (key_frames > 1 ? (ulong) frame * keys * key_stride : 0) + head * HEAD_DIM;
  value_offset += (key_frames > 1 ? (ulong) frame * keys * value_stride : 0) + head * HEAD_DIM;

  float4 out[BLOCKS][COLUMNS];
  float top = MASKED, total = 0.0f;
  for (int b = 0; b < BLOCKS; b++)
    for (int c = 0; c < COLUMNS; c++)
      out[b][c] = (float4) 0.0f;

  for (int k0 = 0; k0 < visible; k0 += TILE) {
    const int n = min (visible - k0, TILE);
    float4 s0 = (float4) 0.0f, s1 = (float4) 0.0f, s2 = (float4) 0.0f, s3 = (float4) 0.0f;

    for (int d = 0; d < HEAD_DIM; d += DEPTH) {
      barrier (CLK_LOCAL_MEM_FENCE);
      copy_transposed (chunk_q, query, query_offset, query_stride, rows, d);
      copy_transposed (chunk_k, key, key_offset + (ulong) k0 * key_stride, key_stride, n, d);
      barrier (CLK_LOCAL_MEM_FENCE);
      for (int i = 0; i < DEPTH; i++) {
        const float4 q = vload4 (y, chunk_q[i]);
        const float4 k = vload4 (x, chunk_k[i]);
        s0 = fma ((float4) k.s0, q, s0);
        s1 = fma ((float4) k.s1, q, s1);
        s2 = fma ((float4) k.s2, q, s2);
        s3 = fma ((float4) k.s3, q, s3);
      }
    }
    vstore4 (s0 * scale, y, scores[4 * x]);
    vstore4 (s1 * scale, y, scores[4 * x + 1]);
    vstore4 (s2 * scale, y, scores[4 * x + 2]);
    vstore4 (s3 * scale, y, scores[4 * x + 3]);
    barrier (CLK_LOCAL_MEM_FENCE);

    /* Keys of this query that count. */
    const int counted = causal ? min (n, first + own - k0 + 1) : n;
    float largest = MASKED;
    for (int k = 16 * quarter; k < min (counted, 16 * quarter + 16); k++)
      largest = fmax (largest, scores[k][own]);
    shared[quarter][own] = largest;
    barrier (CLK_LOCAL_MEM_FENCE);
    largest = fmax (fmax (fmax (shared[0][own], shared[1][own]), fmax (shared[2][own], shared[3][own])), top);
    const float factor = exp (top - largest);
    top = largest;
    total *= factor;
    for (int k = 16 * quarter; k < 16 * quarter + 16; k++) {
      const float p = k < counted ? exp (scores[k][own] - top) : 0.0f;
      scores[k][own] = p;
      total += p;
    }
    barrier (CLK_LOCAL_MEM_FENCE);
    if (quarter == 0)
      shared[0][own] = factor;
    barrier (CLK_LOCAL_MEM_FENCE);

    const float4 factors = vload4 (y, shared[0]);
    for (int b = 0; b < BLOCKS; b++) {
      for (int c = 0; c < COLUMNS; c++)
        out[b][c] *= factors;
      for (int k = 0; k < TILE; k += DEPTH) {
        barrier (CLK_LOCAL_MEM_FENCE);
        copy_rows (chunk, value, value_offset + (ulong) k0 * value_stride, value_stride, n, k, b * WIDTH);
        barrier (CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < DEPTH; i++) {
          const float4 p = vload4 (y, scores[k + i]);
          for (int c = 0; c < COLUMNS; c++)
            out[b][c] = fma ((float4) chunk[i * WIDTH + 16 * c + x], p, out[b][c]);
        }
      }
    }
  }

  barrier (CLK_LOCAL_MEM_FENCE);
  shared[quarter][own] = total;
  barrier (CLK_LOCAL_MEM_FENCE);
  const float4 totals = vload4 (y, shared[0]) + vload4 (y, shared[1]) + vload4 (y, shared[2]) + vload4 (y, shared[3]);
  for (int b = 0; b < BLOCKS; b++)
    for (int c = 0; c < COLUMNS; c++) {
      const int d = b * WIDTH + 16 * c + x;
      const float4 v = out[b][c] / totals;
      if (d < HEAD_DIM) {
        const ulong at = output_offset + (ulong) (4 * y) * output_stride + d;
        if (4 * y < rows)
          store_element (output, HALF, at, v.s0);
        if (4 * y + 1 < rows)
          store_element (output, HALF, at + output_stride, v.s1);
        if (4 * y + 2 < rows)
          store_element (output, HALF, at + 2 * (ulong) output_stride, v.s2);
        if (4 * y + 3 < rows)
          store_element (output, HALF, at + 3 * (ulong) output_stride, v.s3);
      }
    }
}
