/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents into vldmsr, and out of it: the same as with a vldmdec in front, and caps that wait for the model.
 */
#include <gst/check/gstharness.h>

#include <glib/gstdio.h>

#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define CAPS CHECK_LATENTS_CAPS ("width=13, height=6, framerate=24000/1001")
#define WIDTH 13
#define HEIGHT 6

static GstClockTime
frame_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

static void
push (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++) {
    GstBuffer *buffer = check_latents (n, frame_time (n));

    GST_BUFFER_DURATION (buffer) = frame_time (n + 1) - frame_time (n);
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
}

static GstEvent *
conditioning (const char *prompt)
{
  const GstVldmConditioning c = { prompt, "fog", 7, 1, FAKE_MODEL };

  return gst_vldm_conditioning_to_event (&c);
}

static GstHarness *
new_harness (const char *description)
{
  GstHarness *h = gst_harness_new_parse (description);

  gst_harness_set_src_caps_str (h, CAPS);
  fail_unless (gst_harness_push_event (h, conditioning ("a road")));
  return h;
}

static void
check_equal_frames (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map;

  fail_unless_equals_uint64 (GST_BUFFER_PTS (a), GST_BUFFER_PTS (b));
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (a), GST_BUFFER_DURATION (b));
  fail_if (GST_BUFFER_FLAG_IS_SET (a, GST_BUFFER_FLAG_DELTA_UNIT));
  fail_unless (gst_buffer_map (a, &map, GST_MAP_READ));
  fail_unless_equals_int (map.size, 16 * WIDTH * HEIGHT * 3);
  fail_unless (gst_buffer_get_size (b) == map.size
      && gst_buffer_memcmp (b, 0, map.data, map.size) == 0,
      "%" GST_PTR_FORMAT, a);
  gst_buffer_unmap (a, &map);
}

/* What comes out of @a, @n frames, is what comes out of @b. */
static void
check_equal (GstHarness * a, GstHarness * b, guint n)
{
  guint i;

  fail_unless_equals_int (gst_harness_buffers_in_queue (a), n);
  for (i = 0; i < n; i++) {
    GstBuffer *x = gst_harness_pull (a), *y = gst_harness_try_pull (b);

    fail_unless (y != NULL);
    check_equal_frames (x, y);
    gst_buffer_unref (x);
    gst_buffer_unref (y);
  }
}

/* The chunks of the decoder have other frames than the windows, or the same ones. */
static const guint chunk_frames[] = { 5, 8, 13 };

/* Decoded in the same chunks as by vldmdec. */
GST_START_TEST (test_like_vldmdec)
{
  guint total = __i__ / G_N_ELEMENTS (chunk_frames);
  GstHarness *h, *expected;

  fake.chunk_frames = chunk_frames[__i__ % G_N_ELEMENTS (chunk_frames)];
  h = new_harness ("vldmsr");
  expected = new_harness ("vldmdec ! vldmsr");
  push (h, 0, total);
  push (expected, 0, total);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless (gst_harness_push_event (expected, gst_event_new_eos ()));
  check_equal (h, expected, total);
  fail_unless_equals_int (gst_harness_buffers_in_queue (expected), 0);
  gst_harness_teardown (h);
  gst_harness_teardown (expected);
}

GST_END_TEST;

/* What comes before a border has no chunk and no window with what comes after. */
GST_START_TEST (test_borders)
{
  GstHarness *both[2];
  guint i;

  fake.chunk_frames = 5;
  both[0] = new_harness ("vldmsr");
  both[1] = new_harness ("vldmdec ! vldmsr");
  for (i = 0; i < 2; i++) {
    GstHarness *h = both[i];

    push (h, 0, 9);
    switch (__i__) {
      case 0:
        gst_harness_push_event (h, gst_event_new_gap (frame_time (9),
                GST_CLOCK_TIME_NONE));
        push (h, 9, 16);
        break;
      case 1:
        push (h, 12, 19);
        break;
      case 2:
        gst_harness_push_event (h, gst_event_new_stream_start ("another"));
        push (h, 9, 16);
        break;
      default:
        gst_harness_set_src_caps_str (h, CHECK_LATENTS_CAPS ("width=13, "
                "height=6, framerate=24000/1001, colour=(string)none"));
        push (h, 9, 16);
        break;
    }
    fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  }
  check_equal (both[0], both[1], 16);
  gst_harness_teardown (both[0]);
  gst_harness_teardown (both[1]);
}

GST_END_TEST;

/* The seek that came upstream, and the segment that answers it. */
static guint
answer_seek (GstHarness * h, guint from, guint to)
{
  GstEvent *event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
      frame_time (from), GST_SEEK_TYPE_SET, frame_time (to));
  guint32 seqnum = gst_event_get_seqnum (event);
  GstSegment segment;
  gint64 start, stop;
  guint begin, end;

  fail_unless (gst_harness_push_upstream_event (h, event));
  while (GST_EVENT_TYPE (event = gst_harness_pull_upstream_event (h)) !=
      GST_EVENT_SEEK)
    gst_event_unref (event);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &start, NULL, &stop);
  gst_event_unref (event);
  begin = gst_util_uint64_scale_round (start, 24000, 1001 * GST_SECOND);
  end = gst_util_uint64_scale_round (stop, 24000, 1001 * GST_SECOND);
  fail_unless_equals_uint64 (start, frame_time (begin));
  fail_unless_equals_uint64 (stop, frame_time (end));

  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = start;
  segment.stop = stop;
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, seqnum);
  gst_harness_push_event (h, event);
  push (h, begin, end);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  return begin;
}

static const struct
{
  guint from, to, first;        /* first: that is asked of upstream, for chunks of 5 frames and windows of 8 */
} seeks[] = {
  {9, 11, 3}, {6, 7, 0}, {12, 13, 3}, {0, 1, 0}, {14, 18, 9}, {20, 27, 15},
};

