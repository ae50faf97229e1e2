/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of the runtime know of each other's objects. Nothing outside opencl/runtime includes this.
 */
#pragma once

#include "opencl/runtime/matrix.h"

G_BEGIN_DECLS

typedef struct _OclTuning OclTuning;

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
  gboolean driver_caches;       /* the driver keeps compiled programs on disk by itself */
  gboolean waiters_compute;     /* a thread that waits in the driver is one of those that compute */
  gboolean one_queue_at_a_time; /* the driver fails where kernels of two queues are in flight */
  gdouble guessed_rate;         /* operations a nanosecond before anything was measured */

  gsize matrix_tried;           /* GOnce of `matrix` */
  OclMatrix matrix;

  GMutex programs_lock;         /* also held while a program is built: one build at a time */
  GHashTable *programs;         /* "name options" -> cl_program */

  OclTuning *tuning;            /* the process's, NULL until it is asked */

  GMutex bytes_lock;
  guint64 bytes, bytes_peak;    /* in OclBuffers */
};

/* Counts @bytes as allocated, unless that is more than the device has. */
gboolean ocl_device_reserve (OclDevice * device, gsize bytes, GError ** error);
void ocl_device_unreserve (OclDevice * device, gsize bytes);

/* Where files are kept between processes: VLDM_CACHE_DIR, else gst-vldm in the user's cache folder. */
char *ocl_cache_folder (void);

/* For GHashTable: releases a cl_program. */
void ocl_program_release (gpointer program);

G_END_DECLS
