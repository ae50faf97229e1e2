/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory does not grow with the length of a stream, over stages that compute nothing.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "tests/resident.h"

#define N_FRAMES 10000
/* By then every pool and queue has what it needs. */
#define WARM_UP 2000
/* Allocators give back whole pages. A picture kept of every eight would be 12 MB; the latents that vldmsrc keeps to predict
 * windows from, up to a bound of their own, are 1.4 MB. */
#define MAX_GROWTH_KB 4096

#define RAW "video/x-raw, format=RGB, width=64, height=64"

static const char *const streams[] = {
  "vldmsrc frames=0 ! fakesink name=sink",
  "vldmsrc frames=0 ! vldminterp ! fakesink name=sink",
  "vldmsrc frames=0 ! vldmdec ! fakesink name=sink",
  "videotestsrc ! " RAW " ! vldmenc ! fakesink name=sink",
  "videotestsrc ! video/x-raw, format=RGB, width=16, height=16 ! vldmsr ! "
      "fakesink name=sink",
  "videotestsrc ! " RAW " ! vldmenc ! vldminterp ! queue ! vldmdec ! "
      "fakesink name=sink",
};

typedef struct
{
  guint n;
  glong warm_kb, end_kb;
} Growth;

static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Growth *growth = data;

  growth->n++;
  if (growth->n == WARM_UP)
    growth->warm_kb = resident_kb ();
  if (growth->n == N_FRAMES)
    growth->end_kb = resident_kb ();
  return GST_PAD_PROBE_OK;
}

GST_START_TEST (test_memory)
{
  GstElement *pipeline = gst_parse_launch (streams[__i__], NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstBus *bus = gst_element_get_bus (pipeline);
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  Growth growth = { 0, };
  GstMessage *message;

  g_object_set (sink, "num-buffers", N_FRAMES, NULL);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &growth, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  GST_INFO ("%s: %ld kB after %d frames, %ld kB after %d", streams[__i__],
      growth.warm_kb, WARM_UP, growth.end_kb, N_FRAMES);
  fail_unless (growth.n >= N_FRAMES);
  fail_unless (growth.end_kb - growth.warm_kb <= MAX_GROWTH_KB,
      "%s: from %ld to %ld kB", streams[__i__], growth.warm_kb, growth.end_kb);

  gst_object_unref (pad);
  gst_object_unref (bus);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("bounded");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_memory, 0, G_N_ELEMENTS (streams));
  return check_run (argc, argv, suite);
}
