/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Elementwise operations on tensors, and the guidance rescale's two standard deviations:
 *   combine        out = clamp (scale0 in0 + scale1 in1 + ..)
 *   activate       out = activation (in)
 *   add_frame_bias out[f][p][c] = in[f][p][c] + bias[f][c]
 *   moments        partials[item] = count, mean and sum of squared differences of the item's elements
 *   rescale_factor factor = w * std (text) / std (guided) + 1 - w
 *   rescale        out = factor * in
 *   find_not_finite found = 1 if an element is not finite
 *   embed          out[i] = table[ids[i]] + positions[i]
 *   sinusoid       out[i] = cos (value * frequency), then sin
 *
 * Tensors are [rows, channels], `stride` elements from row to row, fp32 or fp16 by run-time flags: memory limits the
 * speed, and compiling a program for each combination would cost more time than the branches. The host makes one row
 * of tensors without gaps. A work-item takes `per_item` blocks of VEC channels, one after another.
 */

/* Channels at a time: 16 where a work-item alone is a work-group, else 4. */
#ifndef VEC
#define VEC 16
#endif
#include "vector.clh"


/* The VEC channels of one block, of which n exist. */
typedef struct
{
  int row, channel, n;
} Block;

Block
find_block (int block, int channels)
{
  const int per_row = (channels + VEC - 1) / VEC;
  Block b;

  b.row = block / per_row;
  b.channel = (block - b.row * per_row) * VEC;
  b.n = channels - b.channel;
  return b;
}

floatv
load_block (const __global void *in, int is_half, ulong offset, int stride, Block b)
{
  return load_vector (in, is_half, offset + (ulong) b.row * stride + b.channel, b.n);
}

void
store_block (__global void *out, int is_half, ulong offset, int stride, Block b, floatv v)
{
  store_vector (out, is_half, offset + (ulong) b.row * stride + b.channel, b.n, v);
}

#define TENSOR(name) const __global void *name, ulong name##_offset, int name##_stride, int name##_half
#define OUT_TENSOR __global void *out, ulong out_offset, int out_stride, int out_half
#define GRID int channels, int blocks, int per_item

/* The range of blocks of this work-item. */
#define FIRST_BLOCK ((int) get_global_id (0) * per_item)
#define END_BLOCK min (FIRST_BLOCK + per_item, blocks)

/* n inputs, each with its scale; limit 0 = none. fma, so that every device rounds alike. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
combine (int n, TENSOR (in0), float scale0, TENSOR (in1), float scale1, TENSOR (in2), float scale2,
    TENSOR (in3), float scale3, TENSOR (in4), float scale4, float limit, OUT_TENSOR, GRID)
{
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    floatv sum = scale0 * load_block (in0, in0_half, in0_offset, in0_stride, b);
    if (n > 1)
      sum = fma ((floatv) scale1, load_block (in1, in1_half, in1_offset, in1_stride, b), sum);
    if (n > 2)
      sum = fma ((floatv) scale2, load_block (in2, in2_half, in2_offset, in2_stride, b), sum);
    if (n > 3)
      sum = fma ((floatv) scale3, load_block (in3, in3_half, in3_offset, in3_stride, b), sum);
    if (n > 4)
      sum = fma ((floatv) scale4, load_block (in4, in4_half, in4_offset, in4_stride, b), sum);
    /* clamp () may turn NaN into a number, which would hide a fault. */
    if (limit > 0.0f) {
      sum = sum < -limit ? (floatv) -limit : sum;
      sum = sum > limit ? (floatv) limit : sum;
    }
    store_block (out, out_half, out_offset, out_stride, b, sum);
  }
}

/* out = activation (in). */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
activate (int activation, TENSOR (in), OUT_TENSOR, GRID)
{
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    store_block (out, out_half, out_offset, out_stride, b,
        vector_activate (activation, load_block (in, in_half, in_offset, in_stride, b)));
  }
}

