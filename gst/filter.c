/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What elements have in common that collect frames and run a stage on some of them at a time.
 */
#include "gst/filter.h"

#include "gst/error.h"
#include "gst/log.h"
#include "gst/properties.h"
#include "vldm/error.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_FILTER)

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
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_STATS,
  N_PROPS
};

typedef struct
{
  /* properties, OBJECT_LOCK */
  GstVldmSampling sampling;
  GstVldmModelSettings model;

  GstVldmWorker *worker;
  GstVldmLatentDecoder *decoder;        /* of latents that come in; NULL = the stage takes them */
  GstVldmSeek seek;             /* OBJECT_LOCK */

  /* streaming thread */
  gboolean idle;
  GstEvent *conditioning;       /* as it came, or NULL */

  /* statistics, OBJECT_LOCK */
  guint64 runs, frames_in, frames_out, run_ns;
} GstVldmFilterPrivate;

static void gst_vldm_filter_finalize (GObject * object);
static void gst_vldm_filter_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_vldm_filter_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static void gst_vldm_filter_constructed (GObject * object);
static GstStateChangeReturn gst_vldm_filter_change_state (GstElement * element,
    GstStateChange transition);
static gboolean gst_vldm_filter_start (GstBaseTransform * base);
static gboolean gst_vldm_filter_stop (GstBaseTransform * base);
static GstFlowReturn gst_vldm_filter_submit (GstBaseTransform * base,
    gboolean discont, GstBuffer * buffer);
static GstFlowReturn gst_vldm_filter_generate (GstBaseTransform * base,
    GstBuffer ** buffer);
static GstFlowReturn gst_vldm_filter_transform (GstBaseTransform * base,
    GstBuffer * in, GstBuffer * out);
static gboolean gst_vldm_filter_sink_event (GstBaseTransform * base,
    GstEvent * event);
static gboolean gst_vldm_filter_src_event (GstBaseTransform * base,
    GstEvent * event);
static gboolean gst_vldm_filter_query (GstBaseTransform * base,
    GstPadDirection direction, GstQuery * query);
static gboolean gst_vldm_filter_choose_model (GstElement * element);
static void gst_vldm_filter_delay_changed (GstElement * element);

#define gst_vldm_filter_parent_class parent_class
G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GstVldmFilter, gst_vldm_filter,
    GST_TYPE_BASE_TRANSFORM);

static void
gst_vldm_filter_class_init (GstVldmFilterClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS (klass);

  object_class->constructed = gst_vldm_filter_constructed;
  object_class->finalize = gst_vldm_filter_finalize;
  object_class->set_property = gst_vldm_filter_set_property;
  object_class->get_property = gst_vldm_filter_get_property;
  gst_vldm_sampling_install (object_class, PROP_PROMPT);
  gst_vldm_install_model_properties (object_class, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = the one that made the video, "
      "else $VLDM_MODEL_PATH, else the model that comes with the plugin)");
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "How often the network ran and how long (ns), frames in and out, "
          "device and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  GST_ELEMENT_CLASS (klass)->change_state =
      GST_DEBUG_FUNCPTR (gst_vldm_filter_change_state);
  base_class->passthrough_on_same_caps = FALSE;
  base_class->start = GST_DEBUG_FUNCPTR (gst_vldm_filter_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_filter_stop);
  base_class->submit_input_buffer = GST_DEBUG_FUNCPTR (gst_vldm_filter_submit);
  base_class->generate_output = GST_DEBUG_FUNCPTR (gst_vldm_filter_generate);
  base_class->transform = GST_DEBUG_FUNCPTR (gst_vldm_filter_transform);
  base_class->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_filter_sink_event);
  base_class->src_event = GST_DEBUG_FUNCPTR (gst_vldm_filter_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_filter_query);
  gst_type_mark_as_plugin_api (GST_TYPE_VLDM_FILTER, 0);
}

static GstVldmFilterPrivate *
get (gpointer filter)
{
  return gst_vldm_filter_get_instance_private (filter);
}

static void
gst_vldm_filter_init (GstVldmFilter * filter)
{
  /* A late frame that was dropped would tear a hole into what is collected. */
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (filter), FALSE);
  gst_vldm_sampling_init (&get (filter)->sampling);
}

static const GstVldmLatentDecoderOwner owner = {
  gst_vldm_filter_choose_model, gst_vldm_filter_delay_changed, NULL, TRUE
};

