/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Seeks widened to what a stage needs. A seek and the segment that answers it carry the same sequence number, but encoders
 * upstream lose it (GstVideoEncoder in GStreamer 1.22 makes segments anew); then the range that was asked for tells.
 */
#include "gst/seek.h"

#include "gst/log.h"
#include "gst/timing.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_SEEK)

/* Flags about key frames. Upstream would begin or end elsewhere than where windows do. */
#define INACCURATE (GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_NEAREST | \
    GST_SEEK_FLAG_TRICKMODE_KEY_UNITS | GST_SEEK_FLAG_TRICKMODE_FORWARD_PREDICTED)

/* A SEEK event, taken apart. */
typedef struct
{
  gdouble rate;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
} Parts;

static void
take_apart (GstEvent * event, Parts * parts)
{
  gst_event_parse_seek (event, &parts->rate, &parts->format, &parts->flags,
      &parts->start_type, &parts->start, &parts->stop_type, &parts->stop);
}

/* The same seek as @event (taken) with other @parts. */
static GstEvent *
put_together (GstEvent * event, const Parts * parts)
{
  GstEvent *made = gst_event_new_seek (parts->rate, parts->format,
      parts->flags, parts->start_type, parts->start, parts->stop_type,
      parts->stop);

  gst_event_set_seqnum (made, gst_event_get_seqnum (event));
  gst_event_unref (event);
  return made;
}

void
gst_vldm_seek_init (GstVldmSeek * seek)
{
  memset (seek, 0, sizeof (*seek));
  seek->request.seqnum = seek->before.seqnum = GST_SEQNUM_INVALID;
  seek->leaving = GST_CLOCK_TIME_NONE;
  gst_segment_init (&seek->output, GST_FORMAT_TIME);
}

/* ---- what a seek means ---- */

/* Makes a position of *@value if @type counts from the end. */
static gboolean
count_from_end (GstPad * pad, GstFormat format, GstSeekType * type,
    gint64 * value)
{
  gint64 duration;

  if (*type != GST_SEEK_TYPE_END)
    return TRUE;
  if (!gst_pad_query_duration (pad, format, &duration) || duration < 0)
    return FALSE;
  *value = *value >= 0 ? duration : MAX (duration + *value, 0);
  *type = GST_SEEK_TYPE_SET;
  return TRUE;
}

static gboolean
is_set (GstSeekType type, gint64 value)
{
  return type == GST_SEEK_TYPE_SET && value != -1;
}

GstEvent *
gst_vldm_seek_resolve (GstElement * element, GstEvent * event,
    gint64 position, gint64 stop, gint fps_n, gint fps_d)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
  const char *wrong = NULL;
  Parts parts;

  take_apart (event, &parts);
  if (parts.flags & GST_SEEK_FLAG_INSTANT_RATE_CHANGE)
    wrong = "the rate cannot change without a seek to a position";
  else if (parts.format != GST_FORMAT_TIME
      && parts.format != GST_FORMAT_DEFAULT)
    return event;
  else if (!count_from_end (pad, parts.format, &parts.start_type, &parts.start)
      || !count_from_end (pad, parts.format, &parts.stop_type, &parts.stop))
    wrong = "it counts from the end, and the duration is not known";
  else if ((is_set (parts.start_type, parts.start)
          && !gst_vldm_convert (parts.format, parts.start, GST_FORMAT_TIME,
              &parts.start, fps_n, fps_d))
      || (is_set (parts.stop_type, parts.stop)
          && !gst_vldm_convert (parts.format, parts.stop, GST_FORMAT_TIME,
              &parts.stop, fps_n, fps_d)))
    wrong = "it counts frames, and the frame rate is not constant";

  parts.format = GST_FORMAT_TIME;
  if (parts.start_type == GST_SEEK_TYPE_SET)
    position = parts.start = MAX (parts.start, 0);
  if (parts.stop_type == GST_SEEK_TYPE_NONE)
    parts.stop = stop;
  parts.stop_type = GST_SEEK_TYPE_SET;
  if (wrong == NULL && parts.stop != -1 && position > parts.stop)
    wrong = "it would stop before it starts";
  if (wrong == NULL)
    return put_together (event, &parts);

  GST_INFO_OBJECT (element, "refusing %" GST_PTR_FORMAT ": %s", event, wrong);
  gst_event_unref (event);
  return NULL;
}

/* ---- the way up ---- */

/* Stream time of the output; that of the segment's stop is -1 for none. */
static gint64
stream_position (const GstVldmSeek * seek)
{
  return gst_segment_to_stream_time (&seek->output, GST_FORMAT_TIME,
      seek->output.position);
}

static gint64
stream_stop (const GstVldmSeek * seek)
{
  const GstVldmSeekRequest *request = &seek->request;

  if (request->seqnum != GST_SEQNUM_INVALID && !request->answered)
    return request->stop;
  return gst_segment_to_stream_time (&seek->output, GST_FORMAT_TIME,
      seek->output.stop);
}

