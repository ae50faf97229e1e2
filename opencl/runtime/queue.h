/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An in-order queue with the arena that its operations allocate from. It bounds the work in flight to about 100 ms,
 * calls its check function meanwhile, and cuts launches that would take longer into slices. A queue belongs to one
 * thread at a time.
 */
#pragma once

#include "opencl/runtime/buffer.h"

G_BEGIN_DECLS

typedef struct _OclQueue OclQueue;

/* Called at least every 100 ms or so of queued work. FALSE cancels: the call in progress fails with
 * OCL_ERROR_CANCELLED. */
typedef gboolean (*OclCheckFunc) (gpointer user_data);

/* Called before a kernel is built. @program and @kernel are names; @built = kernels that this queue has built so
 * far. */
typedef void (*OclBuildFunc) (const char *program, const char *kernel, guint built, gpointer user_data);

/* Called before variants are measured (tuning.h). @what = operation and shape; @tuned = measurements of this queue
 * so far. */
typedef void (*OclTuneFunc) (const char *what, guint tuned, gpointer user_data);

OclQueue *ocl_queue_new (OclDevice * device, GError ** error);
void ocl_queue_free (OclQueue * queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclQueue, ocl_queue_free);

OclDevice *ocl_queue_device (OclQueue * queue);
OclArena *ocl_queue_arena (OclQueue * queue);

/* Each may be NULL. */
void ocl_queue_set_callbacks (OclQueue * queue, OclCheckFunc check, OclBuildFunc build, OclTuneFunc tune,
    gpointer user_data);

/* One launch. Arguments are added in the kernel's order with the ocl_call_* functions below. */
#define OCL_CALL_MAX_ARGS 64
typedef struct
{
  const char *program;          /* file in opencl/kernels without ".cl" */
  const char *kernel;           /* function in it */
  const char *options;          /* "-DNAME=VALUE ..." or NULL; decides, with program, what is compiled */
  gsize global[3];              /* work-items; 0 counts as 1 */
  gsize local[3];               /* work-group; 0 counts as 1 */
  gdouble work;                 /* estimated operations (2 per multiply-add) or bytes moved, whichever is more */

  /* NULL, or enqueues kernels of another library in place of ours; program and kernel then only serve messages.
   * Gives the event of the last command if @event is not NULL. Such a call cannot be cut into slices. */
  gboolean (*enqueue) (OclQueue * queue, gpointer user_data, cl_event * event, GError ** error);
  gpointer user_data;

  guint n_args;
  struct
  {
    gsize size;
    union
    {
      cl_mem mem;
      cl_int i;
      cl_uint u;
      cl_ulong l;
      cl_float f;
    } value;
  } args[OCL_CALL_MAX_ARGS];
} OclCall;

/* A NULL buffer passes a NULL pointer. */
void ocl_call_buffer (OclCall * call, OclBuffer * buffer);
void ocl_call_int (OclCall * call, gint value);
void ocl_call_uint64 (OclCall * call, guint64 value);
void ocl_call_float (OclCall * call, gfloat value);

/* Enqueues the call. Kernels must find their place by get_global_id () and never by get_group_id (), since slices of a
 * launch, along its last used dimension, have a global offset. Global sizes are rounded up to whole work-groups, so
 * kernels must check their bounds. */
gboolean ocl_queue_run (OclQueue * queue, const OclCall * call, GError ** error);

/* Transfers. Both wait, calling the check function meanwhile. @offset is in bytes. */
gboolean ocl_queue_write (OclQueue * queue, OclBuffer * buffer, gsize offset, const void *data, gsize bytes,
    GError ** error);
gboolean ocl_queue_read (OclQueue * queue, OclBuffer * buffer, gsize offset, void *data, gsize bytes, GError ** error);

/* Waits for everything queued, calling the check function meanwhile. */
gboolean ocl_queue_finish (OclQueue * queue, GError ** error);

/* Waits without calling the check function and without errors: to be called after a failure, before memory is freed
 * that the queue uses. */
void ocl_queue_drain (OclQueue * queue);

/* Launches since the queue was created. */
guint64 ocl_queue_launches (OclQueue * queue);

/* With the environment variable VLDM_PROFILE=quiet, every launch except each kernel's first is timed: nanoseconds on
 * the device since the queue was created, and a table of kernels by time, one line each (g_free it). VLDM_PROFILE=1
 * also prints the table when the queue is freed. */
guint64 ocl_queue_device_ns (OclQueue * queue);
char *ocl_queue_profile (OclQueue * queue);

/* For CLBlast only. */
cl_command_queue ocl_queue_handle (OclQueue * queue);

G_END_DECLS
