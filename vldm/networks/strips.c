/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Strips: their blocks, counting what a run takes, and the choice of the blocks' size.
 */
#include "vldm/networks/strips.h"

#include <string.h>

#include "vldm/memory.h"

/* Rows of a strip where strips are not the whole: Winograd's tiles begin at every fourth row. */
#define MIN_ROWS 4

/* From this height on smaller strips save little memory: a field or two are there as a whole. */
#define FEW_ROWS 16

/* As an arena counts. */
static gsize
align (gsize bytes)
{
  return (bytes + OCL_ARENA_ALIGNMENT - 1) / OCL_ARENA_ALIGNMENT
      * OCL_ARENA_ALIGNMENT;
}

/* ---- scratch ---- */

VldmScratchMark
vldm_scratch_mark (VldmStripMemory * memory)
{
  VldmScratchMark mark = { ocl_arena_mark (ocl_queue_arena (memory->queue)),
    memory->scratch
  };

  return mark;
}

void
vldm_scratch_release (VldmStripMemory * memory, VldmScratchMark mark)
{
  memory->scratch = mark.bytes;
  ocl_arena_release (ocl_queue_arena (memory->queue), mark.mark);
}

void
vldm_scratch_count (VldmStripMemory * memory, gsize bytes)
{
  memory->most_scratch = MAX (memory->most_scratch, memory->scratch + bytes);
  memory->largest_buffer = MAX (memory->largest_buffer, bytes);
}

gboolean
vldm_scratch_alloc (VldmStripMemory * memory, OclType type, gsize frames,
    gsize height, gsize width, gsize channels, OclTensor * tensor,
    GError ** error)
{
  gsize bytes =
      align (frames * height * width * channels * ocl_type_size (type));

  vldm_scratch_count (memory, bytes);
  memory->scratch += bytes;
  memory->most_pixels = MAX (memory->most_pixels, frames * height * width);
  if (!memory->counting)
    return ocl_tensor_alloc (memory->queue, type, ocl_shape (frames, height,
            width, channels), tensor, error);
  *tensor = (OclTensor) {
  .type = type,.frames = frames,.height = height,.width = width,.channels =
        channels,.stride = channels};
  return TRUE;
}

/* ---- strips ---- */

static void
set_shape (OclTensor * tensor, OclType type, gsize frames, gsize height,
    gsize width, gsize channels)
{
  tensor->type = type;
  tensor->frames = frames;
  tensor->height = height;
  tensor->width = width;
  tensor->channels = tensor->stride = channels;
}

void
vldm_strips_init (VldmStripMemory * memory, gsize frames, gsize height,
    gsize width, gsize channels, VldmStrips * strips)
{
  gsize row = frames * width * channels;

  memset (strips, 0, sizeof (*strips));
  set_shape (&strips->whole, memory->type, frames, height, width, channels);
  strips->rows = memory->block / row;
  if (strips->rows >= height)
    strips->rows = height;
  else
    strips->rows -= strips->rows % MIN_ROWS;
  strips->n = (height + strips->rows - 1) / strips->rows;
  strips->strips = g_new0 (OclTensor, strips->n);
  for (guint i = 0; i < strips->n; i++)
    set_shape (&strips->strips[i], memory->type, frames,
        MIN (strips->rows, height - i * strips->rows), width, channels);

  memory->largest_field = MAX (memory->largest_field, row * height);
  memory->longest_row = MAX (memory->longest_row, row);
  memory->most_factors = MAX (memory->most_factors, 2 * frames * channels);
  memory->most_pixels = MAX (memory->most_pixels, frames * height * width);
}

void
vldm_strips_borrow (const OclTensor * tensor, VldmStrips * strips)
{
  memset (strips, 0, sizeof (*strips));
  strips->whole = *tensor;
  strips->rows = tensor->height;
  strips->n = strips->end = 1;
  strips->strips = g_new (OclTensor, 1);
  strips->strips[0] = *tensor;
  strips->borrowed = TRUE;
}

void
vldm_strips_take (VldmStripMemory * memory, VldmStrips * strips)
{
  OclTensor *strip = &strips->strips[strips->end++];

  memory->blocks++;
  memory->most_blocks = MAX (memory->most_blocks, memory->blocks);
  if (!memory->counting) {
    const OclTensor *block = &g_array_index (memory->unused, OclTensor,
        memory->unused->len - 1);

    strip->buffer = block->buffer;
    strip->offset = block->offset;
    g_array_set_size (memory->unused, memory->unused->len - 1);
  }
}

void
vldm_strips_release_above (VldmStripMemory * memory, VldmStrips * strips,
    gsize row)
{
  while (!strips->borrowed && strips->first < strips->end
      && MIN ((strips->first + 1) * strips->rows, strips->whole.height) <=
      row) {
    if (!memory->counting)
      g_array_append_val (memory->unused, strips->strips[strips->first]);
    memory->blocks--;
    strips->first++;
  }
}

void
vldm_strips_clear (VldmStripMemory * memory, VldmStrips * strips)
{
  vldm_strips_release_above (memory, strips, strips->whole.height);
  g_clear_pointer (&strips->strips, g_free);
  strips->n = strips->first = strips->end = 0;
}

/* ---- choosing the blocks' size ---- */

