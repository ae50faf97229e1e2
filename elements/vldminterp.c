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

#include "elements/gap.h"
#include "gst/enums.h"
#include "gst/error.h"
#include "gst/properties.h"
#include "gst/timing.h"
#include "vldm/error.h"
#include "vldm/stages/windows.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_interp_debug);
#define GST_CAT_DEFAULT gst_vldm_interp_debug

#define DEFAULT_FACTOR 4
#define DEFAULT_TAIL GST_VLDM_TAIL_DROP

/* A window holds factor + 1 frames at once. */
#define MAX_FACTOR 32

enum
{
  PROP_0,
  PROP_FACTOR,
  PROP_TAIL,
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
  GstVldmFilter parent;

  /* properties, OBJECT_LOCK */
  gint factor;
  GstVldmTail tail;

  /* streaming thread */
  GstVldmGap gap;               /* its rate, reach and factor change under the OBJECT_LOCK */
  gboolean warned;              /* of what the model was not made for */
  gboolean told_rate, told_hole;        /* of caps and times that disagree, and of frames that are missing */
};

static void gst_vldm_interp_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_vldm_interp_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static gboolean gst_vldm_interp_check (GstVldmFilter * filter,
    VldmModel * model, GError ** error);
static void gst_vldm_interp_reset (GstVldmFilter * filter);
static GstEvent *gst_vldm_interp_forward (GstVldmFilter * filter,
    GstEvent * event);
static GstCaps *gst_vldm_interp_transform_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
static gboolean gst_vldm_interp_set_caps (GstBaseTransform * base,
    GstCaps * incaps, GstCaps * outcaps);
static gboolean gst_vldm_interp_decide_allocation (GstBaseTransform * base,
    GstQuery * query);
static gboolean gst_vldm_interp_propose_allocation (GstBaseTransform * base,
    GstQuery * decide_query, GstQuery * query);
static GstFlowReturn gst_vldm_interp_take (GstVldmFilter * filter,
    GstBuffer * buffer);
static GstFlowReturn gst_vldm_interp_end (GstVldmFilter * filter);
static GstFlowReturn gst_vldm_interp_pop (GstVldmFilter * filter,
    GstBuffer ** buffer);
static void gst_vldm_interp_flush (GstVldmFilter * filter);
static void gst_vldm_interp_set_segment (GstVldmFilter * filter,
    const GstSegment * upstream, const GstSegment * segment);
static void gst_vldm_interp_get_rate (GstVldmFilter * filter, gint * fps_n,
    gint * fps_d);
static void gst_vldm_interp_widen (gconstpointer filter, guint64 * first,
    guint64 * end);
static GstClockTime gst_vldm_interp_get_latency (GstVldmFilter * filter);
static gboolean gst_vldm_interp_query (GstBaseTransform * base,
    GstPadDirection direction, GstQuery * query);

GST_VLDM_STAGE (interpolate_stage, vldm_interpolate_check_model,
    vldm_interpolate_new, vldm_interpolate_free);

#define gst_vldm_interp_parent_class parent_class
G_DEFINE_TYPE (GstVldmInterp, gst_vldm_interp, GST_TYPE_VLDM_FILTER);
GST_ELEMENT_REGISTER_DEFINE (vldminterp, "vldminterp", GST_RANK_NONE,
    GST_TYPE_VLDM_INTERP);

