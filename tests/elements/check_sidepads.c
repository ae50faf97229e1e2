/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldmsrc takes from its request pads: a storyboard of prompts, and a frame to begin with. Over stages that compute
 * nothing but tell what they were given.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "tests/elements/video.h"

#define LATENTS "video/x-vldm-latents, format=%s, width=%d, height=%d, " \
    "latent-width=%d, latent-height=%d, latent-channels=4, latent-space=vae, " \
    "framerate=0/1, pixel-aspect-ratio=1/1"

/* A source pad linked to the request pad @name of @video. */
static GstPad *
link_pad (Video * video, const char *name)
{
  GstPad *sink = gst_element_request_pad_simple (video->h->element, name);
  GstPad *src = gst_pad_new (name, GST_PAD_SRC);

  fail_unless (sink != NULL);
  fail_unless_equals_int (gst_pad_link (src, sink), GST_PAD_LINK_OK);
  gst_pad_set_active (src, TRUE);
  gst_object_unref (sink);
  return src;
}

static void
unlink_pad (Video * video, GstPad * src)
{
  GstPad *sink = gst_pad_get_peer (src);

  gst_element_release_request_pad (video->h->element, sink);
  gst_object_unref (sink);
  gst_pad_set_active (src, FALSE);
  gst_object_unref (src);
}

/* All that comes before the first buffer. */
static void
begin_stream (GstPad * pad, const char *description)
{
  GstCaps *caps = gst_caps_from_string (description);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_pad_push_event (pad, gst_event_new_stream_start ("side")));
  fail_unless (gst_pad_push_event (pad, gst_event_new_caps (caps)));
  fail_unless (gst_pad_push_event (pad, gst_event_new_segment (&segment)));
  gst_caps_unref (caps);
}

static GstFlowReturn
push_bytes (GstPad * pad, gconstpointer bytes, gsize size, GstClockTime time)
{
  GstBuffer *buffer = gst_buffer_new_memdup (bytes, size);

  GST_BUFFER_PTS (buffer) = time;
  return gst_pad_push (pad, buffer);
}

/* Milliseconds, as files with subtitles have them. */
static void
push_text (GstPad * pad, const char *text, guint64 frame)
{
  GstClockTime time = gst_util_uint64_scale_round (video_time (frame), 1,
      GST_MSECOND) * GST_MSECOND;

  fail_unless_equals_int (push_bytes (pad, text, strlen (text), time),
      GST_FLOW_OK);
}

static void
play (Video * video)
{
  fail_unless (gst_element_set_state (video->h->element, GST_STATE_PLAYING) !=
      GST_STATE_CHANGE_FAILURE);
}

static void
check_still (Video * video)
{
  g_usleep (50000);
  fail_unless_equals_int (gst_harness_buffers_in_queue (video->h), 0);
}

/* Prompts change at frames 5 and 12: windows show 0-4, 5-10, 11, 12-17, 18-19. None runs before all its texts are known. */
GST_START_TEST (test_storyboard)
{
  static const FakeWindow windows[] = {
    {.context = 0,.first = 0,.prompt = "a"},
    {.context = 2,.first = 3,.prompt = "b"},
    {.context = 2,.first = 9,.prompt = "b"},
    {.context = 2,.first = 10,.prompt = "c"},
    {.context = 2,.first = 16,.prompt = "c"},
  };
  GRand *random = g_rand_new_with_seed (2);
  Video video;
  GstPad *pad;
  guint i;

  video_init (&video, 20);
  pad = link_pad (&video, "prompt");
  play (&video);
  begin_stream (pad, "text/x-raw, format=utf8");
  push_text (pad, "a", 0);
  check_still (&video);
  push_text (pad, "b", 5);
  video_play_to (&video, 5);
  check_still (&video);
  push_text (pad, "c", 12);
  video_play_to (&video, 12);
  check_still (&video);
  gst_pad_push_event (pad, gst_event_new_gap (video_time (12),
          video_time (18) - video_time (12)));
  video_play_to (&video, 18);
  check_still (&video);
  gst_pad_push_event (pad, gst_event_new_eos ());
  video_play_to (&video, 20);
  video_wait_eos (&video);

  video_check_announced (&video, "0:a 5:b 12:c ");
  fail_unless_equals_int (fake_generations, 5);
  for (i = 0; i < G_N_ELEMENTS (windows); i++) {
    fail_unless_equals_string (fake_windows[i].prompt, windows[i].prompt);
    fail_unless_equals_int (fake_windows[i].context, windows[i].context);
    fail_unless_equals_float (fake_windows[i].first, windows[i].first);
  }
  for (i = 0; i < 30; i++) {
    gint from = g_rand_int_range (random, 0, 19);

    video_check_seek (&video, from, g_rand_int_range (random, from + 1, 20));
  }
  g_rand_free (random);
  unlink_pad (&video, pad);
  video_clear (&video);
}