static gsize
block_bytes (const VldmStripMemory * memory)
{
  return align (memory->block * ocl_type_size (memory->type));
}

/* All that a run with these blocks takes. */
static guint64
count_bytes (const VldmStripMemory * memory)
{
  return memory->most_blocks * block_bytes (memory) + memory->most_scratch
      + align (memory->most_factors * sizeof (gfloat));
}

/* Goes through @run with blocks of @block elements. */
static gboolean
count (VldmStripMemory * memory, VldmStripsFunc run, gpointer user_data,
    gsize block, GError ** error)
{
  const VldmStripMemory fresh = {
    .queue = memory->queue,
    .type = memory->type,
    .counting = TRUE,
    .block = block,
  };

  *memory = fresh;
  return run (memory, user_data, error);
}

static gboolean
fits (const VldmStripMemory * memory, guint64 bytes)
{
  guint64 largest = MAX (memory->largest_buffer, block_bytes (memory));

  return count_bytes (memory) <= bytes && memory->most_pixels <= OCL_MAX_PIXELS
      && largest <= vldm_memory_largest (ocl_queue_device (memory->queue));
}

static gboolean
fail (const VldmStripMemory * memory, const char *task, guint64 left,
    GError ** error)
{
  guint64 largest = MAX (memory->largest_buffer, block_bytes (memory));
  OclDevice *device = ocl_queue_device (memory->queue);

  if (memory->most_pixels > OCL_MAX_PIXELS)
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%s: %" G_GSIZE_FORMAT " pixels in one tensor are more than %d", task,
        memory->most_pixels, OCL_MAX_PIXELS);
  else if (largest > vldm_memory_largest (device))
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%s needs a buffer of %" G_GUINT64_FORMAT " bytes; %s allows %"
        G_GUINT64_FORMAT, task, largest, ocl_device_description (device),
        vldm_memory_largest (device));
  else
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%s needs %" G_GUINT64_FORMAT
        " bytes even in strips of %d rows; %s has %" G_GUINT64_FORMAT " left",
        task, count_bytes (memory), MIN_ROWS, ocl_device_description (device),
        left);
  return FALSE;
}

/* The largest blocks with which @run stays below its share of the memory; if that would make low strips, those that just
 * fit. */
static gboolean
choose_block (VldmStripMemory * memory, VldmStripsFunc run, gpointer user_data,
    const char *task, GError ** error)
{
  guint64 left = vldm_memory_left (memory->queue);
  guint64 share =
      MIN (left, vldm_memory_share (ocl_queue_device (memory->queue)));
  gsize whole, least, few, block;

  if (!count (memory, run, user_data, G_MAXSIZE, error))
    return FALSE;
  whole = memory->largest_field;
  least = MIN (MIN_ROWS * memory->longest_row, whole);
  few = FEW_ROWS * memory->longest_row;
  for (gsize n = 1;; n *= 2) {
    block = MAX ((whole + n - 1) / n, least);
    if (!count (memory, run, user_data, block, error))
      return FALSE;
    if (fits (memory, share) || (block <= few && fits (memory, left)))
      return TRUE;
    if (block == least)
      return fail (memory, task, left, error);
  }
}

/* Blocks for all strips, as many as go into one buffer at a time. */
static gboolean
alloc_blocks (VldmStripMemory * memory, GError ** error)
{
  gsize elements = block_bytes (memory) / ocl_type_size (memory->type);
  gsize most = vldm_memory_largest (ocl_queue_device (memory->queue))
      / block_bytes (memory);
  OclTensor some;

  for (gsize left = memory->most_blocks, n; left > 0; left -= n) {
    n = MIN (left, most);
    if (!ocl_tensor_alloc (memory->queue, memory->type, ocl_shape (n, 1, 1,
                elements), &some, error))
      return FALSE;
    for (gsize i = 0; i < n; i++) {
      OclTensor block = ocl_tensor_frames (&some, i, 1);

      g_array_append_val (memory->unused, block);
    }
  }
  return ocl_tensor_alloc (memory->queue, OCL_F32, ocl_shape (1, 1, 1,
          memory->most_factors), &memory->factors, error);
}

gboolean
vldm_strips_run (OclQueue * queue, OclType type, VldmStripsFunc run,
    gpointer user_data, const char *task, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  g_autoptr (GArray) unused = g_array_new (FALSE, FALSE, sizeof (OclTensor));
  VldmStripMemory memory = {.queue = queue,.type = type };
  gboolean done;

  if (!choose_block (&memory, run, user_data, task, error))
    return FALSE;
  g_debug ("%s: %" G_GSIZE_FORMAT " blocks of %" G_GSIZE_FORMAT " bytes, %"
      G_GUINT64_FORMAT " in all", task, (gsize) memory.most_blocks,
      (gsize) block_bytes (&memory), (guint64) count_bytes (&memory));
  memory.counting = FALSE;
  memory.unused = unused;
  memory.blocks = memory.scratch = 0;
  done = alloc_blocks (&memory, error) && run (&memory, user_data, error);
  ocl_arena_release (arena, mark);
  if (!done && error != NULL
      && g_error_matches (*error, OCL_ERROR, OCL_ERROR_MEMORY))
    g_prefix_error (error, "%s: ", task);
  return done;
}
