/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Several queues of a device at the same time, as the elements of a pipeline have them.
 */

#include "opencl/runtime/device_private.h"
#include "opencl/runtime/program.h"
#include "tests/runtime/fixture.h"

#define MAX_QUEUES 6

/* Launches of "spin" on a queue, by a thread of its own. */
typedef struct
{
  OclDevice *device;
  cl_kernel kernel;
  guint launches;
  gint rounds;
  gint *widest;                 /* NULL, or what to count up, so that every launch is wider than any before */
  gsize width, offset;
  GArray *events;               /* cl_event of all launches */
} Spinner;

static gboolean
enqueue_spin (OclQueue * queue, gpointer user_data, cl_event * event,
    GError ** error)
{
  Spinner *spinner = user_data;
  const gsize local = 1;
  cl_event launch;

  if (!ocl_check (clEnqueueNDRangeKernel (ocl_queue_handle (queue),
              spinner->kernel, 1, &spinner->offset, &spinner->width, &local, 0,
              NULL, &launch), error, "clEnqueueNDRangeKernel"))
    return FALSE;
  g_array_append_val (spinner->events, launch);
  if (event != NULL) {
    clRetainEvent (launch);
    *event = launch;
  }
  return TRUE;
}

static gpointer
spin (gpointer data)
{
  Spinner *spinner = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (OclQueue) queue = ocl_queue_new (spinner->device, &error);
  g_autoptr (OclBuffer) buffer = ocl_buffer_new (spinner->device, 1 << 16,
      &error);
  cl_mem mem = ocl_buffer_mem (buffer);
  cl_program program = ocl_program_get (spinner->device, "probe", NULL, &error);
  OclCall call = {.program = "probe",.kernel = "spin",.enqueue = enqueue_spin };

  g_assert_no_error (error);
  spinner->kernel = clCreateKernel (program, "spin", NULL);
  clSetKernelArg (spinner->kernel, 0, sizeof mem, &mem);
  clSetKernelArg (spinner->kernel, 1, sizeof spinner->rounds, &spinner->rounds);
  call.user_data = spinner;
  for (guint i = 0; i < spinner->launches; i++) {
    if (spinner->widest != NULL)
      spinner->width = g_atomic_int_add (spinner->widest, 1);
    call.work = 2.0 * spinner->width * spinner->rounds;
    g_assert_true (ocl_queue_run (queue, &call, &error));
  }
  g_assert_true (ocl_queue_finish (queue, &error));
  clReleaseKernel (spinner->kernel);
  return NULL;
}

static void
spin_all (Spinner * spinners, guint n)
{
  GThread *threads[MAX_QUEUES];

  for (guint i = 0; i < n; i++) {
    spinners[i].events = g_array_new (FALSE, FALSE, sizeof (cl_event));
    threads[i] = g_thread_new ("spin", spin, &spinners[i]);
  }
  for (guint i = 0; i < n; i++)
    g_thread_join (threads[i]);
}

static void
free_events (Spinner * spinner)
{
  for (guint i = 0; i < spinner->events->len; i++)
    clReleaseEvent (g_array_index (spinner->events, cl_event, i));
  g_array_unref (spinner->events);
}

/* One kernel, in half of the queues with an offset, and in ever wider launches: PoCL 3.1 has an entry for each in its table, and
 * aborts the process within a second where they run at once. */
static void
one_kernel_in_many_ways (Fixture * f, gconstpointer unused)
{
  Spinner spinners[MAX_QUEUES] = { {NULL} };
  gint widest = 64;

  for (guint i = 0; i < MAX_QUEUES; i++) {
    spinners[i].device = f->device;
    spinners[i].launches = 300;
    spinners[i].rounds = 1000;
    spinners[i].widest = &widest;
    spinners[i].offset = i % 2;
  }
  spin_all (spinners, MAX_QUEUES);
  for (guint i = 0; i < MAX_QUEUES; i++) {
    g_assert_cmpuint (spinners[i].events->len, ==, 300);
    free_events (&spinners[i]);
  }
}

/* Turns */

static void
set_up_turns (Fixture * f, gconstpointer unused)
{
  g_setenv ("VLDM_PROFILE", "quiet", TRUE);
  set_up_probe (f, NULL);
  f->device->one_queue_at_a_time = TRUE;
}

static void
tear_down_turns (Fixture * f, gconstpointer unused)
{
  tear_down_probe (f, NULL);
  g_unsetenv ("VLDM_PROFILE");
}

typedef struct
{
  cl_ulong start, end;
  guint owner;
} Interval;

static gint
compare_starts (gconstpointer a, gconstpointer b)
{
  const Interval *first = a, *second = b;

  return first->start < second->start ? -1 : first->start > second->start;
}

