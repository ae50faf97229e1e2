/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Colours of raw video that comes in: pictures become sRGB, as videoconvert makes them, or are refused; their bytes never just
 * get another name. Over stages that compute nothing.
 */
#include <math.h>

#include "gst/pictures.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define WIDTH 64
#define HEIGHT 64
#define RAW "video/x-raw, format=RGB, interlace-mode=progressive, multiview-mode=mono, framerate=24/1, "

/* All of full range, as GStreamer's elements leave RGB. */
static const char *const converted[] = {
  "sRGB", "1:1:5:1", "1:1:11:7", "1:1:12:7", "1:1:14:7", "1:1:15:7",
  "1:1:16:4", "1:1:4:2", "1:1:7:7", "1:1:5:7", "1:1:1:1", "1:1:6:5",
};

static GstCaps *
raw_caps (const char *colorimetry, guint width, guint height)
{
  GstCaps *caps = gst_caps_from_string (RAW "width=1, height=1");

  gst_caps_set_simple (caps, "width", G_TYPE_INT, width, "height", G_TYPE_INT,
      height, NULL);
  if (colorimetry != NULL)
    gst_caps_set_simple (caps, "colorimetry", G_TYPE_STRING, colorimetry, NULL);
  return caps;
}

/* Colours from all over, in rows without padding. */
static GstBuffer *
colours (void)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 3 * WIDTH * HEIGHT, NULL);
  guint8 bytes[3 * WIDTH * HEIGHT];
  guint32 state = 1;
  guint i;

  for (i = 0; i < sizeof (bytes); i++) {
    state = state * 1664525 + 1013904223;
    bytes[i] = i < 3 * 256 ? i / 3 : state >> 24;
  }
  gst_buffer_fill (buffer, 0, bytes, sizeof (bytes));
  GST_BUFFER_PTS (buffer) = 0;
  return buffer;
}

/* What gst/pictures makes of them. */
static void
read_colours (const char *colorimetry, guint8 * rgb)
{
  GstCaps *caps = raw_caps (colorimetry, WIDTH, HEIGHT);
  GstBuffer *buffer = colours ();
  GstVideoConverter *converter;
  GError *error = NULL;
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless (gst_vldm_pictures_prepare (&info, &converter, &error), "%s",
      error ? error->message : "");
  fail_unless (gst_vldm_pictures_read (&info, converter, buffer, rgb, &error));
  g_clear_pointer (&converter, gst_video_converter_free);
  gst_buffer_unref (buffer);
  gst_caps_unref (caps);
}

/* To the last digit but one. */
GST_START_TEST (test_as_videoconvert)
{
  GstHarness *h = gst_harness_new_parse ("videoconvert gamma-mode=remap "
      "primaries-mode=fast dither=none ! capsfilter "
      "caps=video/x-raw,format=RGB,colorimetry=sRGB");
  guint8 rgb[3 * WIDTH * HEIGHT];
  GstBuffer *buffer;
  GstMapInfo map;
  guint i;

  read_colours (converted[__i__], rgb);
  gst_harness_set_src_caps (h, raw_caps (converted[__i__], WIDTH, HEIGHT));
  fail_unless_equals_int (gst_harness_push (h, colours ()), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  fail_unless_equals_int (map.size, sizeof (rgb));
  for (i = 0; i < sizeof (rgb); i++)
    fail_unless (ABS (rgb[i] - map.data[i]) <= 1, "byte %u is %u, not %u", i,
        rgb[i], map.data[i]);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

static gdouble
to_srgb (gdouble linear)
{
  return linear <= 0.0031308 ? 12.92 * linear
      : 1.055 * pow (linear, 1 / 2.4) - 0.055;
}

/* By the standards themselves: greys of BT.709, of PQ (10000 cd/m2 = white) and of HLG. */
static gdouble
from_bt709 (gdouble v)
{
  return v < 0.081 ? v / 4.5 : pow ((v + 0.099) / 1.099, 1 / 0.45);
}

static gdouble
from_pq (gdouble v)
{
  const gdouble p = pow (v, 1 / 78.84375);

  return pow (MAX (p - 0.8359375, 0) / (18.8515625 - 18.6875 * p),
      1 / 0.1593017578125);
}

static gdouble
from_hlg (gdouble v)
{
  return v <= 0.5 ? v * v / 3 : (exp ((v - 0.55991073) / 0.17883277) +
      0.28466892) / 12;
}

GST_START_TEST (test_as_standards)
{
  static const struct
  {
    const char *colorimetry;
      gdouble (*to_linear) (gdouble v);
  } curves[] = {
    {"1:1:5:1", from_bt709}, {"1:1:14:1", from_pq}, {"1:1:15:1", from_hlg},
  };
  guint8 rgb[3 * WIDTH * HEIGHT];
  guint i, v;

  for (i = 0; i < G_N_ELEMENTS (curves); i++) {
    read_colours (curves[i].colorimetry, rgb);
    for (v = 0; v < 256; v++) {
      gdouble expected = 255 * to_srgb (curves[i].to_linear (v / 255.0));

      fail_unless (fabs (rgb[3 * v] - expected) <= 1.5, "%s: %u is %u, not %g",
          curves[i].colorimetry, v, rgb[3 * v], expected);
    }
  }
}

GST_END_TEST;

/* Grey 128 as elements read it; what is not known is as in sRGB. */
static const struct
{
  const char *colorimetry;
  guint8 grey;
} greys[] = {
  {NULL, 128}, {"sRGB", 128}, {"1:1:5:1", 140}, {"1:1:14:7", 24},
  {"1:1:15:7", 82}, {"1:1:0:0", 128}, {"0:0:0:0", 128}, {"0:0:5:0", 140},
};

static GstBuffer *
grey_picture (guint n)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 48 * 16, NULL);

  gst_buffer_memset (buffer, 0, 128, -1);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (n, GST_SECOND, 24);
  return buffer;
}

