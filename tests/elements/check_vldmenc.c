/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmenc by itself and in chains, over stages that compute nothing.
 */
#include <gst/video/video.h>

#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define RAW(fields) "video/x-raw, format=RGB, " fields
#define USUAL RAW ("width=61, height=31, framerate=24000/1001")

static GstClockTime
frame_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

/* Picture @n of 61 x 31, whose rows are padded to 184 bytes, all of it n. */
static GstBuffer *
picture (guint64 n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 184 * 31, NULL);

  gst_buffer_memset (buffer, 0, n, -1);
  GST_BUFFER_PTS (buffer) = frame_time (n);
  GST_BUFFER_DURATION (buffer) = frame_time (n + 1) - frame_time (n);
  return buffer;
}

static void
check_frame (GstHarness * h, guint64 n)
{
  GstBuffer *buffer = gst_harness_try_pull (h);
  gfloat values[CHECK_LATENTS_VALUES];
  guint i;

  fail_unless (buffer != NULL, "no frame %d", (int) n);
  fail_unless_equals_int (gst_buffer_get_size (buffer), sizeof (values));
  gst_buffer_extract (buffer, 0, values, sizeof (values));
  for (i = 0; i < CHECK_LATENTS_VALUES; i++)
    fail_unless (values[i] == n, "value %u of frame %d is %g", i, (int) n,
        values[i]);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame_time (n));
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer),
      frame_time (n + 1) - frame_time (n));
  fail_if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT));
  gst_buffer_unref (buffer);
}

/* One in, one out, at once. */
GST_START_TEST (test_frames)
{
  GstHarness *h = check_harness ("vldmenc", USUAL);
  guint n;

  for (n = 0; n < 5; n++) {
    fail_unless_equals_int (gst_harness_push (h, picture (n)), GST_FLOW_OK);
    check_frame (h, n);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-in"), 5);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-out"), 5);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The picture's size, rate and aspect; the latents' shape with the padding. */
GST_START_TEST (test_caps)
{
  GstHarness *h = check_harness ("vldmenc", RAW ("width=61, height=31, "
          "framerate=24000/1001, pixel-aspect-ratio=4/3"));
  GstCaps *caps, *expected;

  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_OK);
  caps = gst_pad_get_current_caps (h->sinkpad);
  expected = gst_caps_from_string ("video/x-vldm-latents, format=F32LE, "
      "width=61, height=31, latent-width=8, latent-height=4, "
      "latent-channels=4, latent-space=vae, framerate=24000/1001, "
      "pixel-aspect-ratio=4/3");
  fail_unless (gst_caps_is_subset (caps, expected), "%s",
      gst_caps_to_string (caps));
  gst_caps_unref (expected);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_half_precision)
{
  GstHarness *h = check_harness ("vldmenc", NULL);
  GstBuffer *buffer;

  gst_harness_set_sink_caps_str (h, "video/x-vldm-latents, format=F16LE");
  gst_harness_set_src_caps_str (h, USUAL);
  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  fail_unless_equals_int (gst_buffer_get_size (buffer),
      2 * CHECK_LATENTS_VALUES);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Stages behind learn the model, after the caps and before the first frame. */
GST_START_TEST (test_conditioning)
{
  GstHarness *h = check_harness ("vldmenc", USUAL);
  GstVldmConditioning c = { NULL, };
  gboolean caps = FALSE;
  guint n = 0;
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS)
      caps = TRUE;
    if (gst_vldm_conditioning_from_event (&c, event)) {
      n++;
      fail_unless (caps);
      fail_unless_equals_string (c.prompt, "");
      fail_unless_equals_string (c.negative_prompt, "");
      fail_unless_equals_int (c.level, 0);
      fail_unless (g_str_has_suffix (c.model, "models/drive"), "%s", c.model);
    }
    gst_event_unref (event);
  }
  fail_unless_equals_int (n, 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Another size in mid-stream. */
GST_START_TEST (test_caps_change)
{
  GstHarness *h = check_harness ("vldmenc", USUAL);
  GstBuffer *buffer;

  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_OK);
  check_frame (h, 0);
  gst_harness_set_src_caps_str (h, RAW ("width=16, height=16, "
          "framerate=24000/1001"));
  buffer = gst_buffer_new_allocate (NULL, 3 * 16 * 16, NULL);
  GST_BUFFER_PTS (buffer) = frame_time (1);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  fail_unless_equals_int (gst_buffer_get_size (buffer), 4 * 4 * 2 * 2);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  const char *caps;
  CheckDomain domain;
  gint code;
  const char *says[2];
} refusals[] = {
  {RAW ("width=61, height=31, framerate=25/1, interlace-mode=interleaved"),
        gst_stream_error_quark, GST_STREAM_ERROR_FORMAT,
      {"interlaced", "deinterlace"}},
  {RAW ("width=640, height=480, framerate=25/1"), gst_stream_error_quark,
      GST_STREAM_ERROR_DECODE, {"cannot be read", "smaller"}},
};

