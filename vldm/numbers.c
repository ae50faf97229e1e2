/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The search for numbers whose exponent has all bits set. Blocks of a constant size are gone through without a branch, so
 * that compilers make vectors of them; only a block that has such a number is looked at one by one.
 */
#include "vldm/numbers.h"

#include <string.h>

#define BLOCK 1024

#define MAGNITUDE 0x7fffffff
#define LARGEST_FINITE 0x7f7fffff
#define HALF_MAGNITUDE 0x7fff
#define LARGEST_FINITE_HALF 0x7bff

static gboolean
block_is_finite (const gfloat * numbers)
{
  gint32 found = 0;

  for (guint i = 0; i < BLOCK; i++) {
    gint32 bits;

    memcpy (&bits, &numbers[i], sizeof (bits));
    found |= (bits & MAGNITUDE) > LARGEST_FINITE;
  }
  return !found;
}

gsize
vldm_find_not_finite (const gfloat * numbers, gsize n)
{
  gsize i = 0;

  while (n - i >= BLOCK && block_is_finite (numbers + i))
    i += BLOCK;
  for (; i < n; i++) {
    gint32 bits;

    memcpy (&bits, &numbers[i], sizeof (bits));
    if ((bits & MAGNITUDE) > LARGEST_FINITE)
      break;
  }
  return i;
}

static gboolean
half_block_is_finite (const guint16 * numbers)
{
  gint16 found = 0;

  for (guint i = 0; i < BLOCK; i++)
    found |= (gint16) (numbers[i] & HALF_MAGNITUDE) > LARGEST_FINITE_HALF;
  return !found;
}

gsize
vldm_find_not_finite_half (const guint16 * numbers, gsize n)
{
  gsize i = 0;

  while (n - i >= BLOCK && half_block_is_finite (numbers + i))
    i += BLOCK;
  while (i < n && (numbers[i] & HALF_MAGNITUDE) <= LARGEST_FINITE_HALF)
    i++;
  return i;
}
