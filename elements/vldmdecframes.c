/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of vldmdec: collected to chunks on an absolute grid, decoded by vldm/stages, pushed as pictures.
 */
#include "elements/vldmdecprivate.h"

#include "gst/error.h"
#include "gst/pictures.h"
#include "gst/timing.h"

static GstFlowReturn
gst_vldm_dec_push (GstVldmDec * self, GstVideoCodecFrame * frame,
    const guint8 * picture)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);
  GstFlowReturn flow;

  flow = gst_video_decoder_allocate_output_frame (decoder, frame);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_pictures_write (GST_ELEMENT (self), &self->info, picture,
        frame->output_buffer);
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (self);
  self->frames_out++;
  gst_vldm_seek_leaves (&self->seek, frame->pts, frame->duration);
  GST_OBJECT_UNLOCK (self);
  flow = gst_video_decoder_finish_frame (decoder,
      gst_video_codec_frame_ref (frame));
  if (flow == GST_FLOW_OK) {
    GST_OBJECT_LOCK (self);
    gst_vldm_seek_left (&self->seek);
    GST_OBJECT_UNLOCK (self);
  }
  /* The base class says so behind the stop. Upstream was asked for a little more, and a queue that hears of the end would
   * drop the SEGMENT_DONE that follows. */
  if (flow == GST_FLOW_EOS && (self->segment.flags & GST_SEGMENT_FLAG_SEGMENT))
    flow = GST_FLOW_OK;
  return flow;
}

void
gst_vldm_dec_forget (GstVldmDec * self)
{
  guint i;

  for (i = 0; i < self->chunk.frames->len; i++)
    gst_video_decoder_release_frame (GST_VIDEO_DECODER (self),
        gst_video_codec_frame_ref (g_ptr_array_index (self->chunk.frames, i)));
  gst_vldm_chunk_reset (&self->chunk);
}

/* Pushes the first @n collected frames with @pictures, and forgets them. */
static GstFlowReturn
gst_vldm_dec_push_first (GstVldmDec * self, guint n,
    const VldmFrames * pictures)
{
  GstFlowReturn flow = GST_FLOW_OK;
  guint i;

  for (i = 0; i < n && flow == GST_FLOW_OK; i++) {
    GstVideoCodecFrame *frame = g_ptr_array_index (self->chunk.frames, i);

    gst_vldm_pace_follow (&self->pace, GST_VIDEO_DECODER_SRC_PAD (self));
    flow = gst_vldm_dec_push (self, frame, vldm_frames_host (pictures, i));
  }
  if (flow == GST_FLOW_OK)
    g_ptr_array_remove_range (self->chunk.frames, 0, n);
  else
    gst_vldm_dec_forget (self);
  return flow;
}

/* Decodes what was collected and pushes what no later chunk has a share in: with @last, all of it. */
static GstFlowReturn
gst_vldm_dec_decode (GstVldmDec * self, gboolean last)
{
  g_auto (VldmFrames) pictures = { 0, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  gpointer stage;
  gint64 start;
  guint n_done;

  flow = gst_vldm_worker_wait_stage (self->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  start = g_get_monotonic_time ();
  n_done = gst_vldm_chunk_decode (&self->chunk, stage, &self->latents,
      &self->grid, last, &pictures, gst_vldm_worker_progress (self->worker),
      &error);
  flow = gst_vldm_worker_end (self->worker, error, "decoding");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (self);
  self->chunks_decoded++;
  self->decode_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (self);
  return gst_vldm_dec_push_first (self, n_done, &pictures);
}

GstFlowReturn
gst_vldm_dec_drain (GstVideoDecoder * decoder)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  GstFlowReturn flow = GST_FLOW_OK;

  if (self->chunk.frames->len > self->chunk.n_held)
    flow = gst_vldm_dec_decode (self, TRUE);
  else if (self->chunk.n_held > 0)
    flow =
        gst_vldm_dec_push_first (self, self->chunk.n_held, &self->chunk.held);
  if (flow == GST_FLOW_OK)
    gst_vldm_chunk_reset (&self->chunk);
  return flow;
}

GstFlowReturn
gst_vldm_dec_find_grid (GstVldmDec * self)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  VldmChunks grid;

  if (!gst_vldm_worker_is_open (self->worker)
      && !gst_vldm_dec_choose_model (self))
    return GST_FLOW_ERROR;
  flow = gst_vldm_worker_wait_model (self->worker, &model);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!vldm_decode_chunks (model, gst_vldm_dec_space (self), self->chunk_frames,
          self->chunk_overlap, &grid, &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "choosing chunks");

  GST_OBJECT_LOCK (self);
  self->grid = grid;
  GST_OBJECT_UNLOCK (self);
  self->grid_known = TRUE;
  gst_vldm_dec_update_latency (self);
  return GST_FLOW_OK;
}

static guint64
number_of (GstVldmDec * self, const GstVideoCodecFrame * frame)
{
  const GPtrArray *frames = self->chunk.frames;
  const GstVideoCodecFrame *last =
      frames->len > 0 ? g_ptr_array_index (frames, frames->len - 1) : NULL;

  return gst_vldm_frame_number (&self->upstream, frame->pts,
      self->latents.fps_n, self->latents.fps_d, self->next,
      last != NULL ? last->pts : GST_CLOCK_TIME_NONE);
}

GstFlowReturn
gst_vldm_dec_handle_frame (GstVideoDecoder * decoder,
    GstVideoCodecFrame * frame)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  g_autoptr (GError) error = NULL;
  guint64 number = number_of (self, frame);
  GstFlowReturn flow = GST_FLOW_OK;

  if (!gst_vldm_latents_check_size (&self->latents, frame->input_buffer,
          &error)) {
    flow = gst_vldm_fail (GST_ELEMENT (self), error, "reading latents");
  } else if (number != self->next
      || GST_BUFFER_FLAG_IS_SET (frame->input_buffer,
          GST_BUFFER_FLAG_DISCONT)) {
    flow = gst_vldm_dec_drain (decoder);
  }
  if (flow == GST_FLOW_OK && !self->grid_known)
    flow = gst_vldm_dec_find_grid (self);
  if (flow != GST_FLOW_OK) {
    gst_video_decoder_release_frame (decoder, frame);
    return flow;
  }

  if (self->chunk.frames->len == self->chunk.n_held)
    self->chunk.number = vldm_last_chunk_of (&self->grid, number);
  g_ptr_array_add (self->chunk.frames, frame);
  self->next = number + 1;
  GST_OBJECT_LOCK (self);
  self->frames_in++;
  GST_OBJECT_UNLOCK (self);

  if (self->next < vldm_chunk_start (&self->grid, self->chunk.number)
      + self->grid.size)
    return GST_FLOW_OK;
  return gst_vldm_dec_decode (self, FALSE);
}
