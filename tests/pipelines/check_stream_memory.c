/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory of streams of 10 000 frames, in the process and on the device: the default model and, for vldmsr, a small
 * upsampler of drawn weights. Arguments: the folder of golden.json, a tokenizer's.
 */
#include <gst/gst.h>

#include "tests/golden/upsample_model.h"
#include "tests/resident.h"

#define N_FRAMES 10000
/* By then every kernel is built and every allocator has its pools. */
#define WARM_UP 2000
/* Of the process: allocators give back whole pages. What is kept to predict windows from is less, 64 bytes a window. */
#define MAX_GROWTH_KB 4096

#define PICTURES "videotestsrc pattern=ball ! video/x-raw, format=RGB, width=16, height=16, framerate=8/1 ! "

typedef struct
{
  const char *name, *launch;    /* the element whose stats are read is "element" */
} Stream;

static const Stream streams[] = {
  {"vldmsrc", "vldmsrc steps=1 frames=0 ! video/x-vldm-latents, width=16, "
        "height=16 ! vldmdec name=element ! fakesink name=sink"},
  {"vldminterp", PICTURES "vldmenc ! vldminterp name=element steps=1 ! "
        "fakesink name=sink"},
  {"vldmsr", PICTURES "vldmsr name=element steps=1 ! fakesink name=sink"},
};

static char *model;

typedef struct
{
  GstElement *element;
  guint n;
  glong warm_kb, end_kb;
  guint64 warm_bytes, end_bytes;        /* on the device */
} Growth;

static guint64
device_bytes (GstElement * element)
{
  GstStructure *stats;
  guint64 bytes = 0;

  g_object_get (element, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, "device-bytes", &bytes));
  gst_structure_free (stats);
  return bytes;
}

static GstPadProbeReturn
on_frame (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Growth *growth = data;

  growth->n++;
  if (growth->n == WARM_UP) {
    growth->warm_kb = resident_kb ();
    growth->warm_bytes = device_bytes (growth->element);
  } else if (growth->n == N_FRAMES) {
    growth->end_kb = resident_kb ();
    growth->end_bytes = device_bytes (growth->element);
  }
  return GST_PAD_PROBE_OK;
}

static void
check_stream (gconstpointer data)
{
  const Stream *stream = data;
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (stream->launch, &error);
  GstElement *sink;
  Growth growth = { NULL, };
  GstMessage *message;
  GstBus *bus;
  GstPad *pad;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  growth.element = gst_bin_get_by_name (GST_BIN (pipeline), "element");
  if (g_str_equal (stream->name, "vldmsr"))
    g_object_set (growth.element, "model-path", model, NULL);
  g_object_set (sink, "num-buffers", N_FRAMES, NULL);
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &growth, NULL);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_test_message ("%s: %ld kB resident after %d frames, %ld kB after %d; on "
      "the device %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT " bytes",
      stream->name, growth.warm_kb, WARM_UP, growth.end_kb, N_FRAMES,
      growth.warm_bytes, growth.end_bytes);
  g_assert_cmpuint (growth.n, >=, N_FRAMES);
  g_assert_cmpint (growth.end_kb - growth.warm_kb, <=, MAX_GROWTH_KB);
  g_assert_cmpuint (growth.end_bytes, <=, growth.warm_bytes);

  gst_object_unref (pad);
  gst_object_unref (growth.element);
  gst_object_unref (sink);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

int
main (int argc, char **argv)
{
  Golden golden;
  JsonObject *cases;
  int failures;
  guint i;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  golden_open (&golden, argv[1]);
  cases = json_object_get_object_member (golden.root, "upsample");
  model = upsample_model_write (&golden, argv[2],
      json_object_get_object_member (cases, "native_field"));
  for (i = 0; i < G_N_ELEMENTS (streams); i++) {
    g_autofree char *path = g_strconcat ("/streams/", streams[i].name, NULL);

    g_test_add_data_func (path, &streams[i], check_stream);
  }
  failures = g_test_run ();
  golden_remove_folder (model);
  golden_clear (&golden);
  return failures;
}
