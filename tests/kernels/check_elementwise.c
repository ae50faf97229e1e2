/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * opencl/ops/elementwise.h against plain C in double.
 */

#include "tests/kernels/tests.h"

#include <math.h>
#include <string.h>

typedef struct
{
  gsize frames, height, width, channels, gap;
} Shape;

static const Shape shapes[] = {
  {1, 1, 1, 1, 0},
  {2, 3, 5, 7, 0},
  {2, 3, 5, 7, 6},
  {3, 1, 4, 33, 2},
  {1, 1, 1, 1023, 0},
  {5, 8, 4, 64, 64},
  {8, 32, 64, 320, 0},
};

static gsize
pixels_of (const Shape * s)
{
  return s->frames * s->height * s->width;
}

static gboolean
begin (Check * check, const Shape * s, const char *operation, guint variant)
{
  return check_begin (check, pixels_of (s) * s->channels,
      "%s%u_f%zu_h%zu_w%zu_c%zu_gap%zu", operation, variant, s->frames,
      s->height, s->width, s->channels, s->gap);
}

static OclTensor
input (Check * check, gfloat * data, const Shape * s)
{
  return check_input (check, data, s->frames, s->height, s->width, s->channels,
      s->gap);
}

static OclTensor
output (Check * check, const Shape * s)
{
  return check_output (check, s->frames, s->height, s->width, s->channels,
      s->gap);
}

static gdouble
activation (OclActivation kind, gdouble x)
{
  switch (kind) {
    case OCL_ACTIVATION_SILU:
      return x / (1 + exp (-x));
    case OCL_ACTIVATION_GELU:
      return x * (1 + erf (x / G_SQRT2)) / 2;
    case OCL_ACTIVATION_QUICK_GELU:
      return x / (1 + exp (-1.702 * x));
    default:
      return x;
  }
}

static void
activate (Check * check, const Shape * s, OclActivation kind)
{
  gsize n = pixels_of (s) * s->channels;
  gdouble *expected;
  gfloat *data;
  OclTensor x;

  if (!begin (check, s, "activate", kind))
    return;
  data = check_normal (check, n, 3);
  /* Where exp would overflow. */
  if (n > 1)
    data[n / 2] = -200;
  x = check_in_out (check, data, s->frames, s->height, s->width, s->channels,
      s->gap);
  while (check_repeat (check))
    check_result (check, ocl_activate (check->queue, kind, &x, &x,
            &check->error));
  expected = check_doubles (check, n);
  for (gsize i = 0; i < n; i++)
    expected[i] = activation (kind, data[i]);
  check_compare (check, &x, expected, 1e-6);
}

/* @per_frame: a bias for each frame, else the same for all. */
static void
add_frame_bias (Check * check, const Shape * s, gboolean per_frame)
{
  gsize n = pixels_of (s) * s->channels, per = n / s->frames;
  gsize frames = per_frame ? s->frames : 1;
  gfloat *data, *bias;
  gdouble *expected;
  OclTensor x, b, y;

  if (!begin (check, s, "add_frame_bias", per_frame))
    return;
  data = check_normal (check, n, 1);
  bias = check_normal (check, frames * s->channels, 1);
  x = input (check, data, s);
  b = check_input_typed (check, per_frame ? OCL_F32 : check->type, bias, frames,
      1, 1, s->channels, s->gap);
  y = output (check, s);
  while (check_repeat (check))
    check_result (check, ocl_add_frame_bias (check->queue, &x, &b, &y,
            &check->error));
  expected = check_doubles (check, n);
  for (gsize i = 0; i < n; i++)
    expected[i] = (gdouble) data[i] + bias[(i / per % frames) * s->channels
        + i % s->channels];
  check_compare (check, &y, expected, 1e-6);
}

/* Every second input is fp32 whatever the round's type; the first one is the output too. */
static void
combine (Check * check, const Shape * s, guint n_inputs)
{
  static const gfloat scales[] = { 1.5, -0.75, 3, 0.001, -2 };
  const gfloat limit = n_inputs % 2 != 0 ? 2.5 : 0;
  gsize n = pixels_of (s) * s->channels;
  OclTensor tensors[G_N_ELEMENTS (scales)];
  const OclTensor *inputs[G_N_ELEMENTS (scales)];
  gdouble *expected;

  if (!begin (check, s, "combine", n_inputs))
    return;
  expected = check_doubles (check, n);
  for (guint k = 0; k < n_inputs; k++) {
    gfloat *data = check_normal (check, n, 1);
    if (k == 0)
      tensors[k] = check_in_out (check, data, s->frames, s->height, s->width,
          s->channels, s->gap);
    else
      tensors[k] = check_input_typed (check, k % 2 != 0 ? OCL_F32 : check->type,
          data, s->frames, s->height, s->width, s->channels, s->gap);
    inputs[k] = &tensors[k];
    for (gsize i = 0; i < n; i++)
      expected[i] += (gdouble) scales[k] * data[i];
  }
  while (check_repeat (check))
    check_result (check, ocl_combine (check->queue, n_inputs, inputs, scales,
            limit, &tensors[0], &check->error));
  for (gsize i = 0; limit > 0 && i < n; i++)
    expected[i] = CLAMP (expected[i], -limit, limit);
  check_compare (check, &tensors[0], expected, 1e-6);
}

