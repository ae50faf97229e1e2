/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldminterp where frames do not lie at n / rate: all late by a part of a frame, stamps in milliseconds, another rate than caps
 * name, frames that are missing. Over stages that compute nothing.
 */
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/stages/windows.h"

#define FACTOR 4
#define NONE GST_CLOCK_TIME_NONE
#define MAX_FRAMES 100

typedef struct
{
  GstHarness *h;
  GstBus *bus;
  gint fps_n, fps_d;
} Stream;

static void
open_stream (Stream * stream, const char *description, gint fps_n, gint fps_d)
{
  char *caps = g_strdup_printf (CHECK_LATENTS_CAPS ("width=64, height=32, "
          "framerate=%d/%d"), fps_n, fps_d);

  stream->h = check_harness (description, NULL);
  stream->bus = gst_bus_new ();
  gst_element_set_bus (stream->h->element, stream->bus);
  gst_harness_set_src_caps_str (stream->h, caps);
  stream->fps_n = fps_n;
  stream->fps_d = fps_d;
  g_free (caps);
}

static void
close_stream (Stream * stream)
{
  gst_element_set_bus (stream->h->element, NULL);
  gst_object_unref (stream->bus);
  gst_harness_teardown (stream->h);
}

static void
push (Stream * stream, guint64 n, GstClockTime pts)
{
  fail_unless_equals_int (gst_harness_push (stream->h, check_latents (n, pts)),
      GST_FLOW_OK);
}

static void
push_all (Stream * stream, const GstClockTime * times, guint count)
{
  guint n;

  for (n = 0; n < count; n++)
    push (stream, n, times[n]);
  fail_unless (gst_harness_push_event (stream->h, gst_event_new_eos ()));
}

static gfloat
value (GstBuffer * buffer, guint i)
{
  gfloat v;

  fail_unless_equals_int (gst_buffer_extract (buffer, 4 * i, &v, 4), 4);
  return v;
}

/* All gaps are filled; each frame begins where the one before it ends, known ones at their own times. */
static void
check_filled (Stream * stream, const GstClockTime * times, guint count)
{
  const guint total = FACTOR * (count - 1) + 1;
  GHashTable *seeds = g_hash_table_new (NULL, NULL);
  GstClockTime expected = times[0];
  guint i;

  fail_unless_equals_int (gst_harness_buffers_in_queue (stream->h), total);
  for (i = 0; i < total; i++) {
    GstBuffer *buffer = gst_harness_pull (stream->h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), expected);
    if (i % FACTOR == 0)
      fail_unless_equals_uint64 (expected, times[i / FACTOR]);
    fail_unless (value (buffer, 0) == (gfloat) i / FACTOR, "frame %u", i);
    if (i % FACTOR == 1)
      fail_unless (g_hash_table_add (seeds,
              GINT_TO_POINTER ((gint) value (buffer, 1))),
          "noise of frame %u was there before", i);
    expected += GST_BUFFER_DURATION (buffer);
    gst_buffer_unref (buffer);
  }
  g_hash_table_unref (seeds);
}

/* One warning that says all of the texts, or none if the first is NULL. */
static void
check_warnings (Stream * stream, const char *const says[2])
{
  GstMessage *message = gst_bus_pop_filtered (stream->bus, GST_MESSAGE_WARNING);
  GError *error;
  guint i;

  if (says[0] == NULL) {
    fail_unless (message == NULL, "%" GST_PTR_FORMAT, message);
    return;
  }
  fail_unless (message != NULL, "no warning that says \"%s\"", says[0]);
  gst_message_parse_warning (message, &error, NULL);
  for (i = 0; i < 2; i++)
    fail_unless (strstr (error->message, says[i]) != NULL,
        "\"%s\" does not say \"%s\"", error->message, says[i]);
  g_error_free (error);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (stream->bus, GST_MESSAGE_WARNING) == NULL);
}

