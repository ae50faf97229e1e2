/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldmsr does with its frames.
 */
#include "elements/upsamplestream.h"

#include "elements/upsamplecaps.h"
#include "gst/error.h"

/* Assumed for latency and seeks while no model is open that knows better. */
#define USUAL_WINDOW_FRAMES 8
#define USUAL_WINDOW_OVERLAP 2

GST_VLDM_STAGE (stage_class, vldm_upsample_check_model, vldm_upsample_new,
    vldm_upsample_free);

/* The windows of most models. */
static void
guess_grid (GstVldmUpsampleStream * stream)
{
  GST_OBJECT_LOCK (stream->element);
  stream->frames.grid.size = USUAL_WINDOW_FRAMES;
  stream->frames.grid.overlap = USUAL_WINDOW_OVERLAP;
  GST_OBJECT_UNLOCK (stream->element);
  stream->grid_known = FALSE;
}

void
gst_vldm_upsample_stream_init (GstVldmUpsampleStream * stream,
    GstElement * element)
{
  memset (stream, 0, sizeof (*stream));
  stream->element = element;
  stream->worker = gst_vldm_worker_new (element, &stage_class);
  gst_vldm_upsample_settings_init (&stream->settings);
  gst_vldm_upsample_decoder_init (&stream->decoder, element);
  gst_vldm_upsample_frames_init (&stream->frames);
  guess_grid (stream);
}

void
gst_vldm_upsample_stream_clear (GstVldmUpsampleStream * stream)
{
  gst_vldm_worker_free (stream->worker);
  gst_vldm_upsample_decoder_clear (&stream->decoder);
  gst_vldm_upsample_frames_clear (&stream->frames);
  gst_vldm_upsample_settings_clear (&stream->settings);
  gst_vldm_model_settings_clear (&stream->model);
}

static void
get_conditioning (GstVldmUpsampleStream * stream,
    GstVldmConditioning * conditioning)
{
  memset (conditioning, 0, sizeof (*conditioning));
  if (stream->conditioning != NULL)
    gst_vldm_conditioning_from_event (conditioning, stream->conditioning);
}

static gboolean
has_own_model (GstVldmUpsampleStream * stream)
{
  return gst_vldm_model_settings_has_path (stream->element, &stream->model);
}

gboolean
gst_vldm_upsample_stream_knows_model (GstVldmUpsampleStream * stream)
{
  return stream->conditioning != NULL || has_own_model (stream);
}

gboolean
gst_vldm_upsample_stream_choose_models (GstVldmUpsampleStream * stream)
{
  GstVldmConditioning conditioning;
  g_auto (GstVldmModelSettings) settings = { NULL, };
  GstVldmModelSettings of_latents;
  g_autoptr (GError) error = NULL;
  gboolean kept;

  get_conditioning (stream, &conditioning);
  settings = gst_vldm_model_settings_copy (stream->element, &stream->model,
      conditioning.model);
  /* Latents are decoded by the model that made them. */
  of_latents = settings;
  if (conditioning.model != NULL)
    of_latents.path = (char *) conditioning.model;

  if (!gst_vldm_worker_open (stream->worker, &settings, &kept, &error)
      || !gst_vldm_upsample_decoder_open (&stream->decoder, &of_latents,
          &error)) {
    gst_vldm_fail (stream->element, error, "choosing the model");
    return FALSE;
  }
  if (!kept)
    stream->grid_known = FALSE;
  return TRUE;
}

/* The loading thread says what is wrong with model and stage, so the stage comes first. */
GstFlowReturn
gst_vldm_upsample_stream_wait (GstVldmUpsampleStream * stream,
    VldmModel ** model, gpointer * stage)
{
  GstFlowReturn flow;

  if (!gst_vldm_worker_is_open (stream->worker)
      && !gst_vldm_upsample_stream_choose_models (stream))
    return GST_FLOW_ERROR;
  flow = gst_vldm_worker_wait_stage (stream->worker, stage);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_worker_wait_model (stream->worker, model);
  return flow;
}

/* ---- settings ---- */

/* Puts properties, else what the video was made from, over the values in @params, and checks them: those that depend on
 * @model too, unless it is NULL. */
static gboolean
apply_settings (GstVldmUpsampleStream * stream, VldmModel * model,
    VldmUpsampleParams * params, GstVldmSamplingTexts * texts, GError ** error)
{
  GstVldmConditioning conditioning;

  get_conditioning (stream, &conditioning);
  GST_OBJECT_LOCK (stream->element);
  gst_vldm_upsample_settings_apply (&stream->settings, &conditioning, params,
      texts);
  GST_OBJECT_UNLOCK (stream->element);
  return gst_vldm_upsample_settings_check (model, params, error);
}

