/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tiles along one axis.
 */
#include "vldm/stages/tiles.h"

VldmTiles
vldm_tiles_new (guint length, guint size, guint overlap)
{
  VldmTiles tiles;

  tiles.length = length;
  tiles.size = MIN (size, length);
  tiles.step = tiles.size > overlap ? tiles.size - overlap : 1;
  tiles.n = 1 + (length - tiles.size + tiles.step - 1) / tiles.step;
  return tiles;
}

guint
vldm_tile_start (const VldmTiles * tiles, guint i)
{
  return MIN (i * tiles->step, tiles->length - tiles->size);
}

/* Before they are made to add up: 1 in the middle, falling towards neighbours, not towards the field's own ends. */
static gdouble
ramp (const VldmTiles * tiles, guint i, guint position)
{
  guint start = vldm_tile_start (tiles, i);
  guint end = start + tiles->size;
  gdouble weight = 1.0;

  if (position < start || position >= end)
    return 0.0;
  if (i > 0) {
    guint shared = vldm_tile_start (tiles, i - 1) + tiles->size - start;

    weight = MIN (weight, (position - start + 1.0) / (shared + 1.0));
  }
  if (i + 1 < tiles->n) {
    guint shared = end - vldm_tile_start (tiles, i + 1);

    weight = MIN (weight, (gdouble) (end - position) / (shared + 1.0));
  }
  return weight;
}

void
vldm_tile_weights (const VldmTiles * tiles, guint i, gfloat * weights)
{
  guint start = vldm_tile_start (tiles, i);

  for (guint p = 0; p < tiles->size; p++) {
    gdouble sum = 0.0;

    for (guint j = 0; j < tiles->n; j++)
      sum += ramp (tiles, j, start + p);
    weights[p] = ramp (tiles, i, start + p) / sum;
  }
}
