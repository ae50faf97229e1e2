/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gaps between known frames that vldminterp fills.
 */
#include "elements/gap.h"

#include "gst/timing.h"
#include "vldm/error.h"

#define SURE_GAPS 3

/* ---- spacing ---- */

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

/* ---- gaps ---- */

void
gst_vldm_gap_init (GstVldmGap * gap)
{
  memset (gap, 0, sizeof (*gap));
  gap->fps_d = 1;
  gst_vldm_spacing_init (&gap->spacing, 0, 1);
  gst_segment_init (&gap->upstream, GST_FORMAT_TIME);
  gst_segment_init (&gap->segment, GST_FORMAT_TIME);
  g_queue_init (&gap->ready);
}

void
gst_vldm_gap_set_caps (GstVldmGap * gap, const GstVldmLatents * in,
    const GstVldmLatents * out)
{
  gap->latents = *in;
  gap->fps_n = out->fps_n;
  gap->fps_d = out->fps_d;
  if (in->fps_n == gap->spacing.fps_n && in->fps_d == gap->spacing.fps_d)
    return;
  gap->reach = 0;
  gap->longest = 0;
  gst_vldm_spacing_init (&gap->spacing, in->fps_n, in->fps_d);
}

void
gst_vldm_gap_flush (GstVldmGap * gap)
{
  gst_clear_buffer (&gap->left);
  gst_clear_buffer (&gap->waiting);
  gst_vldm_spacing_forget (&gap->spacing);
  g_queue_clear_full (&gap->ready, (GDestroyNotify) gst_buffer_unref);
}

void
gst_vldm_gap_set_segment (GstVldmGap * gap, const GstSegment * upstream,
    const GstSegment * segment)
{
  gap->upstream = *upstream;
  gap->segment = *segment;
  gap->next = 0;
}

static guint64
number_of (const GstVldmGap * gap, GstBuffer * buffer)
{
  return gst_vldm_frame_number (&gap->upstream, GST_BUFFER_PTS (buffer),
      gap->latents.fps_n, gap->latents.fps_d, gap->next,
      gap->left != NULL ? GST_BUFFER_PTS (gap->left) : GST_CLOCK_TIME_NONE);
}

/* From one frame to the other; GST_CLOCK_TIME_NONE = not known. */
static GstClockTimeDiff
length_of (GstBuffer * left, GstBuffer * right)
{
  if (!GST_BUFFER_PTS_IS_VALID (left) || !GST_BUFFER_PTS_IS_VALID (right))
    return GST_CLOCK_STIME_NONE;
  return GST_CLOCK_DIFF (GST_BUFFER_PTS (left), GST_BUFFER_PTS (right));
}

GstVldmGapKind
gst_vldm_gap_judge (const GstVldmGap * gap, GstBuffer * buffer)
{
  GstClockTimeDiff length;

  if (gap->left == NULL
      || GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
    return GST_VLDM_GAP_BORDER;
  length = length_of (gap->left, buffer);
  /* Only numbers tell then, and one frame may be missing as elsewhere. */
  if (!GST_CLOCK_STIME_IS_VALID (length))
    return number_of (gap, buffer) - gap->next <= 1 ? GST_VLDM_GAP_FILLED
        : GST_VLDM_GAP_HOLE;
  if (length <= 0)
    return GST_VLDM_GAP_BORDER;
  switch (gst_vldm_spacing_judge (&gap->spacing, length)) {
    case GST_VLDM_SPACING_CLOSE:
      return GST_VLDM_GAP_FILLED;
    case GST_VLDM_SPACING_OPEN:
      return GST_VLDM_GAP_UNKNOWN;
    default:
      return GST_VLDM_GAP_HOLE;
  }
}

GstVldmGapKind
gst_vldm_gap_judge_waiting (const GstVldmGap * gap, GstBuffer * buffer)
{
  GstClockTimeDiff length = length_of (gap->left, gap->waiting);
  GstClockTimeDiff later = length_of (gap->waiting, buffer);
  GstVldmSpacing spacing = gap->spacing;

  if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT)
      || !GST_CLOCK_STIME_IS_VALID (later) || later <= 0)
    return GST_VLDM_GAP_HOLE;
  gst_vldm_spacing_add (&spacing, later);
  return gst_vldm_spacing_judge (&spacing, length) == GST_VLDM_SPACING_CLOSE
      ? GST_VLDM_GAP_FILLED : GST_VLDM_GAP_HOLE;
}

/* A seek asks for frames of the grid, and those frames that it needs may lie beside them. */
static guint
reach_of (const GstVldmGap * gap, GstBuffer * frame, guint64 number)
{
  GstClockTime period, expected;
  guint64 time;

  if (gap->latents.fps_n == 0 || !GST_BUFFER_PTS_IS_VALID (frame)
      || gst_segment_to_stream_time_full (&gap->upstream, GST_FORMAT_TIME,
          GST_BUFFER_PTS (frame), &time) != 1)
    return 0;
  period = gst_vldm_frame_time (1, gap->latents.fps_n, gap->latents.fps_d);
  if (gst_vldm_spacing_contradicts (&gap->spacing))
    return gap->spacing.usual / period + 1;
  expected = gst_vldm_frame_time (number, gap->latents.fps_n,
      gap->latents.fps_d);
  return MAX (time, expected) - MIN (time, expected) > GST_USECOND ? 1 : 0;
}

