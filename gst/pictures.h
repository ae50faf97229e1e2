/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw pictures as stages take and give them: whole ones, in packed rows of sRGB. GStreamer's own converter changes pictures of
 * another transfer function or other primaries.
 */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Can RGB pictures of @info be read? Fails with VLDM_ERROR_SETTINGS for interlaced video, and for colours that GStreamer does not
 * convert, and says what does. Parts of the colorimetry that are not known count as sRGB's. */
gboolean gst_vldm_pictures_check (const GstVideoInfo * info, GError ** error);

/* The same, and gives what makes them sRGB in *@converter, NULL where they are. */
gboolean gst_vldm_pictures_prepare (const GstVideoInfo * info, GstVideoConverter ** converter, GError ** error);

/* Posts a warning on @element where pictures of @info come out dark: those of high dynamic range are not tone-mapped. */
void gst_vldm_pictures_warn (GstElement * element, const GstVideoInfo * info);

/* The picture in @buffer as packed RGB, [height, width, 3]. Fails with VLDM_ERROR_INPUT if the buffer is too small. */
gboolean gst_vldm_pictures_read (const GstVideoInfo * info, GstVideoConverter * converter, GstBuffer * buffer,
    guint8 * rgb, GError ** error);

/* Copies @rgb, packed [height, width, 3], to @buffer of @element's output, whose rows lie as @info says. GST_FLOW_ERROR, which
 * has been posted as RESOURCE/WRITE, if the buffer cannot be written. */
GstFlowReturn gst_vldm_pictures_write (GstElement * element, const GstVideoInfo * info, const guint8 * rgb,
    GstBuffer * buffer);

G_END_DECLS
