/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldmsr refuses, when, and what it says; and that it can be stopped at any time. Over a stage that computes nothing.
 */
#include <gst/check/gstharness.h>

#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/files/folder.h"

#define SIZE 8
#define PICTURES "video/x-raw, format=RGB, interlace-mode=progressive, " \
    "multiview-mode=mono, width=5, height=3, framerate=24/1"
#define PICTURE_BYTES (16 * 3)

static GstBuffer *
picture (guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, PICTURE_BYTES, NULL);

  gst_buffer_memset (buffer, 0, n, PICTURE_BYTES);
  GST_BUFFER_PTS (buffer) = n * GST_SECOND / 24;
  return buffer;
}

static void
check_no_more_errors (GstBus * bus)
{
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}

typedef struct
{
  const char *properties;
  FakeFailure failure;
  gint code;                    /* of GST_RESOURCE_ERROR */
  const char *says[2];
} Refusal;

/* Wrong with any model, or with the one that model-path names: a state change fails. */
static const Refusal at_start[] = {
  {"steps=0", FAKE_FAIL_NOTHING, GST_RESOURCE_ERROR_SETTINGS,
      {"steps is 0", "1 to 1000"}},
  {"guidance-rescale=nan", FAKE_FAIL_NOTHING, GST_RESOURCE_ERROR_SETTINGS,
      {"guidance-rescale is nan", "0 to 1"}},
  {"tile-size=64 tile-overlap=33", FAKE_FAIL_NOTHING,
      GST_RESOURCE_ERROR_SETTINGS, {"tile-overlap is 33", "0 to 32"}},
  {"noise-level=1000000 model-path=" FAKE_MODEL, FAKE_FAIL_NOTHING,
        GST_RESOURCE_ERROR_SETTINGS,
      {"noise-level is 1e+06", "0 to 350"}},
  {"tile-size=1 model-path=" FAKE_MODEL, FAKE_FAIL_NOTHING,
      GST_RESOURCE_ERROR_SETTINGS, {"tile-size is 1", "8 to 4096"}},
  {"model-path=/no/such/folder", FAKE_FAIL_NOTHING,
      GST_RESOURCE_ERROR_NOT_FOUND, {"/no/such/folder", ""}},
  {"model-path=" FAKE_MODEL, FAKE_FAIL_NO_UPSAMPLER,
      GST_RESOURCE_ERROR_NOT_FOUND, {"/drive has no", "upsampler"}},
  {"model-path=" FAKE_MODEL, FAKE_FAIL_CHECK, GST_RESOURCE_ERROR_SETTINGS,
      {"injected failure", ""}},
};

/* One error, and it says what would be right. */
GST_START_TEST (test_refused_at_start)
{
  const Refusal *refusal = &at_start[__i__];
  char *description = g_strconcat ("vldmsr ", refusal->properties, NULL);
  GstElement *sr = gst_parse_launch (description, NULL);
  GstBus *bus = gst_bus_new ();

  fake.failure = refusal->failure;
  gst_element_set_bus (sr, bus);
  fail_unless_equals_int (gst_element_set_state (sr, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, GST_RESOURCE_ERROR, refusal->code, refusal->says[0],
      refusal->says[1], NULL);
  check_no_more_errors (bus);

  /* What failed can be set up again. */
  fake.failure = FAKE_FAIL_NOTHING;
  gst_element_set_state (sr, GST_STATE_NULL);
  g_object_set (sr, "steps", 3, "guidance-rescale", -1.0, "tile-size", 0,
      "noise-level", -1, "model-path", FAKE_MODEL, NULL);
  fail_unless_equals_int (gst_element_set_state (sr, GST_STATE_PAUSED),
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (sr, GST_STATE_NULL);
  gst_element_set_bus (sr, NULL);
  gst_object_unref (bus);
  gst_object_unref (sr);
  g_free (description);
}

GST_END_TEST;

GST_START_TEST (test_text_at_start)
{
  GstElement *sr = gst_element_factory_make ("vldmsr", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (sr, bus);
  g_object_set (sr, "prompt", "\xff", NULL);
  fail_unless_equals_int (gst_element_set_state (sr, GST_STATE_PAUSED),
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "prompt is not UTF-8", NULL);
  gst_element_set_state (sr, GST_STATE_NULL);
  gst_element_set_bus (sr, NULL);
  gst_object_unref (bus);
  gst_object_unref (sr);
}

GST_END_TEST;

/* Upstream said which model it is, or nobody did: with the first frame. */
static const Refusal with_model[] = {
  {"", FAKE_FAIL_NO_UPSAMPLER, GST_RESOURCE_ERROR_NOT_FOUND,
      {"/drive has no", "upsampler"}},
  {"", FAKE_FAIL_CHECK, GST_RESOURCE_ERROR_SETTINGS, {"injected failure", ""}},
  {"noise-level=1000000", FAKE_FAIL_NOTHING, GST_RESOURCE_ERROR_SETTINGS,
      {"noise-level is 1e+06", "0 to 350"}},
  {"tile-size=1", FAKE_FAIL_NOTHING, GST_RESOURCE_ERROR_SETTINGS,
      {"tile-size is 1", "8 to 4096"}},
};

GST_START_TEST (test_refused_with_model)
{
  const Refusal *refusal = &with_model[__i__ / 2];
  char *description = g_strconcat ("vldmsr ", refusal->properties, NULL);
  const GstVldmConditioning c = { "a", "b", 0, 0, FAKE_MODEL };
  GstBus *bus = gst_bus_new ();
  GstHarness *h;

  fake.failure = refusal->failure;
  h = gst_harness_new_parse (description);
  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, PICTURES);
  if (__i__ % 2)
    gst_harness_push_event (h, gst_vldm_conditioning_to_event (&c));
  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_ERROR);
  check_error (bus, GST_RESOURCE_ERROR, refusal->code, refusal->says[0],
      refusal->says[1], NULL);
  check_no_more_errors (bus);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
  g_free (description);
}

GST_END_TEST;

static void
set_prompt (GstHarness * h, const char *prompt)
{
  GstElement *sr = gst_harness_find_element (h, "vldmsr");

  g_object_set (sr, "prompt", prompt, NULL);
  gst_object_unref (sr);
}

/* What goes wrong, or is set wrong, while it plays. */
GST_START_TEST (test_failing_window)
{
  static const FakeFailure failures[] =
      { FAKE_FAIL_UPSAMPLE, FAKE_FAIL_UPSAMPLED, FAKE_FAIL_NOTHING };
  gboolean bad_prompt = failures[__i__] == FAKE_FAIL_NOTHING;
  GstHarness *h;
  GstBus *bus = gst_bus_new ();
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  fake.failure = failures[__i__];
  h = gst_harness_new_parse ("vldmsr");
  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, PICTURES);
  for (n = 0; n < SIZE && flow == GST_FLOW_OK; n++) {
    if (n == 3 && bad_prompt)
      set_prompt (h, "\xff");
    flow = gst_harness_push (h, picture (n));
  }
  fail_unless_equals_int (n, SIZE);
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
  if (bad_prompt)
    check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "prompt is not UTF-8", NULL);
  else
    check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
        "injected", NULL);
  check_no_more_errors (bus);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Latents cannot be decoded, or their decoder cannot be loaded. */
