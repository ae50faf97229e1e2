/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldminterp: new frames between those of latent video. Keeps the frame before, and fills the gap when the next has come;
 * the numbers come from vldm/stages.
 */

/**
 * SECTION:element-vldminterp
 * @title: vldminterp
 * @short_description: raises the frame rate of video latents
 *
 * vldminterp runs the interpolation network of a video latent diffusion model:
 * between every two frames it makes three new ones (#GstVldmInterp:factor - 1),
 * so that eight frames become 29, and another vldminterp behind makes 113 of
 * them. The frames that came in leave unchanged, with their time.
 *
 * After the last frame there is nothing to interpolate to. With
 * #GstVldmInterp:tail drop the video ends there; with hold the last frame is
 * repeated for as long as it would have been shown. The same happens wherever
 * frames do not belong together: before a discontinuity, a gap, a new segment,
 * new caps or another prompt, before a time that is not later, and before a
 * hole.
 *
 * A hole is where frames are missing: a gap more than 2.5 times as long as the
 * frame rate in caps means and as the gaps before it were. One missing frame is
 * bridged. If the first gap of all is as long, the next one tells: where that is
 * as long, frames come slowly. The first hole is told by a warning. Where frames
 * lie does not matter, only how far apart: all may be late by half a frame, or
 * have time stamps of whole milliseconds.
 *
 * Some cameras and files name a frame rate that frames do not keep. Then gaps
 * are filled all the same, new frames lie between the times of their
 * neighbours, and the network is told the real rate; caps keep what they said,
 * times #GstVldmInterp:factor, and one warning names both rates. At a variable
 * rate (0/1) all gaps are filled, however long.
 *
 * Prompt, seed and model are those that the latents were made from, unless
 * properties say otherwise. The same input and settings give the same frames,
 * also after a seek, if the frame rate is constant. At a variable rate (0/1)
 * frames have no number but that since the segment began, from which the noise
 * follows: after a seek the frames that came in and all times are the same, but
 * new frames are others than by playing through. `videorate` before makes it
 * constant.
 *
 * New frames carry the flag DELTA_UNIT; frames that came in keep their flags,
 * so that windows begin where they did.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldminterp ! vldmdec ! videoconvert ! autovideosink
 * ]| Show 29 frames at 7.5 frames a second.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at dusk" ! vldminterp ! vldminterp ! vldmdec ! videoconvert ! video/x-raw,format=I420 ! vp8enc ! webmmux ! filesink location=dusk.webm
 * ]| Write 113 frames at 30 frames a second.
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! videoscale ! video/x-raw,width=256,height=128 ! vldmenc ! vldminterp ! vldmdec ! videoconvert ! autovideosink
 * ]| Four times the frames of a recorded video.
 *
 * Since: 0.1
 */

#include "elements/vldminterp.h"

#include "elements/interprate.h"
#include "elements/interpstream.h"
#include "gst/conditioning.h"
#include "gst/enums.h"
#include "gst/error.h"
#include "gst/properties.h"
#include "gst/seek.h"
#include "gst/timing.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_interp_debug);
#define GST_CAT_DEFAULT gst_vldm_interp_debug

#define DEFAULT_TAIL GST_VLDM_TAIL_DROP

enum
{
  PROP_0,
  PROP_FACTOR,
  PROP_TAIL,
  PROP_PROMPT,
  PROP_NEGATIVE_PROMPT,
  PROP_SEED,
  PROP_STEPS,
  PROP_GUIDANCE_SCALE,
  PROP_GUIDANCE_RESCALE,
  PROP_SCHEDULER,
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_STATS,
  N_PROPS
};

#define TEMPLATE_CAPS GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS \
    "latent-space = (string) vae, " \
    "framerate = (fraction) [ 0/1, 2147483647/1 ]")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK,
    GST_PAD_ALWAYS,
    TEMPLATE_CAPS);

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    TEMPLATE_CAPS);

struct _GstVldmInterp
{
  GstBaseTransform parent;

  /* OBJECT_LOCK */
  GstVldmTail tail;
  GstVldmSeek seek;

