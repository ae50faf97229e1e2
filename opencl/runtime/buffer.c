/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Buffers, and the arena that serves a queue's operations from a few large buffers.
 */

#include "opencl/runtime/buffer.h"

#include "opencl/runtime/device_private.h"

#include <errno.h>
#include <sys/mman.h>

/* The smallest block of an arena: enough for all small tensors of a network, and at most a small part of the device. */
#define MIN_BLOCK (16 * 1024 * 1024)
#define MIN_BLOCK_PART 64

struct _OclBuffer
{
  gatomicrefcount refs;
  OclDevice *device;
  cl_mem mem;
  gsize bytes;
};

static OclBuffer *
buffer_create (OclDevice * device, cl_mem_flags flags, const void *data,
    gsize bytes, GError ** error)
{
  guint64 limit = device->caps.max_allocation;
  OclBuffer *buffer;
  cl_int status;
  cl_mem mem;

  if (limit != 0 && bytes > limit) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%" G_GSIZE_FORMAT " bytes wanted in one buffer, but %s allows %"
        G_GUINT64_FORMAT, bytes, device->description, limit);
    return NULL;
  }
  if (!ocl_device_reserve (device, bytes, error))
    return NULL;
  mem = clCreateBuffer (device->context, flags, bytes, (void *) data, &status);
  if (!ocl_check (status, error, "clCreateBuffer of %" G_GSIZE_FORMAT
          " bytes on %s", bytes, device->description)) {
    ocl_device_unreserve (device, bytes);
    return NULL;
  }
  buffer = g_new0 (OclBuffer, 1);
  g_atomic_ref_count_init (&buffer->refs);
  buffer->device = ocl_device_ref (device);
  buffer->mem = mem;
  buffer->bytes = bytes;
  return buffer;
}

OclBuffer *
ocl_buffer_new (OclDevice * device, gsize bytes, GError ** error)
{
  return buffer_create (device, CL_MEM_READ_WRITE, NULL, bytes, error);
}

OclBuffer *
ocl_buffer_new_from_data (OclDevice * device, const void *data, gsize bytes,
    GError ** error)
{
  return buffer_create (device, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, data,
      bytes, error);
}

/* Zeroed pages of the host, which a cl_mem can use until it is destroyed. */
typedef struct
{
  gpointer memory;
  gsize bytes;
} HostPages;

static HostPages *
host_pages_new (gsize bytes, GError ** error)
{
  gpointer memory = mmap (NULL, bytes, PROT_READ | PROT_WRITE,
      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HostPages *pages;

  if (memory == MAP_FAILED) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "cannot get %" G_GSIZE_FORMAT " bytes of the host's memory: %s", bytes,
        g_strerror (errno));
    return NULL;
  }
  pages = g_new (HostPages, 1);
  pages->memory = memory;
  pages->bytes = bytes;
  return pages;
}

static void
host_pages_free (HostPages * pages)
{
  munmap (pages->memory, pages->bytes);
  g_free (pages);
}

static void CL_CALLBACK
host_pages_destroyed (cl_mem mem, void *pages)
{
  host_pages_free (pages);
}

OclBuffer *
ocl_buffer_new_filled (OclDevice * device, gsize bytes,
    void (*fill) (gpointer memory, gpointer user_data), gpointer user_data,
    GError ** error)
{
  HostPages *pages = host_pages_new (bytes, error);
  OclBuffer *buffer;
  cl_int status;

  if (pages == NULL)
    return NULL;
  fill (pages->memory, user_data);
  buffer = buffer_create (device, CL_MEM_READ_WRITE
      | (device->caps.is_cpu ? CL_MEM_USE_HOST_PTR : CL_MEM_COPY_HOST_PTR),
      pages->memory, bytes, error);
  if (buffer != NULL && device->caps.is_cpu) {
    status = clSetMemObjectDestructorCallback (buffer->mem,
        host_pages_destroyed, pages);
    if (ocl_check (status, error, "clSetMemObjectDestructorCallback"))
      return buffer;
    g_clear_pointer (&buffer, ocl_buffer_unref);
  }
  host_pages_free (pages);
  return buffer;
}

OclBuffer *
ocl_buffer_ref (OclBuffer * buffer)
{
  g_atomic_ref_count_inc (&buffer->refs);
  return buffer;
}

void
ocl_buffer_unref (OclBuffer * buffer)
{
  if (buffer == NULL || !g_atomic_ref_count_dec (&buffer->refs))
    return;
  /* Queued commands keep the memory itself until they are done. */
  clReleaseMemObject (buffer->mem);
  ocl_device_unreserve (buffer->device, buffer->bytes);
  ocl_device_unref (buffer->device);
  g_free (buffer);
}

cl_mem
ocl_buffer_mem (OclBuffer * buffer)
{
  return buffer->mem;
}

gsize
ocl_buffer_size (OclBuffer * buffer)
{
  return buffer->bytes;
}

