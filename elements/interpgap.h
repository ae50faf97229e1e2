/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gaps between known frames that vldminterp fills, and when each of their frames is shown.
 *
 *   known   0               1               2
 *   out     0   1   2   3   4   5   6   7   8
 *
 * The left frame of a gap and the new ones after it are ready together, once the right one has come.
 */
#pragma once

#include "gst/latents.h"
#include "vldm/stages/interpolate.h"

G_BEGIN_DECLS

typedef struct
{
  GstVldmLatents latents;       /* what comes in */
  guint factor;
  gint fps_n, fps_d;            /* of what goes out; 0/1 = variable */
  GstSegment upstream;          /* as it came: says which frame is which */
  GstSegment segment;           /* as it was asked for: what lies outside does not go out */

  GstBuffer *left;              /* the last known frame; NULL = none */
  guint64 number;               /* its number on the grid that begins at stream time 0; at a variable rate, in the segment */
  guint64 next;                 /* the number that continues */
  GstClockTime spacing;         /* between the last two known frames */
  GQueue ready;                 /* of GstBuffer, to go out */
} GstVldmGap;

void gst_vldm_gap_init (GstVldmGap * gap);

/* Forgets all frames. */
void gst_vldm_gap_flush (GstVldmGap * gap);

/* Begins with a new segment, given as it came and as it was asked for. */
void gst_vldm_gap_set_segment (GstVldmGap * gap, const GstSegment * upstream, const GstSegment * segment);

/* Does @buffer follow the left frame immediately? */
gboolean gst_vldm_gap_continues (GstVldmGap * gap, GstBuffer * buffer);

/* Frames per second of the gap that @right ends, never rounded: the network's time id. */
gboolean gst_vldm_gap_rate (const GstVldmGap * gap, GstBuffer * right, gdouble * fps, GError ** error);

/* Makes @buffer (taken) the left frame of the next gap. */
void gst_vldm_gap_begin (GstVldmGap * gap, GstBuffer * buffer);

/* Makes the left frame ready, and the factor - 1 new ones between it and @right. Known frames keep memory, time and flags;
 * new ones are DELTA_UNITs. @stage is not used for factor 1. On failure nothing is ready. */
gboolean gst_vldm_gap_fill (GstVldmGap * gap, GstBuffer * right, VldmInterpolate * stage,
    const VldmInterpolateParams * params, const VldmProgress * progress, GError ** error);

/* No frame follows: makes the left one ready, with @hold as often as it takes to fill its time. */
void gst_vldm_gap_end (GstVldmGap * gap, gboolean hold);

/* The next frame that is ready, or NULL. */
GstBuffer *gst_vldm_gap_pop (GstVldmGap * gap);

G_END_DECLS