static void
gst_vldm_interp_class_init (GstVldmInterpClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
  GstVldmFilterClass *filter_class = GST_VLDM_FILTER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_interp_debug, "vldminterp", 0,
      "frames between frames");

  object_class->set_property = gst_vldm_interp_set_property;
  object_class->get_property = gst_vldm_interp_get_property;
  g_object_class_install_property (object_class, PROP_FACTOR,
      g_param_spec_int ("factor", "Factor",
          "How many times the frames: best is the number that the model was "
          "trained for, 4 as a rule (1 = frames pass unchanged)", 1, G_MAXINT,
          DEFAULT_FACTOR, GST_VLDM_PARAM_READY));
  g_object_class_install_property (object_class, PROP_TAIL,
      g_param_spec_enum ("tail", "Tail",
          "What follows the last frame, which has no next one",
          GST_TYPE_VLDM_TAIL, DEFAULT_TAIL, GST_VLDM_PARAM_READY));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video latents interpolator", "Filter/Effect/Video",
      "Raises the frame rate of latents by diffusion",
      "The gst-vldm developers");

  base_class->transform_caps =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_transform_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_interp_set_caps);
  base_class->decide_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_decide_allocation);
  base_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_interp_propose_allocation);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_interp_query);

  filter_class->stage = &interpolate_stage;
  filter_class->stats = "vldminterp-stats";
  filter_class->runs = "gaps-filled";
  filter_class->run_time = "interpolate-time";
  filter_class->check = gst_vldm_interp_check;
  filter_class->reset = gst_vldm_interp_reset;
  filter_class->forward = gst_vldm_interp_forward;
  filter_class->take = gst_vldm_interp_take;
  filter_class->end = gst_vldm_interp_end;
  filter_class->pop = gst_vldm_interp_pop;
  filter_class->flush = gst_vldm_interp_flush;
  filter_class->set_segment = gst_vldm_interp_set_segment;
  filter_class->get_rate = gst_vldm_interp_get_rate;
  filter_class->widen = gst_vldm_interp_widen;
  filter_class->get_latency = gst_vldm_interp_get_latency;
}

static void
gst_vldm_interp_init (GstVldmInterp * self)
{
  self->factor = DEFAULT_FACTOR;
  self->tail = DEFAULT_TAIL;
  gst_vldm_gap_init (&self->gap);
}

/* ---- properties ---- */

/* Where they are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_FACTOR] = G_STRUCT_OFFSET (GstVldmInterp, factor),
  [PROP_TAIL] = G_STRUCT_OFFSET (GstVldmInterp, tail),
};

static void
gst_vldm_interp_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_set (object, fields, N_PROPS, id, value, pspec);
}

static void
gst_vldm_interp_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_get (object, fields, N_PROPS, id, value, pspec);
}

/* ---- settings ---- */

/* Settings of a gap in video of @fps: properties, else what the latents were made from, else the model's values. */
static gboolean
gst_vldm_interp_read_settings (GstVldmInterp * self, VldmModel * model,
    gdouble fps, VldmInterpolateParams * params, GstVldmSamplingTexts * texts,
    GError ** error)
{
  GstVldmConditioning conditioning;
  guint factor;

  if (!vldm_interpolate_defaults (model, params, &factor, error)
      || !gst_vldm_filter_read_sampling (GST_VLDM_FILTER (self),
          &params->sampling, texts, error))
    return FALSE;
  params->fps = fps;
  gst_vldm_filter_get_conditioning (GST_VLDM_FILTER (self), &conditioning);
  params->sampling.seed = vldm_window_seed (params->sampling.seed,
      self->gap.number, conditioning.level + 1);
  return vldm_interpolate_check (model, params, error);
}

static gboolean
gst_vldm_interp_check_factor (GstVldmInterp * self, GError ** error)
{
  gint factor;

  GST_OBJECT_LOCK (self);
  factor = self->factor;
  GST_OBJECT_UNLOCK (self);
  if (factor <= MAX_FACTOR)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "factor is %d; it must be 1 to %d, and best is what the model was "
      "trained for, 4 as a rule", factor, MAX_FACTOR);
  return FALSE;
}

static gboolean
gst_vldm_interp_check (GstVldmFilter * filter, VldmModel * model,
    GError ** error)
{
  GstVldmInterp *self = GST_VLDM_INTERP (filter);
  const GstVldmGap *gap = &self->gap;
  VldmInterpolateParams params = { {NULL,}, };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };

  if (model == NULL)
    return gst_vldm_interp_check_factor (self, error)
        && gst_vldm_filter_check_steps (filter, error);
  /* A variable rate is known when frames come. */
  return gst_vldm_interp_read_settings (self, model,
      gap->fps_n > 0 ? (gdouble) gap->fps_n / gap->fps_d : 1, &params, &texts,
      error);
}

