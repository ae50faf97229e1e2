/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels and moves data, with a bounded amount of work in flight.
 *
 * Launches gather in a batch until they are estimated to take BATCH_NS; then a marker ends the batch, and the marker
 * before is waited for. So the device always has a batch to run while the host fills the next one, a cancelled run ends
 * after at most two batches, and estimates improve by the time each batch took.
 */

#include "opencl/runtime/queue.h"
#include "opencl/runtime/private.h"
#include "opencl/runtime/program.h"

#include <string.h>

#define BATCH_NS 40e6
/* Launches above the first are cut into slices of about the second. */
#define LONGEST_LAUNCH_NS 100e6
#define SLICE_NS 50e6
/* No launch costs less, however little it does. */
#define LAUNCH_NS 5e3
/* Launches after which the driver is told to begin. */
#define FLUSH_LAUNCHES 16

/* Microseconds between two looks at a command that is waited for, growing from the first to the last, and between two
 * questions whether to go on. */
#define FIRST_SLEEP_US 50
#define LAST_SLEEP_US 1000
#define CHECK_US 20000

/* How far one measurement may move an estimate: batches are timed by the host, which may have been elsewhere. */
#define MAX_CORRECTION 4.0

typedef struct
{
  cl_kernel kernel;
  cl_uint n_args;
  char *name;                   /* for the profile */
  gdouble ns_per_work;
  GHashTable *warm;             /* set of launch variants that the driver has compiled */
  guint64 launches, device_ns;  /* with profiling */
  gdouble work;
} Kernel;

typedef struct
{
  cl_event marker;              /* NULL while the batch is being filled */
  gint64 started_us;
  guint launches;
  gdouble estimate_ns;
  Kernel *longest;              /* the kernel that most of the estimate is for, as far as known */
  gdouble longest_ns;
} Batch;

typedef struct
{
  cl_event event;
  Kernel *kernel;
} Timed;

struct _OclQueue
{
  OclDevice *device;
  cl_command_queue handle;
  OclArena *arena;
  GHashTable *kernels;          /* "program options kernel" -> Kernel */

  OclCheckFunc check;
  OclBuildFunc build;
  gpointer user_data;
  guint built;

  Batch filling, running;
  gint64 done_us;               /* when the batch before `running` ended, 0 = not known */

  guint64 launches;
  gboolean profiling;
  GArray *timed;                /* Timed, not yet added to their kernels */
};

static void
kernel_free (gpointer data)
{
  Kernel *kernel = data;

  if (kernel->kernel != NULL)
    clReleaseKernel (kernel->kernel);
  g_clear_pointer (&kernel->warm, g_hash_table_unref);
  g_free (kernel->name);
  g_free (kernel);
}

OclQueue *
ocl_queue_new (OclDevice * device, GError ** error)
{
  OclQueue *queue = g_new0 (OclQueue, 1);
  cl_int status;

  queue->device = ocl_device_ref (device);
  queue->arena = ocl_arena_new (device);
  queue->kernels =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, kernel_free);
  queue->timed = g_array_new (FALSE, FALSE, sizeof (Timed));
  queue->profiling = g_strcmp0 (g_getenv ("VLDM_PROFILE"), "1") == 0;
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
    clReleaseCommandQueue (queue->handle);
  }
  for (guint i = 0; i < queue->timed->len; i++)
    clReleaseEvent (g_array_index (queue->timed, Timed, i).event);
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
    OclBuildFunc build, gpointer user_data)
{
  queue->check = check;
  queue->build = build;
  queue->user_data = user_data;
}

/* Waiting */

static gboolean
check_cancelled (OclQueue * queue, GError ** error)
{
  if (queue->check == NULL || queue->check (queue->user_data))
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

/* Sleeps until @event is complete. @blocked tells whether it had to. Sleeping and looking rather than clWaitForEvents
 * keeps the check function asked, and works with every driver. */
static gboolean
wait_for (OclQueue * queue, cl_event event, gboolean * blocked,
    const char *what, GError ** error)
{
  gint64 asked = g_get_monotonic_time ();
  gulong sleep_us = FIRST_SLEEP_US;

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
    *blocked = TRUE;
    g_usleep (sleep_us);
    sleep_us = MIN (2 * sleep_us, LAST_SLEEP_US);
    if (g_get_monotonic_time () - asked >= CHECK_US) {
      asked = g_get_monotonic_time ();
      if (!check_cancelled (queue, error))
        return FALSE;
    }
  }
}

static void
batch_clear (Batch * batch)
{
  if (batch->marker != NULL)
    clReleaseEvent (batch->marker);
  memset (batch, 0, sizeof *batch);
}

/* After all that was queued is done: nothing is known to be in flight. */
static void
forget_batches (OclQueue * queue)
{
  batch_clear (&queue->filling);
  batch_clear (&queue->running);
  queue->done_us = 0;
}