/* ---- beside the grid ---- */

static const gint rates[][2] = {
  {24, 1}, {25, 1}, {30, 1}, {60, 1}, {30000, 1001}, {24000, 1001}, {15, 2},
};

/* Parts of a frame by which all are late, in hundredths. */
static const guint phases[] = { 0, 10, 25, 49, 50, 66, 75, 99 };

typedef enum
{
  EXACT, MS_DOWN, MS_NEAREST,
} Rounding;

static GstClockTime
late_time (const gint * rate, guint phase, Rounding rounding, guint64 n)
{
  GstClockTime time = gst_util_uint64_scale (100 * n + phase,
      rate[1] * GST_SECOND / 100, rate[0]);

  if (rounding == MS_NEAREST)
    time += GST_MSECOND / 2;
  return rounding == EXACT ? time : time - time % GST_MSECOND;
}

static void
check_late (const gint * rate, guint phase, Rounding rounding)
{
  GstClockTime times[40];
  Stream stream;
  guint n;

  for (n = 0; n < G_N_ELEMENTS (times); n++)
    times[n] = late_time (rate, phase, rounding, n);
  open_stream (&stream, "vldminterp", rate[0], rate[1]);
  push_all (&stream, times, G_N_ELEMENTS (times));
  check_filled (&stream, times, G_N_ELEMENTS (times));
  fail_unless (fake_last_gap.fps == (gdouble) FACTOR * rate[0] / rate[1]);
  close_stream (&stream);
}

GST_START_TEST (test_late)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (phases); i++) {
    check_late (rates[__i__], phases[i], EXACT);
    check_late (rates[__i__], phases[i], MS_DOWN);
    check_late (rates[__i__], phases[i], MS_NEAREST);
  }
}

GST_END_TEST;

/* Of every known frame: the seed of the gap that it begins, as far as latents tell. */
static void
read_seeds (Stream * stream, const GstClockTime * times, gint * seeds)
{
  GstBuffer *buffer;
  guint n = 0;

  while ((buffer = gst_harness_try_pull (stream->h)) != NULL) {
    while (n + 1 < MAX_FRAMES && GST_BUFFER_PTS (buffer) >= times[n + 1])
      n++;
    if (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT))
      seeds[n] = value (buffer, 1);
    gst_buffer_unref (buffer);
  }
}

/* Upstream gives what a decoder would: the first frame is cut where the segment begins. */
static void
seek (Stream * stream, const GstClockTime * times, GstClockTime at)
{
  GstEvent *event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET, at,
      GST_SEEK_TYPE_NONE, 0);
  guint32 seqnum = gst_event_get_seqnum (event);
  GstSegment segment;
  gint64 start;
  guint n = 0;

  while (gst_harness_upstream_events_in_queue (stream->h) > 0)
    gst_event_unref (gst_harness_pull_upstream_event (stream->h));
  fail_unless (gst_harness_push_upstream_event (stream->h, event));
  event = gst_harness_pull_upstream_event (stream->h);
  gst_event_parse_seek (event, NULL, NULL, NULL, NULL, &start, NULL, NULL);
  gst_event_unref (event);

  gst_harness_push_event (stream->h, gst_event_new_flush_start ());
  gst_harness_push_event (stream->h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = start;
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, seqnum);
  gst_harness_push_event (stream->h, event);
  while (times[n + 1] <= (GstClockTime) start)
    n++;
  for (; n < MAX_FRAMES; n++)
    push (stream, n, MAX (times[n], (GstClockTime) start));
}