/* Where caps name too low a rate, two frames are nearest to one number of the grid; they must not share their noise. */
void
gst_vldm_gap_close (GstVldmGap * gap, GstBuffer * right)
{
  GstClockTimeDiff length = length_of (gap->left, right);
  guint64 number = number_of (gap, right);
  guint reach;

  /* A first frame may have been cut by the segment, so that its time is not its own. */
  if (number <= gap->number && gap->spacing.count == 0 && number > 0)
    gap->number = number - 1;
  gap->next = MAX (number, gap->number + 1);
  if (GST_CLOCK_STIME_IS_VALID (length))
    gst_vldm_spacing_add (&gap->spacing, length);
  reach = reach_of (gap, right, gap->next);
  gap->reach = MAX (gap->reach, reach);
  if (gst_vldm_spacing_surely_contradicts (&gap->spacing))
    gap->longest = MAX (gap->longest, gap->spacing.usual);
}

gboolean
gst_vldm_gap_is_wanted (const GstVldmGap * gap, GstBuffer * right)
{
  return gap->segment.format != GST_FORMAT_TIME
      || !GST_CLOCK_STIME_IS_VALID (length_of (gap->left, right))
      || gst_segment_clip (&gap->segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (gap->left), GST_BUFFER_PTS (right), NULL, NULL);
}

gboolean
gst_vldm_gap_rate (const GstVldmGap * gap, GstBuffer * right, gdouble * fps,
    GError ** error)
{
  GstClockTimeDiff length = length_of (gap->left, right);

  if (gap->fps_n > 0) {
    *fps = gst_vldm_spacing_contradicts (&gap->spacing)
        ? gap->factor * gst_vldm_spacing_rate (&gap->spacing)
        : (gdouble) gap->fps_n / gap->fps_d;
  } else if (GST_CLOCK_STIME_IS_VALID (length)) {
    *fps = (gdouble) gap->factor * GST_SECOND / length;
  } else {
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "frames have no time stamps and caps no frame rate; interpolation "
        "needs one of them");
    return FALSE;
  }
  return TRUE;
}

void
gst_vldm_gap_begin (GstVldmGap * gap, GstBuffer * buffer)
{
  gap->number = gap->left != NULL ? gap->next : number_of (gap, buffer);
  gap->next = gap->number + 1;
  gst_clear_buffer (&gap->left);
  gap->left = buffer;
}

void
gst_vldm_gap_wait (GstVldmGap * gap, GstBuffer * buffer)
{
  gap->waiting = buffer;
}

/* Makes @buffer (taken) ready as frame @j of the gap that ends at @end, unless nobody asked for it. */
static void
put (GstVldmGap * gap, GstBuffer * buffer, guint j, GstClockTime end)
{
  GstClockTime begin = GST_BUFFER_PTS (gap->left);
  guint64 first = gap->number * gap->factor;
  GstClockTime pts = j == 0 ? begin : GST_CLOCK_TIME_NONE;
  GstClockTime next = GST_CLOCK_TIME_NONE;

  if (GST_CLOCK_TIME_IS_VALID (begin) && GST_CLOCK_TIME_IS_VALID (end)) {
    pts = gst_vldm_time_between (begin, end, j, gap->factor, first, gap->fps_n,
        gap->fps_d);
    next = gst_vldm_time_between (begin, end, j + 1, gap->factor, first,
        gap->fps_n, gap->fps_d);
  }
  if (gap->segment.format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID (pts)
      && !gst_segment_clip (&gap->segment, GST_FORMAT_TIME, pts, next, NULL,
          NULL)) {
    gst_buffer_unref (buffer);
    return;
  }

  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_IS_VALID (next)
      ? next - pts : GST_CLOCK_TIME_NONE;
  GST_BUFFER_OFFSET (buffer) = first + j;
  GST_BUFFER_OFFSET_END (buffer) = first + j + 1;
  if (j > 0) {
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  }
  g_queue_push_tail (&gap->ready, buffer);
}

static gboolean
run (GstVldmGap * gap, GstBuffer * right, VldmInterpolate * stage,
    const VldmInterpolateParams * params, VldmFrames * inner,
    const VldmProgress * progress, GError ** error)
{
  const GstVldmLatents *latents = &gap->latents;
  g_auto (VldmFrames) ends = { 0, };
  gsize size;

  if (!vldm_frames_init (&ends, latents->format, 2, latents->latent_channels,
          latents->latent_height, latents->latent_width, error)
      || !vldm_frames_init (inner, latents->format, gap->factor - 1,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error))
    return FALSE;
  size = vldm_frames_frame_size (&ends);
  gst_buffer_extract (gap->left, 0, vldm_frames_host (&ends, 0), size);
  gst_buffer_extract (right, 0, vldm_frames_host (&ends, 1), size);
  return vldm_interpolate_run (stage, params, &ends, inner, progress, error);
}

