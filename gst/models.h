/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models in use in this process: elements that name the same folder, device and precision share one set of weights. A
 * model is freed when the last element that uses it lets go.
 */
#pragma once

#include "vldm/model.h"

G_BEGIN_DECLS

/* The model for @folder (real path), the OpenCL device chosen by @device (may be NULL) and @precision. Opens the device
 * and reads configurations, no weights. Any thread. */
VldmModel *gst_vldm_models_acquire (const char *folder, const char *device, VldmPrecision precision, GError ** error);
void gst_vldm_models_release (VldmModel * model);

G_END_DECLS
