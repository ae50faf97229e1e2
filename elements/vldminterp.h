/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldminterp: new frames between those of latent video.
 */
#pragma once

#include "gst/filter.h"

G_BEGIN_DECLS

#define GST_TYPE_VLDM_INTERP (gst_vldm_interp_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmInterp, gst_vldm_interp, GST, VLDM_INTERP, GstVldmFilter)

GST_ELEMENT_REGISTER_DECLARE (vldminterp);

G_END_DECLS
