/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches: kernel objects, their arguments, slices of long ones, and how long each kernel takes.
 *
 * A kernel's time is estimated as its work times a rate: guessed, then measured at its first launch worth it (run_trial),
 * then corrected by the batches that it counts most in (learn () in queue.c).
 */

#include "opencl/runtime/launch.h"
#include "opencl/runtime/program.h"
#include "opencl/runtime/turn.h"

#include <string.h>

/* Estimated time of a batch, and its launches where the estimate says nothing because they are so short. */
#define BATCH_NS 40e6
#define BATCH_LAUNCHES 256
/* Launches above the first are cut into slices of about the second. */
#define LONGEST_LAUNCH_NS 75e6
#define SLICE_NS 50e6
/* A kernel is timed alone at its first launch that is thought to take this long; before, launches are cut finer. A device
 * that also draws a screen is reset when one takes long, so that there each is cut to this until one was timed: the guess
 * may be wrong by a factor of 100. CPUs are spared that, since some drivers compile again for a slice. */
#define TRIAL_NS 500e3
#define TRIAL_SLICE_NS 1e6
/* No launch costs less, however little it does. */
#define LAUNCH_NS 5e3
/* Launches after which the driver is told to begin. */
#define FLUSH_LAUNCHES 16

void
ocl_kernel_free (gpointer data)
{
  OclKernel *kernel = data;

  if (kernel->kernel != NULL)
    clReleaseKernel (kernel->kernel);
  g_clear_pointer (&kernel->warm, g_hash_table_unref);
  g_free (kernel->name);
  g_free (kernel);
}

/* Kernels of other libraries are timed like ours. */
static gboolean
create_kernel (OclQueue * queue, const OclCall * call, OclKernel * kernel,
    GError ** error)
{
  cl_program program;
  cl_int status;

  if (call->enqueue != NULL)
    return TRUE;
  program = ocl_program_get (queue->device, call->program, call->options,
      error);
  if (program == NULL)
    return FALSE;
  kernel->kernel = clCreateKernel (program, call->kernel, &status);
  return ocl_check (status, error, "clCreateKernel of %s in %s", call->kernel,
      call->program)
      && ocl_check (clGetKernelInfo (kernel->kernel, CL_KERNEL_NUM_ARGS,
          sizeof kernel->n_args, &kernel->n_args, NULL), error,
      "clGetKernelInfo of %s", call->kernel);
}

/* The driver's kernel of @call, in this queue's own object because setting arguments is not thread-safe. */
static OclKernel *
get_kernel (OclQueue * queue, const OclCall * call, GError ** error)
{
  const char *options = call->options != NULL ? call->options : "";
  g_autofree char *key =
      g_strdup_printf ("%s %s %s", call->program, options, call->kernel);
  OclKernel *kernel = g_hash_table_lookup (queue->kernels, key);

  if (kernel != NULL)
    return kernel;
  kernel = g_new0 (OclKernel, 1);
  kernel->name = g_strdup_printf ("%s %s", call->kernel, options);
  kernel->ns_per_work = 1 / queue->device->guessed_rate;
  kernel->warm = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!create_kernel (queue, call, kernel, error)) {
    ocl_kernel_free (kernel);
    return NULL;
  }
  g_hash_table_insert (queue->kernels, g_steal_pointer (&key), kernel);
  return kernel;
}

