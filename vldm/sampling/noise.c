/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * PyTorch's normal distribution on the CPU, in two parts: the mt19937 generator, and the two ways in which randn turns
 * its words into normal numbers, by blocks of 16 for long tensors and one by one for short ones.
 * Source: Matsumoto and Nishimura, "Mersenne Twister" (1998); PyTorch's ATen/native/cpu/DistributionTemplates.h and
 * ATen/core/DistributionsHelper.h.
 */
#include "vldm/sampling/noise.h"

#include <math.h>

#define STATE_SIZE 624
#define SHIFT_SIZE 397

/* Box-Muller takes two halves of a block: radii from the first, angles from the second. */
#define BLOCK 16
#define HALF_BLOCK (BLOCK / 2)

struct _VldmNoise
{
  guint32 state[STATE_SIZE];
  guint next;                   /* first word of state not yet given out */

  /* The sine half of the last pair that the short path drew. The long path neither uses nor clears it. */
  gboolean has_spare;
  gdouble spare;
};

VldmNoise *
vldm_noise_new (guint32 seed)
{
  VldmNoise *noise = g_new0 (VldmNoise, 1);

  noise->state[0] = seed;
  for (guint i = 1; i < STATE_SIZE; i++) {
    guint32 last = noise->state[i - 1];

    noise->state[i] = 1812433253u * (last ^ (last >> 30)) + i;
  }
  noise->next = STATE_SIZE;
  return noise;
}

void
vldm_noise_free (VldmNoise * noise)
{
  g_free (noise);
}

/* ---- mt19937 ---- */

static void
twist (VldmNoise * noise)
{
  guint32 *state = noise->state;

  for (guint i = 0; i < STATE_SIZE; i++) {
    guint32 mixed = (state[i] & 0x80000000u)
        | (state[(i + 1) % STATE_SIZE] & 0x7fffffffu);

    state[i] = state[(i + SHIFT_SIZE) % STATE_SIZE] ^ (mixed >> 1)
        ^ ((mixed & 1) ? 0x9908b0dfu : 0);
  }
  noise->next = 0;
}

static guint32
next_word (VldmNoise * noise)
{
  guint32 word;

  if (noise->next == STATE_SIZE)
    twist (noise);
  word = noise->state[noise->next++];
  word ^= word >> 11;
  word ^= (word << 7) & 0x9d2c5680u;
  word ^= (word << 15) & 0xefc60000u;
  return word ^ (word >> 18);
}

/* Uniform in [0, 1) with the bits of a float: torch's uniform_real_distribution<float>. */
static gdouble
next_uniform24 (VldmNoise * noise)
{
  return (next_word (noise) & 0xffffff) * 0x1p-24;
}

/* The same with the bits of a double; the first word is the high one. */
static gdouble
next_uniform53 (VldmNoise * noise)
{
  guint64 high = next_word (noise);
  guint64 low = next_word (noise);

  return ((high << 32 | low) & ((G_GUINT64_CONSTANT (1) << 53) - 1)) * 0x1p-53;
}

/* ---- normal numbers ---- */

/* normal_fill_16: number j pairs with number j + 8. The angle is rounded to fp32 as torch does, which a radius of 5
 * would show; torch's vectorised logarithm and sine differ by less. */
static void
fill_block (VldmNoise * noise, gfloat * out)
{
  gdouble uniform[BLOCK];

  for (guint j = 0; j < BLOCK; j++)
    uniform[j] = next_uniform24 (noise);
  for (guint j = 0; j < HALF_BLOCK; j++) {
    gdouble radius = sqrt (-2.0 * log (1.0 - uniform[j]));
    gfloat angle = (gfloat) (2.0 * G_PI) * (gfloat) uniform[j + HALF_BLOCK];

    out[j] = radius * cos (angle);
    out[j + HALF_BLOCK] = radius * sin (angle);
  }
}

/* normal_distribution<double>: pairs, the second number kept for the next call. */
static gdouble
next_normal (VldmNoise * noise)
{
  gdouble angle, radius;

  if (noise->has_spare) {
    noise->has_spare = FALSE;
    return noise->spare;
  }
  angle = 2.0 * G_PI * next_uniform53 (noise);
  radius = sqrt (-2.0 * log1p (-next_uniform53 (noise)));
  noise->spare = radius * sin (angle);
  noise->has_spare = TRUE;
  return radius * cos (angle);
}

void
vldm_noise_fill (VldmNoise * noise, gfloat * out, gsize n)
{
  if (n < BLOCK) {
    for (gsize i = 0; i < n; i++)
      out[i] = next_normal (noise);
    return;
  }
  for (gsize i = 0; i + BLOCK <= n; i += BLOCK)
    fill_block (noise, out + i);
  /* Where the blocks do not come out even, torch draws the rest of the uniform numbers too, then rewrites the last 16
   * from fresh ones. */
  if (n % BLOCK != 0) {
    for (gsize i = 0; i < n % BLOCK; i++)
      next_word (noise);
    fill_block (noise, out + n - BLOCK);
  }
}
