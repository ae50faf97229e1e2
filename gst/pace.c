/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines in which pictures are made slower than real time.
 *
 * Whether a picture is late shows at its sink only: what lies between (playsink, concat, a timeline) may give it another
 * running time, and takes its time. So a probe at the sink looks, and moves the base time of all elements, which is what a
 * pipeline itself does when it goes to PLAYING. Asking the pipeline for that by messages, as sinks do after a flushing
 * seek (RESET_TIME, ASYNC_START, ASYNC_DONE), has no effect where a bin on the way keeps them, as playbin does, and
 * applications take each ASYNC_DONE for the end of a seek.
 */
#include "gst/pace.h"

#include <gst/base/gstbasesink.h>

#include "gst/log.h"
#include "gst/pipeline.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_PACE)

/* What video sinks let pass. */
#define TOLERANCE (5 * GST_MSECOND)

/* The clock goes back by so much more, since a busy machine may interrupt what is left of the way. */
#define LEAD (100 * GST_MSECOND)

/* How long a picture waits for the end of a state change, in steps of 1 ms. */
#define MAX_WAIT 200

typedef struct
{
  GstPad *pad;
  gulong probe;
  gboolean reached;
} PacedSink;

static void
paced_sink_free (gpointer data)
{
  PacedSink *sink = data;

  gst_pad_remove_probe (sink->pad, sink->probe);
  gst_object_unref (sink->pad);
  g_free (sink);
}

/* The running time at which @sink shows @buffer, delays included; GST_CLOCK_TIME_NONE = at once. */
static GstClockTime
show_time (GstBaseSink * sink, GstPad * pad, GstBuffer * buffer)
{
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  GstClockTime time;
  GstClockTimeDiff delay;

  if (event == NULL || !GST_BUFFER_PTS_IS_VALID (buffer)
      || !gst_base_sink_get_sync (sink))
    return GST_CLOCK_TIME_NONE;
  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      MAX (GST_BUFFER_PTS (buffer), segment->start));
  delay = gst_base_sink_get_ts_offset (sink)
      + (GstClockTimeDiff) gst_base_sink_get_latency (sink);
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_CLOCK_TIME_NONE;
  return MAX ((GstClockTimeDiff) time + delay, 0);
}

/* TRUE if @sink will not be given another base time before it shows a picture. One that is to be PAUSED and waits for a
 * picture first is still called PLAYING. */
static gboolean
is_playing (GstElement * sink)
{
  GstState state;

  GST_OBJECT_LOCK (sink);
  state = GST_STATE_PENDING (sink) != GST_STATE_VOID_PENDING
      ? GST_STATE_PENDING (sink) : GST_STATE (sink);
  GST_OBJECT_UNLOCK (sink);
  return state == GST_STATE_PLAYING;
}

/* A pipeline chooses the base time when it goes to PLAYING, so that this running time follows; GST_CLOCK_TIME_NONE where
 * the application has taken that over. */
static GstClockTime
start_time (GstElement * top)
{
  return GST_IS_PIPELINE (top) ? gst_element_get_start_time (top)
      : GST_CLOCK_TIME_NONE;
}

/* The running time of a pipeline or bin whose elements may have no clock yet. */
static GstClockTime
running_time_of_top (GstElement * top)
{
  g_autoptr (GstClock) clock = GST_IS_PIPELINE (top)
      ? gst_pipeline_get_pipeline_clock (GST_PIPELINE (top))
      : gst_element_get_clock (top);
  GstClockTime base_time = gst_element_get_base_time (top);
  GstClockTime now = clock ? gst_clock_get_time (clock) : GST_CLOCK_TIME_NONE;

  return GST_CLOCK_TIME_IS_VALID (now) && now >= base_time
      ? now - base_time : GST_CLOCK_TIME_NONE;
}

/* The running time that @sink goes by, now or when it plays; GST_CLOCK_TIME_NONE if that cannot be told. */
static GstClockTime
running_time (GstElement * top, GstElement * sink)
{
  if (is_playing (sink))
    return gst_element_get_current_running_time (sink);
  if (GST_CLOCK_TIME_IS_VALID (start_time (top)))
    return start_time (top);
  return GST_STATE_TARGET (top) == GST_STATE_PLAYING
      ? running_time_of_top (top) : GST_CLOCK_TIME_NONE;
}

static gboolean
is_late (GstClockTime now, GstClockTime time)
{
  return GST_CLOCK_TIME_IS_VALID (now) && now > time + TOLERANCE;
}

