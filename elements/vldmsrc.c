/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsrc: a prompt becomes the latents of a video. Properties, caps and time; the numbers come from vldm/stages.
 */

/**
 * SECTION:element-vldmsrc
 * @title: vldmsrc
 * @short_description: generates video from a text prompt
 *
 * vldmsrc runs the key frame network of a video latent diffusion model and
 * gives latents, which `vldmdec` decodes to pictures. All frames of a window
 * (the model's number, or #GstVldmSrc:chunk-frames) are generated together, so
 * that they arrive at once after a while; progress messages tell how far it is.
 *
 * Size and frame rate are negotiated by caps. Without a caps filter they are
 * the model's own. Width and height are multiples of the autoencoder's factor
 * (8 in most models).
 *
 * The same settings give the same frames. Seeking within a window that is
 * there already costs nothing.
 *
 * Before it generates, the element sends a GAP event, so that a pipeline
 * prerolls at once and with no picture; generation begins when it plays, or at
 * once if a queue follows. Pipelines with an encoder or a muxer preroll with
 * the first picture.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 vldmsrc prompt="a city street at night" ! vldmdec ! videoconvert ! autovideosink
 * ]| Show eight frames of a street.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a country road in fog" seed=4 ! video/x-vldm-latents,width=320,height=192 ! vldmdec ! videoconvert ! video/x-raw,format=I420 ! vp8enc ! webmmux ! filesink location=road.webm
 * ]| Write another size to a file.
 *
 * Since: 0.1
 */

#include "elements/vldmsrc.h"

#include "elements/keyframewindow.h"
#include "gst/conditioning.h"
#include "gst/enums.h"
#include "gst/error.h"
#include "gst/latents.h"
#include "gst/pace.h"
#include "gst/properties.h"
#include "gst/timing.h"
#include "gst/worker.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_src_debug);
#define GST_CAT_DEFAULT gst_vldm_src_debug

#define DEFAULT_PROMPT ""
#define DEFAULT_NEGATIVE_PROMPT ""
#define DEFAULT_SEED 0
#define DEFAULT_FRAMES -1
#define DEFAULT_STEPS -1
#define DEFAULT_GUIDANCE_SCALE -1.0
#define DEFAULT_GUIDANCE_RESCALE -1.0
#define DEFAULT_SCHEDULER VLDM_SCHEDULER_AUTO
#define DEFAULT_PRECISION VLDM_PRECISION_AUTO
#define DEFAULT_CHUNK_FRAMES -1

enum
{
  PROP_0,
  PROP_PROMPT,
  PROP_NEGATIVE_PROMPT,
  PROP_SEED,
  PROP_FRAMES,
  PROP_STEPS,
  PROP_GUIDANCE_SCALE,
  PROP_GUIDANCE_RESCALE,
  PROP_SCHEDULER,
  PROP_MODEL_PATH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_CHUNK_FRAMES,
  PROP_STATS,
  N_PROPS
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS
        "framerate = (fraction) [ 1/2147483647, 2147483647/1 ], "
        "pixel-aspect-ratio = (fraction) 1/1"));

struct _GstVldmSrc
{
  GstPushSrc parent;

  /* properties, OBJECT_LOCK */
  char *prompt, *negative_prompt;
  guint seed;
  gint frames, steps, chunk_frames;
  gdouble guidance_scale, guidance_rescale;
  VldmSchedulerKind scheduler;
  char *model_path, *device;
  VldmPrecision precision;

  GstVldmWorker *worker;

  /* stream, streaming thread only unless it stands still */
  GstVldmLatents latents;       /* negotiated; width 0 = not yet */
  VldmKeyframesParams defaults; /* the model's */
  gint default_fps_n, default_fps_d;
  guint64 n_frames;             /* of the whole stream; read by queries under OBJECT_LOCK */
  guint64 next;                 /* number of the frame to push */
  gboolean repositioned;        /* `next` is to be taken from the segment, settings from the properties */
  guint32 seek_seqnum;

  GstVldmWindow window;

  /* statistics, OBJECT_LOCK */
  guint64 windows_made, windows_reused, frames_pushed, generate_ns;
};

static void gst_vldm_src_set_property (GObject * object, guint id,
    const GValue * value, GParamSpec * pspec);
static void gst_vldm_src_get_property (GObject * object, guint id,
    GValue * value, GParamSpec * pspec);
static void gst_vldm_src_finalize (GObject * object);
static GstStateChangeReturn gst_vldm_src_change_state (GstElement * element,
    GstStateChange transition);
