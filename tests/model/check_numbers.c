/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The search for NaN and infinities: the first is found wherever it stands, whatever its sign and its other bits.
 */
#include <string.h>

#include "vldm/numbers.h"

/* Some blocks and a rest. */
#define N 5003

static const gsize places[] = { 0, 1, 1023, 1024, 2047, 2048, 4999, N - 1 };

static void
check_floats (void)
{
  static const guint32 kinds[] = { 0x7f800000, 0xff800000, 0x7fc00000,
    0xffc00001, 0x7f800001
  };
  g_autofree gfloat *numbers = g_new (gfloat, N);

  for (gsize i = 0; i < N; i++)
    numbers[i] = i % 3 == 0 ? 0x1.fffffep127f : i % 3 == 1 ? -0x1p-149f : 0.0f;
  g_assert_cmpuint (vldm_find_not_finite (numbers, N), ==, N);
  g_assert_cmpuint (vldm_find_not_finite (numbers, 0), ==, 0);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    for (guint p = 0; p < G_N_ELEMENTS (places); p++) {
      gfloat kept = numbers[places[p]];

      memcpy (&numbers[places[p]], &kinds[k], sizeof (gfloat));
      g_assert_cmpuint (vldm_find_not_finite (numbers, N), ==, places[p]);
      numbers[places[p]] = kept;
    }
  }
}

static void
check_halves (void)
{
  static const guint16 kinds[] = { 0x7c00, 0xfc00, 0x7e00, 0xffff };
  g_autofree guint16 *numbers = g_new (guint16, N);

  for (gsize i = 0; i < N; i++)
    numbers[i] = i % 3 == 0 ? 0x7bff : i % 3 == 1 ? 0xfbff : 0;
  g_assert_cmpuint (vldm_find_not_finite_half (numbers, N), ==, N);
  g_assert_cmpuint (vldm_find_not_finite_half (numbers, 0), ==, 0);
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    for (guint p = 0; p < G_N_ELEMENTS (places); p++) {
      guint16 kept = numbers[places[p]];

      numbers[places[p]] = kinds[k];
      g_assert_cmpuint (vldm_find_not_finite_half (numbers, N), ==, places[p]);
      numbers[places[p]] = kept;
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/numbers/floats", check_floats);
  g_test_add_func ("/numbers/halves", check_halves);
  return g_test_run ();
}
