/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr with its real stage and small upsamplers of drawn weights, in pipelines with video of another origin and with the
 * default model's. Arguments: the folder of golden.json, the default model's.
 */
#include <gst/check/gstcheck.h>

#include "tests/golden/upsample_model.h"

#define N_FRAMES 11
#define FPS 24

/* Numbers and sizes of frames depend on nothing else; one step is enough. */
#define LAUNCH "videotestsrc pattern=ball num-buffers=1000 ! video/x-raw, " \
    "format=RGB, width=9, height=7, framerate=24/1 ! vldmsr name=sr steps=1 "

/* Key frames of the default model, small and few. */
#define KEY_FRAMES "vldmsrc name=src steps=1 seed=3 prompt=road "
#define SMALL " ! video/x-vldm-latents, width=64, height=32 ! "

static char *model;             /* has an upsampler, and all else of the default model */
static char *public_model;      /* has an upsampler only, of the public classes */

static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GPtrArray *frames = data;

  g_ptr_array_add (frames, gst_buffer_ref (GST_PAD_PROBE_INFO_BUFFER (info)));
  return GST_PAD_PROBE_OK;
}

static void
set_model (GstElement * pipeline, const char *element, const char *path)
{
  GstElement *e = gst_bin_get_by_name (GST_BIN (pipeline), element);

  g_object_set (e, "model-path", path, NULL);
  gst_object_unref (e);
}

/* @description with a sink behind it that gathers @frames. */
static GstElement *
new_pipeline (const char *description, GPtrArray * frames)
{
  char *text = g_strconcat (description, " ! fakesink name=sink sync=false",
      NULL);
  GstElement *pipeline = gst_parse_launch (text, NULL);
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, frames, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  g_free (text);
  return pipeline;
}

static GstElement *
launch (const char *rest, GPtrArray * frames)
{
  char *text = g_strconcat (LAUNCH, "! ", rest, NULL);
  GstElement *pipeline = new_pipeline (text, frames);

  set_model (pipeline, "sr", model);
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
  fail_unless_equals_int (gst_buffer_get_size (b), map.size);
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

/* Plays all of @description with the model of @src, and with that of @sr unless it is NULL. */
static GPtrArray *
play_all (const char *description, const char *src, const char *sr)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
  GstElement *pipeline = new_pipeline (description, frames);

  set_model (pipeline, "src", src);
  if (sr != NULL)
    set_model (pipeline, "sr", sr);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_EOS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return frames;
}

/* Bit by bit what vldmdec in front of it gives; over several windows and chunks, with one model or two. */
GST_START_TEST (test_latents_in)
{
  const char *own = __i__ == 0 ? NULL : public_model;
  GPtrArray *frames, *expected;
  guint i;

  frames = play_all (KEY_FRAMES "frames=11" SMALL "vldmsr name=sr steps=1",
      model, own);
  expected = play_all (KEY_FRAMES "frames=11" SMALL
      "vldmdec ! vldmsr name=sr steps=1", model, own);
  fail_unless_equals_int (frames->len, 11);
  fail_unless_equals_int (expected->len, 11);
  for (i = 0; i < frames->len; i++) {
    fail_unless_equals_int (gst_buffer_get_size (g_ptr_array_index (frames, i)),
        256 * 128 * 3);
    check_equal (g_ptr_array_index (frames, i), g_ptr_array_index (expected,
            i));
  }
  g_ptr_array_unref (frames);
  g_ptr_array_unref (expected);
}

GST_END_TEST;

/* Latents from end to end: which model upsamples and which decodes, vldmsr and vldmdec are told. */
static const struct
{
  const char *description;
  guint n;
} chains[] = {
  {KEY_FRAMES "chunk-frames=2" SMALL "vldmsr steps=1 ! vldmdec", 2},
  {KEY_FRAMES "chunk-frames=3" SMALL "vldminterp steps=1 ! queue ! "
        "vldmsr steps=1 ! queue ! vldmdec", 9},
  {KEY_FRAMES "chunk-frames=2" SMALL "vldmsr steps=1 ! videoconvert ! "
        "video/x-raw, format=RGB", 2},
};

GST_START_TEST (test_chains)
{
  GPtrArray *frames = play_all (chains[__i__].description, model, NULL);
  guint i;

  fail_unless_equals_int (frames->len, chains[__i__].n);
  for (i = 0; i < frames->len; i++)
    fail_unless_equals_int (gst_buffer_get_size (g_ptr_array_index (frames, i)),
        256 * 128 * 3);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* vldmbin's sr=1. */
GST_START_TEST (test_uri)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
  char *description = g_strdup_printf ("vldmbin uri=vldm://road;model=%s;"
      "steps=1;chunk-frames=2;width=64;height=32;interp=1;interp-steps=1;sr=1;"
      "sr-steps=1;sr-noise-level=10", model);
  GstElement *pipeline = new_pipeline (description, frames);
  guint i;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (wait_for (pipeline, GST_MESSAGE_EOS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless_equals_int (frames->len, 5);
  for (i = 0; i < frames->len; i++)
    fail_unless_equals_int (gst_buffer_get_size (g_ptr_array_index (frames, i)),
        256 * 128 * 3);
  gst_object_unref (pipeline);
  g_ptr_array_unref (frames);
  g_free (description);
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
  tcase_add_loop_test (tc, test_latents_in, 0, 2);
  tcase_add_loop_test (tc, test_chains, 0, G_N_ELEMENTS (chains));
  tcase_add_test (tc, test_uri);
  return suite;
}

int
main (int argc, char **argv)
{
  Golden golden;
  JsonObject *cases;
  char *tokenizer;
  int failures;

  gst_check_init (&argc, &argv);
  golden_open (&golden, argv[1]);
  cases = json_object_get_object_member (golden.root, "upsample");
  tokenizer = g_build_filename (argv[2], "tokenizer", NULL);
  model = upsample_model_write (&golden, tokenizer,
      json_object_get_object_member (cases, "native_field"));
  upsample_model_complete (model, argv[2]);
  public_model = upsample_model_write (&golden, tokenizer,
      json_object_get_object_member (cases, "x4_tiles"));
  failures = gst_check_run_suite (upsample_suite (), "pipelines", __FILE__);
  golden_remove_folder (model);
  golden_remove_folder (public_model);
  g_free (tokenizer);
  golden_clear (&golden);
  return failures;
}
