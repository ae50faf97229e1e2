/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Implicit matrix product of fp16 sources and weights for devices with matrix units (matrix.clh); arguments and
 * result as gemm_tile.cl. Sums are fp32.
 *
 * A work-group of 2 x 2 sub-groups makes a tile; each sub-group holds BLOCKS_DOWN x BLOCKS_ACROSS products of the
 * matrix unit in registers. It walks over taps and channels in steps of DEPTH, STAGES - 1 steps ahead with copying
 * rows of pixels and columns of weights to local memory: the copies of one step come while the unit works on
 * another. Sums leave through local memory, where work-items pick up four neighbouring channels for the epilogue.
 * Channels, strides and offsets of the sources are multiples of eight, panels are 32 columns wide.
 */

/* Products of one sub-group, and buffers of copied factors. */
#ifndef BLOCKS_DOWN
#define BLOCKS_DOWN 2
#endif
#ifndef BLOCKS_ACROSS
#define BLOCKS_ACROSS 2
#endif
#ifndef STAGES
#define STAGES 2
#endif

#define NR WIDE_PANEL
#define GROUPS_ACROSS GEMM_MATRIX_GROUPS_ACROSS
#define GROUPS_DOWN GEMM_MATRIX_GROUPS_DOWN
#define ITEMS (GROUPS_DOWN * GROUPS_ACROSS * MATRIX_LANES)
#define WIDTH (BLOCKS_ACROSS * MATRIX_COLUMNS)
#define TILE_ROWS (GROUPS_DOWN * BLOCKS_DOWN * MATRIX_ROWS)
#define TILE_COLUMNS (GROUPS_ACROSS * WIDTH)

#define VEC 4
#define EPILOGUE_ROWS 4
#define lanes int
#include "epilogue.clh"
#include "gather.clh"
#include "matrix.clh"

/* Halves of local memory a stage: rows, then columns. */
#define ROWS_SIZE (TILE_ROWS * DEPTH)
#define STAGE_SIZE (ROWS_SIZE + DEPTH * TILE_COLUMNS)
/* Chunks that a work-item copies a step; those of its rows are all the same chunk of different rows. */
#define ROW_CHUNKS (TILE_ROWS * (DEPTH / CHUNK) / ITEMS)
#define COLUMN_CHUNKS (DEPTH * (TILE_COLUMNS / CHUNK) / ITEMS)
/* Sums pass through local memory one row of blocks at a time. */
#define SLAB_ROWS (GROUPS_DOWN * MATRIX_ROWS)
#define SLAB_PITCH (TILE_COLUMNS + 4)

#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define LOCAL_BYTES MAX (STAGES * STAGE_SIZE * 2, SLAB_ROWS * SLAB_PITCH * 4)

typedef struct
{
  const __global ushort *source1, *source2, *panels;
  int stride1, channels1, stride2, channels2;
  int n_panels;
  size_t panel_depth;
} Factors;

/* The next step to copy: a tap, a source and the first of its channels; `depth` counts all channels before them. */
typedef struct
{
  int t, y, x, source, channel;
  size_t depth;
  /* The source's pixels of this work-item's rows, -1 = zeros. */
  int pixels[ROW_CHUNKS];
} Step;

ALWAYS_INLINE void
find_pixels (Step *step, const Gather *g, const Pixels windows[ROW_CHUNKS])
{
  UNROLL
  for (int i = 0; i < ROW_CHUNKS; i++)
    step->pixels[i] = gather_source (g, windows[i], step->t, step->y, step->x);
}

/* On to the next channels, then the second source, then the next tap. */
ALWAYS_INLINE void
advance (Step *step, const Gather *g, const Factors *f, const Pixels windows[ROW_CHUNKS])
{
  const int channels = step->source == 0 ? f->channels1 : f->channels2;

  step->channel += DEPTH;
  if (step->channel < channels)
    return;
  step->depth += channels;
  step->channel = 0;
  step->source = step->source == 0 && f->channels2 > 0 ? 1 : 0;
  if (step->source == 1)
    return;
  step->x++;
  if (step->x == g->kernel_w) {
    step->x = 0;
    step->y++;
  }
  if (step->y == g->kernel_h) {
    step->y = 0;
    step->t++;
  }
  find_pixels (step, g, windows);
}