/* Moves the estimate of the kernel that counts most in @batch towards what was measured. */
static void
learn (Batch * batch, gdouble measured_ns)
{
  gdouble others_ns = batch->estimate_ns - batch->longest_ns;
  gdouble ratio;

  if (batch->longest == NULL)
    return;
  ratio = (measured_ns - others_ns) / batch->longest_ns;
  batch->longest->ns_per_work *=
      CLAMP (ratio, 1 / MAX_CORRECTION, MAX_CORRECTION);
}

/* Waits for the batch that runs. Only between two waits that had to block is it known how long the device took. */
static gboolean
finish_running (OclQueue * queue, GError ** error)
{
  Batch *batch = &queue->running;
  gboolean blocked;
  gint64 now;

  if (batch->marker == NULL)
    return TRUE;
  if (!wait_for (queue, batch->marker, &blocked, "a batch of kernels", error))
    return FALSE;
  now = g_get_monotonic_time ();
  if (blocked && queue->done_us != 0)
    learn (batch, 1e3 * (now - MAX (queue->done_us, batch->started_us)));
  queue->done_us = blocked ? now : 0;
  batch_clear (batch);
  return TRUE;
}

static void collect_timed (OclQueue * queue);

static gboolean
end_batch (OclQueue * queue, GError ** error)
{
  if (!ocl_check (clEnqueueMarkerWithWaitList (queue->handle, 0, NULL,
              &queue->filling.marker), error, "clEnqueueMarkerWithWaitList"))
    return FALSE;
  if (!ocl_check (clFlush (queue->handle), error, "clFlush")
      || !finish_running (queue, error))
    return FALSE;
  collect_timed (queue);
  queue->running = queue->filling;
  memset (&queue->filling, 0, sizeof queue->filling);
  return check_cancelled (queue, error);
}

gboolean
ocl_queue_finish (OclQueue * queue, GError ** error)
{
  gboolean blocked;

  if (queue->filling.marker == NULL
      && !ocl_check (clEnqueueMarkerWithWaitList (queue->handle, 0, NULL,
              &queue->filling.marker), error, "clEnqueueMarkerWithWaitList"))
    return FALSE;
  if (!wait_for (queue, queue->filling.marker, &blocked, "queued kernels",
          error))
    return FALSE;
  forget_batches (queue);
  collect_timed (queue);
  return check_cancelled (queue, error);
}

void
ocl_queue_drain (OclQueue * queue)
{
  clFinish (queue->handle);
  forget_batches (queue);
}

/* Launching */

/* The driver's kernel of @call, in this queue's own object because setting arguments is not thread-safe. */
static Kernel *
get_kernel (OclQueue * queue, const OclCall * call, GError ** error)
{
  const char *options = call->options != NULL ? call->options : "";
  g_autofree char *key =
      g_strdup_printf ("%s %s %s", call->program, options, call->kernel);
  Kernel *kernel = g_hash_table_lookup (queue->kernels, key);
  cl_program program;
  cl_int status;

  if (kernel != NULL)
    return kernel;
  program = ocl_program_get (queue->device, call->program, options, error);
  if (program == NULL)
    return NULL;
  kernel = g_new0 (Kernel, 1);
  kernel->name = g_strdup_printf ("%s %s", call->kernel, options);
  kernel->ns_per_work = 1 / queue->device->guessed_rate;
  kernel->warm = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  kernel->kernel = clCreateKernel (program, call->kernel, &status);
  if (!ocl_check (status, error, "clCreateKernel of %s in %s", call->kernel,
          call->program)
      || !ocl_check (clGetKernelInfo (kernel->kernel, CL_KERNEL_NUM_ARGS,
              sizeof kernel->n_args, &kernel->n_args, NULL), error,
          "clGetKernelInfo of %s", call->kernel)) {
    kernel_free (kernel);
    return NULL;
  }
  g_hash_table_insert (queue->kernels, g_steal_pointer (&key), kernel);
  return kernel;
}

static gboolean
set_arguments (Kernel * kernel, const OclCall * call, GError ** error)
{
  if (call->n_args != kernel->n_args) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "kernel %s takes %u arguments, %u were given", call->kernel,
        kernel->n_args, call->n_args);
    return FALSE;
  }
  for (guint i = 0; i < call->n_args; i++) {
    const void *value = call->args[i].is_local ? NULL : &call->args[i].value;
    if (!ocl_check (clSetKernelArg (kernel->kernel, i, call->args[i].size,
                value), error, "clSetKernelArg %u of %s, %" G_GSIZE_FORMAT
            " bytes", i, call->kernel, call->args[i].size))
      return FALSE;
  }
  return TRUE;
}

