/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Grids of windows and chunks, and seeds of windows: arithmetic on frame numbers only.
 */
#include "vldm/stages/windows.h"

guint64
vldm_chunk_start (const VldmChunks * chunks, guint64 j)
{
  return j * (chunks->size - chunks->overlap);
}

guint64
vldm_first_chunk_of (const VldmChunks * chunks, guint64 n)
{
  if (n < chunks->size)
    return 0;
  return (n - chunks->size) / (chunks->size - chunks->overlap) + 1;
}

guint64
vldm_last_chunk_of (const VldmChunks * chunks, guint64 n)
{
  return n / (chunks->size - chunks->overlap);
}

guint32
vldm_window_seed (guint32 seed, guint64 window, guint stage)
{
  return seed + 2654435769u * (guint32) (window + ((guint64) stage << 20));
}

VldmKeyWindow
vldm_key_window (guint64 first, guint size, guint overlap, guint given)
{
  VldmKeyWindow window = { 0, };

  window.context = first == 0 ? given : MIN (overlap, first);
  window.begin = first == 0 ? 0 : first - window.context;
  window.end = window.begin + size;
  return window;
}