static gboolean
set_arguments (OclKernel * kernel, const OclCall * call, GError ** error)
{
  if (call->n_args != kernel->n_args) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "kernel %s takes %u arguments, %u were given", call->kernel,
        kernel->n_args, call->n_args);
    return FALSE;
  }
  for (guint i = 0; i < call->n_args; i++) {
    if (!ocl_check (clSetKernelArg (kernel->kernel, i, call->args[i].size,
                &call->args[i].value), error,
            "clSetKernelArg %u of %s, %" G_GSIZE_FORMAT " bytes", i,
            call->kernel, call->args[i].size))
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
enqueue_range (OclQueue * queue, OclKernel * kernel, const OclCall * call,
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

static gboolean
enqueue (OclQueue * queue, OclKernel * kernel, const OclCall * call,
    const Range * range, cl_event * event, GError ** error)
{
  gboolean ok;

  if (!ocl_turn_begin (queue, error))
    return FALSE;
  ok = call->enqueue != NULL
      ? call->enqueue (queue, call->user_data, event, error)
      : enqueue_range (queue, kernel, call, range, event, error);
  ocl_turn_end (queue);
  return ok;
}

/* TRUE the first time that a kernel runs in this way. What makes a driver compile again is PoCL's list: the
 * work-group's size, an offset, and a wide grid. */
static gboolean
is_cold (OclKernel * kernel, const Range * range)
{
  gsize widest = MAX (range->global[0], MAX (range->global[1],
          range->global[2]));

  return g_hash_table_add (kernel->warm,
      g_strdup_printf ("%" G_GSIZE_FORMAT " %" G_GSIZE_FORMAT " %"
          G_GSIZE_FORMAT " %d %d", range->local[0], range->local[1],
          range->local[2], range->offset[0] + range->offset[1] +
          range->offset[2] > 0, widest > G_MAXUINT16));
}

/* Releases the event of a launch, at once or, with profiling, when its time has been taken. */
static void
keep_event (OclQueue * queue, OclKernel * kernel, gdouble work, cl_event event)
{
  OclTimed timed = { event, kernel };

  kernel->work += work;
  if (queue->profiling)
    g_array_append_val (queue->timed, timed);
  else if (event != NULL)
    clReleaseEvent (event);
}

/* A launch that the driver may compile for: told before and waited for, so that no estimate is made from it. */
static gboolean
run_cold (OclQueue * queue, OclKernel * kernel, const OclCall * call,
    const Range * range, GError ** error)
{
  cl_event event = NULL;
  gboolean ok;

  if (!ocl_queue_check (queue, error))
    return FALSE;
  if (queue->build != NULL)
    queue->build (call->program, call->kernel, queue->built, queue->user_data);
  queue->built++;
  if (!enqueue (queue, kernel, call, range, &event, error))
    return FALSE;
  ok = ocl_queue_wait (queue, event, NULL, call->kernel, error);
  clReleaseEvent (event);
  if (ok)
    ocl_queue_forget_batches (queue);
  return ok && ocl_queue_check (queue, error);
}

/* Runs a launch of at least TRIAL_NS alone and times it. */
static gboolean
run_trial (OclQueue * queue, OclKernel * kernel, const OclCall * call,
    const Range * range, gdouble work, GError ** error)
{
  cl_event event = NULL;
  gboolean ok;
  gint64 started_us;

  if (!ocl_queue_finish (queue, error))
    return FALSE;
  started_us = g_get_monotonic_time () - queue->waited_us;
  if (!enqueue (queue, kernel, call, range, &event, error))
    return FALSE;
  ok = ocl_queue_wait (queue, event, NULL, call->kernel, error);
  keep_event (queue, kernel, work, event);
  if (!ok)
    return FALSE;
  kernel->recent_ns = 1e3 * (g_get_monotonic_time () - queue->waited_us
      - started_us);
  kernel->recent_work = work;
  kernel->ns_per_work = kernel->recent_ns / work;
  kernel->timed = TRUE;
  return ocl_queue_check (queue, error);
}

static gboolean
run_warm (OclQueue * queue, OclKernel * kernel, const OclCall * call,
    const Range * range, gdouble work, GError ** error)
{
  OclBatch *batch = &queue->filling;
  gdouble ns = LAUNCH_NS + work * kernel->ns_per_work;
  cl_event event = NULL;

  if (!kernel->timed && ns >= TRIAL_NS)
    return run_trial (queue, kernel, call, range, work, error);
  if (!enqueue (queue, kernel, call, range,
          queue->profiling ? &event : NULL, error))
    return FALSE;
  if (batch->launches == 0)
    batch->started_us = g_get_monotonic_time ();
  keep_event (queue, kernel, work, event);

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
    return ocl_queue_end_batch (queue, error);
  if (batch->launches % FLUSH_LAUNCHES == 0)
    return ocl_check (clFlush (queue->handle), error, "clFlush");
  return TRUE;
}

/* How many of the @left layers of @layer_groups groups each, one a step along the sliced dimension, the next launch takes:
 * at least what gives each compute unit a group, since fewer take as long as one. */
static gsize
next_slice (const OclCaps * caps, const OclKernel * kernel,
    gdouble work_per_layer, gsize layer_groups, gsize left)
{
  gdouble ns_per_layer = work_per_layer * kernel->ns_per_work;
  gdouble longest_ns = kernel->timed || caps->is_cpu ? LONGEST_LAUNCH_NS
      : TRIAL_SLICE_NS;
  gsize units = MAX (caps->compute_units, 1);
  gsize least = MIN ((units + layer_groups - 1) / layer_groups, left);

  if (ns_per_layer * left <= longest_ns)
    return left;
  return CLAMP ((kernel->timed ? SLICE_NS : TRIAL_SLICE_NS) / ns_per_layer,
      least, left);
}

gboolean
ocl_queue_run (OclQueue * queue, const OclCall * call, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (queue->device);
  OclKernel *kernel = get_kernel (queue, call, error);
  Range range = { {0} };
  guint dimension = 0;
  gsize groups[3], layers, layer_groups, done = 0;

  if (kernel == NULL || !set_arguments (kernel, call, error))
    return FALSE;
  for (guint d = 0; d < 3; d++) {
    range.local[d] = MAX (call->local[d], 1);
    groups[d] = (MAX (call->global[d], 1) + range.local[d] - 1)
    / range.local[d];
    range.global[d] = groups[d] * range.local[d];
    if (groups[d] > 1)
      dimension = d;
  }
  layers = groups[dimension];
  layer_groups = groups[0] * groups[1] * groups[2] / layers;

  while (done < layers) {
    gdouble work_per_layer = call->work / layers;
    gsize count = next_slice (caps, kernel, work_per_layer, layer_groups,
        layers - done);
    gboolean ok;

    range.offset[dimension] = done * range.local[dimension];
    range.global[dimension] = count * range.local[dimension];
    if (is_cold (kernel, &range))
      ok = run_cold (queue, kernel, call, &range, error);
    else
      ok = run_warm (queue, kernel, call, &range, work_per_layer * count,
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

/* Profile */

/* First launches are not among them: some drivers count the compiler's time to them. */
void
ocl_queue_collect_times (OclQueue * queue)
{
  guint kept = 0;

  for (guint i = 0; i < queue->timed->len; i++) {
    OclTimed *timed = &g_array_index (queue->timed, OclTimed, i);
    cl_ulong start, end;
    if (clGetEventProfilingInfo (timed->event, CL_PROFILING_COMMAND_START,
            sizeof start, &start, NULL) != CL_SUCCESS
        || clGetEventProfilingInfo (timed->event, CL_PROFILING_COMMAND_END,
            sizeof end, &end, NULL) != CL_SUCCESS) {
      g_array_index (queue->timed, OclTimed, kept++) = *timed;
      continue;
    }
    timed->kernel->launches++;
    timed->kernel->device_ns += end - start;
    timed->kernel->longest_ns = MAX (timed->kernel->longest_ns, end - start);
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

  ocl_queue_collect_times (queue);
  g_hash_table_iter_init (&iter, queue->kernels);
  while (g_hash_table_iter_next (&iter, NULL, &kernel))
    sum += ((OclKernel *) kernel)->device_ns;
  return sum;
}

static gint
by_time (gconstpointer a, gconstpointer b)
{
  const OclKernel *left = *(OclKernel **) a, *right = *(OclKernel **) b;

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
  g_string_append_printf (text, "%6s %9s %8s %10s %9s  %s\n", "share", "ms",
      "launches", "longest ms", "Gop/s", "kernel");
  for (guint i = 0; i < kernels->len; i++) {
    const OclKernel *k = kernels->pdata[i];
    g_string_append_printf (text, "%5.1f%% %9.2f %8" G_GUINT64_FORMAT
        " %10.2f %9.1f  %s\n", 100 * k->device_ns / total, k->device_ns / 1e6,
        k->launches, k->longest_ns / 1e6, k->work / MAX (k->device_ns, 1),
        k->name);
  }
  return g_string_free (text, FALSE);
}