GST_END_TEST;

/* Before the first text the property holds; a change right after the beginning leaves one context frame. */
GST_START_TEST (test_early_change)
{
  Video video;
  GstPad *pad;

  video_init (&video, 16);
  g_object_set (video.h->element, "prompt", "p", NULL);
  pad = link_pad (&video, "prompt");
  play (&video);
  begin_stream (pad, "text/x-raw, format=utf8");
  push_text (pad, "q", 1);
  gst_pad_push_event (pad, gst_event_new_eos ());
  video_play_to (&video, 16);
  video_wait_eos (&video);
  video_check_announced (&video, "0:p 1:q ");
  fail_unless_equals_int (fake_windows[1].context, 1);
  fail_unless_equals_int (fake_windows[2].context, 2);
  video_check_seek (&video, 0, 16);
  unlink_pad (&video, pad);
  video_clear (&video);
}

GST_END_TEST;

/* A wait for texts or for a frame ends with a seek, and with a state change; by itself it would not end. */
GST_START_TEST (test_waits)
{
  Video video;
  GstPad *pad;

  video_init (&video, 16);
  pad = link_pad (&video, __i__ == 0 ? "prompt" : "context");
  play (&video);
  g_usleep (50000);
  video_seek (&video, 3, 16);
  check_still (&video);
  check_stops (video.h->element);
  unlink_pad (&video, pad);

  gst_harness_play (video.h);
  video_play_to (&video, 16);
  video_clear (&video);
}

GST_END_TEST;

static const struct
{
  const char *text;             /* repeated to @size bytes */
  gsize size;
  const char *says[2];
} bad_texts[] = {
  {"ab\xff", 3, {"not UTF-8", "byte 2"}},
  {"a", 70000, {"70000 bytes", "65536"}},
  {"a\0b", 3, {"no text", "byte 1"}},
};

GST_START_TEST (test_bad_texts)
{
  Video video;
  GstBus *bus = gst_bus_new ();
  GstPad *pad;
  gsize i, size = bad_texts[__i__].size;
  g_autofree char *bytes = g_malloc (size);

  for (i = 0; i < size; i++)
    bytes[i] = bad_texts[__i__].text[size == 3 ? i : 0];
  video_init (&video, 16);
  gst_element_set_bus (video.h->element, bus);
  pad = link_pad (&video, "prompt");
  play (&video);
  begin_stream (pad, "text/x-raw, format=utf8");
  fail_unless_equals_int (push_bytes (pad, bytes, size, 0), GST_FLOW_ERROR);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "pad \"prompt\"", bad_texts[__i__].says[0], bad_texts[__i__].says[1],
      NULL);
  check_stops (video.h->element);
  unlink_pad (&video, pad);
  gst_element_set_bus (video.h->element, NULL);
  gst_object_unref (bus);
  video_clear (&video);
}

GST_END_TEST;

