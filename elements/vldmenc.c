/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmenc: pictures become latents, one by one; the numbers come from vldm/stages.
 */

/**
 * SECTION:element-vldmenc
 * @title: vldmenc
 * @short_description: encodes pictures to video latents
 *
 * vldmenc runs the encoder of a model's autoencoder over raw video, so that
 * recorded video goes where generated latents go: `vldminterp` gives it more
 * frames, and a picture can begin a generated video. `vldmdec` decodes it
 * again, not without loss.
 *
 * Every frame is encoded by itself and is a key frame. Pictures of any size are
 * accepted; where the autoencoder's factor (8 in most models) does not divide
 * the size, edges are repeated inside, and `vldmdec` cuts that off again.
 *
 * Pictures become sRGB first, by GStreamer's own converter, and what `vldmdec`
 * makes of them stays sRGB. `videoconvert gamma-mode=remap primaries-mode=fast !
 * video/x-raw,colorimetry=bt709` behind it gives BT.709 back. Interlaced video
 * and RGB of limited range (16 to 235) are refused; PQ and HLG become dark, since
 * nothing maps their tones.
 *
 * Elements behind learn from the event `vldm-conditioning` which model it was;
 * there is no prompt.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=clip.mp4 ! decodebin ! videoconvert ! videoscale ! video/x-raw,width=256,height=128 ! vldmenc ! vldminterp ! vldmdec ! videoconvert ! autovideosink
 * ]| Four times the frames of a recorded video.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=1 ! videoconvert ! vldmenc ! vldmdec ! videoconvert ! pngenc ! filesink location=through.png
 * ]| What the autoencoder keeps of a picture.
 *
 * Since: 0.1
 */

#include "elements/vldmenc.h"

#include "gst/conditioning.h"
#include "gst/error.h"
#include "gst/latents.h"
#include "gst/pictures.h"
#include "gst/properties.h"
#include "gst/worker.h"
#include "vldm/error.h"
#include "vldm/stages/encode.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_enc_debug);
#define GST_CAT_DEFAULT gst_vldm_enc_debug

enum
{
  PROP_0,
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
        "width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VLDM_LATENTS_CAPS
        "latent-space = (string) vae, "
        "framerate = (fraction) [ 0/1, 2147483647/1 ]"));

struct _GstVldmEnc
{
  GstVideoEncoder parent;

  /* properties, OBJECT_LOCK */
  GstVldmModelSettings model;

  GstVldmWorker *worker;
  VldmProgress progress;        /* the worker's, without a message for every frame */

  /* stream, STREAM_LOCK */
  GstVideoCodecState *input;    /* what comes in */
  GstVideoConverter *converter; /* of its pictures to sRGB; NULL = they are */
  GstVldmLatents latents;       /* what goes out; width 0 = not known yet */

  /* statistics, OBJECT_LOCK */
  guint64 frames_in, frames_out, encode_ns;
};

#define gst_vldm_enc_parent_class parent_class
G_DEFINE_TYPE (GstVldmEnc, gst_vldm_enc, GST_TYPE_VIDEO_ENCODER);
GST_ELEMENT_REGISTER_DEFINE (vldmenc, "vldmenc", GST_RANK_NONE,
    GST_TYPE_VLDM_ENC);

/* ---- properties ---- */

/* Where the plain ones among the properties are kept. */
static const gsize fields[N_PROPS] = {
  [PROP_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmEnc, model.path),
  [PROP_DEVICE] = G_STRUCT_OFFSET (GstVldmEnc, model.device),
  [PROP_PRECISION] = G_STRUCT_OFFSET (GstVldmEnc, model.precision),
};

static void
gst_vldm_enc_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  gst_vldm_fields_set (object, fields, N_PROPS, id, value, pspec);
}

