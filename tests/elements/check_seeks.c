/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Seeks of all kinds through chains of elements, over stages that compute nothing. What each of them shows is compared with
 * playing through: a seek chooses among the frames, and never makes another one.
 */
#include "tests/elements/chain.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define SOURCE "vldmsrc frames=20 chunk-frames=8"
#define SINK " ! fakesink name=sink"
#define SLOW_SINK " ! identity sleep-time=1000 ! fakesink name=sink"

static const char *chains[] = {
  SOURCE,
  SOURCE " ! vldminterp",
  SOURCE " ! vldmdec",
  SOURCE " ! vldminterp ! vldmdec",
  SOURCE " ! vldmsr ! video/x-raw",
  SOURCE " ! vldmdec ! vldmsr ! video/x-raw",
  SOURCE " ! vldminterp ! vldmsr ! video/x-vldm-latents ! vldmdec",
  /* Recorded video: an encoder makes segments anew. */
  SOURCE " ! vldmdec ! vldmenc ! vldminterp ! vldmdec",
  "vldmbin uri=vldm://;frames=20;chunk-frames=8;interp=1",
  SOURCE " ! vldminterp tail=hold ! queue ! vldminterp ! vldmdec",
  SOURCE " ! vldmdec ! queue",
};

/* The first ones, without queues: what goes on where a queue ends has passed it long before. */
#define N_DIRECT (G_N_ELEMENTS (chains) - 2)

/* Frames of playing through, and the time that they last. */
typedef struct
{
  GArray *frames;
  GstClockTime duration;
} Whole;

static void
start (Chain * chain, const char *description, const char *sink, Whole * whole)
{
  char *all = g_strconcat (description, sink, NULL);
  gint64 duration;

  chain_init (chain, all);
  g_free (all);
  chain_run (chain);
  whole->frames = chain_copy_frames (chain);
  fail_unless (gst_element_query_duration (chain->pipeline, GST_FORMAT_TIME,
          &duration));
  whole->duration = duration;
  gst_element_set_state (chain->pipeline, GST_STATE_PAUSED);
}

static void
finish (Chain * chain, Whole * whole)
{
  chain_clear (chain);
  g_array_free (whole->frames, TRUE);
}

/* Number of the frame that is shown at @time. */
static guint
frame_at (const Whole * whole, GstClockTime time)
{
  guint i;

  for (i = 0; i < whole->frames->len; i++) {
    const ChainFrame *frame = &g_array_index (whole->frames, ChainFrame, i);

    if (frame->pts <= time && time < frame->pts + frame->duration)
      break;
  }
  return i;
}

/* @frame is frame @n, or what the seek leaves of it. */
static void
check_frame (const Whole * whole, const ChainFrame * frame, guint n,
    const char *what)
{
  const ChainFrame *expected;

  fail_unless (n < whole->frames->len, "%s: a frame at %" GST_TIME_FORMAT
      " after the last one", what, GST_TIME_ARGS (frame->pts));
  expected = &g_array_index (whole->frames, ChainFrame, n);
  fail_unless (frame->pts >= expected->pts && frame->pts + frame->duration
      <= expected->pts + expected->duration, "%s: frame %u is shown at %"
      GST_TIME_FORMAT, what, n, GST_TIME_ARGS (frame->pts));
  fail_unless (memcmp (frame->bytes, expected->bytes,
          sizeof (frame->bytes)) == 0, "%s: frame %u is another one", what, n);
}

/* One frame is shown after the other, without a gap or an overlap. */
static void
check_running (const ChainFrame * frame, const ChainFrame * next, gdouble rate,
    const char *what)
{
  gdouble lasts;

  if (!GST_CLOCK_TIME_IS_VALID (frame->running))
    return;                     /* it begins before the segment */
  lasts = ABS ((gdouble) next->running - frame->running);
  fail_unless (ABS (lasts * rate - frame->duration) <= 4,
      "%s: a frame of %" GST_TIME_FORMAT " lasts %g s at rate %g", what,
      GST_TIME_ARGS (frame->duration), lasts / GST_SECOND, rate);
}

/* ---- the model ---- */

typedef struct
{
  gdouble rate;
  GstFormat format;
  GstSeekFlags flags;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
} Seek;

