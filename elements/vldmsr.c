/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsr: pictures four times as large. Collects frames to windows on an absolute grid; the numbers come from
 * vldm/stages.
 */

/**
 * SECTION:element-vldmsr
 * @title: vldmsr
 * @short_description: makes video four times as large by diffusion
 *
 * vldmsr runs the upsampler of a model: it adds a little noise to the pictures
 * (#GstVldmSr:noise-level) and lets the network imagine details, so that they
 * become four times as wide and high. It takes raw video of any origin and
 * size, or latents, which it decodes first, as vldmdec in front of it would.
 * Without #GstVldmSr:model-path the model is the one that made the video; one
 * without an upsampler is an error that names the folder looked for. Latents
 * are always decoded by the model that made them.
 *
 * Frames are upsampled in windows that overlap and are blended; as many come
 * out as went in, with their time. Which frames make a window depends on their
 * stream time only, so seeking gives the same pictures as playing through, if
 * the frame rate is constant. At a variable rate (0/1) frames have no number but
 * that since the segment began, from which windows and noise follow: after a
 * seek times are the same, but imagined details are others than by playing
 * through. `videorate` before makes it constant.
 *
 * Pictures that come in become sRGB by GStreamer's own converter, and all that
 * come out are sRGB. Interlaced video and RGB of limited range (16 to 235) are
 * refused; PQ and HLG become dark, since nothing maps their tones.
 *
 * What the device's memory cannot hold at once is upsampled in tiles
 * (#GstVldmSr:tile-size), which leave no seams. Where downstream takes nothing
 * but latents of the upsampler's autoencoder, they come out instead of pictures.
 *
 * Prompt and seed are those that the video was made from, unless properties
 * say otherwise; video of other origin has the prompt "" and seed 0. No frame
 * is dropped for being late: without live sources, the clock is set back.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldmdec ! vldmsr model-path=MODEL ! videoconvert ! autovideosink
 * ]| Show a generated video, four times as large.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldmsr model-path=MODEL ! videoconvert ! autovideosink
 * ]| The same: latents are decoded inside.
 * |[
 * gst-launch-1.0 vldmsrc model-path=MODEL ! vldminterp ! vldmsr ! vldmdec ! videoconvert ! autovideosink
 * ]| The whole cascade on latents, with a model that has all of it.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! vldmsr model-path=MODEL prompt="a street" ! videoconvert ! video/x-raw,format=I420 ! vp8enc ! webmmux ! filesink location=large.webm
 * ]| Enlarge a recorded one.
 *
 * Since: 0.1
 */

#include "elements/vldmsr.h"

#include "elements/upsamplecaps.h"
#include "elements/vldmsrprivate.h"
#include "gst/error.h"
#include "gst/pictures.h"
#include "gst/properties.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_sr_debug);
#define GST_CAT_DEFAULT gst_vldm_sr_debug

enum
{
  PROP_0,
  PROP_PROMPT,
  PROP_NEGATIVE_PROMPT,
  PROP_SEED,
  PROP_STEPS,
  PROP_GUIDANCE_SCALE,
  PROP_GUIDANCE_RESCALE,
  PROP_SCHEDULER,
  PROP_NOISE_LEVEL,
  PROP_TILE_SIZE,
  PROP_TILE_OVERLAP,
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_STATS,
  N_PROPS
};

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) RGB, "
        "width = (int) [ 1, 8191 ], height = (int) [ 1, 8191 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]; "
        GST_VLDM_LATENTS_TYPE ", format = (string) { F32LE, F16LE }, "
        "width = (int) [ 1, 8191 ], height = (int) [ 1, 8191 ], "
        "latent-space = (string) vae, "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) RGB, "
        "width = (int) [ 4, 32764, 4 ], height = (int) [ 4, 32764, 4 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]; "
        GST_VLDM_LATENTS_CAPS
        "latent-space = (string) upsampler-vae, "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

