/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an element says and hears while a stage works: progress messages on the bus, warnings, and the flag that cancels.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/progress.h"

G_BEGIN_DECLS

#define GST_VLDM_N_ACTIVITIES (VLDM_ACTIVITY_ENCODE + 1)

/* One a thread that calls stages. Only `cancelled` may be touched from other threads. */
typedef struct
{
  GstElement *element;          /* not owned: outlives this */
  VldmProgress callbacks;       /* what stages take */
  gint cancelled;               /* atomic */

  gint64 last_message;          /* monotonic time, microseconds */
  struct
  {
    enum { GST_VLDM_IDLE, GST_VLDM_RUNNING, GST_VLDM_QUIET, GST_VLDM_DONE } state;
    gint64 started;
    guint done;
  } activities[GST_VLDM_N_ACTIVITIES];
} GstVldmProgress;

void gst_vldm_progress_init (GstVldmProgress * progress, GstElement * element);

/* Makes the call in progress, and all later ones, end with a CANCELLED error, or allows calls again. Any thread. */
void gst_vldm_progress_cancel (GstVldmProgress * progress);
void gst_vldm_progress_resume (GstVldmProgress * progress);

/* After each call of a stage: ends all activities that the call began, as complete, cancelled or (@error) failed. */
void gst_vldm_progress_end (GstVldmProgress * progress, const GError * error);

G_END_DECLS
