/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Players with the default model: a picture in PAUSED, as thumbnailers want it, and every frame shown afterwards. The sink
 * is what stands for a window in tests of players: it keeps time, and drops frames more than 5 ms late.
 */
#include <gst/check/gstcheck.h>

/* Two windows, at a rate at which generation is slower. */
#define PLAYED "vldm://street;frames=14;steps=2;width=64;height=64;fps=15"

static const char *const players[] = { "playbin", "playbin3" };

static GstElement *
player_new (const char *name, const char *uri)
{
  GstElement *player = gst_element_factory_make (name, NULL);
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);

  g_object_set (sink, "sync", TRUE, "qos", TRUE, "max-lateness",
      (gint64) 5000000, NULL);
  g_object_set (player, "uri", uri, "video-sink", sink, NULL);
  return player;
}

/* Waits until it stands in PAUSED. The time of the picture that it shows then. */
static GstClockTime
picture (GstElement * player)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw, format=RGB");
  GstSample *sample = NULL;
  GstClockTime pts;

  fail_unless (gst_element_get_state (player, NULL, NULL, 120 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  g_signal_emit_by_name (player, "convert-sample", caps, &sample);
  fail_unless (sample != NULL, "no picture");
  pts = GST_BUFFER_PTS (gst_sample_get_buffer (sample));
  gst_sample_unref (sample);
  return pts;
}

/* Plays to the end: @n frames are shown, and none is dropped. */
static void
check_plays (GstElement * player, guint64 n)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (player);
  GstElement *sink;
  GstMessage *message;
  GstStructure *stats;
  guint64 rendered, dropped;

  gst_element_set_state (player, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 120 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL
      && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%" GST_PTR_FORMAT,
      message);
  gst_message_unref (message);
  g_object_get (player, "video-sink", &sink, NULL);
  g_object_get (sink, "stats", &stats, NULL);
  gst_structure_get (stats, "rendered", G_TYPE_UINT64, &rendered, "dropped",
      G_TYPE_UINT64, &dropped, NULL);
  gst_structure_free (stats);
  gst_object_unref (sink);
  /* While it plays, no test that failed could end. */
  gst_element_set_state (player, GST_STATE_READY);
  fail_unless_equals_uint64 (dropped, 0);
  fail_unless_equals_uint64 (rendered, n);
}

static void
finish (GstElement * player)
{
  gst_element_set_state (player, GST_STATE_NULL);
  gst_object_unref (player);
}

/* Where nothing was generated before, and where a gap comes first. */
GST_START_TEST (test_plays)
{
  GstElement *player = player_new (players[__i__], PLAYED);

  check_plays (player, 14);
  g_object_set (player, "uri", PLAYED ";preroll=gap;seed=1", NULL);
  check_plays (player, 14);
  finish (player);
}

GST_END_TEST;

GST_START_TEST (test_thumbnail)
{
  GstElement *player = player_new (players[__i__], PLAYED ";seed=2");

  gst_element_set_state (player, GST_STATE_PAUSED);
  fail_unless_equals_uint64 (picture (player), 0);

  /* Into the second window, which was not made; then on from there. */
  fail_unless (gst_element_seek_simple (player, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, 2 * GST_SECOND / 3));
  fail_unless_equals_uint64 (picture (player), 2 * GST_SECOND / 3);
  check_plays (player, 4);
  finish (player);
}

GST_END_TEST;

/* What players do when somebody drags the slider while it plays. */
GST_START_TEST (test_seek)
{
  GstElement *player = player_new (players[__i__], PLAYED ";seed=3");

  gst_element_set_state (player, GST_STATE_PLAYING);
  fail_unless (gst_element_get_state (player, NULL, NULL, 120 * GST_SECOND)
      == GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_seek_simple (player, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SECOND / 5));
  check_plays (player, 11);
  finish (player);
}

GST_END_TEST;

static Suite *
players_suite (void)
{
  Suite *suite = suite_create ("players");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 300);
  tcase_add_loop_test (tc, test_plays, 0, G_N_ELEMENTS (players));
  tcase_add_loop_test (tc, test_thumbnail, 0, G_N_ELEMENTS (players));
  tcase_add_loop_test (tc, test_seek, 0, G_N_ELEMENTS (players));
  return suite;
}

GST_CHECK_MAIN (players);
