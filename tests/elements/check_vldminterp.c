/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldminterp by itself, over stages that compute nothing.
 */
#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/stages/windows.h"

#define USUAL CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24000/1001")
#define FACTOR 4

static GstClockTime
known_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

static GstClockTime
out_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, FACTOR * 24000);
}

static GstBuffer *
latents (guint64 n)
{
  GstBuffer *buffer = check_latents (n, known_time (n));

  GST_BUFFER_DURATION (buffer) = known_time (n + 1) - known_time (n);
  return buffer;
}

static void
push (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++)
    fail_unless_equals_int (gst_harness_push (h, latents (n)), GST_FLOW_OK);
}

static gfloat
value (GstBuffer * buffer, guint i)
{
  gfloat v;

  fail_unless_equals_int (gst_buffer_extract (buffer, 4 * i, &v, 4), 4);
  return v;
}

/* Frame @n of the output came, with the value and the time that belong to it. */
static void
check_frame (GstHarness * h, guint64 n, gfloat expected, GstClockTime shift)
{
  GstBuffer *buffer = gst_harness_try_pull (h);

  fail_unless (buffer != NULL, "no frame %d", (int) n);
  fail_unless (value (buffer, 0) == expected, "frame %d is %g, not %g", (int) n,
      value (buffer, 0), expected);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), out_time (n) + shift);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
      out_time (n + 1) - out_time (n));
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), n);
  fail_unless_equals_int (GST_BUFFER_FLAG_IS_SET (buffer,
          GST_BUFFER_FLAG_DELTA_UNIT), n % FACTOR != 0);
  gst_buffer_unref (buffer);
}

/* Frames @from .. @to - 1 of the output, and no others. */
static void
check_frames (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++)
    check_frame (h, n, (gfloat) n / FACTOR, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static GstEvent *
conditioning (const char *prompt, guint32 seed, guint level)
{
  const GstVldmConditioning c = { prompt, "fog", seed, level, NULL };

  return gst_vldm_conditioning_to_event (&c);
}

/* T -> 4 (T - 1) + 1, and the first ones leave as soon as they can. */
GST_START_TEST (test_drop)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  guint n = __i__;

  push (h, 0, n);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), FACTOR * (n - 1));
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_frames (h, 0, FACTOR * (n - 1) + 1);
  fail_unless_equals_int (fake_gaps, n - 1);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-in"), n);
  fail_unless_equals_uint64 (check_stat (h->element, "gaps-filled"), n - 1);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-out"),
      FACTOR * (n - 1) + 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* T -> 4 T: the last frame again, for as long as it was shown. */
