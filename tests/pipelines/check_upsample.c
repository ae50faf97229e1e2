/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr with its real stage and a small upsampler of drawn weights, in pipelines with video of another origin. Arguments:
 * the folder of golden.json, a tokenizer's.
 */
#include <gst/check/gstcheck.h>

#include "tests/golden/upsample_model.h"

#define N_FRAMES 11
#define FPS 24

/* Numbers and sizes of frames depend on nothing else; one step is enough. */
#define LAUNCH "videotestsrc pattern=ball num-buffers=1000 ! video/x-raw, " \
    "format=RGB, width=9, height=7, framerate=24/1 ! vldmsr name=sr steps=1 "

static char *model;

static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GPtrArray *frames = data;

  g_ptr_array_add (frames, gst_buffer_ref (GST_PAD_PROBE_INFO_BUFFER (info)));
  return GST_PAD_PROBE_OK;
}

static GstElement *
launch (const char *rest, GPtrArray * frames)
{
  char *text = g_strconcat (LAUNCH, "! ", rest,
      " ! fakesink name=sink sync=false", NULL);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GstElement *sr = gst_bin_get_by_name (GST_BIN (pipeline), "sr");
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  g_object_set (sr, "model-path", model, NULL);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, frames, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  gst_object_unref (sr);
  g_free (text);
  return pipeline;
}

static GstMessage *
wait_for (GstElement * pipeline, GstMessageType type)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 120 * GST_SECOND,
      type | GST_MESSAGE_ERROR);

  fail_unless (message != NULL && GST_MESSAGE_TYPE (message) == type,
      "%" GST_PTR_FORMAT, message);
  gst_object_unref (bus);
  return message;
}

/* Plays frames @from to @to, without the latter, into @frames. */
static void
play (GstElement * pipeline, guint from, guint to, GPtrArray * frames)
{
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_ASYNC_DONE));
  /* The one that has come would come again. */
  g_ptr_array_set_size (frames, 0);
  fail_unless (gst_element_seek (pipeline, 1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
          gst_util_uint64_scale (from, GST_SECOND, FPS), GST_SEEK_TYPE_SET,
          gst_util_uint64_scale (to, GST_SECOND, FPS)));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_EOS));
}

static void
check_equal (GstBuffer * a, GstBuffer * b)
{
  GstMapInfo map;

  fail_unless_equals_uint64 (GST_BUFFER_PTS (a), GST_BUFFER_PTS (b));
  fail_unless (gst_buffer_map (a, &map, GST_MAP_READ));
  fail_unless (gst_buffer_memcmp (b, 0, map.data, map.size) == 0);
  gst_buffer_unmap (a, &map);
}

/* All frames come out, of 4 x the size, and a seek gives the same ones. */
static void
check_frames (const char *rest, gsize frame_size)
{
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
  GPtrArray *some = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
  GstElement *pipeline = launch (rest, all);
  guint i;

  play (pipeline, 0, N_FRAMES, all);
  fail_unless_equals_int (all->len, N_FRAMES);
  for (i = 0; i < N_FRAMES; i++) {
    GstBuffer *frame = g_ptr_array_index (all, i);

    fail_unless_equals_int (gst_buffer_get_size (frame), frame_size);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (frame),
        gst_util_uint64_scale (i, GST_SECOND, FPS));
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);

  /* Both are in the second window only, so that the first is not made. */
  pipeline = launch (rest, some);
  play (pipeline, 8, 10, some);
  fail_unless_equals_int (some->len, 2);
  for (i = 0; i < some->len; i++)
    check_equal (g_ptr_array_index (some, i), g_ptr_array_index (all, 8 + i));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_ptr_array_unref (all);
  g_ptr_array_unref (some);
}

GST_START_TEST (test_pictures)
{
  check_frames ("queue ! video/x-raw, width=36, height=28", 36 * 28 * 3);
}

GST_END_TEST;

/* 9 x 7 is padded to 10 x 8. */
GST_START_TEST (test_latents)
{
  check_frames
      ("video/x-vldm-latents, format=F32LE, latent-space=upsampler-vae",
      10 * 8 * 4 * sizeof (gfloat));
}

GST_END_TEST;

/* vldmdec is told which model made them. */
GST_START_TEST (test_decoded)
{
  check_frames ("vldmdec ! video/x-raw, width=36, height=28", 36 * 28 * 3);
}

GST_END_TEST;

static Suite *
upsample_suite (void)
{
  Suite *suite = suite_create ("pipelines with an upsampler");
  TCase *tc = tcase_create ("all");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 300);
  tcase_add_test (tc, test_pictures);
  tcase_add_test (tc, test_latents);
  tcase_add_test (tc, test_decoded);
  return suite;
}

int
main (int argc, char **argv)
{
  Golden golden;
  JsonObject *cases;
  int failures;

  gst_check_init (&argc, &argv);
  golden_open (&golden, argv[1]);
  cases = json_object_get_object_member (golden.root, "upsample");
  model = upsample_model_write (&golden, argv[2],
      json_object_get_object_member (cases, "native_field"));
  failures = gst_check_run_suite (upsample_suite (), "pipelines", __FILE__);
  upsample_model_remove (model);
  golden_clear (&golden);
  return failures;
}
