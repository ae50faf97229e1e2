/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsrc by itself, over stages that compute nothing.
 */
#include <gst/check/gstharness.h>

#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

static GstBus *
harness_bus (GstHarness * h)
{
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  return bus;
}

/* The next event of @type, others before it thrown away. */
static GstEvent *
pull_event (GstHarness * h, GstEventType type)
{
  GstEvent *event;

  while ((event = gst_harness_pull_event (h)) != NULL) {
    if (GST_EVENT_TYPE (event) == type)
      return event;
    gst_event_unref (event);
  }
  ck_abort_msg ("no event %s", gst_event_type_get_name (type));
  return NULL;
}

/* @stop -1 = to the end. */
static void
seek (GstHarness * h, GstClockTime start, gint64 stop)
{
  fail_unless (gst_element_send_event (h->element,
          gst_event_new_seek (1.0, GST_FORMAT_TIME,
              GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
              start, GST_SEEK_TYPE_SET, stop)));
}

/* Pulls frames up to EOS: numbers @from .. @to - 1, with time stamps by formula at 24000/1001. */
static void
check_frames (GstHarness * h, guint64 from, guint64 to, gfloat value)
{
  guint64 n;

  for (n = from; n < to; n++) {
    GstBuffer *buffer = gst_harness_pull (h);
    GstClockTime begin = gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
    GstClockTime end = gst_util_uint64_scale (n + 1, 1001 * GST_SECOND, 24000);
    gfloat latent;

    fail_unless (buffer != NULL, "no frame %d", (int) n);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), begin);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), end - begin);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), n);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET_END (buffer), n + 1);
    fail_unless_equals_int (n == 0,
        !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT));
    gst_buffer_extract (buffer, 0, &latent, sizeof (latent));
    fail_unless_equals_float (latent, value + n);
    gst_buffer_unref (buffer);
  }
  gst_event_unref (pull_event (h, GST_EVENT_EOS));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

