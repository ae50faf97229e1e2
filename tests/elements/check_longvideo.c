/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Videos of more than one window from vldmsrc, over stages that compute nothing but tell what they were given.
 */
#include "elements/keyframechain.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "tests/elements/video.h"

static gboolean
is_delta (GstBuffer * buffer)
{
  return GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

/* What generation @i was asked for. */
static void
check_window (gint i, guint64 k, guint context, gfloat value)
{
  fail_unless (i < g_atomic_int_get (&fake_generations));
  fail_unless_equals_int64 (fake_windows[i].seed, vldm_window_seed (1, k, 0));
  fail_unless_equals_int (fake_windows[i].context, context);
  fail_unless_equals_float (fake_windows[i].first, value);
  fail_unless_equals_int (fake_windows[i].frames, 8);
}

/* 20 frames: windows begin at 0, 6 and 12; the last one is whole, its surplus dropped or not there. */
GST_START_TEST (test_windows)
{
  static const gint lengths[] = { 20, 19, 15, 9 };
  guint64 n_frames = lengths[__i__];
  Video video;
  guint64 n;

  video_init (&video, n_frames);
  g_object_set (video.h->element, "seed", 1, "context-guidance", 2.5, NULL);
  gst_harness_play (video.h);
  video_play_to (&video, n_frames);
  video_wait_eos (&video);

  for (n = 0; n < n_frames; n++) {
    GstBuffer *buffer = g_ptr_array_index (video.played, n);

    fail_unless_equals_float (video_value (buffer), 1000 + n);
    fail_unless_equals_int (is_delta (buffer), n != 0 && n != 8 && n != 14);
  }
  fail_unless_equals_int (fake_generations, n_frames > 14 ? 3 : 2);
  check_window (0, 0, 0, 0);
  check_window (1, 1, 2, 1006);
  if (n_frames > 14)
    check_window (2, 2, 2, 1012);
  fail_unless_equals_float (fake_windows[1].context_guidance, 2.5);
  video_clear (&video);
}

GST_END_TEST;

/* Any point that was passed costs at most one window, and is what it was. */
GST_START_TEST (test_seeks)
{
  GRand *random = g_rand_new_with_seed (5);
  Video video;
  gint64 duration;
  guint i;

  video_init (&video, 100);
  gst_harness_play (video.h);
  video_play_to (&video, 100);
  video_wait_eos (&video);
  fail_unless (gst_element_query_duration (video.h->element, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_int64 (duration, 100);

  for (i = 0; i < 50; i++) {
    guint64 from = g_rand_int_range (random, 0, 100);
    gint before = g_atomic_int_get (&fake_generations);

    video_check_seek (&video, from, from + 1);
    fail_unless (g_atomic_int_get (&fake_generations) - before <= 1);
  }
  video_check_seek (&video, 3, 97);
  g_rand_free (random);
  video_clear (&video);
}

GST_END_TEST;

/* A jump ahead goes through all windows, and gives what playing gives. */
GST_START_TEST (test_jump)
{
  Video video, other;

  video_init (&video, 60);
  gst_harness_play (video.h);
  video_play_to (&video, 60);
  video_wait_eos (&video);

  fake_generations = 0;
  fake.step_ms = 20000;
  video_init (&other, 60);
  gst_harness_play (other.h);
  while (g_atomic_int_get (&fake_generations) == 0)
    g_usleep (1000);
  g_atomic_int_set (&fake.step_ms, 0);
  g_ptr_array_unref (other.played);
  other.played = g_ptr_array_ref (video.played);
  video_check_seek (&other, 50, 60);
  fail_unless_equals_int (fake_generations, 1 + 10);
  video_check_seek (&other, 0, 60);
  video_clear (&other);
  video_clear (&video);
}

GST_END_TEST;

/* A jump is one activity, whose percents rise from window to window. */
GST_START_TEST (test_jump_progress)
{
  GstBus *bus = gst_bus_new ();
  guint n[GST_PROGRESS_TYPE_ERROR + 1] = { 0, };
  gint percent, last_percent = 0;
  GstMessage *message;
  Video video;

  video_init (&video, 0);
  gst_element_set_bus (video.h->element, bus);
  /* 4 steps a window: windows 0 to 8 show frames 0 to 55. The seek comes before the start, since a source that plays
   * makes windows ahead, whose messages would be counted too. */
  fake.step_ms = 50;
  video_seek (&video, 50, 51);
  gst_harness_play (video.h);
  gst_buffer_unref (video_pull (&video, 50));

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_PROGRESS)) != NULL) {
    GstProgressType type;
    char *code;

    gst_message_parse_progress (message, &type, &code, NULL);
    if (g_str_equal (code, "denoise")) {
      n[type]++;
      gst_structure_get_int (gst_message_get_structure (message), "percent",
          &percent);
      fail_unless (percent >= last_percent, "%d %% after %d %%", percent,
          last_percent);
      last_percent = percent;
    }
    g_free (code);
    gst_message_unref (message);
  }
  fail_unless_equals_int (n[GST_PROGRESS_TYPE_START], 1);
  fail_unless_equals_int (n[GST_PROGRESS_TYPE_COMPLETE], 1);
  /* 1.8 s of work; the first 100 ms go by without a message. */
  fail_unless (n[GST_PROGRESS_TYPE_CONTINUE] >= 4);
  gst_element_set_bus (video.h->element, NULL);
  gst_object_unref (bus);
  video_clear (&video);
}

