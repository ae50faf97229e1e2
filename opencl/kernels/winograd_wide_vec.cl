/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolution of stride 1 for CPU devices by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308), for
 * layers of many channels: the weights stay as gemm_vec.cl has them, [n_panels][3][3][depth][32], and are transformed on
 * the way, since transformed ones take four times the memory. Arguments as in gemm_vec.cl, but channels are multiples of
 * 16.
 *
 * A work-item alone is a work-group. It does strips of at most MAX_BLOCKS blocks of TILES tiles, one after the other, and
 * of the panels one in n_sets. First it transforms what the tiles see; then, panel by panel, DEPTH channels of a row of
 * the 6 x 6 points at a time, it transforms weights, which stay in the second-level cache while the strip passes by.
 * scratch: slot_size numbers for each work-item: transformed inputs [6][n_blocks][6][depth / 16][TILES][16].
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
#define MAX_BLOCKS 8
/* Channels whose weights are transformed at a time. */
#define DEPTH 256
/* Channels and pixels of a row that are gathered at a time: those of TILES tiles. */
#define STAGE_DEPTH 128
#define STAGE_WIDTH (4 * TILES + 2)

typedef union
{
  int i[16];
  int16 v;
} Int16;

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

/* Copies `channels` channels of six rows of `columns` pixels, from the window's first pixel on, zeros outside the
 * picture. */
void
gather_stage (float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16], const Gather *g, Pixels window, int columns,
    const __global float *source, int stride, int channels)
{
  for (int y = 0; y < 6; y++)
    for (int x0 = 0; x0 < columns; x0 += 16) {
      Pixels p = window;
      Int16 at;
      p.x += x0;
      at.v = gather_source (g, p, 0, y, 0);
      for (int x = x0; x < min (x0 + 16, columns); x++) {
        const __global float *from = source + (size_t) at.i[x - x0] * stride;
        if (at.i[x - x0] < 0)
          for (int c = 0; c < channels / 16; c++)
            stage[y][x][c] = (float16) 0.0f;
        else
          for (int c = 0; c < channels / 16; c++)
            stage[y][x][c] = vload16 (c, from);
      }
    }
}

/* B' d B of the tile at column x0 of the stage, to image[y][.][x][c][.][channel]. */
void
transform_tile (__global float *image, size_t row_size, size_t point_size,
    const float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16], int x0, int channels)
{
  for (int c = 0; c < channels / 16; c++, image += 16 * TILES) {
    float16 half_way[6][6];
#pragma unroll
    for (int x = 0; x < 6; x++) {
      float16 d[6], v[6];
#pragma unroll
      for (int y = 0; y < 6; y++)
        d[y] = stage[y][x0 + x][c];
      transform_input (v, d);
#pragma unroll
      for (int y = 0; y < 6; y++)
        half_way[y][x] = v[y];
    }
#pragma unroll
    for (int y = 0; y < 6; y++) {
      float16 v[6];
      transform_input (v, half_way[y]);
#pragma unroll
      for (int x = 0; x < 6; x++)
        *(__global float16 *) (image + y * row_size + x * point_size) = v[x];
    }
  }
}

/* One source's channels of n_tiles tiles from number `first` on, to the image's channels from `image` on. */
void
transform_source (__global float *image, size_t row_size, size_t block_size, size_t point_size, const Gather *g,
    int first, int n_tiles, const __global float *source, int stride, int channels)
{
  float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16];
  const int across = (g->width + 3) / 4;
  int n;

  for (int i = 0; i < n_tiles; i += n) {
    const Pixels window = gather_window (g, tile_pixels (g, first + i));
    n = min (min (TILES, n_tiles - i), across - (first + i) % across);
    for (int k = 0; k < channels; k += STAGE_DEPTH) {
      const int depth = min (STAGE_DEPTH, channels - k);
      gather_stage (stage, g, window, 4 * n + 2, source + k, stride, depth);
      for (int tile = i; tile < i + n; tile++)
        transform_tile (image + tile / TILES * block_size + (k * TILES + tile % TILES * 16), row_size, point_size, stage,
            4 * (tile - i), depth);
    }
  }
}

/* Row `y` of G. */
float16
transform_column (int y, float16 g0, float16 g1, float16 g2)
{
  switch (y) {
    case 0:
      return 0.25f * g0;
    case 1:
      return (g0 + g1 + g2) * (-1.0f / 6);
    case 2:
      return (g0 - g1 + g2) * (-1.0f / 6);
    case 3:
      return fma ((float16) 0.25f, g0, fma ((float16) 0.5f, g1, g2)) * (1.0f / 6);
    case 4:
      return fma ((float16) 0.25f, g0, fma ((float16) -0.5f, g1, g2)) * (1.0f / 6);
    default:
      return g2;
  }
}

