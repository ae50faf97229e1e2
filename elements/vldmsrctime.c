/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Time in vldmsrc: seeks, duration, and which events belong to one seek.
 */
#include "elements/vldmsrcprivate.h"

#include "gst/seek.h"
#include "gst/timing.h"

static GstBaseSrcClass *
get_parent_class (gpointer self)
{
  return g_type_class_peek_parent (G_OBJECT_GET_CLASS (self));
}

/* ---- seeks ---- */

static gboolean
gst_vldm_src_is_seekable (GstBaseSrc * base)
{
  return TRUE;
}

static gboolean
gst_vldm_src_do_seek (GstBaseSrc * base, GstSegment * segment)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);

  if (segment->rate < 0.0) {
    GST_INFO_OBJECT (self, "refusing to play backwards");
    return FALSE;
  }
  /* The position is the start, or where the stream is if the seek leaves that alone. */
  segment->time = segment->start;
  self->repositioned = TRUE;
  return TRUE;
}

/* Returns the seek @event (taken) as the base class can do it, or NULL. */
static GstEvent *
gst_vldm_src_take_seek (GstVldmSrc * self, GstEvent * event)
{
  gint64 position, stop;
  gdouble rate;

  gst_event_parse_seek (event, &rate, NULL, NULL, NULL, NULL, NULL, NULL);
  if (rate < 0.0) {
    GST_INFO_OBJECT (self, "refusing to play backwards");
    gst_event_unref (event);
    return NULL;
  }
  GST_OBJECT_LOCK (self);
  position = GST_BASE_SRC (self)->segment.position;
  stop = GST_BASE_SRC (self)->segment.stop;
  GST_OBJECT_UNLOCK (self);
  event = gst_vldm_seek_resolve (GST_ELEMENT (self), event, position, stop,
      self->latents.fps_n, self->latents.fps_d);
  if (event != NULL)
    self->seek_seqnum = gst_event_get_seqnum (event);
  return event;
}

static gboolean
gst_vldm_src_event (GstBaseSrc * base, GstEvent * event)
{
  g_autoptr (GstEvent) seek = NULL;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return get_parent_class (base)->event (base, event);
  seek = gst_vldm_src_take_seek (GST_VLDM_SRC (base), gst_event_ref (event));
  return seek != NULL && get_parent_class (base)->event (base, seek);
}

/* Seeks that an application sends to the element itself. */
static gboolean
gst_vldm_src_send_event (GstElement * element, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    event = gst_vldm_src_take_seek (GST_VLDM_SRC (element), event);
  return event != NULL
      && GST_ELEMENT_CLASS (get_parent_class (element))->send_event (element,
      event);
}

/* ---- queries ---- */

/* Frames of the stream: 0 = not known yet, G_MAXUINT64 = endless. Under the OBJECT_LOCK. */
static guint64
get_length (GstVldmSrc * self)
{
  gint num_buffers = GST_BASE_SRC (self)->num_buffers;

  return num_buffers < 0 ? self->n_frames
      : MIN (self->n_frames, (guint64) num_buffers);
}

GstClockTime
gst_vldm_src_duration (GstVldmSrc * self)
{
  guint64 length = get_length (self);

  return length == 0 || length == G_MAXUINT64 ? GST_CLOCK_TIME_NONE
      : gst_vldm_frame_time (length, self->latents.fps_n, self->latents.fps_d);
}

static gboolean
gst_vldm_src_query_duration (GstVldmSrc * self, GstQuery * query)
{
  GstFormat format;
  gint64 duration;
  guint64 length;

  gst_query_parse_duration (query, &format, NULL);
  GST_OBJECT_LOCK (self);
  length = get_length (self);
  GST_OBJECT_UNLOCK (self);
  if (length == 0 || length == G_MAXUINT64
      || !gst_vldm_convert (GST_FORMAT_DEFAULT, length,
          format, &duration, self->latents.fps_n, self->latents.fps_d))
    return FALSE;
  gst_query_set_duration (query, format, duration);
  return TRUE;
}

/* An endless stream can be sought up to what has been made; seeking farther works, but takes all windows up to there. */
static gboolean
gst_vldm_src_query_seeking (GstVldmSrc * self, GstQuery * query)
{
  GstFormat format;
  guint64 n_made;
  gboolean endless;

  GST_OBJECT_LOCK (self);
  endless = get_length (self) == G_MAXUINT64;
  n_made = self->n_made;
  GST_OBJECT_UNLOCK (self);

  gst_query_parse_seeking (query, &format, NULL, NULL, NULL);
  if (!endless || format != GST_FORMAT_TIME)
    return get_parent_class (self)->query (GST_BASE_SRC (self), query);
  gst_query_set_seeking (query, format, TRUE, 0,
      gst_vldm_frame_time (n_made, self->latents.fps_n, self->latents.fps_d));
  return TRUE;
}

static gboolean
gst_vldm_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  GstFormat from, to;
  gint64 value, result;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      return gst_vldm_src_query_duration (self, query);
    case GST_QUERY_SEEKING:
      return gst_vldm_src_query_seeking (self, query);
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &from, &value, &to, NULL);
      if (!gst_vldm_convert (from, value, to, &result, self->latents.fps_n,
              self->latents.fps_d))
        return FALSE;
      gst_query_set_convert (query, from, value, to, result);
      return TRUE;
    default:
      return get_parent_class (base)->query (base, query);
  }
}

/* ---- sequence numbers ---- */

/* The base class sends its segment with the first frame only, after the one that announced it (gst_vldm_src_announce), and
 * when playing starts it numbers its own and EOS anew: all are one operation. */
static GstPadProbeReturn
on_event (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstVldmSrc *self = data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  guint32 seqnum = gst_event_get_seqnum (event);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
      && self->base_seqnum == GST_SEQNUM_INVALID
      && self->seek_seqnum == GST_SEQNUM_INVALID
      && seqnum != self->start_seqnum)
    self->base_seqnum = seqnum;
  /* An application's own EOS keeps its number. */
  if ((GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
          || GST_EVENT_TYPE (event) == GST_EVENT_EOS)
      && seqnum == self->base_seqnum) {
    event = gst_event_make_writable (event);
    gst_event_set_seqnum (event, self->start_seqnum);
    GST_PAD_PROBE_INFO_DATA (info) = event;
  }
  return GST_PAD_PROBE_OK;
}

void
gst_vldm_src_init_time (GstVldmSrc * self)
{
  gst_pad_add_probe (GST_BASE_SRC_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, self, NULL);
}

void
gst_vldm_src_install_time (GstVldmSrcClass * klass)
{
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_ELEMENT_CLASS (klass)->send_event =
      GST_DEBUG_FUNCPTR (gst_vldm_src_send_event);
  base_class->is_seekable = GST_DEBUG_FUNCPTR (gst_vldm_src_is_seekable);
  base_class->do_seek = GST_DEBUG_FUNCPTR (gst_vldm_src_do_seek);
  base_class->event = GST_DEBUG_FUNCPTR (gst_vldm_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_src_query);
}
