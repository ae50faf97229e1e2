/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsrc and vldmdec in pipelines, over stages that compute nothing but can be slow.
 */
#include <glib/gstdio.h>

#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

/* What video sinks do by default: frames more than 5 ms late are dropped. */
#define VIDEO_SINK "fakesink name=sink sync=true qos=true max-lateness=5000000"

/* Runs to EOS. */
static void
run (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = check_wait_message (pipeline, bus,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

/* Buffers that the sink showed, and that it dropped. */
static void
check_shown (GstElement * pipeline, guint64 shown, guint64 dropped)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstStructure *stats;
  guint64 n_rendered, n_dropped;

  g_object_get (sink, "stats", &stats, NULL);
  fail_unless (gst_structure_get (stats, "rendered", G_TYPE_UINT64, &n_rendered,
          "dropped", G_TYPE_UINT64, &n_dropped, NULL));
  fail_unless_equals_uint64 (n_dropped, dropped);
  fail_unless_equals_uint64 (n_rendered, shown);
  gst_structure_free (stats);
  gst_object_unref (sink);
}

static void
finish (GstElement * pipeline)
{
  check_stops (pipeline);
  gst_object_unref (pipeline);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);
}

/* How late frames were shown at the most, in the sink's thread. No frame is shown before its time. */
typedef struct
{
  guint n;
  GstClockTimeDiff latest;
} Lateness;

static void
on_handoff (GstElement * sink, GstBuffer * buffer, GstPad * pad,
    Lateness * lateness)
{
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  GstClockTime due;

  gst_event_parse_segment (event, &segment);
  due = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  lateness->latest = MAX (lateness->latest, GST_CLOCK_DIFF (due,
          gst_element_get_current_running_time (sink)));
  lateness->n++;
}

/* Window and chunks take longer than they last; all frames are shown, each for its time, with and without queues. Where
 * the clock is not set back, the second chunk is as late as its decoding takes, 1.5 seconds, and the first even more; half
 * of that tells it from a busy machine. */
GST_START_TEST (test_slower_than_real_time)
{
  static const char *const middles[] = { "!", "! queue !" };
  Lateness lateness = { 0, 0 };
  GstElement *pipeline, *sink;
  char *description;

  fake.fps_n = 5;
  fake.fps_d = 1;
  fake.step_ms = 200;
  fake.decode_ms = 250;
  description = g_strdup_printf ("vldmsrc chunk-frames=12 %s vldmdec %s "
      VIDEO_SINK " signal-handoffs=true", middles[__i__], middles[__i__]);
  pipeline = check_launch (description);
  g_free (description);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), &lateness);
  gst_object_unref (sink);

  run (pipeline);
  check_shown (pipeline, 12, 0);
  fail_unless_equals_int (lateness.n, 12);
  fail_unless (lateness.latest < 750 * GST_MSECOND, "late by %d ms",
      (int) (lateness.latest / GST_MSECOND));
  finish (pipeline);
}

GST_END_TEST;

/* A sink that does not wait for its clock gets the same running times as ever. */
GST_START_TEST (test_running_times)
{
  GstElement *pipeline =
      check_launch ("vldmsrc ! vldmdec ! fakesink name=sink");
  GstElement *sink;
  GstSample *sample;

  fake.step_ms = 100;
  run (pipeline);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_get (sink, "last-sample", &sample, NULL);
  fail_unless_equals_uint64 (gst_segment_to_running_time
      (gst_sample_get_segment (sample), GST_FORMAT_TIME,
          GST_BUFFER_PTS (gst_sample_get_buffer (sample))),
      gst_util_uint64_scale (7, 1001 * GST_SECOND, 24000));
  gst_sample_unref (sample);
  gst_object_unref (sink);
  finish (pipeline);
}

GST_END_TEST;

/* PAUSED costs no generation: caps, size and duration are known at once. */
GST_START_TEST (test_preroll)
{
  GstElement *pipeline =
      check_launch ("vldmsrc name=src ! vldmdec ! " VIDEO_SINK);
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  gint64 duration;

  fake.load_ms = fake.step_ms = 20000;
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_uint64 (duration, gst_util_uint64_scale (8,
          1001 * GST_SECOND, 24000));

  /* A seek neither waits nor starts one. */
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 100 * GST_MSECOND));
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (fake_generations, 0);

  /* Nor does the change to PLAYING wait for it. */
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless (gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  gst_object_unref (src);
  finish (pipeline);
}

GST_END_TEST;

static GstPadProbeReturn
on_picture (GstPad * pad, GstPadProbeInfo * info, gpointer pictures)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  guint8 pixel[3];

  gst_buffer_extract (buffer, 0, pixel, 3);
  g_array_append_vals (pictures, pixel, 3);
  return GST_PAD_PROBE_OK;
}