GST_START_TEST (test_frames)
{
  GstHarness *h = check_source ();
  GstCaps *caps, *expected;
  GstQuery *query;
  gint64 value;

  g_object_set (h->element, "seed", 3, NULL);
  gst_harness_play (h);
  check_frames (h, 0, 8, 3000);

  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string ("video/x-vldm-latents, format=F32LE, "
      "width=64, height=32, latent-width=8, latent-height=4, latent-channels=4, "
      "latent-space=vae, framerate=24000/1001, pixel-aspect-ratio=1/1");
  fail_unless (gst_caps_is_equal (caps, expected), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_caps_unref (expected);

  fail_unless (gst_element_query_duration (h->element, GST_FORMAT_TIME,
          &value));
  fail_unless_equals_int64 (value, gst_util_uint64_scale (8,
          1001 * GST_SECOND, 24000));
  fail_unless (gst_element_query_duration (h->element, GST_FORMAT_DEFAULT,
          &value));
  fail_unless_equals_int64 (value, 8);
  fail_unless (gst_element_query_convert (h->element, GST_FORMAT_DEFAULT, 5,
          GST_FORMAT_TIME, &value));
  fail_unless (gst_element_query_convert (h->element, GST_FORMAT_TIME, value,
          GST_FORMAT_DEFAULT, &value));
  fail_unless_equals_int64 (value, 5);

  query = gst_query_new_seeking (GST_FORMAT_TIME);
  fail_unless (gst_element_query (h->element, query));
  gst_query_parse_seeking (query, NULL, (gboolean *) & value, NULL, NULL);
  gst_query_unref (query);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* All that prerolls a pipeline comes before the first generation, and a LATENCY query does not wait for it. */
GST_START_TEST (test_events_before_generation)
{
  GstHarness *h = check_source ();
  GstEvent *event;
  GstTagList *tags;
  const GstStructure *s;
  GstQuery *query;
  gboolean live;
  char *title;

  fake.step_ms = 20000;
  g_object_set (h->element, "prompt", "a street", "negative-prompt", "fog",
      "seed", 7, NULL);
  gst_harness_play (h);

  gst_event_unref (pull_event (h, GST_EVENT_STREAM_START));
  gst_event_unref (pull_event (h, GST_EVENT_CAPS));
  gst_event_unref (pull_event (h, GST_EVENT_SEGMENT));
  event = pull_event (h, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY);
  s = gst_event_get_structure (event);
  fail_unless (gst_structure_has_name (s, "vldm-conditioning"));
  fail_unless_equals_string (gst_structure_get_string (s, "prompt"),
      "a street");
  fail_unless_equals_string (gst_structure_get_string (s, "negative-prompt"),
      "fog");
  fail_unless (g_path_is_absolute (gst_structure_get_string (s, "model")));
  gst_event_unref (event);
  event = pull_event (h, GST_EVENT_TAG);
  gst_event_parse_tag (event, &tags);
  fail_unless (gst_tag_list_get_string (tags, GST_TAG_TITLE, &title));
  fail_unless_equals_string (title, "a street");
  g_free (title);
  gst_event_unref (event);
  gst_event_unref (pull_event (h, GST_EVENT_GAP));

  query = gst_query_new_latency ();
  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, &live, NULL, NULL);
  fail_if (live);
  gst_query_unref (query);

  check_stops (h->element);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_caps_from_downstream)
{
  GstHarness *h = check_source ();
  GstCaps *caps;
  GstStructure *s;
  gint width, height, n, d;

  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents, format=F16LE, "
      "width=[90,100], height=40, framerate=[5/1,30/1]");
  gst_harness_play (h);
  gst_buffer_unref (gst_harness_pull (h));
  caps = gst_pad_get_current_caps (h->sinkpad);
  s = gst_caps_get_structure (caps, 0);
  fail_unless (gst_structure_get (s, "width", G_TYPE_INT, &width,
          "height", G_TYPE_INT, &height,
          "framerate", GST_TYPE_FRACTION, &n, &d, NULL));
  /* 96 is the only multiple of 8 from 90 to 100. */
  fail_unless_equals_int (width, 96);
  fail_unless_equals_int (height, 40);
  fail_unless_equals_int (n, 24000);
  fail_unless_equals_int (d, 1001);
  fail_unless_equals_string (gst_structure_get_string (s, "format"), "F16LE");
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  const char *caps;
  const char *property;
  const char *value;
  GstResourceError code;
  const char *says[2];
} refusals[] = {
  {"width=100", NULL, NULL, GST_RESOURCE_ERROR_SETTINGS, {"width is 100",
          "96 and 104"}},
  {"height=3", NULL, NULL, GST_RESOURCE_ERROR_SETTINGS, {"height is 3", "8"}},
  {NULL, "steps", "0", GST_RESOURCE_ERROR_SETTINGS, {"steps is 0", "1"}},
  {NULL, "steps", "5000", GST_RESOURCE_ERROR_SETTINGS, {"steps is 5000",
          "1000"}},
  {NULL, "guidance-scale", "-0.5", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-scale", "-0.5"}},
  {NULL, "guidance-scale", "nan", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-scale is nan", "0 to 100"}},
  {NULL, "guidance-scale", "inf", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-scale", "0 to 100"}},
  {NULL, "guidance-scale", "-inf", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-scale", "0 to 100"}},
  {NULL, "guidance-rescale", "nan", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-rescale is nan", "0 to 1"}},
  {NULL, "context-guidance", "nan", GST_RESOURCE_ERROR_SETTINGS,
      {"context-guidance is nan", "0 to 100"}},
  {NULL, "guidance-rescale", "2", GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-rescale", "0 to 1"}},
  {NULL, "chunk-frames", "0", GST_RESOURCE_ERROR_SETTINGS, {"chunk-frames is 0",
          "1 or more"}},
  {NULL, "chunk-frames", "100000", GST_RESOURCE_ERROR_SETTINGS,
      {"chunk-frames is 100000", "1 to 1024"}},
  {NULL, "model-path", "/no/such/folder", GST_RESOURCE_ERROR_NOT_FOUND,
      {"/no/such/folder", "model_index.json"}},
};

GST_START_TEST (test_refusals)
{
  GstHarness *h = check_source ();
  GstBus *bus = harness_bus (h);
  GParamSpec *pspec = NULL;
  char *caps;

  caps = g_strdup_printf ("video/x-vldm-latents%s%s",
      refusals[__i__].caps ? ", " : "",
      refusals[__i__].caps ? refusals[__i__].caps : "");
  gst_harness_set_sink_caps_str (h, caps);
  g_free (caps);
  if (refusals[__i__].property != NULL) {
    pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (h->element),
        refusals[__i__].property);
    gst_util_set_object_arg (G_OBJECT (h->element), pspec->name,
        refusals[__i__].value);
  }
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  check_error (bus, GST_RESOURCE_ERROR, refusals[__i__].code,
      refusals[__i__].says[0], refusals[__i__].says[1], NULL);
  check_stops (h->element);

  /* It can be set up again. */
  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents");
  if (pspec != NULL)
    g_object_set_property (G_OBJECT (h->element), pspec->name,
        g_param_spec_get_default_value (pspec));
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  gst_harness_play (h);
  check_frames (h, 0, 8, 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  FakeFailure failure;
  CheckDomain domain;
  gint code;
} failures[] = {
  {FAKE_FAIL_DEVICE, gst_library_error_quark, GST_LIBRARY_ERROR_INIT},
  {FAKE_FAIL_MODEL, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {FAKE_FAIL_CHECK, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {FAKE_FAIL_LOAD, gst_resource_error_quark, GST_RESOURCE_ERROR_READ},
  {FAKE_FAIL_GENERATE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT},
};

GST_START_TEST (test_failures)
{
  GstHarness *h = check_source ();
  GstBus *bus = harness_bus (h);

  fake.failure = failures[__i__].failure;
  gst_harness_play (h);
  check_error (bus, failures[__i__].domain (), failures[__i__].code,
      "injected failure", NULL);
  /* Weights are not loaded for a model that cannot run. */
  if (failures[__i__].failure == FAKE_FAIL_CHECK)
    fail_unless_equals_int (fake_stages_made, 0);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);

  fake.failure = FAKE_FAIL_NOTHING;
  gst_harness_play (h);
  check_frames (h, 0, 8, 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_texts)
{
  GstHarness *h = check_source ();
  GstBus *bus = harness_bus (h);
  char *text = g_strnfill (100000, 'a');
  char *read;

  g_object_set (h->element, "prompt", text, NULL);
  g_object_get (h->element, "prompt", &read, NULL);
  fail_unless_equals_string (read, text);
  gst_harness_play (h);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "prompt has 100000 bytes", "65536", NULL);
  gst_element_set_state (h->element, GST_STATE_NULL);
  gst_bus_set_flushing (bus, TRUE);
  gst_bus_set_flushing (bus, FALSE);
  g_free (read);
  g_free (text);

  g_object_set (h->element, "prompt", "ab\xff", NULL);
  gst_harness_play (h);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "prompt is not UTF-8", "byte 2", NULL);
  gst_element_set_state (h->element, GST_STATE_NULL);

  g_object_set (h->element, "prompt", NULL, NULL);
  gst_harness_play (h);
  check_frames (h, 0, 8, 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_seek)
{
  GstHarness *h = check_source ();
  GstClockTime third = gst_util_uint64_scale (3, 1001 * GST_SECOND, 24000);
  GstClockTime sixth = gst_util_uint64_scale (6, 1001 * GST_SECOND, 24000);

  gst_harness_play (h);
  check_frames (h, 0, 8, 0);

  seek (h, third, -1);
  check_frames (h, 3, 8, 0);
  seek (h, third + 1, sixth);
  check_frames (h, 3, 6, 0);
  seek (h, 0, -1);
  check_frames (h, 0, 8, 0);
  seek (h, 3600 * GST_SECOND, -1);
  check_frames (h, 8, 8, 0);
  fail_unless_equals_int (fake_generations, 1);
  fail_unless_equals_uint64 (check_stat (h->element, "windows-reused"), 3);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-pushed"), 24);

  fail_if (gst_element_send_event (h->element, gst_event_new_seek (-1.0,
              GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
              GST_SEEK_TYPE_SET, third)));

  /* A setting that changed counts from the next seek on. */
  g_object_set (h->element, "seed", 2, NULL);
  seek (h, third, -1);
  check_frames (h, 3, 8, 2000);
  fail_unless_equals_int (fake_generations, 2);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_fewer_frames)
{
  GstHarness *h = check_source ();

  g_object_set (h->element, "frames", 3, NULL);
  gst_harness_play (h);
  check_frames (h, 0, 3, 0);
  gst_element_set_state (h->element, GST_STATE_NULL);
  g_object_set (h->element, "frames", 20, "chunk-frames", 20, NULL);
  gst_harness_play (h);
  check_frames (h, 0, 20, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* While it loads, and while it generates: by a seek, and by a state change. */
GST_START_TEST (test_cancel)
{
  GstHarness *h = check_source ();

  if (__i__ == 0)
    fake.load_ms = 20000;
  else
    fake.step_ms = 20000;
  gst_harness_play (h);
  gst_event_unref (pull_event (h, GST_EVENT_GAP));
  g_usleep (50000);

  seek (h, 0, -1);
  gst_event_unref (pull_event (h, GST_EVENT_FLUSH_STOP));
  gst_event_unref (pull_event (h, GST_EVENT_GAP));
  g_usleep (50000);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);

  fake.load_ms = fake.step_ms = 0;
  gst_harness_play (h);
  check_frames (h, 0, 8, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* READY keeps what is loaded; NULL gives it back. */
GST_START_TEST (test_states)
{
  GstElement *src = gst_element_factory_make ("vldmsrc", NULL);
  GstState states[] = { GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING,
    GST_STATE_PAUSED, GST_STATE_READY, GST_STATE_PLAYING, GST_STATE_NULL
  };
  guint i, j;

  for (i = 0; i < 20; i++)
    for (j = 0; j < G_N_ELEMENTS (states); j++)
      fail_unless (gst_element_set_state (src, states[j]) ==
          GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);
  gst_object_unref (src);
}

GST_END_TEST;

/* Every property takes what it gives, and its bounds. */
GST_START_TEST (test_properties)
{
  static const char *const names[] = { "vldmsrc", "vldmdec" };
  GstElement *element = gst_element_factory_make (names[__i__], NULL);
  GParamSpec **pspecs;
  guint n, i;

  pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    if (!(pspecs[i]->flags & G_PARAM_READABLE))
      continue;
    g_object_get_property (G_OBJECT (element), pspecs[i]->name, &value);
    if (pspecs[i]->flags & G_PARAM_WRITABLE
        && strcmp (pspecs[i]->name, "parent") != 0) {
      g_object_set_property (G_OBJECT (element), pspecs[i]->name, &value);
      g_object_set_property (G_OBJECT (element), pspecs[i]->name,
          g_param_spec_get_default_value (pspecs[i]));
    }
    g_value_unset (&value);
  }
  g_free (pspecs);
  gst_object_unref (element);
}

GST_END_TEST;

GST_START_TEST (test_enums)
{
  GstElement *src = gst_element_factory_make ("vldmsrc", NULL);
  static const char *const nicks[] = { "ddim", "euler", "dpm++2m", "auto" };
  guint i;
  gint value;

  for (i = 0; i < G_N_ELEMENTS (nicks); i++) {
    gst_util_set_object_arg (G_OBJECT (src), "scheduler", nicks[i]);
    g_object_get (src, "scheduler", &value, NULL);
    fail_unless_equals_int (value, (i + 1) % 4);
  }
  gst_util_set_object_arg (G_OBJECT (src), "precision", "f16");
  g_object_get (src, "precision", &value, NULL);
  fail_unless_equals_int (value, 2);
  gst_object_unref (src);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldmsrc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_test (tc, test_frames);
  tcase_add_test (tc, test_events_before_generation);
  tcase_add_test (tc, test_caps_from_downstream);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_loop_test (tc, test_failures, 0, G_N_ELEMENTS (failures));
  tcase_add_test (tc, test_texts);
  tcase_add_test (tc, test_seek);
  tcase_add_test (tc, test_fewer_frames);
  tcase_add_loop_test (tc, test_cancel, 0, 2);
  tcase_add_test (tc, test_states);
  tcase_add_loop_test (tc, test_properties, 0, 2);
  tcase_add_test (tc, test_enums);
  return check_run (argc, argv, suite);
}
