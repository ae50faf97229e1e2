/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The properties that say which model an element runs and where: model-path, device and precision.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/model.h"

G_BEGIN_DECLS

/* Fields of an element, written under its OBJECT_LOCK. All zero = the defaults. */
typedef struct
{
  char *path;                   /* NULL = the one that made the video, else the environment's or the default one */
  char *device;                 /* NULL = the best */
  VldmPrecision precision;
} GstVldmModelSettings;

/* A copy of @settings, fields of @element, taken under its lock; for g_auto. @made_by is taken for the path where that
 * is NULL; it may be NULL itself. */
GstVldmModelSettings gst_vldm_model_settings_copy (GstElement * element, const GstVldmModelSettings * settings,
    const char *made_by);

/* Whether the path is set, asked under @element's lock. */
gboolean gst_vldm_model_settings_has_path (GstElement * element, const GstVldmModelSettings * settings);

void gst_vldm_model_settings_clear (GstVldmModelSettings * settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstVldmModelSettings, gst_vldm_model_settings_clear)

G_END_DECLS
