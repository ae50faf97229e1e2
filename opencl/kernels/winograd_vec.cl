/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolution of stride 1 for CPU devices by Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308):
 *   Y = A' [sum over channels of (G g G') * (B' d B)] A
 * for tiles of 4 x 4 output pixels: 36 multiplications where direct sums take 144. Arguments as in gemm_vec.cl, but
 * channels are multiples of 16.
 *
 * A work-item alone is a work-group. It does strips of at most MAX_BLOCKS blocks of TILES tiles, one after the other,
 * and one in n_sets of the panels. First it transforms what the tiles see, then it multiplies panel by panel. Weights
 * come transformed, [n_panels][36][depth][32], or, where that is too much memory, as they are,
 * [n_panels][3][3][depth][32] in fp32 or [n_panels][3][3][depth / 2][32][2] in bf16: then it transforms two rows of
 * the 6 x 6 points of DEPTH channels at a time, which stay in the second-level cache while the strip passes by.
 * Products are fp32 in all cases.
 * scratch: slot_size numbers for each work-item: transformed inputs [6][n_blocks][6][depth / 16][TILES][16], in the
 * order in which they are read, then transformed weights [DEPTH][2][6][32], in the order in which they are written:
 * in both orders, caches fetch ahead.
 */

#define VEC 16
#define NR WIDE_PANEL
#define EPILOGUE_ROWS 4
#define lanes int16
#include "registers.clh"
#include "epilogue.clh"
#include "gather.clh"
#include "input_norm.clh"
#include "winograd.clh"

#define POINTS WINOGRAD_POINTS
#define DEPTH WINOGRAD_DEPTH
/* Channels and pixels of a row that are gathered at a time: what TILES tiles in a row see. */
#define STAGE_DEPTH 128
#define STAGE_WIDTH (4 * TILES + 2)

/* Strides of the transformed inputs, from a row of points, block or point to the next. */
typedef struct
{
  size_t row, block, point;
} Strides;

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

/* Copies `channels` channels, from number `first` of all inputs' on, of six rows of `columns` pixels from the
 * window's first pixel on, normalised where there is a norm, zeros outside the picture. */
void
gather_stage (float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16], const Gather *g, const InputNorm *norm, Pixels window,
    int columns, const __global float *source, int stride, int first, int channels)
{
  union
  {
    int i[16];
    int16 v;
  } at;

  for (int y = 0; y < 6; y++)
    for (int x0 = 0; x0 < columns; x0 += 16) {
      Pixels p = window;
      p.x += x0;
      at.v = gather_source (g, p, 0, y, 0);
      for (int x = x0; x < min (x0 + 16, columns); x++) {
        const int number = at.i[x - x0];
        const __global float *pixel = source + (size_t) number * stride;
        if (number < 0)
          for (int c = 0; c < channels / 16; c++)
            stage[y][x][c] = (float16) 0.0f;
        else if (norm->kind == INPUT_NORM_NONE)
          for (int c = 0; c < channels / 16; c++)
            stage[y][x][c] = load_floats (pixel + 16 * c);
        else
          for (int c = 0; c < channels / 16; c++)
            stage[y][x][c] = norm_input (norm, window.frame.s0, first + 16 * c, load_floats (pixel + 16 * c));
      }
    }
}

/* B' d B of the tile that begins in column x0 of the stage, for `channels` channels, without the points in row and
 * column `zero`. */
void
transform_tile (__global float *image, Strides strides, const float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16], int x0,
    int channels, int zero)
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
      if (y == zero)
        continue;
      transform_input (v, half_way[y]);
#pragma unroll
      for (int x = 0; x < 6; x++)
        if (x != zero)
          *(__global float16 *) (image + y * strides.row + x * strides.point) = v[x];
    }
  }
}