static gboolean gst_vldm_src_start (GstBaseSrc * base);
static gboolean gst_vldm_src_stop (GstBaseSrc * base);
static gboolean gst_vldm_src_unlock (GstBaseSrc * base);
static gboolean gst_vldm_src_unlock_stop (GstBaseSrc * base);
static gboolean gst_vldm_src_negotiate (GstBaseSrc * base);
static GstCaps *gst_vldm_src_fixate (GstBaseSrc * base, GstCaps * caps);
static gboolean gst_vldm_src_set_caps (GstBaseSrc * base, GstCaps * caps);
static gboolean gst_vldm_src_is_seekable (GstBaseSrc * base);
static gboolean gst_vldm_src_do_seek (GstBaseSrc * base, GstSegment * segment);
static gboolean gst_vldm_src_event (GstBaseSrc * base, GstEvent * event);
static gboolean gst_vldm_src_query (GstBaseSrc * base, GstQuery * query);
static GstFlowReturn gst_vldm_src_create (GstPushSrc * push, GstBuffer ** buf);

#define gst_vldm_src_parent_class parent_class
G_DEFINE_TYPE (GstVldmSrc, gst_vldm_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (vldmsrc, "vldmsrc", GST_RANK_NONE,
    GST_TYPE_VLDM_SRC);

static void
gst_vldm_src_install_properties (GObjectClass * klass)
{
  const GParamFlags playing = GST_VLDM_PARAM_PLAYING;
  const GParamFlags ready = GST_VLDM_PARAM_READY;

  g_object_class_install_property (klass, PROP_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "What the video shows (taken at the next window)", DEFAULT_PROMPT,
          playing));
  g_object_class_install_property (klass, PROP_NEGATIVE_PROMPT,
      g_param_spec_string ("negative-prompt", "Negative prompt",
          "What the video is led away from (taken at the next window)",
          DEFAULT_NEGATIVE_PROMPT, playing));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint ("seed", "Seed",
          "Starts the noise: the same seed gives the same video", 0,
          G_MAXUINT32, DEFAULT_SEED, playing));
  g_object_class_install_property (klass, PROP_FRAMES,
      g_param_spec_int ("frames", "Frames",
          "Length of the stream in frames (-1 = one window)", -1, G_MAXINT,
          DEFAULT_FRAMES, ready));
  g_object_class_install_property (klass, PROP_STEPS,
      g_param_spec_int ("steps", "Steps",
          "Denoising steps: more take longer and look better (-1 = the model's)",
          -1, G_MAXINT, DEFAULT_STEPS, playing));
  g_object_class_install_property (klass, PROP_GUIDANCE_SCALE,
      g_param_spec_double ("guidance-scale", "Guidance scale",
          "How strongly the prompt leads; 1 = no guidance, half the work "
          "(-1 = the model's)", -1.0, G_MAXDOUBLE, DEFAULT_GUIDANCE_SCALE,
          playing));
  g_object_class_install_property (klass, PROP_GUIDANCE_RESCALE,
      g_param_spec_double ("guidance-rescale", "Guidance rescale",
          "How much guided latents are scaled back to natural contrast, "
          "0 to 1 (-1 = the model's)", -1.0, G_MAXDOUBLE,
          DEFAULT_GUIDANCE_RESCALE, playing));
  g_object_class_install_property (klass, PROP_SCHEDULER,
      g_param_spec_enum ("scheduler", "Scheduler",
          "Sampler that walks from noise to latents", GST_TYPE_VLDM_SCHEDULER,
          DEFAULT_SCHEDULER, playing));
  gst_vldm_install_model_properties (klass, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = $VLDM_MODEL_PATH, else the "
      "model that comes with the plugin)");
  g_object_class_install_property (klass, PROP_CHUNK_FRAMES,
      g_param_spec_int ("chunk-frames", "Chunk frames",
          "Frames of a window, generated together (-1 = the model's)", -1,
          G_MAXINT, DEFAULT_CHUNK_FRAMES, ready));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Windows made and reused, frames pushed, time of generation (ns), "
          "model, device and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_vldm_src_class_init (GstVldmSrcClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_src_debug, "vldmsrc", 0,
      "video from a prompt");

  object_class->set_property = gst_vldm_src_set_property;
  object_class->get_property = gst_vldm_src_get_property;
  object_class->finalize = gst_vldm_src_finalize;
  gst_vldm_src_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video from a prompt", "Source/Video",
      "Generates latents of a video from a text prompt by diffusion",
      "The gst-vldm developers");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vldm_src_change_state);

  base_class->start = GST_DEBUG_FUNCPTR (gst_vldm_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_src_stop);
  base_class->unlock = GST_DEBUG_FUNCPTR (gst_vldm_src_unlock);
  base_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_vldm_src_unlock_stop);
  base_class->negotiate = GST_DEBUG_FUNCPTR (gst_vldm_src_negotiate);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_vldm_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_src_set_caps);
  base_class->is_seekable = GST_DEBUG_FUNCPTR (gst_vldm_src_is_seekable);
  base_class->do_seek = GST_DEBUG_FUNCPTR (gst_vldm_src_do_seek);
  base_class->event = GST_DEBUG_FUNCPTR (gst_vldm_src_event);
  base_class->query = GST_DEBUG_FUNCPTR (gst_vldm_src_query);
  GST_PUSH_SRC_CLASS (klass)->create = GST_DEBUG_FUNCPTR (gst_vldm_src_create);
}

