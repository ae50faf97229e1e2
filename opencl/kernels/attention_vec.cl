/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames for CPU devices, without a score matrix in memory:
 *   output[q] = sum over k of softmax over k (scale * query[q] . key[k]) * value[k]      for every frame and head
 *
 * query, output: [frames, queries, heads * HEAD_DIM]; key, value: [key_frames, keys, heads * HEAD_DIM]; rows
 * `stride` elements apart, all of one storage type. key_frames is 1 if all frames share keys.
 *
 * One work-item is a work-group and takes up to GROUPS groups of QUERIES queries of one (frame, head), which share
 * each tile of keys and values: its rows lie pages apart, and come in slowly. Lanes are queries: queries, scores and
 * sums lie transposed, [dimension or key][query], so that softmax works lane by lane and both products broadcast keys
 * and values to ROWS x QUERIES sums in registers.
 *
 * Numerics: sums and softmax in fp32, products too, or in bf16. Softmax by the running maximum and sum of Milakov and
 * Gimelshein (arXiv 1805.02867): KEYS keys at a time, earlier sums are scaled down when the maximum grows. Masked scores are -3e38, never -inf, since -inf - -inf is NaN. Maxima are
 * rounded to whole numbers, which makes all powers of two but the scores' fractions exact.
 */

/* Channels per head; with BF16 a multiple of 8, at least 16. */
#ifndef HEAD_DIM
#define HEAD_DIM 32
#endif
/* Storage of all four tensors: 0 = fp32, 1 = fp16. */
#ifndef HALF
#define HALF 0
#endif
/* Groups per work-item. */
#ifndef GROUPS
#define GROUPS 4
#endif
/* 1 = products in bf16, of fp32 tensors. */
#ifndef BF16
#define BF16 0
#endif

#include "lanes.clh"
#include "shared.clh"

#define QUERIES ATTENTION_QUERIES
#define KEYS 128
#define ROWS ATTENTION_ROWS
#define LANES ((int16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

#if BF16
#include "pairs.clh"
#else
/* Factors of the products: PAIR channels or keys side by side. */
typedef float factor_t;
typedef float16 factors_t;
#define PAIR 1
#define MULTIPLY_ADD(sum, a, b) fma ((float16) (a), b, sum)
#define TARGET
#endif

/* The queries of a group, and their results so far. */
typedef struct
{
  factors_t query[DIM / PAIR][2];
  float16 out[DIM][2];
  float16 top[2], total[2];
} Group;

typedef struct
{
  factor_t key[KEYS][DIM / PAIR];
  factor_t value[KEYS / PAIR][DIM];
} Tile;

/* Turns queries, which lie where their sums will lie, into factors, and clears the sums. */
__attribute__ ((noinline)) TARGET void
pack_queries (Group *group)
{
  for (int d = 0; d < HEAD_DIM; d += PAIR)
    for (int j = 0; j < 2; j++) {
#if BF16
      group->query[d / 2][j] = make_pairs (group->out[d][j], group->out[d + 1][j]);
#else
      group->query[d][j] = group->out[d][j];
#endif
    }
  for (int d = 0; d < DIM; d++)
    group->out[d][0] = group->out[d][1] = (float16) 0.0f;
}

/* ROWS x QUERIES sums, which stay in registers: sums[r] += sum over i < n of a[r * row_step + i * step] * b[i]. */
TARGET void
multiply_add (float16 sums[ROWS][2], const factor_t *a, int row_step, int step, const factors_t (*b)[2], int n)
{
  for (int i = 0; i < n; i++)
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const factor_t x = a[r * row_step + i * step];
      sums[r][0] = MULTIPLY_ADD (sums[r][0], x, b[i][0]);
      sums[r][1] = MULTIPLY_ADD (sums[r][1], x, b[i][1]);
    }
}

/* Prefetches a cache line; does nothing if the compiler cannot, or past the end. */
void
prefetch_element (const __global void *base, ulong index)
{
#ifdef __has_builtin
#if __has_builtin (__builtin_prefetch)
  __builtin_prefetch ((const __global uchar *) base + index * (HALF ? 2 : 4), 0, 2);
#endif
#endif
}

/* 16 channels of a row from `at` on, with zeros after the last; prefetches those of the next tile. */
TARGET float16
load_row (const __global void *base, ulong at, int stride, int row, int rows, int n)
{
  prefetch_element (base, at + (ulong) (row + KEYS) * stride);
  return row < rows ? load_vector (base, HALF, at + (ulong) row * stride, n) : (float16) 0.0f;
}

/* Rows of keys and values, zeros after the last up to a multiple of ROWS. */
__attribute__ ((noinline)) TARGET void
load_tile (Tile *tile, const __global void *key, ulong key_at, int key_stride, const __global void *value,
    ulong value_at, int value_stride, int rows)
{
  for (int k = 0; k < (rows + ROWS - 1) / ROWS * ROWS; k += PAIR)
    for (int i = 0; i < DIM; i += 16) {
      const int d = CHANNEL (i);
#if BF16
      store_keys (tile->key[k] + d / 2, tile->key[k + 1] + d / 2,
          load_row (key, key_at + d, key_stride, k, rows, 16), load_row (key, key_at + d, key_stride, k + 1, rows, 16));
      *(int16_unaligned *) (tile->value[k / 2] + d) =
          make_pairs (load_row (value, value_at + d, value_stride, k, rows, 16),
              load_row (value, value_at + d, value_stride, k + 1, rows, 16));
#else
      *(floatv_unaligned *) (tile->key[k] + d) = load_row (key, key_at + d, key_stride, k, rows, HEAD_DIM - d);
      *(floatv_unaligned *) (tile->value[k] + d) = load_row (value, value_at + d, value_stride, k, rows, HEAD_DIM - d);
#endif
    }
}