/* Windows need whole chunks, and get the same pictures as without the seek. */
GST_START_TEST (test_seek)
{
  GstHarness *h, *through;
  guint n, from = seeks[__i__].from, to = seeks[__i__].to;

  fake.chunk_frames = 5;
  h = new_harness ("vldmsr");
  push (h, 0, 1);
  fail_unless_equals_int (answer_seek (h, from, to), seeks[__i__].first);

  through = new_harness ("vldmdec ! vldmsr");
  push (through, 0, 60);
  for (n = 0; n < from; n++)
    gst_buffer_unref (gst_harness_pull (through));
  check_equal (h, through, to - from);
  gst_harness_teardown (h);
  gst_harness_teardown (through);
}

GST_END_TEST;

/* Frames wait for a chunk and then for a window. */
GST_START_TEST (test_latency)
{
  GstHarness *h = new_harness ("vldmsr");

  gst_harness_set_upstream_latency (h, GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      frame_time (7 + 7) + GST_MSECOND);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Pictures of the visible size, whatever the latents' is; or the upsampler's latents. */
GST_START_TEST (test_caps)
{
  static const struct
  {
    const char *takes, *expected;
  } cases[] = {
    {"video/x-raw", "video/x-raw, format=RGB, width=52, height=24, "
          "pixel-aspect-ratio=1/1, framerate=24000/1001"},
    {"video/x-vldm-latents", "video/x-vldm-latents, format=F32LE, width=52, "
          "height=24, latent-width=14, latent-height=6, latent-channels=4, "
          "latent-space=upsampler-vae, pixel-aspect-ratio=1/1, "
          "framerate=24000/1001"},
  };
  GstCaps *got, *expected = gst_caps_from_string (cases[__i__].expected);
  GstHarness *h = gst_harness_new ("vldmsr");

  gst_harness_set_sink_caps_str (h, cases[__i__].takes);
  gst_harness_set_src_caps_str (h, CAPS);
  fail_unless (gst_harness_push_event (h, conditioning ("a road")));
  got = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (got != NULL && gst_caps_is_subset (got, expected),
      "%" GST_PTR_FORMAT, got);
  gst_caps_unref (got);
  gst_caps_unref (expected);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Each event that came out, in order. */
static char *
list_events (GstHarness * h)
{
  GString *list = g_string_new (NULL);
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    g_string_append_printf (list, "%s ", GST_EVENT_TYPE_NAME (event));
    gst_event_unref (event);
  }
  return g_string_free (list, FALSE);
}

/* Latents are wanted, and upstream has not said of which model: caps wait for that, at most until the first frame. */
GST_START_TEST (test_waiting_caps)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  GstQuery *query = gst_query_new_allocation (NULL, FALSE);
  char *events;

  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents");
  gst_harness_set_src_caps_str (h, CAPS);
  /* As sources do after caps. */
  fail_if (gst_pad_peer_query (h->srcpad, query));
  gst_query_unref (query);
  gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new_empty ()));
  events = list_events (h);
  fail_unless_equals_string (events, "stream-start ");
  g_free (events);

  switch (__i__) {
    case 0:
      gst_harness_push_event (h, conditioning ("a road"));
      break;
    case 1:
      push (h, 0, 1);
      break;
    case 2:
      gst_harness_push_event (h, gst_event_new_gap (0, GST_CLOCK_TIME_NONE));
      break;
    default:
      gst_harness_push_event (h, gst_event_new_eos ());
      break;
  }
  events = list_events (h);
  fail_unless (g_str_has_prefix (events, "caps segment tag "), "%s", events);
  g_free (events);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A flush forgets the segment that waits, and not the caps. */
GST_START_TEST (test_waiting_flush)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  GstSegment segment;
  char *events;

  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents");
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push (h, 0, 1);
  events = list_events (h);
  fail_unless (g_str_has_prefix (events,
          "stream-start flush-start flush-stop caps segment "), "%s", events);
  g_free (events);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Another model decodes than upsamples. */
GST_START_TEST (test_two_models)
{
  char *own = g_dir_make_tmp (NULL, NULL);
  char *index = g_build_filename (own, "model_index.json", NULL);
  GstHarness *h = gst_harness_new ("vldmsr");

  fail_unless (g_file_set_contents (index, "{}", -1, NULL));
  g_object_set (h->element, "model-path", own, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  push (h, 0, 1);
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless (gst_harness_push_event (h, conditioning ("a road")));
  push (h, 1, 2);
  fail_unless_equals_int (fake_live_models, 2);
  fail_unless_equals_int (g_atomic_int_get (&fake_decoder_space), 0);
  gst_harness_teardown (h);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);
  g_remove (index);
  g_rmdir (own);
  g_free (index);
  g_free (own);
}

GST_END_TEST;

static Suite *
vldmsr_latents_suite (void)
{
  Suite *suite = suite_create ("vldmsr and latents");
  TCase *tc = tcase_create ("all");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_like_vldmdec, G_N_ELEMENTS (chunk_frames),
      26 * G_N_ELEMENTS (chunk_frames));
  tcase_add_loop_test (tc, test_borders, 0, 4);
  tcase_add_loop_test (tc, test_seek, 0, G_N_ELEMENTS (seeks));
  tcase_add_test (tc, test_latency);
  tcase_add_loop_test (tc, test_caps, 0, 2);
  tcase_add_loop_test (tc, test_waiting_caps, 0, 4);
  tcase_add_test (tc, test_waiting_flush);
  tcase_add_test (tc, test_two_models);
  return suite;
}

int
main (int argc, char **argv)
{
  return check_run (argc, argv, vldmsr_latents_suite ());
}