static void *
new_keyframes (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return vldm_keyframes_new (model, progress, error);
}

static void
free_keyframes (gpointer stage)
{
  vldm_keyframes_free (stage);
}

static const GstVldmStageClass stage_class = { new_keyframes, free_keyframes };

static void
gst_vldm_src_init (GstVldmSrc * self)
{
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  self->worker = gst_vldm_worker_new (GST_ELEMENT (self), &stage_class);

  self->prompt = g_strdup (DEFAULT_PROMPT);
  self->negative_prompt = g_strdup (DEFAULT_NEGATIVE_PROMPT);
  self->seed = DEFAULT_SEED;
  self->frames = DEFAULT_FRAMES;
  self->steps = DEFAULT_STEPS;
  self->guidance_scale = DEFAULT_GUIDANCE_SCALE;
  self->guidance_rescale = DEFAULT_GUIDANCE_RESCALE;
  self->scheduler = DEFAULT_SCHEDULER;
  self->precision = DEFAULT_PRECISION;
  self->chunk_frames = DEFAULT_CHUNK_FRAMES;
}

static void
gst_vldm_src_finalize (GObject * object)
{
  GstVldmSrc *self = GST_VLDM_SRC (object);

  gst_vldm_worker_free (self->worker);
  gst_vldm_window_clear (&self->window);
  g_free (self->prompt);
  g_free (self->negative_prompt);
  g_free (self->model_path);
  g_free (self->device);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

/* Where the plain ones among the properties are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_PROMPT] = G_STRUCT_OFFSET (GstVldmSrc, prompt),
  [PROP_NEGATIVE_PROMPT] = G_STRUCT_OFFSET (GstVldmSrc, negative_prompt),
  [PROP_SEED] = G_STRUCT_OFFSET (GstVldmSrc, seed),
  [PROP_FRAMES] = G_STRUCT_OFFSET (GstVldmSrc, frames),
  [PROP_STEPS] = G_STRUCT_OFFSET (GstVldmSrc, steps),
  [PROP_GUIDANCE_SCALE] = G_STRUCT_OFFSET (GstVldmSrc, guidance_scale),
  [PROP_GUIDANCE_RESCALE] = G_STRUCT_OFFSET (GstVldmSrc, guidance_rescale),
  [PROP_SCHEDULER] = G_STRUCT_OFFSET (GstVldmSrc, scheduler),
  [PROP_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmSrc, model_path),
  [PROP_DEVICE] = G_STRUCT_OFFSET (GstVldmSrc, device),
  [PROP_PRECISION] = G_STRUCT_OFFSET (GstVldmSrc, precision),
  [PROP_CHUNK_FRAMES] = G_STRUCT_OFFSET (GstVldmSrc, chunk_frames),
};

static void
gst_vldm_src_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstVldmSrc *self = GST_VLDM_SRC (object);

  GST_OBJECT_LOCK (self);
  gst_vldm_field_set (G_STRUCT_MEMBER_P (self, fields[id]), value);
  GST_OBJECT_UNLOCK (self);
}

static GstStructure *
gst_vldm_src_stats (GstVldmSrc * self)
{
  GstStructure *stats = gst_structure_new ("vldmsrc-stats",
      "windows-made", G_TYPE_UINT64, self->windows_made,
      "windows-reused", G_TYPE_UINT64, self->windows_reused,
      "frames-pushed", G_TYPE_UINT64, self->frames_pushed,
      "generate-time", G_TYPE_UINT64, self->generate_ns, NULL);

  gst_vldm_worker_add_stats (self->worker, stats);
  return stats;
}

static void
gst_vldm_src_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmSrc *self = GST_VLDM_SRC (object);

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_src_stats (self));
  else
    gst_vldm_field_get (G_STRUCT_MEMBER_P (self, fields[id]), value);
  GST_OBJECT_UNLOCK (self);
}

/* What can be told without a model, so that a wrong setting fails at once. */
static gboolean
gst_vldm_src_check_settings (GstVldmSrc * self, GError ** error)
{
  gboolean ok = FALSE;

  GST_OBJECT_LOCK (self);
  if (self->frames == 0)
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "frames is 0 (endless), but this version makes one window only: set "
        "frames to -1, or to at most chunk-frames");
  else if (self->chunk_frames == 0 || self->steps == 0)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%s is 0; allowed are 1 and more, or -1 for the model's value",
        self->steps == 0 ? "steps" : "chunk-frames");
  else
    ok = TRUE;
  GST_OBJECT_UNLOCK (self);
  return ok;
}