/* What is to be shown: frames from @first up to @end. */
typedef struct
{
  gint64 start, stop;           /* ns; stop -1 = to the end */
  gboolean refused;
} Range;

static gint64
to_time (const Whole * whole, const Seek * seek, GstSeekType type, gint64 value)
{
  const gint64 frames = whole->frames->len;
  gint64 position = value;

  if (seek->format == GST_FORMAT_TIME)
    return type == GST_SEEK_TYPE_END
        ? CLAMP ((gint64) whole->duration + value, 0,
        (gint64) whole->duration) : value;
  if (type == GST_SEEK_TYPE_END)
    position = CLAMP (frames + value, 0, frames);
  return position >= frames ? (gint64) whole->duration
      : (gint64) g_array_index (whole->frames, ChainFrame, position).pts;
}

/* @now is what counts before the seek, @position where the stream stands. */
static Range
expect (const Whole * whole, const Seek * seek, const Range * now,
    gint64 position)
{
  Range range = { position, now->stop, FALSE };

  if (seek->start_type != GST_SEEK_TYPE_NONE)
    range.start = to_time (whole, seek, seek->start_type, seek->start);
  if (seek->stop_type != GST_SEEK_TYPE_NONE && seek->stop == -1
      && seek->stop_type == GST_SEEK_TYPE_SET)
    range.stop = -1;
  else if (seek->stop_type != GST_SEEK_TYPE_NONE)
    range.stop = to_time (whole, seek, seek->stop_type, seek->stop);
  range.refused = range.stop != -1 && range.start > range.stop;
  return range;
}

/* The first frames may be missing if there are at most @skipped. */
static void
check_range (const Whole * whole, Chain * chain, const Range * range,
    gdouble rate, guint skipped, const char *what)
{
  guint first = frame_at (whole, range->start);
  guint end = whole->frames->len, i, n;

  if (range->stop != -1 && range->stop < (gint64) whole->duration)
    end = range->stop > range->start ? frame_at (whole, range->stop - 1) + 1
        : first;
  n = end > first ? end - first : 0;
  if (chain->frames->len < n && chain->frames->len + skipped >= n) {
    first += n - chain->frames->len;
    n = chain->frames->len;
  }
  fail_unless (chain->frames->len == n, "%s: %u frames instead of %u", what,
      chain->frames->len, n);
  for (i = 0; i < n; i++) {
    check_frame (whole, chain_frame (chain, i), first + i, what);
    if (i > 0)
      check_running (chain_frame (chain, i - 1), chain_frame (chain, i), rate,
          what);
  }
}

/* How many frames the element that does the seek may be ahead of the sink: the source takes the one on its way for shown,
 * and frames in a queue were. */
static guint
get_ahead (const char *chain)
{
  if (g_str_has_suffix (chain, "queue"))
    return G_MAXINT;
  return g_str_equal (chain, SOURCE) ? 1 : 0;
}

/* ---- seeks that flush ---- */

static GstSeekType
choose_type (GRand * rand)
{
  static const GstSeekType types[] = {
    GST_SEEK_TYPE_SET, GST_SEEK_TYPE_SET, GST_SEEK_TYPE_END, GST_SEEK_TYPE_NONE
  };

  return types[g_rand_int_range (rand, 0, G_N_ELEMENTS (types))];
}

/* An odd number of nanoseconds, so that starts and stops differ; or a frame. */
static gint64
choose_value (GRand * rand, const Whole * whole, const Seek * seek,
    GstSeekType type)
{
  gint64 most = seek->format == GST_FORMAT_TIME ? (gint64) whole->duration
      : (gint64) whole->frames->len;
  gint64 value = g_rand_double (rand) * 1.1 * most;

  if (seek->format == GST_FORMAT_TIME)
    value |= 1;
  return type == GST_SEEK_TYPE_END ? -value : value;
}

