/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * opencl/ops/convert.h against plain C. Bytes must be equal; the way back loses nothing but fp32's last place.
 */

#include "tests/kernels/tests.h"

#include <math.h>
#include <string.h>

static const struct
{
  gsize frames, height, width, channels, gap;
} planar_cases[] = {
  {1, 1, 1, 1, 0},
  {3, 5, 7, 4, 0},
  {2, 9, 8, 5, 3},
  {2, 16, 65, 33, 0},
  {8, 64, 128, 4, 5},
};

static const struct
{
  gsize frames, height, width, picture_height, picture_width, gap;
} rgb_cases[] = {
  {1, 1, 1, 1, 1, 0},
  {2, 5, 7, 5, 7, 0},
  {2, 8, 70, 3, 67, 4},
  {3, 128, 256, 120, 256, 0},
};

/* Both directions between the round's type and @type, and an offset in the planar buffer. */
static void
planar (Check * check, guint i, OclType type)
{
  gsize frames = planar_cases[i].frames, channels = planar_cases[i].channels;
  gsize height = planar_cases[i].height, width = planar_cases[i].width;
  gsize pixels = height * width, n = frames * pixels * channels;
  const gsize offset = 13;
  gfloat *data, *turned;
  gdouble *expected;
  OclTensor x, y, flat;

  if (!check_begin (check, n, "planar%d_f%zu_h%zu_w%zu_c%zu_gap%zu", type,
          frames, height, width, channels, planar_cases[i].gap))
    return;
  data = check_normal (check, n, 1);
  check_round (data, n, OCL_F16);
  turned = check_normal (check, n, 1);
  for (gsize k = 0; k < n; k++) {
    gsize f = k / channels / pixels, p = k / channels % pixels;
    turned[(f * channels + k % channels) * pixels + p] = data[k];
  }
  x = check_input (check, data, frames, height, width, channels,
      planar_cases[i].gap);
  flat = check_output_typed (check, type, 1, 1, 1, n + offset, 0);
  y = check_output (check, frames, height, width, channels,
      planar_cases[i].gap);
  while (check_repeat (check)) {
    check_result (check, ocl_to_planar (check->queue, &x, flat.buffer,
            flat.offset + offset, type, &check->error));
    check_result (check, ocl_from_planar (check->queue, flat.buffer,
            flat.offset + offset, type, &y, &check->error));
  }
  expected = check_doubles (check, n);
  for (gsize k = 0; k < n; k++)
    expected[k] = data[k];
  check_compare (check, &y, expected, 0);
  flat.offset += offset;
  flat.channels = flat.stride = n;
  for (gsize k = 0; k < n; k++)
    expected[k] = turned[k];
  check_compare (check, &flat, expected, 0);
}

static guint8
byte_of (gfloat value)
{
  gfloat v = CLAMP (value * 0.5f + 0.5f, 0, 1);

  /* As numpy's round: half to even. */
  return rintf (v * 255);
}

/* There and back: cropped on the way there, filled up on the way back. */
static void
rgb (Check * check, guint i)
{
  gsize frames = rgb_cases[i].frames, height = rgb_cases[i].height;
  gsize width = rgb_cases[i].width, gap = rgb_cases[i].gap;
  gsize ph = rgb_cases[i].picture_height, pw = rgb_cases[i].picture_width;
  gsize n = frames * height * width * 3, bytes = frames * ph * pw * 3;
  const gsize offset = 5;
  guint8 *picture, *read;
  OclBuffer *buffer;
  gdouble *expected;
  gfloat *data;
  OclTensor x, y;

  if (!check_begin (check, n, "rgb_f%zu_h%zu_w%zu_ph%zu_pw%zu_gap%zu", frames,
          height, width, ph, pw, gap))
    return;
  data = check_normal (check, n, 1);
  picture = check_own (check, g_malloc (bytes), g_free);
  read = check_own (check, g_malloc0 (bytes + 2 * offset), g_free);
  x = check_input (check, data, frames, height, width, 3, gap);
  y = check_output (check, frames, height, width, 3, gap);
  buffer = check_bytes (check, read, bytes + 2 * offset);
  while (check_repeat (check)) {
    check_result (check, ocl_to_rgb8 (check->queue, &x, ph, pw, buffer, offset,
            &check->error));
    check_result (check, ocl_from_rgb8 (check->queue, buffer, offset, ph, pw,
            &y, &check->error));
  }
  expected = check_doubles (check, n);
  for (gsize k = 0; k < n; k++) {
    gsize f = k / 3 / width / height, row = k / 3 / width % height;
    gsize column = k / 3 % width;
    if (row < ph && column < pw)
      picture[((f * ph + row) * pw + column) * 3 + k % 3] = byte_of (data[k]);
  }
  for (gsize k = 0; k < n; k++) {
    gsize f = k / 3 / width / height;
    gsize row = MIN (k / 3 / width % height, ph - 1);
    gsize column = MIN (k / 3 % width, pw - 1);
    expected[k] = 2.0 * picture[((f * ph + row) * pw + column) * 3 + k % 3]
        / 255 - 1;
  }
  check_compare (check, &y, expected, 2e-7);
  check_result (check, ocl_queue_read (check->queue, buffer, 0, read,
          bytes + 2 * offset, &check->error));
  check_that (check, memcmp (read + offset, picture, bytes) == 0,
      "the bytes differ");
  for (gsize k = 0; k < offset; k++)
    check_that (check, read[k] == 0 && read[offset + bytes + k] == 0,
        "bytes around the picture were overwritten");
}

void
check_convert (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (planar_cases); i++) {
    planar (check, i, OCL_F32);
    planar (check, i, OCL_F16);
  }
  for (guint i = 0; i < G_N_ELEMENTS (rgb_cases); i++)
    rgb (check, i);
}