GST_START_TEST (test_failing_decoder)
{
  GstHarness *h;
  GstBus *bus = gst_bus_new ();
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  fake.failure = FAKE_FAIL_DECODE;
  h = check_harness ("vldmsr",
      CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24/1"));
  gst_element_set_bus (h->element, bus);
  for (n = 0; n < SIZE && flow == GST_FLOW_OK; n++)
    flow = gst_harness_push (h, check_latents (n, n * GST_SECOND / 24));
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
  check_error (bus, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_FAILED, "injected",
      NULL);
  check_no_more_errors (bus);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A buffer that is too small for its caps. */
GST_START_TEST (test_short_buffer)
{
  GstHarness *h = check_harness ("vldmsr", __i__ == 0 ? PICTURES
      : CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24/1"));
  GstBus *bus = gst_bus_new ();
  GstBuffer *buffer = __i__ == 0 ? picture (0) : check_latents (0, 0);

  gst_element_set_bus (h->element, bus);
  gst_buffer_resize (buffer, 0, 20);
  gst_harness_push (h, buffer);
  gst_harness_push_event (h, gst_event_new_eos ());
  check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE,
      __i__ == 0 ? "smaller" : "20 bytes; its caps mean 512", NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* While a stage loads and while it works. */
GST_START_TEST (test_cancel)
{
  GstElement *pipeline;
  GstBus *bus;

  if (__i__ == 0)
    fake.load_ms = 20000;
  else
    fake.step_ms = 20000;
  pipeline = gst_parse_launch ("videotestsrc ! video/x-raw,format=RGB,width=8,"
      "height=8,framerate=24/1 ! vldmsr ! fakesink", NULL);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (check_wait_message (pipeline, bus, GST_MESSAGE_PROGRESS));
  g_usleep (100000);
  check_stops (pipeline);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);
}

GST_END_TEST;

static Suite *
vldmsr_errors_suite (void)
{
  Suite *suite = suite_create ("what vldmsr refuses");
  TCase *tc = tcase_create ("all");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_refused_at_start, 0, G_N_ELEMENTS (at_start));
  tcase_add_test (tc, test_text_at_start);
  tcase_add_loop_test (tc, test_refused_with_model, 0,
      2 * G_N_ELEMENTS (with_model));
  tcase_add_loop_test (tc, test_failing_window, 0, 3);
  tcase_add_test (tc, test_failing_decoder);
  tcase_add_loop_test (tc, test_short_buffer, 0, 2);
  tcase_add_loop_test (tc, test_cancel, 0, 2);
  return suite;
}

int
main (int argc, char **argv)
{
  return check_run (argc, argv, vldmsr_errors_suite ());
}