ALWAYS_INLINE void
copy_step (__local ushort *stage, const Step *step, const Factors *f, int item, int first_column)
{
  const int n = (step->source == 0 ? f->channels1 : f->channels2) - step->channel;
  const int stride = step->source == 0 ? f->stride1 : f->stride2;
  const __global ushort *source = (step->source == 0 ? f->source1 : f->source2) + step->channel;
  const int chunk = item % (DEPTH / CHUNK);

  UNROLL
  for (int i = 0; i < ROW_CHUNKS; i++) {
    const int row = item / (DEPTH / CHUNK) + i * (ITEMS / (DEPTH / CHUNK));
    const int exists = step->pixels[i] >= 0 && chunk * CHUNK < n;
    copy_chunk (stage + rows_at (row, chunk),
        exists ? source + (size_t) step->pixels[i] * stride + chunk * CHUNK : f->panels, exists);
  }
  UNROLL
  for (int i = 0; i < COLUMN_CHUNKS; i++) {
    const int at = item + i * ITEMS;
    const int depth = at / (TILE_COLUMNS / CHUNK), column_chunk = at % (TILE_COLUMNS / CHUNK);
    const int column = first_column + column_chunk * CHUNK;
    const int exists = column / NR < f->n_panels && depth < n;
    const size_t row = column / NR * f->panel_depth + step->depth + step->channel + depth;
    copy_chunk (stage + ROWS_SIZE + columns_at (depth, column_chunk),
        f->panels + (exists ? row * NR + column % NR : 0), exists);
  }
}

/* Adds one step's products; this sub-group's rows and columns begin at `row` and `column` of the tile. */
ALWAYS_INLINE void
multiply_step (const Matrix *matrix, MatrixSums sums[BLOCKS_DOWN][BLOCKS_ACROSS], const __local ushort *stage, int row,
    int column)
{
  UNROLL
  for (int depth = 0; depth < DEPTH; depth += 16) {
    MatrixColumns columns[BLOCKS_ACROSS];
    UNROLL
    for (int x = 0; x < BLOCKS_ACROSS; x++)
      columns[x] = matrix_load_columns (matrix, stage + ROWS_SIZE, depth, column + x * MATRIX_COLUMNS);
    UNROLL
    for (int y = 0; y < BLOCKS_DOWN; y++) {
      const MatrixRows rows = matrix_load_rows (matrix, stage, row + y * MATRIX_ROWS, depth);
      UNROLL
      for (int x = 0; x < BLOCKS_ACROSS; x++)
        sums[y][x] = matrix_multiply_add (matrix, rows, columns[x], sums[y][x]);
    }
  }
}

/* Row of the tile of row `row` of slab `slab`: both rows of sub-groups bring MATRIX_ROWS rows. */
int
slab_row (int slab, int row)
{
  return row / MATRIX_ROWS * BLOCKS_DOWN * MATRIX_ROWS + slab * MATRIX_ROWS + row % MATRIX_ROWS;
}

/* Epilogue of one slab: blocks of four rows and, as in gemm_tile.cl, columns c .. c + 3 and c + 16 .. c + 19. */
void
finish_slab (const Epilogue *e, const __local float *slab, int number, int item, int first_row, int n_rows,
    int first_column)
{
  for (int block = item; block < SLAB_ROWS / 4 * (TILE_COLUMNS / 8); block += ITEMS) {
    const int row = block / (TILE_COLUMNS / 8) * 4, part = block % (TILE_COLUMNS / 8);
    const int column = part / 4 * NR + part % 4 * 4;
    const int tile_row = first_row + slab_row (number, row);
    float4 sums[EPILOGUE_ROWS][2];
    for (int r = 0; r < EPILOGUE_ROWS; r++) {
      sums[r][0] = vload4 (0, slab + (row + r) * SLAB_PITCH + column);
      sums[r][1] = vload4 (0, slab + (row + r) * SLAB_PITCH + column + 16);
    }
    epilogue_block (e, tile_row, n_rows - tile_row, first_column + column, sums);
  }
}