static void
choose (GRand * rand, const Whole * whole, Seek * seek)
{
  static const gdouble rates[] = { 0.5, 1.0, 1.0, 2.0 };
  static const GstSeekFlags flags[] = {
    0, GST_SEEK_FLAG_ACCURATE, GST_SEEK_FLAG_KEY_UNIT,
    GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_BEFORE,
    GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_AFTER,
    GST_SEEK_FLAG_TRICKMODE | GST_SEEK_FLAG_TRICKMODE_KEY_UNITS,
    GST_SEEK_FLAG_SEGMENT,
  };

  seek->rate = rates[g_rand_int_range (rand, 0, G_N_ELEMENTS (rates))];
  seek->format = g_rand_int_range (rand, 0, 4) == 0 ? GST_FORMAT_DEFAULT
      : GST_FORMAT_TIME;
  seek->flags = GST_SEEK_FLAG_FLUSH
      | flags[g_rand_int_range (rand, 0, G_N_ELEMENTS (flags))];
  seek->start_type = choose_type (rand);
  seek->stop_type = choose_type (rand);
  seek->start = choose_value (rand, whole, seek, seek->start_type);
  seek->stop = choose_value (rand, whole, seek, seek->stop_type);
  if (seek->stop_type == GST_SEEK_TYPE_SET && g_rand_boolean (rand))
    seek->stop = -1;
}

static char *
describe (const char *chain, guint i, const Seek * seek)
{
  static const char *types[] = { "NONE", "SET", "END" };

  return g_strdup_printf ("%s: seek %u (rate %g, %s, flags 0x%x, %s %"
      G_GINT64_FORMAT ", %s %" G_GINT64_FORMAT ")", chain, i, seek->rate,
      gst_format_get_name (seek->format), seek->flags,
      types[seek->start_type], seek->start, types[seek->stop_type], seek->stop);
}

GST_START_TEST (test_flushing)
{
  GRand *rand = g_rand_new_with_seed (20804 + __i__);
  guint ahead = get_ahead (chains[__i__]);
  Range now = { 0, -1, FALSE };
  Chain chain;
  Whole whole;
  guint i;

  start (&chain, chains[__i__], SINK, &whole);
  for (i = 0; i < 60; i++) {
    gint64 position = 0;
    Range range;
    char *what;
    Seek seek;
    gboolean done;

    choose (rand, &whole, &seek);
    if (seek.start_type == GST_SEEK_TYPE_NONE) {
      /* Somewhere in the middle, with a frame on its way or not. */
      position = g_rand_double (rand) * whole.duration;
      /* What was ahead may be past another stop. */
      if (ahead > 0) {
        seek.stop_type = GST_SEEK_TYPE_SET;
        seek.stop = -1;
      }
      chain_seek (&chain, position, now.stop != -1 && position < now.stop
          ? (GstClockTime) now.stop : GST_CLOCK_TIME_NONE);
      chain_wait_paused (&chain);
      if (now.stop == -1 || position >= now.stop)
        now.stop = -1;
    }
    range = expect (&whole, &seek, &now, position);
    if (range.start == range.stop)
      continue;                 /* nothing, or a frame: elements differ */
    what = describe (chains[__i__], i, &seek);
    done = gst_element_seek (chain.pipeline, seek.rate, seek.format, seek.flags,
        seek.start_type, seek.start, seek.stop_type, seek.stop);
    fail_unless (done == !range.refused, "%s: %s", what,
        done ? "it is accepted" : "it is refused");
    if (done) {
      chain_run (&chain);
      check_range (&whole, &chain, &range, seek.rate,
          seek.start_type == GST_SEEK_TYPE_NONE ? ahead : 0, what);
      gst_element_set_state (chain.pipeline, GST_STATE_PAUSED);
      now = range;
    }
    g_free (what);
  }
  finish (&chain, &whole);
  g_rand_free (rand);
}

GST_END_TEST;

/* ---- seeks that do not flush ---- */

static void
wait_frames (Chain * chain, guint n)
{
  g_mutex_lock (&chain->lock);
  while (chain->frames->len < n && !chain->ended)
    g_cond_wait (&chain->changed, &chain->lock);
  g_mutex_unlock (&chain->lock);
}