GST_START_TEST (test_hold)
{
  GstHarness *h = check_harness ("vldminterp tail=hold", USUAL);
  guint n = __i__, i;

  push (h, 0, n);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (i = 0; i < FACTOR * n; i++)
    check_frame (h, i, MIN ((gfloat) i / FACTOR, n - 1), 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Known frames are not even copied. */
GST_START_TEST (test_memory)
{
  GstHarness *h = check_harness ("vldminterp tail=hold", USUAL);
  GstMemory *memories[3];
  guint i;

  for (i = 0; i < 3; i++) {
    GstBuffer *buffer = latents (i);

    memories[i] = gst_buffer_get_memory (buffer, 0);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (i = 0; i < 12; i++) {
    GstBuffer *buffer = gst_harness_pull (h);

    if (i % FACTOR == 0 || i > 8)
      fail_unless (gst_buffer_peek_memory (buffer, 0) ==
          memories[MIN (i / FACTOR, 2)], "frame %d", i);
    gst_buffer_unref (buffer);
  }
  for (i = 0; i < 3; i++)
    gst_memory_unref (memories[i]);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* No drift, whatever stream time 0 is called. */
GST_START_TEST (test_exact_times)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  const GstClockTime shift = __i__ * 3600 * GST_SECOND;
  GstSegment segment;
  guint n;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = shift;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  for (n = 0; n < 1000; n++)
    fail_unless_equals_int (gst_harness_push (h, check_latents (n,
                known_time (n) + shift)), GST_FLOW_OK);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = 0; n < 3997; n++)
    check_frame (h, n, (gfloat) n / FACTOR, shift);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Time stamps that are not quite on the grid: in order, and without holes. */
GST_START_TEST (test_jitter)
{
  GstHarness *h = check_harness ("vldminterp",
      CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24/1"));
  GstClockTime expected = 0;
  guint n;

  for (n = 0; n < 100; n++) {
    /* As WebM has them, in milliseconds. */
    GstClockTime ms = gst_util_uint64_scale_round (n, 1000, 24);

    fail_unless_equals_int (gst_harness_push (h, check_latents (n,
                ms * GST_MSECOND)), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = 0; n < 397; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), expected);
    if (n % FACTOR == 0)
      fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer) % GST_MSECOND, 0);
    expected += GST_BUFFER_DURATION (buffer);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Between the two frames' own times; the network is told the rate that they mean. */
GST_START_TEST (test_variable_rate)
{
  static const GstClockTime times[] = { 0, 100, 500, 900 };
  GstHarness *h = check_harness ("vldminterp tail=hold",
      CHECK_LATENTS_CAPS ("width=64, height=32, framerate=0/1"));
  guint i;

  for (i = 0; i < G_N_ELEMENTS (times); i++) {
    fail_unless_equals_int (gst_harness_push (h, check_latents (i,
                times[i] * GST_MSECOND)), GST_FLOW_OK);
    if (i > 0)
      fail_unless (fake_last_gap.fps == 4000.0 / (times[i] - times[i - 1]));
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (i = 0; i < 16; i++) {
    GstBuffer *buffer = gst_harness_pull (h);
    GstClockTime length = i < 4 ? 25 : 100;
    GstClockTime begin = times[i / FACTOR] + i % FACTOR * length;

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), begin * GST_MSECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
        length * GST_MSECOND);
    if (i < 12 && i % FACTOR)
      fail_unless_equals_int (value (buffer, 1),
          vldm_window_seed (0, i / FACTOR, 1) % 65536);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Time that goes back is a discontinuity, not a rate. */
GST_START_TEST (test_time_goes_back)
{
  GstHarness *h = check_harness ("vldminterp",
      CHECK_LATENTS_CAPS ("width=64, height=32, framerate=0/1"));

  fail_unless_equals_int (gst_harness_push (h, check_latents (0, GST_SECOND)),
      GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_push (h, check_latents (1, 0)),
      GST_FLOW_OK);
  fail_unless_equals_int (fake_gaps, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_caps)
{
  static const char *const rates[][2] = {
    {"24000/1001", "96000/1001"}, {"15/8", "15/2"}, {"0/1", "0/1"},
  };
  GstHarness *h = gst_harness_new ("vldminterp");
  guint i;

  for (i = 0; i < G_N_ELEMENTS (rates); i++) {
    char *in =
        g_strconcat (CHECK_LATENTS_CAPS ("width=64, height=32, framerate="),
        rates[i][0], NULL);
    char *out =
        g_strconcat (CHECK_LATENTS_CAPS ("width=64, height=32, framerate="),
        rates[i][1], NULL);
    GstCaps *got, *expected = gst_caps_from_string (out);

    gst_harness_set_src_caps_str (h, in);
    got = gst_pad_get_current_caps (h->sinkpad);
    fail_unless (gst_caps_is_equal (got, expected), "%" GST_PTR_FORMAT, got);
    gst_caps_unref (got);
    gst_caps_unref (expected);
    g_free (in);
    g_free (out);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What is asked of the output is asked of upstream, in its own terms. */
GST_START_TEST (test_caps_upstream)
{
  static const char *const rates[][2] = {
    {"30/1", "15/2"}, {"{ 24000/1001, 30/1 }", "{ 6000/1001, 15/2 }"},
    {"[ 0/1, 60/1 ]", "[ 0/1, 15/1 ]"}, {"2147483647/1", "2147483647/4"},
    {"1/2147483647", NULL},
  };
  const guint i = __i__;
  GstElement *interp = gst_element_factory_make ("vldminterp", NULL);
  GstElement *filter = gst_element_factory_make ("capsfilter", NULL);
  char *text = g_strdup_printf ("video/x-vldm-latents, "
      "framerate=(fraction)%s", rates[i][0]);
  char *expected = g_strdup_printf ("video/x-vldm-latents, "
      "framerate=(fraction)%s", rates[i][1] ? rates[i][1] : "0/1");
  GstCaps *caps = gst_caps_from_string (text), *got;
  GstPad *pad;

  g_object_set (filter, "caps", caps, NULL);
  gst_object_ref_sink (interp);
  gst_object_ref_sink (filter);
  fail_unless (gst_element_link (interp, filter));
  pad = gst_element_get_static_pad (interp, "sink");
  got = gst_pad_query_caps (pad, NULL);
  if (rates[i][1] == NULL) {
    fail_unless (gst_caps_is_empty (got), "%" GST_PTR_FORMAT, got);
  } else {
    GstCaps *wanted = gst_caps_from_string (expected);

    fail_unless_equals_int (gst_value_compare (gst_structure_get_value
            (gst_caps_get_structure (got, 0), "framerate"),
            gst_structure_get_value (gst_caps_get_structure (wanted, 0),
                "framerate")), GST_VALUE_EQUAL);
    gst_caps_unref (wanted);
  }
  gst_caps_unref (got);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (interp);
  gst_object_unref (filter);
  g_free (text);
  g_free (expected);
}

GST_END_TEST;

/* What comes before a border is not interpolated to what comes after, and leaves before it. */
GST_START_TEST (test_borders)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstSegment segment;
  GstBuffer *buffer;
  guint next = 3;

  fail_unless (gst_harness_push_event (h, conditioning ("a", 1, 0)));
  push (h, 0, 3);
  switch (__i__) {
    case 0:
      fail_unless (gst_harness_push_event (h,
              gst_event_new_gap (known_time (3), GST_CLOCK_TIME_NONE)));
      break;
    case 1:
      gst_segment_init (&segment, GST_FORMAT_TIME);
      fail_unless (gst_harness_push_event (h,
              gst_event_new_segment (&segment)));
      break;
    case 2:
      gst_harness_set_src_caps_str (h,
          CHECK_LATENTS_CAPS ("width=61, height=32, framerate=24000/1001"));
      break;
    case 3:
      buffer = latents (3);
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
      fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
      next = 4;
      break;
    case 4:
      push (h, 7, 8);
      next = 8;
      break;
    case 5:
      fail_unless (gst_harness_push_event (h, conditioning ("b", 1, 0)));
      break;
    default:
      fail_unless (gst_harness_push_event (h,
              gst_event_new_stream_start ("another")));
      break;
  }
  check_frames (h, 0, 9);
  fail_unless_equals_int (fake_gaps, 2);

  push (h, next, 9);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_frames (h, (__i__ == 4 ? 7 : 3) * FACTOR, 8 * FACTOR + 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The same caps and the same prompt once more are no border. */
GST_START_TEST (test_no_borders)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstCaps *caps = gst_caps_from_string (USUAL);

  fail_unless (gst_harness_push_event (h, conditioning ("a", 1, 0)));
  push (h, 0, 2);
  fail_unless (gst_harness_push_event (h, conditioning ("a", 1, 0)));
  fail_unless (gst_harness_push_event (h, gst_event_new_caps (caps)));
  push (h, 2, 4);
  check_frames (h, 0, 12);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstSegment segment;

  push (h, 0, 3);
  check_frames (h, 0, 8);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  push (h, 3, 5);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_frames (h, 12, 17);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A seek goes upstream as whole gaps; what comes out is what was asked for. */
GST_START_TEST (test_seek)
{
  /* Frames of the output that are asked for, and known frames that are needed. */
  static const struct
  {
    guint from, to, known_from, known_to;
  } seeks[] = {
    {6, 11, 1, 4}, {8, 9, 2, 3}, {8, 13, 2, 4}, {7, 8, 1, 3}, {0, 1, 0, 1},
  };
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstEvent *event;
  GstSegment segment;
  gint64 start, stop;
  guint32 seqnum;
  guint n;

  push (h, 0, 2);
  check_frames (h, 0, 4);
  event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
      out_time (seeks[__i__].from), GST_SEEK_TYPE_SET,
      out_time (seeks[__i__].to));
  seqnum = gst_event_get_seqnum (event);
  fail_unless (gst_harness_push_upstream_event (h, event));
  while (GST_EVENT_TYPE (event = gst_harness_pull_upstream_event (h)) !=
      GST_EVENT_SEEK)
    gst_event_unref (event);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &start, NULL, &stop);
  fail_unless_equals_int (gst_event_get_seqnum (event), seqnum);
  fail_unless_equals_uint64 (start, known_time (seeks[__i__].known_from));
  fail_unless_equals_uint64 (stop, known_time (seeks[__i__].known_to));
  gst_event_unref (event);

  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = start;
  segment.stop = stop;
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, seqnum);
  gst_harness_push_event (h, event);
  push (h, seeks[__i__].known_from, seeks[__i__].known_to);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = seeks[__i__].from; n < seeks[__i__].to; n++)
    check_frame (h, n, (gfloat) n / FACTOR, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Prompt, seed and level of what came in, unless properties are set; the next stage gets the next level. */
GST_START_TEST (test_conditioning)
{
  GstHarness *h = check_harness (__i__ == 0 ? "vldminterp"
      : "vldminterp prompt=own negative-prompt=rain seed=4294967295 steps=7 "
      "guidance-scale=2", USUAL);
  guint32 seed = __i__ == 0 ? 77 : G_MAXUINT32;
  GstVldmConditioning c = { NULL, };
  GstEvent *event;
  guint n;

  fail_unless (gst_harness_push_event (h, conditioning ("a road", 77, 1)));
  push (h, 5, 8);
  for (n = 20; n < 28; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    if (n % FACTOR)
      fail_unless_equals_int (value (buffer, 1),
          vldm_window_seed (seed, n / FACTOR, 2) % 65536);
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_string (fake_last_gap.prompt, __i__ ? "own" : "a road");
  fail_unless_equals_string (fake_last_gap.negative_prompt,
      __i__ ? "rain" : "fog");
  fail_unless_equals_int (fake_last_gap.steps, __i__ ? 7 : 4);
  fail_unless (fake_last_gap.guidance_scale == (__i__ ? 2 : 1));
  fail_unless (fake_last_gap.fps == 96000.0 / 1001);

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (gst_vldm_conditioning_from_event (&c, event)) {
      fail_unless_equals_int (c.level, 2);
      fail_unless_equals_int (c.seed, 77);
      fail_unless_equals_string (c.prompt, "a road");
    }
    gst_event_unref (event);
  }
  fail_unless (c.level == 2);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frames are those of no element at all. */
GST_START_TEST (test_factor_1)
{
  GstHarness *h = check_harness ("vldminterp factor=1", USUAL);
  guint n;

  push (h, 0, 5);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = 0; n < 5; n++) {
    GstBuffer *buffer = gst_harness_pull (h);

    fail_unless (value (buffer, 0) == n);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), known_time (n));
    gst_buffer_unref (buffer);
  }
  fail_unless_equals_int (fake_models_opened, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);

  push (h, 0, 1);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), known_time (1));
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldminterp");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_drop, 1, 10);
  tcase_add_loop_test (tc, test_hold, 1, 4);
  tcase_add_test (tc, test_memory);
  tcase_add_loop_test (tc, test_exact_times, 0, 2);
  tcase_add_test (tc, test_jitter);
  tcase_add_test (tc, test_variable_rate);
  tcase_add_test (tc, test_time_goes_back);
  tcase_add_test (tc, test_caps);
  tcase_add_loop_test (tc, test_caps_upstream, 0, 5);
  tcase_add_loop_test (tc, test_borders, 0, 7);
  tcase_add_test (tc, test_no_borders);
  tcase_add_test (tc, test_flush);
  tcase_add_loop_test (tc, test_seek, 0, 5);
  tcase_add_loop_test (tc, test_conditioning, 0, 2);
  tcase_add_test (tc, test_factor_1);
  tcase_add_test (tc, test_latency);
  return check_run (argc, argv, suite);
}
