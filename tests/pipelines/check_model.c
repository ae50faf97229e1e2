/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One pipeline with the default model over its life: many starts and stops, and seeks that must give the same pictures as
 * playing through. Small pictures and one or two denoising steps.
 */
#include <gst/check/gstcheck.h>

#define N_FRAMES 20

#define LAUNCH "vldmsrc name=src prompt=street steps=1 chunk-frames=20 ! " \
    "video/x-vldm-latents, width=64, height=64 ! vldmdec ! fakesink name=sink"

/* Three windows, the second and third predicted. */
#define LAUNCH_LONG "vldmsrc name=src prompt=street steps=2 frames=20 ! " \
    "video/x-vldm-latents, width=64, height=64 ! fakesink name=sink"

/* As many at the same rate from five. */
#define LAUNCH_INTERPOLATED "vldmsrc prompt=street steps=1 chunk-frames=5 ! " \
    "video/x-vldm-latents, width=64, height=64, framerate=15/32 ! " \
    "vldminterp steps=1 tail=hold ! queue ! vldmdec ! fakesink name=sink"

/* As many at the same rate from five, by doubling twice. */
#define LAUNCH_CASCADE "vldmsrc prompt=street steps=1 chunk-frames=5 ! " \
    "video/x-vldm-latents, width=64, height=32, framerate=15/32 ! " \
    "vldminterp steps=1 factor=2 tail=hold ! queue ! " \
    "vldminterp steps=1 factor=2 tail=hold ! queue ! vldmdec ! fakesink name=sink"

/* One of each element that the default model has a network for. */
#define LAUNCH_EACH "vldmsrc name=src prompt=street steps=1 frames=5 seed=%u ! " \
    "video/x-vldm-latents, width=64, height=32 ! vldminterp steps=1 tail=hold ! vldmdec ! fakesink name=sink  " \
    "videotestsrc num-buffers=20 ! video/x-raw, format=RGB, width=64, height=32 ! vldmenc ! fakesink"

typedef struct
{
  GstElement *pipeline;
  GArray *checksums;            /* of guint64, of the pictures since the last run */
} Player;

static GstPadProbeReturn
on_picture (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GArray *checksums = data;
  GstMapInfo map;
  guint64 sum = 0;
  gsize i;

  gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ);
  for (i = 0; i < map.size; i++)
    sum = sum * 31 + map.data[i];
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  g_array_append_val (checksums, sum);
  return GST_PAD_PROBE_OK;
}

