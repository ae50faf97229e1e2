/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A vldmsrc that plays, and what it gave.
 */
#include "tests/elements/video.h"

#include "tests/elements/harness.h"

GstClockTime
video_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

/* The harness keeps its queue over a flush. */
static GstPadProbeReturn
on_flush (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstBuffer *buffer;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_FLUSH_STOP)
    while ((buffer = gst_harness_try_pull (data)) != NULL)
      gst_buffer_unref (buffer);
  return GST_PAD_PROBE_OK;
}

/* In the streaming thread: what comes, in its order. */
static GstPadProbeReturn
on_data (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  Video *video = data;
  GstTagList *tags;
  guint64 n;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    n = GST_BUFFER_OFFSET (GST_PAD_PROBE_INFO_BUFFER (info));
    if (video->prompt != NULL) {
      /* No title stands for an empty prompt. */
      fail_unless_equals_string (video->title ? video->title : "",
          video->prompt);
      g_string_append_printf (video->announced, "%d:%s ", (int) n,
          video->prompt);
      g_clear_pointer (&video->prompt, g_free);
    }
    if (n < G_N_ELEMENTS (video->prompts) && video->prompts[n] != NULL)
      g_object_set (video->h->element, "prompt", video->prompts[n], NULL);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
    g_free (video->prompt);
    video->prompt =
        g_strdup (gst_structure_get_string (gst_event_get_structure (event),
            "prompt"));
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
    gst_event_parse_tag (event, &tags);
    g_clear_pointer (&video->title, g_free);
    gst_tag_list_get_string (tags, GST_TAG_TITLE, &video->title);
  }
  return GST_PAD_PROBE_OK;
}

void
video_init (Video * video, gint frames)
{
  memset (video, 0, sizeof (*video));
  video->h = check_source ();
  video->announced = g_string_new (NULL);
  gst_pad_add_probe (video->h->sinkpad,
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER, on_data,
      video, NULL);
  gst_pad_add_probe (video->h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_FLUSH,
      on_flush, video->h, NULL);
  video->played = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gst_buffer_unref);
  g_object_set (video->h->element, "frames", frames, NULL);
}

void
video_clear (Video * video)
{
  gst_harness_teardown (video->h);
  g_ptr_array_unref (video->played);
  g_string_free (video->announced, TRUE);
  g_free (video->prompt);
  g_free (video->title);
}

/* The next frame must be number @n. */
GstBuffer *
video_pull (Video * video, guint64 n)
{
  GstBuffer *buffer = gst_harness_pull (video->h);

  fail_unless (buffer != NULL, "no frame %d", (int) n);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), video_time (n));
  return buffer;
}

gfloat
video_value (GstBuffer * buffer)
{
  gfloat value;

  gst_buffer_extract (buffer, 0, &value, sizeof (value));
  return value;
}

void
video_wait_eos (Video * video)
{
  GstEventType type;
  GstEvent *event;

  do {
    event = gst_harness_pull_event (video->h);
    fail_unless (event != NULL, "no EOS");
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
  fail_unless_equals_int (gst_harness_buffers_in_queue (video->h), 0);
}

/* Plays on to frame @end, and remembers. */
void
video_play_to (Video * video, guint64 end)
{
  while (video->played->len < end)
    g_ptr_array_add (video->played, video_pull (video, video->played->len));
}

void
video_seek (Video * video, guint64 from, guint64 to)
{
  fail_unless (gst_element_send_event (video->h->element,
          gst_event_new_seek (1.0, GST_FORMAT_TIME,
              GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
              video_time (from), GST_SEEK_TYPE_SET, video_time (to))));
}

/* Seeks; frames must be those that were played, bit by bit. */
void
video_check_seek (Video * video, guint64 from, guint64 to)
{
  guint64 n;

  video_seek (video, from, to);
  for (n = from; n < to; n++) {
    GstBuffer *buffer = video_pull (video, n);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    fail_unless (gst_buffer_memcmp (g_ptr_array_index (video->played, n), 0,
            map.data, map.size) == 0, "frame %d differs", (int) n);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  video_wait_eos (video);
}

void
video_check_announced (Video * video, const char *expected)
{
  fail_unless_equals_string (video->announced->str, expected);
  g_string_truncate (video->announced, 0);
}
