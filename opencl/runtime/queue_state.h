/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The fields of an OclQueue, for the files of opencl/runtime only. Its functions lie in layers, each of which calls
 * only those below:
 *
 *   queue.c     creation and transfers
 *   launch.c    kernels, their arguments, slices of long launches
 *   batch.c     launches in flight, what they took
 *   profile.c   times of kernels
 *   turn.c      queues that must not run at once
 *   wait.c      waiting and cancelling
 */
#pragma once

#include "opencl/runtime/device_private.h"
#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

/* The log domain of messages that come with every batch or turn, more than anybody wants beside others. */
#define OCL_LOG_QUEUE "vldm-opencl-queue"

/* A kernel of this queue. */
typedef struct
{
  cl_kernel kernel;             /* NULL for a kernel of another library */
  cl_uint n_args;
  char *name;                   /* for the profile and the log */
  gdouble ns_per_work;          /* the estimate: nanoseconds per unit of OclCall.work */
  gdouble recent_ns, recent_work;       /* sums behind ns_per_work, in which older batches weigh less */
  gboolean timed;               /* ns_per_work was measured, not guessed */
  guint64 batch;                /* the latest batch with launches of this kernel, and their estimated time */
  gdouble batch_ns;
  GHashTable *warm;             /* set of the launch shapes that the driver has compiled */
  guint64 launches, device_ns, longest_ns;      /* with profiling */
  gdouble work;
} OclKernel;

/* Launches between two markers. */
typedef struct
{
  cl_event marker;              /* NULL while the batch is being filled */
  gint64 started_us;
  guint launches;
  gdouble estimate_ns;
  OclKernel *longest;           /* the kernel with the largest share of the estimate */
  gdouble longest_ns;           /* that share */
} OclBatch;

/* A launch whose time has not been added to its kernel. */
typedef struct
{
  cl_event event;
  OclKernel *kernel;
} OclTimed;

struct _OclQueue
{
  OclDevice *device;
  cl_command_queue handle;
  OclArena *arena;
  GHashTable *kernels;          /* "program options kernel" -> OclKernel */

  OclCheckFunc check;
  OclBuildFunc build;
  OclTuneFunc tune;
  gpointer user_data;
  guint built, tuned;

  OclBatch filling, running;
  guint64 n_batches;
  gint64 done_us;               /* when the batch before `running` ended; 0 = unknown */
  gint64 waited_us;             /* spent waiting for turns since the queue was created */

  guint64 launches;
  gboolean profiling, print_profile;
  GArray *timed;                /* OclTimed */
};

G_END_DECLS
