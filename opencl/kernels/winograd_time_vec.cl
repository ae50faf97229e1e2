/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Temporal convolution (3, 1, 1) for CPU devices by Winograd's F(4, 3) along the frames:
 *   y = A' [sum over channels of (G g) * (B' d)]
 * for four frames of a pixel at a time: 6 multiplications where direct sums take 12. Arguments, strips, panels and
 * scratch as in winograd_vec.cl, but there is one source and no `zero`, a block is TILES pixels in four frames, and
 * there are 6 points: weights come transformed, [n_panels][6][depth][32], or as they are, [n_panels][3][depth][32],
 * when DEPTH channels at a time are transformed as they are needed.
 * scratch: transformed inputs [n_blocks][6][depth / 16][TILES][16], then transformed weights [DEPTH][6][32].
 */

#define VEC 16
#define NR WIDE_PANEL
#define EPILOGUE_ROWS ROWS
#define lanes int16
#include "registers.clh"
#include "epilogue.clh"
#include "gather.clh"
#include "input_norm.clh"
#include "winograd.clh"

#define POINTS WINOGRAD_TIME_POINTS
#define DEPTH WINOGRAD_TIME_DEPTH

/* A block's first frame and pixel. */
typedef struct
{
  int frame, pixel;
} Place;

/* Blocks of the same pixels follow each other. */
Place
find_block (const Gather *g, int block)
{
  const int n_quads = (g->frames + 3) / 4;
  const Place place = { block % n_quads * 4, block / n_quads * TILES };
  return place;
}

/* B' d of one pixel in frames first - 1 .. first + 4, normalised where there is a norm, zeros outside the clip, to
 * image[point][channel / 16][.][16]. */
void
load_pixel (__global float *image, size_t point_size, const Gather *g, const InputNorm *norm, int first, int pixel,
    const __global float *source, int stride, int depth)
{
  const int frame_rows = g->height * g->width;

  for (int c = 0; c < depth; c += 16, image += 16 * TILES) {
    float16 d[6], v[6];
#pragma unroll
    for (int t = 0; t < 6; t++) {
      const int frame = first + t - 1;
      const int is_outside = frame < 0 || frame >= g->frames;
      d[t] = is_outside ? (float16) 0.0f : load_floats (source + ((size_t) frame * frame_rows + pixel) * stride + c);
      if (!is_outside && norm->kind != INPUT_NORM_NONE)
        d[t] = norm_input (norm, frame, c, d[t]);
    }
    transform_input (v, d);
#pragma unroll
    for (int t = 0; t < 6; t++)
      *(__global float16 *) (image + t * point_size) = v[t];
  }
}

/* G g of n channels, whose taps lie tap_size apart. */
void
transform_weights (__global float *weights, const __global float *panel, size_t tap_size, int n)
{
  for (int k = 0; k < n; k++, panel += NR, weights += POINTS * NR)
#pragma unroll
    for (int i = 0; i < NR; i += 16) {
      float16 g[3], points[POINTS];
#pragma unroll
      for (int tap = 0; tap < 3; tap++)
        g[tap] = *(const __global float16 *) (panel + tap * tap_size + i);
      transform_line (points, g);
#pragma unroll
      for (int point = 0; point < POINTS; point++)
        *(__global float16 *) (weights + point * NR + i) = points[point];
    }
}

/* All points of all blocks: weights of a point begin at point * weight_stride. */
void
multiply_blocks (float16 sums[MAX_BLOCKS][POINTS][TILES][2], int n_blocks, const __global float *image,
    size_t point_size, const __global float *weights, size_t weight_stride, int step, int n, int is_first)
{
  for (int block = 0; block < n_blocks; block++)
    for (int point = 0; point < POINTS; point++)
      multiply_block (sums[block][point], image + (block * POINTS + point) * point_size,
          weights + point * weight_stride, step, n, is_first);
}

/* The outputs of a block. */
void
finish_block (const Epilogue *e, const Gather *g, float16 sums[POINTS][TILES][2], Place place, int column)
{
  const int frame_rows = g->height * g->width;
  float16 out[4][TILES][2];

  for (int i = 0; i < TILES; i++)
    for (int j = 0; j < 2; j++) {
      float16 m[POINTS], y[4];
      for (int point = 0; point < POINTS; point++)
        m[point] = sums[point][i][j];
      transform_output (y, m);
      for (int t = 0; t < 4; t++)
        out[t][i][j] = y[t];
    }
  for (int t = 0; t < min (4, g->frames - place.frame); t++)
    epilogue_block (e, (place.frame + t) * frame_rows + place.pixel, min (TILES, frame_rows - place.pixel), column,
        out[t]);
}

/* Work-item (set of panels, i): part i of n_items of the strips from first_strip to end_strip - 1, neighbours since
 * they read the same frames. */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
winograd_time_vec (const __global float *source, ulong offset, int source_stride, int depth,
    const __global float *panels, int form, int n_panels, int n_sets, int first_strip, int end_strip,
    int n_items, int n_blocks, __global float *scratch, ulong scratch_offset, ulong slot_size,
    INPUT_NORM_PARAMS, GATHER_PARAMS, EPILOGUE_PARAMS)
{
  const InputNorm norm = INPUT_NORM_INIT;
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int set = get_global_id (0);
  const long item = get_global_id (1), n_strips = end_strip - first_strip;
  const int all_blocks = (frames + 3) / 4 * ((height * width + TILES - 1) / TILES);
  const size_t tap_size = (size_t) depth * NR, point_size = (size_t) depth * TILES;
  __global float *image = scratch + scratch_offset + (item * n_sets + set) * slot_size;
  __global float *weights = image + n_blocks * POINTS * point_size;
  float16 sums[MAX_BLOCKS][POINTS][TILES][2];

  for (int strip = first_strip + n_strips * item / n_items; strip < first_strip + n_strips * (item + 1) / n_items;
      strip++) {
    const int first = strip * n_blocks, blocks = min (n_blocks, all_blocks - first);

    for (int tile = 0; tile < blocks * TILES; tile++) {
      const Place place = find_block (&g, first + tile / TILES);
      load_pixel (image + tile / TILES * POINTS * point_size + tile % TILES * 16, point_size, &g, &norm, place.frame,
          min (place.pixel + tile % TILES, height * width - 1), source + offset, source_stride, depth);
    }
    for (int panel = set; panel < n_panels; panel += n_sets) {
      if (form == PANELS_TRANSFORMED)
        multiply_blocks (sums, blocks, image, point_size, panels + panel * POINTS * tap_size, tap_size, NR, depth, 1);
      else
        for (int k = 0; k < depth; k += DEPTH) {
          const int n = min (DEPTH, depth - k);
          transform_weights (weights, panels + panel * 3 * tap_size + k * NR, tap_size, n);
          multiply_blocks (sums, blocks, image + k * TILES, point_size, weights, NR, POINTS * NR, n, k == 0);
        }
      for (int block = 0; block < blocks; block++)
        finish_block (&e, &g, sums[block], find_block (&g, first + block), panel * NR);
    }
  }
}