static void
gst_vldm_interp_reset (GstVldmFilter * filter)
{
  GstVldmInterp *self = GST_VLDM_INTERP (filter);

  self->warned = self->told_rate = self->told_hole = FALSE;
  GST_OBJECT_LOCK (self);
  gst_vldm_gap_flush (&self->gap);
  gst_vldm_gap_init (&self->gap);
  gst_vldm_filter_set_idle (filter, self->factor == 1);
  GST_OBJECT_UNLOCK (self);
}

/* The event for the stage after this one. */
static GstEvent *
gst_vldm_interp_forward (GstVldmFilter * filter, GstEvent * event)
{
  gint factor;

  GST_OBJECT_LOCK (filter);
  factor = GST_VLDM_INTERP (filter)->factor;
  GST_OBJECT_UNLOCK (filter);
  return factor == 1 ? event : gst_vldm_conditioning_next_level (event);
}

/* ---- caps ---- */

static GstCaps *
gst_vldm_interp_transform_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstCaps *scaled, *result;
  gint factor;

  GST_OBJECT_LOCK (self);
  factor = self->factor;
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

  GST_DEBUG_OBJECT (self, "from %" GST_PTR_FORMAT " to %" GST_PTR_FORMAT,
      incaps, outcaps);
  GST_OBJECT_LOCK (self);
  self->gap.factor = self->factor;
  gst_vldm_gap_set_caps (&self->gap, &latents, &out);
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
  if (self->gap.latents.width > 0)
    gst_query_add_allocation_pool (query, NULL,
        gst_vldm_latents_frame_size (&self->gap.latents), min + 3, 0);
  return TRUE;
}

/* ---- gaps ---- */

/* Says once what the model was not made for. */
static void
gst_vldm_interp_warn (GstVldmInterp * self, VldmModel * model, gdouble fps)
{
  VldmInterpolateParams unused;
  guint factor;

  if (self->warned)
    return;
  if (vldm_interpolate_defaults (model, &unused, &factor, NULL)
      && factor != self->gap.factor) {
    self->warned = TRUE;
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("factor is %u, but the model was trained for %u", self->gap.factor,
            factor), (NULL));
  }
  if (vldm_interpolate_rate_is_unusual (model, fps)) {
    self->warned = TRUE;
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS,
        ("%g frames per second after interpolation are far from what the model "
            "was trained for", fps),
        ("more than twice above or below all of its rates"));
  }
}

/* Takes note of where @right lies, and says once if that is not where caps mean. */
static void
gst_vldm_interp_measure (GstVldmInterp * self, GstBuffer * right)
{
  GstVldmGap *gap = &self->gap;
  gdouble named, real;

  GST_OBJECT_LOCK (self);
  gst_vldm_gap_close (gap, right);
  GST_OBJECT_UNLOCK (self);
  if (self->told_rate || !gst_vldm_spacing_surely_contradicts (&gap->spacing))
    return;

  self->told_rate = TRUE;
  named = (gdouble) gap->latents.fps_n / gap->latents.fps_d;
  real = gst_vldm_spacing_rate (&gap->spacing);
  GST_ELEMENT_WARNING (self, STREAM, FORMAT,
      ("caps say %.4g frames per second, but %.4g come by their times: new "
          "frames follow the times, and caps behind say %.4g instead of %.4g; "
          "capssetter in front can correct the caps", named, real,
          gap->factor * named, gap->factor * real), (NULL));
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
}

/* Says once that frames are missing before @right, so that new ones are, too. */
static void
gst_vldm_interp_tell_hole (GstVldmInterp * self, GstBuffer * right)
{
  const GstVldmGap *gap = &self->gap;

  GST_INFO_OBJECT (self, "frames are missing before %"
      GST_PTR_FORMAT ", after %" GST_PTR_FORMAT, right, gap->left);
  if (self->told_hole)
    return;
  self->told_hole = TRUE;
  GST_ELEMENT_WARNING (self, STREAM, FORMAT,
      ("frames are missing between %" GST_TIME_FORMAT " and %" GST_TIME_FORMAT
          ", and such holes are not filled",
          GST_TIME_ARGS (GST_BUFFER_PTS (gap->left)),
          GST_TIME_ARGS (GST_BUFFER_PTS (right))),
      ("caps say %d/%d frames per second", gap->latents.fps_n,
          gap->latents.fps_d));
}

