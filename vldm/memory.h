/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How much of a device's memory a call may count on, where it can choose: sizes of tiles and of strips.
 */
#pragma once

#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

/* What a call should stay below: a quarter of the device's memory, since a CPU's is also everybody else's. G_MAXUINT64
 * where the device does not say, here and below. */
guint64 vldm_memory_share (OclDevice * device);

/* What a call on @queue can have at most: all that nobody uses, less a little for rounding. */
guint64 vldm_memory_left (OclQueue * queue);

/* What one buffer may have. */
guint64 vldm_memory_largest (OclDevice * device);

G_END_DECLS
