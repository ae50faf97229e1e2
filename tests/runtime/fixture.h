/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A device and a queue for a test, and what tests of errors ask.
 */
#pragma once

#include "opencl/ops/ops.h"

G_BEGIN_DECLS

typedef struct
{
  OclDevice *device;
  OclQueue *queue;
} Fixture;

/* The default device; tear_down () also checks that no buffer is left. */
void set_up (Fixture * f, gconstpointer unused);
void tear_down (Fixture * f, gconstpointer unused);

/* The same, with kernels from tests/runtime/kernels. */
void set_up_probe (Fixture * f, gconstpointer unused);
void tear_down_probe (Fixture * f, gconstpointer unused);

/* That @error has this code and that its message contains @text. */
void assert_says (GError * error, OclError code, const char *text);

G_END_DECLS
