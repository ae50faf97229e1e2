/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldminterp makes of frame numbers, durations and latency.
 */
#include "elements/interprate.h"

#include "gst/timing.h"

void
gst_vldm_interp_rate_widen (gconstpointer rate, guint64 * first, guint64 * end)
{
  const guint factor = ((const GstVldmInterpRate *) rate)->factor;
  guint64 last = *end - 1, known;

  const guint reach = factor * ((const GstVldmInterpRate *) rate)->reach;

  *first -= *first % factor;
  if (reach > 0)
    *first -= MIN (*first, reach + (3 * factor + 3) / 4);
  if (*end == G_MAXUINT64)
    return;
  known = last / factor + (last % factor > 0 ? 1 : 0);
  *end = (known + 1) * factor + reach;
}

/* One known frame is held until the next has come. */
static void
answer_latency (const GstVldmInterpRate * rate, GstQuery * query)
{
  GstClockTime min, max, held;
  gboolean live;

  if (rate->fps_n == 0)
    return;
  held = MAX (rate->spacing, gst_vldm_frame_time (rate->factor, rate->fps_n,
          rate->fps_d));
  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + held,
      GST_CLOCK_TIME_IS_VALID (max) ? max + held : max);
}

/* The length of the output for upstream's: nothing follows the last known frame, unless it is held. */
static gint64
get_length (const GstVldmInterpRate * rate, GstFormat format, gint64 length)
{
  const guint cut = rate->hold ? 0 : rate->factor - 1;
  guint64 frames;

  if (length <= 0)
    return length;
  if (format == GST_FORMAT_DEFAULT
      && length <= G_MAXINT64 / (gint64) rate->factor)
    return length * rate->factor - cut;
  if (format != GST_FORMAT_TIME || rate->fps_n == 0 || cut == 0)
    return length;
  frames = gst_vldm_frame_nearest (length, rate->fps_n, rate->fps_d);
  return frames <= cut ? length
      : (gint64) gst_vldm_frame_time (frames - cut, rate->fps_n, rate->fps_d);
}

static void
answer_duration (const GstVldmInterpRate * rate, GstQuery * query)
{
  GstFormat format;
  gint64 duration;

  gst_query_parse_duration (query, &format, &duration);
  gst_query_set_duration (query, format, get_length (rate, format, duration));
}

static void
answer_seeking (const GstVldmInterpRate * rate, GstQuery * query)
{
  GstFormat format;
  gboolean seekable;
  gint64 start, end;

  gst_query_parse_seeking (query, &format, &seekable, &start, &end);
  gst_query_set_seeking (query, format, seekable, start,
      get_length (rate, format, end));
}

void
gst_vldm_interp_rate_answer (const GstVldmInterpRate * rate, GstQuery * query)
{
  if (rate->factor == 0)
    return;
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY)
    answer_latency (rate, query);
  else if (GST_QUERY_TYPE (query) == GST_QUERY_DURATION)
    answer_duration (rate, query);
  else if (GST_QUERY_TYPE (query) == GST_QUERY_SEEKING)
    answer_seeking (rate, query);
}
