/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that say how vldmsr upsamples.
 */
#pragma once

#include "gst/sampling.h"
#include "vldm/stages/upsample.h"

G_BEGIN_DECLS

/* Fields behind the properties; the element's OBJECT_LOCK. */
typedef struct
{
  GstVldmSampling sampling;
  gint noise_level;             /* -1 = unset */
  gint tile_size;               /* 0 = automatic */
  gint tile_overlap;            /* -1 = a quarter of a tile */
} GstVldmUpsampleSettings;

/* Installs noise-level, tile-size and tile-overlap under @first_id and the two ids after it. */
void gst_vldm_install_upsample_properties (GObjectClass * klass, guint first_id);

void gst_vldm_upsample_settings_init (GstVldmUpsampleSettings * settings);
void gst_vldm_upsample_settings_clear (GstVldmUpsampleSettings * settings);

/* Puts @settings over @conditioning (zeros where there is none), and both over the values in @params, which are the
 * model's. Its seed is that of the stream, not of a window. @texts takes copies. Under the lock. */
void gst_vldm_upsample_settings_apply (const GstVldmUpsampleSettings * settings,
    const GstVldmConditioning * conditioning, VldmUpsampleParams * params, GstVldmSamplingTexts * texts);

/* VLDM_ERROR_TEXT or VLDM_ERROR_SETTINGS names the property and what is allowed. @model NULL: what no model allows. */
gboolean gst_vldm_upsample_settings_check (VldmModel * model, const VldmUpsampleParams * params, GError ** error);

G_END_DECLS
