/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr's events and queries.
 */
#include "elements/vldmsrprivate.h"

#include "elements/upsamplecaps.h"
#include "gst/timing.h"

static GstBaseTransformClass *parent_class;

static gboolean gst_vldm_sr_handle_event (GstBaseTransform * base,
    GstEvent * event);

/* ---- events that wait ---- */

/* The shape of latents that go out follows from the model, and upstream says which one it is after the caps. Those wait
 * then, and so does what must not overtake them. */
static gboolean
gst_vldm_sr_must_wait (GstVldmSr * self, GstEvent * event)
{
  g_autoptr (GstCaps) out = NULL;
  g_autoptr (GstCaps) taken = NULL;
  GstCaps *caps;

  if (!g_queue_is_empty (&self->waiting))
    return GST_EVENT_IS_SERIALIZED (event) && GST_EVENT_IS_STICKY (event)
        && GST_EVENT_TYPE (event) != GST_EVENT_STREAM_START
        && GST_EVENT_TYPE (event) != GST_EVENT_EOS;
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS
      || gst_vldm_upsample_stream_knows_model (&self->stream))
    return FALSE;
  gst_event_parse_caps (event, &caps);
  out = gst_vldm_upsample_caps_out (caps, NULL);
  taken = gst_pad_peer_query_caps (GST_BASE_TRANSFORM_SRC_PAD (self), out);
  return gst_vldm_upsample_caps_are_latents (taken);
}

void
gst_vldm_sr_release_events (GstVldmSr * self)
{
  GstEvent *event;

  while ((event = g_queue_pop_head (&self->waiting)) != NULL)
    gst_vldm_sr_handle_event (GST_BASE_TRANSFORM (self), event);
}

static void
gst_vldm_sr_forget_segments (GstVldmSr * self)
{
  GList *l, *next;

  for (l = self->waiting.head; l != NULL; l = next) {
    next = l->next;
    if (GST_EVENT_TYPE (l->data) == GST_EVENT_SEGMENT) {
      gst_event_unref (l->data);
      g_queue_delete_link (&self->waiting, l);
    }
  }
}

/* ---- events ---- */

/* Nobody wants the collected frames any more. */
static void
gst_vldm_sr_forget (GstVldmSr * self)
{
  gst_vldm_upsample_decoder_flush (&self->stream.decoder);
  gst_vldm_upsample_frames_flush (&self->stream.frames);
}

/* Frames of different origin do not belong together. */
static void
gst_vldm_sr_take_conditioning (GstVldmSr * self, GstEvent * event)
{
  GstVldmUpsampleStream *stream = &self->stream;
  g_autofree char *before = NULL;

  if (stream->conditioning != NULL
      && gst_structure_is_equal (gst_event_get_structure (event),
          gst_event_get_structure (stream->conditioning)))
    return;
  gst_vldm_sr_drain (self);
  gst_event_replace (&stream->conditioning, event);
  before = g_strdup (gst_vldm_worker_folder (stream->worker));
  if (!gst_vldm_upsample_stream_choose_models (stream))
    return;
  /* Another model's latents may have another shape. */
  if (stream->frames.latents_out
      && g_strcmp0 (before, gst_vldm_worker_folder (stream->worker)) != 0)
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
}

static GstEvent *
gst_vldm_sr_take_segment (GstVldmSr * self, GstEvent * event)
{
  GstSegment upstream, segment;

  if (gst_vldm_seek_is_answered (&self->seek, GST_ELEMENT (self), event))
    gst_vldm_sr_forget (self);
  else
    gst_vldm_sr_drain (self);
  gst_event_copy_segment (event, &upstream);
  GST_OBJECT_LOCK (self);
  event = gst_vldm_upsample_decoder_take_segment (&self->stream.decoder, event);
  event = gst_vldm_seek_narrow (&self->seek, event, &segment);
  GST_OBJECT_UNLOCK (self);
  gst_vldm_upsample_frames_set_segment (&self->stream.frames, &upstream,
      &segment);
  return event;
}

/* Who prerolls with a gap takes the video for one that can be played, here and by the decoder of what goes out. */
static gboolean
gst_vldm_sr_look_ahead (GstVldmSr * self)
{
  if (gst_vldm_upsample_stream_check (&self->stream) != GST_FLOW_OK)
    return FALSE;
  if (self->stream.frames.latents_out)
    gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self),
        gst_vldm_upsample_stream_origin (&self->stream));
  return TRUE;
}