static void
check_output_caps (GstHarness * h, const char *colorimetry)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);

  fail_unless_equals_string (gst_structure_get_string (gst_caps_get_structure
          (caps, 0), "colorimetry"), colorimetry);
  gst_caps_unref (caps);
}

/* One colour after the other, in the middle of a stream. */
GST_START_TEST (test_vldmenc)
{
  GstHarness *h = check_harness ("vldmenc", NULL);
  gfloat value;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (greys); i++) {
    GstBuffer *buffer;

    gst_harness_set_src_caps (h, raw_caps (greys[i].colorimetry, 16, 16));
    fail_unless_equals_int (gst_harness_push (h, grey_picture (i)),
        GST_FLOW_OK);
    buffer = gst_harness_pull (h);
    gst_buffer_extract (buffer, 0, &value, sizeof (value));
    fail_unless (value == greys[i].grey, "%s: %g, not %u",
        greys[i].colorimetry, value, greys[i].grey);
    gst_buffer_unref (buffer);
    check_output_caps (h, "sRGB");
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

GST_START_TEST (test_vldmsr)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  guint8 value;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (greys); i++) {
    GstBuffer *buffer;

    gst_harness_set_src_caps (h, raw_caps (greys[i].colorimetry, 16, 16));
    fail_unless_equals_int (gst_harness_push (h, grey_picture (i)),
        GST_FLOW_OK);
    check_output_caps (h, greys[i].colorimetry ? "sRGB" : NULL);
    gst_harness_push_event (h, gst_event_new_gap (0, GST_SECOND));
    buffer = gst_harness_pull (h);
    gst_buffer_extract (buffer, 0, &value, 1);
    fail_unless (value == greys[i].grey, "%s: %u, not %u",
        greys[i].colorimetry, value, greys[i].grey);
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* PQ and HLG come with one warning. */
GST_START_TEST (test_dark)
{
  static const char *const elements[] = { "vldmenc", "vldmsr" };
  GstHarness *h = check_harness (elements[__i__], NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps (h, raw_caps ("1:1:14:7", 16, 16));
  gst_harness_push (h, grey_picture (0));
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (strstr (error->message, "(PQ)") != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING) == NULL);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("colours");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_as_videoconvert, 0, G_N_ELEMENTS (converted));
  tcase_add_test (tc, test_as_standards);
  tcase_add_test (tc, test_vldmenc);
  tcase_add_test (tc, test_vldmsr);
  tcase_add_loop_test (tc, test_dark, 0, 2);
  return check_run (argc, argv, suite);
}