/* The way players change speed: each frame is shown once, and none is another one. */
GST_START_TEST (test_rate)
{
  Chain chain;
  Whole whole;
  guint i;
  gdouble rate = 1.0;

  start (&chain, chains[__i__], SLOW_SINK, &whole);
  chain_seek (&chain, 0, GST_CLOCK_TIME_NONE);
  gst_element_set_state (chain.pipeline, GST_STATE_PLAYING);
  wait_frames (&chain, 4);
  fail_unless (gst_element_seek (chain.pipeline, 2.0, GST_FORMAT_TIME, 0,
          GST_SEEK_TYPE_NONE, 0, GST_SEEK_TYPE_NONE, 0));
  chain_wait_end (&chain);
  fail_unless (chain.frames->len == whole.frames->len,
      "%s: %u frames instead of %u", chains[__i__], chain.frames->len,
      whole.frames->len);
  for (i = 0; i < chain.frames->len; i++) {
    const ChainFrame *frame = chain_frame (&chain, i);

    check_frame (&whole, frame, i, chains[__i__]);
    if (i == 0)
      continue;
    if (frame->running - chain_frame (&chain, i - 1)->running
        < 3 * frame->duration / 4)
      rate = 2.0;
    check_running (chain_frame (&chain, i - 1), frame, rate, chains[__i__]);
  }
  fail_unless (rate == 2.0, "%s: it never becomes faster", chains[__i__]);
  finish (&chain, &whole);
}

GST_END_TEST;

/* A jump: frames up to somewhere, then those from there, at once. */
GST_START_TEST (test_jump)
{
  Chain chain;
  Whole whole;
  guint i, n, first;

  start (&chain, chains[__i__], SLOW_SINK, &whole);
  first = whole.frames->len - 7;
  chain_seek (&chain, 0, GST_CLOCK_TIME_NONE);
  gst_element_set_state (chain.pipeline, GST_STATE_PLAYING);
  wait_frames (&chain, 3);
  fail_unless (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_DEFAULT, 0,
          GST_SEEK_TYPE_END, -7, GST_SEEK_TYPE_NONE, 0));
  chain_wait_end (&chain);
  n = chain.frames->len;
  fail_unless (n >= 3 + 7, "%s: %u frames", chains[__i__], n);
  for (i = 0; i < n; i++) {
    check_frame (&whole, chain_frame (&chain, i),
        i < n - 7 ? i : first + i - (n - 7), chains[__i__]);
    if (i > 0)
      check_running (chain_frame (&chain, i - 1), chain_frame (&chain, i), 1.0,
          chains[__i__]);
  }
  finish (&chain, &whole);
}

GST_END_TEST;

/* A loop, the way editors and players make one: each round follows the one before at once. */
GST_START_TEST (test_loop)
{
  const GstSeekFlags flags = GST_SEEK_FLAG_SEGMENT;
  GstClockTime from, to;
  guint first, n, i;
  Chain chain;
  Whole whole;

  start (&chain, chains[__i__], SINK, &whole);
  first = whole.frames->len / 3;
  n = whole.frames->len / 3;
  from = g_array_index (whole.frames, ChainFrame, first).pts;
  to = g_array_index (whole.frames, ChainFrame, first + n).pts;
  fail_unless (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_TIME,
          flags | GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, from,
          GST_SEEK_TYPE_SET, to));
  chain_run (&chain);
  for (i = 0; i < 2; i++) {
    g_mutex_lock (&chain.lock);
    chain.ended = FALSE;
    g_mutex_unlock (&chain.lock);
    /* The stop stays. */
    fail_unless (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_TIME, flags,
            GST_SEEK_TYPE_SET, from, GST_SEEK_TYPE_NONE, 0));
    chain_wait_end (&chain);
  }
  fail_unless (chain.frames->len == 3 * n, "%s: %u frames instead of %u",
      chains[__i__], chain.frames->len, 3 * n);
  for (i = 0; i < 3 * n; i++) {
    check_frame (&whole, chain_frame (&chain, i), first + i % n, chains[__i__]);
    if (i > 0)
      check_running (chain_frame (&chain, i - 1), chain_frame (&chain, i), 1.0,
          chains[__i__]);
  }
  finish (&chain, &whole);
}

GST_END_TEST;

/* ---- what cannot be done, and what is said ---- */

