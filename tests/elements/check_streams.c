/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What must hold for every element and for the whole cascade, over stages that compute nothing: frames do not depend on
 * queues between elements, on seeks, on states gone through or on other pipelines, and none is lost where a stream ends or
 * changes.
 */
#include "tests/elements/chain.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define SINK " ! fakesink name=sink"
#define SMALL " ! video/x-vldm-latents, width=16, height=8"
#define RAW "video/x-raw, format=RGB, width=13, height=7, framerate=24000/1001"

/* Pictures that differ, in a video without an end. */
#define PICTURES "videotestsrc pattern=zone-plate kt=5 ! " RAW

typedef struct
{
  const char *name, *launch;
  guint frames;                 /* of the output */
  gint factor;                  /* of its rate over 24000/1001 */
  gboolean endless;             /* only a seek ends it */
} Stream;

static const Stream streams[] = {
  {"vldmsrc", "vldmsrc frames=40" SMALL SINK, 40, 1, FALSE},
  {"vldminterp", "vldmsrc frames=14" SMALL " ! vldminterp" SINK, 53, 4, FALSE},
  {"vldminterp tail=hold",
        "vldmsrc frames=12" SMALL " ! vldminterp tail=hold" SINK,
      48, 4, FALSE},
  {"vldmdec", "vldmsrc frames=40" SMALL " ! vldmdec" SINK, 40, 1, FALSE},
  {"vldmenc", PICTURES " ! vldmenc" SINK, 40, 1, TRUE},
  {"vldmsr", PICTURES " ! vldmsr" SINK, 40, 1, TRUE},
  {"cascade",
        "vldmsrc frames=5" SMALL
        " ! vldminterp ! queue ! vldminterp ! vldmdec ! " "queue ! vldmsr" SINK,
      65, 16, FALSE},
  {"cascade tail=hold",
      "vldmsrc frames=4" SMALL " ! vldminterp tail=hold ! "
        "vldminterp tail=hold ! vldmdec ! vldmsr" SINK, 64, 16, FALSE},
  {"footage", PICTURES " ! vldmenc ! vldminterp ! vldmdec ! vldmsr" SINK, 48, 4,
      TRUE},
};

/* When frame @n of the output begins. */
static GstClockTime
frame_time (const Stream * stream, guint n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, stream->factor * 24000);
}

/* From NULL to the end. */
static void
play_through (Chain * chain, const Stream * stream)
{
  if (stream->endless) {
    chain_wait_paused (chain);
    chain_seek (chain, 0, frame_time (stream, stream->frames));
  }
  chain_run (chain);
}

/* Plays all of a new chain, and gives its frames. */
static GArray *
open_stream (Chain * chain, const Stream * stream)
{
  chain_init (chain, stream->launch);
  play_through (chain, stream);
  chain_check_times (chain, stream->frames, 0, stream->factor * 24000, 1001);
  return chain_copy_frames (chain);
}

/* Seeks after the end, while paused, and while frames of another seek are made. */
static void
seek_somewhere (Chain * chain, const Stream * stream, GRand * random,
    GArray * all, guint i)
{
  guint from = g_rand_int_range (random, 0, stream->frames);
  guint to = g_rand_int_range (random, from + 1, stream->frames + 1);
  GstClockTime shift = g_rand_int_range (random, 0, 1000000);
  char *what = g_strdup_printf ("%s: seek %u to frames %u to %u", stream->name,
      i, from, to);

  if (i % 3 == 1) {
    gst_element_set_state (chain->pipeline, GST_STATE_PAUSED);
  } else if (i % 3 == 2) {
    chain_seek (chain, 0, frame_time (stream, stream->frames));
    g_usleep (g_rand_int_range (random, 0, 10000));
  }
  chain_seek (chain, frame_time (stream, from) + shift,
      frame_time (stream, to));
  if (i % 3 == 1)
    chain_wait_paused (chain);
  chain_run (chain);
  chain_check_frames (chain, all, from, to - from, what);
  g_free (what);
}

/* After any seek, frames are those of playing through. */
GST_START_TEST (test_seeks)
{
  const Stream *stream = &streams[__i__];
  GRand *random = g_rand_new_with_seed (__i__);
  GArray *all;
  Chain chain;
  guint i;

  all = open_stream (&chain, stream);
  for (i = 0; i < 100; i++) {
    fake.step_ms = fake.decode_ms = fake.encode_ms = i % 10 == 2 ? 1 : 0;
    seek_somewhere (&chain, stream, random, all, i);
  }
  chain_clear (&chain);
  g_array_unref (all);
  g_rand_free (random);
}