/* Row `y` of G g G' of n channels of a panel, whose taps lie tap_size apart. */
void
transform_weights (float16 weights[6][DEPTH][2], int y, const __global float *panel, size_t tap_size, int n)
{
  for (int k = 0; k < n; k++)
#pragma unroll
    for (int i = 0; i < 2; i++) {
      const __global float *from = panel + k * NR + i * 16;
      float16 g[3];
#pragma unroll
      for (int x = 0; x < 3; x++)
        g[x] = transform_column (y, *(const __global float16 *) (from + x * tap_size),
            *(const __global float16 *) (from + (3 + x) * tap_size),
            *(const __global float16 *) (from + (6 + x) * tap_size));
#pragma unroll
      for (int x = 0; x < 6; x++)
        weights[x][k][i] = transform_column (x, g[0], g[1], g[2]);
    }
}

#define ADD_CHANNEL_(r) MULTIPLY_ADD (r, image[r * 16 + j])
#define LOAD_SUM(r) \
    sum##r = sums[r][0]; \
    next##r = sums[r][1];

/* Adds the products of a block of tiles and n channels at one point, or, the first time, sets them. */
void
multiply_block (float16 sums[TILES][2], const __global float *image, const float16 *weights, int n, int is_first)
{
  EACH_ROW (DECLARE_SUM)
  if (!is_first) {
    EACH_ROW (LOAD_SUM)
  }
  for (int k = 0; k < n; k += 16, image += 16 * TILES)
    for (int j = 0; j < 16; j++, weights += 2) {
      const float16 w0 = weights[0], w1 = weights[1];
      EACH_ROW (ADD_CHANNEL_)
    }
  EACH_ROW (SAVE_SUM)
}

/* A' m A of one tile and column vector i of its panel, to out[y][x][i]. */
void
finish_tile (float16 out[4][4][2], float16 sums[POINTS][TILES][2], int tile, int i)
{
  float16 half_way[4][6];

#pragma unroll
  for (int x = 0; x < 6; x++) {
    float16 m[6], v[4];
#pragma unroll
    for (int y = 0; y < 6; y++)
      m[y] = sums[6 * y + x][tile][i];
    transform_output (v, m);
#pragma unroll
    for (int y = 0; y < 4; y++)
      half_way[y][x] = v[y];
  }
#pragma unroll
  for (int y = 0; y < 4; y++) {
    float16 v[4];
    transform_output (v, half_way[y]);
#pragma unroll
    for (int x = 0; x < 4; x++)
      out[y][x][i] = v[x];
  }
}

/* Work-item (set of panels, i): strips i, i + get_global_size (1), ... of those from first_strip to end_strip - 1. */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
winograd_wide_vec (const __global float *source1, ulong offset1, int stride1, int channels1,
    const __global float *source2, ulong offset2, int stride2, int channels2,
    const __global float *panels, int n_panels, int n_sets, int first_strip, int end_strip,
    int strip_step, int n_blocks, __global float *scratch, ulong scratch_offset, ulong slot_size,
    GATHER_PARAMS, EPILOGUE_PARAMS)
{
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int set = get_global_id (0), item = get_global_id (1);
  const int depth = channels1 + channels2;
  const int all_tiles = frames * ((height + 3) / 4) * ((width + 3) / 4);
  const size_t point_size = (size_t) TILES * depth, block_size = 6 * point_size, row_size = n_blocks * block_size;
  const size_t tap_size = (size_t) depth * NR;
  __global float *image = scratch + scratch_offset + (item * n_sets + set) * slot_size;
  float16 weights[6][DEPTH][2];
  float16 sums[MAX_BLOCKS][POINTS][TILES][2];

  if (set >= n_sets)
    return;
  for (int strip = first_strip + item; strip < end_strip; strip += strip_step) {
    const int first = strip * n_blocks * TILES, n_tiles = min (n_blocks * TILES, all_tiles - first);
    transform_source (image, row_size, block_size, point_size, &g, first, n_tiles, source1 + offset1, stride1, channels1);
    if (channels2 > 0)
      transform_source (image + channels1 * TILES, row_size, block_size, point_size, &g, first, n_tiles,
          source2 + offset2, stride2, channels2);
    for (int panel = set; panel < n_panels; panel += n_sets) {
      for (int k = 0; k < depth; k += DEPTH) {
        const int n = min (DEPTH, depth - k);
        for (int y = 0; y < 6; y++) {
          transform_weights (weights, y, panels + panel * 9 * tap_size + k * NR, tap_size, n);
          for (int block = 0; block * TILES < n_tiles; block++)
            for (int x = 0; x < 6; x++)
              multiply_block (sums[block][6 * y + x], image + y * row_size + block * block_size + x * point_size
                  + k * TILES, weights[x][0], n, k == 0);
        }
      }
      for (int i = 0; i < n_tiles; i++) {
        const Pixels p = tile_pixels (&g, first + i);
        const int top = p.y.s0, left = p.x.s0;
        float16 out[4][4][2];
        finish_tile (out, sums[i / TILES], i % TILES, 0);
        finish_tile (out, sums[i / TILES], i % TILES, 1);
        for (int y = 0; y < min (4, height - top); y++)
          epilogue_block (&e, (p.frame.s0 * height + top + y) * width + left, width - left, panel * NR, out[y]);
      }
    }
  }
}
