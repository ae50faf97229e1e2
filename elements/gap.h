/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gaps between known frames that vldminterp fills, and when each of their frames is shown.
 *
 *   known   0               1               2
 *   out     0   1   2   3   4   5   6   7   8
 *
 * The left frame of a gap and the new ones after it are ready together, once the right one has come.
 *
 * What belongs together follows from how far frames lie apart, not from where they lie: all of them may be late by a part of a
 * frame, and caps may name a rate that is not theirs.
 */
#pragma once

#include "gst/latents.h"
#include "vldm/stages/interpolate.h"

G_BEGIN_DECLS

/* How far apart known frames lie: what caps say, and what their times say. Plain arithmetic on times. */
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

typedef struct
{
  GstVldmLatents latents;       /* what comes in */
  guint factor;
  gint fps_n, fps_d;            /* of what goes out; 0/1 = variable */
  GstSegment upstream;          /* as it came: says which frame is which */
  GstSegment segment;           /* as it was asked for: what lies outside does not go out */

  GstBuffer *left;              /* the last known frame; NULL = none */
  GstBuffer *waiting;           /* the one after it, until another tells whether frames are missing in between; NULL = none */
  guint64 number;               /* of the left one on the grid that begins at stream time 0; at a variable rate, in the segment */
  guint64 next;                 /* the number that continues */
  GstVldmSpacing spacing;
  guint reach;                  /* known frames that a seek has to ask for beyond those of the grid */
  GstClockTime longest;         /* spacing that contradicted caps; 0 = none did */
  GQueue ready;                 /* of GstBuffer, to go out */
} GstVldmGap;

/* What lies between the left frame and the next. */
typedef enum
{
  GST_VLDM_GAP_FILLED,          /* new frames */
  GST_VLDM_GAP_UNKNOWN,         /* new frames or a hole: the frame after the next tells */
  GST_VLDM_GAP_HOLE,            /* frames that did not come */
  GST_VLDM_GAP_BORDER,          /* nothing: both do not belong together, or there is no left frame */
} GstVldmGapKind;

void gst_vldm_gap_init (GstVldmGap * gap);

/* Changes what comes in and the rate of what goes out. No frames may be left. */
void gst_vldm_gap_set_caps (GstVldmGap * gap, const GstVldmLatents * in, const GstVldmLatents * out);

/* Forgets all frames. */
void gst_vldm_gap_flush (GstVldmGap * gap);

/* Begins with a new segment, given as it came and as it was asked for. */
void gst_vldm_gap_set_segment (GstVldmGap * gap, const GstSegment * upstream, const GstSegment * segment);

/* What @buffer ends. */
GstVldmGapKind gst_vldm_gap_judge (const GstVldmGap * gap, GstBuffer * buffer);

/* What the frame that waits ends, now that @buffer follows it. */
GstVldmGapKind gst_vldm_gap_judge_waiting (const GstVldmGap * gap, GstBuffer * buffer);

/* Takes note of where @right lies, which ends a gap that is filled. Before the functions below. */
void gst_vldm_gap_close (GstVldmGap * gap, GstBuffer * right);

/* Was some of what goes out up to @right asked for? */
gboolean gst_vldm_gap_is_wanted (const GstVldmGap * gap, GstBuffer * right);

/* Frames per second of the gap that @right ends, never rounded: the network's time id. That of caps, unless the times of known
 * frames contradict them or it is variable. */
gboolean gst_vldm_gap_rate (const GstVldmGap * gap, GstBuffer * right, gdouble * fps, GError ** error);

/* Makes @buffer (taken) the left frame of the next gap. */
void gst_vldm_gap_begin (GstVldmGap * gap, GstBuffer * buffer);

/* Makes @buffer (taken) wait for the frame that tells what it ends. */
void gst_vldm_gap_wait (GstVldmGap * gap, GstBuffer * buffer);

/* Makes the left frame ready, where nothing is to be made between it and @right. */
void gst_vldm_gap_pass (GstVldmGap * gap, GstBuffer * right);

/* Makes the left frame ready, and the factor - 1 new ones between it and @right. Known frames keep memory, time and flags;
 * new ones are DELTA_UNITs. On failure nothing is ready. */
gboolean gst_vldm_gap_fill (GstVldmGap * gap, GstBuffer * right, VldmInterpolate * stage,
    const VldmInterpolateParams * params, const VldmProgress * progress, GError ** error);

/* No frame follows: makes the left one ready, with @hold as often as it takes to fill its time, and likewise one that waits. */
void gst_vldm_gap_end (GstVldmGap * gap, gboolean hold);

/* The next frame that is ready, or NULL. */
GstBuffer *gst_vldm_gap_pop (GstVldmGap * gap);

/* Plain arithmetic on what caps said and what was learnt from frames, for seeks and queries. widen: frames @first up to, not with,
 * @end of the output become the range that holds the known frames of all their gaps. Where those do not lie on the grid, it
 * begins in the middle of the frame before them: upstream cuts that one, but not those that are needed. */
void gst_vldm_gap_widen (const GstVldmGap * gap, guint64 * first, guint64 * end);

/* How long a known frame waits for the next; 0 if the rate is variable or there were no caps. */
GstClockTime gst_vldm_gap_latency (const GstVldmGap * gap);

/* The length of the output for upstream's @length in @format: nothing follows the last known frame, unless @hold. */
gint64 gst_vldm_gap_length (const GstVldmGap * gap, GstFormat format, gint64 length, gboolean hold);

G_END_DECLS