GST_END_TEST;

/* From state to state, waiting or not; what comes then is the same as before. */
GST_START_TEST (test_states)
{
  const Stream *stream = &streams[__i__];
  GRand *random = g_rand_new_with_seed (100 + __i__);
  GArray *all;
  Chain chain;
  guint i;

  all = open_stream (&chain, stream);
  fake.load_ms = fake.step_ms = 1;
  for (i = 1; i <= 50; i++) {
    GstState state = g_rand_int_range (random, GST_STATE_NULL,
        GST_STATE_PLAYING + 1);

    fail_unless (gst_element_set_state (chain.pipeline, state) !=
        GST_STATE_CHANGE_FAILURE);
    if (g_rand_boolean (random))
      g_usleep (g_rand_int_range (random, 0, 20000));
    /* Seeks fail in states that have no stream. */
    if (g_rand_boolean (random))
      gst_element_seek_simple (chain.pipeline, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, frame_time (stream, i % stream->frames));
    if (i % 10 == 0) {
      gst_element_set_state (chain.pipeline, GST_STATE_NULL);
      chain_forget (&chain);
      play_through (&chain, stream);
      chain_check_frames (&chain, all, 0, stream->frames, stream->name);
    }
  }
  chain_clear (&chain);
  g_array_unref (all);
  g_rand_free (random);
}

GST_END_TEST;

static const char *const queues[] = {
  "queue max-size-buffers=1",
  "queue max-size-buffers=0 max-size-bytes=1 max-size-time=0",
  "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0",
  "queue2 max-size-buffers=1",
};

/* In all combinations of places, frames are the same. */
GST_START_TEST (test_queues)
{
  static const char *const elements[] = {
    "vldmsrc frames=9" SMALL, "vldminterp", "vldminterp tail=hold", "vldmdec",
    "vldmsr", "fakesink name=sink",
  };
  const guint places = G_N_ELEMENTS (elements) - 1;
  GArray *all = NULL;
  guint set, i;

  for (set = 0; set < 1u << places; set++) {
    GString *launch = g_string_new (elements[0]);
    Chain chain;

    for (i = 0; i < places; i++)
      g_string_append_printf (launch, " ! %s%s%s",
          set >> i & 1 ? queues[__i__] : "", set >> i & 1 ? " ! " : "",
          elements[i + 1]);
    chain_init (&chain, launch->str);
    chain_run (&chain);
    if (all == NULL) {
      chain_check_times (&chain, 132, 0, 16 * 24000, 1001);
      all = chain_copy_frames (&chain);
    }
    chain_check_frames (&chain, all, 0, 132, launch->str);
    chain_clear (&chain);
    g_string_free (launch, TRUE);
  }
  g_array_unref (all);
}

GST_END_TEST;

/* A stream that ends anywhere in windows, gaps and chunks. */
GST_START_TEST (test_ends)
{
  static const struct
  {
    const char *launch;
    guint factor, less;         /* n frames become factor * n - less */
  } ends[] = {
    {"vldmsrc frames=0 num-buffers=%u" SMALL " ! vldminterp ! vldmdec ! vldmsr"
          SINK,
        4, 3},
    {"vldmsrc frames=0 num-buffers=%u" SMALL " ! vldmdec ! vldmsr" SINK, 1, 0},
    {"videotestsrc num-buffers=%u ! " RAW " ! vldmenc ! vldminterp tail=hold ! "
          "vldmdec ! vldmsr" SINK, 4, 0},
  };
  guint n;

  for (n = 1; n < 20; n++) {
    char *launch = g_strdup_printf (ends[__i__].launch, n);
    Chain chain;

    chain_init (&chain, launch);
    chain_run (&chain);
    chain_check_times (&chain, ends[__i__].factor * n - ends[__i__].less, 0,
        (strstr (launch, "vldminterp") ? 4 : 1) * 24000, 1001);
    chain_clear (&chain);
    g_free (launch);
  }
}

GST_END_TEST;

