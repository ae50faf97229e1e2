/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The only two callbacks that go upwards from a stage: progress and log, set at the call.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a stage is doing. Names as in GStreamer progress messages. */
typedef enum
{
  VLDM_ACTIVITY_LOAD_MODEL,     /* "load-model" */
  VLDM_ACTIVITY_BUILD_KERNELS,  /* "build-kernels" */
  VLDM_ACTIVITY_TUNE_KERNELS,   /* "tune-kernels" */
  VLDM_ACTIVITY_ENCODE_TEXT,    /* "encode-text" */
  VLDM_ACTIVITY_DENOISE,        /* "denoise": done and total are denoising steps */
  VLDM_ACTIVITY_DECODE,         /* "decode": frames */
  VLDM_ACTIVITY_ENCODE,         /* "encode": frames */
} VldmActivity;

const char *vldm_activity_name (VldmActivity activity);

typedef struct
{
  /* Called with every change and, with unchanged numbers, at least every ~100 ms of work. @total 0 = unknown.
   * FALSE cancels: the call in progress fails with VLDM_ERROR_CANCELLED. May be NULL. */
  gboolean (*progress) (VldmActivity activity, guint done, guint total, gpointer user_data);
  /* A warning for the user, such as a prompt that was cut. May be NULL. */
  void (*warn) (const char *message, gpointer user_data);
  gpointer user_data;
} VldmProgress;

G_END_DECLS
