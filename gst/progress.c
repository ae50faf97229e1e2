/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Progress messages from the progress callback of stages. Stages report often; at most about ten messages a second leave
 * here, and an activity that starts again within 100 ms (decoding on a fast device) and soon ends is passed over in silence.
 */
#include "gst/progress.h"

#include "gst/error.h"

#define MIN_INTERVAL (100 * 1000)       /* microseconds */

static const char *const sentences[GST_VLDM_N_ACTIVITIES] = {
  [VLDM_ACTIVITY_LOAD_MODEL] = "Loading model",
  [VLDM_ACTIVITY_BUILD_KERNELS] = "Building kernels",
  [VLDM_ACTIVITY_TUNE_KERNELS] = "Measuring kernels",
  [VLDM_ACTIVITY_ENCODE_TEXT] = "Encoding prompt",
  [VLDM_ACTIVITY_DENOISE] = "Denoising",
  [VLDM_ACTIVITY_DECODE] = "Decoding",
  [VLDM_ACTIVITY_ENCODE] = "Encoding",
};

static void
post (GstVldmProgress * progress, GstProgressType type, VldmActivity activity,
    guint done, guint total)
{
  g_autofree char *text = NULL;
  GstMessage *message;

  if (type == GST_PROGRESS_TYPE_CONTINUE && total > 0)
    text = g_strdup_printf ("%s: %u of %u", sentences[activity], done, total);
  else if (type == GST_PROGRESS_TYPE_CONTINUE && done > 0)
    text = g_strdup_printf ("%s: %u", sentences[activity], done);
  else
    text = g_strdup (sentences[activity]);

  message = gst_message_new_progress (GST_OBJECT (progress->element), type,
      vldm_activity_name (activity), text);
  if (type == GST_PROGRESS_TYPE_CONTINUE && total > 0)
    gst_structure_set (gst_message_writable_structure (message), "percent",
        G_TYPE_INT, (gint) (100.0 * MIN (done, total) / total), NULL);
  progress->last_message = g_get_monotonic_time ();
  gst_element_post_message (progress->element, message);
}

static void
begin (GstVldmProgress * progress, VldmActivity activity, guint done)
{
  gint64 now = g_get_monotonic_time ();
  gint64 previous = progress->activities[activity].started;

  progress->activities[activity].started = now;
  progress->activities[activity].done = done;
  if (previous != 0 && now - previous < MIN_INTERVAL) {
    progress->activities[activity].state = GST_VLDM_QUIET;
    return;
  }
  progress->activities[activity].state = GST_VLDM_RUNNING;
  post (progress, GST_PROGRESS_TYPE_START, activity, 0, 0);
}

static void
finish (GstVldmProgress * progress, VldmActivity activity, GstProgressType type)
{
  if (progress->activities[activity].state == GST_VLDM_RUNNING)
    post (progress, type, activity, 0, 0);
  progress->activities[activity].state = GST_VLDM_DONE;
}

static gboolean
on_progress (VldmActivity activity, guint done, guint total, gpointer user_data)
{
  GstVldmProgress *progress = user_data;
  gboolean complete = total > 0 && done >= total;

  if (g_atomic_int_get (&progress->cancelled))
    return FALSE;

  switch (progress->activities[activity].state) {
    case GST_VLDM_DONE:
      /* Repeated while other work goes on: nothing new. */
      if (complete)
        return TRUE;
      begin (progress, activity, done);
      break;
    case GST_VLDM_IDLE:
      begin (progress, activity, done);
      break;
    case GST_VLDM_RUNNING:
      if (!complete && done != progress->activities[activity].done
          && g_get_monotonic_time () - progress->last_message >= MIN_INTERVAL) {
        progress->activities[activity].done = done;
        post (progress, GST_PROGRESS_TYPE_CONTINUE, activity, done, total);
      }
      break;
    case GST_VLDM_QUIET:
      if (!complete && g_get_monotonic_time ()
          - progress->activities[activity].started >= MIN_INTERVAL) {
        progress->activities[activity].state = GST_VLDM_RUNNING;
        post (progress, GST_PROGRESS_TYPE_START, activity, 0, 0);
      }
      break;
  }
  if (complete)
    finish (progress, activity, GST_PROGRESS_TYPE_COMPLETE);
  return TRUE;
}

static void
on_warning (const char *message, gpointer user_data)
{
  GstVldmProgress *progress = user_data;
  g_autofree char *text = gst_vldm_message_text (message);

  GST_ELEMENT_WARNING (progress->element, RESOURCE, SETTINGS, ("%s", text),
      (NULL));
}

void
gst_vldm_progress_init (GstVldmProgress * progress, GstElement * element)
{
  memset (progress, 0, sizeof (*progress));
  progress->element = element;
  progress->callbacks.progress = on_progress;
  progress->callbacks.warn = on_warning;
  progress->callbacks.user_data = progress;
}

void
gst_vldm_progress_cancel (GstVldmProgress * progress)
{
  g_atomic_int_set (&progress->cancelled, TRUE);
}

void
gst_vldm_progress_resume (GstVldmProgress * progress)
{
  g_atomic_int_set (&progress->cancelled, FALSE);
}

void
gst_vldm_progress_end (GstVldmProgress * progress, const GError * error)
{
  GstProgressType type = GST_PROGRESS_TYPE_COMPLETE;
  guint i;

  if (error != NULL)
    type = gst_vldm_error_is_cancelled (error) ? GST_PROGRESS_TYPE_CANCELED
        : GST_PROGRESS_TYPE_ERROR;

  for (i = 0; i < GST_VLDM_N_ACTIVITIES; i++) {
    if (progress->activities[i].state == GST_VLDM_RUNNING)
      finish (progress, i, type);
    progress->activities[i].state = GST_VLDM_IDLE;
  }
}
