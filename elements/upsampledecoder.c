/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The way of frames into vldmsr's windows.
 */
#include "elements/upsampledecoder.h"

#include "elements/upsamplecaps.h"
#include "gst/error.h"
#include "gst/timing.h"

/* Assumed for latency and seeks while no model is open that knows better. */
#define USUAL_CHUNK_FRAMES 8
#define USUAL_CHUNK_OVERLAP 2

static gboolean
check_model (VldmModel * model, GError ** error)
{
  return vldm_decode_check_model (model, VLDM_LATENTS_VAE, error);
}

static gpointer
new_decode (VldmModel * model, const VldmProgress * progress, GError ** error)
{
  return vldm_decode_new (model, VLDM_LATENTS_VAE, progress, error);
}

static void
free_decode (gpointer stage)
{
  vldm_decode_free (stage);
}

static const GstVldmStageClass stage_class = {
  check_model, new_decode, free_decode
};

static GstBuffer *
latents_of_buffer (gpointer buffer)
{
  return buffer;
}

void
gst_vldm_upsample_decoder_init (GstVldmUpsampleDecoder * decoder,
    GstElement * element)
{
  memset (decoder, 0, sizeof (*decoder));
  decoder->element = element;
  decoder->worker = gst_vldm_worker_new (element, &stage_class);
  gst_vldm_chunk_init (&decoder->chunk, (GDestroyNotify) gst_buffer_unref,
      latents_of_buffer);
  gst_segment_init (&decoder->upstream, GST_FORMAT_TIME);
  gst_segment_init (&decoder->segment, GST_FORMAT_TIME);
  g_queue_init (&decoder->pictures);
  gst_vldm_upsample_decoder_start (decoder);
}

void
gst_vldm_upsample_decoder_clear (GstVldmUpsampleDecoder * decoder)
{
  gst_vldm_worker_free (decoder->worker);
  gst_vldm_chunk_clear (&decoder->chunk);
  g_queue_clear_full (&decoder->pictures, (GDestroyNotify) gst_buffer_unref);
}

void
gst_vldm_upsample_decoder_start (GstVldmUpsampleDecoder * decoder)
{
  GST_OBJECT_LOCK (decoder->element);
  memset (&decoder->latents, 0, sizeof (decoder->latents));
  decoder->grid.size = USUAL_CHUNK_FRAMES;
  decoder->grid.overlap = USUAL_CHUNK_OVERLAP;
  gst_vldm_seek_init (&decoder->seek);
  GST_OBJECT_UNLOCK (decoder->element);
  decoder->grid_known = FALSE;
  decoder->next = 0;
}

gboolean
gst_vldm_upsample_decoder_set_caps (GstVldmUpsampleDecoder * decoder,
    const GstCaps * caps, GError ** error)
{
  GstVldmLatents latents = { 0, };

  if (gst_vldm_upsample_caps_are_latents (caps)
      && !gst_vldm_latents_from_caps (&latents, caps, error))
    return FALSE;
  decoder->latents = latents;
  decoder->grid_known = FALSE;
  return TRUE;
}

gboolean
gst_vldm_upsample_decoder_takes_latents (const GstVldmUpsampleDecoder * decoder)
{
  return decoder->latents.width > 0;
}

gboolean
gst_vldm_upsample_decoder_open (GstVldmUpsampleDecoder * decoder,
    const GstVldmModelSettings * settings, GError ** error)
{
  gboolean kept;

  if (!gst_vldm_upsample_decoder_takes_latents (decoder))
    return TRUE;
  if (!gst_vldm_worker_open (decoder->worker, settings, &kept, error))
    return FALSE;
  if (!kept)
    decoder->grid_known = FALSE;
  return TRUE;
}

void
gst_vldm_upsample_decoder_flush (GstVldmUpsampleDecoder * decoder)
{
  gst_vldm_chunk_reset (&decoder->chunk);
  g_queue_clear_full (&decoder->pictures, (GDestroyNotify) gst_buffer_unref);
}

/* ---- latents ---- */

static GstFlowReturn
find_grid (GstVldmUpsampleDecoder * decoder)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  VldmChunks grid;

  flow = gst_vldm_worker_wait_model (decoder->worker, &model);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!vldm_decode_chunks (model, VLDM_LATENTS_VAE, -1, -1, &grid, &error))
    return gst_vldm_fail (decoder->element, error, "choosing chunks");

  GST_OBJECT_LOCK (decoder->element);
  decoder->grid = grid;
  GST_OBJECT_UNLOCK (decoder->element);
  decoder->grid_known = TRUE;
  gst_element_post_message (decoder->element,
      gst_message_new_latency (GST_OBJECT (decoder->element)));
  return GST_FLOW_OK;
}

