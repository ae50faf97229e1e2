/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Waits by sleeping and looking, rather than in the driver: so the check function is called in time with every driver.
 */

#include "opencl/runtime/wait.h"

/* Microseconds between two looks at a command, growing from the first to the last, and between two calls of the check
 * function. */
#define FIRST_SLEEP_US 50
#define LAST_SLEEP_US 1000
#define CHECK_US 20000

gboolean
ocl_queue_check (OclQueue * queue, GError ** error)
{
  if (queue->check == NULL || queue->check (queue->user_data))
    return TRUE;
  g_debug ("queue %p: cancelled after %" G_GUINT64_FORMAT " launches",
      queue, queue->launches);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

/* Pauses before the next look at @event. Intel's CPU runtime has one thread less than there are processors and uses
 * the thread that waits in it as another: sleeping here would halve the speed on two processors. A failure of its
 * wait shows in the event's state. */
static void
rest (OclQueue * queue, cl_event event, gulong sleep_us)
{
  if (queue->device->waiters_compute)
    clWaitForEvents (1, &event);
  else
    g_usleep (sleep_us);
}

gboolean
ocl_queue_wait (OclQueue * queue, cl_event event, gboolean * blocked,
    const char *what, GError ** error)
{
  gint64 asked = g_get_monotonic_time ();
  gulong sleep_us = FIRST_SLEEP_US;

  if (blocked != NULL)
    *blocked = FALSE;
  if (!ocl_check (clFlush (queue->handle), error, "clFlush for %s", what))
    return FALSE;
  for (;;) {
    cl_int state = CL_QUEUED;
    if (!ocl_check (clGetEventInfo (event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                sizeof state, &state, NULL), error, "clGetEventInfo for %s",
            what))
      return FALSE;
    if (state < 0)
      return ocl_check (state, error, "%s on %s", what,
          queue->device->description);
    if (state == CL_COMPLETE)
      return TRUE;
    if (blocked != NULL)
      *blocked = TRUE;
    rest (queue, event, sleep_us);
    sleep_us = MIN (2 * sleep_us, LAST_SLEEP_US);
    if (g_get_monotonic_time () - asked >= CHECK_US) {
      asked = g_get_monotonic_time ();
      if (!ocl_queue_check (queue, error))
        return FALSE;
    }
  }
}

gboolean
ocl_queue_mark (OclQueue * queue, cl_event * marker, GError ** error)
{
  return ocl_check (clEnqueueMarkerWithWaitList (queue->handle, 0, NULL,
          marker), error, "clEnqueueMarkerWithWaitList");
}
