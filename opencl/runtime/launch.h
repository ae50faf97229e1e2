/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches: ocl_queue_run () and ocl_call_* () of queue.h.
 */
#pragma once

#include "opencl/runtime/queue_state.h"

G_BEGIN_DECLS

/* For GHashTable: frees an OclKernel. */
void ocl_kernel_free (gpointer kernel);

G_END_DECLS
