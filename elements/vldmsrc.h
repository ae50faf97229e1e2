/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsrc: a prompt becomes the latents of a video.
 */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_VLDM_SRC (gst_vldm_src_get_type ())
G_DECLARE_FINAL_TYPE (GstVldmSrc, gst_vldm_src, GST, VLDM_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (vldmsrc);

G_END_DECLS
