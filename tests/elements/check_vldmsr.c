/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr by itself, over a stage that computes nothing: which frames make a window, and what comes out when.
 */
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/files/folder.h"
#include "vldm/stages/windows.h"

#define CAPS(fields) "video/x-raw, format=RGB, interlace-mode=progressive, " \
    "multiview-mode=mono, " fields
#define USUAL CAPS ("width=5, height=3, framerate=24000/1001")
#define SIZE 8
#define OVERLAP 2
#define STAGE 15

/* Low bits of the seeds of window @k: it shares noise with the one before. */
#define SEED(seed, k) ((guint8) (vldm_window_seed (seed, k, STAGE) + \
    ((k) > 0 ? vldm_window_seed (seed, (k) - 1, STAGE) : 0)))

static GstClockTime
frame_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

/* Frame @n of 5 x 3 pixels; all of its bytes are n. */
static GstBuffer *
picture (guint64 n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16 * 3, NULL);

  gst_buffer_memset (buffer, 0, n, 16 * 3);
  GST_BUFFER_PTS (buffer) = frame_time (n);
  GST_BUFFER_DURATION (buffer) = frame_time (n + 1) - frame_time (n);
  return buffer;
}

static void
push (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++)
    fail_unless_equals_int (gst_harness_push (h, picture (n)), GST_FLOW_OK);
}

static GstHarness *
new_upsampler (const char *description)
{
  GstHarness *h = gst_harness_new_parse (description);

  gst_harness_set_src_caps_str (h, USUAL);
  return h;
}

/* Frame @n came, 20 x 12 pixels of which all are (n, @seed, @window), with the time that it had. */
static void
check_frame (GstHarness * h, guint64 n, guint8 seed, guint8 window)
{
  GstBuffer *buffer = gst_harness_try_pull (h);
  const guint8 expected[] = { n, seed, window };
  GstMapInfo map;
  gsize i;

  fail_unless (buffer != NULL, "no frame %d", (int) n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame_time (n));
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
      frame_time (n + 1) - frame_time (n));
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  fail_unless_equals_int (map.size, 20 * 12 * 3);
  for (i = 0; i < map.size; i++)
    fail_unless (map.data[i] == expected[i % 3],
        "frame %d, byte %d is %d, not %d", (int) n, (int) i, map.data[i],
        expected[i % 3]);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
}

static void
check_nothing (GstHarness * h)
{
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static GstEvent *
conditioning (const char *prompt, guint32 seed)
{
  const GstVldmConditioning c = { prompt, "fog", seed, 0, NULL };

  return gst_vldm_conditioning_to_event (&c);
}

/* @total frames in, as many out; each from the last window that has it. Pictures are decoded one by one, or by windows. */
GST_START_TEST (test_windows)
{
  GstHarness *h = new_upsampler ("vldmsr seed=7");
  const guint total = __i__ / 2, step = SIZE - OVERLAP;
  const guint n_windows = total <= SIZE ? 1 : (total - OVERLAP - 1) / step + 1;
  GstElement *sr;
  guint n;

  fake.clip_decoder = __i__ % 2;
  push (h, 0, total);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = 0; n < total; n++) {
    guint k = MIN (n / step, n_windows - 1);
    guint count = MIN (SIZE, total - k * step);
    gboolean shared = k > 0 && n < k * step + OVERLAP;

    check_frame (h, n, SEED (7, k), count + (shared ? 16 * OVERLAP : 0));
  }
  check_nothing (h);
  fail_unless_equals_int (fake_upsamplings, n_windows);
  sr = gst_harness_find_element (h, "vldmsr");
  fail_unless_equals_uint64 (check_stat (sr, "windows-upsampled"), n_windows);
  fail_unless_equals_uint64 (check_stat (sr, "frames-in"), total);
  fail_unless_equals_uint64 (check_stat (sr, "frames-out"), total);
  gst_object_unref (sr);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* All frames are half a frame late, in milliseconds, as of a film whose sound begins first: windows are whole all the same. */
GST_START_TEST (test_half_a_frame_late)
{
  GstHarness *h = new_upsampler ("vldmsr");
  guint n;

  gst_harness_set_src_caps_str (h, CAPS ("width=5, height=3, framerate=30/1"));
  for (n = 0; n < 20; n++) {
    GstBuffer *buffer = picture (n);

    GST_BUFFER_PTS (buffer) = (2 * n + 1) * 1000 / 60 * GST_MSECOND;
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 20);
  fail_unless_equals_int (fake_upsamplings, 3);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frames leave as soon as no later window has a share in them. */
GST_START_TEST (test_early)
{
  GstHarness *h = new_upsampler ("vldmsr");

  push (h, 0, SIZE - 1);
  check_nothing (h);
  push (h, SIZE - 1, SIZE);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), SIZE - OVERLAP);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  const char *in, *out;
} sizes[] = {
  {"width=101, height=75, framerate=15/2, pixel-aspect-ratio=4/3",
      "width=404, height=300, framerate=15/2, pixel-aspect-ratio=4/3"},
  {"width=1, height=1, framerate=0/1, pixel-aspect-ratio=1/1",
      "width=4, height=4, framerate=0/1, pixel-aspect-ratio=1/1"},
  {"width=8191, height=2, framerate=1/1, colorimetry=sRGB",
      "width=32764, height=8, framerate=1/1, colorimetry=sRGB"},
};

