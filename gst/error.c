/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors of the floors below as element messages. Floors 1 and 2 say what happened; this table says in which of
 * GStreamer's domains an application looks for it.
 */
#include "gst/error.h"

#include "gst/log.h"
#include "opencl/runtime/error.h"
#include "vldm/error.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_ERROR)

typedef GQuark (*DomainFunc) (void);

typedef struct
{
  gint code;
  DomainFunc message_domain;
  gint message_code;
} Row;

static const Row model_rows[] = {
  {VLDM_ERROR_NOT_FOUND, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NOT_FOUND},
  {VLDM_ERROR_READ, gst_resource_error_quark, GST_RESOURCE_ERROR_READ},
  {VLDM_ERROR_MODEL, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {VLDM_ERROR_SETTINGS, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {VLDM_ERROR_INPUT, gst_stream_error_quark, GST_STREAM_ERROR_DECODE},
  {VLDM_ERROR_TEXT, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
};

static const Row device_rows[] = {
  {OCL_ERROR_NO_DEVICE, gst_library_error_quark, GST_LIBRARY_ERROR_INIT},
  {OCL_ERROR_BUILD, gst_library_error_quark, GST_LIBRARY_ERROR_FAILED},
  {OCL_ERROR_MEMORY, gst_resource_error_quark,
      GST_RESOURCE_ERROR_NO_SPACE_LEFT},
  {OCL_ERROR_CALL, gst_library_error_quark, GST_LIBRARY_ERROR_FAILED},
};

static const Row *
find_row (const GError * error)
{
  const Row *rows = NULL;
  gsize i, n = 0;

  if (error->domain == VLDM_ERROR) {
    rows = model_rows;
    n = G_N_ELEMENTS (model_rows);
  } else if (error->domain == OCL_ERROR) {
    rows = device_rows;
    n = G_N_ELEMENTS (device_rows);
  }
  for (i = 0; i < n; i++)
    if (rows[i].code == error->code)
      return &rows[i];
  return NULL;
}

gboolean
gst_vldm_error_is_cancelled (const GError * error)
{
  return g_error_matches (error, VLDM_ERROR, VLDM_ERROR_CANCELLED)
      || g_error_matches (error, OCL_ERROR, OCL_ERROR_CANCELLED);
}

char *
gst_vldm_message_text (const char *message)
{
  return g_utf8_make_valid (message, -1);
}

/* Properties that decide how much memory is needed, of the elements that have them. */
static const struct
{
  const char *property, *remedy;
} memory_remedies[] = {
  {"chunk-frames", "fewer frames at a time"},
  {"tile-size", "smaller tiles"},
};

/* What the floor of tensors cannot know: what its memory is for. */
static char *
message_with_remedy (GstElement * element, const GError * error)
{
  g_autofree char *message = gst_vldm_message_text (error->message);
  g_autoptr (GString) text = g_string_new (message);
  gsize i;

  if (g_error_matches (error, OCL_ERROR, OCL_ERROR_MEMORY)) {
    g_string_append (text, "; smaller pictures");
    for (i = 0; i < G_N_ELEMENTS (memory_remedies); i++)
      if (g_object_class_find_property (G_OBJECT_GET_CLASS (element),
              memory_remedies[i].property) != NULL)
        g_string_append_printf (text, " or %s (%s)", memory_remedies[i].remedy,
            memory_remedies[i].property);
    g_string_append (text, " need less");
  }
  return g_strdup (text->str);
}

static GQuark
last_text_quark (void)
{
  return g_quark_from_static_string ("gst-vldm-last-error");
}

/* Takes the texts. */
static void
post (GstElement * element, GQuark domain, gint code, char *text, char *debug)
{
  gboolean again;

  GST_OBJECT_LOCK (element);
  again = g_strcmp0 (g_object_get_qdata (G_OBJECT (element),
          last_text_quark ()), text) == 0;
  if (!again)
    g_object_set_qdata_full (G_OBJECT (element), last_text_quark (),
        g_strdup (text), g_free);
  GST_OBJECT_UNLOCK (element);
  if (again) {
    GST_DEBUG_OBJECT (element, "once more: %s", text);
    g_free (text);
    g_free (debug);
    return;
  }
  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code, text,
      debug, __FILE__, GST_FUNCTION, __LINE__);
}

void
gst_vldm_forget_errors (GstElement * element)
{
  GST_OBJECT_LOCK (element);
  g_object_set_qdata (G_OBJECT (element), last_text_quark (), NULL);
  GST_OBJECT_UNLOCK (element);
}

void
gst_vldm_refuse_caps (GstElement * element, const GstCaps * caps,
    const GError * error)
{
  g_autofree char *text = gst_caps_to_string (caps);

  post (element, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
      g_strdup (error->message), g_strdup_printf ("caps %s", text));
}

GstFlowReturn
gst_vldm_fail (GstElement * element, const GError * error, const char *context)
{
  const Row *row;

  if (gst_vldm_error_is_cancelled (error)) {
    GST_DEBUG_OBJECT (element, "cancelled while %s", context);
    return GST_FLOW_FLUSHING;
  }

  row = find_row (error);
  post (element, row ? row->message_domain () : GST_STREAM_ERROR,
      row ? row->message_code : GST_STREAM_ERROR_FAILED,
      message_with_remedy (element, error),
      g_strdup_printf ("while %s (%s, code %d)", context,
          g_quark_to_string (error->domain), error->code));
  return GST_FLOW_ERROR;
}
