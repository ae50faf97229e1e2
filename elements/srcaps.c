/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Caps on both sides of vldmsr.
 */
#include "elements/srcaps.h"

#include <gst/video/video.h>

#include "gst/error.h"
#include "gst/pictures.h"
#include "vldm/error.h"
#include "vldm/stages/upsample.h"

#define SCALE GST_VLDM_SR_SCALE

/* So that pictures that come out are at most 32764 pixels wide. */
#define MAX_SIDE 8191

/* From one side of an int to the other; FALSE if there is no such size. */
typedef gboolean (*ScaleSize) (const GValue * size, GValue * scaled);

/* A range of one value is none in GStreamer. */
static gboolean
take_range (gint min, gint max, gint step, GValue * scaled)
{
  if (min > max)
    return FALSE;
  if (min == max) {
    g_value_init (scaled, G_TYPE_INT);
    g_value_set_int (scaled, min);
  } else {
    g_value_init (scaled, GST_TYPE_INT_RANGE);
    gst_value_set_int_range_step (scaled, min, max, step);
  }
  return TRUE;
}

static gboolean
multiply (const GValue * size, GValue * scaled)
{
  gint min, max, step = 1;

  if (G_VALUE_HOLDS_INT (size)) {
    min = max = g_value_get_int (size);
    if (min < 1 || min > MAX_SIDE)
      return FALSE;
  } else {
    step = gst_value_get_int_range_step (size);
    min = MAX (gst_value_get_int_range_min (size), step);
    max = MIN (gst_value_get_int_range_max (size), MAX_SIDE / step * step);
  }
  return min <= max
      && take_range (SCALE * min, SCALE * max, SCALE * step, scaled);
}

static gboolean
divide (const GValue * size, GValue * scaled)
{
  gint min, max, step = 1;

  if (G_VALUE_HOLDS_INT (size)) {
    min = g_value_get_int (size);
    if (min < SCALE || min % SCALE != 0 || min / SCALE > MAX_SIDE)
      return FALSE;
    return take_range (min / SCALE, min / SCALE, 1, scaled);
  }
  if (gst_value_get_int_range_step (size) % SCALE == 0)
    step = gst_value_get_int_range_step (size) / SCALE;
  min = gst_value_get_int_range_min (size);
  max = gst_value_get_int_range_max (size) / SCALE;
  min = MAX (min / SCALE + (min % SCALE > 0), step);
  return take_range (min, MIN (max, MAX_SIDE / step * step), step, scaled);
}

static gboolean
scale_value (const GValue * size, ScaleSize scale, GValue * scaled)
{
  guint i;

  if (G_VALUE_HOLDS_INT (size) || GST_VALUE_HOLDS_INT_RANGE (size))
    return scale (size, scaled);
  if (!GST_VALUE_HOLDS_LIST (size))
    return FALSE;

  g_value_init (scaled, GST_TYPE_LIST);
  for (i = 0; i < gst_value_list_get_size (size); i++) {
    GValue item = G_VALUE_INIT;

    if (scale_value (gst_value_list_get_value (size, i), scale, &item))
      gst_value_list_append_and_take_value (scaled, &item);
  }
  if (gst_value_list_get_size (scaled) > 0)
    return TRUE;
  g_value_unset (scaled);
  return FALSE;
}

/* A copy of @s with other sizes, or NULL. */
static GstStructure *
scale_structure (const GstStructure * s, ScaleSize scale)
{
  static const char *const sides[] = { "width", "height" };
  g_autoptr (GstStructure) result = gst_structure_copy (s);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (sides); i++) {
    const GValue *size = gst_structure_get_value (s, sides[i]);
    GValue scaled = G_VALUE_INIT;

    if (size == NULL)
      continue;
    if (!scale_value (size, scale, &scaled))
      return NULL;
    gst_structure_take_value (result, sides[i], &scaled);
  }
  return g_steal_pointer (&result);
}

static gboolean
is_latents (const GstStructure * s)
{
  return gst_structure_has_name (s, GST_VLDM_LATENTS_TYPE);
}

/* @s as the kind @name of video: where it is of another, only what both have stays. */
static GstStructure *
convert_structure (const GstStructure * s, const char *name)
{
  static const char *const common[] = {
    "width", "height", "framerate", "pixel-aspect-ratio"
  };
  GstStructure *result = gst_structure_new_empty (name);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (common); i++) {
    const GValue *value = gst_structure_get_value (s, common[i]);

    if (value != NULL)
      gst_structure_set_value (result, common[i], value);
  }
  return result;
}

/* Pictures of one side as those of the other: they come in any colours, and whatever came in goes out whole and in sRGB. */
static GstStructure *
recolour_structure (const GstStructure * s, gboolean is_in)
{
  GstStructure *result = gst_structure_copy (s);

  if (!is_in)
    gst_structure_remove_field (result, "colorimetry");
  else if (gst_structure_has_field (result, "colorimetry"))
    gst_structure_set (result, "colorimetry", G_TYPE_STRING,
        GST_VIDEO_COLORIMETRY_SRGB, NULL);
  if (is_in && gst_structure_has_field (result, "interlace-mode"))
    gst_structure_set (result, "interlace-mode", G_TYPE_STRING, "progressive",
        NULL);
  gst_structure_remove_fields (result, "mastering-display-info",
      "content-light-level", NULL);
  return result;
}

static GstStructure *
pictures_structure (const GstStructure * s, gboolean is_in)
{
  GstStructure *result;

  if (!is_latents (s))
    return recolour_structure (s, is_in);
  result = convert_structure (s, "video/x-raw");
  gst_structure_set (result, "format", G_TYPE_STRING, "RGB", NULL);
  return result;
}