/* Adds @by to the base time of all elements of @top. Those that had it from @top may just have been given the new one. */
static void
move_base_time (GstElement * top, GstClockTime by)
{
  g_autoptr (GPtrArray) elements = gst_vldm_pipeline_elements (top);
  GstClockTime old = gst_element_get_base_time (top);
  guint i;

  for (i = 0; i < elements->len; i++) {
    GstElement *element = g_ptr_array_index (elements, i);
    GstClockTime base_time = gst_element_get_base_time (element);

    if (i == 0 || base_time != old + by)
      gst_element_set_base_time (element, base_time + by);
  }
}

/* If @time is over at @sink, makes LEAD before it the running time there, and sets everything else in @top back by as
 * much. */
static void
set_back (GstElement * top, GstElement * sink, GstClockTime time)
{
  GstClockTime now = running_time (top, sink);

  if (!is_late (now, time))
    return;
  GST_INFO_OBJECT (sink, "clock goes back from %" GST_TIME_FORMAT " to %"
      GST_TIME_FORMAT, GST_TIME_ARGS (now), GST_TIME_ARGS (time));
  if (!is_playing (sink) && GST_CLOCK_TIME_IS_VALID (start_time (top)))
    gst_element_set_start_time (top, time - MIN (time, LEAD));
  else
    move_base_time (top, now - time + LEAD);
}

/* Elements are given a base time in state changes, so none should be going on. Threads that change states wait for streaming
 * threads at times, so this one does not wait for them without end. */
static void
wait_for (GstElement * sink, GstPad * pad, GstClockTime time)
{
  g_autoptr (GstElement) top = gst_vldm_pipeline_top (sink);
  gboolean locked;
  guint i;

  if (!is_late (running_time (top, sink), time)
      || gst_vldm_pipeline_is_live (top))
    return;
  locked = GST_STATE_TRYLOCK (top);
  for (i = 0; !locked && i < MAX_WAIT && !GST_PAD_IS_FLUSHING (pad); i++) {
    g_usleep (1000);
    locked = GST_STATE_TRYLOCK (top);
  }
  set_back (top, sink, time);
  if (locked)
    GST_STATE_UNLOCK (top);
}

static GstPadProbeReturn
on_picture (GstPad * pad, GstPadProbeInfo * info, gpointer unused)
{
  g_autoptr (GstElement) sink = gst_pad_get_parent_element (pad);
  GstClockTime time;

  if (sink == NULL)
    return GST_PAD_PROBE_OK;
  time = show_time (GST_BASE_SINK (sink), pad,
      GST_PAD_PROBE_INFO_BUFFER (info));
  if (GST_CLOCK_TIME_IS_VALID (time))
    wait_for (sink, pad, time);
  return GST_PAD_PROBE_OK;
}

static void
reach (GstVldmPace * pace, GstPad * pad)
{
  PacedSink *sink;
  guint i;

  for (i = 0; i < pace->sinks->len; i++) {
    sink = g_ptr_array_index (pace->sinks, i);
    if (sink->pad == pad) {
      sink->reached = TRUE;
      return;
    }
  }
  sink = g_new0 (PacedSink, 1);
  sink->pad = gst_object_ref (pad);
  sink->probe = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture,
      NULL, NULL);
  sink->reached = TRUE;
  g_ptr_array_add (pace->sinks, sink);
}

static void
follow_link (const GValue * value, gpointer pace)
{
  GstPad *src = g_value_get_object (value);
  g_autoptr (GstPad) peer = gst_pad_get_peer (src);
  g_autoptr (GstObject) parent = NULL;
  GstIterator *links;

  if (peer == NULL)
    return;
  parent = gst_object_get_parent (GST_OBJECT (peer));
  if (GST_IS_BASE_SINK (parent)) {
    reach (pace, peer);
    return;
  }
  links = gst_pad_iterate_internal_links (peer);
  if (links == NULL)
    return;
  while (gst_iterator_foreach (links, follow_link, pace) == GST_ITERATOR_RESYNC)
    gst_iterator_resync (links);
  gst_iterator_free (links);
}

void
gst_vldm_pace_follow (GstVldmPace * pace, GstPad * src)
{
  g_auto (GValue) value = G_VALUE_INIT;
  guint i;

  if (pace->sinks == NULL)
    pace->sinks = g_ptr_array_new_with_free_func (paced_sink_free);
  for (i = 0; i < pace->sinks->len; i++)
    ((PacedSink *) g_ptr_array_index (pace->sinks, i))->reached = FALSE;

  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value, src);
  follow_link (&value, pace);

  for (i = pace->sinks->len; i > 0; i--)
    if (!((PacedSink *) g_ptr_array_index (pace->sinks, i - 1))->reached)
      g_ptr_array_remove_index_fast (pace->sinks, i - 1);
}

void
gst_vldm_pace_clear (GstVldmPace * pace)
{
  g_clear_pointer (&pace->sinks, g_ptr_array_unref);
}