static gboolean
gst_vldm_src_start (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_autofree char *path = NULL;
  g_autofree char *device = NULL;
  g_autoptr (GError) error = NULL;
  VldmPrecision precision;
  gboolean kept;

  GST_OBJECT_LOCK (self);
  path = g_strdup (self->model_path);
  device = g_strdup (self->device);
  precision = self->precision;
  GST_OBJECT_UNLOCK (self);

  if (!gst_vldm_src_check_settings (self, &error)
      || !gst_vldm_worker_open (self->worker, path, device, precision, &kept,
          &error)) {
    gst_vldm_fail (GST_ELEMENT (self), error, "starting");
    return FALSE;
  }
  if (!kept)
    gst_vldm_window_clear (&self->window);

  memset (&self->latents, 0, sizeof (self->latents));
  self->seek_seqnum = GST_SEQNUM_INVALID;
  gst_vldm_worker_interrupt (self->worker, FALSE);
  return TRUE;
}

static gboolean
gst_vldm_src_stop (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);

  GST_OBJECT_LOCK (self);
  self->n_frames = 0;
  GST_OBJECT_UNLOCK (self);
  gst_vldm_worker_settle (self->worker);
  return TRUE;
}

static gboolean
gst_vldm_src_unlock (GstBaseSrc * base)
{
  gst_vldm_worker_interrupt (GST_VLDM_SRC (base)->worker, TRUE);
  return TRUE;
}

static gboolean
gst_vldm_src_unlock_stop (GstBaseSrc * base)
{
  gst_vldm_worker_interrupt (GST_VLDM_SRC (base)->worker, FALSE);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_src_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmSrc *self = GST_VLDM_SRC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_vldm_worker_interrupt (self->worker, TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    gst_vldm_worker_close (self->worker);
    gst_vldm_window_clear (&self->window);
  }
  return ret;
}

/* Waits until the model's configurations are read: sizes, rates and numbers of frames follow from them. */
static gboolean
gst_vldm_src_negotiate (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_autoptr (GError) error = NULL;
  VldmModel *model;

  if (gst_vldm_worker_wait_model (self->worker, &model) != GST_FLOW_OK)
    return FALSE;

  if (!vldm_keyframes_defaults (model, &self->defaults, &self->default_fps_n,
          &self->default_fps_d, &error)) {
    gst_vldm_fail (GST_ELEMENT (self), error, "reading the model's defaults");
    return FALSE;
  }
  return GST_BASE_SRC_CLASS (parent_class)->negotiate (base);
}

static GstCaps *
gst_vldm_src_fixate (GstBaseSrc * base, GstCaps * caps)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  VldmModel *model;

  if (gst_vldm_worker_wait_model (self->worker, &model) == GST_FLOW_OK)
    caps = gst_vldm_latents_fixate (caps, model, self->defaults.width,
        self->defaults.height, self->default_fps_n, self->default_fps_d);
  return GST_BASE_SRC_CLASS (parent_class)->fixate (base, caps);
}

