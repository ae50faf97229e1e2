/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One turn for the whole process, given to queues in the order in which they ask.
 *
 * Not one turn per device: the fault lies in a table that the driver has once (confuses_queues () in device.c), and its
 * devices share the same cores.
 */

#include "opencl/runtime/turn.h"

#include "opencl/runtime/wait.h"

/* The time after which a waiting queue takes the turn. About two batches are in flight by then. */
#define TURN_US 40000
/* Microseconds between two calls of the check function. */
#define CHECK_US 20000

static GMutex lock;
static GCond changed;
static GQueue waiting = G_QUEUE_INIT;   /* OclQueue, in the order in which they asked */
static OclQueue *holder;        /* the only queue with kernels in flight, apart from those before `past` */
static gboolean launching;      /* the holder is between begin and end and must keep the turn */
static gint64 since_us;         /* when the holder got the turn */
static cl_event past;           /* NULL, or what must be complete before the holder may launch */

/* ---- with the lock ---- */

static gboolean
is_done (cl_event event)
{
  cl_int state = CL_COMPLETE;

  clGetEventInfo (event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state,
      &state, NULL);
  return state <= CL_COMPLETE;
}

static gboolean
turn_is_over (void)
{
  return g_get_monotonic_time () - since_us >= TURN_US;
}

static gboolean
may_take (OclQueue * queue)
{
  return holder == NULL || holder == queue || (!launching && turn_is_over ());
}

static void
take (OclQueue * queue)
{
  holder = queue;
  since_us = g_get_monotonic_time ();
}

/* TRUE if the queue may launch without waiting. */
static gboolean
has_turn (OclQueue * queue)
{
  if (holder == NULL && past == NULL && g_queue_is_empty (&waiting))
    take (queue);
  return holder == queue && (g_queue_is_empty (&waiting) || !turn_is_over ());
}

/* Waits until the queue may take the turn, first come, first served. */
static gboolean
wait_in_line (OclQueue * queue, GError ** error)
{
  gboolean ok = TRUE;

  g_queue_push_tail (&waiting, queue);
  while (ok && (g_queue_peek_head (&waiting) != queue || !may_take (queue))) {
    g_cond_wait_until (&changed, &lock, g_get_monotonic_time () + CHECK_US);
    g_mutex_unlock (&lock);
    ok = ocl_queue_check (queue, error);
    g_mutex_lock (&lock);
  }
  g_queue_remove (&waiting, queue);
  g_cond_broadcast (&changed);
  return ok;
}

/* Marks the end of the work that the holder has in flight. */
static gboolean
end_holders_work (GError ** error)
{
  cl_event marker;

  if (!ocl_queue_mark (holder, &marker, error))
    return FALSE;
  g_clear_pointer (&past, clReleaseEvent);
  past = marker;
  return ocl_check (clFlush (holder->handle), error, "clFlush");
}

/* Waits for the work that others had in flight. Whether that work succeeds is their concern. */
static gboolean
wait_for_past (OclQueue * queue, GError ** error)
{
  GError *reason = NULL;

  g_mutex_unlock (&lock);
  ocl_queue_wait (queue, past, NULL, "kernels of another queue", &reason);
  g_mutex_lock (&lock);
  if (g_error_matches (reason, OCL_ERROR, OCL_ERROR_CANCELLED)) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  g_clear_error (&reason);
  g_clear_pointer (&past, clReleaseEvent);
  return TRUE;
}

/* *@lost = whether another queue had a turn since the last one of this queue. */
static gboolean
get_turn (OclQueue * queue, gboolean * lost, GError ** error)
{
  if (!wait_in_line (queue, error))
    return FALSE;
  *lost = holder != queue;
  if (*lost && holder != NULL && !end_holders_work (error))
    return FALSE;
  take (queue);
  launching = TRUE;
  if (past == NULL || wait_for_past (queue, error))
    return TRUE;
  launching = FALSE;
  holder = NULL;
  g_cond_broadcast (&changed);
  return FALSE;
}

/* ---- without the lock ---- */

gboolean
ocl_turn_begin (OclQueue * queue, gboolean * lost, GError ** error)
{
  gboolean ok = TRUE;
  gint64 waited_us = 0;

  *lost = FALSE;
  if (!queue->device->one_queue_at_a_time)
    return TRUE;
  g_mutex_lock (&lock);
  if (has_turn (queue)) {
    launching = TRUE;
  } else {
    gint64 asked_us = g_get_monotonic_time ();
    ok = get_turn (queue, lost, error);
    waited_us = g_get_monotonic_time () - asked_us;
    queue->waited_us += waited_us;
  }
  g_mutex_unlock (&lock);
  if (waited_us > 0)
    g_log (OCL_LOG_QUEUE, G_LOG_LEVEL_DEBUG, "queue %p: %s after waiting "
        "%.1f ms", queue, ok ? "has the turn" : "got no turn", waited_us / 1e3);
  return ok;
}

void
ocl_turn_end (OclQueue * queue)
{
  if (!queue->device->one_queue_at_a_time)
    return;
  g_mutex_lock (&lock);
  launching = FALSE;
  if (!g_queue_is_empty (&waiting) && turn_is_over ())
    g_cond_broadcast (&changed);
  g_mutex_unlock (&lock);
}

void
ocl_turn_give (OclQueue * queue)
{
  if (!queue->device->one_queue_at_a_time)
    return;
  g_mutex_lock (&lock);
  if (holder == queue && !launching) {
    holder = NULL;
    g_cond_broadcast (&changed);
  }
  /* Left by a turn that was cancelled before it began: no event may be left when the last queue goes. */
  if (holder == NULL && past != NULL && is_done (past))
    g_clear_pointer (&past, clReleaseEvent);
  g_mutex_unlock (&lock);
}