static gboolean
gst_vldm_sr_handle_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstVldmConditioning conditioning;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_vldm_upsample_stream_interrupt (&self->stream, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_vldm_upsample_stream_interrupt (&self->stream, FALSE);
      gst_vldm_sr_forget_segments (self);
      gst_vldm_sr_forget (self);
      break;
    case GST_EVENT_SEGMENT:
      event = gst_vldm_sr_take_segment (self, event);
      break;
    case GST_EVENT_GAP:
      gst_vldm_sr_drain (self);
      if (gst_vldm_sr_look_ahead (self))
        break;
      gst_event_unref (event);
      return FALSE;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      gst_vldm_sr_drain (self);
      break;
    default:
      if (!gst_vldm_conditioning_from_event (&conditioning, event)
          || !self->stream.frames.latents_out)
        break;
      /* Latents of another model go out: the next frame brings an event that says so. */
      self->stream.grid_known = FALSE;
      gst_event_unref (event);
      return TRUE;
  }
  return parent_class->sink_event (base, event);
}

static gboolean
gst_vldm_sr_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstVldmConditioning conditioning;

  if (gst_vldm_conditioning_from_event (&conditioning, event)) {
    gst_vldm_sr_take_conditioning (self, event);
  } else if (gst_vldm_sr_must_wait (self, event)) {
    g_queue_push_tail (&self->waiting, event);
    return TRUE;
  }
  if (GST_EVENT_IS_SERIALIZED (event)
      && GST_EVENT_TYPE (event) != GST_EVENT_FLUSH_STOP)
    gst_vldm_sr_release_events (self);
  return gst_vldm_sr_handle_event (base, event);
}

/* Rate and windows of the stream, and how many frames wait for others. */
static void
gst_vldm_sr_get_rate (GstVldmSr * self, VldmChunks * grid, guint * delay,
    gint * fps_n, gint * fps_d)
{
  GST_OBJECT_LOCK (self);
  *grid = self->stream.frames.grid;
  *delay = grid->size - 1
      + gst_vldm_upsample_decoder_delay (&self->stream.decoder);
  *fps_n = GST_VIDEO_INFO_FPS_N (&self->stream.frames.in);
  *fps_d = GST_VIDEO_INFO_FPS_D (&self->stream.frames.in);
  GST_OBJECT_UNLOCK (self);
}

/* Asks upstream for whole windows, so that pictures are the same as without the seek. */
static gboolean
gst_vldm_sr_src_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstVldmUpsampleDecoder *decoder = &self->stream.decoder;
  gint fps_n, fps_d;
  VldmChunks grid;
  guint delay;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return parent_class->src_event (base, event);

  gst_vldm_sr_get_rate (self, &grid, &delay, &fps_n, &fps_d);
  event = gst_vldm_seek_widen (&self->seek, GST_ELEMENT (self), event, fps_n,
      fps_d, gst_vldm_chunks_widen, &grid);
  if (event == NULL)
    return FALSE;
  event = gst_vldm_upsample_decoder_widen (decoder, event);
  if (event != NULL && parent_class->src_event (base, event))
    return TRUE;
  gst_vldm_seek_undo (&self->seek, GST_ELEMENT (self));
  gst_vldm_seek_undo (&decoder->seek, GST_ELEMENT (self));
  return FALSE;
}

/* The first frame of a window waits for the last, and so does that of a chunk. */
static gboolean
gst_vldm_sr_query (GstBaseTransform * base, GstPadDirection direction,
    GstQuery * query)
{
  GstClockTime min, max, own;
  gint fps_n, fps_d;
  VldmChunks grid;
  gboolean live;
  guint delay;

  /* The base class would negotiate with caps that wait. It is a query of the streaming thread. */
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION
      && !g_queue_is_empty (&GST_VLDM_SR (base)->waiting))
    return FALSE;
  if (!parent_class->query (base, direction, query))
    return FALSE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return TRUE;

  gst_vldm_sr_get_rate (GST_VLDM_SR (base), &grid, &delay, &fps_n, &fps_d);
  if (fps_n > 0) {
    own = gst_vldm_frame_time (delay, fps_n, fps_d);
    gst_query_parse_latency (query, &live, &min, &max);
    gst_query_set_latency (query, live, min + own,
        GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  }
  return TRUE;
}

void
gst_vldm_sr_install_events (GstBaseTransformClass * klass)
{
  parent_class = g_type_class_peek_parent (klass);
  klass->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_sr_sink_event);
  klass->src_event = GST_DEBUG_FUNCPTR (gst_vldm_sr_src_event);
  klass->query = GST_DEBUG_FUNCPTR (gst_vldm_sr_query);
}
