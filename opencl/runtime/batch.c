/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A bounded amount of work in flight.
 *
 * Launches gather in a batch until they are estimated to take 40 ms; then a marker ends the batch, and the queue
 * waits for the marker before. So the device always has a batch to run while the host fills the next one, a
 * cancelled run ends after at most two batches, and estimates improve with the time that each batch took.
 */

#include "opencl/runtime/batch.h"

#include "opencl/runtime/profile.h"
#include "opencl/runtime/turn.h"
#include "opencl/runtime/wait.h"

#include <string.h>

/* Estimated time of a full batch, and the most launches in it, for kernels so short that the estimate says nothing. */
#define BATCH_NS 40e6
#define BATCH_LAUNCHES 256
/* Launches after which the driver is told to begin. */
#define FLUSH_LAUNCHES 16

/* The weight of earlier batches in a kernel's estimate, and the most that one batch may change the estimate by. */
#define RECENT 0.8
#define MAX_SLOWER 6.0
#define MAX_FASTER 2.0

static void
batch_clear (OclBatch * batch)
{
  if (batch->marker != NULL)
    clReleaseEvent (batch->marker);
  memset (batch, 0, sizeof *batch);
}

void
ocl_batch_forget (OclQueue * queue)
{
  batch_clear (&queue->filling);
  batch_clear (&queue->running);
  queue->n_batches++;
  queue->done_us = 0;
  ocl_turn_give (queue);
}

/* Corrects the estimate of the kernel that dominates @batch. Where the host was late, one batch seems long and the next
 * one short, so that only sums of several mean something. */
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

/* Waits for the running batch. The device's time is known only between two waits that had to block. */
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
  g_log (OCL_LOG_QUEUE, G_LOG_LEVEL_DEBUG, "queue %p: a batch of %u launches, "
      "estimated to take %.1f ms, ended %.1f ms after its first launch and was "
      "mostly %s", queue, batch->launches, batch->estimate_ns / 1e6,
      (now - batch->started_us) / 1e3,
      batch->longest != NULL ? batch->longest->name : "short launches");
  if (blocked && queue->done_us != 0)
    learn (batch, 1e3 * (now - MAX (queue->done_us, batch->started_us)));
  queue->done_us = blocked ? now : 0;
  batch_clear (batch);
  return TRUE;
}

/* Ends the batch that is being filled and waits for the one before. */
static gboolean
end_batch (OclQueue * queue, GError ** error)
{
  cl_event marker = NULL;

  if (!ocl_queue_mark (queue, &marker, error))
    return FALSE;
  if (!ocl_check (clFlush (queue->handle), error, " clFlush ")
      || !finish_running (queue, error)) {
    clReleaseEvent (marker);
    return FALSE;
  }
  ocl_profile_collect (queue);
  queue->running = queue->filling;
  queue->running.marker = marker;
  memset (&queue->filling, 0, sizeof queue->filling);
  queue->n_batches++;
  return ocl_queue_check (queue, error);
}

gboolean
ocl_batch_add (OclQueue * queue, OclKernel * kernel, gdouble work, gdouble ns,
    GError ** error)
{
  OclBatch *batch = &queue->filling;

  if (batch->launches == 0)
    batch->started_us = g_get_monotonic_time ();
  if (kernel->batch != queue->n_batches)
    kernel->batch_ns = 0;
  kernel->batch = queue->n_batches;
  kernel->batch_ns += ns;
  batch->launches++;
  batch->estimate_ns += ns;
  if (work > 0 && kernel->batch_ns > batch->longest_ns) {
    batch->longest = kernel;
    batch->longest_ns = kernel->batch_ns;
  }
  if (batch->estimate_ns >= BATCH_NS || batch->launches >= BATCH_LAUNCHES)
    return end_batch (queue, error);
  if (batch->launches % FLUSH_LAUNCHES == 0)
    return ocl_check (clFlush (queue->handle), error, " clFlush ");
  return TRUE;
}

gboolean
ocl_queue_finish (OclQueue * queue, GError ** error)
{
  cl_event marker = NULL;
  gboolean ok;

  if (!ocl_queue_mark (queue, &marker, error))
    return FALSE;
  ok = ocl_queue_wait (queue, marker, NULL, " queued kernels ", error);
  clReleaseEvent (marker);
  if (!ok)
    return FALSE;
  ocl_batch_forget (queue);
  ocl_profile_collect (queue);
  return ocl_queue_check (queue, error);
}

void
ocl_queue_drain (OclQueue * queue)
{
  clFinish (queue->handle);
  ocl_batch_forget (queue);
}
