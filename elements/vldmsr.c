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

#include "elements/srcaps.h"
#include "elements/srwindow.h"
#include "gst/error.h"
#include "gst/heldevents.h"
#include "gst/pace.h"
#include "gst/pictures.h"
#include "gst/properties.h"
#include "gst/timing.h"
#include "vldm/error.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_sr_debug);
#define GST_CAT_DEFAULT gst_vldm_sr_debug

#define DEFAULT_NOISE_LEVEL -1
#define DEFAULT_TILE_SIZE 0
#define DEFAULT_TILE_OVERLAP -1

enum
{
  PROP_0,
  PROP_NOISE_LEVEL,
  PROP_TILE_SIZE,
  PROP_TILE_OVERLAP,
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

struct _GstVldmSr
{
  GstVldmFilter parent;

  /* properties, OBJECT_LOCK */
  gint noise_level;             /* -1 = the model's */
  gint tile_size;               /* 0 = automatic */
  gint tile_overlap;            /* -1 = a quarter of a tile */

  /* streaming thread */
  GstVldmSrWindow window;       /* its formats and grid change under the OBJECT_LOCK */
  gboolean grid_known;          /* else it is a guess */
  GstVldmPace pace;             /* of pictures that go out */
  GstVldmHeldEvents held;       /* caps and what came after them, until the model is known */
};

static void gst_vldm_sr_finalize (GObject * object);
static void gst_vldm_sr_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_vldm_sr_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static gboolean gst_vldm_sr_check (GstVldmFilter * filter, VldmModel * model,
    GError ** error);
static void gst_vldm_sr_reset (GstVldmFilter * filter);
static gboolean gst_vldm_sr_start (GstBaseTransform * base);
static gboolean gst_vldm_sr_stop (GstBaseTransform * base);
static void gst_vldm_sr_model_changed (GstVldmFilter * filter);
static void gst_vldm_sr_announce (GstVldmFilter * filter);
static gboolean gst_vldm_sr_accept_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps);
static GstCaps *gst_vldm_sr_fixate_caps (GstBaseTransform * base,
    GstPadDirection direction, GstCaps * caps, GstCaps * othercaps);
static gboolean gst_vldm_sr_set_caps (GstBaseTransform * base, GstCaps * incaps,
    GstCaps * outcaps);
static gboolean gst_vldm_sr_propose_allocation (GstBaseTransform * base,
    GstQuery * decide_query, GstQuery * query);
static GstFlowReturn gst_vldm_sr_end (GstVldmFilter * filter);
static GstFlowReturn gst_vldm_sr_take (GstVldmFilter * filter,
    GstBuffer * picture);
static GstFlowReturn gst_vldm_sr_pop (GstVldmFilter * filter,
    GstBuffer ** buffer);
static void gst_vldm_sr_flush (GstVldmFilter * filter);
static void gst_vldm_sr_release_events (GstVldmSr * self);
static GstFlowReturn gst_vldm_sr_submit (GstBaseTransform * base,
    gboolean discont, GstBuffer * buffer);
static GstEvent *gst_vldm_sr_forward (GstVldmFilter * filter, GstEvent * event);
static gboolean gst_vldm_sr_sink_event (GstBaseTransform * base,
    GstEvent * event);
static void gst_vldm_sr_set_segment (GstVldmFilter * filter,
    const GstSegment * upstream, const GstSegment * segment);
static void gst_vldm_sr_get_rate (GstVldmFilter * filter, gint * fps_n,
    gint * fps_d);
static void gst_vldm_sr_widen (gconstpointer filter, guint64 * first,
    guint64 * end);
static guint gst_vldm_sr_delay (GstVldmSr * self);
static GstClockTime gst_vldm_sr_get_latency (GstVldmFilter * filter);
static gboolean gst_vldm_sr_query (GstBaseTransform * base,
    GstPadDirection direction, GstQuery * query);

GST_VLDM_STAGE (upsample_stage, vldm_upsample_check_model, vldm_upsample_new,
    vldm_upsample_free);

#define gst_vldm_sr_parent_class parent_class
G_DEFINE_TYPE (GstVldmSr, gst_vldm_sr, GST_TYPE_VLDM_FILTER);
GST_ELEMENT_REGISTER_DEFINE (vldmsr, "vldmsr", GST_RANK_NONE, GST_TYPE_VLDM_SR);