static void
player_init (Player * player, const char *launch)
{
  GstElement *sink;
  GstPad *pad;

  player->pipeline = gst_parse_launch (launch, NULL);
  fail_unless (player->pipeline != NULL);
  player->checksums = g_array_new (FALSE, FALSE, sizeof (guint64));
  sink = gst_bin_get_by_name (GST_BIN (player->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture,
      player->checksums, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
}

static void
player_clear (Player * player)
{
  gst_element_set_state (player->pipeline, GST_STATE_NULL);
  gst_object_unref (player->pipeline);
  g_array_free (player->checksums, TRUE);
}

static void
player_run (Player * player)
{
  GstBus *bus = gst_element_get_bus (player->pipeline);
  GstMessage *message;

  gst_element_set_state (player->pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 120 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL
      && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%" GST_PTR_FORMAT,
      message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

/* Plays all, then parts: @n_seeks times. */
static void
check_seeks (const char *launch, guint n_seeks)
{
  GRand *random = g_rand_new_with_seed (1);
  guint64 all[N_FRAMES];
  Player player;
  guint i;

  player_init (&player, launch);
  player_run (&player);
  fail_unless_equals_int (player.checksums->len, N_FRAMES);
  memcpy (all, player.checksums->data, sizeof (all));
  /* Pictures differ, so comparing them means something. */
  fail_if (all[0] == all[1]);

  for (i = 0; i < n_seeks; i++) {
    guint from = g_rand_int_range (random, 0, N_FRAMES);
    guint to = g_rand_int_range (random, from + 1, N_FRAMES + 1);

    g_array_set_size (player.checksums, 0);
    fail_unless (gst_element_seek (player.pipeline, 1.0, GST_FORMAT_TIME,
            GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
            gst_util_uint64_scale (from, 8 * GST_SECOND, 15),
            GST_SEEK_TYPE_SET, gst_util_uint64_scale (to, 8 * GST_SECOND, 15)));
    player_run (&player);
    fail_unless_equals_int (player.checksums->len, to - from);
    fail_unless (memcmp (player.checksums->data, all + from,
            sizeof (*all) * (to - from)) == 0, "seek %d to %d", from, to);
  }
  g_rand_free (random);
  player_clear (&player);
}

GST_START_TEST (test_seeks)
{
  check_seeks (LAUNCH, 12);
}

GST_END_TEST;

/* Gaps and chunks are widened one after the other. */
GST_START_TEST (test_interpolation)
{
  check_seeks (LAUNCH_INTERPOLATED, 8);
}

GST_END_TEST;

/* Predicted windows are the same after a jump into any of them. */
GST_START_TEST (test_prediction)
{
  check_seeks (LAUNCH_LONG, 8);
}

GST_END_TEST;

GST_START_TEST (test_cascade)
{
  check_seeks (LAUNCH_CASCADE, 12);
}

GST_END_TEST;

static guint64
device_bytes (const Player * player)
{
  GstElement *src = gst_bin_get_by_name (GST_BIN (player->pipeline), "src");
  GstStructure *stats;
  guint64 bytes = 0;

  g_object_get (src, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, "device-bytes", &bytes));
  gst_structure_free (stats);
  gst_object_unref (src);
  return bytes;
}

static void
player_init_each (Player * player, guint seed)
{
  char *launch = g_strdup_printf (LAUNCH_EACH, seed);

  player_init (player, launch);
  g_free (launch);
}

/* Two pipelines at once: pictures as by themselves, and weights on the device once. */
GST_START_TEST (test_sharing)
{
  guint64 alone[2][N_FRAMES], one, both;
  Player players[2];
  guint i;

  for (i = 0; i < 2; i++) {
    player_init_each (&players[i], i);
    player_run (&players[i]);
    fail_unless_equals_int (players[i].checksums->len, N_FRAMES);
    memcpy (alone[i], players[i].checksums->data, sizeof (alone[i]));
    one = device_bytes (&players[i]);
    player_clear (&players[i]);
  }
  fail_if (alone[0][0] == alone[1][0]);

  for (i = 0; i < 2; i++)
    player_init_each (&players[i], i);
  for (i = 0; i < 2; i++)
    gst_element_set_state (players[i].pipeline, GST_STATE_PLAYING);
  for (i = 0; i < 2; i++) {
    player_run (&players[i]);
    fail_unless_equals_int (players[i].checksums->len, N_FRAMES);
    fail_unless (memcmp (players[i].checksums->data, alone[i],
            sizeof (alone[i])) == 0, "pipeline %u is another one", i);
  }
  both = device_bytes (&players[0]);
  g_print ("on the device: %" G_GUINT64_FORMAT " bytes for one pipeline, %"
      G_GUINT64_FORMAT " for two\n", one, both);
  /* Each stage has memory of its own for activations; weights are most of the rest, and twice they would be twice as much. */
  fail_unless (both < one + one / 2);
  for (i = 0; i < 2; i++)
    player_clear (&players[i]);
}

GST_END_TEST;

/* Every time the same pictures, whether the model stayed loaded (READY) or not (NULL). */
GST_START_TEST (test_cycling)
{
  guint64 before[N_FRAMES];
  Player player;
  guint i;

  player_init (&player, LAUNCH);
  for (i = 0; i < 20; i++) {
    g_array_set_size (player.checksums, 0);
    player_run (&player);
    fail_unless_equals_int (player.checksums->len, N_FRAMES);
    if (i == 0)
      memcpy (before, player.checksums->data, sizeof (before));
    fail_unless (memcmp (player.checksums->data, before, sizeof (before)) == 0);
    gst_element_set_state (player.pipeline,
        i % 5 == 0 ? GST_STATE_NULL : GST_STATE_READY);
  }
  player_clear (&player);
}

GST_END_TEST;

/* Stopped at any time, on the way up or while it works. Alone on its machine this takes 200 ms at most; the bound only
 * tells that from waiting for the work to end, which takes minutes. */
GST_START_TEST (test_stops)
{
  GRand *random = g_rand_new_with_seed (3);
  GstElement *src;
  Player player;
  gint64 longest = 0;
  guint i;

  player_init (&player, LAUNCH);
  src = gst_bin_get_by_name (GST_BIN (player.pipeline), "src");
  g_object_set (src, "steps", 1000, NULL);
  for (i = 0; i < 20; i++) {
    gint64 start;

    gst_element_set_state (player.pipeline, GST_STATE_PLAYING);
    g_usleep (g_rand_int_range (random, 0, 600000));
    start = g_get_monotonic_time ();
    fail_unless (gst_element_set_state (player.pipeline,
            i % 2 ? GST_STATE_NULL : GST_STATE_READY) ==
        GST_STATE_CHANGE_SUCCESS);
    longest = MAX (longest, g_get_monotonic_time () - start);
  }
  g_print ("longest stop: %d ms\n", (int) (longest / 1000));
  fail_unless (longest < 30 * G_USEC_PER_SEC);

  g_object_set (src, "steps", 1, NULL);
  player_run (&player);
  gst_object_unref (src);
  g_rand_free (random);
  player_clear (&player);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("model");
  TCase *tc = tcase_create ("general");

  gst_check_init (&argc, &argv);
  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 300);
  tcase_add_test (tc, test_seeks);
  tcase_add_test (tc, test_interpolation);
  tcase_add_test (tc, test_prediction);
  tcase_add_test (tc, test_cascade);
  tcase_add_test (tc, test_sharing);
  tcase_add_test (tc, test_cycling);
  tcase_add_test (tc, test_stops);
  return gst_check_run_suite (suite, argv[0], __FILE__);
}