/* Makes the left frame ready to go, and those between it and @right. */
static GstFlowReturn
gst_vldm_interp_fill (GstVldmInterp * self, GstBuffer * right)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (self);
  VldmInterpolateParams params = { {NULL,}, };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  gpointer stage;
  gint64 start;
  gdouble fps;

  gst_vldm_interp_measure (self, right);
  if (!gst_vldm_gap_is_wanted (&self->gap, right)) {
    GST_DEBUG_OBJECT (self, "gap %" G_GUINT64_FORMAT " is not shown",
        self->gap.number);
    return GST_FLOW_OK;
  }
  if (self->gap.factor == 1) {
    gst_vldm_gap_pass (&self->gap, right);
    return GST_FLOW_OK;
  }
  flow = gst_vldm_filter_wait (filter, &model, NULL);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!gst_vldm_gap_rate (&self->gap, right, &fps, &error)
      || !gst_vldm_interp_read_settings (self, model, fps, &params, &texts,
          &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "choosing settings");
  gst_vldm_interp_warn (self, model, params.fps);
  flow = gst_vldm_filter_wait (filter, &model, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  GST_DEBUG_OBJECT (self, "gap %" G_GUINT64_FORMAT ": %" GST_TIME_FORMAT
      " to %" GST_TIME_FORMAT ", %g frames per second", self->gap.number,
      GST_TIME_ARGS (GST_BUFFER_PTS (self->gap.left)),
      GST_TIME_ARGS (GST_BUFFER_PTS (right)), fps);
  start = g_get_monotonic_time ();
  gst_vldm_gap_fill (&self->gap, right, stage, &params,
      gst_vldm_worker_progress (gst_vldm_filter_worker (filter)), &error);
  return gst_vldm_filter_ran (filter, start, 1, "interpolating", error);
}

/* Takes @buffer, the next known frame, after a gap of @kind. */
static GstFlowReturn
gst_vldm_interp_take_known (GstVldmInterp * self, GstBuffer * buffer,
    GstVldmGapKind kind)
{
  GstFlowReturn flow;

  switch (kind) {
    case GST_VLDM_GAP_UNKNOWN:
      gst_vldm_gap_wait (&self->gap, buffer);
      return GST_FLOW_OK;
    case GST_VLDM_GAP_FILLED:
      flow = gst_vldm_interp_fill (self, buffer);
      break;
    case GST_VLDM_GAP_HOLE:
      gst_vldm_interp_tell_hole (self, buffer);
      flow = gst_vldm_filter_end (GST_VLDM_FILTER (self));
      break;
    default:
      flow = gst_vldm_filter_end (GST_VLDM_FILTER (self));
      break;
  }
  if (flow == GST_FLOW_OK)
    gst_vldm_gap_begin (&self->gap, buffer);
  else
    gst_buffer_unref (buffer);
  return flow;
}

static GstFlowReturn
gst_vldm_interp_take (GstVldmFilter * filter, GstBuffer * buffer)
{
  GstVldmInterp *self = GST_VLDM_INTERP (filter);
  GstVldmGap *gap = &self->gap;
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  GstVldmGapKind kind;

  if (!gst_vldm_latents_check_size (&gap->latents, buffer, &error)) {
    flow = gst_vldm_fail (GST_ELEMENT (self), error, "reading latents");
  } else if (gap->waiting != NULL) {
    kind = gst_vldm_gap_judge_waiting (gap, buffer);
    flow = gst_vldm_interp_take_known (self, g_steal_pointer (&gap->waiting),
        kind);
  }
  if (flow == GST_FLOW_OK)
    return gst_vldm_interp_take_known (self, buffer, gst_vldm_gap_judge (gap,
            buffer));
  gst_buffer_unref (buffer);
  return flow;
}

