/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A request sink pad of a source element.
 */
#include "gst/sidepad.h"

#include "gst/error.h"

void
gst_vldm_side_pad_init (GstVldmSidePad * side,
    const GstVldmSidePadClass * klass, GstElement * element)
{
  side->klass = klass;
  side->element = element;
  g_mutex_init (&side->lock);
  g_cond_init (&side->changed);
  gst_segment_init (&side->segment, GST_FORMAT_UNDEFINED);
}

void
gst_vldm_side_pad_clear (GstVldmSidePad * side)
{
  g_mutex_clear (&side->lock);
  g_cond_clear (&side->changed);
}

/* Running time does not matter here: a storyboard's times are those of the video. */
static void
pass (GstVldmSidePad * side, GstClockTime time)
{
  guint64 stream_time = GST_CLOCK_TIME_NONE;

  if (side->segment.format == GST_FORMAT_TIME)
    stream_time = gst_segment_to_stream_time (&side->segment, GST_FORMAT_TIME,
        time);
  if (GST_CLOCK_TIME_IS_VALID (stream_time))
    side->position = stream_time;
}

static GstFlowReturn
on_buffer (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstVldmSidePad *side = gst_pad_get_element_private (pad);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  const char *warning = NULL;

  g_mutex_lock (&side->lock);
  if (side->eos) {
    flow = GST_FLOW_EOS;
  } else {
    pass (side, GST_BUFFER_PTS (buffer));
    side->klass->take (side, buffer, &warning, &error);
  }
  g_cond_broadcast (&side->changed);
  g_mutex_unlock (&side->lock);

  if (warning != NULL)
    GST_ELEMENT_WARNING (side->element, STREAM, FAILED, ("%s", warning),
        (NULL));
  if (error != NULL)
    flow = gst_vldm_fail (side->element, error, GST_PAD_NAME (pad));
  gst_buffer_unref (buffer);
  return flow;
}

static gboolean
on_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstVldmSidePad *side = gst_pad_get_element_private (pad);
  g_autoptr (GError) error = NULL;
  GstClockTime time, duration;
  GstCaps *caps;

  g_mutex_lock (&side->lock);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      if (side->klass->set_caps != NULL)
        side->klass->set_caps (side, caps, &error);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &side->segment);
      pass (side, side->segment.start);
      break;
    case GST_EVENT_GAP:
      gst_event_parse_gap (event, &time, &duration);
      if (GST_CLOCK_TIME_IS_VALID (duration))
        time += duration;
      pass (side, time);
      break;
    case GST_EVENT_EOS:
      side->eos = TRUE;
      break;
    case GST_EVENT_STREAM_START:
      side->eos = FALSE;
      break;
    case GST_EVENT_FLUSH_STOP:
      side->eos = FALSE;
      side->position = 0;
      gst_segment_init (&side->segment, GST_FORMAT_UNDEFINED);
      if (side->klass->flush != NULL)
        side->klass->flush (side);
      break;
    default:
      break;
  }
  g_cond_broadcast (&side->changed);
  g_mutex_unlock (&side->lock);
  gst_event_unref (event);

  if (error != NULL)
    gst_vldm_fail (side->element, error, GST_PAD_NAME (pad));
  return error == NULL;
}

/* Only what concerns the pad itself: others would be answered by the elements downstream of the source. */
static gboolean
on_query (GstPad * pad, GstObject * parent, GstQuery * query)
{
  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_CAPS:
    case GST_QUERY_ACCEPT_CAPS:
      return gst_pad_query_default (pad, parent, query);
    default:
      return FALSE;
  }
}

GstPad *
gst_vldm_side_pad_request (GstVldmSidePad * side, GstPadTemplate * templ)
{
  GstPad *pad;

  g_mutex_lock (&side->lock);
  if (side->pad != NULL) {
    g_mutex_unlock (&side->lock);
    return NULL;
  }
  pad = gst_pad_new_from_template (templ, templ->name_template);
  side->pad = pad;
  g_mutex_unlock (&side->lock);

  gst_pad_set_element_private (pad, side);
  gst_pad_set_chain_function (pad, on_buffer);
  gst_pad_set_event_function (pad, on_event);
  gst_pad_set_query_function (pad, on_query);
  gst_element_add_pad (side->element, pad);
  return pad;
}

gboolean
gst_vldm_side_pad_release (GstVldmSidePad * side, GstPad * pad)
{
  gboolean mine;

  g_mutex_lock (&side->lock);
  mine = side->pad == pad;
  if (mine)
    side->pad = NULL;
  g_cond_broadcast (&side->changed);
  g_mutex_unlock (&side->lock);
  if (mine) {
    gst_pad_set_active (pad, FALSE);
    gst_element_remove_pad (side->element, pad);
  }
  return mine;
}

gboolean
gst_vldm_side_pad_is_requested (GstVldmSidePad * side)
{
  gboolean requested;

  g_mutex_lock (&side->lock);
  requested = side->pad != NULL;
  g_mutex_unlock (&side->lock);
  return requested;
}

void
gst_vldm_side_pad_reset (GstVldmSidePad * side)
{
  g_mutex_lock (&side->lock);
  side->eos = FALSE;
  side->position = 0;
  gst_segment_init (&side->segment, GST_FORMAT_UNDEFINED);
  g_mutex_unlock (&side->lock);
}

void
gst_vldm_side_pad_interrupt (GstVldmSidePad * side, gboolean interrupted)
{
  g_mutex_lock (&side->lock);
  side->interrupted = interrupted;
  g_cond_broadcast (&side->changed);
  g_mutex_unlock (&side->lock);
}
