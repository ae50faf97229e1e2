/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A bounded amount of work in flight, waiting that can be cancelled, and transfers.
 *
 * Launches gather in a batch until they are estimated to take 40 ms (launch.c); then a marker ends the batch, and the marker
 * before is waited for. So the device always has a batch to run while the host fills the next one, a cancelled run ends
 * after at most two batches, and estimates improve by the time each batch took.
 */

#include "opencl/runtime/launch.h"
#include "opencl/runtime/turn.h"

#include <string.h>

/* Microseconds between two looks at a command that is waited for, growing from the first to the last, and between two
 * questions whether to go on. */
#define FIRST_SLEEP_US 50
#define LAST_SLEEP_US 1000
#define CHECK_US 20000

/* What a batch weighs in a kernel's estimate against the next one, and how far one batch may move the estimate. */
#define RECENT 0.8
#define MAX_SLOWER 6.0
#define MAX_FASTER 2.0

OclQueue *
ocl_queue_new (OclDevice * device, GError ** error)
{
  OclQueue *queue = g_new0 (OclQueue, 1);
  cl_int status;

  queue->device = ocl_device_ref (device);
  queue->arena = ocl_arena_new (device);
  queue->kernels =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, ocl_kernel_free);
  queue->timed = g_array_new (FALSE, FALSE, sizeof (OclTimed));
  queue->print_profile = g_strcmp0 (g_getenv ("VLDM_PROFILE"), "1") == 0;
  queue->profiling = queue->print_profile
      || g_strcmp0 (g_getenv ("VLDM_PROFILE"), "quiet") == 0;
  queue->handle = clCreateCommandQueue (device->context, device->id,
      queue->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
  if (ocl_check (status, error, "clCreateCommandQueue on %s",
          device->description))
    return queue;
  ocl_queue_free (queue);
  return NULL;
}

void
ocl_queue_free (OclQueue * queue)
{
  if (queue == NULL)
    return;
  if (queue->handle != NULL) {
    ocl_queue_drain (queue);
    if (queue->print_profile && queue->launches > 0) {
      g_autofree char *table = ocl_queue_profile (queue);
      g_printerr ("%s", table);
    }
    clReleaseCommandQueue (queue->handle);
  }
  for (guint i = 0; i < queue->timed->len; i++)
    clReleaseEvent (g_array_index (queue->timed, OclTimed, i).event);
  g_array_unref (queue->timed);
  g_hash_table_unref (queue->kernels);
  ocl_arena_free (queue->arena);
  ocl_device_unref (queue->device);
  g_free (queue);
}

OclDevice *
ocl_queue_device (OclQueue * queue)
{
  return queue->device;
}

OclArena *
ocl_queue_arena (OclQueue * queue)
{
  return queue->arena;
}

void
ocl_queue_set_callbacks (OclQueue * queue, OclCheckFunc check,
    OclBuildFunc build, OclTuneFunc tune, gpointer user_data)
{
  queue->check = check;
  queue->build = build;
  queue->tune = tune;
  queue->user_data = user_data;
}

/* Waiting */

