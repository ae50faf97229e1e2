/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tiles: they cover their field, the last one ends with it, and their weights add up to one everywhere.
 */
#include <glib.h>
#include <math.h>

#include "vldm/stages/tiles.h"

static void
check_field (guint length, guint size, guint overlap)
{
  VldmTiles tiles = vldm_tiles_new (length, size, overlap);
  g_autofree gdouble *sums = g_new0 (gdouble, length);
  g_autofree gfloat *weights = g_new (gfloat, tiles.size);

  g_assert_cmpuint (tiles.size, ==, MIN (size, length));
  g_assert_cmpuint (vldm_tile_start (&tiles, 0), ==, 0);
  g_assert_cmpuint (vldm_tile_start (&tiles, tiles.n - 1) + tiles.size, ==,
      length);
  for (guint i = 0; i < tiles.n; i++) {
    guint start = vldm_tile_start (&tiles, i);

    if (i > 0) {
      guint before = vldm_tile_start (&tiles, i - 1);

      g_assert_cmpuint (start, >, before);
      g_assert_cmpuint (start + overlap, <=, before + tiles.size);
    }
    vldm_tile_weights (&tiles, i, weights);
    for (guint p = 0; p < tiles.size; p++) {
      g_assert_cmpfloat (weights[p], >, 0.0);
      sums[start + p] += weights[p];
    }
  }
  for (guint p = 0; p < length; p++)
    g_assert_cmpfloat (fabs (sums[p] - 1.0), <, 1e-6);
}

static void
check_sums (void)
{
  for (guint length = 1; length < 70; length++)
    for (guint size = 1; size < 40; size += 3)
      for (guint overlap = 0; overlap <= size / 2; overlap++)
        check_field (length, size, overlap);
  check_field (4096, 320, 64);
}

/* One tile is the field itself, not a bit of it weighted. */
static void
check_one (void)
{
  VldmTiles tiles = vldm_tiles_new (37, 64, 16);
  gfloat weights[37];

  g_assert_cmpuint (tiles.n, ==, 1);
  vldm_tile_weights (&tiles, 0, weights);
  for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
    g_assert_true (weights[i] == 1.0f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tiles/sums", check_sums);
  g_test_add_func ("/tiles/one", check_one);
  return g_test_run ();
}
