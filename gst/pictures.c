/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Raw pictures as stages take and give them.
 */
#include "gst/pictures.h"

#include "vldm/error.h"

/* sRGB in packed rows, at the rate of @in, which the converter wants to be the same. */
static void
init_srgb (GstVideoInfo * srgb, const GstVideoInfo * in)
{
  const guint width = GST_VIDEO_INFO_WIDTH (in);

  gst_video_info_set_format (srgb, GST_VIDEO_FORMAT_RGB, width,
      GST_VIDEO_INFO_HEIGHT (in));
  GST_VIDEO_INFO_PLANE_STRIDE (srgb, 0) = 3 * width;
  GST_VIDEO_INFO_SIZE (srgb) = 3 * (gsize) width *GST_VIDEO_INFO_HEIGHT (in);
  GST_VIDEO_INFO_FPS_N (srgb) = GST_VIDEO_INFO_FPS_N (in);
  GST_VIDEO_INFO_FPS_D (srgb) = GST_VIDEO_INFO_FPS_D (in);
  gst_video_colorimetry_from_string (&srgb->colorimetry,
      GST_VIDEO_COLORIMETRY_SRGB);
}

/* What is not known of the colours of @info is as in sRGB, which is GStreamer's default for RGB. */
static void
complete (GstVideoInfo * info)
{
  GstVideoColorimetry *colours = &info->colorimetry;

  if (colours->range == GST_VIDEO_COLOR_RANGE_UNKNOWN)
    colours->range = GST_VIDEO_COLOR_RANGE_0_255;
  if (colours->transfer == GST_VIDEO_TRANSFER_UNKNOWN)
    colours->transfer = GST_VIDEO_TRANSFER_SRGB;
  if (colours->primaries == GST_VIDEO_COLOR_PRIMARIES_UNKNOWN)
    colours->primaries = GST_VIDEO_COLOR_PRIMARIES_BT709;
}

gboolean
gst_vldm_pictures_check (const GstVideoInfo * info, GError ** error)
{
  GstVideoInfo in = *info;
  const GstVideoColorimetry *colours = &in.colorimetry;
  g_autofree char *name = gst_video_colorimetry_to_string (colours);

  complete (&in);
  if (GST_VIDEO_INFO_IS_INTERLACED (info)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "video is interlaced (%s), but pictures must be whole: put the element "
        "deinterlace before", gst_video_interlace_mode_to_string
        (GST_VIDEO_INFO_INTERLACE_MODE (info)));
    return FALSE;
  }
  if (colours->range == GST_VIDEO_COLOR_RANGE_16_235) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "colorimetry is %s, RGB of limited range (16 to 235), which "
        "GStreamer does not stretch: put \"videoconvert ! "
        "video/x-raw,format=AYUV64 ! videoconvert ! "
        "video/x-raw,format=RGB,colorimetry=1:1:%d:%d\" before", name,
        colours->transfer, colours->primaries);
    return FALSE;
  }
  if (colours->range != GST_VIDEO_COLOR_RANGE_0_255
      || colours->transfer > GST_VIDEO_TRANSFER_BT601
      || colours->primaries > GST_VIDEO_COLOR_PRIMARIES_EBU3213) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "colorimetry is %s, which GStreamer does not know: what means sRGB is "
        "\"capssetter caps=video/x-raw,colorimetry=sRGB\" before", name);
    return FALSE;
  }
  return TRUE;
}

gboolean
gst_vldm_pictures_prepare (const GstVideoInfo * info,
    GstVideoConverter ** converter, GError ** error)
{
  GstVideoInfo in = *info, srgb;

  *converter = NULL;
  if (!gst_vldm_pictures_check (info, error))
    return FALSE;
  complete (&in);
  init_srgb (&srgb, &in);
  if (in.colorimetry.transfer == srgb.colorimetry.transfer
      && in.colorimetry.primaries == srgb.colorimetry.primaries)
    return TRUE;

  *converter = gst_video_converter_new (&in, &srgb,
      gst_structure_new ("options",
          GST_VIDEO_CONVERTER_OPT_GAMMA_MODE, GST_TYPE_VIDEO_GAMMA_MODE,
          GST_VIDEO_GAMMA_MODE_REMAP,
          GST_VIDEO_CONVERTER_OPT_PRIMARIES_MODE, GST_TYPE_VIDEO_PRIMARIES_MODE,
          GST_VIDEO_PRIMARIES_MODE_FAST,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD,
          GST_VIDEO_DITHER_NONE, NULL));
  if (*converter == NULL) {
    g_autofree char *name = gst_video_colorimetry_to_string (&in.colorimetry);

    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "GStreamer does not convert colorimetry %s to sRGB", name);
  }
  return *converter != NULL;
}

