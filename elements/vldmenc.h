/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmenc: pictures become latents.
 */
#pragma once

#include <gst/video/gstvideoencoder.h>

G_BEGIN_DECLS

#define GST_TYPE_VLDM_ENC (gst_vldm_enc_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmEnc, gst_vldm_enc, GST, VLDM_ENC, GstVideoEncoder)

GST_ELEMENT_REGISTER_DECLARE (vldmenc);

G_END_DECLS
