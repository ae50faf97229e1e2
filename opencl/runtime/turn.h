/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Turns: on drivers that fail where kernels of two queues are in flight at once (OclDevice.one_queue_at_a_time), the queues
 * of the process launch one after the other. On others none of this does anything.
 *
 * Nobody has to give a turn back. A queue that waits takes it where the holder has nothing in flight, or has had it for a
 * time, and then waits for what the holder left in flight. So a thread may do what it likes between two launches, and one
 * that waits can be cancelled at any time.
 */
#pragma once

#include "opencl/runtime/launch.h"

G_BEGIN_DECLS

/* Around each call that enqueues kernels, and nothing else. ocl_turn_begin () waits for the queue's turn, asking the check
 * function, and fails with OCL_ERROR_CANCELLED. It adds the time to waited_us, and forgets the batches where another queue
 * had a turn meanwhile: what was in flight is done then. */
gboolean ocl_turn_begin (OclQueue * queue, GError ** error);
void ocl_turn_end (OclQueue * queue);

/* When nothing of the queue is in flight. */
void ocl_turn_give (OclQueue * queue);

G_END_DECLS
