/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The device's limits as numbers to plan with.
 */
#include "vldm/memory.h"

/* The part of the device's memory that a call may take. */
#define SHARE 4

/* The part that arenas may lose where they round up: two blocks of a 64th. */
#define ROUNDING 32

guint64
vldm_memory_share (OclDevice * device)
{
  guint64 all = ocl_device_caps (device)->global_memory;

  return all == 0 ? G_MAXUINT64 : all / SHARE;
}

guint64
vldm_memory_left (OclQueue * queue)
{
  OclDevice *device = ocl_queue_device (queue);
  guint64 all = ocl_device_caps (device)->global_memory;
  guint64 used = ocl_device_bytes_allocated (device);
  guint64 unused = ocl_arena_unused (ocl_queue_arena (queue));

  if (all == 0)
    return G_MAXUINT64;
  used += all / ROUNDING;
  return all + unused > used ? all + unused - used : 0;
}

guint64
vldm_memory_largest (OclDevice * device)
{
  guint64 most = ocl_device_caps (device)->max_allocation;

  return most == 0 ? G_MAXUINT64 : most;
}
