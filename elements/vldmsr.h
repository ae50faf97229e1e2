/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr: pictures four times as large.
 */
#pragma once

#include "gst/filter.h"

G_BEGIN_DECLS

#define GST_TYPE_VLDM_SR (gst_vldm_sr_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmSr, gst_vldm_sr, GST, VLDM_SR, GstVldmFilter)

GST_ELEMENT_REGISTER_DECLARE (vldmsr);

G_END_DECLS
