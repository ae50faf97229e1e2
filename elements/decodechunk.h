/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The chunk of frames that vldmdec is collecting.
 *
 *   chunk 0   0 1 2 3 4 5 6 7
 *   chunk 1               6 7 8 9 10 11 12 13
 *
 * Frames 6 and 7 are decoded twice and blended. After chunk 0 frames 0 to 5 can leave; 6 and 7 are held, with their
 * pictures, until chunk 1 is decoded or the stream ends.
 */
#pragma once

#include "gst/latents.h"
#include "vldm/stages/decode.h"

G_BEGIN_DECLS

/* The latents of what an element calls a frame. */
typedef GstBuffer *(*GstVldmChunkLatents) (gpointer frame);

typedef struct
{
  guint64 number;
  GstVldmChunkLatents latents_of;
  GPtrArray *frames;            /* one after the other */
  guint n_held;                 /* the first of them that were decoded with the chunk before */
  VldmFrames held;              /* their pictures */
} GstVldmChunk;

/* For frames that are freed by @free_frame. */
void gst_vldm_chunk_init (GstVldmChunk * chunk, GDestroyNotify free_frame, GstVldmChunkLatents latents_of);
void gst_vldm_chunk_clear (GstVldmChunk * chunk);

/* Forgets all frames. */
void gst_vldm_chunk_reset (GstVldmChunk * chunk);

/* Decodes all frames to @pictures and holds those that the next chunk shares, unless this is the @last one. Returns how
 * many can leave, 0 on failure. */
guint gst_vldm_chunk_decode (GstVldmChunk * chunk, VldmDecode * stage, const GstVldmLatents * latents,
    const VldmChunks * grid, gboolean last, VldmFrames * pictures, const VldmProgress * progress, GError ** error);

/* A GstVldmWiden for VldmChunks: to whole ones. */
void gst_vldm_chunks_widen (gconstpointer grid, guint64 * first, guint64 * end);

G_END_DECLS