/* What a stream changes to, and after how many frames. */
static const struct
{
  const char *caps;
  guint frames, colour;         /* every byte of a picture */
  gint width, height, fps_n;
} parts[] = {
  {"video/x-raw, format=RGB, width=61, height=31, framerate=24/1", 5, 0x10,
      61, 31, 24},
  {"video/x-raw, format=RGB, width=32, height=48, framerate=24/1", 11, 0x30,
      32, 48, 24},
  {"video/x-raw, format=RGB, width=32, height=48, framerate=12/1", 1, 0x50,
      32, 48, 12},
  {"video/x-raw, format=RGB, width=64, height=64, framerate=30/1", 8, 0x70,
      64, 64, 30},
};

/* At a variable rate frames have no numbers but those since the segment began. A seek gives the known frames as they are, the
 * new ones between the same times, and nothing outside what was asked for. */
GST_START_TEST (test_variable_rate)
{
  GRand *random = g_rand_new_with_seed (7);
  GArray *all;
  Chain chain;
  guint i, j;

  /* As a player sees a file whose rate is not known: 10 pictures a second. */
  chain_init (&chain, "videotestsrc pattern=zone-plate kt=5 ! video/x-raw, "
      "format=RGB, width=13, height=7, framerate=10/1 ! capssetter join=true "
      "caps=\"video/x-raw, framerate=(fraction)0/1\" ! vldmenc ! vldminterp ! "
      "vldmdec" SINK);
  chain_wait_paused (&chain);
  chain_seek (&chain, 0, 3 * GST_SECOND);
  chain_run (&chain);
  all = chain_copy_frames (&chain);
  for (i = 0; i < 30; i++) {
    guint from = g_rand_int_range (random, 0, 29);
    GstClockTime start = from * GST_SECOND / 10, end = start;

    chain_seek (&chain, start, 3 * GST_SECOND);
    chain_run (&chain);
    fail_unless_equals_int (chain.frames->len, all->len - 4 * from);
    for (j = 0; j < chain.frames->len; j++) {
      const ChainFrame *frame = chain_frame (&chain, j);
      const ChainFrame *other = &g_array_index (all, ChainFrame, 4 * from + j);

      fail_unless_equals_uint64 (frame->pts, other->pts);
      fail_unless_equals_uint64 (frame->pts, end);
      fail_unless_equals_int (frame->bytes[0], other->bytes[0]);
      end = frame->pts + frame->duration;
    }
  }
  g_array_unref (all);
  g_rand_free (random);
  chain_clear (&chain);
}

GST_END_TEST;

typedef struct
{
  GstElement *src, *filter;
  guint n, part;
} Changes;

static void
begin_part (Changes * changes)
{
  GstCaps *caps = gst_caps_from_string (parts[changes->part].caps);

  g_object_set (changes->filter, "caps", caps, NULL);
  g_object_set (changes->src, "foreground-color",
      0xff000000 | 0x010101 * parts[changes->part].colour, NULL);
  gst_caps_unref (caps);
}

static GstPadProbeReturn
on_picture (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Changes *changes = data;

  if (++changes->n == parts[changes->part].frames
      && changes->part + 1 < G_N_ELEMENTS (parts)) {
    changes->n = 0;
    changes->part++;
    begin_part (changes);
  }
  return GST_PAD_PROBE_OK;
}

/* What goes with it: @factor times the frames, @scale times the size. */
static const struct
{
  const char *elements;
  gint factor, scale;
} changed[] = {
  {"vldmenc ! vldminterp tail=hold ! queue ! vldmdec", 4, 1},
  {"vldmsr", 1, 4},
};

/* All frames of all parts came, in whole, and none is made of two parts. */
static void
check_parts (Chain * chain, gint factor, gint scale)
{
  GstClockTime begin = 0;
  guint i, j, n = 0;

  for (i = 0; i < G_N_ELEMENTS (parts); i++) {
    const gint rate = factor * parts[i].fps_n;

    for (j = 0; j < factor * parts[i].frames; j++, n++) {
      const ChainFrame *frame = chain_frame (chain, n);

      fail_unless (n < chain->frames->len, "only %u frames", n);
      fail_unless_equals_int (frame->bytes[0], parts[i].colour);
      fail_unless_equals_int (frame->width, scale * parts[i].width);
      fail_unless_equals_int (frame->height, scale * parts[i].height);
      fail_unless_equals_int (frame->size, GST_ROUND_UP_4 (3 * frame->width)
          * frame->height);
      /* Rates with times of whole nanoseconds only in their sum. */
      fail_unless (ABS (GST_CLOCK_DIFF (frame->pts, begin
                  + gst_util_uint64_scale (j, GST_SECOND, rate))) <= 4,
          "frame %u of part %u at %" GST_TIME_FORMAT, j, i,
          GST_TIME_ARGS (frame->pts));
    }
    begin += gst_util_uint64_scale (parts[i].frames, GST_SECOND,
        parts[i].fps_n);
  }
  fail_unless_equals_int (chain->frames->len, n);
}