static gboolean
read_settings (GstVldmUpsampleStream * stream, VldmModel * model,
    VldmUpsampleParams * params, GstVldmSamplingTexts * texts, GError ** error)
{
  if (!vldm_upsample_defaults (model, params, error))
    return FALSE;
  params->windows = stream->frames.grid;
  return apply_settings (stream, model, params, texts, error);
}

/* Of settings, what is wrong with any model. */
static gboolean
check_settings (GstVldmUpsampleStream * stream, GError ** error)
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
    .windows = {USUAL_WINDOW_FRAMES, USUAL_WINDOW_OVERLAP},
  };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };

  return apply_settings (stream, NULL, &params, &texts, error);
}

/* The same with the element's own model; waits for its configurations, which takes a moment, and not for weights. */
static gboolean
check_settings_with_model (GstVldmUpsampleStream * stream, GError ** error)
{
  VldmUpsampleParams params;
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  VldmModel *model;
  gpointer stage;

  if (gst_vldm_worker_wait_model (stream->worker, &model) != GST_FLOW_OK)
    return FALSE;
  /* The loading thread says that there is no upsampler. */
  if (!vldm_upsample_defaults (model, &params, NULL))
    return gst_vldm_worker_wait_stage (stream->worker, &stage) == GST_FLOW_OK;
  return apply_settings (stream, model, &params, &texts, error);
}

/* ---- the stream ---- */

gboolean
gst_vldm_upsample_stream_start (GstVldmUpsampleStream * stream)
{
  g_autoptr (GError) error = NULL;
  gboolean ok;

  gst_vldm_forget_errors (stream->element);
  guess_grid (stream);
  gst_vldm_upsample_decoder_start (&stream->decoder);
  gst_vldm_upsample_stream_interrupt (stream, FALSE);

  ok = check_settings (stream, &error);
  if (ok && has_own_model (stream))
    ok = gst_vldm_upsample_stream_choose_models (stream)
        && check_settings_with_model (stream, &error);
  if (!ok)
    gst_vldm_worker_close (stream->worker);
  if (error != NULL)
    gst_vldm_fail (stream->element, error, "starting");
  return ok;
}

void
gst_vldm_upsample_stream_stop (GstVldmUpsampleStream * stream)
{
  gst_vldm_upsample_decoder_flush (&stream->decoder);
  gst_vldm_upsample_frames_flush (&stream->frames);
  gst_vldm_pace_clear (&stream->pace);
  gst_clear_event (&stream->conditioning);
  gst_vldm_worker_settle (stream->decoder.worker);
  gst_vldm_worker_settle (stream->worker);
}

void
gst_vldm_upsample_stream_close (GstVldmUpsampleStream * stream)
{
  gst_vldm_worker_close (stream->decoder.worker);
  gst_vldm_worker_close (stream->worker);
}

void
gst_vldm_upsample_stream_interrupt (GstVldmUpsampleStream * stream,
    gboolean interrupted)
{
  gst_vldm_worker_interrupt (stream->decoder.worker, interrupted);
  gst_vldm_worker_interrupt (stream->worker, interrupted);
}

static gboolean
check_scale (GstVldmUpsampleStream * stream, VldmModel * model, GError ** error)
{
  guint scale, channels, width, height;

  if (!vldm_upsample_shape (model, GST_VIDEO_INFO_WIDTH (&stream->frames.in),
          GST_VIDEO_INFO_HEIGHT (&stream->frames.in), &scale, &channels, &width,
          &height, error))
    return FALSE;
  if (scale == GST_VLDM_UPSAMPLE_SCALE)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
      "the upsampler of %s makes pictures %u times as large; vldmsr needs one "
      "that makes them %d times as large",
      gst_vldm_worker_folder (stream->worker), scale, GST_VLDM_UPSAMPLE_SCALE);
  return FALSE;
}

GstFlowReturn
gst_vldm_upsample_stream_check (GstVldmUpsampleStream * stream)
{
  g_autoptr (GError) error = NULL;

  if (!gst_vldm_worker_is_open (stream->worker)
      && !gst_vldm_upsample_stream_choose_models (stream))
    return GST_FLOW_ERROR;
  if (check_settings_with_model (stream, &error))
    return GST_FLOW_OK;
  return error != NULL ? gst_vldm_fail (stream->element, error,
      "choosing settings") : GST_FLOW_ERROR;
}

