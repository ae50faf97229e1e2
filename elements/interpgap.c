/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gaps between known frames that vldminterp fills.
 */
#include "elements/interpgap.h"

#include "gst/timing.h"
#include "vldm/error.h"

void
gst_vldm_gap_init (GstVldmGap * gap)
{
  memset (gap, 0, sizeof (*gap));
  gap->fps_d = 1;
  gap->spacing = GST_CLOCK_TIME_NONE;
  gst_segment_init (&gap->upstream, GST_FORMAT_TIME);
  gst_segment_init (&gap->segment, GST_FORMAT_TIME);
  g_queue_init (&gap->ready);
}

void
gst_vldm_gap_flush (GstVldmGap * gap)
{
  gst_clear_buffer (&gap->left);
  gap->spacing = GST_CLOCK_TIME_NONE;
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

/* TRUE if both have time stamps. */
static gboolean
has_length (const GstVldmGap * gap, GstBuffer * right)
{
  return GST_BUFFER_PTS_IS_VALID (gap->left) && GST_BUFFER_PTS_IS_VALID (right);
}

gboolean
gst_vldm_gap_continues (GstVldmGap * gap, GstBuffer * buffer)
{
  return gap->left != NULL && number_of (gap, buffer) == gap->next
      && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT)
      && !(has_length (gap, buffer)
      && GST_BUFFER_PTS (buffer) <= GST_BUFFER_PTS (gap->left));
}

gboolean
gst_vldm_gap_rate (const GstVldmGap * gap, GstBuffer * right, gdouble * fps,
    GError ** error)
{
  if (gap->fps_n > 0) {
    *fps = (gdouble) gap->fps_n / gap->fps_d;
  } else if (has_length (gap, right)) {
    *fps = (gdouble) gap->factor * GST_SECOND /
        (GST_BUFFER_PTS (right) - GST_BUFFER_PTS (gap->left));
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
  if (gap->left != NULL && has_length (gap, buffer))
    gap->spacing = GST_BUFFER_PTS (buffer) - GST_BUFFER_PTS (gap->left);
  gst_clear_buffer (&gap->left);
  gap->number = number_of (gap, buffer);
  gap->next = gap->number + 1;
  gap->left = buffer;
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

gboolean
gst_vldm_gap_fill (GstVldmGap * gap, GstBuffer * right, VldmInterpolate * stage,
    const VldmInterpolateParams * params, const VldmProgress * progress,
    GError ** error)
{
  g_auto (VldmFrames) inner = { 0, };
  GstClockTime end = GST_BUFFER_PTS (right);
  guint i;

  if (gap->factor > 1 && !run (gap, right, stage, params, &inner, progress,
          error))
    return FALSE;

  put (gap, gst_buffer_copy (gap->left), 0, end);
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

  if (gap->latents.fps_n > 0)
    length = gst_vldm_frame_time (gap->number + 1, gap->latents.fps_n,
        gap->latents.fps_d) - gst_vldm_frame_time (gap->number,
        gap->latents.fps_n, gap->latents.fps_d);
  else if (!GST_CLOCK_TIME_IS_VALID (length))
    length = gap->spacing;
  return GST_CLOCK_TIME_IS_VALID (begin) && GST_CLOCK_TIME_IS_VALID (length)
      ? begin + length : GST_CLOCK_TIME_NONE;
}

void
gst_vldm_gap_end (GstVldmGap * gap, gboolean hold)
{
  GstClockTime end;
  guint j;

  if (gap->left == NULL)
    return;
  end = expected_end (gap);
  /* A first frame with a time, but of unknown length, cannot be divided. */
  if (!GST_CLOCK_TIME_IS_VALID (end) && GST_BUFFER_PTS_IS_VALID (gap->left))
    hold = FALSE;
  for (j = 0; j < (hold ? gap->factor : 1); j++)
    put (gap, gst_buffer_copy (gap->left), j, end);
  gst_clear_buffer (&gap->left);
  gap->spacing = GST_CLOCK_TIME_NONE;
}

GstBuffer *
gst_vldm_gap_pop (GstVldmGap * gap)
{
  return g_queue_pop_head (&gap->ready);
}
