/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kernels' test bench, after dav1d's checkasm: a test is a function check_x () in check_x.c with a line in the table
 * of tests.h. It is called for every device, kernel form and storage type, and goes through its cases:
 *
 *   for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
 *     if (!check_begin (check, operations, "c%u_n%u", c, n))
 *       continue;
 *     x_data = check_normal (check, n * c, 1);
 *     x = check_input (check, x_data, 1, 1, n, c, 0);
 *     y = check_output (check, 1, 1, n, c, 0);
 *     while (check_repeat (check))
 *       check_result (check, ocl_thing (check->queue, &x, &y, &check->error));
 *     reference (expected = check_doubles (check, n * c), x_data, ...);
 *     check_compare (check, &y, expected, 1e-6);
 *   }
 *
 * The same loop times the operation with --bench. Everything that a case allocates here goes with the case.
 */
#pragma once

#include "opencl/ops/ops.h"

G_BEGIN_DECLS

typedef struct
{
  /* What the round is about; read only for tests. */
  OclDevice *device;
  OclQueue *queue;
  OclForm form;
  OclType type;                 /* storage of check_input () and check_output () */
  gboolean bench;
  GError *error;                /* for the operation under test; check_result () takes it */

  struct _CheckState *state;
} Check;

/* Starts a case of about @operations arithmetic operations (2 a multiply-add). FALSE: not asked for (--test, --small,
 * --list), go on to the next. @format: its parameters, as in "c32_t5"; they must differ from case to case. */
gboolean check_begin (Check * check, gdouble operations, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* @n values of a normal distribution with deviation @scale, or integers in [0, @below). The same for every run with the
 * same seed and case. */
gfloat *check_normal (Check * check, gsize n, gfloat scale);
guint32 *check_integers (Check * check, gsize n, guint32 below);

/* @n zeros for a reference. */
gdouble *check_doubles (Check * check, gsize n);

/* Rounds to what @type can store, so that a reference sees the values that the device sees. */
void check_round (gfloat * data, gsize n, OclType type);

/* A tensor [frames, height, width, channels] of the round's type that holds @data, which is rounded to it in place.
 * Pixels lie channels + @gap elements apart; all around and between the pixels is NaN, so that whatever reads more than
 * the tensor shows. */
OclTensor check_input (Check * check, gfloat * data, gsize frames, gsize height, gsize width, gsize channels,
    gsize gap);
OclTensor check_input_typed (Check * check, OclType type, gfloat * data, gsize frames, gsize height, gsize width,
    gsize channels, gsize gap);

/* The same for results: NaN inside, until it is written, and a pattern around that check_compare () looks after. */
OclTensor check_output (Check * check, gsize frames, gsize height, gsize width, gsize channels, gsize gap);
OclTensor check_output_typed (Check * check, OclType type, gsize frames, gsize height, gsize width, gsize channels,
    gsize gap);

/* A tensor that is read and written: holds @data like an input, guarded like an output. */
OclTensor check_in_out (Check * check, gfloat * data, gsize frames, gsize height, gsize width, gsize channels,
    gsize gap);

/* A constant fp32 vector, or other bytes, on the device; freed with the case. */
OclBuffer *check_vector (Check * check, const gfloat * data, gsize n);
OclBuffer *check_bytes (Check * check, gconstpointer data, gsize n);

/* Hands @object to the case, which frees it. Returns it. */
gpointer check_own (Check * check, gpointer object, GDestroyNotify free_func);

/* while (check_repeat (check)) runs its body once, with --bench as often as a stable time needs. */
gboolean check_repeat (Check * check);

/* Fails the case if @ok is FALSE, with check->error. */
void check_result (Check * check, gboolean ok);

/* Fails the case unless the operation refused its arguments: @ok is FALSE and check->error is an OCL_ERROR_CALL. */
void check_refused (Check * check, gboolean ok);

/* Fails the case unless @condition, with this text. */
void check_that (Check * check, gboolean condition, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Reads @tensor, made by this case, and fails the case where max |tensor - expected| / max |expected| is above
 * @tolerance (which is for fp32; what fp16 rounds away comes on top for fp16 tensors), a value is not finite, or
 * something around the tensor was overwritten. @expected: packed [frames, height, width, channels]. */
void check_compare (Check * check, const OclTensor * tensor, const gdouble * expected, gdouble tolerance);

G_END_DECLS