static void
gst_vldm_filter_constructed (GObject * object)
{
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (object);
  GstVldmFilterPrivate *priv = get (object);

  G_OBJECT_CLASS (parent_class)->constructed (object);
  priv->worker = gst_vldm_worker_new (GST_ELEMENT (object), klass->stage);
  if (klass->decodes)
    priv->decoder = gst_vldm_latent_decoder_new (GST_ELEMENT (object), &owner);
}

static void
gst_vldm_filter_finalize (GObject * object)
{
  GstVldmFilterPrivate *priv = get (object);

  gst_vldm_worker_free (priv->worker);
  g_clear_pointer (&priv->decoder, gst_vldm_latent_decoder_free);
  gst_vldm_sampling_clear (&priv->sampling);
  gst_vldm_model_settings_clear (&priv->model);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* ---- properties ---- */

/* Where the plain ones among the properties are kept. */
static gpointer
get_field (GstVldmFilterPrivate * priv, guint id)
{
  gpointer const fields[N_PROPS] = {
    [PROP_PROMPT] = &priv->sampling.prompt,
    [PROP_NEGATIVE_PROMPT] = &priv->sampling.negative_prompt,
    [PROP_SEED] = &priv->sampling.seed,
    [PROP_STEPS] = &priv->sampling.steps,
    [PROP_GUIDANCE_SCALE] = &priv->sampling.guidance_scale,
    [PROP_GUIDANCE_RESCALE] = &priv->sampling.guidance_rescale,
    [PROP_SCHEDULER] = &priv->sampling.scheduler,
    [PROP_MODEL_PATH] = &priv->model.path,
    [PROP_DEVICE] = &priv->model.device,
    [PROP_PRECISION] = &priv->model.precision,
  };

  return id < N_PROPS ? fields[id] : NULL;
}

static void
gst_vldm_filter_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = gst_vldm_field_set (get_field (get (object), id), value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static GstStructure *
get_stats (GstVldmFilter * filter)
{
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmFilterPrivate *priv = get (filter);
  GstStructure *stats = gst_structure_new (klass->stats,
      klass->runs, G_TYPE_UINT64, priv->runs,
      "frames-in", G_TYPE_UINT64, priv->frames_in,
      "frames-out", G_TYPE_UINT64, priv->frames_out,
      klass->run_time, G_TYPE_UINT64, priv->run_ns, NULL);

  gst_vldm_worker_add_stats (priv->worker, stats);
  return stats;
}

static void
gst_vldm_filter_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  gboolean known = TRUE;

  GST_OBJECT_LOCK (object);
  if (id == PROP_STATS)
    g_value_take_boxed (value, get_stats (GST_VLDM_FILTER (object)));
  else
    known = gst_vldm_field_get (get_field (get (object), id), value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* ---- life ---- */

GstVldmWorker *
gst_vldm_filter_worker (GstVldmFilter * filter)
{
  return get (filter)->worker;
}

GstVldmLatentDecoder *
gst_vldm_filter_decoder (GstVldmFilter * filter)
{
  return get (filter)->decoder;
}

void
gst_vldm_filter_set_idle (GstVldmFilter * filter, gboolean idle)
{
  get (filter)->idle = idle;
}

static gboolean
has_own_model (GstVldmFilter * filter)
{
  return gst_vldm_model_settings_has_path (GST_ELEMENT (filter),
      &get (filter)->model);
}

gboolean
gst_vldm_filter_knows_model (GstVldmFilter * filter)
{
  return get (filter)->conditioning != NULL || has_own_model (filter);
}

void
gst_vldm_filter_get_conditioning (GstVldmFilter * filter,
    GstVldmConditioning * conditioning)
{
  GstVldmFilterPrivate *priv = get (filter);

  memset (conditioning, 0, sizeof (*conditioning));
  if (priv->conditioning != NULL)
    gst_vldm_conditioning_from_event (conditioning, priv->conditioning);
}

/* Begins to load models. The stage's is the property's, else upstream's, else the default one; latents are decoded by the one
 * that made them. */
static gboolean
gst_vldm_filter_choose_model (GstElement * element)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (element);
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmFilterPrivate *priv = get (filter);
  GstVldmConditioning conditioning;
  g_auto (GstVldmModelSettings) settings = { NULL, };
  GstVldmModelSettings of_latents;
  g_autoptr (GError) error = NULL;
  gboolean kept;

  gst_vldm_filter_get_conditioning (filter, &conditioning);
  settings = gst_vldm_model_settings_copy (element, &priv->model,
      conditioning.model);
  of_latents = settings;
  if (conditioning.model != NULL)
    of_latents.path = (char *) conditioning.model;

  if (!gst_vldm_worker_open (priv->worker, &settings, &kept, &error)) {
    gst_vldm_fail (element, error, "choosing the model");
    return FALSE;
  }
  if (priv->decoder != NULL
      && !gst_vldm_latent_decoder_open (priv->decoder, &of_latents))
    return FALSE;
  if (!kept && klass->model_changed != NULL)
    klass->model_changed (filter);
  return TRUE;
}

static void
gst_vldm_filter_delay_changed (GstElement * element)
{
  gst_element_post_message (element,
      gst_message_new_latency (GST_OBJECT (element)));
}

static void
interrupt (GstVldmFilter * filter, gboolean interrupted)
{
  GstVldmFilterPrivate *priv = get (filter);

  GST_DEBUG_OBJECT (filter, interrupted ? "interrupting" : "going on");
  if (priv->decoder != NULL)
    gst_vldm_latent_decoder_interrupt (priv->decoder, interrupted);
  gst_vldm_worker_interrupt (priv->worker, interrupted);
}

static void
forget_frames (GstVldmFilter * filter)
{
  GstVldmFilterPrivate *priv = get (filter);

  GST_DEBUG_OBJECT (filter, "forgetting frames");
  if (priv->decoder != NULL)
    gst_vldm_latent_decoder_flush (priv->decoder);
  GST_VLDM_FILTER_GET_CLASS (filter)->flush (filter);
}

static gboolean
gst_vldm_filter_start (GstBaseTransform * base)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmFilterPrivate *priv = get (filter);
  g_autoptr (GError) error = NULL;

  gst_vldm_forget_errors (GST_ELEMENT (filter));
  GST_OBJECT_LOCK (filter);
  gst_vldm_seek_init (&priv->seek);
  GST_OBJECT_UNLOCK (filter);
  if (klass->reset != NULL)
    klass->reset (filter);
  if (priv->decoder != NULL) {
    gst_vldm_latent_decoder_start (priv->decoder);
    gst_vldm_latent_decoder_ask_chunks (priv->decoder, -1, -1);
  }
  interrupt (filter, FALSE);

  if (!klass->check (filter, NULL, &error))
    gst_vldm_fail (GST_ELEMENT (filter), error, "starting");
  /* Else upstream tells which model it is, after the caps. */
  else if (!has_own_model (filter)
      || gst_vldm_filter_choose_model (GST_ELEMENT (filter)))
    return TRUE;
  gst_vldm_worker_close (priv->worker);
  return FALSE;
}

static gboolean
gst_vldm_filter_stop (GstBaseTransform * base)
{
  GstVldmFilterPrivate *priv = get (base);

  if (priv->decoder != NULL)
    gst_vldm_latent_decoder_stop (priv->decoder);
  gst_clear_event (&priv->conditioning);
  gst_vldm_worker_settle (priv->worker);
  GST_VLDM_FILTER_GET_CLASS (base)->flush (GST_VLDM_FILTER (base));
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_filter_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmFilterPrivate *priv = get (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    interrupt (GST_VLDM_FILTER (element), TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    if (priv->decoder != NULL)
      gst_vldm_latent_decoder_close (priv->decoder);
    gst_vldm_worker_close (priv->worker);
  }
  return ret;
}

/* ---- runs of the stage ---- */

gboolean
gst_vldm_filter_read_sampling (GstVldmFilter * filter, VldmSampling * sampling,
    GstVldmSamplingTexts * texts, GError ** error)
{
  GstVldmConditioning conditioning;

  gst_vldm_filter_get_conditioning (filter, &conditioning);
  GST_OBJECT_LOCK (filter);
  gst_vldm_sampling_apply (&get (filter)->sampling, &conditioning, sampling,
      texts);
  GST_OBJECT_UNLOCK (filter);
  return gst_vldm_check_text ("prompt", sampling->prompt, error)
      && gst_vldm_check_text ("negative-prompt", sampling->negative_prompt,
      error);
}

gboolean
gst_vldm_filter_check_steps (GstVldmFilter * filter, GError ** error)
{
  gboolean ok;

  GST_OBJECT_LOCK (filter);
  ok = gst_vldm_sampling_check_steps (get (filter)->sampling.steps, error);
  GST_OBJECT_UNLOCK (filter);
  return ok;
}

GstFlowReturn
gst_vldm_filter_wait (GstVldmFilter * filter, VldmModel ** model,
    gpointer * stage)
{
  GstVldmWorker *worker = get (filter)->worker;
  GstFlowReturn flow = GST_FLOW_OK;

  if (!gst_vldm_worker_is_open (worker)
      && !gst_vldm_filter_choose_model (GST_ELEMENT (filter)))
    return GST_FLOW_ERROR;
  /* The loading thread says what is wrong with model and stage, so the stage comes first. */
  if (stage != NULL)
    flow = gst_vldm_worker_wait_stage (worker, stage);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_worker_wait_model (worker, model);
  return flow;
}

GstFlowReturn
gst_vldm_filter_check (GstVldmFilter * filter)
{
  GstVldmFilterPrivate *priv = get (filter);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  gpointer stage;

  if (priv->idle)
    return GST_FLOW_OK;
  flow = gst_vldm_filter_wait (filter, &model, NULL);
  if (flow != GST_FLOW_OK
      || GST_VLDM_FILTER_GET_CLASS (filter)->check (filter, model, &error))
    return flow;
  /* The loading thread says what is wrong with the model. */
  if (g_error_matches (error, VLDM_ERROR, VLDM_ERROR_SETTINGS)
      || g_error_matches (error, VLDM_ERROR, VLDM_ERROR_TEXT)
      || gst_vldm_worker_wait_stage (priv->worker, &stage) == GST_FLOW_OK)
    return gst_vldm_fail (GST_ELEMENT (filter), error, "choosing settings");
  return GST_FLOW_ERROR;
}

GstFlowReturn
gst_vldm_filter_ran (GstVldmFilter * filter, gint64 start, guint n_runs,
    const char *context, const GError * error)
{
  GstVldmFilterPrivate *priv = get (filter);
  GstFlowReturn flow = gst_vldm_worker_end (priv->worker, error, context);
  gint64 time = g_get_monotonic_time () - start;

  GST_DEBUG_OBJECT (filter, "%s ended after %" G_GINT64_FORMAT " us: %s",
      context, time, gst_flow_get_name (flow));
  if (flow != GST_FLOW_OK)
    return flow;
  GST_OBJECT_LOCK (filter);
  priv->runs += n_runs;
  priv->run_ns += 1000 * time;
  GST_OBJECT_UNLOCK (filter);
  return GST_FLOW_OK;
}

/* ---- frames ---- */

/* The next frame that can leave, or NULL. */
static GstFlowReturn
next_frame (GstVldmFilter * filter, GstBuffer ** buffer)
{
  GstVldmFilterPrivate *priv = get (filter);
  GstFlowReturn flow;

  *buffer = NULL;
  GST_OBJECT_LOCK (filter);
  gst_vldm_seek_left (&priv->seek);
  GST_OBJECT_UNLOCK (filter);
  flow = GST_VLDM_FILTER_GET_CLASS (filter)->pop (filter, buffer);
  if (*buffer == NULL)
    return flow;
  GST_LOG_OBJECT (filter, "pushing %" GST_PTR_FORMAT, *buffer);
  GST_OBJECT_LOCK (filter);
  priv->frames_out++;
  gst_vldm_seek_leaves (&priv->seek, GST_BUFFER_PTS (*buffer),
      GST_BUFFER_DURATION (*buffer));
  GST_OBJECT_UNLOCK (filter);
  return flow;
}

static GstFlowReturn
push_frames (GstVldmFilter * filter)
{
  GstFlowReturn flow;
  GstBuffer *buffer;

  do {
    flow = next_frame (filter, &buffer);
    if (buffer != NULL)
      flow = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (filter), buffer);
  } while (flow == GST_FLOW_OK && buffer != NULL);
  return flow;
}

GstFlowReturn
gst_vldm_filter_end (GstVldmFilter * filter)
{
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstFlowReturn flow = klass->end (filter);

  if (flow == GST_FLOW_OK)
    flow = push_frames (filter);
  klass->flush (filter);
  return flow;
}

GstFlowReturn
gst_vldm_filter_drain (GstVldmFilter * filter)
{
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmLatentDecoder *decoder = get (filter)->decoder;
  GstFlowReturn flow = GST_FLOW_OK;
  GstBuffer *picture;

  GST_DEBUG_OBJECT (filter, "draining");
  if (decoder != NULL)
    flow = gst_vldm_latent_decoder_drain (decoder);
  while (flow == GST_FLOW_OK && decoder != NULL
      && (picture = gst_vldm_latent_decoder_pop (decoder, NULL))) {
    flow = klass->take (filter, picture);
    if (flow == GST_FLOW_OK)
      flow = push_frames (filter);
  }
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_filter_end (filter);
  if (decoder != NULL)
    gst_vldm_latent_decoder_flush (decoder);
  klass->flush (filter);
  GST_DEBUG_OBJECT (filter, "drained: %s", gst_flow_get_name (flow));
  return flow;
}

static GstFlowReturn
gst_vldm_filter_submit (GstBaseTransform * base, gboolean discont,
    GstBuffer * buffer)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  GstVldmFilterPrivate *priv = get (filter);
  GstFlowReturn flow;

  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (base,
      discont, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  buffer = g_steal_pointer (&base->queued_buf);
  GST_LOG_OBJECT (filter, "taking %" GST_PTR_FORMAT, buffer);
  if (priv->decoder != NULL)
    flow = gst_vldm_latent_decoder_push (priv->decoder, buffer, NULL);
  else
    flow = GST_VLDM_FILTER_GET_CLASS (filter)->take (filter, buffer);
  if (flow != GST_FLOW_OK)
    return flow;
  GST_OBJECT_LOCK (filter);
  priv->frames_in++;
  GST_OBJECT_UNLOCK (filter);
  return GST_FLOW_OK;
}

/* Called until it gives no more buffer: what can leave, else what decoded pictures make possible. */
static GstFlowReturn
gst_vldm_filter_generate (GstBaseTransform * base, GstBuffer ** buffer)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  GstVldmLatentDecoder *decoder = get (filter)->decoder;
  GstFlowReturn flow;
  GstBuffer *picture;

  while ((flow = next_frame (filter, buffer)) == GST_FLOW_OK
      && *buffer == NULL && decoder != NULL) {
    picture = gst_vldm_latent_decoder_pop (decoder, NULL);
    if (picture == NULL)
      break;
    flow = GST_VLDM_FILTER_GET_CLASS (filter)->take (filter, picture);
    if (flow != GST_FLOW_OK)
      break;
  }
  return flow;
}

