/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmdec: latents become pictures. gst/latentdecoder.h decodes them in chunks; here are pads, caps, time and events.
 */

/**
 * SECTION:element-vldmdec
 * @title: vldmdec
 * @short_description: decodes video latents to pictures
 *
 * vldmdec runs the decoder of a model's autoencoder over latents, such as
 * `vldmsrc` makes them. Video decoders look at several frames at once, so
 * frames are collected to chunks of #GstVldmDec:chunk-frames, and neighbouring
 * chunks overlap by #GstVldmDec:chunk-overlap frames, in which they are blended.
 * As many frames come out as went in. Which frames make a chunk depends on
 * their stream time only, so seeking gives the same pictures as playing
 * through, if the frame rate is constant. At a variable rate (0/1) chunks are
 * counted from where the segment begins: after a seek times are the same, but
 * pictures near chunks' borders can differ a little from those of playing
 * through.
 *
 * Without #GstVldmDec:model-path the model that made the latents is used; both
 * elements share its weights.
 *
 * Decoding may be slower than real time. No frame is dropped for being late:
 * a pipeline without live sources has its clock set back instead.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldmdec ! videoconvert ! autovideosink
 * ]| Show a generated video.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldmdec ! videoconvert ! pngenc ! multifilesink location=frame-%02d.png
 * ]| Write it as pictures.
 *
 * Since: 0.1
 */

#include "elements/vldmdec.h"

#include "gst/conditioning.h"
#include "gst/error.h"
#include "gst/latentdecoder.h"
#include "gst/pace.h"
#include "gst/pictures.h"
#include "gst/properties.h"
#include "gst/timing.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_dec_debug);
#define GST_CAT_DEFAULT gst_vldm_dec_debug

#define DEFAULT_CHUNK_FRAMES -1
#define DEFAULT_CHUNK_OVERLAP -1

enum
{
  PROP_0,
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_CHUNK_FRAMES,
  PROP_CHUNK_OVERLAP,
  PROP_STATS,
  N_PROPS
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS
        "latent-space = (string) { vae, upsampler-vae }, "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) RGB, "
        "width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

static void gst_vldm_dec_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_vldm_dec_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static void gst_vldm_dec_finalize (GObject * object);
static GstStateChangeReturn gst_vldm_dec_change_state (GstElement * element,
    GstStateChange transition);
static gboolean gst_vldm_dec_start (GstVideoDecoder * decoder);
static gboolean gst_vldm_dec_stop (GstVideoDecoder * decoder);
static gboolean gst_vldm_dec_flush (GstVideoDecoder * decoder);
static gboolean gst_vldm_dec_set_format (GstVideoDecoder * decoder,
    GstVideoCodecState * state);
static gboolean gst_vldm_dec_propose_allocation (GstVideoDecoder * decoder,
    GstQuery * query);
static gboolean gst_vldm_dec_sink_event (GstVideoDecoder * decoder,
    GstEvent * event);
static gboolean gst_vldm_dec_src_event (GstVideoDecoder * decoder,
    GstEvent * event);
static GstFlowReturn gst_vldm_dec_drain (GstVideoDecoder * decoder);
static GstFlowReturn gst_vldm_dec_handle_frame (GstVideoDecoder * decoder,
    GstVideoCodecFrame * frame);
static gboolean gst_vldm_dec_choose_model (GstElement * element);
static void gst_vldm_dec_update_latency (GstElement * element);
static void gst_vldm_dec_forget (GstVldmDec * self);

struct _GstVldmDec
{
  GstVideoDecoder parent;

  /* properties, OBJECT_LOCK */
  GstVldmModelSettings model;
  gint chunk_frames, chunk_overlap;

  GstVldmLatentDecoder *decoder;        /* STREAM_LOCK; its frames are GstVideoCodecFrames */

  /* stream, STREAM_LOCK */
  GstVldmLatents latents;       /* what comes in */
  GstVideoInfo info;            /* what goes out */
  gboolean is_segment_seek;     /* SEGMENT_DONE follows where the segment stops */
  char *upstream_model;         /* from vldm-conditioning */
  GstVldmPace pace;

  /* statistics, OBJECT_LOCK */
  guint64 frames_in, frames_out;
};

#define gst_vldm_dec_parent_class parent_class
G_DEFINE_TYPE (GstVldmDec, gst_vldm_dec, GST_TYPE_VIDEO_DECODER);
GST_ELEMENT_REGISTER_DEFINE (vldmdec, "vldmdec", GST_RANK_PRIMARY,
    GST_TYPE_VLDM_DEC);

