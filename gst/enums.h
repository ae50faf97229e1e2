/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Property types that elements share: enums of the VideoLDM floor with their names for pipelines.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/model/model.h"

G_BEGIN_DECLS

/* VldmSchedulerKind: auto, ddim, euler, dpm++2m. */
#define GST_TYPE_VLDM_SCHEDULER (gst_vldm_scheduler_get_type ())
GType gst_vldm_scheduler_get_type (void);

/* VldmPrecision: auto, f32, f16. */
#define GST_TYPE_VLDM_PRECISION (gst_vldm_precision_get_type ())
GType gst_vldm_precision_get_type (void);

G_END_DECLS