void
gst_vldm_gap_pass (GstVldmGap * gap, GstBuffer * right)
{
  put (gap, gst_buffer_copy (gap->left), 0, GST_BUFFER_PTS (right));
}

gboolean
gst_vldm_gap_fill (GstVldmGap * gap, GstBuffer * right, VldmInterpolate * stage,
    const VldmInterpolateParams * params, const VldmProgress * progress,
    GError ** error)
{
  g_auto (VldmFrames) inner = { 0, };
  GstClockTime end = GST_BUFFER_PTS (right);
  guint i;

  if (!run (gap, right, stage, params, &inner, progress, error))
    return FALSE;

  gst_vldm_gap_pass (gap, right);
  for (i = 0; i + 1 < gap->factor; i++)
    put (gap, gst_buffer_new_memdup (vldm_frames_host (&inner, i),
            vldm_frames_frame_size (&inner)), i + 1, end);
  return TRUE;
}

/* When a frame after the left one would begin; GST_CLOCK_TIME_NONE = not known. */
static GstClockTime
expected_end (const GstVldmGap * gap)
{
  GstClockTime begin = GST_BUFFER_PTS (gap->left);
  GstClockTime length = GST_BUFFER_DURATION (gap->left);

  if (gst_vldm_spacing_contradicts (&gap->spacing))
    length = gap->spacing.usual;
  else if (gap->latents.fps_n > 0)
    length = gst_vldm_frame_time (gap->number + 1, gap->latents.fps_n,
        gap->latents.fps_d) - gst_vldm_frame_time (gap->number,
        gap->latents.fps_n, gap->latents.fps_d);
  else if (!GST_CLOCK_TIME_IS_VALID (length) && gap->spacing.count > 0)
    length = gap->spacing.usual;
  return GST_CLOCK_TIME_IS_VALID (begin) && GST_CLOCK_TIME_IS_VALID (length)
      ? begin + length : GST_CLOCK_TIME_NONE;
}

static void
end_left (GstVldmGap * gap, gboolean hold)
{
  GstClockTime end = expected_end (gap);
  guint j;

  /* A first frame with a time, but of unknown length, cannot be divided. */
  if (!GST_CLOCK_TIME_IS_VALID (end) && GST_BUFFER_PTS_IS_VALID (gap->left))
    hold = FALSE;
  for (j = 0; j < (hold ? gap->factor : 1); j++)
    put (gap, gst_buffer_copy (gap->left), j, end);
  gst_clear_buffer (&gap->left);
  gst_vldm_spacing_forget (&gap->spacing);
}

void
gst_vldm_gap_end (GstVldmGap * gap, gboolean hold)
{
  GstBuffer *waiting = g_steal_pointer (&gap->waiting);

  if (gap->left != NULL)
    end_left (gap, hold);
  if (waiting != NULL) {
    gst_vldm_gap_begin (gap, waiting);
    end_left (gap, hold);
  }
}

GstBuffer *
gst_vldm_gap_pop (GstVldmGap * gap)
{
  return g_queue_pop_head (&gap->ready);
}

/* ---- seeks and queries ---- */

void
gst_vldm_gap_widen (const GstVldmGap * gap, guint64 * first, guint64 * end)
{
  const guint factor = gap->factor, reach = factor * gap->reach;
  guint64 last = *end - 1, known;

  *first -= *first % factor;
  if (reach > 0)
    *first -= MIN (*first, reach + (3 * factor + 3) / 4);
  if (*end == G_MAXUINT64)
    return;
  known = last / factor + (last % factor > 0 ? 1 : 0);
  *end = (known + 1) * factor + reach;
}

GstClockTime
gst_vldm_gap_latency (const GstVldmGap * gap)
{
  if (gap->factor == 0 || gap->fps_n == 0)
    return 0;
  return MAX (gap->longest, gst_vldm_frame_time (gap->factor, gap->fps_n,
          gap->fps_d));
}

gint64
gst_vldm_gap_length (const GstVldmGap * gap, GstFormat format, gint64 length,
    gboolean hold)
{
  const guint cut = hold ? 0 : gap->factor - 1;
  guint64 frames;

  if (gap->factor == 0 || length <= 0)
    return length;
  if (format == GST_FORMAT_DEFAULT
      && length <= G_MAXINT64 / (gint64) gap->factor)
    return length * gap->factor - cut;
  if (format != GST_FORMAT_TIME || gap->fps_n == 0 || cut == 0)
    return length;
  frames = gst_vldm_frame_nearest (length, gap->fps_n, gap->fps_d);
  return frames <= cut ? length
      : (gint64) gst_vldm_frame_time (frames - cut, gap->fps_n, gap->fps_d);
}