  GstVldmInterpStream stream;
};

#define gst_vldm_interp_parent_class parent_class
G_DEFINE_TYPE (GstVldmInterp, gst_vldm_interp, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (vldminterp, "vldminterp", GST_RANK_NONE,
    GST_TYPE_VLDM_INTERP);

/* ---- properties ---- */

/* Where the plain ones among the properties are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_FACTOR] = G_STRUCT_OFFSET (GstVldmInterp, stream.factor),
  [PROP_TAIL] = G_STRUCT_OFFSET (GstVldmInterp, tail),
  [PROP_PROMPT] = G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.prompt),
  [PROP_NEGATIVE_PROMPT] =
      G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.negative_prompt),
  [PROP_SEED] = G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.seed),
  [PROP_STEPS] = G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.steps),
  [PROP_GUIDANCE_SCALE] =
      G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.guidance_scale),
  [PROP_GUIDANCE_RESCALE] =
      G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.guidance_rescale),
  [PROP_SCHEDULER] = G_STRUCT_OFFSET (GstVldmInterp, stream.sampling.scheduler),
  [PROP_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmInterp, stream.model.path),
  [PROP_DEVICE] = G_STRUCT_OFFSET (GstVldmInterp, stream.model.device),
  [PROP_PRECISION] = G_STRUCT_OFFSET (GstVldmInterp, stream.model.precision),
};

static void
gst_vldm_interp_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstVldmInterp *self = GST_VLDM_INTERP (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_vldm_field_set (gst_vldm_field (self, fields, N_PROPS, id),
      value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_vldm_interp_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmInterp *self = GST_VLDM_INTERP (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_interp_stream_stats (&self->stream));
  else
    known = gst_vldm_field_get (gst_vldm_field (self, fields, N_PROPS, id),
        value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* ---- states ---- */

static gboolean
gst_vldm_interp_start (GstBaseTransform * base)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);

  GST_OBJECT_LOCK (self);
  gst_vldm_seek_init (&self->seek);
  GST_OBJECT_UNLOCK (self);
  return gst_vldm_interp_stream_start (&self->stream);
}

static gboolean
gst_vldm_interp_stop (GstBaseTransform * base)
{
  gst_vldm_interp_stream_stop (&GST_VLDM_INTERP (base)->stream);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_interp_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmInterp *self = GST_VLDM_INTERP (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_vldm_worker_interrupt (self->stream.worker, TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    gst_vldm_worker_close (self->stream.worker);
  return ret;
}

/* ---- negotiation ---- */

static GstCaps *
gst_vldm_interp_transform_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstCaps *scaled, *result;
  gint factor;

  GST_OBJECT_LOCK (self);
  factor = self->stream.factor;
  GST_OBJECT_UNLOCK (self);

  if (direction == GST_PAD_SINK)
    scaled = gst_vldm_latents_scale_rate (caps, factor, 1);
  else
    scaled = gst_vldm_latents_scale_rate (caps, 1, factor);
  if (filter == NULL)
    return scaled;
  result = gst_caps_intersect_full (filter, scaled, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref (scaled);
  return result;
}

static gboolean
gst_vldm_interp_set_caps (GstBaseTransform * base, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  g_autoptr (GError) error = NULL;
  GstVldmLatents latents, out;

  if (!gst_vldm_latents_from_caps (&latents, incaps, &error)
      || !gst_vldm_latents_from_caps (&out, outcaps, &error)) {
    gst_vldm_refuse_caps (GST_ELEMENT (self), incaps, error);
    return FALSE;
  }

  GST_OBJECT_LOCK (self);
  self->stream.gap.factor = self->stream.factor;
  gst_vldm_gap_set_caps (&self->stream.gap, &latents, &out);
  GST_OBJECT_UNLOCK (self);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
  return TRUE;
}

/* Buffers that leave are the ones that came, or small ones of our own. */
static gboolean
gst_vldm_interp_decide_allocation (GstBaseTransform * base, GstQuery * query)
{
  return TRUE;
}

/* Up to three known frames are held here, and downstream holds those that went through. */
static gboolean
gst_vldm_interp_propose_allocation (GstBaseTransform * base,
    GstQuery * decide_query, GstQuery * query)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  guint min = 0;

  if (decide_query != NULL
      && gst_query_get_n_allocation_pools (decide_query) > 0)
    gst_query_parse_nth_allocation_pool (decide_query, 0, NULL, NULL, &min,
        NULL);
  if (self->stream.gap.latents.width > 0)
    gst_query_add_allocation_pool (query, NULL,
        gst_vldm_latents_frame_size (&self->stream.gap.latents), min + 3, 0);
  return TRUE;
}

/* ---- gaps ---- */

static GstFlowReturn
gst_vldm_interp_generate (GstBaseTransform * base, GstBuffer ** buffer)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);

  *buffer = gst_vldm_gap_pop (&self->stream.gap);
  GST_OBJECT_LOCK (self);
  gst_vldm_seek_left (&self->seek);
  if (*buffer != NULL) {
    self->stream.frames_out++;
    gst_vldm_seek_leaves (&self->seek, GST_BUFFER_PTS (*buffer),
        GST_BUFFER_DURATION (*buffer));
  }
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* The base class takes an element without this for one that changes nothing; it is not called, since all output is
 * generated. */