static void
gst_vldm_dec_class_init (GstVldmDecClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstVideoDecoderClass *decoder_class = GST_VIDEO_DECODER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_dec_debug, "vldmdec", 0,
      "latents to pictures");

  object_class->set_property = gst_vldm_dec_set_property;
  object_class->get_property = gst_vldm_dec_get_property;
  object_class->finalize = gst_vldm_dec_finalize;
  gst_vldm_install_model_properties (object_class, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = the one that made the latents, "
      "else $VLDM_MODEL_PATH, else the model that comes with the plugin)");
  g_object_class_install_property (object_class, PROP_CHUNK_FRAMES,
      g_param_spec_int ("chunk-frames", "Chunk frames",
          "Frames decoded together; decoders without temporal layers take them "
          "one by one (-1 = the model's value, 8)", -1, G_MAXINT,
          DEFAULT_CHUNK_FRAMES, GST_VLDM_PARAM_READY));
  g_object_class_install_property (object_class, PROP_CHUNK_OVERLAP,
      g_param_spec_int ("chunk-overlap", "Chunk overlap",
          "Frames that neighbouring chunks share and blend, at most half of "
          "chunk-frames (-1 = the model's value, 2)", -1, G_MAXINT,
          DEFAULT_CHUNK_OVERLAP, GST_VLDM_PARAM_READY));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Chunks decoded, frames in and out, time of decoding (ns), device "
          "and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video latents decoder", "Codec/Decoder/Video",
      "Decodes latents of a video diffusion model to pictures",
      "The gst-vldm developers");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vldm_dec_change_state);

  decoder_class->start = GST_DEBUG_FUNCPTR (gst_vldm_dec_start);
  decoder_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_dec_stop);
  decoder_class->flush = GST_DEBUG_FUNCPTR (gst_vldm_dec_flush);
  decoder_class->finish = GST_DEBUG_FUNCPTR (gst_vldm_dec_drain);
  decoder_class->drain = GST_DEBUG_FUNCPTR (gst_vldm_dec_drain);
  decoder_class->set_format = GST_DEBUG_FUNCPTR (gst_vldm_dec_set_format);
  decoder_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_dec_propose_allocation);
  decoder_class->handle_frame = GST_DEBUG_FUNCPTR (gst_vldm_dec_handle_frame);
  decoder_class->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_dec_sink_event);
  decoder_class->src_event = GST_DEBUG_FUNCPTR (gst_vldm_dec_src_event);
}

static const GstVldmLatentDecoderOwner owner = {
  gst_vldm_dec_choose_model, gst_vldm_dec_update_latency,
  (GDestroyNotify) gst_video_codec_frame_unref, FALSE
};

static void
gst_vldm_dec_init (GstVldmDec * self)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);

  gst_video_decoder_set_packetized (decoder, TRUE);
  gst_video_decoder_set_needs_format (decoder, TRUE);
  gst_video_decoder_set_use_default_pad_acceptcaps (decoder, TRUE);
  GST_PAD_SET_ACCEPT_TEMPLATE (GST_VIDEO_DECODER_SINK_PAD (decoder));
  /* Caps that lack a field come to set_format, which says so. */
  GST_PAD_SET_ACCEPT_INTERSECT (GST_VIDEO_DECODER_SINK_PAD (decoder));
  /* A frame costs the same whether it is shown or not, and chunks have no gaps. */
  g_object_set (self, "qos", FALSE, NULL);

  self->decoder = gst_vldm_latent_decoder_new (GST_ELEMENT (self), &owner);
  self->chunk_frames = DEFAULT_CHUNK_FRAMES;
  self->chunk_overlap = DEFAULT_CHUNK_OVERLAP;
}