/* A range of work-items: sizes and offsets of one enqueue. */
typedef struct
{
  gsize offset[3], global[3], local[3];
} Range;

static gboolean
enqueue (OclQueue * queue, Kernel * kernel, const OclCall * call,
    const Range * range, cl_event * event, GError ** error)
{
  gboolean sliced = range->offset[0] + range->offset[1] + range->offset[2] > 0;

  return ocl_check (clEnqueueNDRangeKernel (queue->handle, kernel->kernel, 3,
          sliced ? range->offset : NULL, range->global, range->local, 0, NULL,
          event), error, "clEnqueueNDRangeKernel of %s, %" G_GSIZE_FORMAT
      " x %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " work-items in groups of %"
      G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT, call->kernel,
      range->global[0], range->global[1], range->global[2], range->local[0],
      range->local[1], range->local[2]);
}

/* TRUE the first time that a kernel runs in this way. What makes a driver compile again is PoCL's list: the
 * work-group's size, an offset, and a wide grid. */
static gboolean
is_cold (Kernel * kernel, const Range * range)
{
  gsize widest = MAX (range->global[0], MAX (range->global[1],
          range->global[2]));

  return g_hash_table_add (kernel->warm,
      g_strdup_printf ("%" G_GSIZE_FORMAT " %" G_GSIZE_FORMAT " %"
          G_GSIZE_FORMAT " %d %d", range->local[0], range->local[1],
          range->local[2], range->offset[0] + range->offset[1] +
          range->offset[2] > 0, widest > G_MAXUINT16));
}

/* A launch that the driver may compile for: told before and waited for, so that no estimate is made from it. */
static gboolean
run_cold (OclQueue * queue, Kernel * kernel, const OclCall * call,
    const Range * range, GError ** error)
{
  cl_event event = NULL;
  gboolean blocked, ok;

  if (!check_cancelled (queue, error))
    return FALSE;
  if (queue->build != NULL)
    queue->build (call->program, call->kernel, queue->built, queue->user_data);
  queue->built++;
  if (!enqueue (queue, kernel, call, range, &event, error))
    return FALSE;
  ok = wait_for (queue, event, &blocked, call->kernel, error);
  clReleaseEvent (event);
  if (ok)
    forget_batches (queue);
  return ok && check_cancelled (queue, error);
}

static gboolean
run_warm (OclQueue * queue, Kernel * kernel, const OclCall * call,
    const Range * range, gdouble work, GError ** error)
{
  Batch *batch = &queue->filling;
  gdouble ns = LAUNCH_NS + work * kernel->ns_per_work;
  Timed timed = { NULL, kernel };

  if (batch->launches == 0)
    batch->started_us = g_get_monotonic_time ();
  if (!enqueue (queue, kernel, call, range,
          queue->profiling ? &timed.event : NULL, error))
    return FALSE;
  if (queue->profiling)
    g_array_append_val (queue->timed, timed);
  kernel->work += work;

  batch->launches++;
  batch->estimate_ns += ns;
  if (work > 0 && ns > batch->longest_ns) {
    batch->longest = kernel;
    batch->longest_ns = ns;
  }
  if (batch->estimate_ns >= BATCH_NS)
    return end_batch (queue, error);
  if (batch->launches % FLUSH_LAUNCHES == 0)
    return ocl_check (clFlush (queue->handle), error, "clFlush");
  return TRUE;
}

/* How many of the @left groups along the sliced dimension the next launch takes. */
static gsize
next_slice (const Kernel * kernel, gdouble work_per_group, gsize left)
{
  gdouble ns_per_group = work_per_group * kernel->ns_per_work;

  if (ns_per_group * left <= LONGEST_LAUNCH_NS)
    return left;
  return CLAMP (SLICE_NS / ns_per_group, 1, left);
}

gboolean
ocl_queue_run (OclQueue * queue, const OclCall * call, GError ** error)
{
  Kernel *kernel = get_kernel (queue, call, error);
  Range range = { {0} };
  guint dimension = 0;
  gsize groups, done = 0;

  if (kernel == NULL || !set_arguments (kernel, call, error))
    return FALSE;
  for (guint d = 0; d < 3; d++) {
    range.local[d] = MAX (call->local[d], 1);
    groups = (MAX (call->global[d], 1) + range.local[d] - 1) / range.local[d];
    range.global[d] = groups * range.local[d];
    if (groups > 1)
      dimension = d;
  }
  groups = range.global[dimension] / range.local[dimension];

  while (done < groups) {
    gdouble work_per_group = call->work / groups;
    gsize count = next_slice (kernel, work_per_group, groups - done);
    gboolean ok;

    range.offset[dimension] = done * range.local[dimension];
    range.global[dimension] = count * range.local[dimension];
    if (is_cold (kernel, &range))
      ok = run_cold (queue, kernel, call, &range, error);
    else
      ok = run_warm (queue, kernel, call, &range, work_per_group * count,
          error);
    if (!ok)
      return FALSE;
    queue->launches++;
    done += count;
  }
  return TRUE;
}