/* Work-group (i, j) makes the tile of columns TILE_COLUMNS i and rows TILE_ROWS j; it is one-dimensional, so that
 * sub-groups are consecutive work-items. */
__attribute__ ((reqd_work_group_size (ITEMS, 1, 1)))
#if MATRIX == MATRIX_DPAS && !MATRIX_EMULATED
__attribute__ ((intel_reqd_sub_group_size (MATRIX_LANES)))
#endif
__kernel void
gemm_matrix (const __global ushort *source1, ulong offset1, int stride1, int channels1,
    const __global ushort *source2, ulong offset2, int stride2, int channels2,
    const __global ushort *panels, int n_panels, GATHER_PARAMS, EPILOGUE_PARAMS)
{
  __local uchar local_memory[LOCAL_BYTES] __attribute__ ((aligned (128)));
  __local ushort *stages = (__local ushort *) local_memory;
  __local float *slab = (__local float *) local_memory;
  MATRIX_DECLARE (matrix)
  const Gather g = GATHER_INIT;
  const Epilogue e = EPILOGUE_INIT;
  const int taps = kernel_t * kernel_h * kernel_w;
  const Factors f = { source1 + offset1, source2 + offset2, panels, stride1, channels1, stride2, channels2, n_panels,
    (size_t) taps * (channels1 + channels2) };
  const int item = get_local_id (0), group = item / MATRIX_LANES;
  const int first_row = (int) get_global_id (1) * TILE_ROWS;
  const int first_column = (int) get_global_id (0) / ITEMS * TILE_COLUMNS;
  const int own_row = group / GROUPS_ACROSS * BLOCKS_DOWN * MATRIX_ROWS, own_column = group % GROUPS_ACROSS * WIDTH;
  const int n_steps = taps * ((channels1 + DEPTH - 1) / DEPTH + (channels2 + DEPTH - 1) / DEPTH);
  MatrixSums sums[BLOCKS_DOWN][BLOCKS_ACROSS];
  Pixels windows[ROW_CHUNKS];
  Step next = { 0 };

  UNROLL
  for (int y = 0; y < BLOCKS_DOWN; y++)
    UNROLL
    for (int x = 0; x < BLOCKS_ACROSS; x++)
      sums[y][x] = (MatrixSums) 0.0f;
  UNROLL
  for (int i = 0; i < ROW_CHUNKS; i++) {
    const int row = first_row + item / (DEPTH / CHUNK) + i * (ITEMS / (DEPTH / CHUNK));
    const Pixels p = { row / width / height, row / width % height, row % width };
    windows[i] = gather_window (&g, p);
  }
  find_pixels (&next, &g, windows);

  for (int step = 0; step < n_steps + STAGES - 1; step++) {
    if (step >= STAGES - 1) {
      COPIES_WAIT (STAGES - 2);
      barrier (CLK_LOCAL_MEM_FENCE);
    }
    if (step < n_steps) {
      copy_step (stages + step % STAGES * STAGE_SIZE, &next, &f, item, first_column);
      advance (&next, &g, &f, windows);
    }
    COPIES_COMMIT ();
    if (step >= STAGES - 1)
      multiply_step (&matrix, sums, stages + (step + 1) % STAGES * STAGE_SIZE, own_row, own_column);
  }

  UNROLL
  for (int y = 0; y < BLOCKS_DOWN; y++) {
    barrier (CLK_LOCAL_MEM_FENCE);
    UNROLL
    for (int x = 0; x < BLOCKS_ACROSS; x++)
      matrix_store_sums (&matrix, slab + group / GROUPS_ACROSS * MATRIX_ROWS * SLAB_PITCH + own_column
          + x * MATRIX_COLUMNS, SLAB_PITCH, sums[y][x]);
    barrier (CLK_LOCAL_MEM_FENCE);
    finish_slab (&e, slab, y, item, first_row, frames * height * width, first_column);
  }
}