static void
begin_latents (GstPad * pad, const char *format, gint width, gint height,
    gint latent_width)
{
  g_autofree char *caps = g_strdup_printf (LATENTS, format, width, height,
      latent_width, height / 8);

  begin_stream (pad, caps);
}

/* The frame comes out as it went in, its size is the video's, and the window goes on from it. */
GST_START_TEST (test_first_frame)
{
  gfloat frame[4 * 5 * 12];
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GstStructure *s;
  GstCaps *caps;
  GstPad *pad;
  Video video;
  gint width, fps_n;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (frame); i++)
    frame[i] = 500 + i / 7.0f;
  video_init (&video, 20);
  gst_element_set_bus (video.h->element, bus);
  pad = link_pad (&video, "context");
  play (&video);
  begin_latents (pad, "F32LE", 96, 40, 12);
  fail_unless_equals_int (push_bytes (pad, frame, sizeof (frame), 0),
      GST_FLOW_OK);
  video_play_to (&video, 20);
  video_wait_eos (&video);

  fail_unless (gst_buffer_memcmp (g_ptr_array_index (video.played, 0), 0, frame,
          sizeof (frame)) == 0);
  fail_unless_equals_float (video_value (g_ptr_array_index (video.played, 19)),
      519);
  fail_unless_equals_int (fake_generations, 3);
  fail_unless_equals_int (fake_windows[0].context, 1);
  fail_unless_equals_float (fake_windows[0].first, 500);
  fail_unless_equals_int (fake_windows[1].context, 2);
  fail_unless_equals_float (fake_windows[1].first, 506);
  video_check_seek (&video, 0, 20);

  caps = gst_pad_get_current_caps (video.h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get_int (s, "width", &width));
  fail_unless (gst_structure_get_fraction (s, "framerate", &fps_n, &(gint) {
          0}
      ));
  fail_unless_equals_int (width, 96);
  fail_unless_equals_int (fps_n, 24000);
  gst_caps_unref (caps);

  /* Others are dropped, with one warning. */
  for (i = 0; i < 3; i++)
    fail_unless_equals_int (push_bytes (pad, frame, sizeof (frame), i),
        GST_FLOW_OK);
  message = check_wait_message (video.h->element, bus, GST_MESSAGE_WARNING);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  check_stops (video.h->element);
  unlink_pad (&video, pad);
  gst_element_set_bus (video.h->element, NULL);
  gst_object_unref (bus);
  video_clear (&video);
}

GST_END_TEST;

static const struct
{
  const char *format;
  gint width;                   /* of the picture; latents have 8 columns */
  gsize bytes;                  /* of the frame; 0 = EOS instead */
  gboolean no_context;
  CheckDomain domain;
  gint code;
  const char *says[2];
} bad_frames[] = {
  {"F32LE", 64, 100, FALSE, gst_stream_error_quark, GST_STREAM_ERROR_DECODE,
      {"100 bytes", "512"}},
  {"F32LE", 64, 0, FALSE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"ended without a frame", "context"}},
  {"F32LE", 68, 512, FALSE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"68 x 32 pixels", "are [4, 4, 9]"}},
  {"F32LE", 128, 512, FALSE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"latents [4, 4, 8]", "are [4, 4, 16]"}},
  {"F16LE", 64, 256, FALSE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"64 x 32 in F16LE", "downstream"}},
  {"F32LE", 64, 512, TRUE, gst_resource_error_quark,
        GST_RESOURCE_ERROR_SETTINGS, {"cannot begin with a given frame",
          "context"}},
};