#define gst_vldm_sr_parent_class parent_class
G_DEFINE_TYPE (GstVldmSr, gst_vldm_sr, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (vldmsr, "vldmsr", GST_RANK_NONE, GST_TYPE_VLDM_SR);

/* ---- properties ---- */

/* Where the plain ones among the properties are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_PROMPT] = G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.prompt),
  [PROP_NEGATIVE_PROMPT] =
      G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.negative_prompt),
  [PROP_SEED] = G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.seed),
  [PROP_STEPS] = G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.steps),
  [PROP_GUIDANCE_SCALE] =
      G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.guidance_scale),
  [PROP_GUIDANCE_RESCALE] =
      G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.guidance_rescale),
  [PROP_SCHEDULER] =
      G_STRUCT_OFFSET (GstVldmSr, stream.settings.sampling.scheduler),
  [PROP_NOISE_LEVEL] = G_STRUCT_OFFSET (GstVldmSr, stream.settings.noise_level),
  [PROP_TILE_SIZE] = G_STRUCT_OFFSET (GstVldmSr, stream.settings.tile_size),
  [PROP_TILE_OVERLAP] =
      G_STRUCT_OFFSET (GstVldmSr, stream.settings.tile_overlap),
  [PROP_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmSr, stream.model.path),
  [PROP_DEVICE] = G_STRUCT_OFFSET (GstVldmSr, stream.model.device),
  [PROP_PRECISION] = G_STRUCT_OFFSET (GstVldmSr, stream.model.precision),
};

static void
gst_vldm_sr_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstVldmSr *self = GST_VLDM_SR (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_vldm_field_set (gst_vldm_field (self, fields, N_PROPS, id),
      value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_vldm_sr_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmSr *self = GST_VLDM_SR (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_upsample_stream_stats (&self->stream));
  else
    known = gst_vldm_field_get (gst_vldm_field (self, fields, N_PROPS, id),
        value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* ---- states ---- */

static gboolean
gst_vldm_sr_start (GstBaseTransform * base)
{
  GstVldmSr *self = GST_VLDM_SR (base);

  GST_OBJECT_LOCK (self);
  gst_vldm_seek_init (&self->seek);
  GST_OBJECT_UNLOCK (self);
  return gst_vldm_upsample_stream_start (&self->stream);
}

static gboolean
gst_vldm_sr_stop (GstBaseTransform * base)
{
  GstVldmSr *self = GST_VLDM_SR (base);

  g_queue_clear_full (&self->waiting, (GDestroyNotify) gst_event_unref);
  gst_vldm_upsample_stream_stop (&self->stream);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_sr_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmSr *self = GST_VLDM_SR (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_vldm_upsample_stream_interrupt (&self->stream, TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    gst_vldm_upsample_stream_close (&self->stream);
  return ret;
}

/* ---- frames ---- */

static GstFlowReturn gst_vldm_sr_push_made (GstVldmSr * self);

/* Pushes what is left of a window that no frame continues. */
static GstFlowReturn
gst_vldm_sr_end_window (GstVldmSr * self)
{
  GstVldmUpsampleFrames *frames = &self->stream.frames;
  GstFlowReturn flow = GST_FLOW_OK;

  if (gst_vldm_upsample_frames_new (frames) > 0)
    flow = gst_vldm_upsample_stream_run (&self->stream, TRUE);
  else
    gst_vldm_upsample_frames_release (frames);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_sr_push_made (self);
  gst_vldm_upsample_frames_flush (frames);
  return flow;
}

/* Takes @picture, and upsamples its window if that is complete. */
static GstFlowReturn
gst_vldm_sr_take_picture (GstVldmSr * self, GstBuffer * picture)
{
  GstVldmUpsampleStream *stream = &self->stream;
  GstFlowReturn flow = GST_FLOW_OK;

  if (!gst_vldm_upsample_frames_continue (&stream->frames, picture))
    flow = gst_vldm_sr_end_window (self);
  if (flow == GST_FLOW_OK && !stream->grid_known) {
    flow = gst_vldm_upsample_stream_find_grid (stream);
    if (flow == GST_FLOW_OK && stream->frames.latents_out)
      gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (self),
          gst_vldm_upsample_stream_origin (stream));
  }
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (picture);
    return flow;
  }
  return gst_vldm_upsample_frames_add (&stream->frames, picture)
      ? gst_vldm_upsample_stream_run (stream, FALSE) : GST_FLOW_OK;
}

/* The next frame that can leave, or NULL. */
static GstFlowReturn
gst_vldm_sr_next (GstVldmSr * self, GstBuffer ** buffer)
{
  GstBaseTransform *base = GST_BASE_TRANSFORM (self);
  g_autoptr (GstBuffer) in = NULL;
  GstFlowReturn flow;
  guint i;

  *buffer = NULL;
  GST_OBJECT_LOCK (self);
  gst_vldm_seek_left (&self->seek);
  GST_OBJECT_UNLOCK (self);
  in = gst_vldm_upsample_frames_pop (&self->stream.frames, &i);
  if (in == NULL)
    return GST_FLOW_OK;
  if (!self->stream.frames.latents_out)
    gst_vldm_pace_follow (&self->stream.pace,
        GST_BASE_TRANSFORM_SRC_PAD (self));

  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->prepare_output_buffer (base,
      in, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  flow = gst_vldm_upsample_stream_fill (&self->stream, i, *buffer);
  if (flow != GST_FLOW_OK) {
    gst_clear_buffer (buffer);
    return flow;
  }
  GST_OBJECT_LOCK (self);
  gst_vldm_seek_leaves (&self->seek, GST_BUFFER_PTS (*buffer),
      GST_BUFFER_DURATION (*buffer));
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_vldm_sr_push_made (GstVldmSr * self)
{
  GstFlowReturn flow;
  GstBuffer *buffer;

  do {
    flow = gst_vldm_sr_next (self, &buffer);
    if (buffer != NULL)
      flow = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self), buffer);
  } while (flow == GST_FLOW_OK && buffer != NULL);
  return flow;
}

/* Called until it gives no more buffer: what can leave, else what pictures that wait make possible. */
static GstFlowReturn
gst_vldm_sr_generate (GstBaseTransform * base, GstBuffer ** buffer)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstFlowReturn flow;
  GstBuffer *picture;

  while ((flow = gst_vldm_sr_next (self, buffer)) == GST_FLOW_OK
      && *buffer == NULL) {
    picture = g_queue_pop_head (&self->stream.decoder.pictures);
    if (picture == NULL)
      break;
    flow = gst_vldm_sr_take_picture (self, picture);
    if (flow != GST_FLOW_OK)
      break;
  }
  return flow;
}