/* After any seek, pictures are those of playing through: same chunks, same blending. */
GST_START_TEST (test_random_seeks)
{
  GstElement *pipeline =
      check_launch ("vldmsrc chunk-frames=40 ! vldmdec name=dec ! "
      "fakesink name=sink");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  GArray *pictures = g_array_new (FALSE, FALSE, 1);
  GRand *random = g_rand_new_with_seed (1);
  guint8 all[3 * 40];
  guint i;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, pictures,
      NULL);
  run (pipeline);
  fail_unless_equals_int (pictures->len, sizeof (all));
  memcpy (all, pictures->data, sizeof (all));

  for (i = 0; i < 100; i++) {
    guint from = g_rand_int_range (random, 0, 40);
    guint to = g_rand_int_range (random, from + 1, 41);
    GstClockTime shift = g_rand_int_range (random, 0, 1000000);

    /* Not under way: the probe must not see frames of the seek before. */
    g_array_set_size (pictures, 0);
    fail_unless (gst_element_seek (pipeline, 1.0, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
            gst_util_uint64_scale (from, 1001 * GST_SECOND, 24000) + shift,
            GST_SEEK_TYPE_SET, gst_util_uint64_scale (to, 1001 * GST_SECOND,
                24000)));
    run (pipeline);
    fail_unless_equals_int (pictures->len, 3 * (to - from));
    fail_unless (memcmp (pictures->data, all + 3 * from, pictures->len) == 0,
        "seek %d to %d", from, to);
  }
  fail_unless_equals_int (fake_generations, 1);
  g_rand_free (random);
  g_array_free (pictures, TRUE);
  gst_object_unref (pad);
  gst_object_unref (sink);
  finish (pipeline);
}

GST_END_TEST;

/* Seeks one after the other while it works. */
GST_START_TEST (test_seeks_under_way)
{
  GstElement *pipeline = check_launch ("vldmsrc ! queue ! vldmdec ! queue ! "
      VIDEO_SINK);
  GRand *random = g_rand_new_with_seed (2);
  guint i;

  fake.step_ms = 5;
  fake.decode_ms = 2;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (i = 0; i < 30; i++) {
    g_usleep (g_rand_int_range (random, 0, 40000));
    fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
            g_rand_int_range (random, 0, 300) * GST_MSECOND));
  }
  run (pipeline);
  g_rand_free (random);
  finish (pipeline);
}

GST_END_TEST;

/* Two sources and two decoders use one model; the last one to stop frees it. */
GST_START_TEST (test_sharing)
{
  GstElement *pipeline = check_launch ("vldmsrc ! vldmdec ! fakesink name=sink "
      "vldmsrc seed=2 ! vldmdec ! fakesink");
  GstElement *third = check_launch ("vldmsrc name=src ! fakesink");

  run (pipeline);
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless_equals_int (fake_live_stages, 4);
  run (third);
  fail_unless_equals_int (fake_live_models, 1);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless_equals_int (fake_live_stages, 1);
  gst_object_unref (pipeline);
  finish (third);
}

GST_END_TEST;

/* File names are bytes: stages behind one whose model is called "mod\xe8le" use that one and no other. */
static const char *const chains[] = {
  "vldmsrc name=first ! vldmdec ! fakesink name=sink",
  "vldmsrc name=first ! vldminterp ! queue ! vldmdec ! fakesink name=sink",
  "vldmsrc name=first ! vldmsr ! vldmdec ! fakesink name=sink",
  "videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=64,height=32 ! "
      "vldmenc name=first ! vldmdec ! fakesink name=sink",
  "vldmbin name=first ! fakesink name=sink",
};

GST_START_TEST (test_model_of_bytes)
{
  GstElement *pipeline = check_launch (chains[__i__]);
  GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "first");
  g_autofree char *parent = g_dir_make_tmp ("vldm-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (parent, "mod\xe8le", NULL);
  g_autofree char *index = g_build_filename (folder, "model_index.json", NULL);

  fail_unless_equals_int (g_mkdir (folder, 0700), 0);
  fail_unless (g_file_set_contents (index, "{}", -1, NULL));
  g_object_set (source, "model-path", folder, NULL);
  run (pipeline);
  fail_unless_equals_int (fake_live_models, 1);
  gst_object_unref (source);
  finish (pipeline);
  fail_unless (g_remove (index) == 0 && g_remove (folder) == 0
      && g_remove (parent) == 0);
}

GST_END_TEST;