static void
gst_vldm_sr_install_properties (GObjectClass * klass)
{
  const GParamFlags flags = GST_VLDM_PARAM_PLAYING;

  g_object_class_install_property (klass, PROP_NOISE_LEVEL,
      g_param_spec_int ("noise-level", "Noise level",
          "How much noise covers the pictures that come in: more gives the "
          "network more freedom (-1 = the model's)", -1, G_MAXINT,
          DEFAULT_NOISE_LEVEL, flags));
  g_object_class_install_property (klass, PROP_TILE_SIZE,
      g_param_spec_int ("tile-size", "Tile size",
          "Pixels of what comes in that the network sees at once, along each "
          "axis (0 = as the device's memory allows)", 0, G_MAXINT,
          DEFAULT_TILE_SIZE, flags));
  g_object_class_install_property (klass, PROP_TILE_OVERLAP,
      g_param_spec_int ("tile-overlap", "Tile overlap",
          "Pixels that neighbouring tiles share, at most half of tile-size "
          "(-1 = a quarter of it)", -1, G_MAXINT, DEFAULT_TILE_OVERLAP, flags));
}

static void
gst_vldm_sr_class_init (GstVldmSrClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);
  GstVldmFilterClass *filter_class = GST_VLDM_FILTER_CLASS (klass);

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

  base_class->start = GST_DEBUG_FUNCPTR (gst_vldm_sr_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_sr_stop);
  base_class->transform_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_caps_transform);
  base_class->accept_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_accept_caps);
  base_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_fixate_caps);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_sr_set_caps);
  base_class->transform_size =
      GST_DEBUG_FUNCPTR (gst_vldm_sr_caps_transform_size);
  base_class->propose_allocation =
      GST_DEBUG_FUNCPTR (gst_vldm_sr_propose_allocation);
  base_class->submit_input_buffer = GST_DEBUG_FUNCPTR (gst_vldm_sr_submit);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_sr_sink_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_sr_query);

  filter_class->stage = &upsample_stage;
  filter_class->decodes = TRUE;
  filter_class->stats = "vldmsr-stats";
  filter_class->runs = "windows-upsampled";
  filter_class->run_time = "upsample-time";
  filter_class->check = gst_vldm_sr_check;
  filter_class->reset = gst_vldm_sr_reset;
  filter_class->model_changed = gst_vldm_sr_model_changed;
  filter_class->before_gap = gst_vldm_sr_announce;
  filter_class->forward = gst_vldm_sr_forward;
  filter_class->take = gst_vldm_sr_take;
  filter_class->end = gst_vldm_sr_end;
  filter_class->pop = gst_vldm_sr_pop;
  filter_class->flush = gst_vldm_sr_flush;
  filter_class->set_segment = gst_vldm_sr_set_segment;
  filter_class->get_rate = gst_vldm_sr_get_rate;
  filter_class->widen = gst_vldm_sr_widen;
  filter_class->get_latency = gst_vldm_sr_get_latency;
}

static void
gst_vldm_sr_init (GstVldmSr * self)
{
  gst_pad_add_probe (GST_BASE_TRANSFORM_SINK_PAD (self),
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, gst_vldm_sr_caps_explain, self,
      NULL);
  self->noise_level = DEFAULT_NOISE_LEVEL;
  self->tile_size = DEFAULT_TILE_SIZE;
  self->tile_overlap = DEFAULT_TILE_OVERLAP;
  gst_vldm_sr_window_init (&self->window);
  gst_vldm_held_events_init (&self->held);
}

