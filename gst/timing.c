/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frame numbers and times at a constant rate.
 */
#include "gst/timing.h"

/* Films often lie half a frame beside the grid, and many containers count milliseconds. Were halves rounded as they come,
 * numbers of such a film would be doubled and left out by turns. */
#define TIE_DOWN GST_MSECOND
#define ROUNDING (2 * GST_MSECOND)

GstClockTime
gst_vldm_frame_time (guint64 n, gint fps_n, gint fps_d)
{
  return gst_util_uint64_scale (n, fps_d * GST_SECOND, fps_n);
}

guint64
gst_vldm_frame_at (GstClockTime time, gint fps_n, gint fps_d)
{
  guint64 n = gst_util_uint64_scale (time, fps_n, fps_d * GST_SECOND);

  /* Frame times are rounded down to nanoseconds, so that a frame's own time lies a little before it. */
  return gst_vldm_frame_time (n + 1, fps_n, fps_d) <= time ? n + 1 : n;
}

guint64
gst_vldm_frame_nearest (GstClockTime time, gint fps_n, gint fps_d)
{
  return gst_util_uint64_scale_round (time, fps_n, fps_d * GST_SECOND);
}

static GstClockTime
distance (GstClockTime a, GstClockTime b)
{
  return MAX (a, b) - MIN (a, b);
}

guint64
gst_vldm_frame_number (const GstSegment * segment, GstClockTime pts,
    gint fps_n, gint fps_d, guint64 next, GstClockTime last)
{
  GstClockTime period, at;
  guint64 time;

  if (fps_n == 0 || !GST_CLOCK_TIME_IS_VALID (pts)
      || segment->format != GST_FORMAT_TIME
      || gst_segment_to_stream_time_full (segment, GST_FORMAT_TIME, pts,
          &time) != 1)
    return next;
  period = gst_vldm_frame_time (1, fps_n, fps_d);
  time -= MIN (time, MIN (TIE_DOWN, period / 8));
  at = gst_vldm_frame_time (next, fps_n, fps_d);
  if (GST_CLOCK_TIME_IS_VALID (last)
      && distance (pts, last + period) <= period / 4
      && distance (time, at) <= period / 2 + MIN (ROUNDING, period / 4))
    return next;
  return gst_vldm_frame_nearest (time, fps_n, fps_d);
}

gboolean
gst_vldm_frame_is_inside (const GstSegment * segment, GstBuffer * buffer,
    guint64 n, gint fps_n, gint fps_d)
{
  GstClockTime begin = GST_BUFFER_PTS (buffer);
  GstClockTime length = GST_BUFFER_DURATION (buffer);

  if (segment->format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (begin))
    return TRUE;
  if (!GST_CLOCK_TIME_IS_VALID (length) && fps_n > 0)
    length = gst_vldm_frame_time (n + 1, fps_n, fps_d)
        - gst_vldm_frame_time (n, fps_n, fps_d);
  return gst_segment_clip (segment, GST_FORMAT_TIME, begin,
      GST_CLOCK_TIME_IS_VALID (length) ? begin + length : GST_CLOCK_TIME_NONE,
      NULL, NULL);
}

GstClockTime
gst_vldm_time_between (GstClockTime begin, GstClockTime end, guint j,
    guint parts, guint64 n, gint fps_n, gint fps_d)
{
  GstClockTime first;

  if (fps_n > 0) {
    first = gst_vldm_frame_time (n, fps_n, fps_d);
    if (end - begin == gst_vldm_frame_time (n + parts, fps_n, fps_d) - first)
      return begin + gst_vldm_frame_time (n + j, fps_n, fps_d) - first;
  }
  return begin + gst_util_uint64_scale (end - begin, j, parts);
}

gboolean
gst_vldm_convert (GstFormat from, gint64 value, GstFormat to, gint64 * result,
    gint fps_n, gint fps_d)
{
  if (from == to || value < 0)
    *result = value;
  else if (fps_n == 0)
    return FALSE;
  else if (from == GST_FORMAT_TIME && to == GST_FORMAT_DEFAULT)
    *result = gst_vldm_frame_at (value, fps_n, fps_d);
  else if (from == GST_FORMAT_DEFAULT && to == GST_FORMAT_TIME)
    *result = gst_vldm_frame_time (value, fps_n, fps_d);
  else
    return FALSE;
  return TRUE;
}
