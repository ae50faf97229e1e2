/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a pipeline prerolls with: the first frame where somebody looks at it, else a gap, for which nothing is generated.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define CHUNKS "vldmdec name=dec chunk-frames=8 chunk-overlap=0 ! "

static void
pause_pipeline (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
}

static void
finish (GstElement * pipeline)
{
  check_stops (pipeline);
  gst_object_unref (pipeline);
  fail_unless_equals_int (fake_live_models, 0);
}

/* The time of the picture that "sink" holds, GST_CLOCK_TIME_NONE = it holds none. */
static GstClockTime
held (GstElement * pipeline)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline),
      "sink");
  GstSample *sample;
  GstClockTime pts;

  g_object_get (sink, "last-sample", &sample, NULL);
  if (sample == NULL)
    return GST_CLOCK_TIME_NONE;
  pts = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
  gst_sample_unref (sample);
  return pts;
}

/* Windows that are made in PAUSED. */
static const struct
{
  const char *description;
  gboolean frame;
} cases[] = {
  {"vldmsrc ! vldmdec ! fakesink name=sink", FALSE},
  {"vldmsrc preroll=frame ! vldmdec ! fakesink name=sink", TRUE},
  {"vldmsrc ! vldmdec ! appsink name=sink", TRUE},
  {"vldmsrc ! appsink name=sink", TRUE},
  {"vldmsrc preroll=gap ! vldmdec ! appsink name=sink", FALSE},
  {"vldmbin uri=vldm://a ! appsink name=sink", TRUE},
  {"vldmbin uri=vldm://a;preroll=gap ! appsink name=sink", FALSE},
  /* Branches that want unlike numbers of frames would wait for each other. */
  {"vldmsrc chunk-frames=40 ! tee name=t  t. ! queue ! " CHUNKS
        "appsink name=sink  t. ! queue ! vldmdec chunk-frames=40 ! appsink",
      FALSE},
  {"videotestsrc is-live=true ! fakesink  vldmsrc ! vldmdec ! "
        "appsink name=sink", FALSE},
};

GST_START_TEST (test_cases)
{
  GstElement *pipeline = check_launch (cases[__i__].description);

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_if (gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND)
      < GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (held (pipeline) == 0, cases[__i__].frame);
  finish (pipeline);
}

GST_END_TEST;

/* Where a gap comes first, nothing is generated for it, however long that would take. */
GST_START_TEST (test_gap_is_quick)
{
  GstElement *pipeline =
      check_launch ("vldmsrc preroll=gap ! vldmdec ! appsink");

  fake.load_ms = fake.step_ms = 20000;
  pause_pipeline (pipeline);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_pull_preroll)
{
  GstElement *pipeline = check_launch ("vldmsrc ! vldmdec ! appsink name=sink");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstSample *sample = NULL;

  fake.step_ms = 20;
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  g_signal_emit_by_name (sink, "try-pull-preroll", 20 * GST_SECOND, &sample);
  fail_unless (sample != NULL);
  gst_sample_unref (sample);
  gst_object_unref (sink);
  finish (pipeline);
}

GST_END_TEST;

/* A seek in PAUSED has ended when the picture is there, from a window that was not made before, and steps lead on. */
GST_START_TEST (test_paused_seek)
{
  GstElement *pipeline = check_launch ("vldmsrc frames=40 ! vldmdec ! "
      "appsink name=sink");
  GstClockTime to = gst_util_uint64_scale (30, 1001 * GST_SECOND, 24000);

  fake.step_ms = 20;
  pause_pipeline (pipeline);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, to));
  pause_pipeline (pipeline);
  fail_unless_equals_uint64 (held (pipeline), to);

  fail_unless (gst_element_send_event (pipeline,
          gst_event_new_step (GST_FORMAT_BUFFERS, 1, 1.0, TRUE, FALSE)));
  pause_pipeline (pipeline);
  fail_unless_equals_uint64 (held (pipeline), gst_util_uint64_scale (31,
          1001 * GST_SECOND, 24000));
  finish (pipeline);
}

GST_END_TEST;

/* A frame that would take minutes keeps nobody from stopping or seeking. */
GST_START_TEST (test_cancel)
{
  GstElement *pipeline = check_launch ("vldmsrc ! vldmdec ! appsink name=sink");

  fake.step_ms = 20000;
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  g_usleep (50000);
  if (__i__ == 1) {
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH, 100 * GST_MSECOND));
    g_usleep (50000);
  }
  finish (pipeline);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("preroll");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_cases, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tc, test_gap_is_quick);
  tcase_add_test (tc, test_pull_preroll);
  tcase_add_test (tc, test_paused_seek);
  tcase_add_loop_test (tc, test_cancel, 0, 2);
  return check_run (argc, argv, suite);
}