GST_END_TEST;

GST_START_TEST (test_endless)
{
  GstQuery *query = gst_query_new_seeking (GST_FORMAT_TIME);
  gboolean seekable;
  gint64 duration, end;
  Video video;

  video_init (&video, 0);
  gst_harness_play (video.h);
  video_play_to (&video, 500);
  fail_if (gst_element_query_duration (video.h->element, GST_FORMAT_TIME,
          &duration));
  fail_unless (gst_element_query (video.h->element, query));
  gst_query_parse_seeking (query, NULL, &seekable, NULL, &end);
  fail_unless (seekable);
  fail_unless (end >= (gint64) video_time (500));
  fail_unless_equals_float (video_value (g_ptr_array_index (video.played, 499)),
      499);
  video_check_seek (&video, 123, 321);
  gst_query_unref (query);
  video_clear (&video);
}

GST_END_TEST;

static const struct
{
  gboolean no_context;
  gint frames, chunk_frames;
  const char *says[2];
} refusals[] = {
  {TRUE, 9, -1, {"frames is 9", "chunk-frames = 8"}},
  {TRUE, 0, -1, {"frames is 0 (endless)", "chunk-frames = 8"}},
  {FALSE, 9, 2, {"chunk-frames is 2", "3 or more"}},
};

/* More than one window takes a model with context channels, and room for new frames in a window. */
GST_START_TEST (test_refusals)
{
  Video video;
  GstBus *bus = gst_bus_new ();

  fake.no_context = refusals[__i__].no_context;
  video_init (&video, refusals[__i__].frames);
  g_object_set (video.h->element, "chunk-frames", refusals[__i__].chunk_frames,
      NULL);
  gst_element_set_bus (video.h->element, bus);
  gst_harness_play (video.h);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      refusals[__i__].says[0], refusals[__i__].says[1], NULL);
  gst_element_set_state (video.h->element, GST_STATE_NULL);

  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  g_object_set (video.h->element, "frames", 8, "chunk-frames", -1, NULL);
  gst_harness_play (video.h);
  video_play_to (&video, 8);
  video_wait_eos (&video);
  gst_element_set_bus (video.h->element, NULL);
  gst_object_unref (bus);
  video_clear (&video);
}

GST_END_TEST;

/* Interrupted by a seek on the way, it comes out the same. */
GST_START_TEST (test_interrupted)
{
  Video video;
  guint i;

  video_init (&video, 40);
  gst_harness_play (video.h);
  video_play_to (&video, 40);
  video_wait_eos (&video);
  gst_element_set_state (video.h->element, GST_STATE_NULL);

  fake.step_ms = 20;
  gst_harness_play (video.h);
  for (i = 0; i < 10; i++) {
    video_seek (&video, 13 * i % 40, 40);
    g_usleep (30000);
  }
  g_atomic_int_set (&fake.step_ms, 0);
  video_check_seek (&video, 0, 40);
  video_clear (&video);
}

GST_END_TEST;

/* Windows show 0-7, 8-13, 14-19, 20-25, 26-29. A prompt that is set counts from the next one on, and is announced right
 * before it; seeking gives what was shown, with its announcements. */