GstFlowReturn
gst_vldm_upsample_stream_find_grid (GstVldmUpsampleStream * stream)
{
  g_autoptr (GError) error = NULL;
  VldmUpsampleParams params;
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  VldmModel *model;
  gpointer stage;
  VldmChunks grid;
  GstFlowReturn flow = gst_vldm_upsample_stream_wait (stream, &model, &stage);

  if (flow != GST_FLOW_OK)
    return flow;
  if (!read_settings (stream, model, &params, &texts, &error))
    return gst_vldm_fail (stream->element, error, "choosing settings");
  if (!check_scale (stream, model, &error)
      || !vldm_upsample_windows (model, -1, -1, &grid, &error)
      || !gst_vldm_upsample_frames_set_model (&stream->frames, model, &error))
    return gst_vldm_fail (stream->element, error, "choosing windows");

  GST_OBJECT_LOCK (stream->element);
  stream->frames.grid = grid;
  GST_OBJECT_UNLOCK (stream->element);
  stream->grid_known = TRUE;
  gst_element_post_message (stream->element,
      gst_message_new_latency (GST_OBJECT (stream->element)));
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_upsample_stream_push (GstVldmUpsampleStream * stream,
    GstBuffer * buffer)
{
  GstVldmUpsampleDecoder *decoder = &stream->decoder;

  /* The event that names their model need not have come after the caps. */
  if (gst_vldm_upsample_decoder_takes_latents (decoder)
      && !decoder->grid_known
      && !gst_vldm_upsample_stream_choose_models (stream)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (stream->element);
  stream->frames_in++;
  GST_OBJECT_UNLOCK (stream->element);
  return gst_vldm_upsample_decoder_push (decoder, buffer);
}

GstFlowReturn
gst_vldm_upsample_stream_run (GstVldmUpsampleStream * stream, gboolean last)
{
  VldmUpsampleParams params;
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  g_autoptr (GError) error = NULL;
  VldmModel *model;
  gpointer stage;
  gint64 start = g_get_monotonic_time ();
  GstFlowReturn flow = gst_vldm_upsample_stream_wait (stream, &model, &stage);

  if (flow != GST_FLOW_OK)
    return flow;
  if (!read_settings (stream, model, &params, &texts, &error))
    return gst_vldm_fail (stream->element, error, "choosing settings");

  gst_vldm_upsample_frames_run (&stream->frames, stage, &params, last,
      gst_vldm_worker_progress (stream->worker), &error);
  flow = gst_vldm_worker_end (stream->worker, error, "upsampling");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (stream->element);
  stream->windows_made++;
  stream->upsample_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (stream->element);
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_upsample_stream_fill (GstVldmUpsampleStream * stream, guint i,
    GstBuffer * buffer)
{
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();
  gpointer stage;
  GstFlowReturn flow = gst_vldm_worker_wait_stage (stream->worker, &stage);

  if (flow != GST_FLOW_OK)
    return flow;
  gst_vldm_upsample_frames_fill (&stream->frames, stage, i, buffer,
      gst_vldm_worker_progress (stream->worker), &error);
  flow = gst_vldm_worker_end (stream->worker, error, "decoding");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (stream->element);
  stream->frames_out++;
  stream->upsample_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (stream->element);
  return GST_FLOW_OK;
}

GstEvent *
gst_vldm_upsample_stream_origin (GstVldmUpsampleStream * stream)
{
  GstVldmConditioning conditioning;

  get_conditioning (stream, &conditioning);
  if (conditioning.prompt == NULL)
    conditioning.prompt = "";
  if (conditioning.negative_prompt == NULL)
    conditioning.negative_prompt = "";
  conditioning.model = gst_vldm_worker_folder (stream->worker);
  return gst_vldm_conditioning_to_event (&conditioning);
}

GstStructure *
gst_vldm_upsample_stream_stats (GstVldmUpsampleStream * stream)
{
  GstStructure *stats = gst_structure_new ("vldmsr-stats",
      "windows-upsampled", G_TYPE_UINT64, stream->windows_made,
      "frames-in", G_TYPE_UINT64, stream->frames_in,
      "frames-out", G_TYPE_UINT64, stream->frames_out,
      "upsample-time", G_TYPE_UINT64, stream->upsample_ns, NULL);

  gst_vldm_worker_add_stats (stream->worker, stats);
  return stats;
}
