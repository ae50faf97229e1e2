/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Snapshots of the properties that say which model an element runs.
 */
#include "gst/modelsettings.h"

GstVldmModelSettings
gst_vldm_model_settings_copy (GstElement * element,
    const GstVldmModelSettings * settings, const char *made_by)
{
  GstVldmModelSettings copy;

  GST_OBJECT_LOCK (element);
  copy.path = g_strdup (settings->path != NULL ? settings->path : made_by);
  copy.device = g_strdup (settings->device);
  copy.precision = settings->precision;
  GST_OBJECT_UNLOCK (element);
  return copy;
}

gboolean
gst_vldm_model_settings_has_path (GstElement * element,
    const GstVldmModelSettings * settings)
{
  gboolean has;

  GST_OBJECT_LOCK (element);
  has = settings->path != NULL;
  GST_OBJECT_UNLOCK (element);
  return has;
}

void
gst_vldm_model_settings_clear (GstVldmModelSettings * settings)
{
  g_clear_pointer (&settings->path, g_free);
  g_clear_pointer (&settings->device, g_free);
}
