/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Waiting for commands of a queue, with its check function called meanwhile.
 */
#pragma once

#include "opencl/runtime/queue_state.h"

G_BEGIN_DECLS

/* Calls the check function. Fails with OCL_ERROR_CANCELLED if it returns FALSE. */
gboolean ocl_queue_check (OclQueue * queue, GError ** error);

/* Sleeps until @event is complete, calling the check function at least every 20 ms; @what names the command in errors.
 * *@blocked (or NULL) = whether the event was not complete at once. */
gboolean ocl_queue_wait (OclQueue * queue, cl_event event, gboolean * blocked, const char *what, GError ** error);

/* Enqueues a marker: *@marker is complete when everything enqueued before is. */
gboolean ocl_queue_mark (OclQueue * queue, cl_event * marker, GError ** error);

G_END_DECLS
