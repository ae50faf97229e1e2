/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Choice by measurement. Where an operation can be done in several ways that are equally right, it asks here which one is
 * the fastest for its shape on this device. Unless the environment says otherwise, the answer is what was measured and
 * remembered before, else the operation's own guess: nothing is measured that nobody asked for.
 *
 * Environment variable VLDM_TUNING:
 *   auto   what is remembered, else built in (the same as not set)
 *   off    built in; nothing is read or written
 *   now    what is remembered; all else is measured when it is first met, and remembered
 *   show   as auto, and prints each choice when it is first met
 *
 * What is remembered lies in VLDM_CACHE_DIR, else in the user's cache folder under gst-vldm, in one text file for each
 * device, driver, form and version of this library. It may be read, edited and deleted.
 *
 * A choice that was used is never changed in the process, and a remembered one never by the tuner: so frames stay equal to
 * the last bit. A variant that fails is remembered, too, and not tried again; so is one during which the process ended.
 */
#pragma once

#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

#define OCL_TUNING_MAX_VARIANTS 16

typedef struct
{
  const char *operation;        /* "conv" */
  const char *shape;            /* all that decides speed, "1x3x3 320>320 f32 to 8x40x64"; without '=', '[' and ']' */
  const char *const *variants;  /* names without spaces and ';', of all ways that are possible here */
  guint n_variants;             /* up to OCL_TUNING_MAX_VARIANTS */
  guint built_in;               /* index of the one that is taken where nothing was measured */

  /* Enqueues one variant. It may run many times, so it writes to memory of its own (ocl_tensor_alloc ()). */
  gboolean (*run) (OclQueue * queue, guint variant, gpointer user_data, GError ** error);
  gpointer user_data;
} OclTuningQuestion;

/* *@variant = index of the variant to take. Fails only where measuring is cancelled by the queue's check function. */
gboolean ocl_tuning_choose (OclQueue * queue, const OclTuningQuestion * question, guint * variant, GError ** error);

G_END_DECLS
