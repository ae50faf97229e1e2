/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Group norm and layer norm.
 */

#include "tests/kernels/tests.h"

#include <math.h>
#include <string.h>

#define EPS 1e-5

/* Rounding of fp32 alone, and what inputs far from zero leave: their mean is known to 2^-24 of its size. */
static gdouble
tolerance (gfloat mean)
{
  return 1e-6 + 1e-7 * mean;
}

/* groups = 0: layer norm. channels2: of the second input. `mean`: of the inputs, whose deviation is 1. */
static const struct
{
  gsize frames, height, width, channels, channels2;
  guint groups;
  gboolean over_clip, silu;
  gfloat mean;
  gsize gap;
  gboolean timed_only;
} cases[] = {
  {1, 1, 1, 32, 0, 32, FALSE, FALSE, 0, 0},
  {1, 1, 1, 33, 0, 3, TRUE, TRUE, 0, 0},
  {2, 5, 7, 64, 0, 32, FALSE, TRUE, 0, 0},
  {2, 5, 7, 64, 0, 32, TRUE, FALSE, 100, 3},
  {3, 5, 7, 33, 31, 32, FALSE, TRUE, 0, 5},
  {3, 5, 7, 50, 46, 32, TRUE, TRUE, 100, 0},
  {25, 3, 5, 96, 64, 32, TRUE, FALSE, 0, 16},
  {1, 23, 29, 160, 0, 32, FALSE, FALSE, 100, 1},
  {1, 9, 8, 7, 0, 1, FALSE, TRUE, 0, 2},
  {2, 3, 3, 1280, 0, 32, FALSE, TRUE, 0, 0},
  {25, 35, 41, 32, 0, 32, TRUE, FALSE, 100, 0},
  {1, 1, 1, 1, 0, 0, FALSE, FALSE, 0, 0},
  {3, 5, 7, 17, 0, 0, FALSE, FALSE, 100, 3},
  {1, 1, 77, 96, 0, 0, FALSE, FALSE, 0, 0},
  {2, 5, 7, 320, 0, 0, FALSE, FALSE, 0, 8},
  {1, 2, 3, 1281, 0, 0, FALSE, FALSE, 100, 0},
  {1, 3, 1, 3, 0, 0, FALSE, FALSE, 0, 1},
  /* The default model: UNet and autoencoder. */
  {8, 8, 16, 96, 0, 32, FALSE, TRUE, 0, 0},
  {8, 16, 32, 96, 64, 32, FALSE, TRUE, 0, 0},
  {8, 128, 256, 64, 0, 32, FALSE, TRUE, 0, 0, TRUE},
  {8, 128, 256, 64, 0, 32, TRUE, TRUE, 0, 0, TRUE},
  {8, 16, 32, 96, 0, 0, FALSE, FALSE, 0, 0},
  {8, 128, 256, 64, 0, 0, FALSE, FALSE, 0, 0, TRUE},
};

/* Normalises `size` channels from `first` on of `rows` rows with their common mean and variance. */
static void
reference_set (const gfloat * input, gsize channels, gsize rows, gsize first,
    gsize size, gdouble * output)
{
  gdouble n = rows * size, mean = 0, variance = 0;

  for (gsize r = 0; r < rows; r++)
    for (gsize c = first; c < first + size; c++)
      mean += input[r * channels + c] / n;
  for (gsize r = 0; r < rows; r++)
    for (gsize c = first; c < first + size; c++) {
      output[r * channels + c] = input[r * channels + c] - mean;
      variance += output[r * channels + c] * output[r * channels + c] / n;
    }
  for (gsize r = 0; r < rows; r++)
    for (gsize c = first; c < first + size; c++)
      output[r * channels + c] /= sqrt (variance + EPS);
}

/* @set_rows rows have their statistics in common. */
static void
reference (const gfloat * input, gsize rows, gsize set_rows, gsize channels,
    gsize groups, gboolean silu, const gfloat * weight, const gfloat * bias,
    gdouble * output)
{
  gsize size = channels / groups;

  for (gsize r = 0; r < rows; r += set_rows)
    for (gsize g = 0; g < groups; g++)
      reference_set (input + r * channels, channels, set_rows, g * size, size,
          output + r * channels);
  for (gsize i = 0; i < rows * channels; i++) {
    output[i] = output[i] * weight[i % channels] + bias[i % channels];
    if (silu)
      output[i] /= 1 + exp (-output[i]);
  }
}

/* Both inputs' channels side by side. */
static gfloat *
join (Check * check, const gfloat * a, gsize n_a, const gfloat * b, gsize n_b,
    gsize rows)
{
  gfloat *joined = check_normal (check, rows * (n_a + n_b), 1);

  for (gsize r = 0; r < rows; r++) {
    memcpy (joined + r * (n_a + n_b), a + r * n_a, n_a * sizeof *a);
    memcpy (joined + r * (n_a + n_b) + n_a, b + r * n_b, n_b * sizeof *b);
  }
  return joined;
}