/* Not called, since all output is generated; but the base class lets an element without it change nothing. */
static GstFlowReturn
gst_vldm_sr_transform (GstBaseTransform * base, GstBuffer * in, GstBuffer * out)
{
  return GST_FLOW_NOT_SUPPORTED;
}

GstFlowReturn
gst_vldm_sr_drain (GstVldmSr * self)
{
  GstFlowReturn flow = gst_vldm_upsample_decoder_drain (&self->stream.decoder);
  GstBuffer *picture;

  while (flow == GST_FLOW_OK
      && (picture = g_queue_pop_head (&self->stream.decoder.pictures))) {
    flow = gst_vldm_sr_take_picture (self, picture);
    if (flow == GST_FLOW_OK)
      flow = gst_vldm_sr_push_made (self);
  }
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_sr_end_window (self);
  gst_vldm_upsample_decoder_flush (&self->stream.decoder);
  gst_vldm_upsample_frames_flush (&self->stream.frames);
  return flow;
}

static GstFlowReturn
gst_vldm_sr_submit (GstBaseTransform * base, gboolean discont,
    GstBuffer * buffer)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstFlowReturn flow;

  gst_vldm_sr_release_events (self);
  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (base,
      discont, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  buffer = g_steal_pointer (&base->queued_buf);
  return gst_vldm_upsample_stream_push (&self->stream, buffer);
}

/* ---- negotiation ---- */

static GstCaps *
gst_vldm_sr_transform_caps (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps, GstCaps * filter)
{
  return direction == GST_PAD_SINK ? gst_vldm_upsample_caps_out (caps, filter)
      : gst_vldm_upsample_caps_in (caps, filter);
}

/* An element refuses caps that it does not accept before it is asked to set them, without a word: so this comes first. */
static GstPadProbeReturn
gst_vldm_sr_explain (GstPad * pad, GstPadProbeInfo * info, gpointer self)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autoptr (GError) error = NULL;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  gst_event_parse_caps (event, &caps);
  if (!gst_vldm_upsample_caps_check (caps, &error))
    gst_vldm_refuse_caps (self, caps, error);
  return GST_PAD_PROBE_OK;
}

/* While it plays, caps that a template cannot tell from others come in all the same: upstream has nothing else then, and would
 * only say that it is not negotiated. */
static gboolean
gst_vldm_sr_accept_caps (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps)
{
  return GST_BASE_TRANSFORM_CLASS (parent_class)->accept_caps (base, direction,
      caps) && (direction == GST_PAD_SRC
      || GST_PAD_IS_ACTIVE (GST_BASE_TRANSFORM_SINK_PAD (base))
      || gst_vldm_upsample_caps_check (caps, NULL));
}