void
gst_vldm_pictures_warn (GstElement * element, const GstVideoInfo * info)
{
  const GstVideoTransferFunction transfer = info->colorimetry.transfer;
  const char *name = transfer == GST_VIDEO_TRANSFER_SMPTE2084 ? "PQ" : "HLG";

  if (transfer == GST_VIDEO_TRANSFER_SMPTE2084
      || transfer == GST_VIDEO_TRANSFER_ARIB_STD_B67)
    GST_ELEMENT_WARNING (element, STREAM, FORMAT,
        ("video is of high dynamic range (%s): it becomes sRGB as by "
            "videoconvert, without tone mapping, and dark", name), (NULL));
}

/* TRUE if memory was there for both. */
static gboolean
convert (const GstVideoFrame * in, GstVideoConverter * converter, guint8 * rgb)
{
  GstVideoInfo srgb;
  GstVideoFrame out;
  g_autoptr (GstBuffer) buffer = NULL;

  init_srgb (&srgb, &in->info);
  buffer = gst_buffer_new_wrapped_full (0, rgb, GST_VIDEO_INFO_SIZE (&srgb), 0,
      GST_VIDEO_INFO_SIZE (&srgb), NULL, NULL);
  if (!gst_video_frame_map (&out, &srgb, buffer, GST_MAP_WRITE))
    return FALSE;
  gst_video_converter_frame (converter, in, &out);
  gst_video_frame_unmap (&out);
  return TRUE;
}

/* Strides are in bytes. */
static void
copy_rows (const GstVideoInfo * info, guint8 * to, gssize to_stride,
    const guint8 * from, gssize from_stride)
{
  const gsize size = 3 * (gsize) GST_VIDEO_INFO_WIDTH (info);
  gint y;

  for (y = 0; y < GST_VIDEO_INFO_HEIGHT (info); y++)
    memcpy (to + y * to_stride, from + y * from_stride, size);
}

gboolean
gst_vldm_pictures_read (const GstVideoInfo * info,
    GstVideoConverter * converter, GstBuffer * buffer, guint8 * rgb,
    GError ** error)
{
  gboolean mapped;
  GstVideoFrame in;

  mapped = gst_video_frame_map (&in, info, buffer, GST_MAP_READ);
  if (mapped) {
    if (converter == NULL)
      copy_rows (info, rgb, 3 * (gssize) GST_VIDEO_INFO_WIDTH (info),
          GST_VIDEO_FRAME_PLANE_DATA (&in, 0),
          GST_VIDEO_FRAME_PLANE_STRIDE (&in, 0));
    else
      mapped = convert (&in, converter, rgb);
    gst_video_frame_unmap (&in);
  }
  if (!mapped)
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_INPUT,
        "a picture cannot be read: its buffer is smaller than its caps say");
  return mapped;
}

GstFlowReturn
gst_vldm_pictures_write (GstElement * element, const GstVideoInfo * info,
    const guint8 * rgb, GstBuffer * buffer)
{
  GstVideoFrame out;

  if (!gst_video_frame_map (&out, info, buffer, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR (element, RESOURCE, WRITE,
        ("downstream's buffer cannot be written"), (NULL));
    return GST_FLOW_ERROR;
  }
  copy_rows (info, GST_VIDEO_FRAME_PLANE_DATA (&out, 0),
      GST_VIDEO_FRAME_PLANE_STRIDE (&out, 0), rgb,
      3 * (gssize) GST_VIDEO_INFO_WIDTH (info));
  gst_video_frame_unmap (&out);
  return GST_FLOW_OK;
}