GST_START_TEST (test_caps)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  char *in = g_strconcat (CAPS (""), sizes[__i__].in, NULL);
  char *out = g_strconcat (CAPS (""), sizes[__i__].out, NULL);
  GstCaps *got, *expected = gst_caps_from_string (out);

  gst_harness_set_src_caps_str (h, in);
  got = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (got, expected), "%" GST_PTR_FORMAT, got);
  gst_caps_unref (got);
  gst_caps_unref (expected);
  g_free (in);
  g_free (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What is asked of the output is asked of upstream, in its own terms. */
static const struct
{
  const char *out, *in;
} widths[] = {
  {"1280", "320"}, {"1282", NULL}, {"[ 1, 10 ]", "[ 1, 2 ]"},
  {"[ 5, 11 ]", "2"}, {"[ 5, 7 ]", NULL}, {"{ (int) 6, (int) 8, (int) 12 }",
      "{ (int) 2, (int) 3 }"}, {"[ 8, 800, 8 ]", "[ 2, 200, 2 ]"},
  {"[ 1, 100000 ]", "[ 1, 8191 ]"},
};

GST_START_TEST (test_caps_upstream)
{
  GstElement *sr = gst_element_factory_make ("vldmsr", NULL);
  GstElement *filter = gst_element_factory_make ("capsfilter", NULL);
  char *text = g_strdup_printf ("video/x-raw, width=%s", widths[__i__].out);
  GstCaps *caps = gst_caps_from_string (text), *got;
  GstPad *pad;

  gst_object_ref_sink (sr);
  gst_object_ref_sink (filter);
  g_object_set (filter, "caps", caps, NULL);
  pad = gst_element_get_static_pad (sr, "sink");
  if (widths[__i__].in == NULL) {
    fail_if (gst_element_link (sr, filter));
  } else {
    char *in = g_strdup_printf ("video/x-raw, width=%s", widths[__i__].in);
    GstCaps *expected = gst_caps_from_string (in);
    guint last;

    fail_unless (gst_element_link (sr, filter));
    got = gst_pad_query_caps (pad, NULL);
    /* Latents come last, and the base class puts those first that need no change. */
    last = gst_caps_get_size (got) - 2;
    fail_unless (gst_value_compare (gst_structure_get_value
            (gst_caps_get_structure (got, last), "width"),
            gst_structure_get_value (gst_caps_get_structure (expected, 0),
                "width")) == GST_VALUE_EQUAL, "%" GST_PTR_FORMAT, got);
    gst_caps_unref (expected);
    g_free (in);
    gst_caps_unref (got);
  }
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (sr);
  gst_object_unref (filter);
  g_free (text);
}

GST_END_TEST;

static const char *const refused[] = {
  "video/x-raw, format=RGBA, width=8, height=8, framerate=1/1",
  "video/x-raw, format=I420, width=8, height=8, framerate=1/1",
  "video/x-raw, format=RGB, width=8192, height=8, framerate=1/1",
  "video/x-raw, format=RGB, width=8, height=8, framerate=1/1, "
      "interlace-mode=interleaved",
  "video/x-vldm-latents, format=F32LE, width=64, height=32, latent-width=8, "
      "latent-height=4, latent-channels=4, latent-space=upsampler-vae, "
      "framerate=1/1",
};

GST_START_TEST (test_refused)
{
  GstElement *sr = gst_element_factory_make ("vldmsr", NULL);
  GstPad *pad = gst_element_get_static_pad (sr, "sink");
  GstCaps *caps = gst_caps_from_string (refused[__i__]);

  fail_if (gst_pad_query_accept_caps (pad, caps));
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (sr);
}

GST_END_TEST;

/* What comes before a border has no window with what comes after, and leaves before it. */
GST_START_TEST (test_borders)
{
  GstHarness *h = new_upsampler ("vldmsr");
  GstSegment segment;
  GstBuffer *buffer;
  guint n, next = 3;

  fail_unless (gst_harness_push_event (h, conditioning ("a", 1)));
  push (h, 0, 3);
  switch (__i__) {
    case 0:
      fail_unless (gst_harness_push_event (h,
              gst_event_new_gap (frame_time (3), GST_CLOCK_TIME_NONE)));
      break;
    case 1:
      gst_segment_init (&segment, GST_FORMAT_TIME);
      fail_unless (gst_harness_push_event (h,
              gst_event_new_segment (&segment)));
      break;
    case 2:
      gst_harness_set_src_caps_str (h,
          CAPS ("width=4, height=4, framerate=24000/1001"));
      break;
    case 3:
      buffer = picture (3);
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
      fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
      next = 4;
      break;
    case 4:
      push (h, 5, 6);
      next = 6;
      break;
    case 5:
      fail_unless (gst_harness_push_event (h, conditioning ("b", 1)));
      break;
    default:
      fail_unless (gst_harness_push_event (h,
              gst_event_new_stream_start ("another")));
      break;
  }
  for (n = 0; n < 3; n++)
    check_frame (h, n, SEED (1, 0), 3);
  check_nothing (h);

  push (h, next, SIZE);
  fail_unless_equals_int (fake_upsamplings, 2);
  fail_unless_equals_string (fake_last_upsampling.prompt,
      __i__ == 5 ? "b" : "a");
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The same caps and the same prompt once more are no border. */
GST_START_TEST (test_no_borders)
{
  GstHarness *h = new_upsampler ("vldmsr");
  GstCaps *caps = gst_caps_from_string (USUAL);

  fail_unless (gst_harness_push_event (h, conditioning ("a", 1)));
  push (h, 0, 2);
  fail_unless (gst_harness_push_event (h, conditioning ("a", 1)));
  gst_harness_push_event (h, gst_event_new_caps (caps));
  push (h, 2, SIZE);
  check_frame (h, 0, SEED (1, 0), SIZE);
  fail_unless_equals_int (fake_upsamplings, 1);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GstHarness *h = new_upsampler ("vldmsr");
  GstSegment segment;
  guint n;

  push (h, 0, SIZE + 1);
  for (n = 0; n < SIZE - OVERLAP; n++)
    check_frame (h, n, SEED (0, 0), SIZE);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  check_nothing (h);
  push (h, 0, 2);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_frame (h, 0, SEED (0, 0), 2);
  check_frame (h, 1, SEED (0, 0), 2);
  check_nothing (h);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A seek goes upstream as whole windows; what comes out is what was asked for, the same as by playing through. */
GST_START_TEST (test_seek)
{
  static const struct
  {
    guint from, to, first, end;
  } seeks[] = {
    {9, 11, 6, 14}, {6, 7, 0, 14}, {12, 13, 6, 20}, {0, 1, 0, 8},
    {14, 18, 12, 20},
  };
  GstHarness *h = new_upsampler ("vldmsr seed=3");
  GstEvent *event;
  GstSegment segment;
  gint64 start, stop;
  guint32 seqnum;
  guint n;

  push (h, 0, 1);
  event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
      frame_time (seeks[__i__].from), GST_SEEK_TYPE_SET,
      frame_time (seeks[__i__].to));
  seqnum = gst_event_get_seqnum (event);
  fail_unless (gst_harness_push_upstream_event (h, event));
  while (GST_EVENT_TYPE (event = gst_harness_pull_upstream_event (h)) !=
      GST_EVENT_SEEK)
    gst_event_unref (event);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &start, NULL, &stop);
  fail_unless_equals_uint64 (start, frame_time (seeks[__i__].first));
  fail_unless_equals_uint64 (stop, frame_time (seeks[__i__].end));
  gst_event_unref (event);

  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = start;
  segment.stop = stop;
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, seqnum);
  gst_harness_push_event (h, event);
  push (h, seeks[__i__].first, seeks[__i__].end);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = seeks[__i__].from; n < seeks[__i__].to; n++) {
    guint k = n / (SIZE - OVERLAP);
    gboolean shared = k > 0 && n % (SIZE - OVERLAP) < OVERLAP;

    check_frame (h, n, SEED (3, k), SIZE + (shared ? 16 * OVERLAP : 0));
  }
  check_nothing (h);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Of what the video was made from, unless properties are set. */