static void
gst_vldm_dec_finalize (GObject * object)
{
  GstVldmDec *self = GST_VLDM_DEC (object);

  gst_vldm_latent_decoder_free (self->decoder);
  gst_vldm_model_settings_clear (&self->model);
  g_free (self->upstream_model);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* ---- properties ---- */

/* Where the plain ones among the properties are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmDec, model.path),
  [PROP_DEVICE] = G_STRUCT_OFFSET (GstVldmDec, model.device),
  [PROP_PRECISION] = G_STRUCT_OFFSET (GstVldmDec, model.precision),
  [PROP_CHUNK_FRAMES] = G_STRUCT_OFFSET (GstVldmDec, chunk_frames),
  [PROP_CHUNK_OVERLAP] = G_STRUCT_OFFSET (GstVldmDec, chunk_overlap),
};

static void
gst_vldm_dec_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_set (object, fields, N_PROPS, id, value, pspec);
}

static GstStructure *
gst_vldm_dec_stats (GstVldmDec * self)
{
  GstStructure *stats = gst_structure_new ("vldmdec-stats",
      "frames-in", G_TYPE_UINT64, self->frames_in,
      "frames-out", G_TYPE_UINT64, self->frames_out, NULL);

  gst_vldm_latent_decoder_add_stats (self->decoder, stats);
  return stats;
}

static void
gst_vldm_dec_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmDec *self = GST_VLDM_DEC (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_dec_stats (self));
  else
    known = gst_vldm_field_get (gst_vldm_field (self, fields, N_PROPS, id),
        value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* ---- life ---- */

static void
gst_vldm_dec_ask_chunks (GstVldmDec * self)
{
  gint size, overlap;

  GST_OBJECT_LOCK (self);
  size = self->chunk_frames;
  overlap = self->chunk_overlap;
  GST_OBJECT_UNLOCK (self);
  gst_vldm_latent_decoder_ask_chunks (self->decoder, size, overlap);
}

/* Begins to load the model: the property's, else upstream's, else the default one. */
static gboolean
gst_vldm_dec_choose_model (GstElement * element)
{
  GstVldmDec *self = GST_VLDM_DEC (element);
  g_auto (GstVldmModelSettings) settings =
      gst_vldm_model_settings_copy (element, &self->model,
      self->upstream_model);

  gst_vldm_dec_ask_chunks (self);
  return gst_vldm_latent_decoder_open (self->decoder, &settings);
}

/* Which of a model's autoencoders decodes, the caps will say, so nothing is opened before; but a folder that is not there
 * is told at once. */
static gboolean
gst_vldm_dec_check_path (GstVldmDec * self)
{
  g_auto (GstVldmModelSettings) settings =
      gst_vldm_model_settings_copy (GST_ELEMENT (self), &self->model, NULL);
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;

  if (settings.path == NULL)
    return TRUE;
  folder = vldm_folder_resolve (settings.path, &error);
  if (folder == NULL)
    gst_vldm_fail (GST_ELEMENT (self), error, "choosing the model");
  return folder != NULL;
}

static gboolean
gst_vldm_dec_start (GstVideoDecoder * decoder)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);

  gst_vldm_forget_errors (GST_ELEMENT (self));
  memset (&self->latents, 0, sizeof (self->latents));
  gst_vldm_latent_decoder_start (self->decoder);
  gst_vldm_dec_ask_chunks (self);
  return gst_vldm_dec_check_path (self);
}

/* Forgets frames that were not pushed. */
static gboolean
gst_vldm_dec_flush (GstVideoDecoder * decoder)
{
  gst_vldm_latent_decoder_flush (GST_VLDM_DEC (decoder)->decoder);
  return TRUE;
}

static gboolean
gst_vldm_dec_stop (GstVideoDecoder * decoder)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);

  gst_vldm_latent_decoder_stop (self->decoder);
  gst_vldm_pace_clear (&self->pace);
  g_clear_pointer (&self->upstream_model, g_free);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_dec_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmDec *self = GST_VLDM_DEC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_vldm_latent_decoder_interrupt (self->decoder, TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    gst_vldm_latent_decoder_close (self->decoder);
  return ret;
}

/* ---- caps ---- */

/* Tells how many frames are held back. */
static void
gst_vldm_dec_update_latency (GstElement * element)
{
  GstVldmDec *self = GST_VLDM_DEC (element);
  GstClockTime latency = 0;

  if (self->latents.fps_n > 0)
    latency = gst_vldm_frame_time (gst_vldm_latent_decoder_delay
        (self->decoder), self->latents.fps_n, self->latents.fps_d);
  GST_DEBUG_OBJECT (self, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS (latency));
  gst_video_decoder_set_latency (GST_VIDEO_DECODER (self), latency, latency);
}

