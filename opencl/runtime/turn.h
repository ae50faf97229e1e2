/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Turns: on drivers that fail when kernels of two queues are in flight at once (OclDevice.one_queue_at_a_time), the
 * queues of the process launch in turns. With other drivers, these functions do nothing.
 *
 * A queue need not give its turn back. A waiting queue takes the turn once the holder has nothing in flight or has
 * had the turn for long enough, and then waits for the kernels that the holder left in flight. So a thread may do
 * anything between two launches, and a waiting thread can be cancelled at any time.
 */
#pragma once

#include "opencl/runtime/queue_state.h"

G_BEGIN_DECLS

/* To be called around each call that enqueues kernels, and around nothing else. ocl_turn_begin () waits for the
 * queue's turn, calling the check function, and adds the time to waited_us. It fails with OCL_ERROR_CANCELLED, or if
 * a call of OpenCL fails. *@lost = whether another queue has had a turn meanwhile: then nothing of @queue is in
 * flight any more. */
gboolean ocl_turn_begin (OclQueue * queue, gboolean * lost, GError ** error);
void ocl_turn_end (OclQueue * queue);

/* Gives the turn back early: to be called when nothing of the queue is in flight. */
void ocl_turn_give (OclQueue * queue);

G_END_DECLS
