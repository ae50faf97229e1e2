/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far apart the known frames of vldminterp lie.
 */
#include "elements/spacing.h"

#include "gst/timing.h"

#define SURE_GAPS 3

void
gst_vldm_spacing_init (GstVldmSpacing * spacing, gint fps_n, gint fps_d)
{
  memset (spacing, 0, sizeof (*spacing));
  spacing->fps_n = fps_n;
  spacing->fps_d = fps_d;
}

void
gst_vldm_spacing_forget (GstVldmSpacing * spacing)
{
  gst_vldm_spacing_init (spacing, spacing->fps_n, spacing->fps_d);
}

/* How long @count gaps are if caps are right. */
static GstClockTime
as_caps_say (const GstVldmSpacing * spacing, guint64 count)
{
  return gst_vldm_frame_time (count, spacing->fps_n, spacing->fps_d);
}

GstVldmSpacingKind
gst_vldm_spacing_judge (const GstVldmSpacing * spacing, GstClockTime length)
{
  if (spacing->fps_n == 0
      || length / 5 <= MAX (as_caps_say (spacing, 1), spacing->usual) / 2)
    return GST_VLDM_SPACING_CLOSE;
  return spacing->count == 0 ? GST_VLDM_SPACING_OPEN : GST_VLDM_SPACING_FAR;
}

void
gst_vldm_spacing_add (GstVldmSpacing * spacing, GstClockTime length)
{
  /* Another rate, or a frame is missing: what was before would spoil the mean. */
  if (length <= spacing->usual / 2 || length / 3 >= spacing->usual / 2) {
    gst_vldm_spacing_forget (spacing);
    spacing->usual = length;
  }
  spacing->count++;
  spacing->total += length;
  spacing->usual = (3 * spacing->usual + length) / 4;
}

gboolean
gst_vldm_spacing_contradicts (const GstVldmSpacing * spacing)
{
  GstClockTime expected;

  if (spacing->fps_n == 0 || spacing->count == 0)
    return FALSE;
  expected = as_caps_say (spacing, spacing->count);
  return MAX (spacing->total, expected) - MIN (spacing->total, expected) >
      expected / 100 + as_caps_say (spacing, 1) / 4;
}

gboolean
gst_vldm_spacing_surely_contradicts (const GstVldmSpacing * spacing)
{
  return spacing->count >= SURE_GAPS && gst_vldm_spacing_contradicts (spacing);
}

gdouble
gst_vldm_spacing_rate (const GstVldmSpacing * spacing)
{
  if (gst_vldm_spacing_contradicts (spacing))
    return (gdouble) spacing->count * GST_SECOND / spacing->total;
  return (gdouble) spacing->fps_n / spacing->fps_d;
}
