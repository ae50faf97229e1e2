/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the runner (kernels.c) and the cases (check.c) share; tests see check.h only.
 */
#pragma once

#include "tests/kernels/check.h"

G_BEGIN_DECLS

typedef struct
{
  char *test, *device, *form, *type;    /* NULL = all */
  guint seed;
  gboolean list, bench, small;
} CheckOptions;

typedef struct _CheckState
{
  const CheckOptions *options;
  const char *test;             /* name in the table */
  const char *device;           /* its number, for a case to be pasted */

  /* of the round */
  guint cases, failures, skipped;
  gdouble worst;                /* largest error as a part of its tolerance */

  /* of the case */
  GString *name;                /* "test/case" */
  gboolean failed;
  GRand *random;
  GArray *owned, *tensors;
  gdouble operations;

  /* of its timing */
  guint round, repeats, wanted;
  guint64 round_start;
  gdouble best_ns;
} CheckState;

void check_state_init (Check * check, CheckState * state, const CheckOptions * options);
void check_state_clear (Check * check);

/* Frees what the case holds and counts it. */
void check_end (Check * check);

G_END_DECLS
