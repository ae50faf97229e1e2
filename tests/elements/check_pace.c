/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every picture is shown, whoever made the pipeline: over stages that take longer than their frames last.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

/* What video sinks do by default: frames more than 5 ms late are dropped. */
#define VIDEO_SINK "fakesink sync=true qos=true max-lateness=5000000 signal-handoffs=true "
#define SINK VIDEO_SINK "name=sink "

/* An application's bin that tells nobody that its clock should be set back, nor that it prerolls again. */
typedef struct
{
  GstBin parent;
} SilentBin;

typedef struct
{
  GstBinClass parent_class;
} SilentBinClass;

GType silent_bin_get_type (void);
G_DEFINE_TYPE (SilentBin, silent_bin, GST_TYPE_BIN);

static void
silent_bin_handle_message (GstBin * bin, GstMessage * message)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_RESET_TIME
      || (GST_STATE (bin) == GST_STATE_PLAYING
          && (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ASYNC_START
              || GST_MESSAGE_TYPE (message) == GST_MESSAGE_ASYNC_DONE)))
    gst_message_unref (message);
  else
    GST_BIN_CLASS (silent_bin_parent_class)->handle_message (bin, message);
}

static void
silent_bin_class_init (SilentBinClass * klass)
{
  GST_BIN_CLASS (klass)->handle_message = silent_bin_handle_message;
}

static void
silent_bin_init (SilentBin * bin)
{
}

/* What plays, and what was seen of it. */
typedef struct
{
  GstElement *top;
  GstBus *bus;
  gint shown;                   /* frames at "sink", atomic */
  guint async_done;             /* messages */
} Show;

static void
on_handoff (GstElement * sink, GstBuffer * buffer, GstPad * pad, Show * show)
{
  g_atomic_int_inc (&show->shown);
}

/* @top is a pipeline, or a bin that has a bus. Taken. */
static void
show_init (Show * show, GstElement * top)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (top), "sink");

  memset (show, 0, sizeof (*show));
  show->top = top;
  show->bus = gst_element_get_bus (top);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), show);
}

/* Plays to the end. */
static void
show_run (Show * show)
{
  gboolean ended = FALSE;

  gst_element_set_state (show->top, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message = check_wait_message (show->top, show->bus,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE);

    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR,
        "%" GST_PTR_FORMAT, message);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    show->async_done += !ended;
    gst_message_unref (message);
  }
}

static void
show_clear (Show * show)
{
  check_stops (show->top);
  gst_object_unref (show->bus);
  gst_object_unref (show->top);
  fail_unless_equals_int (fake_live_models, 0);
}

/* A window takes 80 ms, a chunk of it 320 ms, and it lasts 200 ms at the most. */
static void
be_slow (void)
{
  fake.fps_n = 40;
  fake.fps_d = 1;
  fake.step_ms = 20;
  fake.decode_ms = 40;
}

/* Where nothing that the application does is in the way; how many frames there are. */
static const struct
{
  const char *description;
  gint frames;
} plain[] = {
  {"vldmsrc chunk-frames=16 ! vldmdec ! " SINK, 16},
  {"vldmsrc chunk-frames=16 ! queue ! vldmdec ! queue ! " SINK, 16},
  {"vldmsrc chunk-frames=16 ! vldmdec ! tee name=t  t. ! queue ! " SINK
        " t. ! queue ! " VIDEO_SINK, 16},
  /* Something else plays beside it. */
  {"vldmsrc chunk-frames=16 ! vldmdec ! " SINK
        " videotestsrc num-buffers=30 ! " VIDEO_SINK, 16},
  /* Running times at the sink are not those at the decoder. */
  {"concat name=c ! " SINK " vldmsrc ! vldmdec ! c.  vldmsrc ! vldmdec ! c.",
      16},
  {"pipeline. ( pipeline. ( vldmsrc chunk-frames=16 ! vldmdec ! " SINK ") )",
      16},
  {"vldmsrc chunk-frames=16 preroll=frame ! vldmdec ! " SINK, 16},
};

