/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * opencl/ops/tile.h against plain C: sums are within fp32's last places.
 */

#include "tests/kernels/tests.h"

static const struct
{
  gsize frames, channels, gap;
  gsize field_height, field_width, y, x, height, width;
} cases[] = {
  {1, 1, 0, 1, 1, 0, 0, 1, 1},
  {2, 7, 0, 5, 9, 0, 0, 5, 9},
  {3, 4, 3, 13, 11, 4, 2, 9, 8},
  {2, 7, 2, 17, 71, 16, 1, 1, 70},
  {8, 4, 0, 96, 160, 33, 91, 63, 69},
};

/* The number of element (f, y, x, c) of the field that rectangle element @k is. */
static gsize
in_field (guint i, gsize k)
{
  gsize c = k % cases[i].channels, pixel = k / cases[i].channels;
  gsize x = pixel % cases[i].width, row = pixel / cases[i].width;
  gsize y = row % cases[i].height, f = row / cases[i].height;

  return ((f * cases[i].field_height + cases[i].y + y) * cases[i].field_width
      + cases[i].x + x) * cases[i].channels + c;
}

static gsize
field_size (guint i)
{
  return cases[i].frames * cases[i].field_height * cases[i].field_width
      * cases[i].channels;
}

static gsize
tile_size (guint i)
{
  return cases[i].frames * cases[i].height * cases[i].width * cases[i].channels;
}

static gboolean
begin (Check * check, const char *operation, guint i)
{
  return check_begin (check, tile_size (i),
      "%s_f%zu_c%zu_gap%zu_h%zu_w%zu_of_h%zu_w%zu", operation, cases[i].frames,
      cases[i].channels, cases[i].gap, cases[i].height, cases[i].width,
      cases[i].field_height, cases[i].field_width);
}

/* A field of zeros gets the tile, weighted. */
static void
add_to_zeros (Check * check, guint i)
{
  gsize n = tile_size (i);
  gfloat *data, *rows, *columns;
  gdouble *expected;
  g_autofree gfloat *nothing = g_new0 (gfloat, field_size (i));
  OclTensor zeros, field, tile, row_weights, column_weights;
  const OclPlace place =
      { cases[i].y, cases[i].x, &row_weights, &column_weights };

  if (!begin (check, "add", i))
    return;
  data = check_normal (check, n, 1);
  rows = check_normal (check, cases[i].height, 1);
  columns = check_normal (check, cases[i].width, 1);
  tile = check_input (check, data, cases[i].frames, cases[i].height,
      cases[i].width, cases[i].channels, cases[i].gap);
  row_weights = check_input_typed (check, OCL_F32, rows, 1, 1, 1,
      cases[i].height, 0);
  column_weights = check_input_typed (check, OCL_F32, columns, 1, 1, 1,
      cases[i].width, 0);
  zeros = check_input_typed (check, OCL_F32, nothing, cases[i].frames,
      cases[i].field_height, cases[i].field_width, cases[i].channels, 0);
  field = check_output_typed (check, OCL_F32, cases[i].frames,
      cases[i].field_height, cases[i].field_width, cases[i].channels,
      cases[i].gap);
  while (check_repeat (check)) {
    check_result (check, ocl_copy (check->queue, &zeros, &field,
            &check->error));
    check_result (check, ocl_tile_add (check->queue, &tile, &place, &field,
            &check->error));
  }
  expected = check_doubles (check, field_size (i));
  for (gsize k = 0; k < n; k++) {
    gsize pixel = k / cases[i].channels;

    expected[in_field (i, k)] = (gdouble) data[k]
        * rows[pixel / cases[i].width % cases[i].height]
        * columns[pixel % cases[i].width];
  }
  /* three roundings */
  check_compare (check, &field, expected, 3e-7);
}

/* Tiles that stick out, and weights of another size. */
static void
refused (Check * check)
{
  OclTensor field, tile, weights, fits;
  const OclPlace too_low = { 3, 0, &fits, &fits };
  const OclPlace too_far = { 0, 5, &fits, &fits };
  const OclPlace first = { 0, 0, &fits, &fits };
  const OclPlace other = { 0, 0, &weights, &weights };

  if (!check_begin (check, 1, "refused"))
    return;
  field = check_output_typed (check, OCL_F32, 2, 6, 8, 3, 0);
  tile = check_output_typed (check, OCL_F32, 2, 4, 4, 3, 0);
  weights = check_output_typed (check, OCL_F32, 1, 1, 1, 5, 0);
  fits = check_output_typed (check, OCL_F32, 1, 1, 1, 4, 0);
  check_refused (check, ocl_tile_add (check->queue, &tile, &too_low, &field,
          &check->error));
  check_refused (check, ocl_tile_add (check->queue, &tile, &too_far, &field,
          &check->error));
  check_refused (check, ocl_tile_add (check->queue, &field, &first, &tile,
          &check->error));
  check_refused (check, ocl_tile_add (check->queue, &tile, &other, &field,
          &check->error));
}

void
check_tile (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    add_to_zeros (check, i);
  refused (check);
}