static gboolean
gst_vldm_dec_set_format (GstVideoDecoder * decoder, GstVideoCodecState * state)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  GstVideoCodecState *output;
  GstVldmLatents latents;
  g_autoptr (GError) error = NULL;

  if (gst_vldm_dec_drain (decoder) != GST_FLOW_OK)
    return FALSE;
  if (!gst_vldm_latents_from_caps (&latents, state->caps, &error)) {
    gst_vldm_refuse_caps (GST_ELEMENT (self), state->caps, error);
    return FALSE;
  }
  GST_DEBUG_OBJECT (self, "caps %" GST_PTR_FORMAT, state->caps);
  self->latents = latents;
  gst_vldm_latent_decoder_set_caps (self->decoder, &latents);
  /* Else upstream tells which model it is, after the caps. */
  if (gst_vldm_model_settings_has_path (GST_ELEMENT (self), &self->model)
      && !gst_vldm_dec_choose_model (GST_ELEMENT (self)))
    return FALSE;

  output = gst_video_decoder_set_output_state (decoder, GST_VIDEO_FORMAT_RGB,
      latents.width, latents.height, state);
  /* The base class takes over what the latents' caps do not say. */
  gst_video_colorimetry_from_string (&output->info.colorimetry,
      GST_VIDEO_COLORIMETRY_SRGB);
  self->info = output->info;
  gst_video_codec_state_unref (output);
  gst_vldm_dec_update_latency (GST_ELEMENT (self));
  return TRUE;
}

/* Frames of a chunk are held back here, so upstream needs some more of them. */
static gboolean
gst_vldm_dec_propose_allocation (GstVideoDecoder * decoder, GstQuery * query)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);

  if (self->latents.width > 0)
    gst_query_add_allocation_pool (query, NULL,
        gst_vldm_latents_frame_size (&self->latents),
        gst_vldm_latent_decoder_delay (self->decoder) + 2, 0);
  return GST_VIDEO_DECODER_CLASS (parent_class)->propose_allocation (decoder,
      query);
}

static void
gst_vldm_dec_take_conditioning (GstVldmDec * self,
    const GstVldmConditioning * conditioning)
{
  if (g_strcmp0 (conditioning->model, self->upstream_model) == 0)
    return;
  GST_DEBUG_OBJECT (self, "latents were made by %s", conditioning->model);
  g_free (self->upstream_model);
  self->upstream_model = g_strdup (conditioning->model);

  if (!gst_vldm_model_settings_has_path (GST_ELEMENT (self), &self->model)
      && gst_vldm_dec_drain (GST_VIDEO_DECODER (self)) == GST_FLOW_OK)
    gst_vldm_dec_choose_model (GST_ELEMENT (self));
}

/* Returns the segment as downstream sees it. */
static GstEvent *
gst_vldm_dec_take_segment (GstVldmDec * self, GstEvent * event)
{
  const GstSegment *segment;

  if (gst_vldm_seek_is_answered (gst_vldm_latent_decoder_seek (self->decoder),
          GST_ELEMENT (self), event))
    gst_vldm_dec_forget (self);
  else
    gst_vldm_dec_drain (GST_VIDEO_DECODER (self));
  GST_OBJECT_LOCK (self);
  event = gst_vldm_latent_decoder_take_segment (self->decoder, event);
  GST_OBJECT_UNLOCK (self);
  gst_event_parse_segment (event, &segment);
  self->is_segment_seek = (segment->flags & GST_SEGMENT_FLAG_SEGMENT) != 0;
  return event;
}

/* The base class lets frames wait over a segment, a gap or another model, so that they would come out behind it. */
static gboolean
gst_vldm_dec_sink_event (GstVideoDecoder * decoder, GstEvent * event)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  GstVldmConditioning conditioning;
  gboolean playable;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_vldm_latent_decoder_interrupt (self->decoder, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_vldm_latent_decoder_interrupt (self->decoder, FALSE);
      break;
    case GST_EVENT_SEGMENT:
      GST_VIDEO_DECODER_STREAM_LOCK (decoder);
      event = gst_vldm_dec_take_segment (self, event);
      GST_VIDEO_DECODER_STREAM_UNLOCK (decoder);
      break;
    case GST_EVENT_GAP:
      GST_VIDEO_DECODER_STREAM_LOCK (decoder);
      gst_vldm_dec_drain (decoder);
      /* Who prerolls with it takes the video for one that can be played. */
      playable = gst_vldm_latent_decoder_check (self->decoder) == GST_FLOW_OK;
      GST_VIDEO_DECODER_STREAM_UNLOCK (decoder);
      if (playable)
        break;
      gst_event_unref (event);
      return FALSE;
    default:
      if (gst_vldm_conditioning_from_event (&conditioning, event)) {
        GST_VIDEO_DECODER_STREAM_LOCK (decoder);
        gst_vldm_dec_take_conditioning (self, &conditioning);
        GST_VIDEO_DECODER_STREAM_UNLOCK (decoder);
      }
      break;
  }
  return GST_VIDEO_DECODER_CLASS (parent_class)->sink_event (decoder, event);
}