/* Latents of another autoencoder than those of @s may be. */
static GstStructure *
latents_structure (const GstStructure * s, const char *space)
{
  GstStructure *result = convert_structure (s, GST_VLDM_LATENTS_TYPE);

  gst_structure_set (result, "latent-space", G_TYPE_STRING, space, NULL);
  return result;
}

static GstCaps *
apply_filter (GstCaps * caps, GstCaps * filter)
{
  GstCaps *result;

  if (filter == NULL)
    return caps;
  result = gst_caps_intersect_full (filter, caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (caps);
  return result;
}

/* Both kinds of video on the other side of @caps, which are of what comes in or of what goes out. */
static GstCaps *
other_side (GstCaps * caps, gboolean is_in, GstCaps * filter)
{
  const ScaleSize scale = is_in ? multiply : divide;
  const char *space = is_in ? "upsampler-vae" : "vae";
  GstCaps *pictures = gst_caps_new_empty (), *latents = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    g_autoptr (GstStructure) s =
        scale_structure (gst_caps_get_structure (caps, i), scale);

    if (s == NULL)
      continue;
    pictures = gst_caps_merge_structure (pictures, pictures_structure (s,
            is_in));
    latents = gst_caps_merge_structure (latents, latents_structure (s, space));
  }
  return apply_filter (gst_caps_merge (pictures, latents), filter);
}

GstCaps *
gst_vldm_sr_caps_out (GstCaps * caps, GstCaps * filter)
{
  return other_side (caps, TRUE, filter);
}

GstCaps *
gst_vldm_sr_caps_in (GstCaps * caps, GstCaps * filter)
{
  return other_side (caps, FALSE, filter);
}

GstCaps *
gst_vldm_sr_caps_fixate (GstCaps * caps, VldmModel * model, guint width,
    guint height, GError ** error)
{
  guint scale, channels, latent_width, latent_height;
  GstStructure *s;

  if (!vldm_upsample_shape (model, width, height, &scale, &channels,
          &latent_width, &latent_height, error)) {
    gst_caps_unref (caps);
    return NULL;
  }
  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  s = gst_caps_get_structure (caps, 0);
  gst_structure_set (s, "latent-width", G_TYPE_INT, latent_width,
      "latent-height", G_TYPE_INT, latent_height,
      "latent-channels", G_TYPE_INT, channels, NULL);
  gst_structure_fixate_field_string (s, "format", "F32LE");
  return gst_caps_fixate (caps);
}

static gboolean
check_pictures (const GstVideoInfo * info, GError ** error)
{
  const GstVideoMultiviewMode views = GST_VIDEO_INFO_MULTIVIEW_MODE (info);

  if (GST_VIDEO_INFO_FORMAT (info) != GST_VIDEO_FORMAT_RGB)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "pictures are %s, and have to be RGB: put videoconvert before",
        GST_VIDEO_INFO_NAME (info));
  else if (GST_VIDEO_INFO_WIDTH (info) > MAX_SIDE
      || GST_VIDEO_INFO_HEIGHT (info) > MAX_SIDE)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "pictures are %d x %d; allowed are 1 to %d each way",
        GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info), MAX_SIDE);
  else if (views != GST_VIDEO_MULTIVIEW_MODE_NONE
      && views != GST_VIDEO_MULTIVIEW_MODE_MONO)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "video has several views (%s), and a window is of one: upsample them "
        "apart", gst_video_multiview_mode_to_caps_string (views));
  else
    return gst_vldm_pictures_check (info, error);
  return FALSE;
}

gboolean
gst_vldm_sr_caps_check (const GstCaps * caps, GError ** error)
{
  GstVldmLatents latents;
  GstVideoInfo info;

  if (!gst_vldm_sr_caps_are_latents (caps))
    return !gst_video_info_from_caps (&info, caps)
        || check_pictures (&info, error);
  if (!gst_vldm_latents_from_caps (&latents, caps, error))
    return FALSE;
  if (g_str_equal (latents.space, "vae"))
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "latents of %s are upsampled already, and have to be of vae",
      latents.space);
  return FALSE;
}

gboolean
gst_vldm_sr_caps_are_latents (const GstCaps * caps)
{
  return !gst_caps_is_empty (caps) && !gst_caps_is_any (caps)
      && is_latents (gst_caps_get_structure (caps, 0));
}

gsize
gst_vldm_sr_caps_frame_size (const GstCaps * caps)
{
  GstVideoInfo info;
  GstVldmLatents latents;

  if (!gst_vldm_sr_caps_are_latents (caps))
    return gst_video_info_from_caps (&info, caps) ? GST_VIDEO_INFO_SIZE (&info)
        : 0;
  return gst_vldm_latents_from_caps (&latents, caps, NULL)
      ? gst_vldm_latents_frame_size (&latents) : 0;
}

/* ---- functions of the base class ---- */

GstCaps *
gst_vldm_sr_caps_transform (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps, GstCaps * filter)
{
  return direction == GST_PAD_SINK ? gst_vldm_sr_caps_out (caps, filter)
      : gst_vldm_sr_caps_in (caps, filter);
}

gboolean
gst_vldm_sr_caps_transform_size (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, gsize size, GstCaps * othercaps,
    gsize * othersize)
{
  *othersize = gst_vldm_sr_caps_frame_size (othercaps);
  return *othersize > 0;
}

GstPadProbeReturn
gst_vldm_sr_caps_explain (GstPad * pad, GstPadProbeInfo * info,
    gpointer element)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GError) error = NULL;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  if (!gst_vldm_sr_caps_check (caps, &error))
    gst_vldm_refuse_caps (element, caps, error);
  return GST_PAD_PROBE_OK;
}
