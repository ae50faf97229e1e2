/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Seeks widened to what a stage needs: an element that works on windows of frames asks upstream for whole ones, and shows
 * downstream the segment that was asked for, so that the base class clips its output.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The seek that was widened last; seqnum GST_SEQNUM_INVALID = none. The owner locks. */
typedef struct
{
  guint32 seqnum;
  gint64 start, stop;           /* as it came; -1 = not set */
  gint64 asked_start, asked_stop;       /* as it went upstream */
  gboolean answered;            /* a segment came for it */
} GstVldmSeek;

/* TRUE if @event seeks forwards in time; then the first and the last frame that it asks for, G_MAXUINT64 = to the end. */
gboolean gst_vldm_seek_frames (GstEvent * event, gint fps_n, gint fps_d, guint64 * first, guint64 * last);

/* Remembers in @seek what @event (taken) asks for, and returns it widened to frames @first up to, not with, @end;
 * G_MAXUINT64 leaves the end as it is. */
GstEvent *gst_vldm_seek_widen (GstVldmSeek * seek, GstEvent * event, gint fps_n, gint fps_d, guint64 first,
    guint64 end);

/* If @event (a SEGMENT, taken) answers @seek, returns it with what came in the seek, else as it is. @segment is what the
 * returned event holds. */
GstEvent *gst_vldm_seek_narrow (GstVldmSeek * seek, GstEvent * event, GstSegment * segment);

G_END_DECLS
