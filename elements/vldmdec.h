/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmdec: latents become pictures.
 */
#pragma once

#include <gst/video/gstvideodecoder.h>

G_BEGIN_DECLS

#define GST_TYPE_VLDM_DEC (gst_vldm_dec_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmDec, gst_vldm_dec, GST, VLDM_DEC, GstVideoDecoder)

GST_ELEMENT_REGISTER_DECLARE (vldmdec);

G_END_DECLS
