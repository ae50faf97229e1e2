/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within and across frames.
 */

#include "opencl/ops/bf16.h"
#include "opencl/runtime/matrix.h"
#include "tests/kernels/tests.h"

#include <math.h>

/* For scores of size 1. Sums of a few hundred products lose some 1e-6 of the largest output, which averaging over many
 * keys makes small. Larger scores carry proportionally larger rounding errors, and exp passes them on. */
#define TOLERANCE 5e-6

/* Matrix units take the softmax's weights as fp16, which rounds each by 2^-12 of itself at most. */
#define TOLERANCE_WEIGHTS 0x1p-12

/* The same in bf16: 2^-9, half of it again for their sum. */
#define TOLERANCE_BF16 0x1p-8

#define LOG2_E 1.44269504f

/* `spread`: standard deviation of queries and keys, so that scores have its square. */
static const struct
{
  gsize frames, height, width, key_frames, keys;
  guint heads;
  gsize head_dim;
  gboolean causal;
  gfloat spread;
  gsize gap;
  gboolean timed_only;
} cases[] = {
  {1, 1, 1, 1, 1, 1, 1, FALSE, 1, 0},
  {2, 5, 7, 1, 1, 3, 32, FALSE, 1, 0},
  {1, 1, 33, 1, 33, 2, 32, FALSE, 1, 64},
  {3, 5, 7, 3, 35, 2, 17, FALSE, 1, 5},
  {3, 5, 7, 1, 77, 2, 40, FALSE, 1, 0},
  {25, 3, 1, 25, 3, 1, 17, FALSE, 1, 0},
  {1, 3, 1, 1, 77, 2, 64, FALSE, 1, 1},
  {1, 1, 31, 1, 97, 1, 40, FALSE, 1, 16},
  {1, 4, 16, 1, 64, 1, 160, FALSE, 1, 0},
  {1, 5, 13, 1, 65, 1, 512, FALSE, 1, 3},
  {2, 7, 11, 2, 77, 2, 32, TRUE, 1, 7},
  {1, 1, 77, 1, 77, 3, 64, TRUE, 1, 0},
  {1, 3, 43, 1, 129, 1, 40, TRUE, 10, 0},
  {1, 5, 7, 1, 35, 2, 32, FALSE, 30, 0},
  {1, 5, 7, 1, 2, 2, 17, FALSE, 30, 0},
  {1, 25, 41, 1, 1025, 1, 40, FALSE, 1, 8},
  /* Several groups of queries a work-item. */
  {3, 11, 37, 3, 407, 2, 24, FALSE, 1, 3},
  {1, 1, 1100, 1, 1100, 1, 17, TRUE, 1, 0},
  {1, 37, 57, 1, 65, 1, 512, FALSE, 1, 0},
  /* The default model: self- and cross-attention of the UNet, autoencoder. */
  {8, 8, 16, 8, 128, 3, 32, FALSE, 1, 192},
  {8, 4, 8, 8, 32, 3, 32, FALSE, 1, 192},
  {8, 8, 16, 1, 77, 3, 32, FALSE, 1, 0},
  {8, 16, 32, 8, 512, 1, 128, FALSE, 1, 256, TRUE},
  /* Stable Diffusion at 320 x 512: self-attention of its levels, text, autoencoder; Stable Video Diffusion's heads. */
  {1, 40, 64, 1, 2560, 8, 40, FALSE, 1, 640, TRUE},
  {1, 20, 32, 1, 640, 8, 80, FALSE, 1, 1280, TRUE},
  {1, 10, 16, 1, 160, 8, 160, FALSE, 1, 2560, TRUE},
  {1, 40, 64, 1, 77, 8, 40, FALSE, 1, 640, TRUE},
  {1, 10, 16, 1, 77, 8, 160, FALSE, 1, 2560, TRUE},
  {1, 40, 64, 1, 2560, 1, 512, FALSE, 1, 1024, TRUE},
  {1, 40, 64, 1, 2560, 5, 64, FALSE, 1, 640, TRUE},
  {1, 40, 64, 1, 2560, 2, 80, FALSE, 1, 320, TRUE},
  {1, 40, 64, 1, 2560, 1, 160, FALSE, 1, 320, TRUE},
};

