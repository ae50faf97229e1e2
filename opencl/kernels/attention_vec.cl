/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames for CPU devices, without a score matrix in memory:
 *   output[q] = sum over k of softmax over k (scale * query[q] . key[k]) * value[k]      for every frame and head
 *
 * query, output: [frames, queries, heads * HEAD_DIM]; key, value: [key_frames, keys, heads * HEAD_DIM]; rows `stride`
 * elements apart, all of one storage type. key_frames is 1 where all frames share keys.
 * One work-item is a work-group and takes up to GROUPS groups of QUERIES queries of one (frame, head), which share each
 * tile of keys or values: its rows lie pages apart, and come in slowly. Lanes are queries: queries, scores and sums lie
 * transposed, [dimension or key][query], so that softmax works lane by lane and both products broadcast keys and values
 * to ROWS x QUERIES sums in registers.
 * Numerics: all in fp32. Softmax by the running maximum and sum of Milakov and Gimelshein (arXiv 1805.02867): KEYS keys
 * at a time, earlier sums are scaled down when the maximum grows. Masked scores are -3e38, never -inf, whose
 * difference is no number.
 */

/* Channels a head. */
#ifndef HEAD_DIM
#define HEAD_DIM 32
#endif
/* Storage of all four tensors: 0 = fp32, 1 = fp16. */
#ifndef HALF
#define HALF 0
#endif

#include "lanes.clh"

#define QUERIES 32
#define GROUPS 4
#define KEYS 48
#define ROWS 8
#define LANES ((int16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

/* ROWS x QUERIES sums, which stay in registers: sums[r] += sum over i < depth of a[r * row_step + i * step] * b[i]. */
void
multiply_add (float16 sums[ROWS][2], const float *a, int row_step, int step, const float16 (*b)[2], int depth)
{
  for (int i = 0; i < depth; i++)
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const float16 x = (float16) a[r * row_step + i * step];
      sums[r][0] = fma (x, b[i][0], sums[r][0]);
      sums[r][1] = fma (x, b[i][1], sums[r][1]);
    }
}

/* Asks for a cache line with some time to spare; does nothing where the compiler cannot, or where there is none. */
void
prefetch_element (const __global void *base, ulong index)
{
#ifdef __has_builtin
#if __has_builtin (__builtin_prefetch)
  __builtin_prefetch ((const __global uchar *) base + index * (HALF ? 2 : 4), 0, 2);
#endif
#endif
}

/* Rows of keys or values as fp32, zeros after the last up to a multiple of ROWS. The next tile's are asked for. */
void
load_tile (float tile[KEYS][DIM], const __global void *base, ulong at, int stride, int rows)
{
  for (int k = 0; k < rows; k++)
    for (int i = 0; i < DIM; i += 16) {
      const int d = CHANNEL (i);
      prefetch_element (base, at + (ulong) (k + KEYS) * stride + d);
      *(floatv_unaligned *) (tile[k] + d) = load_vector (base, HALF, at + (ulong) k * stride + d, HEAD_DIM - d);
    }
  for (int k = rows; k % ROWS != 0; k++)
    for (int d = 0; d < DIM; d += 16)
      *(float16 *) (tile[k] + d) = (float16) 0.0f;
}

/* scores[k][query] of n keys; `top` grows to the largest. A causal query sees keys up to its own number, which is
 * first_query and up, counted from the tile's first key. */
void
make_scores (float16 scores[KEYS][2], float16 top[2], const float tile[KEYS][DIM], int n, const float16 (*q)[2],
    int causal, int first_query)
{
  for (int k = 0; k < n; k += ROWS) {
    float16 sums[ROWS][2];

#pragma unroll
    for (int r = 0; r < ROWS; r++)
      sums[r][0] = sums[r][1] = (float16) 0.0f;
    multiply_add (sums, tile[k], DIM, 1, q, HEAD_DIM);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int j = 0; j < 2; j++) {
        if (k + r >= n)
          sums[r][j] = (float16) MASKED;
        else if (causal)
          sums[r][j] = first_query + 16 * j + LANES < k + r ? (float16) MASKED : sums[r][j];
        top[j] = sums[r][j] > top[j] ? sums[r][j] : top[j];
        scores[k + r][j] = sums[r][j];
      }
  }
}