static void
gst_vldm_sr_finalize (GObject * object)
{
  gst_vldm_sr_window_clear (&GST_VLDM_SR (object)->window);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* ---- properties ---- */

/* Where they are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_NOISE_LEVEL] = G_STRUCT_OFFSET (GstVldmSr, noise_level),
  [PROP_TILE_SIZE] = G_STRUCT_OFFSET (GstVldmSr, tile_size),
  [PROP_TILE_OVERLAP] = G_STRUCT_OFFSET (GstVldmSr, tile_overlap),
};

static void
gst_vldm_sr_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_set (object, fields, N_PROPS, id, value, pspec);
}

static void
gst_vldm_sr_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_get (object, fields, N_PROPS, id, value, pspec);
}

/* ---- settings ---- */

/* Puts properties, else what the video was made from, over the values in @params, and checks them: those that depend on
 * @model too, unless it is NULL. */
static gboolean
gst_vldm_sr_apply_settings (GstVldmSr * self, VldmModel * model,
    VldmUpsampleParams * params, GstVldmSamplingTexts * texts, GError ** error)
{
  if (!gst_vldm_filter_read_sampling (GST_VLDM_FILTER (self),
          &params->sampling, texts, error))
    return FALSE;
  GST_OBJECT_LOCK (self);
  if (self->noise_level != -1)
    params->noise_level = self->noise_level;
  params->tile_size = self->tile_size;
  params->tile_overlap = self->tile_overlap != -1 ? self->tile_overlap
      : self->tile_size / 4;
  GST_OBJECT_UNLOCK (self);
  return vldm_upsample_check (model, params, error);
}

static gboolean
gst_vldm_sr_read_settings (GstVldmSr * self, VldmModel * model,
    VldmUpsampleParams * params, GstVldmSamplingTexts * texts, GError ** error)
{
  if (!vldm_upsample_defaults (model, params, error))
    return FALSE;
  params->windows = self->window.grid;
  return gst_vldm_sr_apply_settings (self, model, params, texts, error);
}

static gboolean
gst_vldm_sr_check (GstVldmFilter * filter, VldmModel * model, GError ** error)
{
  /* What a model would say: any valid values do. */
  VldmUpsampleParams params = {
    .sampling = {
          .prompt = "",
          .negative_prompt = "",
          .steps = 1,
          .guidance_scale = 1.0,
          .context_guidance = 1.0,
        },
    .windows = {1, 0},
  };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };

  return (model == NULL || vldm_upsample_defaults (model, &params, error))
      && gst_vldm_sr_apply_settings (GST_VLDM_SR (filter), model, &params,
      &texts, error);
}

/* ---- life ---- */

static void
gst_vldm_sr_reset (GstVldmFilter * filter)
{
  GstVldmSr *self = GST_VLDM_SR (filter);

  GST_OBJECT_LOCK (self);
  gst_vldm_sr_window_guess_grid (&self->window);
  GST_OBJECT_UNLOCK (self);
  self->grid_known = FALSE;
}

/* With a model of its own, settings that it refuses fail at once; its configurations are read in a moment. */
static gboolean
gst_vldm_sr_start (GstBaseTransform * base)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->start (base))
    return FALSE;
  if (!gst_vldm_filter_knows_model (filter)
      || gst_vldm_filter_check (filter) == GST_FLOW_OK)
    return TRUE;
  gst_vldm_worker_close (gst_vldm_filter_worker (filter));
  return FALSE;
}

static gboolean
gst_vldm_sr_stop (GstBaseTransform * base)
{
  GstVldmSr *self = GST_VLDM_SR (base);

  gst_vldm_held_events_clear (&self->held);
  gst_vldm_pace_clear (&self->pace);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->stop (base);
}

static void
gst_vldm_sr_model_changed (GstVldmFilter * filter)
{
  GST_VLDM_SR (filter)->grid_known = FALSE;
}

/* Tells what decodes latents that go out what the video was made from, and the model whose latents they are. */
static void
gst_vldm_sr_announce (GstVldmFilter * filter)
{
  GstVldmConditioning conditioning;
  GstEvent *event;

  if (!GST_VLDM_SR (filter)->window.latents_out)
    return;
  gst_vldm_filter_get_conditioning (filter, &conditioning);
  conditioning.model = gst_vldm_worker_folder (gst_vldm_filter_worker (filter));
  event = gst_vldm_conditioning_to_event (&conditioning);
  GST_DEBUG_OBJECT (filter, "sending %" GST_PTR_FORMAT, event);
  gst_pad_push_event (GST_BASE_TRANSFORM_SRC_PAD (filter), event);
}