static GstFlowReturn
gst_vldm_interp_transform (GstBaseTransform * base, GstBuffer * in,
    GstBuffer * out)
{
  return GST_FLOW_NOT_SUPPORTED;
}

/* No frame follows that the last one could be interpolated to: pushes it. */
static GstFlowReturn
gst_vldm_interp_drain (GstVldmInterp * self)
{
  GstBaseTransform *base = GST_BASE_TRANSFORM (self);
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *buffer;
  gboolean hold;

  GST_OBJECT_LOCK (self);
  hold = self->tail == GST_VLDM_TAIL_HOLD;
  GST_OBJECT_UNLOCK (self);

  /* Nothing tells any more that it is no hole. */
  if (self->stream.gap.waiting != NULL)
    gst_vldm_interp_stream_tell_hole (&self->stream, self->stream.gap.waiting);
  gst_vldm_gap_end (&self->stream.gap, hold);
  while (flow == GST_FLOW_OK) {
    gst_vldm_interp_generate (base, &buffer);
    if (buffer == NULL)
      break;
    flow = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (base), buffer);
  }
  gst_vldm_gap_flush (&self->stream.gap);
  return flow;
}

/* Takes @buffer, the next known frame, after a gap of @kind. */
static GstFlowReturn
gst_vldm_interp_take (GstVldmInterp * self, GstBuffer * buffer,
    GstVldmGapKind kind)
{
  GstFlowReturn flow;

  switch (kind) {
    case GST_VLDM_GAP_UNKNOWN:
      gst_vldm_gap_wait (&self->stream.gap, buffer);
      return GST_FLOW_OK;
    case GST_VLDM_GAP_FILLED:
      flow = gst_vldm_interp_stream_fill (&self->stream, buffer);
      break;
    case GST_VLDM_GAP_HOLE:
      gst_vldm_interp_stream_tell_hole (&self->stream, buffer);
      flow = gst_vldm_interp_drain (self);
      break;
    default:
      flow = gst_vldm_interp_drain (self);
      break;
  }
  if (flow == GST_FLOW_OK)
    gst_vldm_gap_begin (&self->stream.gap, buffer);
  else
    gst_buffer_unref (buffer);
  return flow;
}