GST_START_TEST (test_settings)
{
  GstHarness *h = new_upsampler (__i__ == 0 ? "vldmsr"
      : "vldmsr prompt=own negative-prompt=rain seed=4294967295 steps=7 "
      "noise-level=33 tile-size=64");

  fail_unless (gst_harness_push_event (h, conditioning ("a road", 77)));
  push (h, 0, SIZE);
  fail_unless_equals_string (fake_last_upsampling.prompt,
      __i__ ? "own" : "a road");
  fail_unless_equals_string (fake_last_upsampling.negative_prompt,
      __i__ ? "rain" : "fog");
  fail_unless_equals_int (fake_last_upsampling.steps, __i__ ? 7 : 4);
  fail_unless_equals_int (fake_last_upsampling.noise_level, __i__ ? 33 : 20);
  fail_unless_equals_int (fake_last_upsampling.tile_size, __i__ ? 64 : 0);
  fail_unless_equals_int (fake_last_upsampling.tile_overlap, __i__ ? 16 : 0);
  fail_unless_equals_int (fake_last_upsampling.seed,
      vldm_window_seed (__i__ ? G_MAXUINT32 : 77, 0, STAGE));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Downstream takes latents only: their shape is the model's. */
GST_START_TEST (test_latents)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  GstCaps *caps, *expected = gst_caps_from_string ("video/x-vldm-latents, "
      "format=F32LE, width=20, height=12, latent-width=6, latent-height=4, "
      "latent-channels=4, latent-space=upsampler-vae, framerate=24000/1001, "
      "pixel-aspect-ratio=1/1");
  char *folder = vldm_folder_resolve (NULL, NULL);
  const GstVldmConditioning elsewhere = { "a", "b", 0, 0, "/elsewhere" };
  GstVldmConditioning c = { NULL, };
  GstEvent *event;
  guint n;

  g_object_set (h->element, "model-path", folder, NULL);
  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents");
  gst_harness_set_src_caps_str (h, USUAL ", pixel-aspect-ratio=1/1");
  if (__i__ == 1)
    fail_unless (gst_harness_push_event (h,
            gst_vldm_conditioning_to_event (&elsewhere)));
  push (h, 0, 3);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  for (n = 0; n < 3; n++) {
    GstBuffer *buffer = gst_harness_pull (h);
    gfloat values[3];

    fail_unless_equals_int (gst_buffer_get_size (buffer), 6 * 4 * 4 * 4);
    gst_buffer_extract (buffer, 0, values, sizeof (values));
    fail_unless (values[0] == n && values[1] == SEED (0, 0) && values[2] == 3);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame_time (n));
    gst_buffer_unref (buffer);
  }
  /* Says which model decodes them. */
  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (gst_vldm_conditioning_from_event (&c, event))
      fail_unless_equals_string (c.model, folder);
    gst_event_unref (event);
  }
  fail_unless (c.model != NULL);
  g_free (folder);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_latency)
{
  GstHarness *h = new_upsampler ("vldmsr");
  GstClockTime own = frame_time (SIZE - 1);

  gst_harness_set_upstream_latency (h, GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), own + GST_MSECOND);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
vldmsr_suite (void)
{
  Suite *suite = suite_create ("vldmsr");
  TCase *tc = tcase_create ("all");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_windows, 2, 44);
  tcase_add_test (tc, test_half_a_frame_late);
  tcase_add_test (tc, test_early);
  tcase_add_loop_test (tc, test_caps, 0, G_N_ELEMENTS (sizes));
  tcase_add_loop_test (tc, test_caps_upstream, 0, G_N_ELEMENTS (widths));
  tcase_add_loop_test (tc, test_refused, 0, G_N_ELEMENTS (refused));
  tcase_add_loop_test (tc, test_borders, 0, 7);
  tcase_add_test (tc, test_no_borders);
  tcase_add_test (tc, test_flush);
  tcase_add_loop_test (tc, test_seek, 0, 5);
  tcase_add_loop_test (tc, test_settings, 0, 2);
  tcase_add_loop_test (tc, test_latents, 0, 2);
  tcase_add_test (tc, test_latency);
  return suite;
}

int
main (int argc, char **argv)
{
  return check_run (argc, argv, vldmsr_suite ());
}
