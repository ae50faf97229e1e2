/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines of the cascade, over stages that compute nothing: key frames or pictures, interpolated, decoded.
 */
#include "tests/elements/chain.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/stages/windows.h"

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
  fail_unless_equals_int (chain.frames->len, ends[__i__].frames);
  for (i = 0; i < 113; i++) {
    const gfloat *frame = chain_frame (&chain, i)->values;

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

/* Windows that follow each other are no border. */
GST_START_TEST (test_long_video)
{
  Chain chain;

  chain_init (&chain, "vldmsrc frames=20 ! vldminterp ! fakesink name=sink");
  chain_run (&chain);
  fail_unless_equals_int (chain.frames->len, 77);
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
  fail_unless_equals_int (chain.frames->len, 33 + 9);
  fail_unless_equals_int (fake_gaps, 8 + 2);
  fail_unless_equals_int (fake_live_models, 1);
  chain_clear (&chain);
}

GST_END_TEST;

/* What converts behind leaves the model's own size and rate as they are, and a caps filter does not. The fake model makes
 * 64 x 32 at 24000/1001. */
GST_START_TEST (test_converters)
{
  static const struct
  {
    const char *behind, *made;
  } chains[] = {
    {"vldmdec ! videorate ! video/x-raw,framerate=30/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldminterp ! vldmdec ! videorate ! video/x-raw,framerate=30/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldminterp ! vldminterp ! vldmdec ! videorate ! "
          "video/x-raw,framerate=30/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldmdec ! videoscale ! video/x-raw,width=128,height=96",
        "width=64, height=32, framerate=24000/1001"},
    {"vldmdec ! videorate ! videoscale ! "
          "video/x-raw,width=128,height=96,framerate=30/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldmdec ! videorate ! video/x-raw,width=128,framerate=30/1",
        "width=128, height=32, framerate=24000/1001"},
    {"vldmdec ! videorate drop-only=true ! video/x-raw,framerate=10/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldmsr ! videorate ! videoscale ! "
          "video/x-raw,width=128,height=96,framerate=30/1",
        "width=64, height=32, framerate=24000/1001"},
    {"vldmdec ! video/x-raw,width=128,framerate=30/1",
        "width=128, height=32, framerate=30/1"},
    {"vldminterp ! vldmdec ! video/x-raw,framerate=30/1",
        "width=64, height=32, framerate=15/2"},
    {"vldmsr ! video/x-raw,width=512,framerate=30/1",
        "width=128, height=32, framerate=30/1"},
  };
  char *description = g_strdup_printf ("vldmsrc name=src ! %s ! "
      "fakesink name=sink", chains[__i__].behind);
  char *text = g_strdup_printf ("video/x-vldm-latents, %s", chains[__i__].made);
  GstCaps *expected = gst_caps_from_string (text), *caps;
  char *made;
  GstElement *src;
  GstPad *pad;
  Chain chain;

  chain_init (&chain, description);
  chain_run (&chain);
  src = gst_bin_get_by_name (GST_BIN (chain.pipeline), "src");
  pad = gst_element_get_static_pad (src, "src");
  caps = gst_pad_get_current_caps (pad);
  made = gst_caps_to_string (caps);
  fail_unless (gst_caps_is_subset (caps, expected), "%s: %s", description,
      made);
  g_free (made);
  gst_caps_unref (caps);
  gst_caps_unref (expected);
  gst_object_unref (pad);
  gst_object_unref (src);
  chain_clear (&chain);
  g_free (description);
  g_free (text);
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
  check_stops (pipeline);
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
  tcase_add_test (tc, test_long_video);
  tcase_add_test (tc, test_footage);
  tcase_add_loop_test (tc, test_converters, 0, 11);
  tcase_add_test (tc, test_preroll);
  return check_run (argc, argv, suite);
}
