/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Grids of key-frame windows.
 */
#include "vldm/stages/windows.h"

/* Window k of a plain video begins at frame k (size - overlap). */
static void
check_grid (void)
{
  guint size, overlap;

  for (size = 2; size < 10; size++)
    for (overlap = 1; overlap < size; overlap++) {
      guint64 first = 0;
      guint k;

      for (k = 0; k < 10; k++) {
        VldmKeyWindow window = vldm_key_window (first, size, overlap, 0);

        g_assert_cmpuint (window.begin, ==, k * (size - overlap));
        g_assert_cmpuint (window.end, ==, window.begin + size);
        g_assert_cmpuint (window.context, ==, k == 0 ? 0 : overlap);
        first = window.end;
      }
    }
}

/* A window that was cut short leaves what there is; a given frame is context where the video begins. */
static void
check_beginnings (void)
{
  VldmKeyWindow window = vldm_key_window (1, 8, 2, 0);

  g_assert_cmpuint (window.begin, ==, 0);
  g_assert_cmpuint (window.context, ==, 1);
  g_assert_cmpuint (window.end, ==, 8);

  window = vldm_key_window (0, 8, 2, 1);
  g_assert_cmpuint (window.begin, ==, 0);
  g_assert_cmpuint (window.context, ==, 1);
  g_assert_cmpuint (window.end, ==, 8);

  window = vldm_key_window (8, 8, 2, 1);
  g_assert_cmpuint (window.begin, ==, 6);
  g_assert_cmpuint (window.context, ==, 2);
}

int
main (void)
{
  check_grid ();
  check_beginnings ();
  return 0;
}
