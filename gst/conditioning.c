/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What latents were made from, as a sticky event and as tags.
 */
#include "gst/conditioning.h"

#include "vldm/error.h"

#define EVENT_NAME "vldm-conditioning"
#define MAX_TEXT (64 * 1024)    /* bytes */

gboolean
gst_vldm_check_text (const char *property, const char *text, GError ** error)
{
  const char *end;
  gsize length = strlen (text);

  if (length > MAX_TEXT) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT,
        "%s has %" G_GSIZE_FORMAT " bytes; at most %d are allowed", property,
        length, MAX_TEXT);
    return FALSE;
  }
  if (!g_utf8_validate (text, -1, &end)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT,
        "%s is not UTF-8: byte %d is 0x%02x", property, (int) (end - text),
        (guchar) * end);
    return FALSE;
  }
  return TRUE;
}

/* Strings in structures are UTF-8, and file names are bytes. Events may be written down (gdppay), so it is text. */
static char *
name_model (const char *path)
{
  return path == NULL || g_utf8_validate (path, -1, NULL) ? g_strdup (path)
      : g_filename_to_uri (path, NULL, NULL);
}

GstEvent *
gst_vldm_conditioning_to_event (const GstVldmConditioning * conditioning)
{
  g_autofree char *model = name_model (conditioning->model);

  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
      gst_structure_new (EVENT_NAME,
          "prompt", G_TYPE_STRING,
          conditioning->prompt ? conditioning->prompt : "",
          "negative-prompt", G_TYPE_STRING,
          conditioning->negative_prompt ? conditioning->negative_prompt : "",
          "seed", G_TYPE_UINT, conditioning->seed,
          "level", G_TYPE_UINT, conditioning->level,
          "model", G_TYPE_STRING, model, NULL));
}

gboolean
gst_vldm_conditioning_from_event (GstVldmConditioning * conditioning,
    GstEvent * event)
{
  const GstStructure *s;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CUSTOM_DOWNSTREAM_STICKY
      || !gst_event_has_name (event, EVENT_NAME))
    return FALSE;

  s = gst_event_get_structure (event);
  memset (conditioning, 0, sizeof (*conditioning));
  conditioning->prompt = gst_structure_get_string (s, "prompt");
  conditioning->negative_prompt = gst_structure_get_string (s,
      "negative-prompt");
  conditioning->model = gst_structure_get_string (s, "model");
  gst_structure_get (s, "seed", G_TYPE_UINT, &conditioning->seed,
      "level", G_TYPE_UINT, &conditioning->level, NULL);
  return TRUE;
}

GstEvent *
gst_vldm_conditioning_next_level (GstEvent * event)
{
  GstVldmConditioning conditioning;

  gst_vldm_conditioning_from_event (&conditioning, event);
  event = gst_event_make_writable (event);
  gst_structure_set (gst_event_writable_structure (event),
      "level", G_TYPE_UINT, conditioning.level + 1, NULL);
  return event;
}

GstTagList *
gst_vldm_conditioning_to_tags (const GstVldmConditioning * conditioning)
{
  g_autofree char *model = g_filename_display_basename (conditioning->model);
  g_autofree char *encoder = g_strdup_printf ("gst-vldm " VERSION " / %s",
      model);
  g_autofree char *comment = g_strdup_printf ("seed %u%s%s",
      conditioning->seed, conditioning->negative_prompt[0] ? ", without: " : "",
      conditioning->negative_prompt);
  GstTagList *tags = gst_tag_list_new (GST_TAG_ENCODER, encoder,
      GST_TAG_APPLICATION_NAME, "gst-vldm",
      GST_TAG_COMMENT, comment, NULL);

  /* Empty string tags are not allowed. */
  if (conditioning->prompt[0])
    gst_tag_list_add (tags, GST_TAG_MERGE_REPLACE, GST_TAG_TITLE,
        conditioning->prompt, NULL);
  return tags;
}