static const struct
{
  gsize frames, height, width;
  guint heads;
  gsize head_dim;
  gfloat spread;
  gsize gap;
} temporal_cases[] = {
  {1, 1, 1, 1, 1, 1, 0},
  {1, 5, 7, 2, 40, 1, 0},
  {2, 3, 3, 1, 160, 1, 1},
  {3, 5, 7, 2, 17, 30, 3},
  {8, 5, 7, 3, 32, 1, 192},
  {9, 4, 4, 1, 64, 1, 0},
  {25, 5, 7, 2, 32, 1, 0},
  {33, 1, 17, 1, 17, 1, 5},
  {5, 1, 2, 1, 512, 1, 0},
  /* The default model. */
  {8, 8, 16, 3, 32, 1, 192},
  {8, 16, 32, 3, 32, 1, 192},
};

static gdouble
tolerance_of (Check * check, gfloat spread)
{
  gboolean unit = check->type == OCL_F16
      && ocl_device_matrix (check->device)->kind != OCL_MATRIX_NONE;

  return TOLERANCE * spread * spread + (unit ? TOLERANCE_WEIGHTS : 0);
}

/* One query row of one head; its keys and values are rows first, first + step, ... */
static void
reference_row (const gfloat * query, const gfloat * key, const gfloat * value,
    gsize channels, gsize head_dim, gsize first, gsize step, gsize n,
    gdouble * scores, gdouble * output)
{
  gdouble top = -G_MAXDOUBLE, total = 0;

  for (gsize k = 0; k < n; k++) {
    const gfloat *row = key + (first + k * step) * channels;
    scores[k] = 0;
    for (gsize d = 0; d < head_dim; d++)
      scores[k] += (gdouble) query[d] * row[d];
    scores[k] /= sqrt (head_dim);
    top = MAX (top, scores[k]);
  }
  for (gsize k = 0; k < n; k++) {
    scores[k] = exp (scores[k] - top);
    total += scores[k];
  }
  for (gsize k = 0; k < n; k++)
    for (gsize d = 0; d < head_dim; d++)
      output[d] += scores[k] / total * value[(first + k * step) * channels + d];
}

/* Queries as kernels/attention_bf16.cl multiplies them: rounded after their scale. */
static gfloat *
round_scaled (Check * check, const gfloat * data, gsize n, gsize head_dim)
{
  const gfloat scale = 1 / sqrtf (head_dim) * LOG2_E;
  gfloat *rounded = check_normal (check, n, 0);

  for (gsize k = 0; k < n; k++)
    rounded[k] = data[k] * scale;
  check_round (rounded, n, OCL_BF16);
  for (gsize k = 0; k < n; k++)
    rounded[k] /= scale;
  return rounded;
}

/* @bf16: products in bf16, of which the reference sees the rounded factors. */
static void
check_case (Check * check, guint i, gboolean bf16)
{
  const OclAttention attention = {
    .heads = cases[i].heads,
    .causal = cases[i].causal,
    .bf16 = bf16,
  };
  gsize frames = cases[i].frames, key_frames = cases[i].key_frames;
  gsize pixels = cases[i].height * cases[i].width;
  gsize keys = cases[i].keys;
  gsize head_dim = cases[i].head_dim, channels = cases[i].heads * head_dim;
  gfloat *q_data, *k_data, *v_data;
  gdouble *expected, *scores;
  OclTensor query, key, value, output;

  if (!check_begin (check, 4.0 * frames * pixels * keys * channels,
          "%sf%zu_h%zu_w%zu_keys%zux%zu_heads%u_d%zu%s_spread%.0f",
          bf16 ? "bf16_" : "", frames, cases[i].height, cases[i].width,
          key_frames, keys, cases[i].heads, head_dim,
          cases[i].causal ? "_causal" : "", cases[i].spread))
    return;
  q_data = check_normal (check, frames * pixels * channels, cases[i].spread);
  k_data = check_normal (check, key_frames * keys * channels, cases[i].spread);
  v_data = check_normal (check, key_frames * keys * channels, 1);
  if (bf16) {
    check_round (k_data, key_frames * keys * channels, OCL_BF16);
    check_round (v_data, key_frames * keys * channels, OCL_BF16);
  }
  query = check_input (check, q_data, frames, cases[i].height, cases[i].width,
      channels, cases[i].gap);
  key =
      check_input (check, k_data, key_frames, 1, keys, channels, cases[i].gap);
  value =
      check_input (check, v_data, key_frames, 1, keys, channels, cases[i].gap);
  output =
      check_output (check, frames, cases[i].height, cases[i].width, channels,
      cases[i].gap);
  while (check_repeat (check))
    check_result (check, ocl_attention (check->queue, &attention, &query,
            &key, &value, &output, &check->error));
  if (check->bench)
    return;

  if (bf16)
    q_data = round_scaled (check, q_data, frames * pixels * channels, head_dim);
  expected = check_doubles (check, frames * pixels * channels);
  scores = check_doubles (check, keys);
  for (gsize row = 0; row < frames * pixels; row++)
    for (gsize c = 0; c < channels; c += head_dim)
      reference_row (q_data + row * channels + c, k_data + c, v_data + c,
          channels, head_dim, key_frames > 1 ? row / pixels * keys : 0, 1,
          cases[i].causal ? MIN (row % pixels + 1, keys) : keys, scores,
          expected + row * channels + c);
  check_compare (check, &output, expected,
      tolerance_of (check, cases[i].spread) + (bf16 ? TOLERANCE_BF16 : 0));
}

