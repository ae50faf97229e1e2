/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldminterp does with its frames.
 */
#include "elements/interpstream.h"

#include "gst/conditioning.h"
#include "gst/error.h"
#include "vldm/stages/windows.h"

/* A window holds factor + 1 frames at once. */
#define MAX_FACTOR 32

GST_VLDM_STAGE (stage_class, vldm_interpolate_check_model, vldm_interpolate_new,
    vldm_interpolate_free);

void
gst_vldm_interp_stream_init (GstVldmInterpStream * stream, GstElement * element)
{
  memset (stream, 0, sizeof (*stream));
  stream->element = element;
  stream->worker = gst_vldm_worker_new (element, &stage_class);
  stream->factor = GST_VLDM_INTERP_DEFAULT_FACTOR;
  gst_vldm_sampling_init (&stream->sampling);
  gst_vldm_gap_init (&stream->gap);
}

void
gst_vldm_interp_stream_clear (GstVldmInterpStream * stream)
{
  gst_vldm_worker_free (stream->worker);
  gst_vldm_sampling_clear (&stream->sampling);
  gst_vldm_model_settings_clear (&stream->model);
}

gboolean
gst_vldm_interp_stream_choose_model (GstVldmInterpStream * stream)
{
  GstVldmConditioning conditioning = { NULL, };
  g_auto (GstVldmModelSettings) settings = { NULL, };
  g_autoptr (GError) error = NULL;

  if (stream->conditioning != NULL)
    gst_vldm_conditioning_from_event (&conditioning, stream->conditioning);
  settings = gst_vldm_model_settings_copy (stream->element, &stream->model,
      conditioning.model);

  if (!gst_vldm_worker_open (stream->worker, &settings, NULL, &error)) {
    gst_vldm_fail (stream->element, error, "choosing the model");
    return FALSE;
  }
  return TRUE;
}

gboolean
gst_vldm_interp_stream_start (GstVldmInterpStream * stream)
{
  g_autoptr (GError) error = NULL;
  gboolean own_model;
  gint factor, steps;

  gst_vldm_forget_errors (stream->element);
  GST_OBJECT_LOCK (stream->element);
  factor = stream->factor;
  steps = stream->sampling.steps;
  own_model = stream->model.path != NULL;
  GST_OBJECT_UNLOCK (stream->element);

  if (factor > MAX_FACTOR)
    g_set_error (&error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "factor is %d; allowed are 1 to %d, and best is what the model was "
        "trained for, 4 as a rule", factor, MAX_FACTOR);
  else if (steps == 0)
    g_set_error_literal (&error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "steps is 0; allowed are 1 and more, or -1 for the model's value");
  if (error != NULL) {
    gst_vldm_fail (stream->element, error, "starting");
    return FALSE;
  }

  stream->warned = stream->told_rate = stream->told_hole = FALSE;
  gst_vldm_worker_interrupt (stream->worker, FALSE);
  /* Else upstream tells which one, after the caps. */
  return !own_model || gst_vldm_interp_stream_choose_model (stream);
}

void
gst_vldm_interp_stream_stop (GstVldmInterpStream * stream)
{
  gst_clear_event (&stream->conditioning);
  gst_vldm_worker_settle (stream->worker);

  GST_OBJECT_LOCK (stream->element);
  gst_vldm_gap_flush (&stream->gap);
  gst_vldm_gap_init (&stream->gap);
  GST_OBJECT_UNLOCK (stream->element);
}

/* Settings of a gap in video of @fps: properties, else what the latents were made from, else the model's values. */
static gboolean
choose_settings (GstVldmInterpStream * stream, VldmModel * model, gdouble fps,
    VldmInterpolateParams * params, GstVldmSamplingTexts * texts,
    GError ** error)
{
  GstVldmConditioning conditioning = { NULL, };
  VldmSampling *sampling = &params->sampling;
  guint factor;

  if (!vldm_interpolate_defaults (model, params, &factor, error))
    return FALSE;
  params->fps = fps;

  if (stream->conditioning != NULL)
    gst_vldm_conditioning_from_event (&conditioning, stream->conditioning);
  GST_OBJECT_LOCK (stream->element);
  gst_vldm_sampling_apply (&stream->sampling, &conditioning, sampling, texts);
  GST_OBJECT_UNLOCK (stream->element);
  sampling->seed = vldm_window_seed (sampling->seed, stream->gap.number,
      conditioning.level + 1);

  return gst_vldm_check_text ("prompt", sampling->prompt, error)
      && gst_vldm_check_text ("negative-prompt", sampling->negative_prompt,
      error) && vldm_interpolate_check (model, params, error);
}

/* Says once what the model was not made for. */
static void
warn (GstVldmInterpStream * stream, VldmModel * model, gdouble fps)
{
  VldmInterpolateParams unused;
  guint factor;

  if (stream->warned)
    return;
  if (vldm_interpolate_defaults (model, &unused, &factor, NULL)
      && factor != stream->gap.factor) {
    stream->warned = TRUE;
    GST_ELEMENT_WARNING (stream->element, RESOURCE, SETTINGS,
        ("factor is %u, but the model was trained for %u", stream->gap.factor,
            factor), (NULL));
  }
  if (vldm_interpolate_rate_is_unusual (model, fps)) {
    stream->warned = TRUE;
    GST_ELEMENT_WARNING (stream->element, RESOURCE, SETTINGS,
        ("%g frames per second after interpolation are far from what the model "
            "was trained for", fps),
        ("more than twice above or below all of its rates"));
  }
}