/* Other sizes and rates in mid-stream, without a new segment. */
GST_START_TEST (test_caps_changes)
{
  char *launch = g_strdup_printf ("videotestsrc name=src pattern=solid-color ! "
      "capsfilter name=filter ! %s" SINK, changed[__i__].elements);
  Changes changes = { NULL, };
  guint total = 0, i;
  Chain chain;
  GstPad *pad;

  for (i = 0; i < G_N_ELEMENTS (parts); i++)
    total += parts[i].frames;
  chain_init (&chain, launch);
  changes.src = gst_bin_get_by_name (GST_BIN (chain.pipeline), "src");
  changes.filter = gst_bin_get_by_name (GST_BIN (chain.pipeline), "filter");
  g_object_set (changes.src, "num-buffers", total, NULL);
  begin_part (&changes);
  pad = gst_element_get_static_pad (changes.filter, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, &changes,
      NULL);
  chain_run (&chain);
  check_parts (&chain, changed[__i__].factor, changed[__i__].scale);

  gst_object_unref (pad);
  gst_object_unref (changes.src);
  gst_object_unref (changes.filter);
  chain_clear (&chain);
  g_free (launch);
}

GST_END_TEST;

/* One of each element in two pipelines at once: one model, and frames as by themselves. */
GST_START_TEST (test_two_pipelines)
{
  static const char *const launches[] = {
    "vldmsrc seed=1 frames=9" SMALL " ! vldminterp ! vldmdec ! vldmsr" SINK
        "  videotestsrc num-buffers=20 ! " RAW " ! vldmenc ! fakesink",
    "vldmsrc seed=2 frames=9" SMALL " ! vldminterp ! vldmdec ! vldmsr" SINK
        "  videotestsrc num-buffers=20 ! " RAW " ! vldmenc ! fakesink",
  };
  GArray *alone[2];
  Chain chains[2];
  guint i;

  for (i = 0; i < 2; i++) {
    chain_init (&chains[i], launches[i]);
    chain_run (&chains[i]);
    chain_check_times (&chains[i], 33, 0, 4 * 24000, 1001);
    alone[i] = chain_copy_frames (&chains[i]);
    chain_clear (&chains[i]);
  }
  fake.step_ms = fake.decode_ms = 1;
  for (i = 0; i < 2; i++)
    chain_init (&chains[i], launches[i]);
  for (i = 0; i < 2; i++)
    gst_element_set_state (chains[i].pipeline, GST_STATE_PLAYING);
  for (i = 0; i < 2; i++) {
    chain_wait_end (&chains[i]);
    chain_check_frames (&chains[i], alone[i], 0, 33, launches[i]);
    g_array_unref (alone[i]);
  }
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless_equals_int (fake_live_stages, 10);
  gst_element_set_state (chains[0].pipeline, GST_STATE_NULL);
  fail_unless_equals_int (fake_live_models, 1);
  fail_unless_equals_int (fake_live_stages, 5);
  chain_clear (&chains[1]);
  chain_clear (&chains[0]);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("streams");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_seeks, 0, G_N_ELEMENTS (streams));
  tcase_add_loop_test (tc, test_states, 0, G_N_ELEMENTS (streams));
  tcase_add_loop_test (tc, test_queues, 0, G_N_ELEMENTS (queues));
  tcase_add_loop_test (tc, test_ends, 0, 3);
  tcase_add_loop_test (tc, test_caps_changes, 0, G_N_ELEMENTS (changed));
  tcase_add_test (tc, test_variable_rate);
  tcase_add_test (tc, test_two_pipelines);
  return check_run (argc, argv, suite);
}
