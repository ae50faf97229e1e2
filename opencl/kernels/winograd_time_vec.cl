/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Temporal convolution (3, 1, 1) for CPU devices by Winograd's F(4, 3) along the frames:
 *   y = A' [sum over channels of (G g) * (B' d)]
 * for four frames of a pixel at a time: 6 multiplications where the direct way takes 12.
 *
 * source: [frames * frame_rows][stride], `depth` of its channels, a multiple of 16.
 * panels: [n_panels][6][depth][32], the transformed kernels G g; `zeros` bytes from the start of direct_panels a row of
 * zeros. A work-item alone is a work-group and does four frames of TILES pixels: their transformed inputs stay in
 * private memory while the panels pass by.
 */

#define VEC 16
#define NR 32
#define EPILOGUE_ROWS ROWS
#include "registers.clh"
#include "epilogue.clh"
#include "winograd.clh"

#define POINTS 6
/* Bounds private memory to 72 KiB for the inputs; the host falls back to the direct way above it. */
#define MAX_CHANNELS 256

/* B' d of one pixel in frames first - 1 .. first + 4, to image[point][.][channel]. */
void
load_pixel (float *image, size_t point_size, const __global float *source, int stride, int depth, int frames,
    int frame_rows, int first, int pixel, const __global float *zero_row)
{
  const __global float *rows[6];

  for (int t = 0; t < 6; t++) {
    const int frame = first + t - 1;
    rows[t] = frame < 0 || frame >= frames ? zero_row : source + ((size_t) frame * frame_rows + pixel) * stride;
  }
  for (int c = 0; c < depth; c += 16) {
    float16 d[6], v[6];
    for (int t = 0; t < 6; t++)
      d[t] = vload16 (0, rows[t] + c);
    transform_input (v, d);
    for (int t = 0; t < 6; t++)
      *(float16 *) (image + t * point_size + c) = v[t];
  }
}

/* Work-item i does TILES pixels, number i / ((frames + 3) / 4), in four frames, number i % ((frames + 3) / 4), so that
 * neighbours read the same frames; all panels. */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
winograd_time_vec (const __global float *source, ulong offset, int stride, int depth, const __global float *panels,
    const __global uchar *direct_panels, ulong zeros, int n_panels, int frames, EPILOGUE_PARAMS)
{
  const Epilogue e = EPILOGUE_INIT;
  const __global float *zero_row = (const __global float *) (direct_panels + zeros);
  const int n_quads = (frames + 3) / 4;
  const int first = (int) get_global_id (0) % n_quads * 4;
  const int pixel = (int) get_global_id (0) / n_quads * TILES;
  float16 image[POINTS * TILES * MAX_CHANNELS / 16];

  if (pixel >= frame_rows)
    return;
  for (int i = 0; i < TILES; i++)
    load_pixel ((float *) image + i * depth, TILES * depth, source + offset, stride, depth, frames, frame_rows, first,
        min (pixel + i, frame_rows - 1), zero_row);
  for (int panel = 0; panel < n_panels; panel++) {
    float16 sums[POINTS][TILES][2], out[4][TILES][2];
    for (int point = 0; point < POINTS; point++)
      multiply_point (sums[point], (const float *) image + point * TILES * depth, depth,
          panels + ((size_t) panel * POINTS + point) * depth * NR);
    for (int i = 0; i < TILES; i++)
      for (int j = 0; j < 2; j++) {
        float16 m[POINTS], y[4];
        for (int point = 0; point < POINTS; point++)
          m[point] = sums[point][i][j];
        transform_output (y, m);
        for (int t = 0; t < 4; t++)
          out[t][i][j] = y[t];
      }
    for (int t = 0; t < min (4, frames - first); t++)
      epilogue_block (&e, (first + t) * frame_rows + pixel, min (TILES, frame_rows - pixel), panel * NR, out[t]);
  }
}