static GstStructure *
gst_vldm_enc_stats (GstVldmEnc * self)
{
  GstStructure *stats = gst_structure_new ("vldmenc-stats",
      "frames-in", G_TYPE_UINT64, self->frames_in,
      "frames-out", G_TYPE_UINT64, self->frames_out,
      "encode-time", G_TYPE_UINT64, self->encode_ns, NULL);

  gst_vldm_worker_add_stats (self->worker, stats);
  return stats;
}

static void
gst_vldm_enc_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmEnc *self = GST_VLDM_ENC (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, gst_vldm_enc_stats (self));
  else
    known = gst_vldm_field_get (gst_vldm_field (self, fields, N_PROPS, id),
        value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

/* ---- states ---- */

static gboolean
gst_vldm_enc_start (GstVideoEncoder * encoder)
{
  GstVldmEnc *self = GST_VLDM_ENC (encoder);
  g_auto (GstVldmModelSettings) settings =
      gst_vldm_model_settings_copy (GST_ELEMENT (self), &self->model, NULL);
  g_autoptr (GError) error = NULL;

  gst_vldm_forget_errors (GST_ELEMENT (self));
  if (!gst_vldm_worker_open (self->worker, &settings, NULL, &error)) {
    gst_vldm_fail (GST_ELEMENT (self), error, "starting");
    return FALSE;
  }
  gst_vldm_worker_interrupt (self->worker, FALSE);
  return TRUE;
}

static gboolean
gst_vldm_enc_stop (GstVideoEncoder * encoder)
{
  GstVldmEnc *self = GST_VLDM_ENC (encoder);

  g_clear_pointer (&self->input, gst_video_codec_state_unref);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  self->latents.width = 0;
  gst_vldm_worker_settle (self->worker);
  return TRUE;
}

static GstStateChangeReturn
gst_vldm_enc_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmEnc *self = GST_VLDM_ENC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_vldm_worker_interrupt (self->worker, TRUE);

  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);

  if (transition == GST_STATE_CHANGE_READY_TO_NULL)
    gst_vldm_worker_close (self->worker);
  return ret;
}

static gboolean
gst_vldm_enc_sink_event (GstVideoEncoder * encoder, GstEvent * event)
{
  GstVldmEnc *self = GST_VLDM_ENC (encoder);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START)
    gst_vldm_worker_interrupt (self->worker, TRUE);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_vldm_worker_interrupt (self->worker, FALSE);
  else if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT_DONE)
    /* The base class would keep it for the next frame, and frames that wait for it downstream with it. None waits here. */
    return gst_pad_push_event (GST_VIDEO_ENCODER_SRC_PAD (encoder), event);
  return GST_VIDEO_ENCODER_CLASS (parent_class)->sink_event (encoder, event);
}

/* ---- negotiation ---- */

/* The precision on the wire: full, unless downstream takes the other only. */
static VldmFormat
gst_vldm_enc_choose_format (GstVldmEnc * self)
{
  GstCaps *allowed =
      gst_pad_get_allowed_caps (GST_VIDEO_ENCODER_SRC_PAD (self));
  GstCaps *full = gst_caps_new_simple (GST_VLDM_LATENTS_TYPE,
      "format", G_TYPE_STRING, "F32LE", NULL);
  VldmFormat format = VLDM_FORMAT_F32LE;

  if (allowed != NULL && !gst_caps_can_intersect (allowed, full))
    format = VLDM_FORMAT_F16LE;
  gst_caps_unref (full);
  gst_clear_caps (&allowed);
  return format;
}

/* Tells the stages behind which model the latents belong to. */
static void
gst_vldm_enc_announce (GstVldmEnc * self)
{
  const GstVldmConditioning conditioning = {
    .prompt = "",
    .negative_prompt = "",
    .model = gst_vldm_worker_folder (self->worker),
  };

  gst_pad_push_event (GST_VIDEO_ENCODER_SRC_PAD (self),
      gst_vldm_conditioning_to_event (&conditioning));
}

