/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmsrc: a prompt becomes the latents of a video. Properties, states and caps; the numbers come from vldm/stages.
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
 * the model's own, and so they are in front of `videorate` and `videoscale`,
 * which convert them to what is asked for behind. Width and height are multiples of the autoencoder's factor
 * (8 in most models).
 *
 * Videos longer than a window are predicted window by window: each begins with
 * the last frames of the one before (two in the default model), given to the
 * network as latents. #GstVldmSrc:frames says how many frames come out; 0 makes
 * an endless stream, whose duration is unknown. Models without channels for
 * known frames make one window.
 *
 * The same settings give the same frames, after a seek as well. Seeking within
 * the window that is there costs nothing; any other point that was passed costs
 * one window, since the latents that each begins with are kept (up to 128 MiB,
 * which is 8000 windows of the default model; beyond, those of every second
 * window are forgotten, and a point passed costs two windows, and so on). A
 * jump ahead makes all windows up to there, with progress messages.
 *
 * Seeks are accurate, whatever their flags say of key frames. They may count
 * from the end of a video that has one, and in frames (GST_FORMAT_DEFAULT). The
 * rate changes with a seek that leaves the position alone, with or without a
 * flush; not at once (GST_SEEK_FLAG_INSTANT_RATE_CHANGE), since the clock may
 * have to be set back for windows that take long. Playing backwards is refused.
 *
 * Settings can change while it plays. A change counts from the next window that
 * is begun, or the one that is sought, and what was made after it is forgotten;
 * windows before it stay as they were shown. After a restart all windows are
 * those of the settings as they are then.
 *
 * A storyboard comes in on the request pad `prompt`: a text (UTF-8, at most
 * 64 KiB) is the prompt from the frame on that is nearest to its time, and ends
 * the window before. Durations of texts do not count; before the first one, the
 * property prompt holds. No window is made before the texts have passed its
 * frames or ended.
 *
 * The first frame may be given, as latents on the request pad `context`: it comes
 * out as it went in, the video goes on from it, and its size and format are the
 * video's. Later frames there are dropped, with one warning. After a flush on that
 * pad, such as a flushing seek upstream of it, the next frame takes the place of
 * the first: what follows is the video that begins with it.
 *
 * A pipeline prerolls with the first frame where somebody looks at it: players,
 * thumbnailers and `appsink` get a picture in PAUSED, also after a seek, once
 * its window is made. Where all sinks are `fakesink`, as in GstDiscoverer, the
 * element sends a GAP event before it generates, so that the pipeline prerolls
 * at once and with no picture; generation begins when it plays, or at once if a
 * queue follows. So it does in live pipelines, and where a tee splits the video:
 * branches that want unlike numbers of frames would wait for each other.
 * #GstVldmSrc:preroll changes that. Pipelines with an encoder or a muxer always
 * preroll with the first frame.
 *
 * Queues behind a tee must hold what the other branches collect before they give
 * a first frame, a chunk of `vldmdec` or a window of `vldmsr`. At eight frames in
 * four seconds the one second that a queue holds by default is too little:
 * `queue max-size-time=0 max-size-bytes=0 max-size-buffers=0` has no bounds.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 vldmsrc prompt="a city street at night" ! vldmdec ! videoconvert ! autovideosink
 * ]| Show eight frames of a street.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a country road in fog" seed=4 ! video/x-vldm-latents,width=320,height=192 ! vldmdec ! videoconvert ! video/x-raw,format=I420 ! vp8enc ! webmmux ! filesink location=road.webm
 * ]| Write another size to a file.
 * |[
 * gst-launch-1.0 vldmsrc prompt="a highway at night" frames=32 ! vldmdec ! videoconvert ! autovideosink
 * ]| Four times as long: six windows, each continued from the one before.
 * |[
 * gst-launch-1.0 filesrc location=story.srt ! subparse ! src.prompt vldmsrc name=src frames=64 ! vldmdec ! videoconvert ! autovideosink
 * ]| Prompts from a file of subtitles, each from its time on.
 * |[
 * gst-launch-1.0 filesrc location=photo.png ! pngdec ! videoconvert ! videoscale ! video/x-raw,width=256,height=128 ! vldmenc ! src.context vldmsrc name=src ! vldmdec ! videoconvert ! autovideosink
 * ]| A picture that begins to move.
 *
 * Since: 0.1
 */

