/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far apart the known frames of vldminterp lie: what caps say, and what their times say. Plain arithmetic on times.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  gint fps_n, fps_d;            /* as caps say; 0/1 = variable */

  /* The last gaps, each about as long as those before it. */
  guint64 count;                /* 0 = the next gap is the first one */
  GstClockTime total;           /* of them together */
  GstClockTime usual;           /* their running mean, which follows the latest */
} GstVldmSpacing;

typedef enum
{
  GST_VLDM_SPACING_CLOSE,       /* one frame follows the other */
  GST_VLDM_SPACING_OPEN,        /* long for caps, and nothing else to compare with: the next gap tells */
  GST_VLDM_SPACING_FAR,         /* frames are missing in between */
} GstVldmSpacingKind;

void gst_vldm_spacing_init (GstVldmSpacing * spacing, gint fps_n, gint fps_d);

/* Begins anew: the next gap is the first one. */
void gst_vldm_spacing_forget (GstVldmSpacing * spacing);

/* What a gap of @length is. Frames are missing if it is more than 2.5 times as long as caps say and as gaps before it were, so
 * that one frame may be missing unnoticed. At a variable rate all are close. */
GstVldmSpacingKind gst_vldm_spacing_judge (const GstVldmSpacing * spacing, GstClockTime length);

/* Adds a gap that was not far. */
void gst_vldm_spacing_add (GstVldmSpacing * spacing, GstClockTime length);

/* Do the last gaps contradict the rate in caps, by more than a hundredth and more than jitter of a quarter of a frame explains? */
gboolean gst_vldm_spacing_contradicts (const GstVldmSpacing * spacing);

/* The same of three gaps or more: one or two can be frames that are missing. */
gboolean gst_vldm_spacing_surely_contradicts (const GstVldmSpacing * spacing);

/* Frames per second at a constant rate: as caps say, unless gaps contradict. */
gdouble gst_vldm_spacing_rate (const GstVldmSpacing * spacing);

G_END_DECLS
