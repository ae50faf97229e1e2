/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmbin: the whole cascade behind one element, and behind URIs vldm://PROMPT;KEY=VALUE...
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_VLDM_BIN (gst_vldm_bin_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmBin, gst_vldm_bin, GST, VLDM_BIN, GstBin)

GST_ELEMENT_REGISTER_DECLARE (vldmbin);

G_END_DECLS
