/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines of the cascade, over stages that compute nothing: key frames or pictures, interpolated, decoded.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/stages/windows.h"

typedef struct
{
  GstElement *pipeline;
  GArray *values;               /* of gfloat[3], of the frames since the last run */
} Chain;

static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer values)
{
  gfloat frame[3];

  gst_buffer_extract (GST_PAD_PROBE_INFO_BUFFER (info), 0, frame,
      sizeof (frame));
  g_array_append_val (values, frame);
  return GST_PAD_PROBE_OK;
}

static void
chain_init (Chain * chain, const char *description)
{
  GstElement *sink;
  GstPad *pad;

  chain->pipeline = gst_parse_launch (description, NULL);
  fail_unless (chain->pipeline != NULL);
  chain->values = g_array_new (FALSE, FALSE, 3 * sizeof (gfloat));
  sink = gst_bin_get_by_name (GST_BIN (chain->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, chain->values,
      NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
}

static void
chain_run (Chain * chain)
{
  GstBus *bus = gst_element_get_bus (chain->pipeline);
  GstMessage *message;

  gst_element_set_state (chain->pipeline, GST_STATE_PLAYING);
  message = check_wait_message (chain->pipeline, bus,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    GError *error;
    char *debug;

    gst_message_parse_error (message, &error, &debug);
    ck_abort_msg ("%s: %s", error->message, debug);
  }
  gst_message_unref (message);
  gst_object_unref (bus);
}

static void
chain_clear (Chain * chain)
{
  check_stops_quickly (chain->pipeline);
  gst_object_unref (chain->pipeline);
  g_array_free (chain->values, TRUE);
  fail_unless_equals_int (fake_live_models, 0);
}

/* 8 -> 29 -> 113: every stage with its own seeds, one model for all, and true durations. */
GST_START_TEST (test_chain)
{
  static const struct
  {
    const char *tail;
    guint frames;
  } ends[] = {
    {"drop", 113}, {"hold", 128},
  };
  char *description = g_strdup_printf ("vldmsrc ! vldminterp tail=%s ! queue ! "
      "vldminterp tail=%s ! fakesink name=sink", ends[__i__].tail,
      ends[__i__].tail);
  Chain chain;
  gint64 duration;
  guint i;

  chain_init (&chain, description);
  chain_run (&chain);
  fail_unless_equals_int (chain.values->len, ends[__i__].frames);
  for (i = 0; i < 113; i++) {
    const gfloat *frame = &((gfloat *) chain.values->data)[3 * i];

    fail_unless (frame[0] == i / 16.0f, "frame %u is %g", i, frame[0]);
    if (i % 4 != 0) {
      fail_unless_equals_int (frame[1], vldm_window_seed (0, i / 4, 2) % 65536);
      fail_unless (frame[2] == (gfloat) (16 * 24000.0 / 1001));
    } else if (i % 16 != 0) {
      fail_unless_equals_int (frame[1],
          vldm_window_seed (0, i / 16, 1) % 65536);
    }
  }
  fail_unless_equals_int (fake_models_opened, 3);
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless (gst_element_query_duration (chain.pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_uint64 (duration,
      gst_util_uint64_scale (ends[__i__].frames, 1001 * GST_SECOND,
          16 * 24000));
  fail_unless (gst_element_query_duration (chain.pipeline, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_uint64 (duration, ends[__i__].frames);
  chain_clear (&chain);
  g_free (description);
}

GST_END_TEST;

/* After any seek, frames are those of playing through. */
GST_START_TEST (test_random_seeks)
{
  static const char *const tails[] = { "drop", "hold" };
  static const guint counts[] = { 113, 128 };
  const guint n = counts[__i__];
  char *description = g_strdup_printf ("vldmsrc ! vldminterp tail=%s ! "
      "vldminterp tail=%s ! fakesink name=sink", tails[__i__], tails[__i__]);
  GRand *random = g_rand_new_with_seed (5);
  gfloat all[128][3];
  Chain chain;
  guint i;

  chain_init (&chain, description);
  chain_run (&chain);
  fail_unless_equals_int (chain.values->len, n);
  memcpy (all, chain.values->data, n * sizeof (*all));
  for (i = 0; i < 60; i++) {
    guint from = g_rand_int_range (random, 0, n);
    guint to = g_rand_int_range (random, from + 1, n + 1);
    GstClockTime shift = g_rand_int_range (random, 0, 1000000);

    g_array_set_size (chain.values, 0);
    fail_unless (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
            gst_util_uint64_scale (from, 1001 * GST_SECOND, 16 * 24000) + shift,
            GST_SEEK_TYPE_SET, gst_util_uint64_scale (to, 1001 * GST_SECOND,
                16 * 24000)));
    chain_run (&chain);
    fail_unless_equals_int (chain.values->len, to - from);
    fail_unless (memcmp (chain.values->data, all[from],
            (to - from) * sizeof (*all)) == 0, "seek %u to %u", from, to);
  }
  chain_clear (&chain);
  g_rand_free (random);
  g_free (description);
}

GST_END_TEST;

/* Many starts, stops in the midst, and seeks one after the other. */
GST_START_TEST (test_life)
{
  GRand *random = g_rand_new_with_seed (6);
  Chain chain;
  guint i;

  fake.step_ms = 2;
  chain_init (&chain, "vldmsrc ! queue ! vldminterp ! queue ! vldmdec ! "
      "fakesink name=sink");
  for (i = 0; i < 50; i++) {
    gst_element_set_state (chain.pipeline, GST_STATE_PLAYING);
    g_usleep (g_rand_int_range (random, 0, 30000));
    if (i % 2 == 0)
      gst_element_seek_simple (chain.pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, g_rand_int_range (random, 0, 300) * GST_MSECOND);
    if (i % 3 == 0)
      check_stops_quickly (chain.pipeline);
    else if (i % 3 == 1)
      gst_element_set_state (chain.pipeline, GST_STATE_READY);
  }
  /* Forgets messages, too. */
  check_stops_quickly (chain.pipeline);
  g_array_set_size (chain.values, 0);
  chain_run (&chain);
  fail_unless_equals_int (chain.values->len, 29);
  chain_clear (&chain);
  g_rand_free (random);
}

GST_END_TEST;

/* Windows that follow each other are no border. */
GST_START_TEST (test_long_video)
{
  Chain chain;

  chain_init (&chain, "vldmsrc frames=20 ! vldminterp ! fakesink name=sink");
  chain_run (&chain);
  fail_unless_equals_int (chain.values->len, 77);
  fail_unless_equals_int (fake_gaps, 19);
  chain_clear (&chain);
}

GST_END_TEST;

/* Pictures in, more pictures out, with another size in between. */
GST_START_TEST (test_footage)
{
  Chain chain;

  chain_init (&chain, "videotestsrc num-buffers=9 ! "
      "video/x-raw,format=RGB,width=61,height=31,framerate=24000/1001 ! "
      "concat name=c ! vldmenc ! queue ! vldminterp ! vldmdec ! "
      "video/x-raw,framerate=96000/1001 ! fakesink name=sink  "
      "videotestsrc num-buffers=3 ! "
      "video/x-raw,format=RGB,width=32,height=32,framerate=24000/1001 ! c.");
  chain_run (&chain);
  fail_unless_equals_int (chain.values->len, 33 + 9);
  fail_unless_equals_int (fake_gaps, 8 + 2);
  fail_unless_equals_int (fake_live_models, 1);
  chain_clear (&chain);
}

GST_END_TEST;

/* An encoder to latents writes no file: the pipeline prerolls without waiting for the first window. */
GST_START_TEST (test_preroll)
{
  GstElement *pipeline = gst_parse_launch ("vldmsrc ! vldminterp ! vldmdec ! "
      "fakesink  videotestsrc num-buffers=1 ! video/x-raw,format=RGB ! vldmenc "
      "! fakesink", NULL);

  fake.step_ms = 20000;
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (fake_generations, 0);
  check_stops_quickly (pipeline);
  gst_object_unref (pipeline);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("cascade");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_chain, 0, 2);
  tcase_add_loop_test (tc, test_random_seeks, 0, 2);
  tcase_add_test (tc, test_life);
  tcase_add_test (tc, test_long_video);
  tcase_add_test (tc, test_footage);
  tcase_add_test (tc, test_preroll);
  return check_run (argc, argv, suite);
}