/* One source's channels, which are those from first_channel on of all, of n_tiles tiles from number `first` on. */
void
transform_source (__global float *image, Strides strides, const Gather *g, const InputNorm *norm, int zero, int first,
    int n_tiles, const __global float *source, int stride, int first_channel, int channels)
{
  const int across = (g->width + 3) / 4;
  float16 stage[6][STAGE_WIDTH][STAGE_DEPTH / 16];
  int n;

  for (int i = 0; i < n_tiles; i += n) {
    const Pixels window = gather_window (g, tile_pixels (g, first + i));
    n = min (min (TILES, n_tiles - i), across - (first + i) % across);
    for (int k = 0; k < channels; k += STAGE_DEPTH) {
      const int depth = min (STAGE_DEPTH, channels - k);
      gather_stage (stage, g, norm, window, 4 * n + 2, source + k, stride, first_channel + k, depth);
      for (int tile = i; tile < i + n; tile++)
        transform_tile (image + tile / TILES * strides.block + k * TILES + tile % TILES * 16, strides, stage,
            4 * (tile - i), depth, zero);
    }
  }
}

/* A pair of rows of G g G' of one channel and 16 columns, whose taps are g[y][x], without row and column `zero`. */
void
transform_kernel (__global float *weights, int pair, int zero, const float16 g[3][3])
{
  float16 half_way[2][3];

#pragma unroll
  for (int x = 0; x < 3; x++)
    transform_taps (pair, &half_way[0][x], &half_way[1][x], g[0][x], g[1][x], g[2][x]);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    float16 points[6];
    if (row_of_pair (pair, i) == zero)
      continue;
    transform_line (points, half_way[i]);
#pragma unroll
    for (int x = 0; x < 6; x++)
      if (x != zero)
        *(__global float16 *) (weights + (6 * i + x) * NR) = points[x];
  }
}

/* A pair of rows of G g G' of n channels, whose taps lie tap_size apart. */
void
transform_weights (__global float *weights, int pair, int zero, const __global float *panel, size_t tap_size, int n)
{
  for (int k = 0; k < n; k++, panel += NR, weights += 12 * NR)
#pragma unroll
    for (int i = 0; i < NR; i += 16) {
      float16 g[3][3];
#pragma unroll
      for (int tap = 0; tap < 9; tap++)
        g[tap / 3][tap % 3] = *(const __global float16 *) (panel + tap * tap_size + i);
      transform_kernel (weights + i, pair, zero, g);
    }
}

/* The same from panels in bf16, the upper halves of fp32: two channels in a word, n even. */
void
transform_bf16_weights (__global float *weights, int pair, int zero, const __global uint *panel, size_t tap_size,
    int n)
{
  for (int k = 0; k < n; k += 2, panel += NR, weights += 24 * NR)
#pragma unroll
    for (int i = 0; i < NR; i += 16) {
      float16 even[3][3], odd[3][3];
#pragma unroll
      for (int tap = 0; tap < 9; tap++) {
        const uint16 both = *(const __global uint16 *) (panel + tap * tap_size / 2 + i);
        even[tap / 3][tap % 3] = as_float16 (both << 16);
        odd[tap / 3][tap % 3] = as_float16 (both & 0xffff0000);
      }
      transform_kernel (weights + i, pair, zero, even);
      transform_kernel (weights + 12 * NR + i, pair, zero, odd);
    }
}

/* Row `y` of the points of all blocks, unless they are zero: weights of point x begin at x * weight_stride. */
void
multiply_row (float16 sums[MAX_BLOCKS][POINTS][TILES][2], int y, int zero, int n_blocks, const __global float *image,
    Strides strides, const __global float *weights, size_t weight_stride, int step, int n, int is_first)
{
  for (int block = 0; block < n_blocks; block++)
    for (int x = 0; x < 6; x++)
      if (y != zero && x != zero)
        multiply_block (sums[block][6 * y + x], image + block * strides.block + x * strides.point,
            weights + x * weight_stride, step, n, is_first);
}