/* Arguments */

static void
add_argument (OclCall * call, const void *value, gsize size)
{
  g_return_if_fail (call->n_args < OCL_CALL_MAX_ARGS);
  call->args[call->n_args].size = size;
  memcpy (&call->args[call->n_args].value, value, size);
  call->n_args++;
}

void
ocl_call_buffer (OclCall * call, OclBuffer * buffer)
{
  cl_mem mem = buffer != NULL ? ocl_buffer_mem (buffer) : NULL;

  add_argument (call, &mem, sizeof mem);
}

void
ocl_call_int (OclCall * call, gint value)
{
  cl_int i = value;

  add_argument (call, &i, sizeof i);
}

void
ocl_call_uint64 (OclCall * call, guint64 value)
{
  cl_ulong l = value;

  add_argument (call, &l, sizeof l);
}

void
ocl_call_float (OclCall * call, gfloat value)
{
  cl_float f = value;

  add_argument (call, &f, sizeof f);
}

void
ocl_call_local (OclCall * call, gsize bytes)
{
  g_return_if_fail (call->n_args < OCL_CALL_MAX_ARGS);
  call->args[call->n_args].size = bytes;
  call->args[call->n_args].is_local = TRUE;
  call->n_args++;
}

/* Transfers */

/* The driver uses the caller's memory until @event is complete: a cancelled wait is waited out, which the bounded
 * queue keeps short. */
static gboolean
finish_transfer (OclQueue * queue, cl_event event, const char *what,
    GError ** error)
{
  gboolean blocked, ok = wait_for (queue, event, &blocked, what, error);

  if (ok)
    forget_batches (queue);
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

/* Profile */

/* Adds the times of launches that are complete to their kernels. */
static void
collect_timed (OclQueue * queue)
{
  guint kept = 0;

  for (guint i = 0; i < queue->timed->len; i++) {
    Timed *timed = &g_array_index (queue->timed, Timed, i);
    cl_ulong start, end;
    if (clGetEventProfilingInfo (timed->event, CL_PROFILING_COMMAND_START,
            sizeof start, &start, NULL) != CL_SUCCESS
        || clGetEventProfilingInfo (timed->event, CL_PROFILING_COMMAND_END,
            sizeof end, &end, NULL) != CL_SUCCESS) {
      g_array_index (queue->timed, Timed, kept++) = *timed;
      continue;
    }
    timed->kernel->launches++;
    timed->kernel->device_ns += end - start;
    clReleaseEvent (timed->event);
  }
  g_array_set_size (queue->timed, kept);
}

guint64
ocl_queue_launches (OclQueue * queue)
{
  return queue->launches;
}

guint64
ocl_queue_device_ns (OclQueue * queue)
{
  GHashTableIter iter;
  gpointer kernel;
  guint64 sum = 0;

  collect_timed (queue);
  g_hash_table_iter_init (&iter, queue->kernels);
  while (g_hash_table_iter_next (&iter, NULL, &kernel))
    sum += ((Kernel *) kernel)->device_ns;
  return sum;
}

static gint
by_time (gconstpointer a, gconstpointer b)
{
  const Kernel *left = *(Kernel **) a, *right = *(Kernel **) b;

  return (left->device_ns < right->device_ns) -
      (left->device_ns > right->device_ns);
}

char *
ocl_queue_profile (OclQueue * queue)
{
  g_autoptr (GPtrArray) kernels = g_ptr_array_new ();
  GString *text = g_string_new (NULL);
  gdouble total = MAX (ocl_queue_device_ns (queue), 1);
  GHashTableIter iter;
  gpointer kernel;

  g_hash_table_iter_init (&iter, queue->kernels);
  while (g_hash_table_iter_next (&iter, NULL, &kernel))
    g_ptr_array_add (kernels, kernel);
  g_ptr_array_sort (kernels, by_time);
  g_string_append_printf (text, "%6s %9s %8s %9s  %s\n", "share", "ms",
      "launches", "Gop/s", "kernel");
  for (guint i = 0; i < kernels->len; i++) {
    const Kernel *k = kernels->pdata[i];
    g_string_append_printf (text, "%5.1f%% %9.2f %8" G_GUINT64_FORMAT
        " %9.1f  %s\n", 100 * k->device_ns / total, k->device_ns / 1e6,
        k->launches, k->work / MAX (k->device_ns, 1), k->name);
  }
  return g_string_free (text, FALSE);
}

cl_command_queue
ocl_queue_handle (OclQueue * queue)
{
  return queue->handle;
}