static GArray *
intervals_of (const Spinner * spinners, guint n)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Interval));

  for (guint i = 0; i < n; i++) {
    for (guint k = 0; k < spinners[i].events->len; k++) {
      cl_event event = g_array_index (spinners[i].events, cl_event, k);
      Interval interval = {.owner = i };
      g_assert_cmpint (clGetEventProfilingInfo (event,
              CL_PROFILING_COMMAND_START, sizeof interval.start,
              &interval.start, NULL), ==, CL_SUCCESS);
      g_assert_cmpint (clGetEventProfilingInfo (event,
              CL_PROFILING_COMMAND_END, sizeof interval.end, &interval.end,
              NULL), ==, CL_SUCCESS);
      g_array_append_val (all, interval);
    }
  }
  g_array_sort (all, compare_starts);
  return all;
}

/* No launch begins before one of another queue has ended, and all queues come to their turn again and again. */
static void
queues_take_turns (Fixture * f, gconstpointer unused)
{
  const guint n = 3;
  Spinner spinners[MAX_QUEUES] = { {NULL} };
  g_autoptr (GArray) all = NULL;
  guint changes = 0;

  for (guint i = 0; i < n; i++) {
    spinners[i].device = f->device;
    spinners[i].launches = 400;
    spinners[i].rounds = 100000;
    spinners[i].width = 16;
  }
  spin_all (spinners, n);
  all = intervals_of (spinners, n);
  for (guint i = 1; i < all->len; i++) {
    const Interval *before = &g_array_index (all, Interval, i - 1);
    const Interval *next = &g_array_index (all, Interval, i);
    if (next->owner == before->owner)
      continue;
    changes++;
    g_assert_cmpuint (next->start, >=, before->end);
  }
  g_test_message ("%u turns", changes + 1);
  g_assert_cmpuint (changes, >=, n);
  for (guint i = 0; i < n; i++)
    free_events (&spinners[i]);
}

/* Launches of `rounds` each that are said to be nothing, so that nobody waits for them. */
static void
launch_and_leave (Fixture * f, OclBuffer * buffer, gint rounds)
{
  g_autoptr (GError) error = NULL;
  OclCall call = {.program = "probe",.kernel = "spin",.global = { 2 }};

  ocl_call_buffer (&call, buffer);
  ocl_call_int (&call, rounds);
  for (guint i = 0; i < 2; i++)
    g_assert_true (ocl_queue_run (f->queue, &call, &error));
  g_assert_no_error (error);
}

/* A thread that launches and then does something else keeps nobody from the device. */
static void
turn_is_taken_from_who_left (Fixture * f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OclBuffer) buffer = ocl_buffer_new (f->device, 4096, &error);
  Spinner other = {.device = f->device,.launches = 3,.rounds = 10,.width = 2 };

  launch_and_leave (f, buffer, 10);
  spin_all (&other, 1);
  g_assert_cmpuint (other.events->len, ==, 3);
  free_events (&other);
  launch_and_leave (f, buffer, 10);
}

static gboolean
check_time (gpointer stop_us)
{
  return g_get_monotonic_time () < *(gint64 *) stop_us;
}

/* While the other queue has about a second of work in flight. */
static void
waiting_for_a_turn_is_cancelled (Fixture * f, gconstpointer unused)
{
  gint64 stop_us, late_us;
  g_autoptr (GError) error = NULL;
  g_autoptr (OclQueue) queue = ocl_queue_new (f->device, &error);
  g_autoptr (OclBuffer) buffer = ocl_buffer_new (f->device, 4096, &error);
  OclCall call = {.program = "probe",.kernel = "spin",.global = { 2 }};

  launch_and_leave (f, buffer, 10);
  launch_and_leave (f, buffer, 500000000);
  ocl_call_buffer (&call, buffer);
  ocl_call_int (&call, 1);
  stop_us = g_get_monotonic_time () + 100000;
  ocl_queue_set_callbacks (queue, check_time, NULL, NULL, &stop_us);
  g_assert_false (ocl_queue_run (queue, &call, &error));
  g_assert_error (error, OCL_ERROR, OCL_ERROR_CANCELLED);
  g_clear_error (&error);
  ocl_queue_drain (queue);
  late_us = g_get_monotonic_time () - stop_us;
  g_test_message ("cancelled %.0f ms after it was told to", late_us / 1e3);
  g_assert_cmpint (late_us, <, 500000);

  ocl_queue_set_callbacks (queue, NULL, NULL, NULL, NULL);
  g_assert_true (ocl_queue_run (queue, &call, &error));
  g_assert_true (ocl_queue_finish (queue, &error));
}

#define ADD(name, kind) \
  g_test_add ("/runtime/" #name, Fixture, NULL, set_up_##kind, name, \
      tear_down_##kind)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD (one_kernel_in_many_ways, probe);
  ADD (queues_take_turns, turns);
  ADD (turn_is_taken_from_who_left, turns);
  ADD (waiting_for_a_turn_is_cancelled, turns);
  return g_test_run ();
}
