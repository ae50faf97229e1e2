/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The ratio of sums, and its percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
 */
#include "seam.h"

#define SAMPLES 2000

typedef struct
{
  gdouble border, inside;
} Pair;

void
seam_init (Seam * seam)
{
  seam->borders = g_array_new (FALSE, FALSE, sizeof (Pair));
}

void
seam_clear (Seam * seam)
{
  g_clear_pointer (&seam->borders, g_array_unref);
}

void
seam_add (Seam * seam, gdouble border, gdouble inside)
{
  const Pair pair = { border, inside };

  g_array_append_val (seam->borders, pair);
}

/* With @random, of as many borders drawn with replacement. */
static gdouble
ratio_of (const Seam * seam, GRand * random)
{
  guint n = seam->borders->len;
  Pair sum = { 0.0, 0.0 };

  for (guint i = 0; i < n; i++) {
    guint index = random == NULL ? i : (guint) g_rand_int_range (random, 0, n);
    const Pair *pair = &g_array_index (seam->borders, Pair, index);

    sum.border += pair->border;
    sum.inside += pair->inside;
  }
  return sum.border / sum.inside;
}

static int
compare (const void *a, const void *b)
{
  gdouble difference = *(const gdouble *) a - *(const gdouble *) b;

  return difference < 0.0 ? -1 : difference > 0.0;
}

gdouble
seam_ratio (const Seam * seam, const char *name, gdouble * lower,
    gdouble * upper)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  gdouble ratio = ratio_of (seam, NULL);
  gdouble samples[SAMPLES];

  for (guint i = 0; i < SAMPLES; i++)
    samples[i] = ratio_of (seam, random);
  qsort (samples, SAMPLES, sizeof (*samples), compare);
  g_test_message ("%s: %.3f over %u borders; 95%% sure above %.3f, below %.3f",
      name, ratio, seam->borders->len, samples[SAMPLES / 20],
      samples[SAMPLES - SAMPLES / 20]);
  if (lower != NULL)
    *lower = samples[SAMPLES / 20];
  if (upper != NULL)
    *upper = samples[SAMPLES - SAMPLES / 20];
  return ratio;
}
