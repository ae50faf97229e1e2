/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines in which frames are made slower than real time.
 *
 * A sink drops what reaches it after its time. In a file player nothing is late, since the pipeline prerolls before its
 * clock starts; here a window may take minutes while the clock runs. So the clock is set back, in the way that sinks do
 * it after a flushing seek: RESET_TIME names the running time to go on from, and an ASYNC_START and ASYNC_DONE pair lets
 * the pipeline choose a new base time.
 */
#include "gst/pace.h"

#include "gst/pipeline.h"

/* Less than one frame's time even at 50 frames a second, and a sink shows a frame until its time is over. */
#define TOLERANCE (20 * GST_MSECOND)

#define MAX_WAIT 200            /* steps of 1 ms */

/* TRUE while sinks wait for a first frame, after which the pipeline chooses its base time anyway: waiting for that here
 * would keep the frame from them. */
static gboolean
is_prerolling (GstElement * element)
{
  g_autoptr (GstElement) top = gst_vldm_pipeline_top (element);
  gboolean pending;

  GST_OBJECT_LOCK (top);
  pending = GST_STATE_PENDING (top) != GST_STATE_VOID_PENDING;
  GST_OBJECT_UNLOCK (top);
  return pending;
}

void
gst_vldm_pace (GstElement * element, GstClockTime running_time,
    GstVldmWorker * worker)
{
  GstClockTime base_time = gst_element_get_base_time (element);
  GstClockTime now = gst_element_get_current_running_time (element);
  guint i;

  if (GST_STATE (element) != GST_STATE_PLAYING || !GST_CLOCK_TIME_IS_VALID (now)
      || !GST_CLOCK_TIME_IS_VALID (running_time)
      || now < running_time + TOLERANCE || is_prerolling (element)
      || gst_vldm_pipeline_is_live (element))
    return;

  GST_INFO_OBJECT (element, "clock goes back from %" GST_TIME_FORMAT " to %"
      GST_TIME_FORMAT, GST_TIME_ARGS (now), GST_TIME_ARGS (running_time));
  gst_element_post_message (element,
      gst_message_new_reset_time (GST_OBJECT (element), running_time));
  gst_element_post_message (element,
      gst_message_new_async_start (GST_OBJECT (element)));
  gst_element_post_message (element,
      gst_message_new_async_done (GST_OBJECT (element), running_time));

  /* The pipeline chooses the new base time in a thread of its own and tells its sinks before the elements above them. */
  for (i = 0; i < MAX_WAIT && !gst_vldm_worker_is_interrupted (worker)
      && gst_element_get_base_time (element) == base_time; i++)
    g_usleep (1000);
}