gboolean
ocl_queue_check (OclQueue * queue, GError ** error)
{
  if (queue->check == NULL || queue->check (queue->user_data))
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

/* Until it is worth looking at @event again. Intel's CPU runtime has one thread less than there are processors, and lends
 * itself the one that waits for it: sleeping would cost half the speed on two. Its failures show in the event's state. */
static void
rest (OclQueue * queue, cl_event event, gulong sleep_us)
{
  if (queue->device->waiters_compute)
    clWaitForEvents (1, &event);
  else
    g_usleep (sleep_us);
}

/* Sleeping and looking rather than clWaitForEvents keeps the check function asked, and works with every driver. */
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

static void
batch_clear (OclBatch * batch)
{
  if (batch->marker != NULL)
    clReleaseEvent (batch->marker);
  memset (batch, 0, sizeof *batch);
}

void
ocl_queue_forget_batches (OclQueue * queue)
{
  batch_clear (&queue->filling);
  batch_clear (&queue->running);
  queue->n_batches++;
  queue->done_us = 0;
  ocl_turn_give (queue);
}

/* Adds @batch to what is known of the kernel that counts most in it. Where the host was late, one batch seems long and the
 * next one short, so that only their sums say something. */
static void
learn (OclBatch * batch, gdouble measured_ns)
{
  gdouble others_ns = batch->estimate_ns - batch->longest_ns;
  OclKernel *kernel = batch->longest;

  if (kernel == NULL)
    return;
  kernel->recent_ns = RECENT * kernel->recent_ns
      + MAX (measured_ns - others_ns, 0);
  kernel->recent_work = RECENT * kernel->recent_work
      + batch->longest_ns / kernel->ns_per_work;
  kernel->ns_per_work = CLAMP (kernel->recent_ns / kernel->recent_work,
      kernel->ns_per_work / MAX_FASTER, kernel->ns_per_work * MAX_SLOWER);
}

/* Waits for the batch that runs. Only between two waits that had to block is it known how long the device took. */
static gboolean
finish_running (OclQueue * queue, GError ** error)
{
  OclBatch *batch = &queue->running;
  gboolean blocked;
  gint64 now;

  if (batch->marker == NULL)
    return TRUE;
  if (!ocl_queue_wait (queue, batch->marker, &blocked, "a batch of kernels",
          error))
    return FALSE;
  now = g_get_monotonic_time ();
  if (blocked && queue->done_us != 0)
    learn (batch, 1e3 * (now - MAX (queue->done_us, batch->started_us)));
  queue->done_us = blocked ? now : 0;
  batch_clear (batch);
  return TRUE;
}

static gboolean
enqueue_marker (OclQueue * queue, cl_event * marker, GError ** error)
{
  return ocl_check (clEnqueueMarkerWithWaitList (queue->handle, 0, NULL,
          marker), error, "clEnqueueMarkerWithWaitList");
}

gboolean
ocl_queue_end_batch (OclQueue * queue, GError ** error)
{
  cl_event marker = NULL;

  if (!enqueue_marker (queue, &marker, error))
    return FALSE;
  if (!ocl_check (clFlush (queue->handle), error, "clFlush")
      || !finish_running (queue, error)) {
    clReleaseEvent (marker);
    return FALSE;
  }
  ocl_queue_collect_times (queue);
  queue->running = queue->filling;
  queue->running.marker = marker;
  memset (&queue->filling, 0, sizeof queue->filling);
  queue->n_batches++;
  return ocl_queue_check (queue, error);
}

gboolean
ocl_queue_finish (OclQueue * queue, GError ** error)
{
  cl_event marker = NULL;
  gboolean ok;

  if (!enqueue_marker (queue, &marker, error))
    return FALSE;
  ok = ocl_queue_wait (queue, marker, NULL, "queued kernels", error);
  clReleaseEvent (marker);
  if (!ok)
    return FALSE;
  ocl_queue_forget_batches (queue);
  ocl_queue_collect_times (queue);
  return ocl_queue_check (queue, error);
}

void
ocl_queue_drain (OclQueue * queue)
{
  clFinish (queue->handle);
  ocl_queue_forget_batches (queue);
}

/* Transfers */

/* The driver uses the caller's memory until @event is complete: a cancelled wait is waited out, which the bounded
 * queue keeps short. */
static gboolean
finish_transfer (OclQueue * queue, cl_event event, const char *what,
    GError ** error)
{
  gboolean ok = ocl_queue_wait (queue, event, NULL, what, error);

  if (ok)
    ocl_queue_forget_batches (queue);
  else
    ocl_queue_drain (queue);
  clReleaseEvent (event);
  return ok;
}

gboolean
ocl_queue_write (OclQueue * queue, OclBuffer * buffer, gsize offset,
    const void *data, gsize bytes, GError ** error)
{
  cl_event event;

  if (!ocl_check (clEnqueueWriteBuffer (queue->handle, ocl_buffer_mem (buffer),
              CL_FALSE, offset, bytes, data, 0, NULL, &event), error,
          "clEnqueueWriteBuffer of %" G_GSIZE_FORMAT " bytes at %"
          G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, bytes, offset,
          ocl_buffer_size (buffer)))
    return FALSE;
  return finish_transfer (queue, event, "a write to the device", error);
}

gboolean
ocl_queue_read (OclQueue * queue, OclBuffer * buffer, gsize offset, void *data,
    gsize bytes, GError ** error)
{
  cl_event event;

  if (!ocl_check (clEnqueueReadBuffer (queue->handle, ocl_buffer_mem (buffer),
              CL_FALSE, offset, bytes, data, 0, NULL, &event), error,
          "clEnqueueReadBuffer of %" G_GSIZE_FORMAT " bytes at %"
          G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, bytes, offset,
          ocl_buffer_size (buffer)))
    return FALSE;
  return finish_transfer (queue, event, "a read from the device", error);
}

cl_command_queue
ocl_queue_handle (OclQueue * queue)
{
  return queue->handle;
}
