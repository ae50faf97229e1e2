/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Group norm in three steps, and layer norm:
 *   output[f][p][c] = (input[f][p][c] - mean) / sqrt (variance + eps) * weight[c] + bias[c], then SiLU if asked for
 * Group norm: mean and variance over all pixels and a group's channels, of a frame or of all frames (a "set").
 * Layer norm: over the channels of one pixel.
 *
 * input, output: [frames, rows, channels], rows `stride` elements apart. Group norm sees channels first_channel ..
 * first_channel + source_channels - 1 of the norm's `channels` in one tensor: each input is one launch.
 * partials: [frames, blocks, 2, channels] fp32, mean and sum of squared differences of block_rows rows of one channel.
 * factors: [sets, 2, channels] fp32, mean and weight / sqrt (variance + eps).
 * Numerics: fp32. Sums run over differences from the first value, so that a large mean costs no digits, and blocks
 * are combined by Chan, Golub and LeVeque's formula, so that long clips cost none either.
 * The same kernels serve both forms: a vector is VEC channels, a work-group ITEMS work-items.
 */

/* Channels at a time: 16 where a work-item alone is a work-group, else 4. */
#ifndef VEC
#define VEC 16
#endif
/* Work-items that sum together: a power of two. */
#ifndef ITEMS
#define ITEMS 1
#endif
/* Storage: 0 = fp32, 1 = fp16. */
#ifndef SOURCE_HALF
#define SOURCE_HALF 0
#endif
#ifndef OUT_HALF
#define OUT_HALF 0
#endif

#include "input_norm.clh"

#if VEC == 16
#define LANES ((int16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#else
#define LANES ((int4) (0, 1, 2, 3))
#endif

/* The sum over a work-group, for all its work-items. */
float
group_sum (float v, __local float *shared)
{
#if ITEMS > 1
  const int item = get_local_id (0);

  shared[item] = v;
  for (int n = ITEMS / 2; n > 0; n /= 2) {
    barrier (CLK_LOCAL_MEM_FENCE);
    if (item < n)
      shared[item] += shared[item + n];
  }
  barrier (CLK_LOCAL_MEM_FENCE);
  v = shared[0];
  barrier (CLK_LOCAL_MEM_FENCE);
#endif
  return v;
}

float
vector_sum (floatv v)
{
#if VEC == 16
  const float8 eight = v.lo + v.hi;
  const float4 four = eight.lo + eight.hi;
#else
  const float4 four = v;
#endif
  return four.s0 + four.s1 + four.s2 + four.s3;
}

/* A work-item of group_norm_statistics and group_norm_apply takes SPAN vectors side by side, STEP rows of each in
 * turn. Where it is alone, that comes close to walking along the rows, which keeps the memory busy, while the
 * vectors' sums or factors stay in registers for some rows. */
#ifndef SPAN
#define SPAN 4
#endif
#define STEP 4

/* The place of such a work-item: `vectors` vectors of a block of rows. */
typedef struct
{
  int frame, block, channel, vectors, rows;
  ulong row;                    /* the first vector */
} Place;

Place
find_place (size_t item, int source_channels, int blocks, int block_rows, int rows)
{
  const int spans = (source_channels + SPAN * VEC - 1) / (SPAN * VEC);
  Place p;

  p.channel = item % spans * SPAN * VEC;
  p.vectors = SPAN == 1 ? 1 : min (SPAN, (source_channels - p.channel + VEC - 1) / VEC);
  p.block = item / spans % blocks;
  p.frame = item / spans / blocks;
  p.rows = min (block_rows, rows - p.block * block_rows);
  p.row = (ulong) p.frame * rows + p.block * block_rows;
  return p;
}

/* Adds `rows` rows of the n channels at `at`, less `first`, and their squares. */
void
add_rows (const __global void *source, ulong at, int stride, int rows, int n, floatv first, floatv *sum,
    floatv *squares)
{
  for (int i = 0; i < rows; i++) {
    const floatv x = load_vector (source, SOURCE_HALF, at + (ulong) i * stride, n) - first;
    *sum += x;
    *squares = fma (x, x, *squares);
  }
}