/* No frame follows that the last one could be interpolated to. */
static GstFlowReturn
gst_vldm_interp_end (GstVldmFilter * filter)
{
  GstVldmInterp *self = GST_VLDM_INTERP (filter);
  gboolean hold;

  GST_OBJECT_LOCK (self);
  hold = self->tail == GST_VLDM_TAIL_HOLD;
  GST_OBJECT_UNLOCK (self);
  /* No frame will tell whether the gap is one. */
  if (self->gap.waiting != NULL)
    gst_vldm_interp_tell_hole (self, self->gap.waiting);
  gst_vldm_gap_end (&self->gap, hold);
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_vldm_interp_pop (GstVldmFilter * filter, GstBuffer ** buffer)
{
  *buffer = gst_vldm_gap_pop (&GST_VLDM_INTERP (filter)->gap);
  return GST_FLOW_OK;
}

static void
gst_vldm_interp_flush (GstVldmFilter * filter)
{
  gst_vldm_gap_flush (&GST_VLDM_INTERP (filter)->gap);
}

/* ---- time ---- */

static void
gst_vldm_interp_set_segment (GstVldmFilter * filter,
    const GstSegment * upstream, const GstSegment * segment)
{
  gst_vldm_gap_set_segment (&GST_VLDM_INTERP (filter)->gap, upstream, segment);
}

static void
gst_vldm_interp_get_rate (GstVldmFilter * filter, gint * fps_n, gint * fps_d)
{
  *fps_n = GST_VLDM_INTERP (filter)->gap.fps_n;
  *fps_d = GST_VLDM_INTERP (filter)->gap.fps_d;
}

static void
gst_vldm_interp_widen (gconstpointer filter, guint64 * first, guint64 * end)
{
  gst_vldm_gap_widen (&((const GstVldmInterp *) filter)->gap, first, end);
}

static GstClockTime
gst_vldm_interp_get_latency (GstVldmFilter * filter)
{
  return gst_vldm_gap_latency (&GST_VLDM_INTERP (filter)->gap);
}

/* The length of the output for upstream's @length. */
static gint64
gst_vldm_interp_length (GstVldmInterp * self, GstFormat format, gint64 length)
{
  GST_OBJECT_LOCK (self);
  length = gst_vldm_gap_length (&self->gap, format, length,
      self->tail == GST_VLDM_TAIL_HOLD);
  GST_OBJECT_UNLOCK (self);
  return length;
}

static gboolean
gst_vldm_interp_convert (GstVldmInterp * self, GstQuery * query)
{
  GstFormat from, to;
  gint64 value, result;
  gint fps_n, fps_d;

  GST_OBJECT_LOCK (self);
  gst_vldm_interp_get_rate (GST_VLDM_FILTER (self), &fps_n, &fps_d);
  GST_OBJECT_UNLOCK (self);
  gst_query_parse_convert (query, &from, &value, &to, NULL);
  if (!gst_vldm_convert (from, value, to, &result, fps_n, fps_d))
    return FALSE;
  gst_query_set_convert (query, from, value, to, result);
  return TRUE;
}

static gboolean
gst_vldm_interp_query (GstBaseTransform * base, GstPadDirection direction,
    GstQuery * query)
{
  GstVldmInterp *self = GST_VLDM_INTERP (base);
  GstFormat format;
  gboolean seekable;
  gint64 start, end;

  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_CONVERT)
    return gst_vldm_interp_convert (self, query);
  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (base, direction, query))
    return FALSE;
  if (direction == GST_PAD_SRC && GST_QUERY_TYPE (query) == GST_QUERY_DURATION) {
    gst_query_parse_duration (query, &format, &end);
    gst_query_set_duration (query, format, gst_vldm_interp_length (self, format,
            end));
  } else if (direction == GST_PAD_SRC
      && GST_QUERY_TYPE (query) == GST_QUERY_SEEKING) {
    gst_query_parse_seeking (query, &format, &seekable, &start, &end);
    gst_query_set_seeking (query, format, seekable, start,
        gst_vldm_interp_length (self, format, end));
  }
  return TRUE;
}