static GstFlowReturn
gst_vldm_interp_submit (GstBaseTransform * base, gboolean discont,
    GstBuffer * buffer)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstVldmGap *gap = &self->stream.gap;
  GstVldmGapKind kind;
  GstFlowReturn flow;
  g_autoptr (GError) error = NULL;

  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (base,
      discont, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  buffer = g_steal_pointer (&base->queued_buf);

  if (!gst_vldm_latents_check_size (&gap->latents, buffer, &error)) {
    gst_buffer_unref (buffer);
    return gst_vldm_fail (GST_ELEMENT (self), error, "reading latents");
  }
  if (gap->waiting != NULL) {
    kind = gst_vldm_gap_judge_waiting (gap, buffer);
    flow = gst_vldm_interp_take (self, g_steal_pointer (&gap->waiting), kind);
  }
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_interp_take (self, buffer, gst_vldm_gap_judge (gap,
            buffer));
  else
    gst_buffer_unref (buffer);
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (self);
  self->stream.frames_in++;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* ---- events and queries ---- */

/* Frames of different origin do not belong together. Returns the event for the next stage. */
static GstEvent *
gst_vldm_interp_take_conditioning (GstVldmInterp * self, GstEvent * event)
{
  gboolean own_model = gst_vldm_model_settings_has_path (GST_ELEMENT (self),
      &self->stream.model);
  gboolean idle;

  GST_OBJECT_LOCK (self);
  idle = self->stream.factor == 1;
  GST_OBJECT_UNLOCK (self);

  if (self->stream.conditioning == NULL
      || !gst_structure_is_equal (gst_event_get_structure (event),
          gst_event_get_structure (self->stream.conditioning))) {
    gst_vldm_interp_drain (self);
    gst_event_replace (&self->stream.conditioning, event);
    if (!own_model && !idle)
      gst_vldm_interp_stream_choose_model (&self->stream);
  }
  return idle ? event : gst_vldm_conditioning_next_level (event);
}

static GstEvent *
gst_vldm_interp_take_segment (GstVldmInterp * self, GstEvent * event)
{
  GstSegment upstream, segment;

  if (gst_vldm_seek_is_answered (&self->seek, GST_ELEMENT (self), event))
    gst_vldm_gap_flush (&self->stream.gap);
  else
    gst_vldm_interp_drain (self);
  gst_event_copy_segment (event, &upstream);
  GST_OBJECT_LOCK (self);
  event = gst_vldm_seek_narrow (&self->seek, event, &segment);
  GST_OBJECT_UNLOCK (self);
  gst_vldm_gap_set_segment (&self->stream.gap, &upstream, &segment);
  return event;
}

/* TRUE if @event brings other caps than those that are set. */
static gboolean
gst_vldm_interp_changes_caps (GstVldmInterp * self, GstEvent * event)
{
  GstCaps *old = gst_pad_get_current_caps (GST_BASE_TRANSFORM_SINK_PAD (self));
  GstCaps *caps;
  gboolean changes;

  gst_event_parse_caps (event, &caps);
  changes = old == NULL || !gst_caps_is_equal (old, caps);
  gst_clear_caps (&old);
  return changes;
}

static gboolean
gst_vldm_interp_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstVldmConditioning conditioning;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_vldm_worker_interrupt (self->stream.worker, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_vldm_worker_interrupt (self->stream.worker, FALSE);
      gst_vldm_gap_flush (&self->stream.gap);
      break;
    case GST_EVENT_CAPS:
      if (gst_vldm_interp_changes_caps (self, event))
        gst_vldm_interp_drain (self);
      break;
    case GST_EVENT_SEGMENT:
      event = gst_vldm_interp_take_segment (self, event);
      break;
    case GST_EVENT_GAP:
      gst_vldm_interp_drain (self);
      /* Who prerolls with it takes the video for one that can be played. */
      if (gst_vldm_interp_stream_check (&self->stream) == GST_FLOW_OK)
        break;
      gst_event_unref (event);
      return FALSE;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      gst_vldm_interp_drain (self);
      break;
    default:
      if (gst_vldm_conditioning_from_event (&conditioning, event))
        event = gst_vldm_interp_take_conditioning (self, event);
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (base, event);
}

static void
gst_vldm_interp_get_rate (GstVldmInterp * self, GstVldmInterpRate * rate)
{
  GST_OBJECT_LOCK (self);
  rate->factor = self->stream.gap.factor;
  rate->fps_n = self->stream.gap.fps_n;
  rate->fps_d = self->stream.gap.fps_d;
  rate->hold = self->tail == GST_VLDM_TAIL_HOLD;
  rate->reach = self->stream.gap.reach;
  rate->spacing = self->stream.gap.longest;
  GST_OBJECT_UNLOCK (self);
}

/* Asks upstream for whole gaps, so that frames are the same as without the seek. */
static gboolean
gst_vldm_interp_src_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstVldmInterpRate rate;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (base, event);

  gst_vldm_interp_get_rate (self, &rate);
  event = gst_vldm_seek_widen (&self->seek, GST_ELEMENT (self), event,
      rate.fps_n, rate.fps_d, gst_vldm_interp_rate_widen, &rate);
  if (event == NULL)
    return FALSE;
  if (GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (base, event))
    return TRUE;
  gst_vldm_seek_undo (&self->seek, GST_ELEMENT (self));
  return FALSE;
}

