/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames for devices whose work-groups share local memory; arguments and result as attention_vec.cl.
 *
 * A work-group of 16 x 16 work-items takes TILE queries of one (frame, head) and walks over the keys, TILE at a time:
 * 1. scores: work-item (x, y) computes those of keys 4 x .. and queries 4 y .., from DEPTH channels of both at a
 *    time in local memory;
 * 2. softmax: four work-items per query take 16 keys each; they keep the query's running maximum and their share of its
 *    sum;
 * 3. sums: work-item (x, y) adds to channels x, x + 16, .. of queries 4 y .., from DEPTH rows of values at a time.
 * Local memory: 28 KiB for any HEAD_DIM. Numerics: as in attention_vec.cl.
 */

/* Channels per head. */
#ifndef HEAD_DIM
#define HEAD_DIM 32
#endif
/* Storage of all four tensors: 0 = fp32, 1 = fp16. */
#ifndef HALF
#define HALF 0
#endif

#define VEC 4
#include "shared.clh"
#include "vector.clh"

#define TILE ATTENTION_TILE
#define DEPTH 16
#define ITEMS ATTENTION_TILE_ITEMS
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

/* Step 1: scores[key][query] of n keys; scores past the last key mean nothing. */
void
make_scores (__local float (*scores)[PITCH], __local float *chunk, const __global void *query, ulong query_at,
    int query_stride, int rows, const __global void *key, ulong key_at, int key_stride, int n, float scale)
{
  __local float (*queries)[PITCH] = (__local float (*)[PITCH]) chunk;
  __local float (*keys)[PITCH] = queries + DEPTH;
  const int x = get_local_id (0) % 16, y = get_local_id (0) / 16;
  float4 s0 = (float4) 0.0f, s1 = (float4) 0.0f, s2 = (float4) 0.0f, s3 = (float4) 0.0f;

  for (int d = 0; d < HEAD_DIM; d += DEPTH) {
    barrier (CLK_LOCAL_MEM_FENCE);
    copy_transposed (queries, query, query_at, query_stride, rows, d);
    copy_transposed (keys, key, key_at, key_stride, n, d);
    barrier (CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < DEPTH; i++) {
      const float4 q = vload4 (y, queries[i]);
      const float4 k = vload4 (x, keys[i]);
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
}

/* Step 2: scores become exp (score - maximum), zero for keys that do not count. Leaves in shared[0][query] what earlier
 * sums are to be multiplied by. */
void
softmax (__local float (*scores)[PITCH], __local float (*shared)[TILE], int counted, float *top, float *total)
{
  const int query = get_local_id (0) % TILE, quarter = get_local_id (0) / TILE;
  const int first = quarter * (TILE / 4), end = first + TILE / 4;
  float largest = MASKED;

  for (int k = first; k < min (counted, end); k++)
    largest = fmax (largest, scores[k][query]);
  shared[quarter][query] = largest;
  barrier (CLK_LOCAL_MEM_FENCE);
  largest = fmax (fmax (shared[0][query], shared[1][query]), fmax (shared[2][query], shared[3][query]));
  largest = fmax (largest, *top);
  const float factor = exp (*top - largest);
  *top = largest;
  *total *= factor;
  for (int k = first; k < end; k++) {
    const float p = k < counted ? exp (scores[k][query] - largest) : 0.0f;
    scores[k][query] = p;
    *total += p;
  }
  barrier (CLK_LOCAL_MEM_FENCE);
  if (quarter == 0)
    shared[0][query] = factor;
  barrier (CLK_LOCAL_MEM_FENCE);
}

/* Step 3: out = out * factors + the values of n keys weighted by the scores. */
void
add_values (float4 out[BLOCKS][COLUMNS], float4 factors, __local float (*scores)[PITCH], __local float *chunk,
    const __global void *value, ulong at, int stride, int n)
{
  const int x = get_local_id (0) % 16, y = get_local_id (0) / 16;

  for (int b = 0; b < BLOCKS; b++) {
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
      out[b][c] *= factors;
    for (int k = 0; k < TILE; k += DEPTH) {
      barrier (CLK_LOCAL_MEM_FENCE);
      copy_rows (chunk, value, at, stride, n, k, b * WIDTH);
      barrier (CLK_LOCAL_MEM_FENCE);
      for (int i = 0; i < DEPTH; i++) {
        const float4 p = vload4 (y, scores[k + i]);
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
          out[b][c] = fma ((float4) chunk[i * WIDTH + 16 * c + x], p, out[b][c]);
      }
    }
  }
}

/* One channel of four queries, of which `rows` exist. */
void
store_column (__global void *output, ulong at, int stride, int rows, float4 v)
{
  if (rows > 0)
    store_element (output, HALF, at, v.s0);
  if (rows > 1)
    store_element (output, HALF, at + stride, v.s1);
  if (rows > 2)
    store_element (output, HALF, at + 2 * (ulong) stride, v.s2);
  if (rows > 3)
    store_element (output, HALF, at + 3 * (ulong) stride, v.s3);
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

  const int tiles = (queries + TILE - 1) / TILE;
  const int group = get_global_id (0) / ITEMS;
  const int first = group % tiles * TILE;
  const int head = group / tiles % heads;
  const int frame = group / tiles / heads;
  const int rows = min (queries - first, TILE);
  const int visible = causal ? min (keys, first + rows) : keys;
  const int item = get_local_id (0);
  const int x = item % 16, y = item / 16;

  query_offset += ((ulong) frame * queries + first) * query_stride + head * HEAD_DIM;
  output_offset += ((ulong) frame * queries + first) * output_stride + head * HEAD_DIM;
  key_offset += (key_frames > 1 ? (ulong) frame * keys * key_stride : 0) + head * HEAD_DIM;
  value_offset += (key_frames > 1 ? (ulong) frame * keys * value_stride : 0) + head * HEAD_DIM;

  float4 out[BLOCKS][COLUMNS];
  float top = MASKED, total = 0.0f;
  for (int b = 0; b < BLOCKS; b++)
#pragma unroll
    for (int c = 0; c < COLUMNS; c++)
      out[b][c] = (float4) 0.0f;

  for (int k = 0; k < visible; k += TILE) {
    const int n = min (visible - k, TILE);
    /* A causal query sees keys up to its own number. */
    const int counted = causal ? min (n, first + item % TILE + 1 - k) : n;

    make_scores (scores, chunk, query, query_offset, query_stride, rows, key, key_offset + (ulong) k * key_stride,
        key_stride, n, scale);
    softmax (scores, shared, counted, &top, &total);
    add_values (out, vload4 (y, shared[0]), scores, chunk, value, value_offset + (ulong) k * value_stride,
        value_stride, n);
  }

  barrier (CLK_LOCAL_MEM_FENCE);
  shared[item / TILE][item % TILE] = total;
  barrier (CLK_LOCAL_MEM_FENCE);
  const float4 totals = vload4 (y, shared[0]) + vload4 (y, shared[1]) + vload4 (y, shared[2]) + vload4 (y, shared[3]);
  for (int b = 0; b < BLOCKS; b++)
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      const int d = b * WIDTH + 16 * c + x;
      if (d < HEAD_DIM)
        store_column (output, output_offset + (ulong) (4 * y) * output_stride + d, output_stride, rows - 4 * y,
            out[b][c] / totals);
    }
}
