/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Device memory: reference-counted buffers, and an arena that hands out slices of them in stack order.
 */
#pragma once

#include "opencl/runtime/device.h"

G_BEGIN_DECLS

/* One cl_mem. */
typedef struct _OclBuffer OclBuffer;

/* Fails with OCL_ERROR_MEMORY, without asking the driver, if @bytes exceeds the device's limits. */
OclBuffer *ocl_buffer_new (OclDevice * device, gsize bytes, GError ** error);

/* The same, with @data copied into it. Waits for the copy, so it is meant for loading only. */
OclBuffer *ocl_buffer_new_from_data (OclDevice * device, const void *data, gsize bytes, GError ** error);

/* The same, with the bytes that @fill writes into @memory, which holds zeros before. Without a copy if the device
 * computes in the host's memory. */
OclBuffer *ocl_buffer_new_filled (OclDevice * device, gsize bytes, void (*fill) (gpointer memory, gpointer user_data),
    gpointer user_data, GError ** error);

OclBuffer *ocl_buffer_ref (OclBuffer * buffer);
void ocl_buffer_unref (OclBuffer * buffer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclBuffer, ocl_buffer_unref);

cl_mem ocl_buffer_mem (OclBuffer * buffer);
gsize ocl_buffer_size (OclBuffer * buffer);

/* A stack of slices: mark, allocate, release down to the mark. The arena keeps its buffers, so nothing is allocated
 * after the first denoising step. Released memory may be handed out at once, since each arena serves one in-order
 * queue. */
typedef struct _OclArena OclArena;

typedef struct
{
  guint block;
  gsize used;
} OclArenaMark;

OclArena *ocl_arena_new (OclDevice * device);
void ocl_arena_free (OclArena * arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclArena, ocl_arena_free);

/* Slices begin and end at multiples of this many bytes, which suits every device's vectors and sub-buffers. */
#define OCL_ARENA_ALIGNMENT 256

/* *@offset is in bytes and a multiple of OCL_ARENA_ALIGNMENT. The arena owns *@buffer. */
gboolean ocl_arena_alloc (OclArena * arena, gsize bytes, OclBuffer ** buffer, gsize * offset, GError ** error);

OclArenaMark ocl_arena_mark (OclArena * arena);
void ocl_arena_release (OclArena * arena, OclArenaMark mark);

/* Bytes of the arena's buffers in which nothing is in use. */
gsize ocl_arena_unused (OclArena * arena);

/* Frees all buffers; nothing of the arena may be in use. */
void ocl_arena_clear (OclArena * arena);

G_END_DECLS