/* To the other type and a stride of its own: exact where nothing is rounded. */
static void
copy (Check * check, const Shape * s)
{
  gsize n = pixels_of (s) * s->channels;
  gdouble *expected;
  gfloat *data;
  OclTensor x, y;

  if (!begin (check, s, "copy", 0))
    return;
  data = check_normal (check, n, 1);
  check_round (data, n, OCL_F16);
  x = input (check, data, s);
  y = check_output_typed (check, check->type == OCL_F16 ? OCL_F32 : OCL_F16,
      s->frames, s->height, s->width, s->channels, s->gap + 5);
  while (check_repeat (check))
    check_result (check, ocl_copy (check->queue, &x, &y, &check->error));
  expected = check_doubles (check, n);
  for (gsize i = 0; i < n; i++)
    expected[i] = data[i];
  check_compare (check, &y, expected, 0);
}

static gdouble
deviation (const gfloat * data, gsize n)
{
  gdouble sum = 0, squares = 0;

  for (gsize i = 0; i < n; i++)
    sum += data[i];
  for (gsize i = 0; i < n; i++)
    squares += (data[i] - sum / n) * (data[i] - sum / n);
  return sqrt (squares / (n - 1));
}

/* Means far from zero, so that a sum of squares would lose the deviation's digits. */
static void
rescale (Check * check, const Shape * s)
{
  gsize n = pixels_of (s) * s->channels;
  const gfloat w = 0.7;
  gfloat *text, *guided;
  gdouble *expected, factor;
  OclTensor a, b, y;

  if (check->type != OCL_F32 || n < 2 || !begin (check, s, "rescale", 0))
    return;
  text = check_normal (check, n, 1);
  guided = check_normal (check, n, 2);
  for (gsize i = 0; i < n; i++) {
    text[i] += 100;
    guided[i] -= 50;
  }
  a = input (check, text, s);
  b = input (check, guided, s);
  y = output (check, s);
  while (check_repeat (check))
    check_result (check, ocl_rescale_guidance (check->queue, w, &a, &b, &y,
            &check->error));
  expected = check_doubles (check, n);
  factor = w * deviation (text, n) / deviation (guided, n) + 1 - w;
  for (gsize i = 0; i < n; i++)
    expected[i] = factor * guided[i];
  /* 100 beside a deviation of 1 leaves 5 digits of every difference. */
  check_compare (check, &y, expected, 1e-5);
}

/* In two pieces, with the means of both far apart. */
static void
moments (Check * check, const Shape * s)
{
  gsize n = pixels_of (s) * s->channels;
  gfloat *data;
  gdouble *expected, mean = 0;
  OclTensor first, second, y;

  if (check->type != OCL_F32 || n < 2 || !begin (check, s, "moments", 0))
    return;
  data = check_normal (check, 2 * n, 1);
  for (gsize i = 0; i < n; i++)
    data[n + i] += 30;
  first = input (check, data, s);
  second = input (check, data + n, s);
  y = check_output (check, 1, 1, 1, 2, 0);
  while (check_repeat (check)) {
    OclMoments found = { 0 };
    gfloat values[2];

    check_result (check, ocl_moments (check->queue, &first, &found,
            &check->error));
    check_result (check, ocl_moments (check->queue, &second, &found,
            &check->error));
    values[0] = found.mean;
    values[1] = sqrt (found.squares / (found.count - 1));
    check_result (check, ocl_tensor_write (check->queue, &y, values,
            &check->error));
  }
  for (gsize i = 0; i < 2 * n; i++)
    mean += data[i] / (2.0 * n);
  expected = check_doubles (check, 2);
  expected[0] = mean;
  expected[1] = deviation (data, 2 * n);
  check_compare (check, &y, expected, 1e-5);
}

