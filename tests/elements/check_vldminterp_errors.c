/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldminterp: warnings, refusals, failures and being stopped, over stages that compute nothing.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define USUAL CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24000/1001")

static GstBuffer *
latents (guint64 n)
{
  return check_latents (n, gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000));
}

static void
push (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++)
    fail_unless_equals_int (gst_harness_push (h, latents (n)), GST_FLOW_OK);
}

static gfloat
value (GstBuffer * buffer, guint i)
{
  gfloat v;

  fail_unless_equals_int (gst_buffer_extract (buffer, 4 * i, &v, 4), 4);
  return v;
}

static const struct
{
  const char *description, *caps, *says;
} warnings[] = {
  {"vldminterp factor=2", USUAL,
      "factor is 2, but the model was trained for 4"},
  {"vldminterp", CHECK_LATENTS_CAPS ("width=64, height=32, framerate=120/1"),
      "480 frames per second"},
  {"vldminterp", USUAL, NULL},
};

/* Said once, not with every gap. */
GST_START_TEST (test_warnings)
{
  GstHarness *h = check_harness (warnings[__i__].description, NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error;
  guint n;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, warnings[__i__].caps);
  for (n = 0; n < 3; n++)
    fail_unless_equals_int (gst_harness_push (h, check_latents (n,
                gst_util_uint64_scale (n, GST_SECOND, __i__ == 1 ? 120 : 24))),
        GST_FLOW_OK);
  fail_unless_equals_int (fake_gaps, 2);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless_equals_int (message != NULL, warnings[__i__].says != NULL);
  if (message != NULL) {
    gst_message_parse_warning (message, &error, NULL);
    fail_unless (strstr (error->message, warnings[__i__].says) != NULL, "%s",
        error->message);
    g_error_free (error);
    gst_message_unref (message);
  }
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  const char *description, *says[2];
} bad_settings[] = {
  {"vldminterp factor=1000000", {"factor is 1000000", "1 to 32"}},
  {"vldminterp steps=0", {"steps is 0", "1 or more"}},
};

GST_START_TEST (test_bad_settings)
{
  GstElement *interp = gst_parse_launch (bad_settings[__i__].description, NULL);
  GstBus *bus = gst_bus_new ();

  gst_object_ref_sink (interp);
  gst_element_set_bus (interp, bus);
  fail_unless (gst_element_set_state (interp, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      bad_settings[__i__].says[0], bad_settings[__i__].says[1], NULL);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  gst_element_set_state (interp, GST_STATE_NULL);
  gst_element_set_bus (interp, NULL);
  gst_object_unref (bus);
  gst_object_unref (interp);
}

GST_END_TEST;

/* What is seen with the first gap: what only the model knows, and texts. */
static const struct
{
  const char *property, *value, *says[2];
} bad_values[] = {
  {"steps", "5000", {"steps is 5000", "1 to 1000"}},
  {"guidance-scale", "nan", {"guidance-scale is nan", "0 to 100"}},
  {"prompt", "a\xff", {"prompt is not UTF-8", "byte 1 is 0xff"}},
  {"negative-prompt", "\xc3", {"negative-prompt is not UTF-8", "byte 0"}},
};

GST_START_TEST (test_bad_values)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  if (!g_str_has_suffix (bad_values[__i__].property, "prompt"))
    gst_util_set_object_arg (G_OBJECT (h->element),
        bad_values[__i__].property, bad_values[__i__].value);
  else
    g_object_set (h->element, bad_values[__i__].property,
        bad_values[__i__].value, NULL);
  push (h, 0, 1);
  fail_unless_equals_int (gst_harness_push (h, latents (1)), GST_FLOW_ERROR);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      bad_values[__i__].says[0], bad_values[__i__].says[1], NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What comes in is not what its caps say. */
GST_START_TEST (test_bad_input)
{
  GstHarness *h = gst_harness_new ("vldminterp");
  GstBus *bus = gst_bus_new ();
  GstBuffer *buffer = latents (0);

  gst_element_set_bus (h->element, bus);
  if (__i__ == 0) {
    gst_harness_set_src_caps_str (h, USUAL);
    gst_buffer_resize (buffer, 0, 100);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_ERROR);
    check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "100 bytes",
        "512", NULL);
  } else {
    gst_harness_set_src_caps_str (h, "video/x-vldm-latents, format=F32LE, "
        "width=64, height=32, framerate=24/1, latent-space=vae");
    fail_if (gst_harness_push (h, buffer) == GST_FLOW_OK);
    check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "latent-width", NULL);
  }
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Frames without any time. */
GST_START_TEST (test_no_times)
{
  GstHarness *h = check_harness ("vldminterp", __i__ == 0 ? USUAL
      : CHECK_LATENTS_CAPS ("width=64, height=32, framerate=0/1"));
  GstBus *bus = gst_bus_new ();
  GstFlowReturn flow;
  guint n;

  gst_element_set_bus (h->element, bus);
  fail_unless_equals_int (gst_harness_push (h, check_latents (0,
              GST_CLOCK_TIME_NONE)), GST_FLOW_OK);
  flow = gst_harness_push (h, check_latents (1, GST_CLOCK_TIME_NONE));
  if (__i__ == 0) {
    fail_unless_equals_int (flow, GST_FLOW_OK);
    for (n = 0; n < 4; n++) {
      GstBuffer *buffer = gst_harness_pull (h);

      fail_unless (value (buffer, 0) == n / 4.0f);
      fail_if (GST_BUFFER_PTS_IS_VALID (buffer));
      gst_buffer_unref (buffer);
    }
  } else {
    fail_unless_equals_int (flow, GST_FLOW_ERROR);
    check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "no time stamps", NULL);
  }
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
  {FAKE_FAIL_INTERPOLATE, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT},
};

