/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What all elements say alike, over stages that compute nothing.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#include "gst/error.h"
#include "opencl/runtime/error.h"

static const char *const elements[] = {
  "vldmsrc", "vldminterp", "vldmdec", "vldmenc", "vldmsr"
};

/* An element that has no memory left advises what it has: each word in brackets is one of its properties. */
GST_START_TEST (test_memory_remedy)
{
  static const char *const properties[] = { "chunk-frames", "tile-size" };
  GstElement *element = gst_element_factory_make (elements[__i__], NULL);
  GObjectClass *klass = G_OBJECT_GET_CLASS (element);
  GstBus *bus = gst_bus_new ();
  g_autoptr (GError) cause = g_error_new (OCL_ERROR, OCL_ERROR_MEMORY,
      "5 bytes wanted");
  g_autoptr (GError) error = NULL;
  GstMessage *message;
  gsize i;

  gst_element_set_bus (element, bus);
  fail_unless_equals_int (gst_vldm_fail (element, cause, "testing"),
      GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR,
          GST_RESOURCE_ERROR_NO_SPACE_LEFT));
  fail_unless (strstr (error->message, "5 bytes wanted") != NULL);
  fail_unless (strstr (error->message, "smaller pictures") != NULL);
  for (i = 0; i < G_N_ELEMENTS (properties); i++)
    fail_unless ((strstr (error->message, properties[i]) != NULL)
        == (g_object_class_find_property (klass, properties[i]) != NULL),
        "%s says: %s", elements[__i__], error->message);
  gst_message_unref (message);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}

GST_END_TEST;

#define PICTURES "videotestsrc num-buffers=8 ! video/x-raw, format=RGB, " \
    "width=16, height=16 ! "

/* Each of the elements, asked for bf16. */
static const char *const streams[] = {
  "vldmsrc precision=bf16 ! fakesink",
  "vldmsrc ! vldminterp precision=bf16 ! fakesink",
  "vldmsrc ! vldmdec precision=bf16 ! fakesink",
  PICTURES "vldmenc precision=bf16 ! fakesink",
  PICTURES "vldmsr precision=bf16 ! fakesink",
};

/* Plays a stream to its end and counts its warnings; *@text = the last one, or NULL. */
static guint
count_warnings (const char *stream, char **text)
{
  GstElement *pipeline = gst_parse_launch (stream, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessageType type = GST_MESSAGE_WARNING;
  guint n = 0;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (type == GST_MESSAGE_WARNING) {
    g_autoptr (GError) warning = NULL;
    GstMessage *message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
        GST_MESSAGE_WARNING | GST_MESSAGE_EOS);

    fail_unless (message != NULL, "%s", stream);
    type = GST_MESSAGE_TYPE (message);
    if (type == GST_MESSAGE_WARNING) {
      gst_message_parse_warning (message, &warning, NULL);
      g_free (*text);
      *text = g_strdup (warning->message);
      n++;
    }
    gst_message_unref (message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return n;
}

/* A precision that the device lacks is told, once, with the device and what is taken instead. */
GST_START_TEST (test_lacking_precision)
{
  g_autofree char *text = NULL;

  fail_unless_equals_int (count_warnings (streams[__i__], &text), 1);
  fail_unless (strstr (text, "precision=bf16") != NULL, "%s", text);
  fail_unless (strstr (text, "fake: no device") != NULL, "%s", text);
  fail_unless (strstr (text, "f32 is used") != NULL, "%s", text);
}

GST_END_TEST;

GST_START_TEST (test_precision)
{
  g_autofree char *text = NULL;

  fake.bf16 = TRUE;
  fail_unless_equals_int (count_warnings (streams[__i__], &text), 0);
}

GST_END_TEST;

/* Elements with weights of different types have a model each, whichever comes first. */
GST_START_TEST (test_models_by_precision)
{
  GstElement *f32 = gst_parse_launch ("vldmenc precision=f32", NULL);
  GstElement *bf16 = gst_parse_launch ("vldmenc precision=bf16", NULL);

  fake.bf16 = TRUE;
  gst_element_set_state (f32, GST_STATE_PAUSED);
  gst_element_set_state (bf16, GST_STATE_PAUSED);
  while (g_atomic_int_get (&fake_stages_made) < 2)
    g_usleep (1000);
  fail_unless_equals_int (fake_live_models, 2);
  gst_element_set_state (f32, GST_STATE_NULL);
  gst_element_set_state (bf16, GST_STATE_NULL);
  gst_object_unref (f32);
  gst_object_unref (bf16);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  const int n_elements = G_N_ELEMENTS (elements);
  const int n_streams = G_N_ELEMENTS (streams);
  Suite *suite = suite_create ("messages");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_memory_remedy, 0, n_elements);
  tcase_add_loop_test (tc, test_lacking_precision, 0, n_streams);
  tcase_add_loop_test (tc, test_precision, 0, n_streams);
  tcase_add_test (tc, test_models_by_precision);
  return check_run (argc, argv, suite);
}
