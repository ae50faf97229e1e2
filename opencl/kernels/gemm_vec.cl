/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Implicit matrix product for CPU devices:
 *   out[m][n] = epilogue (sum over taps and channels of source[pixel (m, tap)][c] * weight[n][tap][c])
 *
 * source1, source2: [pixels][stride], channels1 and channels2 of them used; the second's channels follow the first's.
 * panels: [ceil (N / NR)][taps * (channels1 + channels2)][NR], and `zeros` bytes from its start a row of zeros.
 * A work-item alone is a work-group. It holds ROWS x NR sums in registers; work-item (panel, chunk) does its share of
 * n_blocks blocks of ROWS rows, one after the other, so that the panel stays in the second-level cache. Blocks take the
 * rows of n_parts equal parts in turn: with one part a frame, temporal taps find the other frames' rows still cached.
 * Sums are fp32 and run in the order of the weights, whatever the sizes.
 */

/* Storage of the sources: 0 = fp32, 1 = fp16. */
#ifndef SOURCE_HALF
#define SOURCE_HALF 0
#endif

#define VEC 16
#define EPILOGUE_ROWS ROWS
#define lanes int16
#include "registers.clh"
#include "epilogue.clh"
#include "gather.clh"

#if SOURCE_HALF
typedef half source_t;
#else
typedef float source_t;
#endif

typedef union
{
  int i[16];
  int16 v;
} Int16;

#define FIND_ROW(r) \
    const __global source_t *row##r = at.i[r] < 0 ? zero_row : source + (size_t) at.i[r] * row_stride;

/* Output pixels `row` and the 15 after it. Those behind the last frame are in no frame, and so read zeros. */
Pixels
gather_rows (const Gather *g, int row)
{
  const int line = row / g->width;
  Pixels p;

  p.x = row - line * g->width + (int16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  p.y = line % g->height;
  p.frame = line / g->height;
  while (any (p.x >= g->width)) {
    const int16 wraps = p.x >= g->width;
    p.x -= wraps & g->width;
    p.y -= wraps;
  }
  while (any (p.y >= g->height)) {
    const int16 wraps = p.y >= g->height;
    p.y -= wraps & g->height;
    p.frame -= wraps;
  }
  return p;
}

#if WEIGHT_BF16
#include "bf16.clh"
#elif SOURCE_HALF
/* Sixteen channels of every row at a time become fp32 first: there is no broadcast of a half. */
#define BLOCK_CHANNELS 16
#define LOAD_BLOCK(r) block[r].v = load_vector (row##r, 1, k, n - k);
#define ADD_CHANNEL(r) MULTIPLY_ADD (r, block[r].f[j])
typedef union
{
  float f[BLOCK_CHANNELS];
  float16 v;
} Block;
#else
#define ADD_CHANNEL(r) MULTIPLY_ADD (r, row##r[k])
#endif

/* Work-item (panel, chunk). */
__attribute__ ((reqd_work_group_size (1, 1, 1), vec_type_hint (float16)))
__kernel void
gemm_vec (const __global source_t *source1, ulong offset1, int stride1, int channels1,
    const __global source_t *source2, ulong offset2, int stride2, int channels2,
    const __global weight_t *panels, ulong zeros, int n_blocks, int n_chunks, int n_parts,
    GATHER_PARAMS, EPILOGUE_PARAMS)
{
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int panel = get_global_id (0);
  const long chunk = get_global_id (1);
  const int part_rows = frames * height * width / n_parts;
  const size_t panel_size = (size_t) kernel_t * kernel_h * kernel_w * (channels1 + channels2) * NR;
  const __global source_t *zero_row = (const __global source_t *) ((const __global uchar *) panels + zeros);
  const int end = (chunk + 1) * n_blocks / n_chunks;

  for (int block = chunk * n_blocks / n_chunks; block < end; block++) {
    const int first_of_part = block / n_parts * ROWS;
    const int first = block % n_parts * part_rows + first_of_part;
    const int n_rows = min (ROWS, part_rows - first_of_part);
    const __global weight_t *w = panels + panel * panel_size;
    float16 sums[ROWS][2];

    const Pixels window = gather_window (&g, gather_rows (&g, first));
#if WEIGHT_BF16
    for (int r = 0; r < ROWS; r++)
      sums[r][0] = sums[r][1] = (float16) 0.0f;
#else
    EACH_ROW (DECLARE_SUM)
#endif

    for (int t = 0; t < kernel_t; t++)
      for (int y = 0; y < kernel_h; y++)
        for (int x = 0; x < kernel_w; x++) {
          Int16 at;
          at.v = gather_source (&g, window, t, y, x);
          for (int s = 0; s < (channels2 > 0 ? 2 : 1); s++) {
            const __global source_t *source = s == 0 ? source1 + offset1 : source2 + offset2;
            const int row_stride = s == 0 ? stride1 : stride2;
            const int n = s == 0 ? channels1 : channels2;
            EACH_ROW (FIND_ROW)
#if WEIGHT_BF16
            const __global float *rows[ROWS] =
                { row0, row1, row2, row3, row4, row5, row6, row7, row8, row9, row10, row11 };
            add_bf16_products (rows, (const __global int16 *) w, n, sums);
            w += n * NR;
#elif SOURCE_HALF
            for (int k = 0; k < n; k += BLOCK_CHANNELS) {
              Block block[ROWS];
              EACH_ROW (LOAD_BLOCK)
              for (int j = 0; j < min (BLOCK_CHANNELS, n - k); j++, w += NR)
                ADD_PRODUCTS (w, ADD_CHANNEL);
            }
#else
            for (int k = 0; k < n; k++, w += NR)
              ADD_PRODUCTS (w, ADD_CHANNEL);
#endif
          }
        }

#if !WEIGHT_BF16
    EACH_ROW (SAVE_SUM)
#endif
#if NR == WIDE_PANEL
    epilogue_block (&e, first, n_rows, panel * NR, sums);
#else
    epilogue_half (&e, first, n_rows, panel * NR, 0, sums);
#endif
  }
}