#include "elements/vldmsrcprivate.h"

#include "gst/error.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_src_debug);
#define GST_CAT_DEFAULT gst_vldm_src_debug

/* Memory for the latents that windows are predicted from: 8000 windows of 256 x 128 pixels. */
#define MAX_CONTEXT_BYTES (128 * 1024 * 1024)

enum
{
  PROP_STATS = GST_VLDM_N_SETTINGS
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS
        "framerate = (fraction) [ 1/2147483647, 2147483647/1 ], "
        "pixel-aspect-ratio = (fraction) 1/1"));

static GstStaticPadTemplate context_template =
GST_STATIC_PAD_TEMPLATE ("context",
    GST_PAD_SINK,
    GST_PAD_REQUEST,
    GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

static GstStaticPadTemplate prompt_template = GST_STATIC_PAD_TEMPLATE ("prompt",
    GST_PAD_SINK,
    GST_PAD_REQUEST,
    GST_STATIC_CAPS ("text/x-raw, format = (string) utf8"));

#define gst_vldm_src_parent_class parent_class
G_DEFINE_TYPE (GstVldmSrc, gst_vldm_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (vldmsrc, "vldmsrc", GST_RANK_NONE,
    GST_TYPE_VLDM_SRC);

static void
gst_vldm_src_finalize (GObject * object)
{
  GstVldmSrc *self = GST_VLDM_SRC (object);

  gst_vldm_worker_free (self->worker);
  gst_vldm_chain_free (self->chain);
  gst_vldm_recipe_unref (self->announced);
  gst_vldm_settings_clear (&self->settings);
  gst_vldm_storyboard_clear (&self->storyboard);
  gst_vldm_first_frame_clear (&self->first_frame);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_vldm_src_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstVldmSrc *self = GST_VLDM_SRC (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_vldm_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
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
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_src_stats (self));
  else
    known = gst_vldm_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_vldm_src_interrupt (GstVldmSrc * self, gboolean interrupted)
{
  gst_vldm_worker_interrupt (self->worker, interrupted);
  gst_vldm_side_pad_interrupt (&self->storyboard.side, interrupted);
  gst_vldm_side_pad_interrupt (&self->first_frame.side, interrupted);
}

static gboolean
gst_vldm_src_start (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_auto (GstVldmModelSettings) model =
      gst_vldm_model_settings_copy (GST_ELEMENT (self), &self->settings.model,
      NULL);
  g_autoptr (GError) error = NULL;
  gboolean ok, kept;

  gst_vldm_forget_errors (GST_ELEMENT (self));
  GST_OBJECT_LOCK (self);
  ok = gst_vldm_settings_check (&self->settings, &error);
  GST_OBJECT_UNLOCK (self);

  if (!ok || !gst_vldm_worker_open (self->worker, &model, &kept, &error)) {
    gst_vldm_fail (GST_ELEMENT (self), error, "starting");
    return FALSE;
  }
  if (!kept)
    gst_vldm_chain_cut (self->chain, 0);

  memset (&self->latents, 0, sizeof (self->latents));
  g_clear_pointer (&self->announced, gst_vldm_recipe_unref);
  self->seek_seqnum = self->base_seqnum = GST_SEQNUM_INVALID;
  self->start_seqnum = gst_util_seqnum_next ();
  gst_vldm_src_interrupt (self, FALSE);
  return TRUE;
}

static gboolean
gst_vldm_src_stop (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);

  GST_OBJECT_LOCK (self);
  self->n_frames = self->n_made = 0;
  memset (&self->given, 0, sizeof (self->given));
  GST_OBJECT_UNLOCK (self);
  gst_vldm_worker_settle (self->worker);
  return TRUE;
}

static gboolean
gst_vldm_src_unlock (GstBaseSrc * base)
{
  gst_vldm_src_interrupt (GST_VLDM_SRC (base), TRUE);
  return TRUE;
}

static gboolean
gst_vldm_src_unlock_stop (GstBaseSrc * base)
{
  gst_vldm_src_interrupt (GST_VLDM_SRC (base), FALSE);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_src_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmSrc *self = GST_VLDM_SRC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    gst_vldm_storyboard_reset (&self->storyboard);
    gst_vldm_first_frame_reset (&self->first_frame);
  } else if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    gst_vldm_src_interrupt (self, TRUE);
  }

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    gst_vldm_worker_close (self->worker);
    gst_vldm_chain_cut (self->chain, 0);
  }
  return ret;
}