/* Properties over the model's values, for the negotiated caps. */
static void
gst_vldm_src_snapshot (GstVldmSrc * self, GstVldmRecipe * recipe)
{
  VldmKeyframesParams params = self->defaults;

  params.width = self->latents.width;
  params.height = self->latents.height;
  params.fps = (gdouble) self->latents.fps_n / self->latents.fps_d;

  GST_OBJECT_LOCK (self);
  params.sampling.seed = self->seed;
  params.sampling.scheduler = self->scheduler;
  if (self->chunk_frames != -1)
    params.frames = self->chunk_frames;
  if (self->frames != -1)
    params.frames = MIN (params.frames, (guint) self->frames);
  if (self->steps != -1)
    params.sampling.steps = self->steps;
  if (self->guidance_scale != -1.0)
    params.sampling.guidance_scale = self->guidance_scale;
  if (self->guidance_rescale != -1.0)
    params.sampling.guidance_rescale = self->guidance_rescale;
  gst_vldm_recipe_init (recipe, &params, self->prompt, self->negative_prompt);
  GST_OBJECT_UNLOCK (self);
}

static gboolean
gst_vldm_src_check_recipe (GstVldmSrc * self, VldmModel * model,
    const GstVldmRecipe * recipe, GError ** error)
{
  gint frames;

  GST_OBJECT_LOCK (self);
  frames = self->frames;
  GST_OBJECT_UNLOCK (self);
  if (frames > 0 && (guint) frames > recipe->params.frames) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "frames is %d, but one window has chunk-frames = %u, and this version "
        "makes one window only: raise chunk-frames or lower frames", frames,
        recipe->params.frames);
    return FALSE;
  }
  return gst_vldm_check_text ("prompt", recipe->prompt, error)
      && gst_vldm_check_text ("negative-prompt", recipe->negative_prompt, error)
      && vldm_keyframes_check (model, &recipe->params, error);
}

static gboolean
gst_vldm_src_set_caps (GstBaseSrc * base, GstCaps * caps)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_auto (GstVldmRecipe) recipe = { {{NULL,},}, };
  g_autoptr (GError) error = NULL;
  VldmModel *model;

  if (gst_vldm_worker_wait_model (self->worker, &model) != GST_FLOW_OK)
    return FALSE;

  if (!gst_vldm_latents_from_caps (&self->latents, caps, &error))
    goto fail;
  gst_vldm_src_snapshot (self, &recipe);
  if (!gst_vldm_src_check_recipe (self, model, &recipe, &error))
    goto fail;

  GST_OBJECT_LOCK (self);
  self->n_frames = recipe.params.frames;
  GST_OBJECT_UNLOCK (self);
  self->repositioned = TRUE;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_duration_changed (GST_OBJECT (self)));
  return TRUE;

fail:
  gst_vldm_fail (GST_ELEMENT (self), error, "negotiating");
  return FALSE;
}

/* Tells downstream all that it needs to preroll, and that the first picture will take a while. */
static void
gst_vldm_src_announce (GstVldmSrc * self, const GstVldmRecipe * recipe)
{
  GstPad *pad = GST_BASE_SRC_PAD (self);
  const GstSegment *segment = &GST_BASE_SRC (self)->segment;
  GstVldmConditioning conditioning = {
    .prompt = recipe->prompt,
    .negative_prompt = recipe->negative_prompt,
    .seed = recipe->params.sampling.seed,
    .model = gst_vldm_worker_folder (self->worker),
  };
  GstEvent *event = gst_event_new_segment (segment);

  /* The base class sends its own segment only with a buffer. It is the same one, so it changes nothing. */
  if (self->seek_seqnum != GST_SEQNUM_INVALID)
    gst_event_set_seqnum (event, self->seek_seqnum);
  gst_pad_push_event (pad, event);
  gst_pad_push_event (pad, gst_vldm_conditioning_to_event (&conditioning));
  gst_pad_push_event (pad,
      gst_event_new_tag (gst_vldm_conditioning_to_tags (&conditioning)));
  if (gst_vldm_wants_gap (GST_ELEMENT (self)))
    gst_pad_push_event (pad, gst_event_new_gap (segment->position,
            GST_CLOCK_TIME_NONE));
}

