/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Creation of queues, and transfers between host and device.
 */

#include "opencl/runtime/batch.h"
#include "opencl/runtime/launch.h"
#include "opencl/runtime/profile.h"
#include "opencl/runtime/wait.h"

OclQueue *
ocl_queue_new (OclDevice * device, GError ** error)
{
  OclQueue *queue = g_new0 (OclQueue, 1);
  cl_int status;

  queue->device = ocl_device_ref (device);
  queue->arena = ocl_arena_new (device);
  queue->kernels =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, ocl_kernel_free);
  ocl_profile_init (queue);
  queue->handle = clCreateCommandQueue (device->context, device->id,
      queue->profiling ? CL_QUEUE_PROFILING_ENABLE : 0, &status);
  if (ocl_check (status, error, "clCreateCommandQueue on %s",
          device->description)) {
    g_debug ("queue %p: created on %s", queue, device->description);
    return queue;
  }
  ocl_queue_free (queue);
  return NULL;
}

void
ocl_queue_free (OclQueue * queue)
{
  if (queue == NULL)
    return;
  if (queue->handle != NULL)
    ocl_queue_drain (queue);
  ocl_profile_end (queue);
  if (queue->handle != NULL)
    clReleaseCommandQueue (queue->handle);
  g_debug ("queue %p: freed after %" G_GUINT64_FORMAT " launches", queue,
      queue->launches);
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

/* ---- transfers ---- */

/* The driver uses the caller's memory until @event is complete. So a cancelled transfer is waited for, too, which the
 * bounded queue keeps short. */
static gboolean
finish_transfer (OclQueue * queue, cl_event event, const char *what,
    GError ** error)
{
  gboolean ok = ocl_queue_wait (queue, event, NULL, what, error);

  if (ok)
    ocl_batch_forget (queue);
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

guint64
ocl_queue_launches (OclQueue * queue)
{
  return queue->launches;
}

cl_command_queue
ocl_queue_handle (OclQueue * queue)
{
  return queue->handle;
}