static void
check_temporal_case (Check * check, guint i)
{
  gsize frames = temporal_cases[i].frames;
  gsize height = temporal_cases[i].height, width = temporal_cases[i].width;
  gsize pixels = height * width, gap = temporal_cases[i].gap;
  gsize head_dim = temporal_cases[i].head_dim;
  gsize channels = temporal_cases[i].heads * head_dim;
  gsize n = frames * pixels * channels;
  gfloat spread = temporal_cases[i].spread;
  gfloat *q_data, *k_data, *v_data;
  gdouble *expected, *scores;
  OclTensor query, key, value, output;

  if (!check_begin (check, 4.0 * n * frames,
          "temporal_f%zu_h%zu_w%zu_heads%u_d%zu_spread%.0f", frames, height,
          width, temporal_cases[i].heads, head_dim, spread))
    return;
  q_data = check_normal (check, n, spread);
  k_data = check_normal (check, n, spread);
  v_data = check_normal (check, n, 1);
  query = check_input (check, q_data, frames, height, width, channels, gap);
  key = check_input (check, k_data, frames, height, width, channels, gap);
  value = check_input (check, v_data, frames, height, width, channels, gap);
  output = check_output (check, frames, height, width, channels, gap);
  while (check_repeat (check))
    check_result (check, ocl_temporal_attention (check->queue,
            temporal_cases[i].heads, &query, &key, &value, &output,
            &check->error));
  if (check->bench)
    return;

  expected = check_doubles (check, n);
  scores = check_doubles (check, frames);
  for (gsize row = 0; row < frames * pixels; row++)
    for (gsize c = 0; c < channels; c += head_dim)
      reference_row (q_data + row * channels + c, k_data + c, v_data + c,
          channels, head_dim, row % pixels, pixels, frames, scores,
          expected + row * channels + c);
  check_compare (check, &output, expected, TOLERANCE * spread * spread);
}

/* Shapes that do not go together are refused. */
static void
check_refusals (Check * check)
{
  const OclAttention two = {.heads = 2 }, five = {.heads = 5 };
  OclTensor query, longer, wider, empty;

  if (!check_begin (check, 1, "refusals"))
    return;
  query = check_output (check, 3, 2, 2, 12, 0);
  longer = check_output (check, 2, 2, 2, 12, 0);
  wider = check_output (check, 3, 2, 2, 13, 0);
  check_refused (check, ocl_attention (check->queue, &five, &query, &query,
          &query, &query, &check->error));
  check_refused (check, ocl_attention (check->queue, &two, &query, &longer,
          &longer, &query, &check->error));
  check_refused (check, ocl_attention (check->queue, &two, &query, &query,
          &longer, &query, &check->error));
  check_refused (check, ocl_attention (check->queue, &two, &query, &query,
          &query, &wider, &check->error));
  check_refused (check, ocl_temporal_attention (check->queue, 2, &query, &query,
          &longer, &query, &check->error));
  check_refused (check, ocl_temporal_attention (check->queue, 0, &query, &query,
          &query, &query, &check->error));
  empty = query;
  empty.frames = 0;
  check_refused (check, ocl_attention (check->queue, &two, &empty, &query,
          &query, &empty, &check->error));
}

void
check_attention (Check * check)
{
  gboolean bf16 = check->type == OCL_F32 && ocl_multiplies_bf16 (check->device);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (check->bench || !cases[i].timed_only) {
      check_case (check, i, FALSE);
      if (bf16 && cases[i].head_dim >= 16 && cases[i].head_dim % 8 == 0)
        check_case (check, i, TRUE);
    }
  for (guint i = 0; i < G_N_ELEMENTS (temporal_cases); i++)
    check_temporal_case (check, i);
  check_refusals (check);
}
