/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldminterp makes of frame numbers, durations and latency.
 */
#include "elements/interprate.h"

#include "gst/timing.h"

void
gst_vldm_interp_rate_widen (const GstVldmInterpRate * rate, guint64 * first,
    guint64 * last)
{
  guint64 known;

  const guint reach = rate->reach * rate->factor;

  *first -= *first % rate->factor;
  if (reach > 0)
    *first -= MIN (*first, reach + (3 * rate->factor + 3) / 4);
  if (*last == G_MAXUINT64)
    return;
  known = *last / rate->factor + (*last % rate->factor > 0 ? 1 : 0);
  *last = (known + 1) * rate->factor + reach;
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

/* Nothing follows the last known frame, unless it is held. */
static void
answer_duration (const GstVldmInterpRate * rate, GstQuery * query)
{
  const guint cut = rate->hold ? 0 : rate->factor - 1;
  GstFormat format;
  gint64 duration;
  guint64 frames;

  gst_query_parse_duration (query, &format, &duration);
  if (duration <= 0)
    return;
  if (format == GST_FORMAT_DEFAULT
      && duration <= G_MAXINT64 / (gint64) rate->factor) {
    gst_query_set_duration (query, format, duration * rate->factor - cut);
  } else if (format == GST_FORMAT_TIME && rate->fps_n > 0 && cut > 0) {
    frames = gst_vldm_frame_nearest (duration, rate->fps_n, rate->fps_d);
    if (frames > cut)
      gst_query_set_duration (query, format,
          gst_vldm_frame_time (frames - cut, rate->fps_n, rate->fps_d));
  }
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
}