static gfloat *
make_data (Check * check, gsize n, gfloat mean)
{
  gfloat *data = check_normal (check, n, 1);

  for (gsize i = 0; i < n; i++)
    data[i] += mean;
  return data;
}

static void
check_case (Check * check, guint i)
{
  gsize frames = cases[i].frames, height = cases[i].height;
  gsize width = cases[i].width, rows = frames * height * width;
  gsize channels = cases[i].channels + cases[i].channels2;
  OclGroupNorm norm = { cases[i].groups, EPS, cases[i].over_clip,
    cases[i].silu
  };
  gfloat *data, *data2, *weight, *bias;
  OclTensor input, input2, output;
  OclAffine affine;
  gdouble *expected;

  if (!check_begin (check, 8.0 * rows * channels,
          "%s_f%zu_h%zu_w%zu_c%zu+%zu_g%u%s%s_mean%.0f",
          norm.groups > 0 ? "group" : "layer", frames, height, width,
          cases[i].channels, cases[i].channels2, norm.groups,
          norm.over_clip ? "_clip" : "", norm.silu ? "_silu" : "",
          cases[i].mean))
    return;
  data = make_data (check, rows * cases[i].channels, cases[i].mean);
  data2 = make_data (check, rows * cases[i].channels2, cases[i].mean);
  weight = check_normal (check, channels, 1);
  bias = check_normal (check, channels, 1);
  input = check_input (check, data, frames, height, width, cases[i].channels,
      cases[i].gap);
  input2 = check_input (check, data2, frames, height, width,
      cases[i].channels2, cases[i].gap);
  output = check_output (check, frames, height, width, channels, cases[i].gap);
  affine.weight = check_vector (check, weight, channels);
  affine.bias = check_vector (check, bias, channels);
  while (check_repeat (check))
    check_result (check, norm.groups > 0 ?
        ocl_group_norm (check->queue, &norm, &affine, &input,
            cases[i].channels2 > 0 ? &input2 : NULL, &output, &check->error) :
        ocl_layer_norm (check->queue, EPS, &affine, &input, &output,
            &check->error));
  if (check->bench)
    return;

  expected = check_doubles (check, rows * channels);
  reference (join (check, data, cases[i].channels, data2, cases[i].channels2,
          rows), rows, norm.groups == 0 ? 1 : norm.over_clip ? rows :
      height * width, channels, MAX (norm.groups, 1), norm.silu, weight, bias,
      expected);
  check_compare (check, &output, expected, tolerance (cases[i].mean));
}

/* A tensor cut into strips of @rows rows, the last of what is left. */
static guint
cut_strips (const OclTensor * whole, gsize rows, const OclTensor * from,
    OclTensor * strips)
{
  guint n = 0;

  for (gsize y = 0; y < whole->height; y += rows, n++) {
    strips[n] = *from;
    strips[n].offset += y * whole->width * from->stride * whole->frames;
    strips[n].height = MIN (rows, whole->height - y);
  }
  return n;
}

/* Strips of one tensor are normed as the whole is, bit for bit. */
static void
check_strips (Check * check, gsize frames, gsize height, gsize width,
    gsize channels, gsize rows, gboolean over_clip)
{
  const OclGroupNorm norm = { 3, EPS, over_clip, TRUE };
  gsize n_pixels = frames * height * width;
  gfloat *data, *reordered, *weight, *bias, *values;
  OclTensor input, pieces, expected, output, factors;
  OclTensor *strips, *results;
  OclAffine affine;
  OclInputNorm second = { 0 };
  guint n;

  if (!check_begin (check, 8.0 * n_pixels * channels,
          "strips_f%zu_h%zu_w%zu_c%zu_rows%zu%s", frames, height, width,
          channels, rows, over_clip ? "_clip" : ""))
    return;
  data = make_data (check, n_pixels * channels, 1);
  weight = check_normal (check, channels, 1);
  bias = check_normal (check, channels, 1);
  reordered = make_data (check, n_pixels * channels, 0);
  values = check_normal (check, 2 * n_pixels * channels, 1);
  strips = check_own (check, g_new (OclTensor, height), g_free);
  results = check_own (check, g_new (OclTensor, height), g_free);
  /* All frames of a strip lie together. */
  for (gsize y = 0, to = 0; y < height; y += rows)
    for (gsize f = 0; f < frames; f++) {
      gsize size = MIN (rows, height - y) * width * channels;
      memcpy (reordered + to, data + (f * height + y) * width * channels,
          size * sizeof *data);
      to += size;
    }
  input = check_input (check, data, frames, height, width, channels, 0);
  pieces = check_input (check, reordered, frames, height, width, channels, 0);
  expected = check_output (check, frames, height, width, channels, 0);
  output = check_output (check, frames, height, width, channels, 0);
  affine.weight = check_vector (check, weight, channels);
  affine.bias = check_vector (check, bias, channels);
  n = cut_strips (&input, rows, &pieces, strips);
  cut_strips (&input, rows, &output, results);
  factors = check_output_typed (check, OCL_F32, over_clip ? 1 : frames, 1, 2,
      channels, 0);

  second.norm = &norm;
  second.factors = factors;
  second.bias = affine.bias;
  check_result (check, ocl_group_norm (check->queue, &norm, &affine, &input,
          NULL, &expected, &check->error));
  check_result (check, ocl_group_norm_factors (check->queue, &norm, strips, n,
          affine.weight, &factors, &check->error));
  for (guint i = 0; i < n; i++)
    check_result (check, ocl_group_norm_apply (check->queue, &second,
            &strips[i], NULL, &results[i], &check->error));
  check_result (check, ocl_tensor_read (check->queue, &expected, values,
          &check->error));
  check_result (check, ocl_tensor_read (check->queue, &output,
          values + n_pixels * channels, &check->error));
  for (gsize y = 0, at = n_pixels * channels; y < height; y += rows)
    for (gsize f = 0; f < frames; f++) {
      gsize size = MIN (rows, height - y) * width * channels;
      check_that (check, memcmp (values + (f * height + y) * width * channels,
              values + at, size * sizeof *values) == 0,
          "rows from %zu on of frame %zu differ", y, f);
      at += size;
    }
}