static GstPad *
gst_vldm_src_request_new_pad (GstElement * element, GstPadTemplate * templ,
    const gchar * name, const GstCaps * caps)
{
  GstVldmSrc *self = GST_VLDM_SRC (element);

  if (g_str_equal (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "prompt"))
    return gst_vldm_side_pad_request (&self->storyboard.side, templ);
  return gst_vldm_side_pad_request (&self->first_frame.side, templ);
}

static void
gst_vldm_src_release_pad (GstElement * element, GstPad * pad)
{
  GstVldmSrc *self = GST_VLDM_SRC (element);

  if (!gst_vldm_side_pad_release (&self->storyboard.side, pad))
    gst_vldm_side_pad_release (&self->first_frame.side, pad);
}

/* What the source can give: the size and format of a first frame leave no choice. */
static GstCaps *
gst_vldm_src_get_caps (GstBaseSrc * base, GstCaps * filter)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  GstCaps *caps = gst_pad_get_pad_template_caps (GST_BASE_SRC_PAD (base));

  GST_OBJECT_LOCK (self);
  if (self->given.width > 0) {
    caps = gst_caps_make_writable (caps);
    gst_caps_set_simple (caps, "width", G_TYPE_INT, self->given.width,
        "height", G_TYPE_INT, self->given.height, "format", G_TYPE_STRING,
        self->given.format == VLDM_FORMAT_F16LE ? "F16LE" : "F32LE", NULL);
  }
  GST_OBJECT_UNLOCK (self);
  if (filter != NULL) {
    g_autoptr (GstCaps) all = caps;

    caps = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
  }
  return caps;
}

/* Reads what a first frame is, and whether downstream can take that. */
static GstFlowReturn
gst_vldm_src_read_given (GstVldmSrc * self)
{
  g_autoptr (GstCaps) caps = NULL;
  g_autoptr (GError) error = NULL;
  GstVldmLatents latents = { 0, };
  GstFlowReturn flow = GST_FLOW_OK;
  guint serial = self->given_serial;

  self->n_given = gst_vldm_first_frame_count (&self->first_frame);
  if (self->n_given > 0)
    flow = gst_vldm_first_frame_wait_caps (&self->first_frame, &latents,
        &serial);
  if (flow != GST_FLOW_OK)
    return flow;
  /* Another video, which goes on where this one is. */
  if (serial != self->given_serial)
    self->repositioned = self->renewed = TRUE;
  self->given_serial = serial;
  GST_OBJECT_LOCK (self);
  self->given = latents;
  GST_OBJECT_UNLOCK (self);

  caps = gst_pad_get_allowed_caps (GST_BASE_SRC_PAD (self));
  if (self->n_given == 0 || caps == NULL || !gst_caps_is_empty (caps))
    return GST_FLOW_OK;
  g_set_error (&error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "the frame on pad \"context\" is %u x %u in %s, but downstream does not "
      "take that: give a frame of the size and format that downstream takes",
      latents.width, latents.height,
      latents.format == VLDM_FORMAT_F16LE ? "F16LE" : "F32LE");
  return gst_vldm_fail (GST_ELEMENT (self), error, "negotiating");
}

