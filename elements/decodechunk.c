/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The chunk of frames that vldmdec is collecting.
 */
#include "elements/decodechunk.h"

void
gst_vldm_chunk_init (GstVldmChunk * chunk, GDestroyNotify free_frame,
    GstVldmChunkLatents latents_of)
{
  memset (chunk, 0, sizeof (*chunk));
  chunk->latents_of = latents_of;
  chunk->frames = g_ptr_array_new_with_free_func (free_frame);
}

void
gst_vldm_chunk_clear (GstVldmChunk * chunk)
{
  g_clear_pointer (&chunk->frames, g_ptr_array_unref);
  vldm_frames_clear (&chunk->held);
}

void
gst_vldm_chunk_reset (GstVldmChunk * chunk)
{
  g_ptr_array_set_size (chunk->frames, 0);
  vldm_frames_clear (&chunk->held);
  chunk->n_held = 0;
}

static gboolean
gather (const GstVldmChunk * chunk, const GstVldmLatents * latents,
    VldmFrames * gathered, GError ** error)
{
  guint i;

  if (!vldm_frames_init (gathered, latents->format, chunk->frames->len,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error))
    return FALSE;
  for (i = 0; i < chunk->frames->len; i++) {
    GstBuffer *buffer =
        chunk->latents_of (g_ptr_array_index (chunk->frames, i));

    gst_buffer_extract (buffer, 0, vldm_frames_host (gathered, i),
        vldm_frames_frame_size (gathered));
  }
  return TRUE;
}

/* Keeps copies of the pictures from @first on. */
static gboolean
hold (GstVldmChunk * chunk, const VldmFrames * pictures, guint first,
    GError ** error)
{
  guint n = pictures->count - first;

  vldm_frames_clear (&chunk->held);
  chunk->n_held = n;
  if (n == 0)
    return TRUE;
  if (!vldm_frames_init (&chunk->held, VLDM_FORMAT_RGB8, n, 3,
          pictures->height, pictures->width, error))
    return FALSE;
  memcpy (vldm_frames_host (&chunk->held, 0),
      vldm_frames_host (pictures, first), vldm_frames_size (&chunk->held));
  return TRUE;
}

guint
gst_vldm_chunk_decode (GstVldmChunk * chunk, VldmDecode * stage,
    const GstVldmLatents * latents, const VldmChunks * grid, gboolean last,
    VldmFrames * pictures, const VldmProgress * progress, GError ** error)
{
  const VldmDecodeParams params = {
    .width = latents->width,
    .height = latents->height,
    .blend = chunk->n_held,
    .keep = !last && grid->overlap > 0,
    .overlap = grid->overlap,
  };
  guint n_done = chunk->frames->len - (last ? 0 : grid->overlap);
  g_auto (VldmFrames) gathered = { 0, };

  if (!gather (chunk, latents, &gathered, error)
      || !vldm_frames_init (pictures, VLDM_FORMAT_RGB8, gathered.count, 3,
          latents->height, latents->width, error)
      || !vldm_decode_run (stage, &params, &gathered, pictures, progress, error)
      || !hold (chunk, pictures, n_done, error))
    return 0;
  return n_done;
}

void
gst_vldm_chunks_widen (gconstpointer grid, guint64 * first, guint64 * end)
{
  const VldmChunks *chunks = grid;

  *first = vldm_chunk_start (chunks, vldm_first_chunk_of (chunks, *first));
  if (*end != G_MAXUINT64)
    *end = vldm_chunk_start (chunks, vldm_last_chunk_of (chunks, *end - 1))
        + chunks->size;
}