/* Waits until the model's configurations are read, since the shape of latents follows from them, and sends caps. */
static GstFlowReturn
gst_vldm_enc_negotiate (GstVldmEnc * self)
{
  GstVideoEncoder *encoder = GST_VIDEO_ENCODER (self);
  const GstVideoInfo *info = &self->input->info;
  GstVldmLatents latents = {
    .width = GST_VIDEO_INFO_WIDTH (info),
    .height = GST_VIDEO_INFO_HEIGHT (info),
    .space = "vae",
    .fps_n = GST_VIDEO_INFO_FPS_N (info),
    .fps_d = GST_VIDEO_INFO_FPS_D (info),
  };
  g_autoptr (GError) error = NULL;
  GstVideoCodecState *output;
  GstFlowReturn flow;
  VldmModel *model;

  flow = gst_vldm_worker_wait_model (self->worker, &model);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!vldm_encode_shape (model, latents.width, latents.height,
          &latents.latent_channels, &latents.latent_width,
          &latents.latent_height, &error))
    return gst_vldm_fail (GST_ELEMENT (self), error, "negotiating");
  latents.format = gst_vldm_enc_choose_format (self);

  output = gst_video_encoder_set_output_state (encoder,
      gst_vldm_latents_to_caps (&latents), self->input);
  /* What latents are decoded to, whatever comes in. */
  gst_video_colorimetry_from_string (&output->info.colorimetry,
      GST_VIDEO_COLORIMETRY_SRGB);
  gst_video_codec_state_unref (output);
  if (!gst_video_encoder_negotiate (encoder))
    return GST_PAD_IS_FLUSHING (GST_VIDEO_ENCODER_SRC_PAD (encoder))
        ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  self->latents = latents;
  gst_vldm_enc_announce (self);
  return GST_FLOW_OK;
}

static gboolean
gst_vldm_enc_set_format (GstVideoEncoder * encoder, GstVideoCodecState * state)
{
  GstVldmEnc *self = GST_VLDM_ENC (encoder);
  g_autoptr (GError) error = NULL;
  GstVideoConverter *converter;
  GstFlowReturn flow;

  if (!gst_vldm_pictures_prepare (&state->info, &converter, &error)) {
    gst_vldm_refuse_caps (GST_ELEMENT (self), state->caps, error);
    return FALSE;
  }
  gst_vldm_pictures_warn (GST_ELEMENT (self), &state->info);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  self->converter = converter;
  g_clear_pointer (&self->input, gst_video_codec_state_unref);
  self->input = gst_video_codec_state_ref (state);
  self->latents.width = 0;

  /* While stopping or flushing it is no error; the next frame tries again. */
  flow = gst_vldm_enc_negotiate (self);
  return flow == GST_FLOW_OK || flow == GST_FLOW_FLUSHING;
}

/* ---- frames ---- */

static gboolean
gst_vldm_enc_read (GstVldmEnc * self, GstBuffer * buffer, VldmFrames * picture,
    GError ** error)
{
  return vldm_frames_init (picture, VLDM_FORMAT_RGB8, 1, 3,
      self->latents.height, self->latents.width, error)
      && gst_vldm_pictures_read (&self->input->info, self->converter, buffer,
      vldm_frames_host (picture, 0), error);
}

static gboolean
gst_vldm_enc_encode (GstVldmEnc * self, VldmEncode * stage,
    GstVideoCodecFrame * frame, GError ** error)
{
  const GstVldmLatents *latents = &self->latents;
  g_auto (VldmFrames) picture = { 0, };
  g_auto (VldmFrames) encoded = { 0, };

  if (!gst_vldm_enc_read (self, frame->input_buffer, &picture, error)
      || !vldm_frames_init (&encoded, latents->format, 1,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error)
      || !vldm_encode_run (stage, &picture, &encoded, &self->progress, error))
    return FALSE;
  frame->output_buffer = gst_buffer_new_memdup (vldm_frames_host (&encoded, 0),
      vldm_frames_frame_size (&encoded));
  GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT (frame);
  return TRUE;
}