/* Waits for the model, and takes its windows once settings were found to suit it. */
static GstFlowReturn
gst_vldm_sr_find_grid (GstVldmSr * self)
{
  g_autoptr (GError) error = NULL;
  VldmUpsampleParams params;
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  VldmModel *model;
  gpointer stage;
  VldmChunks grid;
  GstFlowReturn flow = gst_vldm_filter_wait (GST_VLDM_FILTER (self), &model,
      &stage);

  if (flow != GST_FLOW_OK)
    return flow;
  if (!gst_vldm_sr_read_settings (self, model, &params, &texts, &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "choosing settings");
  if (!vldm_upsample_windows (model, -1, -1, &grid, &error)
      || !gst_vldm_sr_window_set_model (&self->window, model, &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "choosing windows");

  GST_DEBUG_OBJECT (self, "windows of %u frames that share %u", grid.size,
      grid.overlap);
  GST_OBJECT_LOCK (self);
  self->window.grid = grid;
  GST_OBJECT_UNLOCK (self);
  self->grid_known = TRUE;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
  gst_vldm_sr_announce (GST_VLDM_FILTER (self));
  return GST_FLOW_OK;
}

/* ---- caps ---- */

/* While it plays, caps that a template cannot tell from others come in all the same: upstream has nothing else then, and would
 * only say that it is not negotiated. */
static gboolean
gst_vldm_sr_accept_caps (GstBaseTransform * base, GstPadDirection direction,
    GstCaps * caps)
{
  return GST_BASE_TRANSFORM_CLASS (parent_class)->accept_caps (base, direction,
      caps) && (direction == GST_PAD_SRC
      || GST_PAD_IS_ACTIVE (GST_BASE_TRANSFORM_SINK_PAD (base))
      || gst_vldm_sr_caps_check (caps, NULL));
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

  if (direction == GST_PAD_SRC || !gst_vldm_sr_caps_are_latents (othercaps)
      || !gst_structure_get (gst_caps_get_structure (caps, 0),
          "width", G_TYPE_INT, &width, "height", G_TYPE_INT, &height, NULL))
    return GST_BASE_TRANSFORM_CLASS (parent_class)->fixate_caps (base,
        direction, caps, othercaps);
  if (gst_vldm_filter_wait (GST_VLDM_FILTER (self), &model,
          &stage) != GST_FLOW_OK)
    return othercaps;

  othercaps = gst_vldm_sr_caps_fixate (othercaps, model, width, height, &error);
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
  GstVldmLatents latents;
  g_autoptr (GError) error = NULL;
  gboolean done, decodes = gst_vldm_sr_caps_are_latents (incaps);

  /* Pads still have the caps from before. */
  if (gst_vldm_filter_drain (GST_VLDM_FILTER (self)) != GST_FLOW_OK)
    return FALSE;
  GST_DEBUG_OBJECT (self, "from %" GST_PTR_FORMAT " to %" GST_PTR_FORMAT,
      incaps, outcaps);
  GST_OBJECT_LOCK (self);
  done = gst_vldm_sr_window_set_caps (&self->window, incaps, outcaps, &error)
      && (!decodes || gst_vldm_latents_from_caps (&latents, incaps, &error));
  GST_OBJECT_UNLOCK (self);
  if (!done) {
    gst_vldm_refuse_caps (GST_ELEMENT (self), incaps, error);
    return FALSE;
  }
  gst_vldm_latent_decoder_set_caps (gst_vldm_filter_decoder (GST_VLDM_FILTER
          (self)), decodes ? &latents : NULL);
  gst_vldm_pictures_warn (GST_ELEMENT (self), &self->window.in);
  self->grid_known = FALSE;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_latency (GST_OBJECT (self)));
  return TRUE;
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
  size = caps != NULL ? gst_vldm_sr_caps_frame_size (caps) : 0;
  if (size == 0)
    return FALSE;
  gst_query_add_allocation_pool (query, NULL, size,
      gst_vldm_sr_delay (self) + 2, 0);
  if (!gst_vldm_sr_caps_are_latents (caps))
    gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

/* ---- frames ---- */

/* Upsamples what was collected; with @last, no later window has a share in it. */
static GstFlowReturn
gst_vldm_sr_run (GstVldmSr * self, gboolean last)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (self);
  g_auto (GstVldmSrRun) run = { {{NULL,},}, };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  g_autoptr (GError) error = NULL;
  VldmModel *model;
  gpointer stage;
  gint64 start = g_get_monotonic_time ();
  GstFlowReturn flow = gst_vldm_filter_wait (filter, &model, &stage);
  gboolean done;

  if (flow != GST_FLOW_OK)
    return flow;
  if (!gst_vldm_sr_read_settings (self, model, &run.params, &texts, &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "choosing settings");

  done = gst_vldm_sr_window_begin (&self->window, last, &run, &error);
  GST_DEBUG_OBJECT (self, "window %" G_GUINT64_FORMAT " from frame %"
      G_GUINT64_FORMAT ": %u frames, %u of them shared%s", self->window.number,
      self->window.first, run.rgb.count, run.place.shared,
      last ? ", the last" : "");
  done = done && vldm_upsample_run (stage, &run.params, &run.place, &run.rgb,
      run.latents, run.pictures,
      gst_vldm_worker_progress (gst_vldm_filter_worker (filter)), &error);
  gst_vldm_sr_window_ran (&self->window, last, done);
  return gst_vldm_filter_ran (filter, start, 1, "upsampling", error);
}

/* All of a window becomes ready that no frame continues. */
static GstFlowReturn
gst_vldm_sr_end (GstVldmFilter * filter)
{
  GstVldmSr *self = GST_VLDM_SR (filter);

  if (gst_vldm_sr_window_new (&self->window) > 0)
    return gst_vldm_sr_run (self, TRUE);
  gst_vldm_sr_window_release (&self->window);
  return GST_FLOW_OK;
}

/* Takes @picture, and upsamples its window if that is complete. */
static GstFlowReturn
gst_vldm_sr_take (GstVldmFilter * filter, GstBuffer * picture)
{
  GstVldmSr *self = GST_VLDM_SR (filter);
  GstFlowReturn flow = GST_FLOW_OK;

  if (!gst_vldm_sr_window_continue (&self->window, picture))
    flow = gst_vldm_filter_end (filter);
  if (flow == GST_FLOW_OK && !self->grid_known)
    flow = gst_vldm_sr_find_grid (self);
  if (flow != GST_FLOW_OK) {
    gst_buffer_unref (picture);
    return flow;
  }
  return gst_vldm_sr_window_add (&self->window, picture)
      ? gst_vldm_sr_run (self, FALSE) : GST_FLOW_OK;
}

/* Fills @buffer, which goes out, with frame @i of those that were made; decodes it where that was left. */
static GstFlowReturn
gst_vldm_sr_fill (GstVldmSr * self, guint i, GstBuffer * buffer)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (self);
  g_auto (VldmFrames) picture = { 0, };
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  GstFlowReturn flow;
  gpointer stage;
  const guint8 *made;

  flow = gst_vldm_worker_wait_stage (gst_vldm_filter_worker (filter), &stage);
  if (flow != GST_FLOW_OK)
    return flow;
  made = gst_vldm_sr_window_get (&self->window, stage, i, &picture,
      gst_vldm_worker_progress (gst_vldm_filter_worker (filter)), &error);
  flow = gst_vldm_filter_ran (filter, start, 0, "decoding", error);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!self->window.latents_out)
    return gst_vldm_pictures_write (GST_ELEMENT (self), &self->window.out, made,
        buffer);
  gst_buffer_fill (buffer, 0, made,
      vldm_frames_frame_size (&self->window.made));
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_vldm_sr_pop (GstVldmFilter * filter, GstBuffer ** buffer)
{
  GstVldmSr *self = GST_VLDM_SR (filter);
  GstBaseTransform *base = GST_BASE_TRANSFORM (self);
  g_autoptr (GstBuffer) in = NULL;
  GstFlowReturn flow;
  guint i;

  in = gst_vldm_sr_window_pop (&self->window, &i);
  if (in == NULL)
    return GST_FLOW_OK;
  if (!self->window.latents_out)
    gst_vldm_pace_follow (&self->pace, GST_BASE_TRANSFORM_SRC_PAD (self));

  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->prepare_output_buffer (base,
      in, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  flow = gst_vldm_sr_fill (self, i, *buffer);
  if (flow != GST_FLOW_OK)
    gst_clear_buffer (buffer);
  return flow;
}

static void
gst_vldm_sr_flush (GstVldmFilter * filter)
{
  gst_vldm_sr_window_flush (&GST_VLDM_SR (filter)->window);
}

static GstFlowReturn
gst_vldm_sr_submit (GstBaseTransform * base, gboolean discont,
    GstBuffer * buffer)
{
  gst_vldm_sr_release_events (GST_VLDM_SR (base));
  return GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (base,
      discont, buffer);
}

/* ---- events ---- */

/* The shape of latents that go out follows from the model, and upstream says which one it is after the caps, so those wait. */
static gboolean
gst_vldm_sr_must_hold (GstVldmSr * self, GstEvent * event)
{
  g_autoptr (GstCaps) out = NULL;
  g_autoptr (GstCaps) taken = NULL;
  GstCaps *caps;

  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS
      || gst_vldm_filter_knows_model (GST_VLDM_FILTER (self)))
    return FALSE;
  gst_event_parse_caps (event, &caps);
  out = gst_vldm_sr_caps_out (caps, NULL);
  taken = gst_pad_peer_query_caps (GST_BASE_TRANSFORM_SRC_PAD (self), out);
  return gst_vldm_sr_caps_are_latents (taken);
}

static void
gst_vldm_sr_release_events (GstVldmSr * self)
{
  GstEvent *event;

  while ((event = gst_vldm_held_events_pop (&self->held)) != NULL)
    GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (GST_BASE_TRANSFORM
        (self), event);
}

/* Latents of another model go out: the next frame brings an event that says so. */
static GstEvent *
gst_vldm_sr_forward (GstVldmFilter * filter, GstEvent * event)
{
  GstVldmSr *self = GST_VLDM_SR (filter);

  if (!self->window.latents_out)
    return event;
  self->grid_known = FALSE;
  gst_event_unref (event);
  return NULL;
}

static void
gst_vldm_sr_take_conditioning (GstVldmSr * self, GstEvent * event)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (self);
  GstVldmWorker *worker = gst_vldm_filter_worker (filter);
  g_autofree char *before = g_strdup (gst_vldm_worker_folder (worker));

  /* Another model's latents may have another shape. */
  if (gst_vldm_filter_take_conditioning (filter, event)
      && self->window.latents_out
      && g_strcmp0 (before, gst_vldm_worker_folder (worker)) != 0)
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
}

