/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Texts with times.
 */
#include "elements/storyboard.h"

#include "gst/conditioning.h"
#include "gst/timing.h"
#include "vldm/error.h"

#define MAX_BYTES (16 * 1024 * 1024)    /* of all texts together */

typedef struct
{
  GstClockTime time;            /* stream time */
  char *prompt;
} Text;

static void
text_clear (gpointer data)
{
  g_free (((Text *) data)->prompt);
}

static Text *
get_text (GstVldmStoryboard * storyboard, guint i)
{
  return &g_array_index (storyboard->texts, Text, i);
}

/* A copy of what @buffer says. */
static char *
read_text (GstBuffer * buffer, GstClockTime time, GError ** error)
{
  g_autofree char *name =
      g_strdup_printf ("text at %" GST_TIME_FORMAT " on pad \"prompt\"",
      GST_TIME_ARGS (time));
  g_autofree char *text = NULL;
  gsize size = gst_buffer_get_size (buffer);

  text = g_try_malloc0 (size + 1);
  if (text == NULL) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT,
        "%s has %" G_GSIZE_FORMAT " bytes, more than there is memory for",
        name, size);
    return NULL;
  }
  gst_buffer_extract (buffer, 0, text, size);
  while (size > 0 && text[size - 1] == 0)
    size--;
  if (strlen (text) < size) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT,
        "%s is no text: byte %d is zero", name, (int) strlen (text));
    return NULL;
  }
  if (!gst_vldm_check_text (name, text, error))
    return NULL;
  return g_steal_pointer (&text);
}

/* A text replaces those that were known for its time and later: they come anew. */
static gboolean
take (GstVldmSidePad * side, GstBuffer * buffer, const char **warning,
    GError ** error)
{
  GstVldmStoryboard *storyboard = (GstVldmStoryboard *) side;
  GArray *texts = storyboard->texts;
  Text text = { side->position, NULL };

  text.prompt = read_text (buffer, text.time, error);
  if (text.prompt == NULL)
    return FALSE;
  while (texts->len > 0
      && get_text (storyboard, texts->len - 1)->time >= text.time) {
    storyboard->bytes -= strlen (get_text (storyboard, texts->len - 1)->prompt);
    g_array_set_size (texts, texts->len - 1);
  }
  if (texts->len > 0 && strcmp (get_text (storyboard,
              texts->len - 1)->prompt, text.prompt) == 0) {
    g_free (text.prompt);
    return TRUE;
  }
  g_array_append_val (texts, text);
  storyboard->bytes += strlen (text.prompt);
  if (storyboard->bytes <= MAX_BYTES)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT,
      "texts on pad \"prompt\" have more than %d bytes together", MAX_BYTES);
  return FALSE;
}

static const GstVldmSidePadClass side_class = { NULL, take, NULL };

void
gst_vldm_storyboard_init (GstVldmStoryboard * storyboard, GstElement * element)
{
  gst_vldm_side_pad_init (&storyboard->side, &side_class, element);
  storyboard->texts = g_array_new (FALSE, TRUE, sizeof (Text));
  g_array_set_clear_func (storyboard->texts, text_clear);
}

void
gst_vldm_storyboard_clear (GstVldmStoryboard * storyboard)
{
  g_array_unref (storyboard->texts);
  gst_vldm_side_pad_clear (&storyboard->side);
}

void
gst_vldm_storyboard_reset (GstVldmStoryboard * storyboard)
{
  gst_vldm_side_pad_reset (&storyboard->side);
  g_array_set_size (storyboard->texts, 0);
  storyboard->bytes = 0;
}

/* The prompt at frame @first, and in *@end the first change before it. TRUE if there is such a change. */
static gboolean
find_texts (GstVldmStoryboard * storyboard, guint64 first, guint64 * end,
    const char **prompt, gint fps_n, gint fps_d)
{
  guint i;

  *prompt = NULL;
  for (i = 0; i < storyboard->texts->len; i++) {
    const Text *text = get_text (storyboard, i);
    guint64 begin = gst_vldm_frame_nearest (text->time, fps_n, fps_d);

    if (begin <= first) {
      *prompt = text->prompt;
    } else if (begin < *end) {
      *end = begin;
      return TRUE;
    } else {
      break;
    }
  }
  return FALSE;
}

GstFlowReturn
gst_vldm_storyboard_look (GstVldmStoryboard * storyboard, guint64 first,
    guint64 * end, char **prompt, gint fps_n, gint fps_d)
{
  GstVldmSidePad *side = &storyboard->side;
  GstFlowReturn flow = GST_FLOW_OK;
  const char *text = NULL;

  *prompt = NULL;
  g_mutex_lock (&side->lock);
  while (side->pad != NULL && flow == GST_FLOW_OK) {
    if (find_texts (storyboard, first, end, &text, fps_n, fps_d) || side->eos
        || gst_vldm_frame_nearest (side->position, fps_n, fps_d) >= *end)
      break;
    if (side->interrupted)
      flow = GST_FLOW_FLUSHING;
    else
      g_cond_wait (&side->changed, &side->lock);
  }
  if (flow == GST_FLOW_OK && side->pad != NULL)
    *prompt = g_strdup (text);
  g_mutex_unlock (&side->lock);
  return flow;
}
