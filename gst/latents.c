/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents on the wire: builds, reads and checks their caps.
 */
#include "gst/latents.h"

#include "vldm/error.h"

/* Bounds that keep sizes from overflowing 32 bits: 32768^2 pixels at factor 1 with 16 bytes each would, so the product
 * is checked besides. */
#define MAX_SIDE 32768
#define MAX_CHANNELS 1024
#define MAX_FRAME_SIZE (G_GUINT64_CONSTANT (1) << 31)

static const char *
format_name (VldmFormat format)
{
  return format == VLDM_FORMAT_F16LE ? "F16LE" : "F32LE";
}

GstCaps *
gst_vldm_latents_to_caps (const GstVldmLatents * latents)
{
  return gst_caps_new_simple (GST_VLDM_LATENTS_TYPE,
      "format", G_TYPE_STRING, format_name (latents->format),
      "width", G_TYPE_INT, latents->width,
      "height", G_TYPE_INT, latents->height,
      "latent-width", G_TYPE_INT, latents->latent_width,
      "latent-height", G_TYPE_INT, latents->latent_height,
      "latent-channels", G_TYPE_INT, latents->latent_channels,
      "latent-space", G_TYPE_STRING, latents->space,
      "framerate", GST_TYPE_FRACTION, latents->fps_n, latents->fps_d,
      "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, NULL);
}

static gboolean
read_int (const GstStructure * s, const char *field, guint max, guint * value,
    GError ** error)
{
  gint v;

  if (!gst_structure_get_int (s, field, &v)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "latents caps have no integer field %s", field);
    return FALSE;
  }
  if (v < 1 || (guint) v > max) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%s of latents caps is %d; allowed are 1 to %u", field, v, max);
    return FALSE;
  }
  *value = v;
  return TRUE;
}

static gboolean
read_strings (GstVldmLatents * latents, const GstStructure * s, GError ** error)
{
  const char *format = gst_structure_get_string (s, "format");
  const char *space = gst_structure_get_string (s, "latent-space");

  if (g_strcmp0 (format, "F32LE") == 0) {
    latents->format = VLDM_FORMAT_F32LE;
  } else if (g_strcmp0 (format, "F16LE") == 0) {
    latents->format = VLDM_FORMAT_F16LE;
  } else {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "format of latents caps is %s; known are F32LE and F16LE",
        format ? format : "missing");
    return FALSE;
  }

  if (g_strcmp0 (space, "vae") != 0 && g_strcmp0 (space, "upsampler-vae") != 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "latent-space of latents caps is %s; known are vae and upsampler-vae",
        space ? space : "missing");
    return FALSE;
  }
  g_strlcpy (latents->space, space, sizeof (latents->space));
  return TRUE;
}

gboolean
gst_vldm_latents_from_caps (GstVldmLatents * latents, const GstCaps * caps,
    GError ** error)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);

  memset (latents, 0, sizeof (*latents));
  if (!read_strings (latents, s, error)
      || !read_int (s, "width", MAX_SIDE, &latents->width, error)
      || !read_int (s, "height", MAX_SIDE, &latents->height, error)
      || !read_int (s, "latent-width", MAX_SIDE, &latents->latent_width, error)
      || !read_int (s, "latent-height", MAX_SIDE, &latents->latent_height,
          error)
      || !read_int (s, "latent-channels", MAX_CHANNELS,
          &latents->latent_channels, error))
    return FALSE;

  if (gst_vldm_latents_frame_size (latents) > MAX_FRAME_SIZE) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "latents caps describe frames of %u x %u x %u; a frame must have at most 2 GiB",
        latents->latent_channels, latents->latent_height,
        latents->latent_width);
    return FALSE;
  }
  if (!gst_structure_get_fraction (s, "framerate", &latents->fps_n,
          &latents->fps_d)) {
    latents->fps_n = 0;
    latents->fps_d = 1;
  }
  return TRUE;
}

gsize
gst_vldm_latents_frame_size (const GstVldmLatents * latents)
{
  gsize element = latents->format == VLDM_FORMAT_F16LE ? 2 : 4;

  /* At most 2^15 * 2^15 * 2^10 * 4 = 2^42. */
  return element * latents->latent_channels * latents->latent_height *
      latents->latent_width;
}

gboolean
gst_vldm_latents_check_size (const GstVldmLatents * latents, GstBuffer * buffer,
    GError ** error)
{
  gsize size = gst_buffer_get_size (buffer);
  gsize expected = gst_vldm_latents_frame_size (latents);

  if (size == expected)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_INPUT,
      "a frame has %" G_GSIZE_FORMAT " bytes; its caps mean %" G_GSIZE_FORMAT,
      size, expected);
  return FALSE;
}

/* Keeps the sizes that the autoencoder's factor divides, if there are any. Else one that does not divide stays, to be
 * refused by the stage, which can say why. */