/* Blocks before `current` are full, blocks after it empty. */
struct _OclArena
{
  OclDevice *device;
  GPtrArray *blocks;            /* OclBuffer */
  guint current;
  gsize used;                   /* bytes of the current block */
};

OclArena *
ocl_arena_new (OclDevice * device)
{
  OclArena *arena = g_new0 (OclArena, 1);

  arena->device = ocl_device_ref (device);
  arena->blocks =
      g_ptr_array_new_with_free_func ((GDestroyNotify) ocl_buffer_unref);
  return arena;
}

void
ocl_arena_free (OclArena * arena)
{
  if (arena == NULL)
    return;
  g_ptr_array_unref (arena->blocks);
  ocl_device_unref (arena->device);
  g_free (arena);
}

/* Moves the smallest of the empty blocks from @first on that holds @bytes to @first; FALSE if there is none. */
static gboolean
find_block (OclArena * arena, guint first, gsize bytes)
{
  GPtrArray *blocks = arena->blocks;
  guint best = blocks->len;
  gpointer block;

  for (guint i = first; i < blocks->len; i++)
    if (ocl_buffer_size (blocks->pdata[i]) >= bytes && (best == blocks->len
            || ocl_buffer_size (blocks->pdata[i]) <
            ocl_buffer_size (blocks->pdata[best])))
      best = i;
  if (best == blocks->len)
    return FALSE;
  block = blocks->pdata[best];
  blocks->pdata[best] = blocks->pdata[first];
  blocks->pdata[first] = block;
  return TRUE;
}

/* For the case that no empty block is large enough: replaces all of them by one as large as they were together. So an
 * arena never holds more than its blocks in use and the largest request, and comes to have few blocks. */
static gboolean
merge_blocks (OclArena * arena, guint first, gsize bytes, GError ** error)
{
  const OclCaps *caps = &arena->device->caps;
  gsize limit = MAX (bytes, caps->max_allocation), sum = 0;
  gsize least = caps->global_memory == 0 ? MIN_BLOCK
      : MIN (MIN_BLOCK, caps->global_memory / MIN_BLOCK_PART);
  OclBuffer *block;

  for (guint i = first; i < arena->blocks->len; i++)
    sum += ocl_buffer_size (arena->blocks->pdata[i]);
  g_ptr_array_set_size (arena->blocks, first);
  block = ocl_buffer_new (arena->device,
      MAX (bytes, MIN (MAX (sum, least), limit)), error);
  if (block == NULL)
    return FALSE;
  g_ptr_array_add (arena->blocks, block);
  g_debug ("arena %p: a new block of %" G_GSIZE_FORMAT " kB, %u blocks; the "
      "device holds %" G_GUINT64_FORMAT " MB", arena,
      ocl_buffer_size (block) >> 10, arena->blocks->len,
      ocl_device_bytes_allocated (arena->device) >> 20);
  return TRUE;
}

/* Makes `current` an empty block of at least @bytes. */
static gboolean
next_block (OclArena * arena, gsize bytes, GError ** error)
{
  guint first = arena->used > 0 ? arena->current + 1 : arena->current;

  if (!find_block (arena, first, bytes)
      && !merge_blocks (arena, first, bytes, error))
    return FALSE;
  arena->current = first;
  arena->used = 0;
  return TRUE;
}

gboolean
ocl_arena_alloc (OclArena * arena, gsize bytes, OclBuffer ** buffer,
    gsize * offset, GError ** error)
{
  OclBuffer *block;

  if (bytes > G_MAXSIZE - OCL_ARENA_ALIGNMENT) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%" G_GSIZE_FORMAT " bytes are more than any device has", bytes);
    return FALSE;
  }
  bytes =
      (MAX (bytes,
          1) + OCL_ARENA_ALIGNMENT - 1) & ~(gsize) (OCL_ARENA_ALIGNMENT - 1);
  block =
      arena->current <
      arena->blocks->len ? arena->blocks->pdata[arena->current] : NULL;
  if (block == NULL || bytes > ocl_buffer_size (block) - arena->used) {
    if (!next_block (arena, bytes, error))
      return FALSE;
    block = arena->blocks->pdata[arena->current];
  }
  *buffer = block;
  *offset = arena->used;
  arena->used += bytes;
  return TRUE;
}

OclArenaMark
ocl_arena_mark (OclArena * arena)
{
  return (OclArenaMark) {
  arena->current, arena->used};
}

void
ocl_arena_release (OclArena * arena, OclArenaMark mark)
{
  arena->current = mark.block;
  arena->used = mark.used;
}

gsize
ocl_arena_unused (OclArena * arena)
{
  gsize sum = 0;

  for (guint i = arena->used > 0 ? arena->current + 1 : arena->current;
      i < arena->blocks->len; i++)
    sum += ocl_buffer_size (arena->blocks->pdata[i]);
  return sum;
}

void
ocl_arena_clear (OclArena * arena)
{
  g_ptr_array_set_size (arena->blocks, 0);
  arena->current = 0;
  arena->used = 0;
}