/* Clears the sums that no product writes. */
void
clear_sums (float16 sums[MAX_BLOCKS][POINTS][TILES][2], int zero, int n_blocks)
{
  for (int block = 0; block < n_blocks; block++)
    for (int i = 0; i < 6; i++)
      for (int tile = 0; tile < TILES; tile++)
        for (int j = 0; j < 2; j++)
          sums[block][6 * zero + i][tile][j] = sums[block][6 * i + zero][tile][j] = (float16) 0.0f;
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

/* The outputs of n_tiles tiles from number `first` on. */
void
finish_strip (const Epilogue *e, const Gather *g, float16 sums[MAX_BLOCKS][POINTS][TILES][2], int first, int n_tiles,
    int column)
{
  for (int i = 0; i < n_tiles; i++) {
    const Pixels p = tile_pixels (g, first + i);
    const int top = p.y.s0, left = p.x.s0;
    float16 out[4][4][2];
    finish_tile (out, sums[i / TILES], i % TILES, 0);
    finish_tile (out, sums[i / TILES], i % TILES, 1);
    for (int y = 0; y < min (4, g->height - top); y++)
      epilogue_block (e, (p.frame.s0 * g->height + top + y) * g->width + left, g->width - left, column, out[y]);
  }
}

/* Work-item (set of panels, i): of the strips from first_strip to end_strip - 1 number i, i + n_items, ... The
 * points in row and column `zero` are zero for all tiles, as the host knows (opencl/ops/winograd.c); -1: none are. */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
winograd_vec (const __global float *source1, ulong offset1, int stride1, int channels1,
    const __global float *source2, ulong offset2, int stride2, int channels2, int zero,
    const __global float *panels, int form, int n_panels, int n_sets, int first_strip, int end_strip,
    int n_items, int n_blocks, __global float *scratch, ulong scratch_offset, ulong slot_size,
    INPUT_NORM_PARAMS, GATHER_PARAMS, EPILOGUE_PARAMS)
{
  const InputNorm norm = INPUT_NORM_INIT;
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int set = get_global_id (0), item = get_global_id (1);
  const int depth = channels1 + channels2;
  const int all_tiles = frames * ((height + 3) / 4) * ((width + 3) / 4);
  const size_t tap_size = (size_t) depth * NR, point_size = (size_t) depth * TILES;
  const Strides strides = { n_blocks * 6 * point_size, 6 * point_size, point_size };
  __global float *image = scratch + scratch_offset + (item * n_sets + set) * slot_size;
  __global float *weights = image + 6 * strides.row;
  float16 sums[MAX_BLOCKS][POINTS][TILES][2];

  if (zero >= 0)
    clear_sums (sums, zero, n_blocks);
  for (int strip = first_strip + item; strip < end_strip; strip += n_items) {
    const int first = strip * n_blocks * TILES, n_tiles = min (n_blocks * TILES, all_tiles - first);
    const int blocks = (n_tiles + TILES - 1) / TILES;

    transform_source (image, strides, &g, &norm, zero, first, n_tiles, source1 + offset1, stride1, 0, channels1);
    if (channels2 > 0)
      transform_source (image + channels1 * TILES, strides, &g, &norm, zero, first, n_tiles, source2 + offset2, stride2,
          channels1, channels2);
    for (int panel = set; panel < n_panels; panel += n_sets) {
      if (form == PANELS_TRANSFORMED)
        for (int y = 0; y < 6; y++)
          multiply_row (sums, y, zero, blocks, image + y * strides.row, strides,
              panels + (panel * POINTS + 6 * y) * tap_size, tap_size, NR, depth, 1);
      else
        for (int k = 0; k < depth; k += DEPTH)
          for (int pair = 0; pair < 3; pair++) {
            const size_t from = panel * 9 * tap_size + k * NR;
            const int n = min (DEPTH, depth - k);
            if (form == PANELS_BF16)
              transform_bf16_weights (weights, pair, zero, (const __global uint *) panels + from / 2, tap_size, n);
            else
              transform_weights (weights, pair, zero, panels + from, tap_size, n);
            for (int i = 0; i < 2; i++) {
              const int y = row_of_pair (pair, i);
              multiply_row (sums, y, zero, blocks, image + y * strides.row + k * TILES, strides, weights + i * 6 * NR, NR,
                  12 * NR, n, k == 0);
            }
          }
      finish_strip (&e, &g, sums, first, n_tiles, panel * NR);
    }
  }
}