/* New frames after a seek are those of playing through. */
GST_START_TEST (test_seek)
{
  const gint *rate = rates[__i__ % G_N_ELEMENTS (rates)];
  const Rounding rounding = __i__ / G_N_ELEMENTS (rates);
  guint i, n;

  for (i = 0; i < G_N_ELEMENTS (phases); i++) {
    gint played[MAX_FRAMES] = { 0, }, sought[MAX_FRAMES] = { 0, };
    GstClockTime times[MAX_FRAMES], at;
    Stream stream;

    for (n = 0; n < MAX_FRAMES; n++)
      times[n] = late_time (rate, phases[i], rounding, n);
    open_stream (&stream, "vldminterp", rate[0], rate[1]);
    for (n = 0; n < MAX_FRAMES; n++)
      push (&stream, n, times[n]);
    read_seeds (&stream, times, played);
    at = times[37] + (times[38] - times[37]) * (i % 3) / 2;
    seek (&stream, times, at);
    n = gst_harness_buffers_in_queue (stream.h);
    fail_unless (n >= FACTOR * (MAX_FRAMES - 39), "%u frames", n);
    read_seeds (&stream, times, sought);
    for (n = 38; n + 1 < MAX_FRAMES; n++)
      fail_unless (sought[n] == played[n], "phase %u: frame %u", phases[i], n);
    close_stream (&stream);
  }
}

GST_END_TEST;

/* ---- another rate than caps say ---- */

static const struct
{
  gint named[2], real[2];
  gdouble last_id;              /* the network's */
  const char *says[2];
} lies[] = {
  {{30, 1}, {30, 1}, 120, {NULL,}},
  {{30, 1}, {30000, 1001}, 120, {NULL,}},
  {{15, 1}, {15, 2}, 30, {"say 15 frames", "7.5 come"}},
  {{30, 1}, {5, 1}, 20, {"say 30 frames", "5 come"}},
  {{30, 1}, {1, 1}, 4, {"say 30 frames", "1 come"}},
  {{25, 1}, {24, 1}, 96, {"say 25 frames", "24 come"}},
  {{24, 1}, {25, 1}, 100, {"say 24 frames", "25 come"}},
  {{15, 2}, {15, 1}, 60, {"say 7.5 frames", "15 come"}},
  {{15, 1}, {60, 1}, 240, {"say 15 frames", "60 come"}},
};

GST_START_TEST (test_lies)
{
  GstClockTime times[40];
  Stream stream;
  guint n;

  for (n = 0; n < G_N_ELEMENTS (times); n++)
    times[n] = gst_util_uint64_scale (n, lies[__i__].real[1] * GST_SECOND,
        lies[__i__].real[0]);
  open_stream (&stream, "vldminterp", lies[__i__].named[0],
      lies[__i__].named[1]);
  push_all (&stream, times, G_N_ELEMENTS (times));
  check_filled (&stream, times, G_N_ELEMENTS (times));
  fail_unless (ABS (fake_last_gap.fps - lies[__i__].last_id) < 1e-4, "id %g",
      fake_last_gap.fps);
  check_warnings (&stream, lies[__i__].says);
  close_stream (&stream);
}

GST_END_TEST;

/* Frames wait for one another longer than caps say, and so does who asks. */
GST_START_TEST (test_latency)
{
  GstMessage *message;
  Stream stream;
  guint n;

  open_stream (&stream, "vldminterp", 30, 1);
  for (n = 0; n < 8; n++)
    push (&stream, n, n * 100 * GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (stream.h),
      100 * GST_MSECOND);
  message = gst_bus_pop_filtered (stream.bus, GST_MESSAGE_LATENCY);
  fail_unless (message != NULL);
  gst_message_unref (message);
  close_stream (&stream);
}

GST_END_TEST;

/* ---- missing, repeated and odd stamps ---- */

/* In milliseconds, ended by -1; -2 = no stamp. Frames that have no new ones behind them are marked by adding BORDER. */
#define BORDER 1000000