/* bias: one row per frame of frame_rows rows; stride 0 = the same for all frames. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
add_frame_bias (TENSOR (in), TENSOR (bias), int frame_rows, OUT_TENSOR, GRID)
{
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    Block of_frame = b;
    of_frame.row = b.row / frame_rows;
    store_block (out, out_half, out_offset, out_stride, b,
        load_block (in, in_half, in_offset, in_stride, b)
        + load_block (bias, bias_half, bias_offset, bias_stride, of_frame));
  }
}

/* partials: [items][3] fp32. */
__kernel void
moments (TENSOR (in), __global float *partials, ulong partials_offset, GRID)
{
  const int item = get_global_id (0);
  float count = 0.0f, sum = 0.0f, squares = 0.0f, mean;
  union
  {
    float f[VEC];
    floatv v;
  } u;

  if (FIRST_BLOCK >= blocks)
    return;
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    u.v = load_block (in, in_half, in_offset, in_stride, b);
    for (int k = 0; k < min (b.n, VEC); k++)
      sum += u.f[k];
    count += min (b.n, VEC);
  }
  mean = sum / count;
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    u.v = load_block (in, in_half, in_offset, in_stride, b) - mean;
    for (int k = 0; k < min (b.n, VEC); k++)
      squares += u.f[k] * u.f[k];
  }
  partials += partials_offset + (ulong) item * 3;
  partials[0] = count;
  partials[1] = mean;
  partials[2] = squares;
}

/* Unbiased, by Chan, Golub and LeVeque's formula. */
float
deviation (const __global float *partials, int n)
{
  float count = partials[0], mean = partials[1], squares = partials[2];

  for (int i = 1; i < n; i++) {
    const float more = partials[3 * i], difference = partials[3 * i + 1] - mean;
    const float total = count + more;
    mean += difference * more / total;
    squares += partials[3 * i + 2] + difference * difference * (count * more / total);
    count = total;
  }
  return sqrt (squares / (count - 1.0f));
}

/* partials: [n][3] of the text's prediction, then of the guided one. One work-item. */
__kernel void
rescale_factor (const __global float *partials, ulong partials_offset, int n, float w, __global float *factor,
    ulong factor_offset)
{
  const float text = deviation (partials + partials_offset, n);
  const float guided = deviation (partials + partials_offset + 3 * n, n);

  if (get_global_id (0) == 0)
    factor[factor_offset] = w * (text / guided) + (1.0f - w);
}

/* out = factor[0] * in; the factor is rescale_factor's. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
rescale (const __global float *factor, ulong factor_offset, TENSOR (in), OUT_TENSOR, GRID)
{
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    store_block (out, out_half, out_offset, out_stride, b,
        factor[factor_offset] * load_block (in, in_half, in_offset, in_stride, b));
  }
}

/* found: one number, 0 before. Infinities and NaN are found by their exponent bits, since compilers may
 * optimise comparisons away. */
__kernel void
find_not_finite (TENSOR (in), __global int *found, ulong found_offset, GRID)
{
  const intv exponent = (intv) 0x7f800000;
  intv hits = (intv) 0;

  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    hits |= (as_intv (load_block (in, in_half, in_offset, in_stride, b)) & exponent) == exponent;
  }
  if (any (hits))
    atomic_or (found + found_offset, 1);
}

/* ids: [rows]; table: [.., channels] fp32; positions: [rows, channels] fp32 or NULL. */
__attribute__ ((vec_type_hint (floatv)))
__kernel void
embed (const __global uint *ids, ulong ids_offset, const __global float *table, const __global float *positions,
    int has_positions, OUT_TENSOR, GRID)
{
  for (int i = FIRST_BLOCK; i < END_BLOCK; i++) {
    const Block b = find_block (i, channels);
    floatv v = load_vector (table, 0, (ulong) ids[ids_offset + b.row] * channels + b.channel, b.n);
    if (has_positions)
      v += load_vector (positions, 0, (ulong) b.row * channels + b.channel, b.n);
    store_block (out, out_half, out_offset, out_stride, b, v);
  }
}

/* out: rows of 2 * half_dim channels, all alike. frequency i = 10000^(-i / half_dim). Work-item (i, row). */
__kernel void
sinusoid (float value, int half_dim, int rows, __global float *out, ulong out_offset, int out_stride)
{
  const int i = get_global_id (0), row = get_global_id (1);

  if (i >= half_dim || row >= rows)
    return;
  const float angle = value * exp (-9.21034037f * i / half_dim);
  out += out_offset + (ulong) row * out_stride;
  out[i] = cos (angle);
  out[half_dim + i] = sin (angle);
}
