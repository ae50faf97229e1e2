/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fields of an OclDevice, for the files of opencl/runtime only.
 */
#pragma once

#include "opencl/runtime/device.h"

G_BEGIN_DECLS

struct _OclDevice
{
  guint refs;                   /* under the lock of the table of devices */
  cl_device_id id;
  OclForm form;
  cl_context context;
  OclCaps caps;
  char *description;
  char *identity;               /* names and versions of everything that decides what a compiled program looks like */
  char *extensions;             /* as the driver lists them */
  gboolean driver_caches;       /* the driver itself keeps compiled programs on disk */
  gboolean waiters_compute;     /* a thread that waits in the driver is one of those that compute */
  gboolean one_queue_at_a_time; /* the driver fails when kernels of two queues are in flight */
  gdouble guessed_rate;         /* operations per nanosecond, for kernels not yet measured */

  struct _OclMatrix *matrix;    /* matrix.c: the matrix unit, found at the first call */
  gsize matrix_tried;           /* GOnce of `matrix` */

  GMutex programs_lock;         /* program.c: also held during a build, so programs are built one at a time */
  GHashTable *programs;         /* "name options" -> cl_program */

  struct _OclTuning *tuning;    /* tuning.c: owned by the process; NULL until the first question */

  GMutex bytes_lock;
  guint64 bytes, bytes_peak;    /* in OclBuffers */
};

/* Counts @bytes as allocated. Fails with OCL_ERROR_MEMORY if the device would then hold more than it has. */
gboolean ocl_device_reserve (OclDevice * device, gsize bytes, GError ** error);
void ocl_device_unreserve (OclDevice * device, gsize bytes);

G_END_DECLS
