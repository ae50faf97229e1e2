/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmdec by itself, over stages that compute nothing.
 */
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"
#include "vldm/stages/decode.h"

#define CAPS(fields) "video/x-vldm-latents, format=F32LE, latent-width=8, " \
    "latent-height=4, latent-channels=4, latent-space=vae, " \
    "pixel-aspect-ratio=1/1, " fields
#define USUAL CAPS ("width=61, height=31, framerate=24000/1001")

/* Chunks of 8 that overlap by 2. */
#define SIZE 8
#define OVERLAP 2

static GstClockTime
frame_time (guint64 n)
{
  return gst_util_uint64_scale (n, 1001 * GST_SECOND, 24000);
}

/* Frame @n of latents, as vldmsrc makes them for seed 0. */
static GstBuffer *
latents (guint64 n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 8 * 4 * 4 * 4, NULL);
  gfloat values[8 * 4 * 4];
  guint i;

  for (i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = n;
  gst_buffer_fill (buffer, 0, values, sizeof (values));
  GST_BUFFER_PTS (buffer) = frame_time (n);
  GST_BUFFER_DURATION (buffer) = frame_time (n + 1) - frame_time (n);
  return buffer;
}

static void
push (GstHarness * h, guint64 from, guint64 to)
{
  guint64 n;

  for (n = from; n < to; n++)
    fail_unless_equals_int (gst_harness_push (h, latents (n)), GST_FLOW_OK);
}

/* Frame @n came, out of the chunk that began at @begin, had @count frames, and was blended as one of @blend. */
static void
check_picture (GstHarness * h, guint64 n, guint begin, guint count, guint blend)
{
  GstBuffer *buffer = gst_harness_try_pull (h);
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoInfo info;
  GstVideoFrame frame;
  gint x, y;

  fail_unless (buffer != NULL, "no picture %d", (int) n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), frame_time (n));
  gst_video_info_from_caps (&info, caps);
  fail_unless (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  for (y = 0; y < GST_VIDEO_FRAME_HEIGHT (&frame); y++) {
    const guint8 *row = GST_VIDEO_FRAME_PLANE_DATA (&frame, 0);

    row += y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, 0);
    for (x = 0; x < GST_VIDEO_FRAME_WIDTH (&frame); x++) {
      if (row[3 * x] != n || row[3 * x + 1] != begin
          || row[3 * x + 2] != 16 * blend + count)
        ck_abort_msg ("picture %d, pixel %d, %d: %d %d %d, not %d %d %d",
            (int) n, x, y, row[3 * x], row[3 * x + 1], row[3 * x + 2],
            (int) n, begin, 16 * blend + count);
    }
  }
  gst_video_frame_unmap (&frame);
  gst_caps_unref (caps);
  gst_buffer_unref (buffer);
}

