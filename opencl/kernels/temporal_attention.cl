/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention across frames: pixel p of frame t attends to pixel p of all frames,
 *   output[t][p] = sum over u of softmax over u (scale * query[t][p] . key[u][p]) * value[u][p]          for every head
 *
 * All tensors: [frames, pixels, heads * HEAD_DIM], rows `stride` elements apart, all of one storage type.
 * Work-item (frame, pixel, head), heads fastest, so that neighbours read neighbouring channels.
 * Numerics: all in fp32, softmax by the running maximum and sum.
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
#include "vector.clh"

/* HEAD_DIM in whole vectors; dimensions past HEAD_DIM are zeros. */
#define VECTORS ((HEAD_DIM + 3) / 4)

__kernel void
temporal_attention (const __global void *query, ulong query_offset, int query_stride, const __global void *key,
    ulong key_offset, int key_stride, const __global void *value, ulong value_offset, int value_stride,
    __global void *output, ulong output_offset, int output_stride, int heads, int frames, int pixels, float scale)
{
  const size_t item = get_global_id (0);
  const int head = item % heads;
  const size_t row = item / heads;
  float4 q[VECTORS], out[VECTORS];
  float top = -3.0e38f, total = 0.0f;

  if (row >= (size_t) frames * pixels)
    return;
  for (int i = 0; i < VECTORS; i++) {
    q[i] = scale * load_vector (query, HALF, query_offset + row * query_stride + head * HEAD_DIM + 4 * i,
        HEAD_DIM - 4 * i);
    out[i] = (float4) 0.0f;
  }
  for (int u = 0; u < frames; u++) {
    const size_t from = (size_t) u * pixels + row % pixels;
    float4 products = (float4) 0.0f;

    for (int i = 0; i < VECTORS; i++)
      products = fma (q[i], load_vector (key, HALF, key_offset + from * key_stride + head * HEAD_DIM + 4 * i,
              HEAD_DIM - 4 * i), products);
    const float score = products.s0 + products.s1 + products.s2 + products.s3;
    const float factor = exp (top - fmax (top, score));
    top = fmax (top, score);
    const float p = exp (score - top);
    total = total * factor + p;
    for (int i = 0; i < VECTORS; i++)
      out[i] = fma ((float4) p, load_vector (value, HALF, value_offset + from * value_stride + head * HEAD_DIM + 4 * i,
              HEAD_DIM - 4 * i), out[i] * factor);
  }
  for (int i = 0; i < VECTORS; i++)
    store_vector (output, HALF, output_offset + row * output_stride + head * HEAD_DIM + 4 * i, HEAD_DIM - 4 * i,
        out[i] / total);
}