/* Never called: generate_output () makes all buffers. Without it GstBaseTransform would go passthrough. */
static GstFlowReturn
gst_vldm_filter_transform (GstBaseTransform * base, GstBuffer * in,
    GstBuffer * out)
{
  return GST_FLOW_NOT_SUPPORTED;
}

/* ---- events and queries ---- */

gboolean
gst_vldm_filter_take_conditioning (GstVldmFilter * filter, GstEvent * event)
{
  GstVldmFilterPrivate *priv = get (filter);

  if (priv->conditioning != NULL
      && gst_structure_is_equal (gst_event_get_structure (event),
          gst_event_get_structure (priv->conditioning)))
    return FALSE;
  GST_DEBUG_OBJECT (filter, "the video is made from %" GST_PTR_FORMAT, event);
  gst_vldm_filter_drain (filter);
  gst_event_replace (&priv->conditioning, event);
  if (!priv->idle && (priv->decoder != NULL || !has_own_model (filter)))
    gst_vldm_filter_choose_model (GST_ELEMENT (filter));
  return TRUE;
}

static GstEvent *
take_segment (GstVldmFilter * filter, GstEvent * event)
{
  GstVldmFilterPrivate *priv = get (filter);
  GstSegment upstream, segment;

  if (gst_vldm_seek_is_answered (&priv->seek, GST_ELEMENT (filter), event))
    forget_frames (filter);
  else
    gst_vldm_filter_drain (filter);
  gst_event_copy_segment (event, &upstream);
  GST_OBJECT_LOCK (filter);
  if (priv->decoder != NULL)
    event = gst_vldm_latent_decoder_take_segment (priv->decoder, event);
  event = gst_vldm_seek_narrow (&priv->seek, event, &segment);
  GST_OBJECT_UNLOCK (filter);
  GST_DEBUG_OBJECT (filter, "segment %" GST_SEGMENT_FORMAT " is shown as %"
      GST_SEGMENT_FORMAT, &upstream, &segment);
  GST_VLDM_FILTER_GET_CLASS (filter)->set_segment (filter, &upstream, &segment);
  return event;
}