/* Asks upstream for whole chunks, so that pictures are the same as without the seek. */
static gboolean
gst_vldm_dec_src_event (GstVideoDecoder * decoder, GstEvent * event)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return GST_VIDEO_DECODER_CLASS (parent_class)->src_event (decoder, event);

  event = gst_vldm_latent_decoder_widen (self->decoder, event);
  if (event == NULL)
    return FALSE;
  if (GST_VIDEO_DECODER_CLASS (parent_class)->src_event (decoder, event))
    return TRUE;
  gst_vldm_seek_undo (gst_vldm_latent_decoder_seek (self->decoder),
      GST_ELEMENT (self));
  return FALSE;
}

/* ---- frames ---- */

/* Pushes @picture for @frame (taken). */
static GstFlowReturn
gst_vldm_dec_push (GstVldmDec * self, GstVideoCodecFrame * frame,
    GstBuffer * picture)
{
  GstVideoDecoder *decoder = GST_VIDEO_DECODER (self);
  GstVldmSeek *seek = gst_vldm_latent_decoder_seek (self->decoder);
  GstFlowReturn flow;
  GstMapInfo map;

  flow = gst_video_decoder_allocate_output_frame (decoder, frame);
  if (flow == GST_FLOW_OK) {
    gst_buffer_map (picture, &map, GST_MAP_READ);
    flow = gst_vldm_pictures_write (GST_ELEMENT (self), &self->info, map.data,
        frame->output_buffer);
    gst_buffer_unmap (picture, &map);
  }
  if (flow != GST_FLOW_OK) {
    gst_video_decoder_release_frame (decoder, frame);
    return flow;
  }

  GST_LOG_OBJECT (self, "pushing %" GST_PTR_FORMAT, frame->output_buffer);
  GST_OBJECT_LOCK (self);
  self->frames_out++;
  gst_vldm_seek_leaves (seek, frame->pts, frame->duration);
  GST_OBJECT_UNLOCK (self);
  flow = gst_video_decoder_finish_frame (decoder, frame);
  if (flow == GST_FLOW_OK) {
    GST_OBJECT_LOCK (self);
    gst_vldm_seek_left (seek);
    GST_OBJECT_UNLOCK (self);
  }
  /* The base class returns EOS behind the stop. Upstream was asked for a little more, and a queue that hears of the end would
   * drop the SEGMENT_DONE that follows. */
  if (flow == GST_FLOW_EOS && self->is_segment_seek)
    flow = GST_FLOW_OK;
  return flow;
}

static void
release_frame (gpointer frame, gpointer decoder)
{
  gst_video_decoder_release_frame (decoder, gst_video_codec_frame_ref (frame));
}

/* Nobody wants the collected frames any more. */
static void
gst_vldm_dec_forget (GstVldmDec * self)
{
  gst_vldm_latent_decoder_foreach (self->decoder, release_frame, self);
  gst_vldm_latent_decoder_flush (self->decoder);
}

/* Pushes all pictures that are there. */
static GstFlowReturn
gst_vldm_dec_push_pictures (GstVldmDec * self)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *picture;
  gpointer frame;

  while (flow == GST_FLOW_OK
      && (picture = gst_vldm_latent_decoder_pop (self->decoder, &frame))) {
    gst_vldm_pace_follow (&self->pace, GST_VIDEO_DECODER_SRC_PAD (self));
    flow = gst_vldm_dec_push (self, frame, picture);
    gst_buffer_unref (picture);
  }
  if (flow != GST_FLOW_OK)
    gst_vldm_dec_forget (self);
  return flow;
}

/* No frame continues the chunk, so all that is there is decoded and pushed. */
static GstFlowReturn
gst_vldm_dec_drain (GstVideoDecoder * decoder)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  GstFlowReturn flow = gst_vldm_latent_decoder_drain (self->decoder);

  return flow == GST_FLOW_OK ? gst_vldm_dec_push_pictures (self) : flow;
}

static GstFlowReturn
gst_vldm_dec_handle_frame (GstVideoDecoder * decoder,
    GstVideoCodecFrame * frame)
{
  GstVldmDec *self = GST_VLDM_DEC (decoder);
  GstFlowReturn flow;

  flow = gst_vldm_latent_decoder_push (self->decoder,
      gst_buffer_ref (frame->input_buffer), gst_video_codec_frame_ref (frame));
  if (flow != GST_FLOW_OK) {
    gst_video_decoder_release_frame (decoder, frame);
    return flow;
  }
  gst_video_codec_frame_unref (frame);
  GST_OBJECT_LOCK (self);
  self->frames_in++;
  GST_OBJECT_UNLOCK (self);
  return gst_vldm_dec_push_pictures (self);
}
