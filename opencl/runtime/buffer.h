/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Device memory: reference-counted buffers, and an arena that hands out slices of them in stack order.
 */
#pragma once

#include "opencl/runtime/device.h"

G_BEGIN_DECLS

/* One cl_mem. */
typedef struct _OclBuffer OclBuffer;

/* Fails with OCL_ERROR_MEMORY before the driver does where @bytes exceeds the device's limits. */
OclBuffer *ocl_buffer_new (OclDevice * device, gsize bytes, GError ** error);

/* The same, with @data copied in. Only for loading: it waits. */
OclBuffer *ocl_buffer_new_from_data (OclDevice * device, const void *data, gsize bytes, GError ** error);

/* The same, with what @fill writes into @memory, bytes of zeros before. Nothing is copied where the device computes in the
 * host's memory. */
OclBuffer *ocl_buffer_new_filled (OclDevice * device, gsize bytes, void (*fill) (gpointer memory, gpointer user_data),
    gpointer user_data, GError ** error);

OclBuffer *ocl_buffer_ref (OclBuffer * buffer);
void ocl_buffer_unref (OclBuffer * buffer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclBuffer, ocl_buffer_unref);

cl_mem ocl_buffer_mem (OclBuffer * buffer);
gsize ocl_buffer_size (OclBuffer * buffer);

/* A stack of slices: mark, allocate, release to the mark. Buffers stay for the next round, so that after the first
 * denoising step nothing is allocated any more. Released memory may be handed out at once, since each arena serves one
 * in-order queue. */
typedef struct _OclArena OclArena;

typedef struct
{
  guint block;
  gsize used;
} OclArenaMark;

OclArena *ocl_arena_new (OclDevice * device);
void ocl_arena_free (OclArena * arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclArena, ocl_arena_free);

/* Slices begin where any device's vectors and any driver's sub-buffers may begin, and end so. */
#define OCL_ARENA_ALIGNMENT 256

/* @offset is in bytes and a multiple of OCL_ARENA_ALIGNMENT. The arena keeps the buffer. */
gboolean ocl_arena_alloc (OclArena * arena, gsize bytes, OclBuffer ** buffer, gsize * offset, GError ** error);

OclArenaMark ocl_arena_mark (OclArena * arena);
void ocl_arena_release (OclArena * arena, OclArenaMark mark);

/* Bytes of buffers that the arena holds and of which nothing is in use. */
gsize ocl_arena_unused (OclArena * arena);

/* Gives all buffers back to the device; nothing of the arena may be in use. */
void ocl_arena_clear (OclArena * arena);

G_END_DECLS