/* TRUE if @event brings other caps than those that are set. */
static gboolean
changes_caps (GstVldmFilter * filter, GstEvent * event)
{
  g_autoptr (GstCaps) old =
      gst_pad_get_current_caps (GST_BASE_TRANSFORM_SINK_PAD (filter));
  GstCaps *caps;

  gst_event_parse_caps (event, &caps);
  return old == NULL || !gst_caps_is_equal (old, caps);
}

static gboolean
gst_vldm_filter_sink_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmConditioning conditioning;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      interrupt (filter, TRUE);
      break;
    case GST_EVENT_FLUSH_STOP:
      interrupt (filter, FALSE);
      forget_frames (filter);
      break;
    case GST_EVENT_CAPS:
      if (changes_caps (filter, event))
        gst_vldm_filter_drain (filter);
      break;
    case GST_EVENT_SEGMENT:
      event = take_segment (filter, event);
      break;
    case GST_EVENT_GAP:
      gst_vldm_filter_drain (filter);
      /* Who prerolls with it takes the video for one that can be played. */
      if (gst_vldm_filter_check (filter) != GST_FLOW_OK) {
        gst_event_unref (event);
        return FALSE;
      }
      if (klass->before_gap != NULL)
        klass->before_gap (filter);
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      gst_vldm_filter_drain (filter);
      break;
    default:
      if (!gst_vldm_conditioning_from_event (&conditioning, event))
        break;
      gst_vldm_filter_take_conditioning (filter, event);
      if (klass->forward != NULL && !(event = klass->forward (filter, event)))
        return TRUE;
      break;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (base, event);
}

