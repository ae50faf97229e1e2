/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Times launches by their events. A kernel's first launch is left out, since some drivers compile during it.
 */

#include "opencl/runtime/profile.h"

#include "opencl/runtime/environment.h"

void
ocl_profile_init (OclQueue * queue)
{
  static const char *const names[] = { "0", "1", "quiet" };
  guint wish = ocl_environment_choose (OCL_ENVIRONMENT_PROFILE, names,
      G_N_ELEMENTS (names), 0);

  queue->timed = g_array_new (FALSE, FALSE, sizeof (OclTimed));
  queue->profiling = wish != 0;
  queue->print_profile = wish == 1;
}

void
ocl_profile_end (OclQueue * queue)
{
  if (queue->print_profile && queue->launches > 0) {
    g_autofree char *table = ocl_queue_profile (queue);
    g_printerr ("%s", table);
  }
  for (guint i = 0; i < queue->timed->len; i++)
    clReleaseEvent (g_array_index (queue->timed, OclTimed, i).event);
  g_clear_pointer (&queue->timed, g_array_unref);
}

void
ocl_profile_add (OclQueue * queue, OclKernel * kernel, gdouble work,
    cl_event event)
{
  OclTimed timed = { event, kernel };

  kernel->work += work;
  if (queue->profiling)
    g_array_append_val (queue->timed, timed);
  else if (event != NULL)
    clReleaseEvent (event);
}

void
ocl_profile_collect (OclQueue * queue)
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
ocl_queue_device_ns (OclQueue * queue)
{
  GHashTableIter iter;
  gpointer kernel;
  guint64 sum = 0;

  ocl_profile_collect (queue);
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