static GstFlowReturn
gst_vldm_src_generate (GstVldmSrc * self, GstVldmRecipe * recipe)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  gpointer stage;
  gint64 start;

  flow = gst_vldm_worker_wait_stage (self->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  start = g_get_monotonic_time ();
  gst_vldm_window_make (&self->window, stage, recipe, &self->latents,
      gst_vldm_worker_progress (self->worker), &error);
  flow = gst_vldm_worker_end (self->worker, error, "generating key frames");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (self);
  self->windows_made++;
  self->generate_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* After a start, a seek or new caps: where to go on, and with which window. */
static GstFlowReturn
gst_vldm_src_reposition (GstVldmSrc * self)
{
  g_auto (GstVldmRecipe) recipe = { {{NULL,},}, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;

  flow = gst_vldm_worker_wait_model (self->worker, &model);
  if (flow != GST_FLOW_OK)
    return flow;

  self->next = gst_vldm_frame_at (GST_BASE_SRC (self)->segment.position,
      self->latents.fps_n, self->latents.fps_d);
  if (self->next >= self->n_frames)
    return GST_FLOW_EOS;

  gst_vldm_src_snapshot (self, &recipe);
  if (gst_vldm_window_matches (&self->window, &recipe, &self->latents)) {
    GST_OBJECT_LOCK (self);
    self->windows_reused++;
    GST_OBJECT_UNLOCK (self);
  } else {
    /* Properties may have changed since the caps were set. */
    if (!gst_vldm_src_check_recipe (self, model, &recipe, &error))
      return gst_vldm_fail (GST_ELEMENT (self), error, "checking settings");
    gst_vldm_src_announce (self, &recipe);
    flow = gst_vldm_src_generate (self, &recipe);
  }
  self->repositioned = flow != GST_FLOW_OK;
  return flow;
}

static GstFlowReturn
gst_vldm_src_create (GstPushSrc * push, GstBuffer ** buf)
{
  GstVldmSrc *self = GST_VLDM_SRC (push);
  const GstVldmLatents *latents = &self->latents;
  GstFlowReturn flow;
  GstClockTime begin, end;

  if (self->repositioned) {
    flow = gst_vldm_src_reposition (self);
    if (flow != GST_FLOW_OK)
      return flow;
  }
  if (self->next >= self->n_frames)
    return GST_FLOW_EOS;

  begin = gst_vldm_frame_time (self->next, latents->fps_n, latents->fps_d);
  end = gst_vldm_frame_time (self->next + 1, latents->fps_n, latents->fps_d);
  *buf = gst_vldm_window_buffer (&self->window, self->next);
  GST_BUFFER_PTS (*buf) = begin;
  GST_BUFFER_DURATION (*buf) = end - begin;
  GST_BUFFER_OFFSET (*buf) = self->next;
  GST_BUFFER_OFFSET_END (*buf) = self->next + 1;
  if (self->next > 0)
    GST_BUFFER_FLAG_SET (*buf, GST_BUFFER_FLAG_DELTA_UNIT);

  self->next++;
  GST_OBJECT_LOCK (self);
  self->frames_pushed++;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

static gboolean
gst_vldm_src_is_seekable (GstBaseSrc * base)
{
  return TRUE;
}

static gboolean
gst_vldm_src_do_seek (GstBaseSrc * base, GstSegment * segment)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);

  if (segment->rate < 0.0) {
    GST_INFO_OBJECT (self, "refusing to play backwards");
    return FALSE;
  }
  segment->time = segment->start;
  segment->position = segment->start;
  self->repositioned = TRUE;
  return TRUE;
}

static gboolean
gst_vldm_src_event (GstBaseSrc * base, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEEK)
    GST_VLDM_SRC (base)->seek_seqnum = gst_event_get_seqnum (event);
  return GST_BASE_SRC_CLASS (parent_class)->event (base, event);
}

static gboolean
gst_vldm_src_query_duration (GstVldmSrc * self, GstQuery * query)
{
  GstFormat format;
  gint64 duration;
  guint64 n_frames;

  gst_query_parse_duration (query, &format, NULL);
  GST_OBJECT_LOCK (self);
  n_frames = self->n_frames;
  GST_OBJECT_UNLOCK (self);
  if (n_frames == 0 || !gst_vldm_convert (GST_FORMAT_DEFAULT, n_frames,
          format, &duration, self->latents.fps_n, self->latents.fps_d))
    return FALSE;
  gst_query_set_duration (query, format, duration);
  return TRUE;
}

static gboolean
gst_vldm_src_query (GstBaseSrc * base, GstQuery * query)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  GstFormat from, to;
  gint64 value, result;

  switch (GST_QUERY_TYPE (query)) {
    case GST_QUERY_DURATION:
      return gst_vldm_src_query_duration (self, query);
    case GST_QUERY_CONVERT:
      gst_query_parse_convert (query, &from, &value, &to, NULL);
      if (!gst_vldm_convert (from, value, to, &result, self->latents.fps_n,
              self->latents.fps_d))
        return FALSE;
      gst_query_set_convert (query, from, value, to, result);
      return TRUE;
    default:
      return GST_BASE_SRC_CLASS (parent_class)->query (base, query);
  }
}
