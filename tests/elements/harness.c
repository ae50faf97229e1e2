/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tests of elements share.
 */
#include "tests/elements/harness.h"

#include "elements/vldmbin.h"
#include "elements/vldmdec.h"
#include "elements/vldmenc.h"
#include "elements/vldminterp.h"
#include "elements/vldmsr.h"
#include "elements/vldmsrc.h"
#include "tests/elements/fake_stages.h"

void
check_setup (void)
{
  fake_reset ();
}

static gboolean
register_elements (GstPlugin * plugin)
{
  return GST_ELEMENT_REGISTER (vldmsrc, plugin)
      && GST_ELEMENT_REGISTER (vldmbin, plugin)
      && GST_ELEMENT_REGISTER (vldmdec, plugin)
      && GST_ELEMENT_REGISTER (vldmenc, plugin)
      && GST_ELEMENT_REGISTER (vldminterp, plugin)
      && GST_ELEMENT_REGISTER (vldmsr, plugin);
}

int
check_run (int argc, char **argv, Suite * suite)
{
  gst_check_init (&argc, &argv);
  g_assert_true (gst_plugin_register_static (GST_VERSION_MAJOR,
          GST_VERSION_MINOR, "vldm", "the plugin under test",
          register_elements, VERSION, "LGPL", PACKAGE, PACKAGE, PACKAGE));
  return gst_check_run_suite (suite, argv[0], __FILE__);
}

/* A harness plays at once what has a template of a sink pad. */
GstHarness *
check_source (void)
{
  FakeSettings settings = fake;
  GstHarness *h;

  fake.load_ms = 20000;
  h = gst_harness_new_with_padnames ("vldmsrc", NULL, "src");
  gst_element_set_state (h->element, GST_STATE_NULL);
  while (gst_harness_events_in_queue (h) > 0)
    gst_event_unref (gst_harness_pull_event (h));
  fake_models_opened = fake_stages_made = 0;
  fake = settings;
  return h;
}

GstElement *
check_launch (const char *description)
{
  GError *error = NULL;
  GstElement *top = gst_parse_launch (description, &error);

  fail_unless (error == NULL, "%s", error ? error->message : "");
  return top;
}

GstMessage *
check_wait_message (GstElement * element, GstBus * bus, GstMessageType types)
{
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      types);

  fail_unless (message != NULL, "no message of types %x from %s", types,
      GST_OBJECT_NAME (element));
  return message;
}

void
check_error (GstBus * bus, GQuark domain, gint code, ...)
{
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND,
      GST_MESSAGE_ERROR);
  GError *error;
  const char *text;
  va_list texts;

  fail_unless (message != NULL, "no error came");
  gst_message_parse_error (message, &error, NULL);
  fail_unless (error->domain == domain && error->code == code,
      "error is %s %d: %s", g_quark_to_string (error->domain), error->code,
      error->message);
  va_start (texts, code);
  while ((text = va_arg (texts, const char *)) != NULL)
      fail_unless (strstr (error->message, text) != NULL,
        "\"%s\" does not say \"%s\"", error->message, text);
  va_end (texts);
  g_error_free (error);
  gst_message_unref (message);
}

void
check_stops (GstElement * element)
{
  fail_unless (gst_element_set_state (element, GST_STATE_NULL) ==
      GST_STATE_CHANGE_SUCCESS);
  fail_unless_equals_int (g_atomic_int_get (&fake_long_works), 0);
}

guint64
check_stat (GstElement * element, const char *field)
{
  GstStructure *stats;
  guint64 value;

  g_object_get (element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value), "no %s", field);
  gst_structure_free (stats);
  return value;
}

GstBuffer *
check_latents (guint64 n, GstClockTime pts)
{
  gfloat values[CHECK_LATENTS_VALUES];
  guint i;
  GstBuffer *buffer;

  for (i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = n;
  buffer = gst_buffer_new_memdup (values, sizeof (values));
  GST_BUFFER_PTS (buffer) = pts;
  return buffer;
}

GstHarness *
check_harness (const char *description, const char *caps)
{
  GstElement *element = gst_parse_launch (description, NULL);
  GstHarness *h;

  fail_unless (element != NULL, "%s", description);
  h = gst_harness_new_with_element (element, "sink", "src");
  if (caps != NULL)
    gst_harness_set_src_caps_str (h, caps);
  gst_object_unref (element);
  return h;
}