GST_START_TEST (test_bad_frames)
{
  static const guint8 bytes[512];
  Video video;
  GstBus *bus = gst_bus_new ();
  GstPad *pad;

  fake.no_context = bad_frames[__i__].no_context;
  video_init (&video, 8);
  gst_harness_set_sink_caps_str (video.h, "video/x-vldm-latents, format=F32LE");
  gst_element_set_bus (video.h->element, bus);
  pad = link_pad (&video, "context");
  play (&video);
  begin_latents (pad, bad_frames[__i__].format, bad_frames[__i__].width, 32, 8);
  if (bad_frames[__i__].bytes > 0)
    push_bytes (pad, bytes, bad_frames[__i__].bytes, 0);
  gst_pad_push_event (pad, gst_event_new_eos ());
  check_error (bus, bad_frames[__i__].domain (), bad_frames[__i__].code,
      bad_frames[__i__].says[0], bad_frames[__i__].says[1], NULL);
  check_stops (video.h->element);
  unlink_pad (&video, pad);
  gst_element_set_bus (video.h->element, NULL);
  gst_object_unref (bus);
  video_clear (&video);
}

GST_END_TEST;

/* A flush on the pad, then another picture of the same size or of another, whose caps come after the flush or before it: the
 * video is that which begins with it. */
GST_START_TEST (test_another_frame)
{
  static const gfloat one[4 * 4 * 8] = { 500, };
  static const gfloat other[4 * 5 * 12] = { 700, };
  const gboolean same_size = __i__ == 0;
  GstSegment segment;
  Video video;
  GstPad *pad;

  video_init (&video, 20);
  pad = link_pad (&video, "context");
  play (&video);
  begin_latents (pad, "F32LE", 64, 32, 8);
  push_bytes (pad, one, sizeof (one), 0);
  video_play_to (&video, 20);
  video_wait_eos (&video);
  fail_unless_equals_float (video_value (g_ptr_array_index (video.played, 19)),
      519);

  if (__i__ == 2)
    begin_latents (pad, "F32LE", 96, 40, 12);
  gst_pad_push_event (pad, gst_event_new_flush_start ());
  gst_pad_push_event (pad, gst_event_new_flush_stop (TRUE));
  video_seek (&video, 3, 20);
  check_still (&video);
  if (__i__ == 1) {
    begin_latents (pad, "F32LE", 96, 40, 12);
  } else {
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (pad, gst_event_new_segment (&segment));
  }
  push_bytes (pad, other, same_size ? sizeof (one) : sizeof (other), 0);
  g_ptr_array_set_size (video.played, 3);
  video_play_to (&video, 20);
  video_wait_eos (&video);
  fail_unless_equals_float (video_value (g_ptr_array_index (video.played, 3)),
      703);
  fail_unless_equals_int (gst_buffer_get_size (g_ptr_array_index (video.played,
              3)), same_size ? sizeof (one) : sizeof (other));
  check_stops (video.h->element);
  unlink_pad (&video, pad);
  video_clear (&video);
}

GST_END_TEST;

/* Even a video of one frame: that is the given one. */
GST_START_TEST (test_one_frame)
{
  static const gfloat frame[4 * 4 * 8] = { 7, };
  Video video;
  GstPad *pad;

  video_init (&video, 1);
  pad = link_pad (&video, "context");
  play (&video);
  begin_latents (pad, "F32LE", 64, 32, 8);
  push_bytes (pad, frame, sizeof (frame), 0);
  video_play_to (&video, 1);
  video_wait_eos (&video);
  fail_unless_equals_float (video_value (g_ptr_array_index (video.played, 0)),
      7);
  unlink_pad (&video, pad);
  video_clear (&video);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("sidepads");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_test (tc, test_storyboard);
  tcase_add_test (tc, test_early_change);
  tcase_add_loop_test (tc, test_waits, 0, 2);
  tcase_add_loop_test (tc, test_bad_texts, 0, G_N_ELEMENTS (bad_texts));
  tcase_add_test (tc, test_first_frame);
  tcase_add_loop_test (tc, test_bad_frames, 0, G_N_ELEMENTS (bad_frames));
  tcase_add_loop_test (tc, test_another_frame, 0, 3);
  tcase_add_test (tc, test_one_frame);
  return check_run (argc, argv, suite);
}