/* Asks upstream for all that the stage needs, so that frames are the same as without the seek. */
static gboolean
gst_vldm_filter_src_event (GstBaseTransform * base, GstEvent * event)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  const GstVldmFilterClass *klass = GST_VLDM_FILTER_GET_CLASS (filter);
  GstVldmFilterPrivate *priv = get (filter);
  GstVldmLatentDecoder *decoder = priv->decoder;
  gint fps_n, fps_d;

  if (GST_EVENT_TYPE (event) != GST_EVENT_SEEK)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (base, event);

  GST_OBJECT_LOCK (filter);
  klass->get_rate (filter, &fps_n, &fps_d);
  GST_OBJECT_UNLOCK (filter);
  event = gst_vldm_seek_widen (&priv->seek, GST_ELEMENT (filter), event, fps_n,
      fps_d, klass->widen, filter);
  if (event == NULL)
    return FALSE;
  if (decoder != NULL && gst_vldm_latent_decoder_takes_latents (decoder))
    event = gst_vldm_latent_decoder_widen (decoder, event);
  if (event != NULL
      && GST_BASE_TRANSFORM_CLASS (parent_class)->src_event (base, event))
    return TRUE;
  GST_DEBUG_OBJECT (filter, "upstream refused the seek");
  gst_vldm_seek_undo (&priv->seek, GST_ELEMENT (filter));
  if (decoder != NULL)
    gst_vldm_seek_undo (gst_vldm_latent_decoder_seek (decoder),
        GST_ELEMENT (filter));
  return FALSE;
}

static gboolean
gst_vldm_filter_query (GstBaseTransform * base, GstPadDirection direction,
    GstQuery * query)
{
  GstVldmFilter *filter = GST_VLDM_FILTER (base);
  GstClockTime min, max, own;
  gboolean live;

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (base, direction, query))
    return FALSE;
  if (direction != GST_PAD_SRC || GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return TRUE;

  GST_OBJECT_LOCK (filter);
  own = GST_VLDM_FILTER_GET_CLASS (filter)->get_latency (filter);
  GST_OBJECT_UNLOCK (filter);
  GST_DEBUG_OBJECT (filter, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS (own));
  gst_query_parse_latency (query, &live, &min, &max);
  gst_query_set_latency (query, live, min + own,
      GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}