static const struct
{
  gint fps_n;
  gint times[12];
  const char *says[2];
} odd[] = {
  /* One frame is missing: the gap is twice as long, and filled. */
  {25, {0, 40, 80, 160, 200, 240, -1}, {NULL,}},
  {25, {0, 80, 120, 160, -1}, {NULL,}},
  /* Two or more: a hole. */
  {25, {0, 40, BORDER + 80, 200, 240, -1},
      {"frames are missing", "0:00:00.080000000 and 0:00:00.200000000"}},
  {25, {0, 40, BORDER + 80, 7080, 7120, BORDER + 7160, 9000, -1},
      {"frames are missing", "0:00:00.080000000 and 0:00:07.080000000"}},
  /* The same as the first gap of all, which the next one tells. */
  {25, {BORDER + 0, 200, 240, 280, -1}, {"frames are missing", "0.20"}},
  {25, {0, 200, 400, 600, 800, -1}, {"say 25 frames", "5 come"}},
  {25, {BORDER + 0, 200, -1}, {"frames are missing", "0.20"}},
  /* A camera in the dark: the first long gap looks like a hole. */
  {25, {0, 40, BORDER + 80, 200, 320, 440, -1},
      {"frames are missing", "0.08"}},
  /* Light again. */
  {25, {0, 80, 160, 200, 240, 280, -1}, {NULL,}},
  /* Jitter of up to a third of a frame; the same time once more; time that goes back. */
  {25, {3, 50, 81, 119, 155, 210, 243, 279, 330, 355, -1}, {NULL,}},
  {25, {0, BORDER + 40, 40, 80, 120, -1}, {NULL,}},
  {25, {0, 40, BORDER + 80, 60, 100, -1}, {NULL,}},
  /* Some have none. */
  {25, {0, -2, 80, 120, -2, -2, 240, -1}, {NULL,}},
  {25, {-2, -2, -2, -1}, {NULL,}},
  /* It starts late. */
  {25, {3015, 3055, 3095, 3135, -1}, {NULL,}},
  /* At a variable rate a picture may stand as long as it likes. */
  {0, {0, 40, 80, 7080, BORDER + 7120, 7100, -1}, {NULL,}},
};

GST_START_TEST (test_odd)
{
  Stream stream;
  guint n, expected = 0;
  gint time;

  open_stream (&stream, "vldminterp", odd[__i__].fps_n, 1);
  for (n = 0; odd[__i__].times[n] != -1; n++) {
    time = odd[__i__].times[n];
    push (&stream, n, time == -2 ? NONE
        : (GstClockTime) time % BORDER * GST_MSECOND);
    expected += time < BORDER && odd[__i__].times[n + 1] != -1 ? FACTOR : 1;
  }
  fail_unless (gst_harness_push_event (stream.h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (stream.h), expected);
  check_warnings (&stream, odd[__i__].says);
  close_stream (&stream);
}

GST_END_TEST;

/* What is repeated at the end stands as long as frames did. */
GST_START_TEST (test_hold)
{
  Stream stream;
  GstBuffer *buffer = NULL;
  guint n;

  open_stream (&stream, "vldminterp tail=hold", 30, 1);
  for (n = 0; n < 6; n++)
    push (&stream, n, n * 100 * GST_MSECOND);
  fail_unless (gst_harness_push_event (stream.h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (stream.h), 24);
  for (n = 0; n < 24; n++) {
    gst_clear_buffer (&buffer);
    buffer = gst_harness_pull (stream.h);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), n * 25 * GST_MSECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), 25 * GST_MSECOND);
  }
  gst_clear_buffer (&buffer);
  close_stream (&stream);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldminterp_times");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_late, 0, G_N_ELEMENTS (rates));
  tcase_add_loop_test (tc, test_seek, 0, 3 * G_N_ELEMENTS (rates));
  tcase_add_loop_test (tc, test_lies, 0, G_N_ELEMENTS (lies));
  tcase_add_test (tc, test_latency);
  tcase_add_loop_test (tc, test_odd, 0, G_N_ELEMENTS (odd));
  tcase_add_test (tc, test_hold);
  return check_run (argc, argv, suite);
}
