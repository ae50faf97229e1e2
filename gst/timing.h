/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frame numbers and times at a constant rate. Times are never accumulated: each follows from its number.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* When frame @n begins: floor (n * fps_d / fps_n seconds). */
GstClockTime gst_vldm_frame_time (guint64 n, gint fps_n, gint fps_d);

/* The frame that is shown at @time. */
guint64 gst_vldm_frame_at (GstClockTime time, gint fps_n, gint fps_d);

/* The frame that begins nearest to @time. */
guint64 gst_vldm_frame_nearest (GstClockTime time, gint fps_n, gint fps_d);

/* The number, counted from stream time 0, of a frame at @pts of @segment. @next, the number after the last frame, where the
 * time does not tell: at an unknown rate (0/1), without a time stamp or outside the segment.
 * Frames need not lie on the grid of @fps_n / @fps_d: all of them may be late by the same part of a frame, and stamps may be
 * rounded to milliseconds. So half a frame and a millisecond more still round down, and a frame that lies as far behind @last
 * as frames do keeps @next up to two milliseconds beyond. @last is when the last frame was; GST_CLOCK_TIME_NONE = there was none. */
guint64 gst_vldm_frame_number (const GstSegment * segment, GstClockTime pts, gint fps_n, gint fps_d, guint64 next,
    GstClockTime last);

/* TRUE if some of @buffer, which is frame @n, lies inside @segment, or it has no time stamp. */
gboolean gst_vldm_frame_is_inside (const GstSegment * segment, GstBuffer * buffer, guint64 n, gint fps_n, gint fps_d);

/* When part @j of the @parts begins into which the time from @begin to @end is divided. Where both lie as far apart as
 * frames @n and @n + @parts of the finer grid @fps_n / @fps_d, it is that of frame @n + @j of the grid, seen from @begin;
 * otherwise, and at an unknown rate (0/1), parts are of equal length. */
GstClockTime gst_vldm_time_between (GstClockTime begin, GstClockTime end, guint j, guint parts, guint64 n, gint fps_n,
    gint fps_d);

/* Between TIME and DEFAULT, which is frames; -1 stays -1. FALSE for other formats, and at an unknown rate (0/1). */
gboolean gst_vldm_convert (GstFormat from, gint64 value, GstFormat to, gint64 * result, gint fps_n, gint fps_d);

G_END_DECLS
