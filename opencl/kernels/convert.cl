/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between host layouts and channels-last tensors:
 *   from_planar out[f][p][c] = planar[f][c][p], to_planar the inverse
 *   to_rgb8     rgb[f][y][x][c] = round (255 * clamp (in[f][y][x][c] / 2 + 0.5, 0, 1)), cropped top-left
 *   from_rgb8   out[f][y][x][c] = 2 * rgb[f][y][x][c] / 255 - 1, edges repeated
 *
 * Tensors are [frames, pixels, channels], `stride` elements from pixel to pixel, planar data [frames, channels,
 * pixels]; each fp32 or fp16 by a run-time flag. One work-item per pixel: (pixel, frame), or (x, y, frame) for RGB.
 */

#define VEC 4
#include "vector.clh"

float
load_element (const __global void *base, int is_half, ulong index)
{
  return is_half ? vload_half (index, (const __global half *) base) : ((const __global float *) base)[index];
}

/* Planar [frames][channels][pixels] -> channels-last. One work-item per pixel of a frame. */
__kernel void
from_planar (const __global void *planar, ulong planar_offset, int planar_half, __global void *out, ulong out_offset,
    int out_stride, int out_half, int channels, int pixels)
{
  const int p = get_global_id (0), f = get_global_id (1);

  if (p >= pixels)
    return;
  planar_offset += (ulong) f * channels * pixels + p;
  out_offset += ((ulong) f * pixels + p) * out_stride;
  for (int c = 0; c < channels; c++)
    store_element (out, out_half, out_offset + c,
        load_element (planar, planar_half, planar_offset + (ulong) c * pixels));
}

/* Channels-last -> planar [frames][channels][pixels]. One work-item per pixel of a frame. */
__kernel void
to_planar (const __global void *in, ulong in_offset, int in_stride, int in_half, __global void *planar,
    ulong planar_offset, int planar_half, int channels, int pixels)
{
  const int p = get_global_id (0), f = get_global_id (1);

  if (p >= pixels)
    return;
  planar_offset += (ulong) f * channels * pixels + p;
  in_offset += ((ulong) f * pixels + p) * in_stride;
  for (int c = 0; c < channels; c++)
    store_element (planar, planar_half, planar_offset + (ulong) c * pixels, load_element (in, in_half, in_offset + c));
}

/* in: [frames, in_height, in_width, 3]; rgb: [frames, height, width, 3], rgb_offset in bytes. NaN becomes 0. */
__kernel void
to_rgb8 (const __global void *in, ulong in_offset, int in_stride, int in_half, int in_height, int in_width,
    __global uchar *rgb, ulong rgb_offset, int height, int width)
{
  const int x = get_global_id (0), y = get_global_id (1), f = get_global_id (2);

  if (x >= width || y >= height)
    return;
  in_offset += (((ulong) f * in_height + y) * in_width + x) * in_stride;
  rgb += rgb_offset + (((ulong) f * height + y) * width + x) * 3;
  for (int c = 0; c < 3; c++) {
    const float v = load_element (in, in_half, in_offset + c) * 0.5f + 0.5f;
    rgb[c] = convert_uchar_sat_rte (255.0f * fmin (fmax (v, 0.0f), 1.0f));
  }
}

/* 8-bit RGB -> [-1, 1], edges repeated to fill the tensor. One work-item per pixel of a frame. */
__kernel void
from_rgb8 (const __global uchar *rgb, ulong rgb_offset, int height, int width, __global void *out, ulong out_offset,
    int out_stride, int out_half, int out_height, int out_width)
{
  const int x = get_global_id (0), y = get_global_id (1), f = get_global_id (2);

  if (x >= out_width || y >= out_height)
    return;
  rgb += rgb_offset + (((ulong) f * height + min (y, height - 1)) * width + min (x, width - 1)) * 3;
  out_offset += (((ulong) f * out_height + y) * out_width + x) * out_stride;
  for (int c = 0; c < 3; c++)
    store_element (out, out_half, out_offset + c, rgb[c] / 255.0f * 2.0f - 1.0f);
}
