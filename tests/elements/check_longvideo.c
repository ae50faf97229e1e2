/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Videos of more than one window from vldmsrc, over stages that compute nothing but tell what they were given.
 */
#include <gst/check/gstharness.h>

#include "elements/keyframechain.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

/* Times of the fake model's frames. */
static GstClockTime
frame_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

/* A source that plays @frames frames, and what it gave. */
typedef struct
{
  GstHarness *h;
  GPtrArray *played;            /* of GstBuffer, by number */
  const char *prompts[100];     /* to be set when that frame has come; NULL = none */
  GString *announced;           /* "FRAME:PROMPT " for each change that conditioning tells before that frame */
  char *prompt, *title;         /* as last told by conditioning and tags */
} Video;

/* The harness keeps its queue over a flush. */
static GstPadProbeReturn
on_flush (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstBuffer *buffer;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_FLUSH_STOP)
    while ((buffer = gst_harness_try_pull (data)) != NULL)
      gst_buffer_unref (buffer);
  return GST_PAD_PROBE_OK;
}

/* In the streaming thread: what comes, in its order. */
static GstPadProbeReturn
on_data (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  Video *video = data;
  GstTagList *tags;
  guint64 n;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    n = GST_BUFFER_OFFSET (GST_PAD_PROBE_INFO_BUFFER (info));
    if (video->prompt != NULL) {
      /* No title stands for an empty prompt. */
      fail_unless_equals_string (video->title ? video->title : "",
          video->prompt);
      g_string_append_printf (video->announced, "%d:%s ", (int) n,
          video->prompt);
      g_clear_pointer (&video->prompt, g_free);
    }
    if (n < G_N_ELEMENTS (video->prompts) && video->prompts[n] != NULL)
      g_object_set (video->h->element, "prompt", video->prompts[n], NULL);
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
    g_free (video->prompt);
    video->prompt =
        g_strdup (gst_structure_get_string (gst_event_get_structure (event),
            "prompt"));
  } else if (GST_EVENT_TYPE (event) == GST_EVENT_TAG) {
    gst_event_parse_tag (event, &tags);
    g_clear_pointer (&video->title, g_free);
    gst_tag_list_get_string (tags, GST_TAG_TITLE, &video->title);
  }
  return GST_PAD_PROBE_OK;
}

static void
video_init (Video * video, gint frames)
{
  memset (video, 0, sizeof (*video));
  video->h = gst_harness_new ("vldmsrc");
  video->announced = g_string_new (NULL);
  gst_pad_add_probe (video->h->sinkpad,
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER, on_data,
      video, NULL);
  gst_pad_add_probe (video->h->sinkpad, GST_PAD_PROBE_TYPE_EVENT_FLUSH,
      on_flush, video->h, NULL);
  video->played = g_ptr_array_new_with_free_func (
      (GDestroyNotify) gst_buffer_unref);
  g_object_set (video->h->element, "frames", frames, NULL);
}

static void
video_clear (Video * video)
{
  gst_harness_teardown (video->h);
  g_ptr_array_unref (video->played);
  g_string_free (video->announced, TRUE);
  g_free (video->prompt);
  g_free (video->title);
}

/* The next frame must be number @n. */
static GstBuffer *
pull (Video * video, guint64 n)
{
  GstBuffer *buffer = gst_harness_pull (video->h);

  fail_unless (buffer != NULL, "no frame %d", (int) n);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame_time (n));
  return buffer;
}

static gfloat
first_value (GstBuffer * buffer)
{
  gfloat value;

  gst_buffer_extract (buffer, 0, &value, sizeof (value));
  return value;
}