static gboolean
gst_vldm_interp_query (GstBaseTransform * base, GstPadDirection direction,
    GstQuery * query)
{
  GstVldmInterpRate rate;
  GstFormat from, to;
  gint64 value, result;

  gst_vldm_interp_get_rate (GST_VLDM_INTERP (base), &rate);
  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_CONVERT) {
    gst_query_parse_convert (query, &from, &value, &to, NULL);
    if (!gst_vldm_convert (from, value, to, &result, rate.fps_n, rate.fps_d))
      return FALSE;
    gst_query_set_convert (query, from, value, to, result);
    return TRUE;
  }
  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (base, direction, query))
    return FALSE;
  if (direction == GST_PAD_SRC)
    gst_vldm_interp_rate_answer (&rate, query);
  return TRUE;
}

/* ---- class and object ---- */

static void
gst_vldm_interp_finalize (GObject * object)
{
  GstVldmInterp *self = GST_VLDM_INTERP (object);

  gst_vldm_interp_stream_clear (&self->stream);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_vldm_interp_install_properties (GObjectClass * klass)
{
  g_object_class_install_property (klass, PROP_FACTOR,
      g_param_spec_int ("factor", "Factor",
          "How many times the frames: best is the number that the model was "
          "trained for, 4 as a rule (1 = frames pass unchanged)", 1, G_MAXINT,
          GST_VLDM_INTERP_DEFAULT_FACTOR, GST_VLDM_PARAM_READY));
  g_object_class_install_property (klass, PROP_TAIL,
      g_param_spec_enum ("tail", "Tail",
          "What follows the last frame, which has no next one",
          GST_TYPE_VLDM_TAIL, DEFAULT_TAIL, GST_VLDM_PARAM_READY));
  gst_vldm_sampling_install (klass, PROP_PROMPT);
  gst_vldm_install_model_properties (klass, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = the one that made the latents, "
      "else $VLDM_MODEL_PATH, else the model that comes with the plugin)");
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Gaps filled, frames in and out, time of interpolation (ns), device "
          "and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vldm_interp_class_init (GstVldmInterpClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_interp_debug, "vldminterp", 0,
      "frames between frames");

  object_class->set_property = gst_vldm_interp_set_property;
  object_class->get_property = gst_vldm_interp_get_property;
  object_class->finalize = gst_vldm_interp_finalize;
  gst_vldm_interp_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video latents interpolator", "Filter/Effect/Video",
      "Raises the frame rate of latents by diffusion",
      "The gst-vldm developers");
  element_class->change_state =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_change_state);

  base_class->passthrough_on_same_caps = FALSE;
  base_class->start = GST_DEBUG_FUNCPTR (gst_vldm_interp_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_interp_stop);
  base_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_transform_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_interp_set_caps);
  base_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_decide_allocation);
  base_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_propose_allocation);
  base_class->submit_input_buffer = GST_DEBUG_FUNCPTR (gst_vldm_interp_submit);
  base_class->generate_output = GST_DEBUG_FUNCPTR (gst_vldm_interp_generate);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_vldm_interp_transform);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_interp_sink_event);
  base_class->src_event = GST_DEBUG_FUNCPTR (gst_vldm_interp_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_interp_query);
}

static void
gst_vldm_interp_init (GstVldmInterp * self)
{
  /* A late frame that was dropped would tear a hole between two known ones. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), FALSE);

  gst_vldm_interp_stream_init (&self->stream, GST_ELEMENT (self));
  self->tail = DEFAULT_TAIL;
}
