/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline that plays, and the frames that reached its sink.
 */
#include "tests/elements/chain.h"

#include "tests/elements/fake_stages.h"

static void
add_frame (Chain * chain, GstPad * pad, GstBuffer * buffer)
{
  GstCaps *caps = gst_pad_get_current_caps (pad);
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const GstSegment *segment;
  ChainFrame frame = { 0, };

  frame.pts = GST_BUFFER_PTS (buffer);
  frame.duration = GST_BUFFER_DURATION (buffer);
  frame.size = gst_buffer_get_size (buffer);
  gst_structure_get_int (s, "width", &frame.width);
  gst_structure_get_int (s, "height", &frame.height);
  gst_buffer_extract (buffer, 0, frame.bytes, sizeof (frame.bytes));
  gst_caps_unref (caps);
  gst_event_parse_segment (event, &segment);
  frame.running = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      frame.pts);
  gst_event_unref (event);
  g_array_append_val (chain->frames, frame);
}

static GstPadProbeReturn
on_data (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Chain *chain = data;

  g_mutex_lock (&chain->lock);
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    add_frame (chain, pad, GST_PAD_PROBE_INFO_BUFFER (info));
  } else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS
      || GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) ==
      GST_EVENT_SEGMENT_DONE) {
    chain->ended = TRUE;
  } else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) ==
      GST_EVENT_FLUSH_STOP) {
    chain->ended = FALSE;
    g_array_set_size (chain->frames, 0);
  }
  g_cond_broadcast (&chain->changed);
  g_mutex_unlock (&chain->lock);
  return GST_PAD_PROBE_OK;
}

/* Instead of a queue of messages, in which those from before a seek would lie. */
static GstBusSyncReply
on_message (GstBus * bus, GstMessage * message, gpointer data)
{
  Chain *chain = data;
  GError *error;

  g_mutex_lock (&chain->lock);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR && chain->error == NULL) {
    gst_message_parse_error (message, &error, NULL);
    chain->error = g_strdup (error->message);
    g_error_free (error);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ASYNC_DONE) {
    chain->prerolled = TRUE;
  }
  g_cond_broadcast (&chain->changed);
  g_mutex_unlock (&chain->lock);
  gst_message_unref (message);
  return GST_BUS_DROP;
}

void
chain_init (Chain * chain, const char *description)
{
  GError *error = NULL;
  GstElement *sink;
  GstBus *bus;
  GstPad *pad;

  memset (chain, 0, sizeof (*chain));
  g_mutex_init (&chain->lock);
  g_cond_init (&chain->changed);
  chain->frames = g_array_new (FALSE, FALSE, sizeof (ChainFrame));
  chain->pipeline = gst_parse_launch (description, &error);
  fail_unless (error == NULL, "%s: %s", description,
      error ? error->message : "");
  sink = gst_bin_get_by_name (GST_BIN (chain->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_EVENT_FLUSH,
      on_data, chain, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  bus = gst_element_get_bus (chain->pipeline);
  gst_bus_set_sync_handler (bus, on_message, chain, NULL);
  gst_object_unref (bus);
}

void
chain_clear (Chain * chain)
{
  fail_unless_equals_int (gst_element_set_state (chain->pipeline,
          GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (chain->pipeline);
  g_array_free (chain->frames, TRUE);
  g_mutex_clear (&chain->lock);
  g_cond_clear (&chain->changed);
  fail_unless (chain->error == NULL, "%s", chain->error);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);
}

void
chain_forget (Chain * chain)
{
  g_mutex_lock (&chain->lock);
  g_array_set_size (chain->frames, 0);
  chain->ended = chain->prerolled = FALSE;
  g_mutex_unlock (&chain->lock);
}

/* Waits until *@flag of @chain is TRUE. */
static void
wait_for (Chain * chain, const gboolean * flag, const char *what)
{
  gint64 end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;
  gboolean in_time = TRUE;

  g_mutex_lock (&chain->lock);
  while (in_time && !*flag && chain->error == NULL)
    in_time = g_cond_wait_until (&chain->changed, &chain->lock, end);
  g_mutex_unlock (&chain->lock);
  fail_unless (chain->error == NULL, "%s", chain->error);
  fail_unless (in_time, "no %s within 30 s, after %u frames", what,
      chain->frames->len);
}

void
chain_wait_paused (Chain * chain)
{
  gst_element_set_state (chain->pipeline, GST_STATE_PAUSED);
  wait_for (chain, &chain->prerolled, "preroll");
}

void
chain_wait_end (Chain * chain)
{
  wait_for (chain, &chain->ended, "end");
}

void
chain_run (Chain * chain)
{
  gst_element_set_state (chain->pipeline, GST_STATE_PLAYING);
  chain_wait_end (chain);
}

void
chain_seek (Chain * chain, GstClockTime start, GstClockTime stop)
{
  g_mutex_lock (&chain->lock);
  chain->prerolled = FALSE;
  g_mutex_unlock (&chain->lock);
  fail_unless (gst_element_seek (chain->pipeline, 1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
          start, GST_SEEK_TYPE_SET, stop));
}

const ChainFrame *
chain_frame (Chain * chain, guint i)
{
  return &g_array_index (chain->frames, ChainFrame, i);
}

void
chain_check_times (Chain * chain, guint count, GstClockTime begin, gint fps_n,
    gint fps_d)
{
  guint i;

  fail_unless_equals_int (chain->frames->len, count);
  for (i = 0; i < count; i++) {
    const ChainFrame *frame = chain_frame (chain, i);
    guint64 next = gst_util_uint64_scale (i + 1, fps_d * GST_SECOND, fps_n);

    fail_unless_equals_uint64 (frame->pts,
        begin + gst_util_uint64_scale (i, fps_d * GST_SECOND, fps_n));
    fail_unless_equals_uint64 (frame->pts + frame->duration, begin + next);
  }
}

void
chain_check_frames (Chain * chain, GArray * expected, guint from, guint count,
    const char *what)
{
  guint i;

  fail_unless (from + count <= expected->len, "%s", what);
  fail_unless (chain->frames->len == count, "%s: %u frames instead of %u",
      what, chain->frames->len, count);
  for (i = 0; i < count; i++) {
    const ChainFrame *frame = chain_frame (chain, i);
    const ChainFrame *other = &g_array_index (expected, ChainFrame, from + i);

    /* Base classes cut the first frame where the seek begins. */
    fail_unless ((i == 0 ? frame->pts >= other->pts : frame->pts == other->pts)
        && frame->pts + frame->duration == other->pts + other->duration,
        "%s: frame %u is shown from %" GST_TIME_FORMAT " instead of %"
        GST_TIME_FORMAT, what, from + i, GST_TIME_ARGS (frame->pts),
        GST_TIME_ARGS (other->pts));
    fail_unless (frame->size == other->size && frame->width == other->width
        && memcmp (frame->bytes, other->bytes, sizeof (frame->bytes)) == 0,
        "%s: frame %u is another one", what, from + i);
  }
}

GArray *
chain_copy_frames (Chain * chain)
{
  return g_array_copy (chain->frames);
}