/* One element that is not finite, each of the three kinds in another place, is found; clamping does not hide NaN. */
static void
all_finite (Check * check, const Shape * s)
{
  const gfloat kinds[] = { NAN, INFINITY, -INFINITY, 1 };
  gsize n = pixels_of (s) * s->channels;
  const gfloat scale = 1;
  gdouble *expected;
  gfloat *data;
  OclTensor y;

  if (!begin (check, s, "all_finite", 0))
    return;
  data = check_normal (check, n, 1);
  y = check_output_typed (check, OCL_F32, 1, 1, 1, 5, 0);
  while (check_repeat (check)) {
    gfloat values[5];
    gboolean finite;

    for (guint i = 0; i < 4; i++) {
      gfloat *one = data + i * (n - 1) / 3, kept = *one;
      OclTensor tensor;
      const OclTensor *x = &tensor;

      *one = kinds[i];
      tensor = input (check, data, s);
      *one = kept;
      check_result (check, ocl_all_finite (check->queue, x, &finite,
              &check->error));
      values[i] = finite;
      if (i > 0)
        continue;
      check_result (check, ocl_combine (check->queue, 1, &x, &scale, 0.5, x,
              &check->error));
      check_result (check, ocl_all_finite (check->queue, x, &finite,
              &check->error));
      values[4] = finite;
    }
    check_result (check, ocl_tensor_write (check->queue, &y, values,
            &check->error));
  }
  expected = check_doubles (check, 5);
  for (guint i = 0; i < 5; i++)
    expected[i] = i == 3;
  check_compare (check, &y, expected, 0);
}

static void
embed (Check * check, gsize n, gsize channels, gboolean has_positions)
{
  const gsize rows = 41;
  gfloat *table, *positions;
  OclBuffer *table_buffer, *positions_buffer = NULL;
  gdouble *expected;
  guint32 *ids;
  OclTensor y;

  if (!check_begin (check, n * channels, "embed%d_n%zu_c%zu", has_positions, n,
          channels))
    return;
  table = check_normal (check, rows * channels, 1);
  positions = check_normal (check, n * channels, 1);
  ids = check_integers (check, n, rows);
  table_buffer = check_vector (check, table, rows * channels);
  if (has_positions)
    positions_buffer = check_vector (check, positions, n * channels);
  y = check_output (check, 1, 1, n, channels, 3);
  while (check_repeat (check))
    check_result (check, ocl_embed (check->queue, table_buffer, rows,
            positions_buffer, ids, &y, &check->error));
  expected = check_doubles (check, n * channels);
  for (gsize i = 0; i < n * channels; i++)
    expected[i] = (gdouble) table[ids[i / channels] * channels + i % channels]
        + (has_positions ? positions[i] : 0);
  check_compare (check, &y, expected, 1e-6);

  ids[n - 1] = rows;
  check_that (check, check->bench || (!ocl_embed (check->queue, table_buffer,
              rows, positions_buffer, ids, &y, &check->error)
          && g_error_matches (check->error, OCL_ERROR, OCL_ERROR_CALL)),
      "an id past the table is not refused");
  g_clear_error (&check->error);
}

static void
sinusoid (Check * check, gsize n, gsize dim)
{
  static const gfloat values[] = { 999, 999, 0, 1, 7.5, 500.25, 500.25 };
  gdouble *expected;
  OclTensor y;

  if (check->type != OCL_F32
      || !check_begin (check, n * dim, "sinusoid_n%zu_d%zu", n, dim))
    return;
  y = check_output (check, n, 1, 1, dim, dim % 3);
  while (check_repeat (check))
    check_result (check, ocl_sinusoid (check->queue, values, n, &y,
            &check->error));
  expected = check_doubles (check, n * dim);
  for (gsize i = 0; i < n * dim; i++) {
    gsize k = i % dim % (dim / 2);
    gdouble angle = values[i / dim] * pow (10000, -(gdouble) k / (dim / 2));
    expected[i] = i % dim < dim / 2 ? cos (angle) : sin (angle);
  }
  /* An angle of 1000 in fp32 has an error of 3e-5 by itself. */
  check_compare (check, &y, expected, 1e-4);
}

void
check_elementwise (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    for (OclActivation a = OCL_ACTIVATION_NONE; a <= OCL_ACTIVATION_QUICK_GELU;
        a++)
      activate (check, &shapes[i], a);
    add_frame_bias (check, &shapes[i], FALSE);
    add_frame_bias (check, &shapes[i], TRUE);
    for (guint n = 1; n <= 5; n++)
      combine (check, &shapes[i], n);
    copy (check, &shapes[i]);
    rescale (check, &shapes[i]);
    moments (check, &shapes[i]);
    all_finite (check, &shapes[i]);
  }
  embed (check, 1, 1, FALSE);
  embed (check, 77, 40, TRUE);
  embed (check, 77, 768, FALSE);
  sinusoid (check, 1, 2);
  sinusoid (check, 7, 30);
  sinusoid (check, 3, 320);
}
