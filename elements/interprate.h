/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldminterp makes of frame numbers, durations and latency: plain arithmetic for seeks and queries.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  guint factor;                 /* 0 = not negotiated yet: queries pass unchanged */
  gint fps_n, fps_d;            /* of the output; 0/1 = variable */
  gboolean hold;                /* the last frame is repeated */
  guint reach;                  /* known frames may lie so many of them beside the grid; 0 = exactly on it */
  GstClockTime spacing;         /* of known frames, where it is more than the rate means; else 0 */
} GstVldmInterpRate;

/* A GstVldmWiden for GstVldmInterpRate: frames of the output become the range that holds the known frames of all their
 * gaps. Where those do not lie on the grid, it begins in the middle of the frame before them: upstream cuts that one, but not
 * those that are needed. */
void gst_vldm_interp_rate_widen (gconstpointer rate, guint64 * first, guint64 * end);

/* Changes upstream's answer to a LATENCY, DURATION or SEEKING query into that of the output; others stay as they are. */
void gst_vldm_interp_rate_answer (const GstVldmInterpRate * rate, GstQuery * query);

G_END_DECLS