/* The shape of latents follows from the model. */
static GstCaps *
gst_vldm_sr_fixate_caps (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps, GstCaps * othercaps)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  g_autoptr (GError) error = NULL;
  gint width, height;
  VldmModel *model;
  gpointer stage;

  if (direction == GST_PAD_SRC
      || !gst_vldm_upsample_caps_are_latents (othercaps)
      || !gst_structure_get (gst_caps_get_structure (caps, 0),
          "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL))
    return GST_BASE_TRANSFORM_CLASS (parent_class)->fixate_caps (base,
        direction, caps, othercaps);
  if (gst_vldm_upsample_stream_wait (&self->stream, &model,
          &stage) != GST_FLOW_OK)
    return othercaps;

  othercaps = gst_vldm_upsample_caps_fixate (othercaps, model, width, height,
      &error);
  if (othercaps == NULL) {
    gst_vldm_fail (GST_ELEMENT (self), error, "negotiating");
    othercaps = gst_caps_new_empty ();
  }
  return othercaps;
}

static gboolean
gst_vldm_sr_set_caps (GstBaseTransform * base, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  g_autoptr (GError) error = NULL;
  gboolean done;

  /* Pads still have the caps from before. */
  if (gst_vldm_sr_drain (self) != GST_FLOW_OK)
    return FALSE;
  GST_OBJECT_LOCK (self);
  done = gst_vldm_upsample_frames_set_caps (&self->stream.frames, incaps,
      outcaps, &error)
      && gst_vldm_upsample_decoder_set_caps (&self->stream.decoder, incaps,
      &error);
  GST_OBJECT_UNLOCK (self);
  if (!done) {
    gst_vldm_refuse_caps (GST_ELEMENT (self), incaps, error);
    return FALSE;
  }
  gst_vldm_pictures_warn (GST_ELEMENT (self), &self->stream.frames.in);
  self->stream.grid_known = FALSE;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
  return TRUE;
}

static gboolean
gst_vldm_sr_transform_size (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps, gsize size, GstCaps * othercaps, gsize * othersize)
{
  *othersize = gst_vldm_upsample_caps_frame_size (othercaps);
  return *othersize > 0;
}

/* Frames of a window are held here, so upstream needs some more of them. */
static gboolean
gst_vldm_sr_propose_allocation (GstBaseTransform * base,
    GstQuery * decide_query, GstQuery * query)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstCaps *caps;
  gsize size;

  gst_query_parse_allocation (query, &caps, NULL);
  size = caps != NULL ? gst_vldm_upsample_caps_frame_size (caps) : 0;
  if (size == 0)
    return FALSE;
  gst_query_add_allocation_pool (query, NULL, size,
      self->stream.frames.grid.size + 1
      + gst_vldm_upsample_decoder_delay (&self->stream.decoder), 0);
  if (!gst_vldm_upsample_caps_are_latents (caps))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

/* ---- class and object ---- */

static void
gst_vldm_sr_finalize (GObject * object)
{
  GstVldmSr *self = GST_VLDM_SR (object);

  gst_vldm_upsample_stream_clear (&self->stream);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_vldm_sr_install_properties (GObjectClass * klass)
{
  gst_vldm_sampling_install (klass, PROP_PROMPT);
  gst_vldm_install_upsample_properties (klass, PROP_NOISE_LEVEL);
  gst_vldm_install_model_properties (klass, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = the one that made the video, "
      "else $VLDM_MODEL_PATH, else the model that comes with the plugin)");
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Windows upsampled, frames in and out, time of upsampling (ns), "
          "device and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vldm_sr_class_init (GstVldmSrClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_sr_debug, "vldmsr", 0,
      "pictures four times as large");

  object_class->set_property = gst_vldm_sr_set_property;
  object_class->get_property = gst_vldm_sr_get_property;
  object_class->finalize = gst_vldm_sr_finalize;
  gst_vldm_sr_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video upsampler", "Filter/Effect/Converter/Video/Scaler",
      "Makes video four times as large by diffusion",
      "The gst-vldm developers");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vldm_sr_change_state);

  base_class->passthrough_on_same_caps = FALSE;
  base_class->start = GST_DEBUG_FUNCPTR (gst_vldm_sr_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_sr_stop);
  base_class->transform_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_transform_caps);
  base_class->accept_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_accept_caps);
  base_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_fixate_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_set_caps);
  base_class->transform_size = GST_DEBUG_FUNCPTR (gst_vldm_sr_transform_size);
  base_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_sr_propose_allocation);
  base_class->submit_input_buffer = GST_DEBUG_FUNCPTR (gst_vldm_sr_submit);
  base_class->generate_output = GST_DEBUG_FUNCPTR (gst_vldm_sr_generate);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_vldm_sr_transform);
  gst_vldm_sr_install_events (base_class);
}

static void
gst_vldm_sr_init (GstVldmSr * self)
{
  /* A late frame that was dropped would tear a hole into its window. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);

  gst_pad_add_probe (GST_BASE_TRANSFORM_SINK_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, gst_vldm_sr_explain, self, NULL);
  gst_vldm_upsample_stream_init (&self->stream, GST_ELEMENT (self));
  g_queue_init (&self->waiting);
}
