/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What queue.c (batches, waiting, transfers) and launch.c (kernels and their estimates) share.
 */
#pragma once

#include "opencl/runtime/private.h"
#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

typedef struct
{
  cl_kernel kernel;
  cl_uint n_args;
  char *name;                   /* for the profile */
  gdouble ns_per_work;
  gdouble recent_ns, recent_work;       /* sums that ns_per_work comes from, older batches weighing less */
  gboolean timed;               /* ns_per_work was measured, not guessed */
  guint64 batch;                /* the latest batch that it is in, and the estimate for its launches there */
  gdouble batch_ns;
  GHashTable *warm;             /* set of launch variants that the driver has compiled */
  guint64 launches, device_ns, longest_ns;      /* with profiling */
  gdouble work;
} OclKernel;

typedef struct
{
  cl_event marker;              /* NULL while the batch is being filled */
  gint64 started_us;
  guint launches;
  gdouble estimate_ns;
  OclKernel *longest;           /* the kernel that most of the estimate is for */
  gdouble longest_ns;
} OclBatch;

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
  gint64 done_us;               /* when the batch before `running` ended, 0 = not known */
  gint64 waited_us;             /* for turns (turn.h), since the queue was made */

  guint64 launches;
  gboolean profiling, print_profile;
  GArray *timed;                /* OclTimed, not yet added to their kernels */
};

/* Asks the check function. */
gboolean ocl_queue_check (OclQueue * queue, GError ** error);

/* Sleeps until @event is complete, asking the check function; @what names it in errors. @blocked (NULL = not of
 * interest) tells whether it had to sleep. */
gboolean ocl_queue_wait (OclQueue * queue, cl_event event, gboolean * blocked, const char *what, GError ** error);

/* Ends the batch that is being filled and waits for the one before. */
gboolean ocl_queue_end_batch (OclQueue * queue, GError ** error);

/* After all that was queued is done: nothing is in flight. */
void ocl_queue_forget_batches (OclQueue * queue);

/* Adds the times of launches that are complete to their kernels. */
void ocl_queue_collect_times (OclQueue * queue);

/* For GHashTable. */
void ocl_kernel_free (gpointer kernel);

G_END_DECLS