GST_START_TEST (test_plain)
{
  Show show;

  be_slow ();
  show_init (&show, check_launch (plain[__i__].description));
  show_run (&show);
  fail_unless_equals_int (show.shown, plain[__i__].frames);
  /* Applications take each of these for the end of a seek. */
  fail_unless_equals_int (show.async_done, 1);
  show_clear (&show);
}

GST_END_TEST;

/* A bin on the way keeps to itself what elements say about time. */
GST_START_TEST (test_silent_bin)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  GstElement *bin = g_object_new (silent_bin_get_type (), NULL);
  GstElement *inner =
      check_launch ("bin. ( vldmsrc chunk-frames=16 ! vldmdec ! " SINK ")");
  Show show;

  be_slow ();
  gst_bin_add (GST_BIN (bin), inner);
  gst_bin_add (GST_BIN (pipeline), bin);
  show_init (&show, pipeline);
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);
  show_clear (&show);
}

GST_END_TEST;

/* The application chooses the base time: once and for all, long before the first frame. */
GST_START_TEST (test_own_base_time)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstElement *pipeline =
      check_launch ("vldmsrc chunk-frames=16 preroll=frame ! " "vldmdec ! "
      SINK);
  Show show;

  be_slow ();
  gst_pipeline_use_clock (GST_PIPELINE (pipeline), clock);
  gst_element_set_start_time (pipeline, GST_CLOCK_TIME_NONE);
  gst_element_set_base_time (pipeline, gst_clock_get_time (clock));
  show_init (&show, pipeline);
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);
  show_clear (&show);
}

GST_END_TEST;

/* There is no pipeline, but a bin to which the application gives clock and base time. */
GST_START_TEST (test_own_clock)
{
  g_autoptr (GstClock) clock = gst_system_clock_obtain ();
  GstElement *bin = check_launch ("bin. ( vldmsrc chunk-frames=16 ! vldmdec ! "
      SINK ")");
  g_autoptr (GstBus) bus = gst_bus_new ();
  Show show;

  be_slow ();
  gst_element_set_bus (bin, bus);
  gst_element_set_clock (bin, clock);
  gst_element_set_base_time (bin, gst_clock_get_time (clock));
  show_init (&show, bin);
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);
  gst_element_set_bus (bin, NULL);
  show_clear (&show);
}

GST_END_TEST;

/* The clock runs ahead while a chunk is decoded, and stops there. */
GST_START_TEST (test_pause)
{
  Show show;

  be_slow ();
  show_init (&show, check_launch ("vldmsrc chunk-frames=16 ! vldmdec ! queue ! "
          SINK));
  gst_element_set_state (show.top, GST_STATE_PLAYING);
  while (g_atomic_int_get (&show.shown) < 6)
    g_usleep (1000);
  /* The first chunk gave six, the second one gives more 320 ms after it was given. */
  g_usleep (100000);
  gst_element_set_state (show.top, GST_STATE_PAUSED);
  gst_element_get_state (show.top, NULL, NULL, 5 * GST_SECOND);
  g_usleep (100000);
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);
  show_clear (&show);
}

GST_END_TEST;

/* Again after READY, after a seek and at twice the rate. */
GST_START_TEST (test_again)
{
  Show show;

  be_slow ();
  show_init (&show, check_launch ("vldmsrc chunk-frames=16 ! vldmdec ! " SINK));
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);
  gst_element_set_state (show.top, GST_STATE_READY);
  show.shown = 0;
  show_run (&show);
  fail_unless_equals_int (show.shown, 16);

  show.shown = 0;
  fail_unless (gst_element_seek (show.top, 2.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
          100 * GST_MSECOND, GST_SEEK_TYPE_NONE, 0));
  show_run (&show);
  fail_unless_equals_int (show.shown, 12);
  show_clear (&show);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("pace");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_plain, 0, G_N_ELEMENTS (plain));
  tcase_add_test (tc, test_silent_bin);
  tcase_add_test (tc, test_own_base_time);
  tcase_add_test (tc, test_own_clock);
  tcase_add_test (tc, test_pause);
  tcase_add_test (tc, test_again);
  return check_run (argc, argv, suite);
}
