/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One turn for the whole process, given to queues in the order in which they ask.
 *
 * It is not one a device: the fault that it is for lies in a table that a driver has once (device.c), and its devices share
 * the same cores.
 */

#include "opencl/runtime/turn.h"

/* After so long a queue that waits takes the turn. Two batches are in flight by then, which is what a turn comes to. */
#define TURN_US 40000
/* Between two questions whether to go on waiting. */
#define CHECK_US 20000

static GMutex lock;
static GCond changed;
static GQueue waiting = G_QUEUE_INIT;   /* OclQueue, the first to ask first */
static OclQueue *holder;        /* the only one with kernels in flight, but for those before `past` */
static gboolean launching;      /* the holder is between begin and end: nobody may take its turn */
static gint64 since_us;         /* when the holder got the turn */
static cl_event past;           /* NULL, or what must be complete before the holder may launch */

/* All with the lock. */

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

/* Whether the queue may launch as things are. */
static gboolean
has_turn (OclQueue * queue)
{
  if (holder == NULL && past == NULL && g_queue_is_empty (&waiting))
    take (queue);
  return holder == queue && (g_queue_is_empty (&waiting) || !turn_is_over ());
}

/* Waits until it is the queue's turn, first come, first served. */
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

/* Marks the end of what the holder has in flight. */
static gboolean
end_holders_work (GError ** error)
{
  cl_event marker;

  if (!ocl_check (clEnqueueMarkerWithWaitList (holder->handle, 0, NULL,
              &marker), error, "clEnqueueMarkerWithWaitList"))
    return FALSE;
  g_clear_pointer (&past, clReleaseEvent);
  past = marker;
  return ocl_check (clFlush (holder->handle), error, "clFlush");
}

/* Waits for what others had in flight; whether that succeeds is their concern. */
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

/* *@lost tells whether another queue had a turn since the last of this one. */
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

/* Without the lock. */

gboolean
ocl_turn_begin (OclQueue * queue, GError ** error)
{
  gboolean lost = FALSE, ok = TRUE;

  if (!queue->device->one_queue_at_a_time)
    return TRUE;
  g_mutex_lock (&lock);
  if (has_turn (queue)) {
    launching = TRUE;
  } else {
    gint64 asked_us = g_get_monotonic_time ();
    ok = get_turn (queue, &lost, error);
    queue->waited_us += g_get_monotonic_time () - asked_us;
  }
  g_mutex_unlock (&lock);
  if (lost)
    ocl_queue_forget_batches (queue);
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
  /* Of a turn that was cancelled before it began: nothing may be left when the last queue goes. */
  if (holder == NULL && past != NULL && is_done (past))
    g_clear_pointer (&past, clReleaseEvent);
  g_mutex_unlock (&lock);
}