GstEvent *
gst_vldm_seek_widen (GstVldmSeek * seek, GstElement * element,
    GstEvent * event, gint fps_n, gint fps_d, GstVldmWiden widen,
    gconstpointer stage)
{
  GstVldmSeekRequest *request = &seek->request;
  guint64 first, end = G_MAXUINT64;
  gint64 position, stop;
  Parts parts;

  GST_OBJECT_LOCK (element);
  position = stream_position (seek);
  stop = stream_stop (seek);
  GST_OBJECT_UNLOCK (element);
  event = gst_vldm_seek_resolve (element, event, position, stop, fps_n, fps_d);
  if (event == NULL)
    return NULL;
  take_apart (event, &parts);

  GST_OBJECT_LOCK (element);
  seek->before = *request;
  request->seqnum = GST_SEQNUM_INVALID;
  if (parts.format != GST_FORMAT_TIME || parts.rate <= 0 || fps_n == 0) {
    GST_OBJECT_UNLOCK (element);
    return event;
  }
  request->goes_on = parts.start_type == GST_SEEK_TYPE_NONE;
  if (request->goes_on)
    parts.start = position;
  request->seqnum = gst_event_get_seqnum (event);
  request->flush = (parts.flags & GST_SEEK_FLAG_FLUSH) != 0;
  request->start = parts.start;
  request->stop = parts.stop;
  request->answered = FALSE;

  first = gst_vldm_frame_at (parts.start, fps_n, fps_d);
  if (parts.stop != -1)
    end = MAX (gst_vldm_frame_at (MAX (parts.stop, 1) - 1, fps_n, fps_d),
        first) + 1;
  widen (stage, &first, &end);
  request->asked_start = gst_vldm_frame_time (first, fps_n, fps_d);
  request->asked_stop = end == G_MAXUINT64 ? -1
      : (gint64) gst_vldm_frame_time (end, fps_n, fps_d);
  parts.start_type = GST_SEEK_TYPE_SET;
  parts.start = request->asked_start;
  parts.stop = request->asked_stop;
  parts.flags = (parts.flags & ~INACCURATE) | GST_SEEK_FLAG_ACCURATE;
  GST_OBJECT_UNLOCK (element);

  GST_DEBUG_OBJECT (element, "asked for %" GST_PTR_FORMAT, event);
  event = put_together (event, &parts);
  GST_DEBUG_OBJECT (element, "asking upstream for %" GST_PTR_FORMAT, event);
  return event;
}

void
gst_vldm_seek_undo (GstVldmSeek * seek, GstElement * element)
{
  GST_OBJECT_LOCK (element);
  seek->request = seek->before;
  GST_OBJECT_UNLOCK (element);
}

/* ---- the way down ---- */

void
gst_vldm_seek_left (GstVldmSeek * seek)
{
  GstSegment *output = &seek->output;

  if (GST_CLOCK_TIME_IS_VALID (seek->leaving)) {
    output->position = MAX (seek->leaving, output->start);
    if (GST_CLOCK_TIME_IS_VALID (output->stop))
      output->position = MIN (output->position, output->stop);
  }
  seek->leaving = GST_CLOCK_TIME_NONE;
}

void
gst_vldm_seek_leaves (GstVldmSeek * seek, GstClockTime pts,
    GstClockTime duration)
{
  seek->leaving = pts;
  if (GST_CLOCK_TIME_IS_VALID (pts) && GST_CLOCK_TIME_IS_VALID (duration))
    seek->leaving += duration;
}

/* Does @segment, which came with @seqnum, answer @request? Upstream may have cut the stop down to its duration. */
static gboolean
answers (const GstVldmSeekRequest * request, const GstSegment * segment,
    guint32 seqnum)
{
  if (request->seqnum == GST_SEQNUM_INVALID
      || segment->format != GST_FORMAT_TIME
      || (guint64) request->start < segment->time)
    return FALSE;
  if (request->seqnum == seqnum)
    return TRUE;
  return request->answered ? gst_segment_is_equal (segment, &request->answer)
      : segment->time == (guint64) request->asked_start
      && segment->stop <= (guint64) request->asked_stop;
}

gboolean
gst_vldm_seek_is_answered (const GstVldmSeek * seek, GstElement * element,
    GstEvent * event)
{
  const GstSegment *segment;
  gboolean answered;

  gst_event_parse_segment (event, &segment);
  GST_OBJECT_LOCK (element);
  answered = !seek->request.answered
      && answers (&seek->request, segment, gst_event_get_seqnum (event));
  GST_OBJECT_UNLOCK (element);
  return answered;
}

/* Settles where the output of the seek begins, in stream time and in running time. */
static void
settle (GstVldmSeek * seek, const GstSegment * segment)
{
  GstVldmSeekRequest *request = &seek->request;
  GstClockTime left = gst_segment_to_running_time (&seek->output,
      GST_FORMAT_TIME, seek->output.position);

  if (request->goes_on) {
    /* Frames may have left since the seek came. */
    request->start = MAX (request->start, stream_position (seek));
    if (request->stop != -1)
      request->start = MIN (request->start, request->stop);
  }
  request->base = request->flush || !GST_CLOCK_TIME_IS_VALID (left)
      ? segment->base : left;
  request->answered = TRUE;
  request->answer = *segment;
}

GstEvent *
gst_vldm_seek_narrow (GstVldmSeek * seek, GstEvent * event,
    GstSegment * segment)
{
  const GstVldmSeekRequest *request = &seek->request;
  guint32 seqnum = gst_event_get_seqnum (event);
  GstEvent *narrowed = event;

  gst_event_copy_segment (event, segment);
  if (answers (request, segment, seqnum)) {
    if (!request->answered)
      settle (seek, segment);
    segment->start += request->start - segment->time;
    segment->time = request->start;
    segment->position = segment->start;
    segment->offset = 0;
    segment->base = request->base;
    if (request->stop != -1)
      segment->stop =
          MIN (segment->stop, segment->start + request->stop - request->start);

    narrowed = gst_event_new_segment (segment);
    gst_event_set_seqnum (narrowed, seqnum);
    gst_event_set_running_time_offset (narrowed,
        gst_event_get_running_time_offset (event));
    gst_event_unref (event);
  }
  seek->output = *segment;
  seek->output.position = segment->start + segment->offset;
  seek->leaving = GST_CLOCK_TIME_NONE;
  return narrowed;
}