static GstFlowReturn
gst_vldm_enc_handle_frame (GstVideoEncoder * encoder,
    GstVideoCodecFrame * frame)
{
  GstVldmEnc *self = GST_VLDM_ENC (encoder);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  gpointer stage;
  gint64 start = 0;

  GST_OBJECT_LOCK (self);
  self->frames_in++;
  GST_OBJECT_UNLOCK (self);

  flow = gst_vldm_worker_wait_stage (self->worker, &stage);
  if (flow == GST_FLOW_OK && self->latents.width == 0)
    flow = gst_vldm_enc_negotiate (self);
  if (flow == GST_FLOW_OK) {
    start = g_get_monotonic_time ();
    gst_vldm_enc_encode (self, stage, frame, &error);
    flow = gst_vldm_worker_end (self->worker, error, "encoding");
  }
  if (flow != GST_FLOW_OK) {
    gst_video_codec_frame_unref (frame);
    return flow;
  }

  GST_OBJECT_LOCK (self);
  self->frames_out++;
  self->encode_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (self);
  return gst_video_encoder_finish_frame (encoder, frame);
}

/* Frames leave one by one, which shows how far it is; a START and a COMPLETE for each would drown other messages. */
static gboolean
gst_vldm_enc_on_progress (VldmActivity activity, guint done, guint total,
    gpointer user_data)
{
  GstVldmEnc *self = user_data;
  const VldmProgress *all = gst_vldm_worker_progress (self->worker);

  if (activity == VLDM_ACTIVITY_ENCODE)
    return !gst_vldm_worker_is_interrupted (self->worker);
  return all->progress (activity, done, total, all->user_data);
}

static void
gst_vldm_enc_on_warning (const char *message, gpointer user_data)
{
  GstVldmEnc *self = user_data;
  const VldmProgress *all = gst_vldm_worker_progress (self->worker);

  all->warn (message, all->user_data);
}

/* ---- class and object ---- */

static void
gst_vldm_enc_finalize (GObject * object)
{
  GstVldmEnc *self = GST_VLDM_ENC (object);

  gst_vldm_worker_free (self->worker);
  gst_vldm_model_settings_clear (&self->model);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_vldm_enc_class_init (GstVldmEncClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstVideoEncoderClass *encoder_class = GST_VIDEO_ENCODER_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_enc_debug, "vldmenc", 0,
      "pictures to latents");

  object_class->set_property = gst_vldm_enc_set_property;
  object_class->get_property = gst_vldm_enc_get_property;
  object_class->finalize = gst_vldm_enc_finalize;
  gst_vldm_install_model_properties (object_class, PROP_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = $VLDM_MODEL_PATH, else the "
      "model that comes with the plugin)");
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "Frames in and out, time of encoding (ns), device and its memory in "
          "use (bytes)", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video latents encoder", "Codec/Encoder/Video",
      "Encodes pictures to latents of a video diffusion model",
      "The gst-vldm developers");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vldm_enc_change_state);

  encoder_class->start = GST_DEBUG_FUNCPTR (gst_vldm_enc_start);
  encoder_class->stop = GST_DEBUG_FUNCPTR (gst_vldm_enc_stop);
  encoder_class->sink_event = GST_DEBUG_FUNCPTR (gst_vldm_enc_sink_event);
  encoder_class->set_format = GST_DEBUG_FUNCPTR (gst_vldm_enc_set_format);
  encoder_class->handle_frame = GST_DEBUG_FUNCPTR (gst_vldm_enc_handle_frame);
}

GST_VLDM_STAGE (stage_class, vldm_encode_check_model, vldm_encode_new,
    vldm_encode_free);

static void
gst_vldm_enc_init (GstVldmEnc * self)
{
  self->worker = gst_vldm_worker_new (GST_ELEMENT (self), &stage_class);
  self->progress.progress = gst_vldm_enc_on_progress;
  self->progress.warn = gst_vldm_enc_on_warning;
  self->progress.user_data = self;
}
