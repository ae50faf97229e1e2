/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Caps that an element refuses come again with every event and buffer, since they are sticky: it says why once, and again after a
 * new start or a flush. Over stages that compute nothing.
 */
#include "gst/conditioning.h"
#include "tests/elements/fake_stages.h"
#include "tests/elements/harness.h"

#define RAW(fields) "video/x-raw, format=RGB, width=16, height=16, framerate=25/1, " fields
#define LATENTS(fields) "video/x-vldm-latents, format=F32LE, width=64, height=32, latent-space=vae, " \
    "framerate=24/1, latent-width=8, latent-channels=4, " fields
#define INTERLACED {"interlaced", "element deinterlace"}
#define LIMITED {"limited range", "format=AYUV64"}

static const struct
{
  const char *element, *caps, *says[2];
} refused[] = {
  {"vldmenc", RAW ("interlace-mode=interleaved"), INTERLACED},
  {"vldmenc", RAW ("interlace-mode=mixed"), INTERLACED},
  {"vldmenc", RAW ("interlace-mode=fields"), INTERLACED},
  {"vldmenc", RAW ("colorimetry=2:1:7:1"), LIMITED},
  {"vldmenc", RAW ("colorimetry=bt2020"), LIMITED},
  {"vldmenc", RAW ("colorimetry=bt2100-pq"), LIMITED},
  {"vldmenc", RAW ("colorimetry=1:1:99:1"), {"1:1:99:1", "capssetter"}},
  {"vldmenc", RAW ("colorimetry=1:1:7:99"), {"1:1:7:99", "capssetter"}},
  {"vldmsr", RAW ("interlace-mode=interleaved"), INTERLACED},
  {"vldmsr", RAW ("interlace-mode=mixed"), INTERLACED},
  {"vldmsr", RAW ("colorimetry=2:1:7:1"), LIMITED},
  {"vldmsr", RAW ("colorimetry=bt709"), LIMITED},
  {"vldmsr", "video/x-raw, format=RGBA, width=8, height=8, framerate=1/1",
      {"RGBA", "videoconvert"}},
  {"vldmsr", "video/x-raw, format=RGB, width=8192, height=8, framerate=1/1",
      {"8192 x 8", "1 to 8191"}},
  {"vldmsr", "video/x-vldm-latents, format=F32LE, width=64, height=32, "
        "latent-width=8, latent-height=4, latent-channels=4, framerate=1/1, "
        "latent-space=upsampler-vae", {"upsampler-vae", "already"}},
  {"vldmsr", RAW ("multiview-mode=side-by-side"), {"several views", "apart"}},
  {"vldmsr", RAW ("multiview-mode=frame-by-frame"), {"several views", "apart"}},
  {"vldmsr", LATENTS ("pixel-aspect-ratio=1/1"), {"latent-height", "no"}},
  {"vldminterp", LATENTS ("pixel-aspect-ratio=1/1"), {"latent-height", "no"}},
  {"vldmdec", LATENTS ("pixel-aspect-ratio=1/1"), {"latent-height", "no"}},
};

static void
check_no_more_errors (GstBus * bus)
{
  fail_unless (gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) == NULL);
}

/* Frames and events; none of them is taken. */
static void
push (GstHarness * h, const char *caps)
{
  GstCaps *parsed = gst_caps_from_string (caps);
  GstSegment segment;
  guint n;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_stream_start ("video"));
  gst_harness_push_event (h, gst_event_new_caps (parsed));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  gst_caps_unref (parsed);
  gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new (GST_TAG_TITLE,
              "fog", NULL)));
  for (n = 0; n < 3; n++)
    fail_if (gst_harness_push (h, check_latents (n, n * GST_SECOND / 24)) ==
        GST_FLOW_OK);
  gst_harness_push_event (h, gst_event_new_eos ());
}

GST_START_TEST (test_caps)
{
  GstHarness *h = check_harness (refused[__i__].element, NULL);
  GstBus *bus = gst_bus_new ();
  guint i;

  gst_element_set_bus (h->element, bus);
  for (i = 0; i < 3; i++) {
    push (h, refused[__i__].caps);
    check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        refused[__i__].says[0], refused[__i__].says[1], NULL);
    check_no_more_errors (bus);
    if (i == 0) {
      gst_harness_push_event (h, gst_event_new_flush_start ());
      gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    } else {
      check_stops (h->element);
      gst_harness_play (h);
    }
  }
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A model that upstream names and that is not there: told with the event, and not again with frames. */
GST_START_TEST (test_model)
{
  static const char *const elements[] = { "vldminterp", "vldmdec", "vldmsr" };
  const GstVldmConditioning c = { "a", "b", 0, 0, "/no/such/folder" };
  GstHarness *h = check_harness (elements[__i__], NULL);
  GstBus *bus = gst_bus_new ();
  guint n;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h,
      CHECK_LATENTS_CAPS ("width=64, height=32, framerate=24/1"));
  gst_harness_push_event (h, gst_vldm_conditioning_to_event (&c));
  for (n = 0; n < 3; n++)
    gst_harness_push (h, check_latents (n, n * GST_SECOND / 24));
  check_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
      "/no/such/folder", NULL);
  check_no_more_errors (bus);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Who wants other colours behind vldmsr gets none with a wrong name. */
GST_START_TEST (test_colours_behind)
{
  GstHarness *h = gst_harness_new ("vldmsr");
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (h->element, bus);
  gst_harness_set_sink_caps_str (h, "video/x-raw, colorimetry=bt709");
  gst_harness_set_src_caps_str (h, RAW ("pixel-aspect-ratio=1/1"));
  check_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT, "2:1:5:1",
      "videoconvert", NULL);
  check_no_more_errors (bus);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("refusals");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_caps, 0, G_N_ELEMENTS (refused));
  tcase_add_loop_test (tc, test_model, 0, 3);
  tcase_add_test (tc, test_colours_behind);
  return check_run (argc, argv, suite);
}
