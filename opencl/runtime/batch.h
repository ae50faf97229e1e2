/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches in flight, bounded to two batches, and what their times say about kernels.
 */
#pragma once

#include "opencl/runtime/queue_state.h"

G_BEGIN_DECLS

/* Adds a launch of @work that is estimated to take @ns. Ends the batch if it is full: waits for the one before, calling
 * the check function. */
gboolean ocl_batch_add (OclQueue * queue, OclKernel * kernel, gdouble work, gdouble ns, GError ** error);

/* Drops both batches: to be called when nothing of the queue is in flight. */
void ocl_batch_forget (OclQueue * queue);

G_END_DECLS
