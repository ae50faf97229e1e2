/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention across frames for CPU devices: arguments and result as temporal_attention.cl.
 *
 * One work-item is a work-group and takes 16 pixels of one head, a pixel a lane; it reads the frames where they lie.
 * FRAMES query frames meet FRAMES key frames at a time, with softmax by the running maximum and sum as in
 * attention_vec.cl, so that any number of frames works and 8 frames are read once.
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

/* Three blocks of FRAMES x DIM vectors are to fit the cache. */
#if HEAD_DIM <= 128
#define FRAMES 8
#else
#define FRAMES 4
#endif

/* Scores of one query frame with n key frames become probabilities relative to the new maximum; earlier sums are to
 * be multiplied by the factor that comes back. */
float16
softmax (float16 scores[FRAMES], int n, float16 *top, float16 *total)
{
  const float16 before = *top;

#pragma unroll
  for (int u = 0; u < FRAMES; u++) {
    if (u >= n)
      scores[u] = (float16) MASKED;
    *top = scores[u] > *top ? scores[u] : *top;
  }
  const float16 factor = vector_exp (before - *top);
  *total *= factor;
#pragma unroll
  for (int u = 0; u < FRAMES; u++) {
    scores[u] = vector_exp (scores[u] - *top);
    *total += scores[u];
  }
  return factor;
}

__attribute__ ((vec_type_hint (float16)))
__kernel void
temporal_attention_vec (const __global void *query, ulong query_offset, int query_stride, const __global void *key,
    ulong key_offset, int key_stride, const __global void *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int frames, int pixels, float scale)
{
  const int head = get_global_id (0) % heads;
  const int pixel = get_global_id (0) / heads * 16;
  const int rows = min (pixels - pixel, 16);
  float16 q[FRAMES][DIM], out[FRAMES][DIM], tile[FRAMES][DIM], scores[FRAMES][FRAMES];

  query_offset += head * HEAD_DIM;
  key_offset += head * HEAD_DIM;
  value_offset += head * HEAD_DIM;
  output_offset += head * HEAD_DIM;
  for (int t0 = 0; t0 < frames; t0 += FRAMES) {
    const int n_queries = min (frames - t0, FRAMES);
    float16 top[FRAMES], total[FRAMES], factor[FRAMES];

    for (int t = 0; t < n_queries; t++) {
      load_lanes (q[t], 1, query, query_offset + ((ulong) (t0 + t) * pixels + pixel) * query_stride, query_stride, rows,
          scale);
      top[t] = (float16) MASKED;
      total[t] = (float16) 0.0f;
      for (int d = 0; d < DIM; d++)
        out[t][d] = (float16) 0.0f;
    }
    for (int u0 = 0; u0 < frames; u0 += FRAMES) {
      const int n_keys = min (frames - u0, FRAMES);

      for (int u = 0; u < FRAMES; u++)
        load_lanes (tile[u], 1, key, key_offset + ((ulong) min (u0 + u, frames - 1) * pixels + pixel) * key_stride,
            key_stride, rows, 1.0f);
      for (int t = 0; t < n_queries; t++) {
        float16 sums[FRAMES];
#pragma unroll
        for (int u = 0; u < FRAMES; u++)
          sums[u] = (float16) 0.0f;
        for (int d = 0; d < HEAD_DIM; d++)
#pragma unroll
          for (int u = 0; u < FRAMES; u++)
            sums[u] = fma (q[t][d], tile[u][d], sums[u]);
        factor[t] = softmax (sums, n_keys, &top[t], &total[t]);
#pragma unroll
        for (int u = 0; u < FRAMES; u++)
          scores[t][u] = sums[u];
      }
      for (int u = 0; u < FRAMES; u++)
        load_lanes (tile[u], 1, value, value_offset + ((ulong) min (u0 + u, frames - 1) * pixels + pixel) * value_stride,
            value_stride, rows, 1.0f);
      for (int t = 0; t < n_queries; t++)
        for (int d = 0; d < HEAD_DIM; d++) {
          float16 sum = out[t][d] * factor[t];
#pragma unroll
          for (int u = 0; u < FRAMES; u++)
            sum = fma (scores[t][u], tile[u][d], sum);
          out[t][d] = sum;
        }
    }
    for (int t = 0; t < n_queries; t++)
      store_lanes (out[t], 1, output, output_offset + ((ulong) (t0 + t) * pixels + pixel) * output_stride, output_stride,
          rows, 1.0f / total[t]);
  }
}