/* One error, and the element can be used again. */
GST_START_TEST (test_failures)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  fake.failure = failures[__i__].failure;
  push (h, 0, 1);
  fail_unless_equals_int (gst_harness_push (h, latents (1)), GST_FLOW_ERROR);
  check_error (bus, failures[__i__].domain (), failures[__i__].code,
      "injected failure", NULL);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  /* Weights are not loaded for a model that cannot run. */
  if (failures[__i__].failure == FAKE_FAIL_CHECK)
    fail_unless_equals_int (fake_stages_made, 0);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);

  fake.failure = FAKE_FAIL_NOTHING;
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, USUAL);
  push (h, 0, 3);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 9);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static gpointer
push_gap (gpointer data)
{
  GstFlowReturn flow = gst_harness_push (data, latents (0));

  if (flow == GST_FLOW_OK)
    flow = gst_harness_push (data, latents (1));
  return GINT_TO_POINTER (flow);
}

/* While it loads and while it interpolates; by FLUSH_START and by a state change. */
GST_START_TEST (test_cancel)
{
  GstHarness *h = check_harness ("vldminterp", USUAL);
  GThread *thread;

  if (__i__ & 1)
    fake.load_ms = 20000;
  else
    fake.step_ms = 20000;
  thread = g_thread_new ("push", push_gap, h);
  g_usleep (100000);

  if (__i__ & 2)
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  else
    check_stops (h->element);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)),
      GST_FLOW_FLUSHING);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldminterp_errors");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_warnings, 0, G_N_ELEMENTS (warnings));
  tcase_add_loop_test (tc, test_bad_settings, 0, G_N_ELEMENTS (bad_settings));
  tcase_add_loop_test (tc, test_bad_values, 0, G_N_ELEMENTS (bad_values));
  tcase_add_loop_test (tc, test_bad_input, 0, 2);
  tcase_add_loop_test (tc, test_no_times, 0, 2);
  tcase_add_loop_test (tc, test_failures, 0, G_N_ELEMENTS (failures));
  tcase_add_loop_test (tc, test_cancel, 0, 4);
  return check_run (argc, argv, suite);
}
