/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Activations that lie in strips of rows, one below the other, so that layers can run where memory holds two of them but not
 * four, or one is larger than any buffer. A layer makes its output strip by strip, out of the rows of its input that the strip
 * depends on, and gives back input strips that nobody needs any more. Sums over whole pictures (group norm) run over all
 * strips, so that results are those of the whole, bit for bit. Where there is enough memory a strip is the whole picture.
 *
 * All strips are cut from blocks of one size, which the device's memory decides before anything runs: the same code is gone
 * through with nothing but counting, with smaller and smaller blocks, until it fits.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* What the layers of one run share. */
typedef struct
{
  OclQueue *queue;
  OclType type;                 /* of strips */
  gboolean counting;            /* nothing has memory, and nothing may be enqueued */
  gsize block;                  /* elements of a strip at most */
  GArray *unused;               /* of OclTensor: blocks that no strip has */
  OclTensor factors;            /* of the last norm; room for any */

  /* counted so far */
  gsize blocks, scratch;        /* in use: blocks, and bytes beside them */
  gsize most_blocks, most_scratch, most_factors;
  gsize largest_buffer;         /* bytes */
  gsize largest_field, longest_row;     /* elements of all frames */
  gsize most_pixels;            /* of a tensor that kernels see */
} VldmStripMemory;

/* A tensor [frames, height, width, channels] in strips. Those in [first, end) have memory. */
typedef struct
{
  OclTensor whole;              /* shape and type only */
  gsize rows;                   /* of each strip but the last, which has what is left; a multiple of 4 if there are several */
  guint n, first, end;
  OclTensor *strips;            /* [frames, rows, width, channels] */
  gboolean borrowed;            /* the memory is someone else's */
} VldmStrips;

/* Runs layers; called several times, and all but the last only count. It must clear all strips that it makes, also when it
 * fails. */
typedef gboolean (*VldmStripsFunc) (VldmStripMemory * memory, gpointer user_data, GError ** error);

/* Finds strips for @run that the device has memory for and runs it. Else OCL_ERROR_MEMORY tells how much @task ("decoding one
 * picture of 64 x 32") would need. */
gboolean vldm_strips_run (OclQueue * queue, OclType type, VldmStripsFunc run, gpointer user_data, const char *task,
    GError ** error);

/* An empty field: no strip has memory yet. */
void vldm_strips_init (VldmStripMemory * memory, gsize frames, gsize height, gsize width, gsize channels,
    VldmStrips * strips);

/* One strip in the memory of @tensor. */
void vldm_strips_borrow (const OclTensor * tensor, VldmStrips * strips);

/* Gives all memory back. */
void vldm_strips_clear (VldmStripMemory * memory, VldmStrips * strips);

/* Memory for the next strip. */
void vldm_strips_take (VldmStripMemory * memory, VldmStrips * strips);

/* Gives back the strips that lie above @row. */
void vldm_strips_release_above (VldmStripMemory * memory, VldmStrips * strips, gsize row);

/* Tensors beside the blocks, in stack order; nothing else may be allocated from the arena meanwhile. */
typedef struct
{
  OclArenaMark mark;
  gsize bytes;
} VldmScratchMark;

VldmScratchMark vldm_scratch_mark (VldmStripMemory * memory);
void vldm_scratch_release (VldmStripMemory * memory, VldmScratchMark mark);
gboolean vldm_scratch_alloc (VldmStripMemory * memory, OclType type, gsize frames, gsize height, gsize width,
    gsize channels, OclTensor * tensor, GError ** error);

/* Counts @bytes that an operation takes from the arena by itself. */
void vldm_scratch_count (VldmStripMemory * memory, gsize bytes);

G_END_DECLS