/* Takes note of where @right lies, and says once if that is not where caps mean. */
static void
measure (GstVldmInterpStream * stream, GstBuffer * right)
{
  GstVldmGap *gap = &stream->gap;
  gdouble named, real;

  GST_OBJECT_LOCK (stream->element);
  gst_vldm_gap_close (gap, right);
  GST_OBJECT_UNLOCK (stream->element);
  if (stream->told_rate || !gst_vldm_spacing_surely_contradicts (&gap->spacing))
    return;

  stream->told_rate = TRUE;
  named = (gdouble) gap->latents.fps_n / gap->latents.fps_d;
  real = gst_vldm_spacing_rate (&gap->spacing);
  GST_ELEMENT_WARNING (stream->element, STREAM, FORMAT,
      ("caps say %.4g frames per second, but %.4g come by their times: new "
          "frames follow the times, and caps behind say %.4g instead of %.4g; "
          "capssetter in front can correct the caps", named, real,
          gap->factor * named, gap->factor * real), (NULL));
  gst_element_post_message (stream->element,
      gst_message_new_latency (GST_OBJECT (stream->element)));
}

void
gst_vldm_interp_stream_tell_hole (GstVldmInterpStream * stream,
    GstBuffer * right)
{
  const GstVldmGap *gap = &stream->gap;

  GST_INFO_OBJECT (stream->element, "frames are missing before %"
      GST_PTR_FORMAT ", after %" GST_PTR_FORMAT, right, gap->left);
  if (stream->told_hole)
    return;
  stream->told_hole = TRUE;
  GST_ELEMENT_WARNING (stream->element, STREAM, FORMAT,
      ("frames are missing between %" GST_TIME_FORMAT " and %" GST_TIME_FORMAT
          ", and such holes are not filled",
          GST_TIME_ARGS (GST_BUFFER_PTS (gap->left)),
          GST_TIME_ARGS (GST_BUFFER_PTS (right))),
      ("caps say %d/%d frames per second", gap->latents.fps_n,
          gap->latents.fps_d));
}

static GstFlowReturn
wait_model (GstVldmInterpStream * stream, VldmModel ** model)
{
  if (!gst_vldm_worker_is_open (stream->worker)
      && !gst_vldm_interp_stream_choose_model (stream))
    return GST_FLOW_ERROR;
  return gst_vldm_worker_wait_model (stream->worker, model);
}

GstFlowReturn
gst_vldm_interp_stream_check (GstVldmInterpStream * stream)
{
  const GstVldmGap *gap = &stream->gap;
  /* A variable rate is known when frames come. */
  gdouble fps = gap->fps_n > 0 ? (gdouble) gap->fps_n / gap->fps_d : 1;
  VldmInterpolateParams params = { {NULL,}, };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  gpointer stage;

  if (gap->factor == 1)
    return GST_FLOW_OK;
  flow = wait_model (stream, &model);
  if (flow != GST_FLOW_OK
      || choose_settings (stream, model, fps, &params, &texts, &error))
    return flow;
  /* The loading thread says what is wrong with the model. */
  if (g_error_matches (error, VLDM_ERROR, VLDM_ERROR_SETTINGS)
      || g_error_matches (error, VLDM_ERROR, VLDM_ERROR_TEXT)
      || gst_vldm_worker_wait_stage (stream->worker, &stage) == GST_FLOW_OK)
    return gst_vldm_fail (stream->element, error, "choosing settings");
  return GST_FLOW_ERROR;
}

GstFlowReturn
gst_vldm_interp_stream_fill (GstVldmInterpStream * stream, GstBuffer * right)
{
  VldmInterpolateParams params = { {NULL,}, };
  g_auto (GstVldmSamplingTexts) texts = { NULL, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  gpointer stage;
  gint64 start;
  gdouble fps;

  measure (stream, right);
  if (!gst_vldm_gap_is_wanted (&stream->gap, right))
    return GST_FLOW_OK;
  if (stream->gap.factor == 1) {
    gst_vldm_gap_fill (&stream->gap, right, NULL, NULL, NULL, NULL);
    return GST_FLOW_OK;
  }
  flow = wait_model (stream, &model);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!gst_vldm_gap_rate (&stream->gap, right, &fps, &error)
      || !choose_settings (stream, model, fps, &params, &texts, &error))
    return gst_vldm_fail (stream->element, error, "choosing settings");
  warn (stream, model, params.fps);
  flow = gst_vldm_worker_wait_stage (stream->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  start = g_get_monotonic_time ();
  gst_vldm_gap_fill (&stream->gap, right, stage, &params,
      gst_vldm_worker_progress (stream->worker), &error);
  flow = gst_vldm_worker_end (stream->worker, error, "interpolating");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (stream->element);
  stream->gaps_filled++;
  stream->interpolate_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (stream->element);
  return GST_FLOW_OK;
}

GstStructure *
gst_vldm_interp_stream_stats (GstVldmInterpStream * stream)
{
  GstStructure *stats = gst_structure_new ("vldminterp-stats",
      "gaps-filled", G_TYPE_UINT64, stream->gaps_filled,
      "frames-in", G_TYPE_UINT64, stream->frames_in,
      "frames-out", G_TYPE_UINT64, stream->frames_out,
      "interpolate-time", G_TYPE_UINT64, stream->interpolate_ns, NULL);

  gst_vldm_worker_add_stats (stream->worker, stats);
  return stats;
}