/* Layer norm may write over its input, and a norm may read and write different types. */
static void
check_in_place (Check * check)
{
  const gsize rows = 2 * 3 * 5, channels = 37;
  gfloat *data, *weight, *bias;
  gdouble *expected;
  OclTensor tensor, output;
  OclAffine affine;
  OclGroupNorm norm = { channels, EPS, FALSE, TRUE };

  if (!check_begin (check, 16.0 * rows * channels, "in_place"))
    return;
  data = check_normal (check, rows * channels, 1);
  weight = check_normal (check, channels, 1);
  bias = check_normal (check, channels, 1);
  tensor = check_in_out (check, data, 2, 3, 5, channels, 3);
  output = check_output_typed (check, OCL_F32, 2, 3, 5, channels, 0);
  affine.weight = check_vector (check, weight, channels);
  affine.bias = check_vector (check, bias, channels);
  check_result (check, ocl_group_norm (check->queue, &norm, &affine, &tensor,
          NULL, &output, &check->error));
  expected = check_doubles (check, rows * channels);
  reference (data, rows, 3 * 5, channels, channels, TRUE, weight, bias,
      expected);
  check_compare (check, &output, expected, tolerance (0));

  check_result (check, ocl_layer_norm (check->queue, EPS, &affine, &tensor,
          &tensor, &check->error));
  reference (data, rows, 1, channels, 1, FALSE, weight, bias, expected);
  check_compare (check, &tensor, expected, tolerance (0));
}

/* Shapes that do not go together are refused. */
static void
check_refusals (Check * check)
{
  OclGroupNorm norm = { 5, EPS, FALSE, FALSE };
  OclTensor input, larger, empty;
  OclAffine whole, short_bias, short_weight;
  gfloat *data;

  if (!check_begin (check, 1, "refusals"))
    return;
  input = check_output (check, 3, 2, 2, 12, 0);
  larger = check_output (check, 3, 2, 3, 12, 0);
  data = check_normal (check, 12, 1);
  whole.weight = whole.bias = check_vector (check, data, 12);
  short_bias = short_weight = whole;
  short_bias.bias = short_weight.weight = check_vector (check, data, 11);
  check_refused (check, ocl_group_norm (check->queue, &norm, &whole, &input,
          NULL, &input, &check->error));
  norm.groups = 4;
  check_refused (check, ocl_group_norm (check->queue, &norm, &short_bias,
          &input, NULL, &input, &check->error));
  check_refused (check, ocl_group_norm (check->queue, &norm, &whole, &input,
          NULL, &larger, &check->error));
  check_refused (check, ocl_group_norm (check->queue, &norm, &whole, &input,
          &input, &input, &check->error));
  check_refused (check, ocl_layer_norm (check->queue, EPS, &whole, &input,
          &larger, &check->error));
  check_refused (check, ocl_layer_norm (check->queue, EPS, &short_weight,
          &input, &input, &check->error));
  empty = input;
  empty.frames = 0;
  check_refused (check, ocl_group_norm (check->queue, &norm, &whole, &empty,
          NULL, &empty, &check->error));
  check_refused (check, ocl_layer_norm (check->queue, EPS, &whole, &empty,
          &empty, &check->error));
}

void
check_norm (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (check->bench || !cases[i].timed_only)
      check_case (check, i);
  /* Blocks of 64 pixels and more: within a strip, across two and across many. */
  check_strips (check, 1, 13, 24, 48, 4, FALSE);
  check_strips (check, 3, 37, 5, 33, 4, FALSE);
  check_strips (check, 2, 29, 31, 48, 12, TRUE);
  check_strips (check, 1, 64, 64, 3, 64, TRUE);
  check_in_place (check);
  check_refusals (check);
}