/* A rate that changes at once is a matter of the sink's clock, which is set back here while windows are made. */
GST_START_TEST (test_instant_rate)
{
  Chain chain;
  Whole whole;

  start (&chain, chains[__i__], SINK, &whole);
  chain_seek (&chain, whole.duration / 2, GST_CLOCK_TIME_NONE);
  chain_wait_paused (&chain);
  fail_if (gst_element_seek (chain.pipeline, 2.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_INSTANT_RATE_CHANGE, GST_SEEK_TYPE_NONE, 0,
          GST_SEEK_TYPE_NONE, 0));
  chain_run (&chain);
  fail_unless (chain.frames->len > 0
      && chain_frame (&chain, 0)->pts > whole.duration / 4);
  finish (&chain, &whole);
}

GST_END_TEST;

GST_START_TEST (test_query)
{
  GstQuery *query = gst_query_new_seeking (GST_FORMAT_TIME);
  gint64 begin, end;
  gboolean seekable;
  Chain chain;
  Whole whole;

  start (&chain, chains[__i__], SINK, &whole);
  fail_unless (gst_element_query (chain.pipeline, query));
  gst_query_parse_seeking (query, NULL, &seekable, &begin, &end);
  fail_unless (seekable);
  fail_unless_equals_int64 (begin, 0);
  fail_unless_equals_int64 (end, whole.duration);
  gst_query_unref (query);
  finish (&chain, &whole);
}

GST_END_TEST;

/* An endless video has no end to count from. */
GST_START_TEST (test_endless)
{
  Chain chain;

  chain_init (&chain, "vldmsrc frames=0 ! vldminterp ! vldmdec" SINK);
  chain_wait_paused (&chain);
  fail_if (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_END, -GST_SECOND,
          GST_SEEK_TYPE_NONE, 0));
  fail_if (gst_element_seek (chain.pipeline, 1.0, GST_FORMAT_TIME,
          GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_END,
          -GST_SECOND));
  chain_clear (&chain);
}

GST_END_TEST;

/* num-buffers ends the stream, and that is its duration. */
GST_START_TEST (test_num_buffers)
{
  gint64 frames;
  Chain chain;
  Whole whole;

  start (&chain, "vldmsrc num-buffers=3 frames=0 ! vldminterp", SINK, &whole);
  fail_unless_equals_int (whole.frames->len, 9);
  fail_unless (gst_element_query_duration (chain.pipeline, GST_FORMAT_DEFAULT,
          &frames));
  fail_unless_equals_int (frames, 9);
  finish (&chain, &whole);
}

GST_END_TEST;

/* ---- sequence numbers ---- */

static GstPadProbeReturn
collect_seqnum (GstPad * pad, GstPadProbeInfo * info, gpointer seqnums)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
      || GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    g_array_append_vals (seqnums, (guint32[]) {
        gst_event_get_seqnum (event)}
      , 1);
  return GST_PAD_PROBE_OK;
}

/* Segments and EOS of one play belong together. */
GST_START_TEST (test_seqnums)
{
  GArray *seqnums = g_array_new (FALSE, FALSE, sizeof (guint32));
  GstElement *sink;
  Chain chain;
  GstPad *pad;
  guint i;

  chain_init (&chain, SOURCE SINK);
  sink = gst_bin_get_by_name (GST_BIN (chain.pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, collect_seqnum,
      seqnums, NULL);
  chain_run (&chain);
  fail_unless (seqnums->len >= 2);
  for (i = 1; i < seqnums->len; i++)
    fail_unless_equals_int (g_array_index (seqnums, guint32, i),
        g_array_index (seqnums, guint32, 0));
  chain_clear (&chain);
  gst_object_unref (pad);
  gst_object_unref (sink);
  g_array_free (seqnums, TRUE);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("seeks");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_flushing, 0, G_N_ELEMENTS (chains));
  tcase_add_loop_test (tc, test_rate, 0, N_DIRECT);
  tcase_add_loop_test (tc, test_jump, 0, N_DIRECT);
  tcase_add_loop_test (tc, test_loop, 0, N_DIRECT);
  tcase_add_loop_test (tc, test_instant_rate, 0, G_N_ELEMENTS (chains));
  tcase_add_loop_test (tc, test_query, 0, G_N_ELEMENTS (chains));
  tcase_add_test (tc, test_endless);
  tcase_add_test (tc, test_num_buffers);
  tcase_add_test (tc, test_seqnums);
  return check_run (argc, argv, suite);
}