static gboolean
is_delta (GstBuffer * buffer)
{
  return GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

static void
wait_eos (Video * video)
{
  GstEventType type;
  GstEvent *event;

  do {
    event = gst_harness_pull_event (video->h);
    fail_unless (event != NULL, "no EOS");
    type = GST_EVENT_TYPE (event);
    gst_event_unref (event);
  } while (type != GST_EVENT_EOS);
  fail_unless_equals_int (gst_harness_buffers_in_queue (video->h), 0);
}

/* Plays on to frame @end, and remembers. */
static void
play_to (Video * video, guint64 end)
{
  while (video->played->len < end)
    g_ptr_array_add (video->played, pull (video, video->played->len));
}

static void
seek (Video * video, guint64 from, guint64 to)
{
  fail_unless (gst_element_send_event (video->h->element,
          gst_event_new_seek (1.0, GST_FORMAT_TIME,
              GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
              frame_time (from), GST_SEEK_TYPE_SET, frame_time (to))));
}

/* Seeks; frames must be those that were played, bit by bit. */
static void
check_seek (Video * video, guint64 from, guint64 to)
{
  guint64 n;

  seek (video, from, to);
  for (n = from; n < to; n++) {
    GstBuffer *buffer = pull (video, n);
    GstMapInfo map;

    gst_buffer_map (buffer, &map, GST_MAP_READ);
    fail_unless (gst_buffer_memcmp (g_ptr_array_index (video->played, n), 0,
            map.data, map.size) == 0, "frame %d differs", (int) n);
    gst_buffer_unmap (buffer, &map);
    gst_buffer_unref (buffer);
  }
  wait_eos (video);
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
  play_to (&video, n_frames);
  wait_eos (&video);

  for (n = 0; n < n_frames; n++) {
    GstBuffer *buffer = g_ptr_array_index (video.played, n);

    fail_unless_equals_float (first_value (buffer), 1000 + n);
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
  play_to (&video, 100);
  wait_eos (&video);
  fail_unless (gst_element_query_duration (video.h->element, GST_FORMAT_DEFAULT,
          &duration));
  fail_unless_equals_int64 (duration, 100);

  for (i = 0; i < 50; i++) {
    guint64 from = g_rand_int_range (random, 0, 100);
    gint before = g_atomic_int_get (&fake_generations);

    check_seek (&video, from, from + 1);
    fail_unless (g_atomic_int_get (&fake_generations) - before <= 1);
  }
  check_seek (&video, 3, 97);
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
  play_to (&video, 60);
  wait_eos (&video);

  fake_generations = 0;
  fake.step_ms = 20000;
  video_init (&other, 60);
  gst_harness_play (other.h);
  while (g_atomic_int_get (&fake_generations) == 0)
    g_usleep (1000);
  fake.step_ms = 0;
  g_ptr_array_unref (other.played);
  other.played = g_ptr_array_ref (video.played);
  check_seek (&other, 50, 60);
  fail_unless_equals_int (fake_generations, 1 + 10);
  check_seek (&other, 0, 60);
  video_clear (&other);
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
  play_to (&video, 500);
  fail_if (gst_element_query_duration (video.h->element, GST_FORMAT_TIME,
          &duration));
  fail_unless (gst_element_query (video.h->element, query));
  gst_query_parse_seeking (query, NULL, &seekable, NULL, &end);
  fail_unless (seekable);
  fail_unless (end >= (gint64) frame_time (500));
  fail_unless_equals_float (first_value (g_ptr_array_index (video.played, 499)),
      499);
  check_seek (&video, 123, 321);
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
  play_to (&video, 8);
  wait_eos (&video);
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
  play_to (&video, 40);
  wait_eos (&video);
  gst_element_set_state (video.h->element, GST_STATE_NULL);

  fake.step_ms = 20;
  gst_harness_play (video.h);
  for (i = 0; i < 10; i++) {
    seek (&video, 13 * i % 40, 40);
    g_usleep (30000);
  }
  fake.step_ms = 0;
  check_seek (&video, 0, 40);
  video_clear (&video);
}

GST_END_TEST;

static void
check_announced (Video * video, const char *expected)
{
  fail_unless_equals_string (video->announced->str, expected);
  g_string_truncate (video->announced, 0);
}

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
  play_to (&video, 30);
  wait_eos (&video);
  check_announced (&video, "0:a 8:b 20:c ");
  for (i = 0; i < G_N_ELEMENTS (prompts); i++)
    fail_unless_equals_string (fake_windows[i].prompt, prompts[i]);
  memset (video.prompts, 0, sizeof (video.prompts));

  check_seek (&video, 9, 10);
  check_announced (&video, "9:b ");
  check_seek (&video, 0, 30);
  check_announced (&video, "0:a 8:b 20:c ");
  check_seek (&video, 28, 30);
  check_seek (&video, 13, 21);
  check_announced (&video, "13:b 20:c ");

  /* A change while an old part is shown again: windows before it stay, those after are new. */
  video.prompts[15] = "d";
  seek (&video, 14, 26);
  for (i = 14; i < 26; i++)
    gst_buffer_unref (pull (&video, i));
  wait_eos (&video);
  check_announced (&video, "14:b 20:d ");
  memset (video.prompts, 0, sizeof (video.prompts));
  check_seek (&video, 0, 20);
  check_announced (&video, "0:a 8:b ");

  /* After a restart nothing has been shown. */
  gst_element_set_state (video.h->element, GST_STATE_READY);
  fake_generations = 0;
  g_ptr_array_set_size (video.played, 0);
  gst_harness_play (video.h);
  play_to (&video, 30);
  wait_eos (&video);
  check_announced (&video, "0:d ");
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
    if (k == gst_vldm_chain_length (chain))
      gst_vldm_chain_extend (chain);
    if (!gst_vldm_chain_is_current (chain, k))
      fail_unless (gst_vldm_chain_make (chain, k, NULL, NULL, &progress, NULL));
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
    fail_unless_equals_float (first_value (buffer), n);
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
  tcase_add_test (tc, test_endless);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tc, test_interrupted);
  tcase_add_test (tc, test_prompt_changes);
  tcase_add_test (tc, test_memory);
  return check_run (argc, argv, suite);
}