/* Pictures @from .. @to - 1 of a stretch of frames @begin .. @end - 1 that was decoded without a break. */
static void
check_pictures (GstHarness * h, guint from, guint to, guint begin, guint end)
{
  guint n;

  for (n = from; n < to; n++) {
    guint stride = SIZE - OVERLAP;
    guint j = n / stride;
    guint first;

    /* The last chunk has frames of its own. */
    if (j > begin / stride && end <= j * stride + OVERLAP)
      j--;
    first = MAX (begin, j * stride);
    check_picture (h, n, first, MIN (end, j * stride + SIZE) - first,
        j > begin / stride && n - first < OVERLAP ? OVERLAP : 0);
  }
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static GstHarness *
new_decoder (const char *caps)
{
  GstHarness *h = gst_harness_new ("vldmdec");

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* All frames are half a frame late, in milliseconds, as of a film whose sound begins first: chunks are whole all the same. */
GST_START_TEST (test_half_a_frame_late)
{
  GstHarness *h = new_decoder (CAPS ("width=61, height=31, framerate=30/1"));
  guint n;

  for (n = 0; n < 20; n++) {
    GstBuffer *buffer = latents (n);

    GST_BUFFER_PTS (buffer) = (2 * n + 1) * 1000 / 60 * GST_MSECOND;
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 20);
  fail_unless_equals_int (fake_chunks, 3);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Latents of either autoencoder go to the decoder that made them, in the middle of a stream too. */
GST_START_TEST (test_latent_space)
{
  GstHarness *h = gst_harness_new ("vldmdec");
  const char *caps = CAPS ("width=61, height=31, framerate=24000/1001");
  g_autofree char *upsampled = NULL;
  g_auto (GStrv) parts = g_strsplit (caps, "latent-space=vae", 2);

  upsampled = g_strjoinv ("latent-space=upsampler-vae", parts);
  gst_harness_set_src_caps_str (h, caps);
  push (h, 0, SIZE);
  fail_unless_equals_int (g_atomic_int_get (&fake_decoder_space),
      VLDM_LATENTS_VAE);
  gst_harness_set_src_caps_str (h, upsampled);
  push (h, SIZE, 2 * SIZE);
  fail_unless_equals_int (g_atomic_int_get (&fake_decoder_space),
      VLDM_LATENTS_UPSAMPLER_VAE);
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless_equals_int (gst_harness_buffers_received (h), 2 * SIZE);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A model that is chosen here: nothing is opened before the caps say which of its autoencoders decodes. */
GST_START_TEST (test_latent_space_first)
{
  GstHarness *h = gst_harness_new_parse ("vldmdec model-path=" FAKE_MODEL);
  const char *caps = CAPS ("width=61, height=31, framerate=24000/1001");
  g_autofree char *upsampled = NULL;
  g_auto (GStrv) parts = g_strsplit (caps, "latent-space=vae", 2);

  upsampled = g_strjoinv ("latent-space=upsampler-vae", parts);
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, upsampled);
  push (h, 0, SIZE);
  fail_unless_equals_int (fake_stages_made, 1);
  fail_unless_equals_int (g_atomic_int_get (&fake_decoder_space),
      VLDM_LATENTS_UPSAMPLER_VAE);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* As many pictures as frames, whatever their number; and none waits longer than the reported latency. */
GST_START_TEST (test_chunks)
{
  GstHarness *h = new_decoder (USUAL);
  guint n = __i__;

  push (h, 0, n);
  fail_unless (gst_harness_buffers_in_queue (h) + SIZE - 1 >= n);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_pictures (h, 0, n, 0, n);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-in"), n);
  fail_unless_equals_uint64 (check_stat (h->element, "frames-out"), n);
  fail_unless_equals_uint64 (gst_harness_query_latency (h),
      gst_util_uint64_scale (SIZE - 1, 1001 * GST_SECOND, 24000));
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_output_caps)
{
  GstHarness *h = new_decoder (USUAL);
  GstCaps *caps;
  GstVideoInfo info;

  push (h, 0, 8);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless_equals_int (GST_VIDEO_INFO_FORMAT (&info), GST_VIDEO_FORMAT_RGB);
  fail_unless_equals_int (info.width, 61);
  fail_unless_equals_int (info.height, 31);
  fail_unless_equals_int (info.fps_n, 24000);
  fail_unless_equals_int (info.fps_d, 1001);
  fail_unless (gst_video_colorimetry_matches (&info.colorimetry,
          GST_VIDEO_COLORIMETRY_SRGB), "%" GST_PTR_FORMAT, caps);
  gst_caps_unref (caps);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* What ends a stretch of frames: the first part leaves before it. */
GST_START_TEST (test_drain)
{
  GstHarness *h = new_decoder (USUAL);
  GstSegment segment;
  GstBuffer *buffer;

  push (h, 0, 11);
  switch (__i__) {
    case 0:
      fail_unless (gst_harness_push_event (h,
              gst_event_new_gap (frame_time (11), GST_CLOCK_TIME_NONE)));
      break;
    case 1:
      gst_segment_init (&segment, GST_FORMAT_TIME);
      fail_unless (gst_harness_push_event (h,
              gst_event_new_segment (&segment)));
      break;
    case 2:
      gst_harness_set_src_caps_str (h,
          CAPS ("width=64, height=32, framerate=24000/1001"));
      break;
    default:
      buffer = latents (11);
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
      fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
      break;
  }
  check_pictures (h, 0, 11, 0, 11);

  /* The grid goes on. */
  push (h, __i__ == 3 ? 12 : 11, 16);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_pictures (h, 11, 16, 11, 16);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_missing_frames)
{
  GstHarness *h = new_decoder (USUAL);

  push (h, 0, 3);
  push (h, 5, 7);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 3);
  push (h, 21, 22);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_picture (h, 0, 0, 3, 0);
  check_picture (h, 1, 0, 3, 0);
  check_picture (h, 2, 0, 3, 0);
  check_picture (h, 5, 5, 2, 0);
  check_picture (h, 6, 5, 2, 0);
  check_picture (h, 21, 21, 1, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_flush)
{
  GstHarness *h = new_decoder (USUAL);
  GstSegment segment;

  push (h, 0, 11);
  check_pictures (h, 0, 6, 0, 11);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
  push (h, 12, 20);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_pictures (h, 12, 20, 12, 20);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A seek goes upstream as whole chunks; what comes out is what was asked for, decoded as if it had played through. */
GST_START_TEST (test_seek)
{
  GstHarness *h = new_decoder (USUAL);
  GstEvent *event;
  GstSegment segment;
  GstSeekType start_type, stop_type;
  gint64 start, stop;
  guint32 seqnum;

  push (h, 0, 3);
  event = gst_event_new_seek (1.0, GST_FORMAT_TIME,
      GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE, GST_SEEK_TYPE_SET,
      frame_time (13), GST_SEEK_TYPE_SET, frame_time (17));
  seqnum = gst_event_get_seqnum (event);
  fail_unless (gst_harness_push_upstream_event (h, event));
  while (GST_EVENT_TYPE (event = gst_harness_pull_upstream_event (h)) !=
      GST_EVENT_SEEK)
    gst_event_unref (event);
  fail_unless_equals_int (gst_event_get_seqnum (event), seqnum);
  gst_event_parse_seek (event, NULL, NULL, NULL, &start_type, &start,
      &stop_type, &stop);
  /* Frame 13 is in chunks 1 (6 .. 13) and 2 (12 .. 19), 16 in chunk 2. */
  fail_unless_equals_uint64 (start, frame_time (6));
  fail_unless_equals_uint64 (stop, frame_time (20));
  gst_event_unref (event);

  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = segment.position = start;
  segment.stop = stop;
  event = gst_event_new_segment (&segment);
  gst_event_set_seqnum (event, seqnum);
  gst_harness_push_event (h, event);
  push (h, 6, 19);
  fail_unless_equals_int (gst_harness_push (h, latents (19)), GST_FLOW_EOS);

  /* Chunk 1 has no predecessor here, but its frames 6 and 7 are not shown. */
  check_picture (h, 13, 12, 8, 2);
  check_picture (h, 14, 12, 8, 0);
  check_picture (h, 15, 12, 8, 0);
  check_picture (h, 16, 12, 8, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT
        && gst_event_get_seqnum (event) == seqnum) {
      gst_event_copy_segment (event, &segment);
      fail_unless_equals_uint64 (segment.start, frame_time (13));
      fail_unless_equals_uint64 (segment.time, frame_time (13));
      fail_unless_equals_uint64 (segment.stop, frame_time (17));
    }
    gst_event_unref (event);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Without a constant rate frames are counted. */
GST_START_TEST (test_variable_rate)
{
  GstHarness *h = new_decoder (CAPS ("width=64, height=32, framerate=0/1"));

  push (h, 0, 9);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_pictures (h, 0, 9, 0, 9);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* As filesrc and a capsfilter bring them: without times, in a segment of bytes. */
GST_START_TEST (test_bytes)
{
  GstHarness *h = new_decoder (USUAL);
  GstSegment segment;
  guint n;

  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  for (n = 0; n < SIZE + 1; n++) {
    GstBuffer *buffer = latents (n);

    GST_BUFFER_PTS (buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_DURATION (buffer) = GST_CLOCK_TIME_NONE;
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless_equals_int (gst_harness_buffers_received (h), SIZE + 1);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_chunk_properties)
{
  GstHarness *h = gst_harness_new ("vldmdec");
  guint n;

  g_object_set (h->element, "chunk-frames", 3, "chunk-overlap", 0, NULL);
  gst_harness_set_src_caps_str (h, USUAL);
  push (h, 0, 7);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  for (n = 0; n < 7; n++)
    check_picture (h, n, n / 3 * 3, n < 6 ? 3 : 1, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  const char *caps;
  const char *property;
  gint value;
  CheckDomain domain;
  gint code;
  const char *says[2];
} refusals[] = {
  {"video/x-vldm-latents, format=F32LE, width=64, height=32, framerate=24/1",
        NULL, 0,
        gst_stream_error_quark, GST_STREAM_ERROR_FORMAT,
      {"latent-space", "missing"}},
  {CAPS ("width=64, height=32, framerate=24/1, latent-width=65536"), NULL, 0,
        gst_stream_error_quark, GST_STREAM_ERROR_FORMAT,
      {"latent-width", "32768"}},
  {USUAL, "chunk-frames", 0, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"chunk-frames is 0", "1 to 1024"}},
  {USUAL, "chunk-overlap", 5, gst_resource_error_quark,
      GST_RESOURCE_ERROR_SETTINGS, {"chunk-overlap is 5", "0 to 4"}},
};

GST_START_TEST (test_refusals)
{
  GstHarness *h = gst_harness_new ("vldmdec");
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  if (refusals[__i__].property != NULL)
    g_object_set (h->element, refusals[__i__].property, refusals[__i__].value,
        NULL);
  gst_harness_set_src_caps_str (h, refusals[__i__].caps);
  fail_if (gst_harness_push (h, latents (0)) == GST_FLOW_OK);
  check_error (bus, refusals[__i__].domain (), refusals[__i__].code,
      refusals[__i__].says[0], refusals[__i__].says[1], NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_wrong_size)
{
  GstHarness *h = new_decoder (USUAL);
  GstBus *bus = gst_bus_new ();
  GstBuffer *buffer = latents (0);

  gst_element_set_bus (h->element, bus);
  gst_buffer_resize (buffer, 0, 100);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "100 bytes",
      "512", NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

static const struct
{
  FakeFailure failure;
  CheckDomain domain;
  gint code;
} failures[] = {
  {FAKE_FAIL_DEVICE, gst_library_error_quark, GST_LIBRARY_ERROR_INIT},
  {FAKE_FAIL_MODEL, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {FAKE_FAIL_CHECK, gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
  {FAKE_FAIL_LOAD, gst_resource_error_quark, GST_RESOURCE_ERROR_READ},
  {FAKE_FAIL_DECODE, gst_library_error_quark, GST_LIBRARY_ERROR_FAILED},
};

GST_START_TEST (test_failures)
{
  GstHarness *h = new_decoder (USUAL);
  GstBus *bus = gst_bus_new ();
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  gst_element_set_bus (h->element, bus);
  fake.failure = failures[__i__].failure;
  for (n = 0; n < 8 && flow == GST_FLOW_OK; n++)
    flow = gst_harness_push (h, latents (n));
  fail_unless_equals_int (flow, GST_FLOW_ERROR);
  check_error (bus, failures[__i__].domain (), failures[__i__].code,
      "injected failure", NULL);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
  /* Weights are not loaded for a model that cannot run. */
  if (failures[__i__].failure == FAKE_FAIL_CHECK)
    fail_unless_equals_int (fake_stages_made, 0);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);
  fail_unless_equals_int (fake_live_stages, 0);

  fake.failure = FAKE_FAIL_NOTHING;
  gst_harness_play (h);
  gst_harness_set_src_caps_str (h, USUAL);
  push (h, 0, 8);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_pictures (h, 0, 8, 0, 8);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_missing_model)
{
  GstElement *decoder = gst_element_factory_make ("vldmdec", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (decoder, bus);
  g_object_set (decoder, "model-path", "/no/such/folder", NULL);
  fail_unless (gst_element_set_state (decoder, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/such/folder", "model_index.json", NULL);
  gst_element_set_state (decoder, GST_STATE_NULL);
  g_object_set (decoder, "model-path", NULL, NULL);
  fail_unless (gst_element_set_state (decoder, GST_STATE_PAUSED) ==
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (decoder, GST_STATE_NULL);
  gst_element_set_bus (decoder, NULL);
  gst_object_unref (bus);
  gst_object_unref (decoder);
}

GST_END_TEST;

static gpointer
push_chunk (gpointer data)
{
  GstFlowReturn flow = GST_FLOW_OK;
  guint n;

  for (n = 0; n < 8 && flow == GST_FLOW_OK; n++)
    flow = gst_harness_push (data, latents (n));
  return GINT_TO_POINTER (flow);
}

/* While it loads and while it decodes; by FLUSH_START and by a state change. */
GST_START_TEST (test_cancel)
{
  GstHarness *h = new_decoder (USUAL);
  GThread *thread;

  if (__i__ & 1)
    fake.load_ms = 20000;
  else
    fake.decode_ms = 20000;
  thread = g_thread_new ("push", push_chunk, h);
  g_usleep (100000);

  if (__i__ & 2)
    fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  else
    check_stops (h->element);
  fail_unless_equals_int (GPOINTER_TO_INT (g_thread_join (thread)),
      GST_FLOW_FLUSHING);
  check_stops (h->element);
  fail_unless_equals_int (fake_live_models, 0);
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldmdec");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_chunks, 1, 30);
  tcase_add_test (tc, test_latent_space);
  tcase_add_test (tc, test_half_a_frame_late);
  tcase_add_test (tc, test_latent_space_first);
  tcase_add_test (tc, test_output_caps);
  tcase_add_loop_test (tc, test_drain, 0, 4);
  tcase_add_test (tc, test_missing_frames);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_seek);
  tcase_add_test (tc, test_variable_rate);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_chunk_properties);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tc, test_wrong_size);
  tcase_add_loop_test (tc, test_failures, 0, G_N_ELEMENTS (failures));
  tcase_add_test (tc, test_missing_model);
  tcase_add_loop_test (tc, test_cancel, 0, 4);
  return check_run (argc, argv, suite);
}
