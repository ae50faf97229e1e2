/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Kernels that show what the runtime did: which work-items ran, and how long a launch may take.
 */
#include "probe.clh"

/* counts[x + width (y + height z)] += NUMBER, for each work-item once. */
__kernel void
count (__global int *counts, int width, int height, int depth)
{
  const int x = get_global_id (0), y = get_global_id (1), z = get_global_id (2);

  if (x < width && y < height && z < depth)
    counts[x + width * (y + height * z)] += NUMBER;
}

/* `rounds` multiplications, each of which needs the one before. */
__kernel void
spin (__global float *out, int rounds)
{
  float x = get_global_id (0);

  for (int i = 0; i < rounds; i++)
    x = fma (x, 0.999f, 1.0f);
  out[get_global_id (0)] = x;
}