GST_START_TEST (test_prompt_changes)
{
  static const char *const prompts[] = { "a", "b", "b", "c", "c" };
  Video video;
  guint i;

  video_init (&video, 30);
  g_object_set (video.h->element, "prompt", "a", NULL);
  video.prompts[3] = "b";
  video.prompts[19] = "c";
  gst_harness_play (video.h);
  video_play_to (&video, 30);
  video_wait_eos (&video);
  video_check_announced (&video, "0:a 8:b 20:c ");
  for (i = 0; i < G_N_ELEMENTS (prompts); i++)
    fail_unless_equals_string (fake_windows[i].prompt, prompts[i]);
  memset (video.prompts, 0, sizeof (video.prompts));

  video_check_seek (&video, 9, 10);
  video_check_announced (&video, "9:b ");
  video_check_seek (&video, 0, 30);
  video_check_announced (&video, "0:a 8:b 20:c ");
  video_check_seek (&video, 28, 30);
  video_check_seek (&video, 13, 21);
  video_check_announced (&video, "13:b 20:c ");

  /* A change while an old part is shown again: windows before it stay, those after are new. */
  video.prompts[15] = "d";
  video_seek (&video, 14, 26);
  for (i = 14; i < 26; i++)
    gst_buffer_unref (video_pull (&video, i));
  video_wait_eos (&video);
  video_check_announced (&video, "14:b 20:d ");
  memset (video.prompts, 0, sizeof (video.prompts));
  video_check_seek (&video, 0, 20);
  video_check_announced (&video, "0:a 8:b ");

  /* After a restart nothing has been shown. */
  gst_element_set_state (video.h->element, GST_STATE_READY);
  fake_generations = 0;
  g_ptr_array_set_size (video.played, 0);
  gst_harness_play (video.h);
  video_play_to (&video, 30);
  video_wait_eos (&video);
  video_check_announced (&video, "0:d ");
  fail_unless_equals_int (fake_generations, 5);
  video_clear (&video);
}

GST_END_TEST;

static gboolean
go_on (VldmActivity activity, guint done, guint total, gpointer user_data)
{
  return TRUE;
}

static void
make (GstVldmChain * chain, guint64 n)
{
  static const VldmProgress progress = { go_on, };
  guint64 k = gst_vldm_chain_find (chain, n);

  for (k = gst_vldm_chain_resume (chain, k);; k++) {
    if (k == gst_vldm_chain_length (chain)) {
      VldmKeyWindow place = gst_vldm_chain_plan (chain, k);

      gst_vldm_chain_set (chain, k, &place, NULL);
    }
    if (!gst_vldm_chain_is_current (chain, k))
      fail_unless (gst_vldm_chain_make (chain, k, NULL, &progress, NULL));
    if (gst_vldm_chain_place (chain, k)->end > n)
      return;
  }
}

/* With room for the latents of 8 windows, 100 windows cost at most 16 each to come back to, and are the same. */
GST_START_TEST (test_memory)
{
  const GstVldmLatents latents = {
    .format = VLDM_FORMAT_F32LE,.width = 64,.height = 32,.latent_width = 8,
    .latent_height = 4,.latent_channels = 4,.fps_n = 8,.fps_d = 1
  };
  GstVldmChain *chain = gst_vldm_chain_new (8 * 2 * 512);
  GstVldmSettings settings;
  GstVldmRecipe *recipe;
  VldmKeyframesParams params;
  gint fps_n, fps_d, most = 0;
  guint64 n;

  gst_vldm_settings_init (&settings);
  settings.frames = 0;
  vldm_keyframes_defaults (NULL, &params, &fps_n, &fps_d, NULL);
  recipe = gst_vldm_recipe_new (&settings, &params, &latents, 0);
  gst_vldm_chain_take (chain, recipe, 2, 0);
  make (chain, 600);
  fail_unless_equals_int (fake_generations, 100);

  for (n = 0; n < 600; n += 37) {
    gint before = fake_generations;
    GstBuffer *buffer;

    make (chain, n);
    most = MAX (most, fake_generations - before);
    buffer = gst_vldm_chain_buffer (chain, n);
    fail_unless_equals_float (video_value (buffer), n);
    gst_buffer_unref (buffer);
  }
  fail_unless (most > 1 && most <= 16, "%d windows", most);
  gst_vldm_recipe_unref (recipe);
  gst_vldm_settings_clear (&settings);
  gst_vldm_chain_free (chain);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("longvideo");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_windows, 0, 4);
  tcase_add_test (tc, test_seeks);
  tcase_add_test (tc, test_jump);
  tcase_add_test (tc, test_jump_progress);
  tcase_add_test (tc, test_endless);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tc, test_interrupted);
  tcase_add_test (tc, test_prompt_changes);
  tcase_add_test (tc, test_memory);
  return check_run (argc, argv, suite);
}
