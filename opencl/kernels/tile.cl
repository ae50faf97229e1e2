/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Rectangles of a field [frames, field_height, field_width, channels], tensors [frames, height, width, channels] that
 * begin at its row y0, column x0:
 *   field[f][y0 + y][x0 + x][c] += rows[y] * columns[x] * in[f][y][x][c]
 *
 * Pixels lie `stride` elements apart; `in` is fp32 or fp16 by a run-time flag, all else fp32. One work-item per
 * pixel: fields have few channels, and memory limits the speed. The host keeps rectangles inside their fields.
 */

#define VEC 4
#include "vector.clh"

float
load_element (const __global void *base, int is_half, ulong index)
{
  return is_half ? vload_half (index, (const __global half *) base) : ((const __global float *) base)[index];
}

/* Work-item (x, y, frame) of the rectangle. The field is fp32. Weight 1 on a field of 0 leaves every bit as it is. */
__kernel void
tile_add (const __global void *in, ulong in_offset, int in_stride, int in_half, const __global float *rows,
    ulong rows_offset, const __global float *columns, ulong columns_offset, int y0, int x0, __global float *field,
    ulong field_offset, int field_stride, int field_height, int field_width, int height, int width, int channels)
{
  const int x = get_global_id (0), y = get_global_id (1), f = get_global_id (2);

  if (x >= width || y >= height)
    return;
  const float weight = rows[rows_offset + y] * columns[columns_offset + x];
  in_offset += (((ulong) f * height + y) * width + x) * in_stride;
  field += field_offset + (((ulong) f * field_height + y0 + y) * field_width + x0 + x) * field_stride;
  for (int c = 0; c < channels; c++)
    field[c] = fma (weight, load_element (in, in_half, in_offset + c), field[c]);
}
