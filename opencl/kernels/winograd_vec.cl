/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolution of stride 1 for CPU devices by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308):
 *   Y = A' [sum over channels of (G g G') * (B' d B)] A
 * for tiles of 4 x 4 output pixels: 36 multiplications where the direct way takes 144. Arguments as in gemm_vec.cl, but
 *
 * direct_panels: as there, for the row of zeros `zeros` bytes from their start;
 * panels: [n_panels][36][channels1 + channels2][32], the transformed kernels G g G'; channels are multiples of 16.
 * A work-item alone is a work-group and does TILES tiles: their transformed inputs stay in private memory, in the
 * second-level cache, while the panels pass by.
 */

#define VEC 16
#define NR 32
#define EPILOGUE_ROWS 4
#define lanes int16
#include "registers.clh"
#include "epilogue.clh"
#include "gather.clh"
#include "winograd.clh"

#define POINTS 36
/* Bounds private memory to 432 KiB for the inputs; the host falls back to the direct way above it. */
#define MAX_CHANNELS 256

/* A tile's frame and top left output pixel, the lanes one column apart. */
Pixels
tile_pixels (const Gather *g, int tile)
{
  const int across = (g->width + 3) / 4, down = (g->height + 3) / 4;
  const int line = tile / across;
  const Pixels p = { line / down, line % down * 4,
    (tile - line * across) * 4 + (int16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) };
  return p;
}

/* B' d B of one tile and all channels of one source, to image[point][.][channel]. */
void
load_tile (float *image, size_t point_size, const Gather *g, Pixels window, const __global float *source, int stride,
    int channels, const __global float *zero_row)
{
  const __global float *pixels[6][6];
  union
  {
    int i[16];
    int16 v;
  } at;

  for (int y = 0; y < 6; y++) {
    at.v = gather_source (g, window, 0, y, 0);
    for (int x = 0; x < 6; x++)
      pixels[y][x] = at.i[x] < 0 ? zero_row : source + (size_t) at.i[x] * stride;
  }
  for (int c = 0; c < channels; c += 16) {
    float16 half_way[6][6];
    for (int x = 0; x < 6; x++) {
      float16 d[6], v[6];
      for (int y = 0; y < 6; y++)
        d[y] = vload16 (0, pixels[y][x] + c);
      transform_input (v, d);
      for (int y = 0; y < 6; y++)
        half_way[y][x] = v[y];
    }
    for (int y = 0; y < 6; y++) {
      float16 v[6];
      transform_input (v, half_way[y]);
      for (int x = 0; x < 6; x++)
        *(float16 *) (image + (6 * y + x) * point_size + c) = v[x];
    }
  }
}

/* A' m A of one tile and column vector i of its panel, to out[y][x][i]. */
void
finish_tile (float16 out[4][4][2], float16 sums[POINTS][TILES][2], int tile, int i)
{
  float16 half_way[4][6];

  for (int x = 0; x < 6; x++) {
    float16 m[6], v[4];
    for (int y = 0; y < 6; y++)
      m[y] = sums[6 * y + x][tile][i];
    transform_output (v, m);
    for (int y = 0; y < 4; y++)
      half_way[y][x] = v[y];
  }
  for (int y = 0; y < 4; y++) {
    float16 v[4];
    transform_output (v, half_way[y]);
    for (int x = 0; x < 4; x++)
      out[y][x][i] = v[x];
  }
}

/* Work-item i does tiles TILES * i and following, all panels. */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
winograd_vec (const __global float *source1, ulong offset1, int stride1, int channels1,
    const __global float *source2, ulong offset2, int stride2, int channels2,
    const __global float *panels, const __global uchar *direct_panels, ulong zeros, int n_panels,
    GATHER_PARAMS, EPILOGUE_PARAMS)
{
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int depth = channels1 + channels2;
  const __global float *zero_row = (const __global float *) (direct_panels + zeros);
  const int n_tiles = frames * ((height + 3) / 4) * ((width + 3) / 4);
  const int first = (int) get_global_id (0) * TILES;
  float16 image[POINTS * TILES * MAX_CHANNELS / 16];
  float16 sums[POINTS][TILES][2];

  if (first >= n_tiles)
    return;
  for (int i = 0; i < TILES; i++) {
    const Pixels p = gather_window (&g, tile_pixels (&g, min (first + i, n_tiles - 1)));
    float *to = (float *) image + i * depth;
    load_tile (to, TILES * depth, &g, p, source1 + offset1, stride1, channels1, zero_row);
    if (channels2 > 0)
      load_tile (to + channels1, TILES * depth, &g, p, source2 + offset2, stride2, channels2, zero_row);
  }
  for (int panel = 0; panel < n_panels; panel++) {
    for (int point = 0; point < POINTS; point++)
      multiply_point (sums[point], (const float *) image + point * TILES * depth, depth,
          panels + ((size_t) panel * POINTS + point) * depth * NR);
    for (int i = 0; i < min (TILES, n_tiles - first); i++) {
      const Pixels p = tile_pixels (&g, first + i);
      const int top = p.y.s0, left = p.x.s0;
      float16 out[4][4][2];
      finish_tile (out, sums, i, 0);
      finish_tile (out, sums, i, 1);
      for (int y = 0; y < min (4, height - top); y++)
        epilogue_block (&e, (p.frame.s0 * height + top + y) * width + left, width - left, panel * NR, out[y]);
    }
  }
}
