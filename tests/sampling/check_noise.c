/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Noise against torch.randn: sequences of calls from one generator, as make_sampling.py wrote them.
 */
#include <math.h>

#include "rows.h"
#include "vldm/sampling/noise.h"
#include "vldm/stages/windows.h"

/* Torch computes in fp32 with approximated logarithm and sine. */
#define TOLERANCE 1e-6

/* make_sampling.py keeps the whole of calls up to SHORT, of others the first HEAD and the rest from the end. */
#define SHORT 32
#define HEAD 8

static void
check_call (VldmNoise * noise, gint64 seed, JsonObject * call)
{
  gsize n = json_object_get_int_member (call, "n");
  JsonArray *expected = json_object_get_array_member (call, "values");
  guint n_expected = json_array_get_length (expected);
  g_autofree gfloat *values = g_new (gfloat, n);

  vldm_noise_fill (noise, values, n);
  g_assert_cmpuint (n_expected, ==, n <= SHORT ? n : 28);
  for (guint i = 0; i < n_expected; i++) {
    gsize index = n <= SHORT || i < HEAD ? i : n - n_expected + i;
    gdouble want = json_array_get_double_element (expected, i);

    if (!(fabs (values[index] - want) <= TOLERANCE))
      g_error ("seed %" G_GINT64_FORMAT ", call of %" G_GSIZE_FORMAT
          " numbers: number %" G_GSIZE_FORMAT " is %.9g, torch has %.9g", seed,
          n, index, values[index], want);
  }
}

static void
check_row (guint index, JsonObject * row)
{
  gint64 seed = json_object_get_int_member (row, "seed");
  JsonArray *calls = json_object_get_array_member (row, "calls");
  g_autoptr (VldmNoise) noise = vldm_noise_new (seed);

  for (guint i = 0; i < json_array_get_length (calls); i++)
    check_call (noise, seed, json_array_get_object_element (calls, i));
}

static void
check_torch (gconstpointer path)
{
  rows_for_each (path, "noise", 1, check_row);
}

/* The formula of the header, on numbers worked out by hand. */
static void
check_window_seeds (void)
{
  g_assert_cmpuint (vldm_window_seed (42, 0, 0), ==, 42);
  g_assert_cmpuint (vldm_window_seed (42, 1, 0), ==, 2654435811u);
  g_assert_cmpuint (vldm_window_seed (0xffffffffu, 1, 0), ==, 2654435768u);
  /* 2654435769 * 2^20 = 0x779b9 * 2^20 mod 2^32 = 0x9b900000 */
  g_assert_cmpuint (vldm_window_seed (0, 0, 1), ==, 0x9b900000u);
  /* only the low 32 bits of a window's number count */
  g_assert_cmpuint (vldm_window_seed (7, (G_GUINT64_CONSTANT (1) << 32) + 3,
          15), ==, vldm_window_seed (7, 3, 15));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  g_test_add_data_func ("/noise/torch", argv[1], check_torch);
  g_test_add_func ("/noise/window-seeds", check_window_seeds);
  return g_test_run ();
}
