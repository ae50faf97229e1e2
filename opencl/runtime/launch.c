/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches: kernel objects, arguments, slices of long launches, and estimates of their time.
 *
 * The time of a launch is estimated as its work times the kernel's rate. The rate is guessed at first, then measured at
 * the first launch that is long enough (run_trial ()), then corrected by batches that the kernel dominates (learn () in
 * batch.c).
 */

#include "opencl/runtime/launch.h"

#include "opencl/runtime/batch.h"
#include "opencl/runtime/profile.h"
#include "opencl/runtime/program.h"
#include "opencl/runtime/turn.h"
#include "opencl/runtime/wait.h"

#include <string.h>

/* Launches longer than the first are cut into slices of about the second. */
#define LONGEST_LAUNCH_NS 75e6
#define SLICE_NS 50e6
/* A kernel is timed alone at its first launch of at least TRIAL_NS by the guessed rate. Until then, its launches are
 * cut to TRIAL_SLICE_NS, since the guess may be wrong by a factor of 100, and a device that also draws a screen is
 * reset when a launch takes long. Not on CPUs, where some drivers compile again for a slice. */
#define TRIAL_NS 500e3
#define TRIAL_SLICE_NS 1e6
/* The least time of a launch, however little it does. */
#define LAUNCH_NS 5e3

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

/* Another library's kernel has no object here; it is timed like ours. */
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

/* The kernel of @call. Each queue has an object of its own, because setting arguments is not thread-safe. */
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
  gboolean lost;
  gboolean ok = ocl_turn_begin (queue, &lost, error);

  if (lost)
    ocl_batch_forget (queue);
  if (!ok)
    return FALSE;
  ok = call->enqueue != NULL
      ? call->enqueue (queue, call->user_data, event, error)
      : enqueue_range (queue, kernel, call, range, event, error);
  ocl_turn_end (queue);
  return ok;
}

/* TRUE the first time that a kernel runs in this shape. The properties for which a driver compiles again are PoCL's:
 * the size of the work-group, an offset, and a wide grid. */
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

/* Runs a launch that the driver may compile for. It is announced and waited for, so that no estimate is made from its
 * time. */
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
    ocl_batch_forget (queue);
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
  ocl_profile_add (queue, kernel, work, event);
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
  gdouble ns = LAUNCH_NS + work * kernel->ns_per_work;
  cl_event event = NULL;

  if (!kernel->timed && ns >= TRIAL_NS)
    return run_trial (queue, kernel, call, range, work, error);
  if (!enqueue (queue, kernel, call, range,
          queue->profiling ? &event : NULL, error))
    return FALSE;
  ocl_profile_add (queue, kernel, work, event);
  return ocl_batch_add (queue, kernel, work, ns, error);
}

/* The number of layers that the next launch takes. A layer is one step along the sliced dimension and has @layer_groups
 * work-groups; @left of them remain. Each compute unit gets at least one group, since fewer groups take as long. */
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

/* ---- arguments ---- */

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