/* What is said of such a folder is UTF-8. */
GST_START_TEST (test_message_of_bytes)
{
  GstElement *pipeline = check_launch ("vldmsrc name=src ! fakesink");
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstBus *bus = gst_element_get_bus (pipeline);

  g_object_set (src, "model-path", "/no/mod\xe8le", NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/mod\xef\xbf\xbdle", NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_other_precision_is_another_model)
{
  GstElement *pipeline =
      check_launch ("vldmsrc precision=f16 ! vldmdec precision=f32"
      " ! fakesink");

  run (pipeline);
  fail_unless_equals_int (fake_live_models, 2);
  finish (pipeline);
}

GST_END_TEST;

/* READY keeps models and the window, so a second run generates nothing. */
GST_START_TEST (test_cycling)
{
  GstElement *pipeline =
      check_launch ("vldmsrc ! vldmdec ! fakesink name=sink");
  guint i;

  for (i = 0; i < 20; i++) {
    run (pipeline);
    check_shown (pipeline, 8, 0);
    gst_element_set_state (pipeline, i % 4 ? GST_STATE_READY : GST_STATE_NULL);
  }
  fail_unless_equals_int (fake_generations, 6);
  finish (pipeline);
}

GST_END_TEST;

/* Autoplugged by what it is: a decoder of coded video. */
GST_START_TEST (test_decodebin)
{
  GstElement *pipeline = check_launch ("vldmsrc ! decodebin ! video/x-raw ! "
      "fakesink name=sink");

  run (pipeline);
  check_shown (pipeline, 8, 0);
  finish (pipeline);
}

GST_END_TEST;

/* A tee beside the element that holds a chunk. */
GST_START_TEST (test_tee)
{
  GstElement *pipeline = check_launch ("vldmsrc ! tee name=t t. ! "
      "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! vldmdec ! "
      "fakesink name=sink  t. ! queue max-size-buffers=0 max-size-bytes=0 "
      "max-size-time=0 ! fakesink");

  run (pipeline);
  check_shown (pipeline, 8, 0);
  finish (pipeline);
}

GST_END_TEST;

/* START first, CONTINUE with rising percents, COMPLETE last; not more than about ten a second. */
GST_START_TEST (test_progress)
{
  GstElement *pipeline = check_launch ("vldmsrc steps=50 ! fakesink");
  GstBus *bus = gst_element_get_bus (pipeline);
  guint n[GST_PROGRESS_TYPE_ERROR + 1] = { 0, };
  gint percent, last_percent = 0;
  gboolean eos = FALSE;

  fake.step_ms = 10;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!eos) {
    GstMessage *message = check_wait_message (pipeline, bus,
        GST_MESSAGE_PROGRESS | GST_MESSAGE_EOS);
    GstProgressType type;
    char *code = NULL;

    eos = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (!eos)
      gst_message_parse_progress (message, &type, &code, NULL);
    if (g_strcmp0 (code, "denoise") == 0) {
      fail_unless (n[GST_PROGRESS_TYPE_COMPLETE] == 0);
      fail_unless (n[GST_PROGRESS_TYPE_START] ==
          (type == GST_PROGRESS_TYPE_START ? 0 : 1));
      n[type]++;
      gst_structure_get_int (gst_message_get_structure (message), "percent",
          &percent);
      fail_unless (percent >= last_percent && percent <= 100);
      last_percent = percent;
    }
    g_free (code);
    gst_message_unref (message);
  }
  fail_unless_equals_int (n[GST_PROGRESS_TYPE_COMPLETE], 1);
  /* 500 ms of work and a little more. */
  fail_unless (n[GST_PROGRESS_TYPE_CONTINUE] >= 2);
  fail_unless (n[GST_PROGRESS_TYPE_CONTINUE] <= 20);
  gst_object_unref (bus);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_prompt_changes)
{
  GstElement *pipeline = check_launch ("vldmsrc name=src prompt=a ! vldmdec ! "
      "fakesink name=sink");
  GstElement *src = gst_bin_get_by_name (GST_BIN (pipeline), "src");

  run (pipeline);
  g_object_set (src, "prompt", "b", NULL);
  fail_unless (gst_element_seek_simple (pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, 0));
  run (pipeline);
  fail_unless_equals_int (fake_generations, 2);
  gst_object_unref (src);
  finish (pipeline);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("together");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_slower_than_real_time, 0, 2);
  tcase_add_test (tc, test_running_times);
  tcase_add_test (tc, test_preroll);
  tcase_add_test (tc, test_random_seeks);
  tcase_add_test (tc, test_seeks_under_way);
  tcase_add_test (tc, test_sharing);
  tcase_add_loop_test (tc, test_model_of_bytes, 0, G_N_ELEMENTS (chains));
  tcase_add_test (tc, test_message_of_bytes);
  tcase_add_test (tc, test_other_precision_is_another_model);
  tcase_add_test (tc, test_cycling);
  tcase_add_test (tc, test_decodebin);
  tcase_add_test (tc, test_tee);
  tcase_add_test (tc, test_progress);
  tcase_add_test (tc, test_prompt_changes);
  return check_run (argc, argv, suite);
}