/* Waits until the model's configurations are read: sizes, rates and numbers of frames follow from them. */
static gboolean
gst_vldm_src_negotiate (GstBaseSrc * base)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;

  flow = gst_vldm_worker_wait_model (self->worker, &model);
  if (flow == GST_FLOW_OK
      && !vldm_keyframes_defaults (model, &self->defaults, &self->default_fps_n,
          &self->default_fps_d, &error))
    flow = gst_vldm_fail (GST_ELEMENT (self), error,
        "reading the model's defaults");
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_src_read_given (self);
  if (flow == GST_FLOW_FLUSHING) {
    /* Interrupted, perhaps before the pad flushes: the base class would post a failure as an error. What follows, create (),
     * ends the stream instead. */
    gst_pad_mark_reconfigure (GST_BASE_SRC_PAD (base));
    return TRUE;
  }
  return flow == GST_FLOW_OK
      && GST_BASE_SRC_CLASS (parent_class)->negotiate (base);
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

/* A first frame must be what the model makes of its size. */
static gboolean
gst_vldm_src_check_given (GstVldmSrc * self, GError ** error)
{
  const GstVldmLatents *given = &self->given, *latents = &self->latents;

  if (self->n_given == 0 || (given->latent_channels == latents->latent_channels
          && given->latent_width == latents->latent_width
          && given->latent_height == latents->latent_height
          && g_str_equal (given->space, latents->space)))
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "the frame on pad \"context\" has latents [%u, %u, %u] of \"%s\" for "
      "%u x %u pixels; those of this model are [%u, %u, %u] of \"%s\"",
      given->latent_channels, given->latent_height, given->latent_width,
      given->space, given->width, given->height, latents->latent_channels,
      latents->latent_height, latents->latent_width, latents->space);
  return FALSE;
}

static gboolean
gst_vldm_src_set_caps (GstBaseSrc * base, GstCaps * caps)
{
  GstVldmSrc *self = GST_VLDM_SRC (base);
  g_autoptr (GstVldmRecipe) recipe = NULL;
  g_autoptr (GError) error = NULL;
  VldmModel *model;

  if (gst_vldm_worker_wait_model (self->worker, &model) != GST_FLOW_OK)
    return FALSE;

  if (!gst_vldm_latents_from_caps (&self->latents, caps, &error)
      || !gst_vldm_src_check_given (self, &error))
    goto fail;
  recipe = gst_vldm_src_read_settings (self, model, &error);
  if (recipe == NULL)
    goto fail;

  GST_OBJECT_LOCK (self);
  self->n_frames = recipe->n_frames;
  base->segment.duration = gst_vldm_src_duration (self);
  GST_OBJECT_UNLOCK (self);
  self->repositioned = self->renewed = TRUE;
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_duration_changed (GST_OBJECT (self)));
  return TRUE;

fail:
  gst_vldm_fail (GST_ELEMENT (self), error, "negotiating");
  return FALSE;
}

GST_VLDM_STAGE (stage_class, vldm_keyframes_check_model, vldm_keyframes_new,
    vldm_keyframes_free);

static void
gst_vldm_src_init (GstVldmSrc * self)
{
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  self->worker = gst_vldm_worker_new (GST_ELEMENT (self), &stage_class);
  self->chain = gst_vldm_chain_new (MAX_CONTEXT_BYTES);
  gst_vldm_settings_init (&self->settings);
  gst_vldm_storyboard_init (&self->storyboard, GST_ELEMENT (self));
  gst_vldm_first_frame_init (&self->first_frame, GST_ELEMENT (self));
  gst_vldm_src_init_time (self);
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
  gst_vldm_settings_install (object_class);
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Windows made and reused, frames pushed, time of generation (ns), "
          "model, device and its memory in use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &context_template);
  gst_element_class_add_static_pad_template (element_class, &prompt_template);
  element_class->request_new_pad =
      GST_DEBUG_FUNCPTR (gst_vldm_src_request_new_pad);
  element_class->release_pad = GST_DEBUG_FUNCPTR (gst_vldm_src_release_pad);
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
  base_class->get_caps = GST_DEBUG_FUNCPTR (gst_vldm_src_get_caps);
  base_class->fixate = GST_DEBUG_FUNCPTR (gst_vldm_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_vldm_src_set_caps);
  gst_vldm_src_install_time (klass);
  GST_PUSH_SRC_CLASS (klass)->create = GST_DEBUG_FUNCPTR (gst_vldm_src_create);
}