GST_START_TEST (test_refusals)
{
  GstHarness *h = check_harness ("vldmenc", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, refusals[__i__].caps);
  fail_if (gst_harness_push (h, picture (0)) == GST_FLOW_OK);
  check_error (bus, refusals[__i__].domain (), refusals[__i__].code,
      refusals[__i__].says[0], refusals[__i__].says[1], NULL);
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
  {FAKE_FAIL_ENCODE, gst_library_error_quark, GST_LIBRARY_ERROR_FAILED},
};

/* One error, and the element can be used again. */
GST_START_TEST (test_failures)
{
  GstHarness *h = check_harness ("vldmenc", NULL);
  GstBus *bus = gst_bus_new ();

  /* The harness has played: the model is opened on the way up, and its stage may be made. */
  check_stops (h->element);
  fake_stages_made = 0;
  gst_element_set_bus (h->element, bus);
  fake.failure = failures[__i__].failure;
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, USUAL);
  fail_if (gst_harness_push (h, picture (0)) == GST_FLOW_OK);
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
  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_OK);
  check_frame (h, 0);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_missing_model)
{
  GstElement *encoder = gst_parse_launch ("vldmenc model-path=/no/such/folder",
      NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (encoder, bus);
  fail_unless (gst_element_set_state (encoder, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/such/folder", NULL);
  gst_element_set_state (encoder, GST_STATE_NULL);
  gst_element_set_bus (encoder, NULL);
  gst_object_unref (bus);
  gst_object_unref (encoder);
}

GST_END_TEST;

static gpointer
push_picture (gpointer data)
{
  return GINT_TO_POINTER (gst_harness_push (data, picture (0)));
}

/* While it loads and while it encodes; by FLUSH_START and by a state change. */
GST_START_TEST (test_cancel)
{
  GstHarness *h = check_harness ("vldmenc", NULL);
  GThread *thread;

  check_stops (h->element);
  if (__i__ & 1)
    fake.load_ms = 20000;
  else
    fake.encode_ms = 20000;
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, USUAL);
  thread = g_thread_new ("push", push_picture, h);
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

GST_START_TEST (test_flush)
{
  GstHarness *h = check_harness ("vldmenc", USUAL);
  GstSegment segment;

  fail_unless_equals_int (gst_harness_push (h, picture (0)), GST_FLOW_OK);
  check_frame (h, 0);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  fail_unless_equals_int (gst_harness_push (h, picture (7)), GST_FLOW_OK);
  check_frame (h, 7);
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldmenc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_test (tc, test_frames);
  tcase_add_test (tc, test_caps);
  tcase_add_test (tc, test_half_precision);
  tcase_add_test (tc, test_conditioning);
  tcase_add_test (tc, test_caps_change);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_loop_test (tc, test_failures, 0, G_N_ELEMENTS (failures));
  tcase_add_test (tc, test_missing_model);
  tcase_add_loop_test (tc, test_cancel, 0, 4);
  tcase_add_test (tc, test_flush);
  return check_run (argc, argv, suite);
}