/* scores[k][query] of n keys and of those that fill ROWS; `top` grows to the largest. Query j of the group sees keys
 * up to number last + j of the tile. */
TARGET void
make_scores (float16 scores[KEYS][2], float16 top[2], const Group *group, const Tile *tile, int n, int last)
{
  float16 top0 = top[0], top1 = top[1];

  for (int k = 0; k < n; k += ROWS) {
    float16 sums[ROWS][2];

#pragma unroll
    for (int r = 0; r < ROWS; r++)
      sums[r][0] = sums[r][1] = (float16) 0.0f;
    multiply_add (sums, tile->key[k], DIM / PAIR, 1, group->query, HEAD_DIM / PAIR);
    if (min (last, n - 1) < k + ROWS - 1)
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        sums[r][0] = min (last + LANES, n - 1) < k + r ? (float16) MASKED : sums[r][0];
        sums[r][1] = min (last + 16 + LANES, n - 1) < k + r ? (float16) MASKED : sums[r][1];
      }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      top0 = sums[r][0] > top0 ? sums[r][0] : top0;
      top1 = sums[r][1] > top1 ? sums[r][1] : top1;
      scores[k + r][0] = sums[r][0];
      scores[k + r][1] = sums[r][1];
    }
  }
  top[0] = top0;
  top[1] = top1;
}

/* Scores of vector j of queries become weights 2^(score - top), by which `total` grows. n = keys / PAIR. */
TARGET float16
make_weights (factors_t (*weights)[2], const float16 scores[KEYS][2], int j, int n, float16 top, float16 total)
{
  for (int k = 0; k < n; k++) {
#if BF16
    weights[k][j] = make_pairs (power_of_two (scores[2 * k][j], top, 1), power_of_two (scores[2 * k + 1][j], top, 1));
    total = MULTIPLY_ADD (total, ONES, weights[k][j]);
#else
    weights[k][j] = power_of_two (scores[k][j], top, 0);
    total += weights[k][j];
#endif
  }
  return total;
}

/* out[dimension][query] = out * factor + the tile's values by their weights. */
TARGET void
add_values (float16 (*out)[2], const float16 factor[2], const Tile *tile, factors_t (*weights)[2], int n)
{
  for (int d = 0; d < HEAD_DIM; d += ROWS) {
    float16 sums[ROWS][2];

#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      sums[r][0] = out[d + r][0] * factor[0];
      sums[r][1] = out[d + r][1] * factor[1];
    }
    multiply_add (sums, tile->value[0] + d, 1, DIM, weights, n);
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      out[d + r][0] = sums[r][0];
      out[d + r][1] = sums[r][1];
    }
  }
}

/* Adds one tile of n keys to one group; `last` as in make_scores (). */
__attribute__ ((noinline)) TARGET void
attend (Group *group, const Tile *tile, int n, int last)
{
  const int n_weights = (n + ROWS - 1) / ROWS * ROWS / PAIR;
  float16 scores[KEYS][2], top[2], factor[2];
  factors_t weights[KEYS / PAIR][2];

  top[0] = group->top[0];
  top[1] = group->top[1];
  make_scores (scores, top, group, tile, n, last);
  for (int j = 0; j < 2; j++) {
    top[j] = whole (top[j]);
    factor[j] = power_of_two (group->top[j], top[j], 0);
    group->top[j] = top[j];
    group->total[j] = make_weights (weights, scores, j, n_weights, top[j], group->total[j] * factor[j]);
  }
  add_values (group->out, factor, tile, weights, n_weights);
}

/* Work-item (frame, head, block), blocks fastest: each frame and head has `blocks` of them, of equally many groups
 * but for one. */
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
  const int n_groups = (block + 1) * all_groups / blocks - first_group;
  const int first = first_group * QUERIES;
  const int rows = min (queries - first, n_groups * QUERIES);
  const int visible = causal ? min (keys, first + rows) : keys;
  const ulong key_row = key_frames > 1 ? (ulong) frame * keys : 0;
  const ulong query_row = (ulong) frame * queries + first;
  Group groups[GROUPS];
  Tile tile;

  query_offset += query_row * query_stride + head * HEAD_DIM;
  output_offset += query_row * output_stride + head * HEAD_DIM;
  key_offset += key_row * key_stride + head * HEAD_DIM;
  value_offset += key_row * value_stride + head * HEAD_DIM;
  for (int g = 0; g < n_groups; g++) {
    Group *group = &groups[g];

    for (int j = 0; j < 2; j++) {
      load_lanes (&group->out[0][j], 2, query, query_offset, query_stride, g * QUERIES + 16 * j, rows, scale * LOG2_E);
      group->top[j] = (float16) MASKED;
      group->total[j] = (float16) 0.0f;
    }
    pack_queries (group);
  }
  for (int k = 0; k < visible; k += KEYS) {
    const int n = min (visible - k, KEYS);

    load_tile (&tile, key, key_offset + (ulong) k * key_stride, key_stride, value,
        value_offset + (ulong) k * value_stride, value_stride, n);
    for (int g = 0; g < n_groups; g++)
      attend (&groups[g], &tile, n, causal ? first + g * QUERIES - k : n);
  }
  for (int g = 0; g < n_groups; g++)
    for (int j = 0; j < 2; j++)
      store_lanes (&groups[g].out[0][j], 2, output, output_offset, output_stride, g * QUERIES + 16 * j, rows,
          1.0f / groups[g].total[j]);
}
