/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Starts threads for the duration of the work. Each takes the next index until none is left.
 */

#include "opencl/runtime/parallel.h"

/* With fewer numbers per thread, starting it costs more than it saves. */
#define NUMBERS_PER_THREAD (128 << 10)
#define MAX_THREADS 16

typedef struct
{
  void (*part) (gsize index, gpointer user_data);
  gpointer user_data;
  gsize n;
  gsize next;                   /* atomic */
} Work;

static gpointer
run (gpointer data)
{
  Work *work = data;
  gsize index;

  while ((index = g_atomic_pointer_add (&work->next, 1)) < work->n)
    work->part (index, work->user_data);
  return NULL;
}

void
ocl_parallel_for (gsize n, gsize numbers,
    void (*part) (gsize index, gpointer user_data), gpointer user_data)
{
  Work work = { part, user_data, n };
  guint n_threads = MIN (MIN (g_get_num_processors (), n),
      MIN (numbers / NUMBERS_PER_THREAD, MAX_THREADS));
  GThread *threads[MAX_THREADS] = { NULL };

  /* One fewer, since this thread works, too; alone, if no other can be started. */
  for (guint i = 1; i < n_threads; i++)
    threads[i] = g_thread_try_new ("vldm-weights", run, &work, NULL);
  run (&work);
  for (guint i = 1; i < n_threads; i++)
    if (threads[i] != NULL)
      g_thread_join (threads[i]);
}