static gboolean
gst_vldm_sr_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmSr *self = GST_VLDM_SR (base);
  GstVldmConditioning conditioning;

  if (gst_vldm_conditioning_from_event (&conditioning, event)) {
    gst_vldm_sr_take_conditioning (self, event);
  } else if (gst_vldm_held_events_follow (&self->held, event)
      || gst_vldm_sr_must_hold (self, event)) {
    GST_DEBUG_OBJECT (self, "waiting for the model: %" GST_PTR_FORMAT, event);
    gst_vldm_held_events_push (&self->held, event);
    return TRUE;
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_vldm_held_events_forget_segments (&self->held);
  else if (GST_EVENT_IS_SERIALIZED (event))
    gst_vldm_sr_release_events (self);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (base, event);
}

/* ---- time ---- */

static void
gst_vldm_sr_set_segment (GstVldmFilter * filter, const GstSegment * upstream,
    const GstSegment * segment)
{
  gst_vldm_sr_window_set_segment (&GST_VLDM_SR (filter)->window, upstream,
      segment);
}

static void
gst_vldm_sr_get_rate (GstVldmFilter * filter, gint * fps_n, gint * fps_d)
{
  const GstVldmSrWindow *window = &GST_VLDM_SR (filter)->window;

  *fps_n = GST_VIDEO_INFO_FPS_N (&window->in);
  *fps_d = GST_VIDEO_INFO_FPS_D (&window->in);
}