static GstCaps *
keep_multiples (GstCaps * caps, gint factor)
{
  GValue range = G_VALUE_INIT;
  GstCaps *multiples, *kept;

  g_value_init (&range, GST_TYPE_INT_RANGE);
  gst_value_set_int_range_step (&range, factor, 32768 / factor * factor,
      factor);
  multiples = gst_caps_new_empty_simple (GST_VLDM_LATENTS_TYPE);
  gst_caps_set_value (multiples, "width", &range);
  gst_caps_set_value (multiples, "height", &range);
  g_value_unset (&range);

  kept = gst_caps_intersect_full (caps, multiples, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (multiples);
  if (gst_caps_is_empty (kept)) {
    gst_caps_unref (kept);
    return caps;
  }
  gst_caps_unref (caps);
  return kept;
}

/* Which of the structures of @caps takes most of the model's own size and rate, the first of equals. videorate and videoscale
 * offer what they need not convert first, and after that anything; a caps filter offers no more than what it asks for. */
static guint
find_own (const GstCaps * caps, gint width, gint height, gint fps_n, gint fps_d)
{
  g_autoptr (GstStructure) size =
      gst_structure_new (GST_VLDM_LATENTS_TYPE, "width", G_TYPE_INT, width,
      "height", G_TYPE_INT, height, NULL);
  g_autoptr (GstStructure) rate =
      gst_structure_new (GST_VLDM_LATENTS_TYPE, "framerate",
      GST_TYPE_FRACTION, fps_n, fps_d, NULL);
  guint i, n, most = 0, found = 0;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    const GstStructure *s = gst_caps_get_structure (caps, i);

    n = (gst_structure_can_intersect (s, size) ? 1 : 0)
        + (gst_structure_can_intersect (s, rate) ? 1 : 0);
    if (n > most) {
      most = n;
      found = i;
    }
  }
  return found;
}

GstCaps *
gst_vldm_latents_fixate (GstCaps * caps, VldmModel * model, guint width,
    guint height, gint fps_n, gint fps_d)
{
  const VldmAutoencoderConfig *vae =
      vldm_model_autoencoder_config (model, NULL);
  g_autoptr (GstCaps) offered = keep_multiples (caps, vae->factor);
  GstStructure *s;
  gint w, h;

  caps = gst_caps_copy_nth (offered, find_own (offered, width, height, fps_n,
          fps_d));
  s = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (s, "width", width);
  gst_structure_fixate_field_nearest_int (s, "height", height);
  gst_structure_fixate_field_nearest_fraction (s, "framerate", fps_n, fps_d);
  if (gst_structure_get_int (s, "width", &w)
      && gst_structure_get_int (s, "height", &h))
    gst_structure_set (s,
        "latent-width", G_TYPE_INT, (w - 1) / (gint) vae->factor + 1,
        "latent-height", G_TYPE_INT, (h - 1) / (gint) vae->factor + 1,
        "latent-channels", G_TYPE_INT, vae->latent_channels,
        "latent-space", G_TYPE_STRING, "vae", NULL);
  return caps;
}

static gboolean
scale_fraction (const GValue * rate, gint num, gint den, GValue * scaled)
{
  gint n, d;

  if (!gst_util_fraction_multiply (gst_value_get_fraction_numerator (rate),
          gst_value_get_fraction_denominator (rate), num, den, &n, &d))
    return FALSE;
  g_value_init (scaled, GST_TYPE_FRACTION);
  gst_value_set_fraction (scaled, n, d);
  return TRUE;
}

/* Ends that are no fractions any more become the nearest that are. */
static gboolean
scale_range (const GValue * range, gint num, gint den, GValue * scaled)
{
  GValue min = G_VALUE_INIT, max = G_VALUE_INIT;
  gboolean proper;

  if (!scale_fraction (gst_value_get_fraction_range_min (range), num, den,
          &min)) {
    g_value_init (&min, GST_TYPE_FRACTION);
    gst_value_set_fraction (&min, 1, G_MAXINT);
  }
  if (!scale_fraction (gst_value_get_fraction_range_max (range), num, den,
          &max)) {
    g_value_init (&max, GST_TYPE_FRACTION);
    gst_value_set_fraction (&max, G_MAXINT, 1);
  }
  proper = gst_value_compare (&min, &max) == GST_VALUE_LESS_THAN;
  if (proper) {
    g_value_init (scaled, GST_TYPE_FRACTION_RANGE);
    gst_value_set_fraction_range (scaled, &min, &max);
  }
  g_value_unset (&min);
  g_value_unset (&max);
  return proper;
}

static gboolean
scale_rate (const GValue * rate, gint num, gint den, GValue * scaled)
{
  guint i;

  if (GST_VALUE_HOLDS_FRACTION (rate))
    return scale_fraction (rate, num, den, scaled);
  if (GST_VALUE_HOLDS_FRACTION_RANGE (rate))
    return scale_range (rate, num, den, scaled);
  if (!GST_VALUE_HOLDS_LIST (rate))
    return FALSE;

  g_value_init (scaled, GST_TYPE_LIST);
  for (i = 0; i < gst_value_list_get_size (rate); i++) {
    GValue item = G_VALUE_INIT;

    if (scale_rate (gst_value_list_get_value (rate, i), num, den, &item))
      gst_value_list_append_and_take_value (scaled, &item);
  }
  if (gst_value_list_get_size (scaled) > 0)
    return TRUE;
  g_value_unset (scaled);
  return FALSE;
}

GstCaps *
gst_vldm_latents_scale_rate (GstCaps * caps, gint num, gint den)
{
  GstCaps *result = gst_caps_new_empty ();
  guint i;

  for (i = 0; i < gst_caps_get_size (caps); i++) {
    GstStructure *s = gst_structure_copy (gst_caps_get_structure (caps, i));
    const GValue *rate = gst_structure_get_value (s, "framerate");
    GValue scaled = G_VALUE_INIT;

    if (rate == NULL) {
      gst_caps_append_structure (result, s);
    } else if (scale_rate (rate, num, den, &scaled)) {
      gst_structure_take_value (s, "framerate", &scaled);
      gst_caps_append_structure (result, s);
    } else {
      gst_structure_free (s);
    }
  }
  return result;
}