/* Scores become 2^(score - top), and `total` grows by them. */
void
exponentiate (float16 scores[KEYS][2], const float16 top[2], float16 total[2], int n)
{
  for (int k = 0; k < n; k++)
#pragma unroll
    for (int j = 0; j < 2; j++) {
      scores[k][j] = power_of_two (scores[k][j] - top[j]);
      total[j] += scores[k][j];
    }
}

/* out[dimension][query] = out * factor + the tile's values weighted by the scores. */
void
add_values (float16 (*out)[2], const float16 factor[2], const float tile[KEYS][DIM], const float16 scores[KEYS][2],
    int n)
{
  for (int d = 0; d < HEAD_DIM; d += ROWS) {
    float16 sums[ROWS][2];

#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      sums[r][0] = out[d + r][0] * factor[0];
      sums[r][1] = out[d + r][1] * factor[1];
    }
    multiply_add (sums, tile[0] + d, 1, DIM, scores, n);
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      out[d + r][0] = sums[r][0];
      out[d + r][1] = sums[r][1];
    }
  }
}

/* Work-item (frame, head, block), blocks fastest: each frame and head has `blocks` of them, of equally many groups but for
 * one. */
__attribute__ ((vec_type_hint (float16)))
__kernel void
attention_vec (const __global void *query, ulong query_offset, int query_stride, const __global void *key,
    ulong key_offset, int key_stride, const __global void *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int queries, int keys, int key_frames,
    int causal, float scale, int blocks)
{
  const int all_groups = (queries + QUERIES - 1) / QUERIES;
  const int item = get_global_id (0);
  const long block = item % blocks;
  const int head = item / blocks % heads;
  const int frame = item / blocks / heads;
  const int first_group = block * all_groups / blocks;
  const int groups = (block + 1) * all_groups / blocks - first_group;
  const int first = first_group * QUERIES;
  const int rows = min (queries - first, groups * QUERIES);
  const int visible = causal ? min (keys, first + rows) : keys;
  const ulong key_row = key_frames > 1 ? (ulong) frame * keys : 0;
  const ulong query_row = (ulong) frame * queries + first;

  float16 q[GROUPS][DIM][2], out[GROUPS][DIM][2], scores[GROUPS][KEYS][2], tile_vectors[KEYS][DIM / 16];
  float (*tile)[DIM] = (float (*)[DIM]) tile_vectors;
  float16 top[GROUPS][2], total[GROUPS][2], factor[GROUPS][2];

  query_offset += query_row * query_stride + head * HEAD_DIM;
  output_offset += query_row * output_stride + head * HEAD_DIM;
  key_offset += key_row * key_stride + head * HEAD_DIM;
  value_offset += key_row * value_stride + head * HEAD_DIM;
  for (int g = 0; g < groups; g++) {
    for (int j = 0; j < 2; j++) {
      load_lanes (&q[g][0][j], 2, query, query_offset, query_stride, g * QUERIES + 16 * j, rows, scale * LOG2_E);
      top[g][j] = (float16) MASKED;
      total[g][j] = (float16) 0.0f;
    }
    for (int d = 0; d < DIM; d++)
      out[g][d][0] = out[g][d][1] = (float16) 0.0f;
  }

  for (int k = 0; k < visible; k += KEYS) {
    const int n = min (visible - k, KEYS);

    load_tile (tile, key, key_offset + (ulong) k * key_stride, key_stride, n);
    for (int g = 0; g < groups; g++) {
      factor[g][0] = top[g][0];
      factor[g][1] = top[g][1];
      make_scores (scores[g], top[g], tile, n, q[g], causal, first + g * QUERIES - k);
      for (int j = 0; j < 2; j++) {
        factor[g][j] = power_of_two (factor[g][j] - top[g][j]);
        total[g][j] *= factor[g][j];
      }
      exponentiate (scores[g], top[g], total[g], n);
    }
    load_tile (tile, value, value_offset + (ulong) k * value_stride, value_stride, n);
    for (int g = 0; g < groups; g++)
      add_values (out[g], factor[g], tile, scores[g], n);
  }
  for (int g = 0; g < groups; g++)
    for (int j = 0; j < 2; j++)
      store_lanes (&out[g][0][j], 2, output, output_offset, output_stride, g * QUERIES + 16 * j, rows,
          1.0f / total[g][j]);
}
