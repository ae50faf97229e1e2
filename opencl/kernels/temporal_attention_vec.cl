/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention across frames for CPU devices: arguments and result as temporal_attention.cl.
 *
 * One work-item is a work-group and takes PIXELS pixels of one head, one per lane; it reads the frames in place.
 * FRAMES query frames meet FRAMES key frames at a time, with softmax by the running maximum and sum as in
 * attention_vec.cl, so that any number of frames works and 8 frames are read once.
 */

/* Channels per head. */
#ifndef HEAD_DIM
#define HEAD_DIM 32
#endif
/* Storage of all four tensors: 0 = fp32, 1 = fp16. */
#ifndef HALF
#define HALF 0
#endif

#include "lanes.clh"
#include "shared.clh"

#define PIXELS TEMPORAL_ATTENTION_PIXELS

/* Three blocks of FRAMES x DIM vectors are to fit the cache. */
#if HEAD_DIM <= 128
#define FRAMES 8
#else
#define FRAMES 4
#endif

/* 2^(score - top) of one query frame with the tile's n key frames, zero or nearly zero for other frames. `total` grows
 * by them. Returns the factor for earlier sums. */
float16
make_scores (float16 scores[FRAMES], const float16 q[DIM], float16 tile[FRAMES][DIM], int n, float16 *top,
    float16 *total)
{
  const float16 before = *top;
  float16 sums[FRAMES];

#pragma unroll
  for (int u = 0; u < FRAMES; u++)
    sums[u] = (float16) 0.0f;
  for (int d = 0; d < HEAD_DIM; d++)
#pragma unroll
    for (int u = 0; u < FRAMES; u++)
      sums[u] = fma (q[d], tile[u][d], sums[u]);
#pragma unroll
  for (int u = 0; u < FRAMES; u++) {
    if (u >= n)
      sums[u] = (float16) MASKED;
    *top = sums[u] > *top ? sums[u] : *top;
  }
  *top = whole (*top);
  const float16 factor = power_of_two (before, *top, 0);
  *total *= factor;
#pragma unroll
  for (int u = 0; u < FRAMES; u++) {
    scores[u] = power_of_two (sums[u], *top, 0);
    *total += scores[u];
  }
  return factor;
}

/* out[dimension] = out * factor + the tile's values weighted by the scores. */
void
add_values (float16 out[DIM], float16 factor, float16 tile[FRAMES][DIM], const float16 scores[FRAMES])
{
  for (int d = 0; d < HEAD_DIM; d++) {
    float16 sum = out[d] * factor;
#pragma unroll
    for (int u = 0; u < FRAMES; u++)
      sum = fma (scores[u], tile[u][d], sum);
    out[d] = sum;
  }
}

/* 16 pixels of `n` frames from `first` on to lanes[frame]; after the last frame of all, the last frame again. */
void
load_frames (float16 lanes[FRAMES][DIM], const __global void *base, ulong at, int stride, int first, int n, int frames,
    int pixels, int rows, float scale)
{
  for (int t = 0; t < n; t++)
    load_lanes (lanes[t], 1, base, at + (ulong) min (first + t, frames - 1) * pixels * stride, stride, 0, rows, scale);
}

/* Work-item (16 pixels, head), heads fastest. */
__attribute__ ((vec_type_hint (float16)))
__kernel void
temporal_attention_vec (const __global void *query, ulong query_offset, int query_stride, const __global void *key,
    ulong key_offset, int key_stride, const __global void *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int frames, int pixels, float scale)
{
  const int head = get_global_id (0) % heads;
  const int pixel = get_global_id (0) / heads * PIXELS;
  const int rows = min (pixels - pixel, PIXELS);
  float16 q[FRAMES][DIM], out[FRAMES][DIM], tile[FRAMES][DIM];
  float16 scores[FRAMES][FRAMES], top[FRAMES], total[FRAMES], factor[FRAMES];

  query_offset += (ulong) pixel * query_stride + head * HEAD_DIM;
  key_offset += (ulong) pixel * key_stride + head * HEAD_DIM;
  value_offset += (ulong) pixel * value_stride + head * HEAD_DIM;
  output_offset += (ulong) pixel * output_stride + head * HEAD_DIM;
  for (int t0 = 0; t0 < frames; t0 += FRAMES) {
    const int n_queries = min (frames - t0, FRAMES);

    load_frames (q, query, query_offset, query_stride, t0, n_queries, frames, pixels, rows, scale * LOG2_E);
    for (int t = 0; t < n_queries; t++) {
      top[t] = (float16) MASKED;
      total[t] = (float16) 0.0f;
      for (int d = 0; d < DIM; d++)
        out[t][d] = (float16) 0.0f;
    }
    for (int u0 = 0; u0 < frames; u0 += FRAMES) {
      load_frames (tile, key, key_offset, key_stride, u0, FRAMES, frames, pixels, rows, 1.0f);
      for (int t = 0; t < n_queries; t++)
        factor[t] = make_scores (scores[t], q[t], tile, min (frames - u0, FRAMES), &top[t], &total[t]);
      load_frames (tile, value, value_offset, value_stride, u0, FRAMES, frames, pixels, rows, 1.0f);
      for (int t = 0; t < n_queries; t++)
        add_values (out[t], factor[t], tile, scores[t]);
    }
    for (int t = 0; t < n_queries; t++)
      store_lanes (out[t], 1, output, output_offset + (ulong) (t0 + t) * pixels * output_stride, output_stride, 0, rows,
          1.0f / total[t]);
  }
}
