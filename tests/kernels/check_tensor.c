/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Transfer of tensors between host and device, and views.
 */

#include "tests/kernels/tests.h"

#include <string.h>

static const struct
{
  gsize frames, height, width, channels, gap;
} cases[] = {
  {1, 1, 1, 1, 0},
  {2, 3, 5, 7, 0},
  {2, 3, 5, 7, 9},
  {3, 8, 8, 64, 16},
};

void
check_tensor (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    gsize pixels = cases[i].frames * cases[i].height * cases[i].width;
    gsize channels = cases[i].channels, n = pixels * channels;
    gfloat *data, *back;
    gdouble *expected;
    OclTensor tensor;

    if (!check_begin (check, n, "f%zu_h%zu_w%zu_c%zu_gap%zu", cases[i].frames,
            cases[i].height, cases[i].width, channels, cases[i].gap))
      continue;
    data = check_normal (check, n, 100);
    tensor = check_output (check, cases[i].frames, cases[i].height,
        cases[i].width, channels, cases[i].gap);
    check_result (check, ocl_tensor_write (check->queue, &tensor, data,
            &check->error));

    check_round (data, n, check->type);
    expected = check_doubles (check, n);
    for (gsize k = 0; k < n; k++)
      expected[k] = data[k];
    check_compare (check, &tensor, expected, 0);
    back = check_normal (check, n, 1);
    check_result (check, ocl_tensor_read (check->queue, &tensor, back,
            &check->error));
    check_that (check, memcmp (back, data, n * sizeof *data) == 0,
        "reading gives other values than were written");
  }
}