static void
gst_vldm_sr_widen (gconstpointer filter, guint64 * first, guint64 * end)
{
  gst_vldm_chunks_widen (&((const GstVldmSr *) filter)->window.grid, first,
      end);
}

/* The first frame of a window waits for the last, and so does that of a chunk. Under the OBJECT_LOCK. */
static guint
gst_vldm_sr_delay (GstVldmSr * self)
{
  return self->window.grid.size - 1
      + gst_vldm_latent_decoder_delay (gst_vldm_filter_decoder (GST_VLDM_FILTER
          (self)));
}

static GstClockTime
gst_vldm_sr_get_latency (GstVldmFilter * filter)
{
  gint fps_n, fps_d;

  gst_vldm_sr_get_rate (filter, &fps_n, &fps_d);
  return fps_n > 0 ? gst_vldm_frame_time (gst_vldm_sr_delay (GST_VLDM_SR
          (filter)), fps_n, fps_d) : 0;
}

/* The base class would negotiate with caps that wait. It is a query of the streaming thread. */
static gboolean
gst_vldm_sr_query (GstBaseTransform * base, GstPadDirection direction,
    GstQuery * query)
{
  if (GST_QUERY_TYPE (query) == GST_QUERY_ALLOCATION
      && gst_vldm_held_events_are_there (&GST_VLDM_SR (base)->held))
    return FALSE;
  return GST_BASE_TRANSFORM_CLASS (parent_class)->query (base, direction,
      query);
}
