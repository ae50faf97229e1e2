/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Choice by measurement. An operation with several variants that are equally right asks here which is the fastest
 * for its shape on this device. Unless the environment says otherwise, the answer is the variant that was measured
 * and remembered earlier, else the operation's own guess: nothing is measured unless the user asks for it.
 *
 * Environment variable VLDM_TUNING:
 *   auto   remembered choices, else the built-in ones (the same as not set)
 *   off    built-in choices; no file is read or written
 *   now    remembered choices; any other shape is measured when it is first met, and remembered
 *   show   like auto, and prints each choice when its shape is first met
 *
 * Choices are remembered in VLDM_CACHE_DIR, else in the folder gst-vldm of the user's cache folder, in one text file
 * per device, driver, form and version of this library. The file may be read, edited and deleted.
 *
 * A choice never changes within a process once it was used, and the tuner never changes a remembered choice: so
 * frames stay equal to the last bit. A variant that fails, or during which the process ends, is remembered, too, and
 * not tried again.
 */
#pragma once

#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

#define OCL_TUNING_MAX_VARIANTS 16

typedef struct
{
  const char *operation;        /* "conv" */
  const char *shape;            /* all that decides speed, "1x3x3 320>320 f32 to 8x40x64"; without "=", "[" and "]" */
  const char *const *variants;  /* names, without spaces and ';', of all variants that are possible here */
  guint n_variants;             /* up to OCL_TUNING_MAX_VARIANTS */
  guint built_in;               /* index of the variant that is taken if nothing was measured */

  /* Enqueues one variant. May be called many times, so the variant must write to memory of its own (ocl_tensor_alloc
   * ()). */
  gboolean (*run) (OclQueue * queue, guint variant, gpointer user_data, GError ** error);
  gpointer user_data;
} OclTuningQuestion;

/* *@variant = index of the variant to take. Fails only if the queue's check function cancels a measurement. */
gboolean ocl_tuning_choose (OclQueue * queue, const OclTuningQuestion * question, guint * variant, GError ** error);

G_END_DECLS
