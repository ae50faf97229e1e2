/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Seeks widened to what a stage needs. A seek and the segment that answers it carry the same sequence number, but encoders
 * upstream lose it (GstVideoEncoder in GStreamer 1.22 makes segments anew); then the range that was asked for tells.
 */
#include "gst/seek.h"

#include "gst/timing.h"

gboolean
gst_vldm_seek_frames (GstEvent * event, gint fps_n, gint fps_d,
    guint64 * first, guint64 * last)
{
  GstFormat format;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, &format, NULL, &start_type, &start,
      &stop_type, &stop);
  if (format != GST_FORMAT_TIME || rate <= 0 || fps_n == 0)
    return FALSE;

  *first = *last = G_MAXUINT64;
  if (start_type == GST_SEEK_TYPE_SET && start >= 0)
    *first = gst_vldm_frame_at (start, fps_n, fps_d);
  if (stop_type == GST_SEEK_TYPE_SET && stop > 0)
    *last = gst_vldm_frame_at (stop - 1, fps_n, fps_d);
  return *first != G_MAXUINT64;
}

GstEvent *
gst_vldm_seek_widen (GstVldmSeek * seek, GstEvent * event, gint fps_n,
    gint fps_d, guint64 first, guint64 end)
{
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  gdouble rate;
  GstEvent *widened;

  gst_event_parse_seek (event, &rate, &format, &flags, &start_type, &start,
      &stop_type, &stop);
  seek->seqnum = gst_event_get_seqnum (event);
  seek->start = start;
  seek->stop = stop_type == GST_SEEK_TYPE_SET ? stop : -1;

  start = gst_vldm_frame_time (first, fps_n, fps_d);
  if (end != G_MAXUINT64)
    stop = gst_vldm_frame_time (end, fps_n, fps_d);
  seek->answered = FALSE;
  seek->asked_start = start;
  seek->asked_stop = stop_type == GST_SEEK_TYPE_SET ? stop : -1;
  widened = gst_event_new_seek (rate, format, flags, start_type, start,
      stop_type, stop);
  gst_event_set_seqnum (widened, seek->seqnum);
  gst_event_unref (event);
  return widened;
}

/* Does @segment, which came with @seqnum, answer @seek? */
static gboolean
answers (const GstVldmSeek * seek, const GstSegment * segment, guint32 seqnum)
{
  if (seek->seqnum == GST_SEQNUM_INVALID || segment->format != GST_FORMAT_TIME
      || (guint64) seek->start < segment->start)
    return FALSE;
  return seek->seqnum == seqnum
      || (!seek->answered && segment->start == (guint64) seek->asked_start
      && segment->stop == (guint64) seek->asked_stop);
}

GstEvent *
gst_vldm_seek_narrow (GstVldmSeek * seek, GstEvent * event,
    GstSegment * segment)
{
  GstEvent *narrowed;

  gst_event_copy_segment (event, segment);
  if (!answers (seek, segment, gst_event_get_seqnum (event)))
    return event;

  seek->answered = TRUE;
  segment->time += seek->start - segment->start;
  segment->start = seek->start;
  segment->position = seek->start;
  if (seek->stop != -1)
    segment->stop = seek->stop;

  narrowed = gst_event_new_segment (segment);
  gst_event_set_seqnum (narrowed, gst_event_get_seqnum (event));
  gst_event_set_running_time_offset (narrowed,
      gst_event_get_running_time_offset (event));
  gst_event_unref (event);
  return narrowed;
}