/* A picture with the time of its latents. */
static GstBuffer *
new_picture (GstBuffer * latents, const guint8 * bytes, gsize size)
{
  GstBuffer *picture = gst_buffer_new_allocate (NULL, size, NULL);

  gst_buffer_fill (picture, 0, bytes, size);
  gst_buffer_copy_into (picture, latents,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  GST_BUFFER_FLAG_UNSET (picture, GST_BUFFER_FLAG_DELTA_UNIT);
  return picture;
}

/* The first @n frames of the chunk are pictures now; those that no window needs were decoded for others' sake only. */
static void
release (GstVldmUpsampleDecoder * decoder, guint n, const VldmFrames * pictures)
{
  GPtrArray *frames = decoder->chunk.frames;
  guint64 first = decoder->next - frames->len;
  guint i;

  for (i = 0; i < n; i++) {
    GstBuffer *latents = g_ptr_array_index (frames, i);

    if (gst_vldm_frame_is_inside (&decoder->segment, latents, first + i,
            decoder->latents.fps_n, decoder->latents.fps_d))
      g_queue_push_tail (&decoder->pictures, new_picture (latents,
              vldm_frames_host (pictures, i),
              vldm_frames_frame_size (pictures)));
  }
  g_ptr_array_remove_range (frames, 0, n);
}

static GstFlowReturn
decode (GstVldmUpsampleDecoder * decoder, gboolean last)
{
  g_auto (VldmFrames) pictures = { 0, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  gpointer stage;
  guint n_done;

  flow = gst_vldm_worker_wait_stage (decoder->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;
  n_done = gst_vldm_chunk_decode (&decoder->chunk, stage, &decoder->latents,
      &decoder->grid, last, &pictures,
      gst_vldm_worker_progress (decoder->worker), &error);
  flow = gst_vldm_worker_end (decoder->worker, error, "decoding");
  if (flow == GST_FLOW_OK)
    release (decoder, n_done, &pictures);
  else
    gst_vldm_chunk_reset (&decoder->chunk);
  return flow;
}

static guint64
number_of (const GstVldmUpsampleDecoder * decoder, GstBuffer * buffer)
{
  const GPtrArray *frames = decoder->chunk.frames;
  GstBuffer *last =
      frames->len > 0 ? g_ptr_array_index (frames, frames->len - 1) : NULL;

  return gst_vldm_frame_number (&decoder->upstream, GST_BUFFER_PTS (buffer),
      decoder->latents.fps_n, decoder->latents.fps_d, decoder->next,
      last != NULL ? GST_BUFFER_PTS (last) : GST_CLOCK_TIME_NONE);
}

/* Takes @buffer. */
static GstFlowReturn
push_latents (GstVldmUpsampleDecoder * decoder, GstBuffer * buffer)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  guint64 number = number_of (decoder, buffer);

  if (!gst_vldm_latents_check_size (&decoder->latents, buffer, &error))
    flow = gst_vldm_fail (decoder->element, error, "reading latents");
  else if (number != decoder->next
      || GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT))
    flow = gst_vldm_upsample_decoder_drain (decoder);
  if (flow == GST_FLOW_OK && !decoder->grid_known)
    flow = find_grid (decoder);
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (buffer);
    return flow;
  }

  if (decoder->chunk.frames->len == decoder->chunk.n_held)
    decoder->chunk.number = vldm_last_chunk_of (&decoder->grid, number);
  g_ptr_array_add (decoder->chunk.frames, buffer);
  decoder->next = number + 1;
  return decoder->next < vldm_chunk_start (&decoder->grid,
      decoder->chunk.number) + decoder->grid.size ? GST_FLOW_OK
      : decode (decoder, FALSE);
}

GstFlowReturn
gst_vldm_upsample_decoder_push (GstVldmUpsampleDecoder * decoder,
    GstBuffer * buffer)
{
  if (gst_vldm_upsample_decoder_takes_latents (decoder))
    return push_latents (decoder, buffer);
  g_queue_push_tail (&decoder->pictures, buffer);
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_upsample_decoder_drain (GstVldmUpsampleDecoder * decoder)
{
  GstVldmChunk *chunk = &decoder->chunk;
  GstFlowReturn flow = GST_FLOW_OK;

  if (chunk->frames->len > chunk->n_held)
    flow = decode (decoder, TRUE);
  else if (chunk->n_held > 0)
    release (decoder, chunk->n_held, &chunk->held);
  gst_vldm_chunk_reset (chunk);
  return flow;
}

/* ---- segments and seeks ---- */

GstEvent *
gst_vldm_upsample_decoder_take_segment (GstVldmUpsampleDecoder * decoder,
    GstEvent * event)
{
  gst_event_copy_segment (event, &decoder->upstream);
  return gst_vldm_seek_narrow (&decoder->seek, event, &decoder->segment);
}

GstEvent *
gst_vldm_upsample_decoder_widen (GstVldmUpsampleDecoder * decoder,
    GstEvent * event)
{
  if (!gst_vldm_upsample_decoder_takes_latents (decoder))
    return event;
  return gst_vldm_seek_widen (&decoder->seek, decoder->element, event,
      decoder->latents.fps_n, decoder->latents.fps_d, gst_vldm_chunks_widen,
      &decoder->grid);
}

guint
gst_vldm_upsample_decoder_delay (const GstVldmUpsampleDecoder * decoder)
{
  return gst_vldm_upsample_decoder_takes_latents (decoder)
      ? decoder->grid.size - 1 : 0;
}
