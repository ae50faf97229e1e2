/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An in-order queue with the arena that its operations allocate from. It bounds the work in flight to about 100 ms, asks
 * its check function between, and cuts single launches that would take longer into slices. A queue belongs to one
 * thread at a time.
 */
#pragma once

#include "opencl/runtime/buffer.h"

G_BEGIN_DECLS

typedef struct _OclQueue OclQueue;

/* Asked at least every ~100 ms of queued work; FALSE cancels: the launch in progress fails with OCL_ERROR_CANCELLED. */
typedef gboolean (*OclCheckFunc) (gpointer user_data);

/* Told before a kernel is built, @program and @kernel by name and @built counted in this queue. */
typedef void (*OclBuildFunc) (const char *program, const char *kernel, guint built, gpointer user_data);

/* Told before the ways to do something are measured (tuning.h), @what in words and @tuned counted in this queue. */
typedef void (*OclTuneFunc) (const char *what, guint tuned, gpointer user_data);

OclQueue *ocl_queue_new (OclDevice * device, GError ** error);
void ocl_queue_free (OclQueue * queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclQueue, ocl_queue_free);

OclDevice *ocl_queue_device (OclQueue * queue);
OclArena *ocl_queue_arena (OclQueue * queue);

/* Any may be NULL. */
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
  gdouble work;                 /* about how many operations (2 a multiply-add) or, if more, bytes moved */

  /* NULL, or instead of a kernel of ours: enqueues another library's, which program and kernel name then only for people,
   * and gives the last command's event if @event is not NULL. It cannot be cut into slices. */
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

/* Enqueues the call. Kernels find their place by get_global_id () only, never get_group_id (): a launch cut into slices
 * along its last used dimension passes a global offset. Global sizes are rounded up to the work-group, so kernels check
 * their bounds. */
gboolean ocl_queue_run (OclQueue * queue, const OclCall * call, GError ** error);

/* Host to device: @data may be reused at once. Device to host: waits, polling the check function. Offsets in bytes. */
gboolean ocl_queue_write (OclQueue * queue, OclBuffer * buffer, gsize offset, const void *data, gsize bytes,
    GError ** error);
gboolean ocl_queue_read (OclQueue * queue, OclBuffer * buffer, gsize offset, void *data, gsize bytes, GError ** error);

/* Waits for all that is queued, polling the check function. */
gboolean ocl_queue_finish (OclQueue * queue, GError ** error);

/* Waits without polling and without errors: before memory in use by the queue is freed after a failure. */
void ocl_queue_drain (OclQueue * queue);

/* Launches since the queue was made. */
guint64 ocl_queue_launches (OclQueue * queue);

/* With the environment variable VLDM_PROFILE=quiet every launch but each kernel's first is timed: nanoseconds on the
 * device since the queue was made, and a table of kernels by time, one line each (g_free it). VLDM_PROFILE=1 also prints
 * the table when the queue is freed. */
guint64 ocl_queue_device_ns (OclQueue * queue);
char *ocl_queue_profile (OclQueue * queue);

/* For CLBlast only. */
cl_command_queue ocl_queue_handle (OclQueue * queue);

G_END_DECLS