/* Work-item (frame, block, SPAN vectors), channels fastest. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
group_norm_statistics (const __global void *source, ulong offset, int stride, int source_channels, int first_channel,
    int frames, int rows, int block_rows, int blocks, int channels, __global float *partials, ulong partials_offset)
{
  const Place p = find_place (get_global_id (0), source_channels, blocks, block_rows, rows);
  const int n = source_channels - p.channel;
  const ulong at = offset + p.row * stride + p.channel;
  const ulong to = partials_offset + ((ulong) p.frame * blocks + p.block) * 2 * channels + first_channel + p.channel;
  floatv first[SPAN], sum[SPAN], squares[SPAN];

  if (p.frame >= frames)
    return;
  for (int j = 0; j < p.vectors; j++) {
    first[j] = load_vector (source, SOURCE_HALF, at + j * VEC, n - j * VEC);
    sum[j] = squares[j] = (floatv) 0.0f;
  }
  for (int i = 0; i < p.rows; i += STEP)
    for (int j = 0; j < p.vectors; j++)
      add_rows (source, at + (ulong) i * stride + j * VEC, stride, min (STEP, p.rows - i), n - j * VEC, first[j],
          &sum[j], &squares[j]);
  for (int j = 0; j < p.vectors; j++) {
    const floatv mean = sum[j] / p.rows;
    store_vector (partials, 0, to + j * VEC, n - j * VEC, first[j] + mean);
    store_vector (partials, 0, to + channels + j * VEC, n - j * VEC, fmax (squares[j] - sum[j] * mean, (floatv) 0.0f));
  }
}

/* Work-group (set, group): all partials of the group in set_frames frames. */
__kernel void
group_norm_factors (const __global float *partials, ulong partials_offset, const __global float *weight,
    __global float *factors, ulong factors_offset, int set_frames, int rows, int block_rows, int blocks, int channels,
    int groups, float eps)
{
  __local float shared[ITEMS];
  const int item = get_local_id (0);
  const int set = get_global_id (0) / ITEMS / groups, group = get_global_id (0) / ITEMS % groups;
  const int size = channels / groups;
  const int n = set_frames * blocks;
  const float total = (float) set_frames * rows * size;

  partials += partials_offset + (ulong) set * n * 2 * channels + group * size;
  const float first = partials[0];
  float sum = 0.0f;
  for (int b = item; b < n; b += ITEMS) {
    float block_sum = 0.0f;
    for (int c = 0; c < size; c++)
      block_sum += partials[(ulong) b * 2 * channels + c] - first;
    sum += block_sum * min (block_rows, rows - b % blocks * block_rows);
  }
  const float mean = first + group_sum (sum, shared) / total;

  float squares = 0.0f;
  for (int b = item; b < n; b += ITEMS) {
    const __global float *means = partials + (ulong) b * 2 * channels;
    float block_squares = 0.0f, differences = 0.0f;
    for (int c = 0; c < size; c++) {
      block_squares += means[channels + c];
      differences = fma (means[c] - mean, means[c] - mean, differences);
    }
    squares += fma (differences, (float) min (block_rows, rows - b % blocks * block_rows), block_squares);
  }
  const float inverse = 1.0f / sqrt (group_sum (squares, shared) / total + eps);

  factors += factors_offset + (ulong) set * 2 * channels;
  for (int c = group * size + item; c < (group + 1) * size; c += ITEMS) {
    factors[c] = mean;
    factors[channels + c] = weight[c] * inverse;
  }
}

/* `rows` rows of n channels: (source - mean) * scale + shift, then SiLU if asked for. */
void
scale_rows (const __global void *source, ulong at, int stride, int rows, int n, floatv mean, floatv scale,
    floatv shift, int silu, __global void *output, ulong to, int output_stride)
{
  for (int i = 0; i < rows; i++) {
    const floatv x = load_vector (source, SOURCE_HALF, at + (ulong) i * stride, n);
    store_vector (output, OUT_HALF, to + (ulong) i * output_stride, n, norm_vector (x, mean, scale, shift, silu));
  }
}

/* Work-items as in group_norm_statistics. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
group_norm_apply (const __global void *source, ulong offset, int stride, int source_channels, int first_channel,
    int frames, int rows, int block_rows, int blocks, int channels, const __global float *factors, ulong factors_offset,
    int set_frames, const __global float *bias, int silu, __global void *output, ulong output_offset, int output_stride)
{
  const Place p = find_place (get_global_id (0), source_channels, blocks, block_rows, rows);
  const int n = source_channels - p.channel, channel = first_channel + p.channel;
  const ulong at = offset + p.row * stride + p.channel;
  const ulong to = output_offset + p.row * output_stride + channel;
  floatv mean[SPAN], scale[SPAN], shift[SPAN];

  if (p.frame >= frames)
    return;
  factors += factors_offset + (ulong) (p.frame / set_frames) * 2 * channels;
  for (int j = 0; j < p.vectors; j++) {
    mean[j] = load_vector (factors, 0, channel + j * VEC, n - j * VEC);
    scale[j] = load_vector (factors, 0, channels + channel + j * VEC, n - j * VEC);
    shift[j] = load_vector (bias, 0, channel + j * VEC, n - j * VEC);
  }
  for (int i = 0; i < p.rows; i += STEP)
    for (int j = 0; j < p.vectors; j++)
      scale_rows (source, at + (ulong) i * stride + j * VEC, stride, min (STEP, p.rows - i), n - j * VEC, mean[j],
          scale[j], shift[j], silu, output, to + (ulong) i * output_stride + j * VEC, output_stride);
}

/* Work-group: block_rows rows, one after the other. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
layer_norm (const __global void *source, ulong offset, int stride, int channels, ulong rows, int block_rows,
    const __global float *weight, const __global float *bias, float eps, __global void *output, ulong output_offset,
    int output_stride)
{
  __local float shared[ITEMS];
  const ulong block = get_global_id (0) / ITEMS * (ulong) block_rows;
  const int first = get_local_id (0) * VEC;

  for (ulong row = block; row < min (block + block_rows, rows); row++) {
    const ulong at = offset + row * stride, to = output_offset + row * output_stride;
    floatv sum = (floatv) 0.0f, squares = (floatv) 0.0f;

    for (int c = first; c < channels; c += ITEMS * VEC)
      sum += load_vector (source, SOURCE_HALF, at + c, channels - c);
    const float mean = group_sum (vector_sum (sum), shared) / channels;
    for (int c = first; c < channels; c += ITEMS * VEC) {
      floatv x = load_vector (source, SOURCE_HALF, at + c, channels - c) - mean;
      if (channels - c < VEC)
        x = LANES < channels - c ? x : (floatv) 0.0f;
      squares = fma (x, x, squares);
    }
    const float inverse = 1.0f / sqrt (group_sum (vector_sum (squares), shared) / channels + eps);
    for (int c = first; c < channels; c += ITEMS * VEC) {
      const floatv x = (load_vector (source, SOURCE_HALF, at + c, channels - c) - mean) * inverse;
      store_vector (output, OUT_HALF, to + c, channels - c, fma (x, load_vector (weight, 0, c, channels - c),
              load_vector (bias, 0, c, channels - c)));
    }
  }
}
