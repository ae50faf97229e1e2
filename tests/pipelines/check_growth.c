/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Memory of a process that generates again and again: 50 videos, each in a pipeline of its own, which loads the model anew
 * and gives it back.
 */
#include <gst/gst.h>

#include "tests/resident.h"

#define N_VIDEOS 50
/* By then every kernel is built and every allocator has its pools. */
#define N_WARM_UP 10
/* Allocators give back whole pages, not what was asked for; a leak of one frame a video would be 5 MB. */
#define MAX_GROWTH_KB 4096

static void
make_video (guint seed)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *launch =
      g_strdup_printf
      ("vldmsrc prompt=\"a highway at night\" steps=2 seed=%u ! vldmdec ! fakesink",
      seed);
  GstElement *pipeline = gst_parse_launch (launch, &error);
  GstBus *bus;
  GstMessage *message;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

static void
check_growth (void)
{
  glong warm = 0, end;
  guint i;

  for (i = 0; i < N_VIDEOS; i++) {
    if (i == N_WARM_UP)
      warm = resident_kb ();
    make_video (i);
  }
  end = resident_kb ();
  g_test_message ("resident: %ld kB after %d videos, %ld kB after %d", warm,
      N_WARM_UP, end, N_VIDEOS);
  g_assert_cmpint (end - warm, <=, MAX_GROWTH_KB);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/pipelines/growth", check_growth);
  return g_test_run ();
}
