/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The window of frames that vldmsr is collecting.
 */
#include "elements/srwindow.h"

#include "elements/srcaps.h"
#include "gst/pictures.h"
#include "gst/timing.h"

#define USUAL_SIZE 8
#define USUAL_OVERLAP 2

#define STAGE 15                /* of vldm_window_seed */

void
gst_vldm_sr_window_init (GstVldmSrWindow * window)
{
  memset (window, 0, sizeof (*window));
  gst_video_info_init (&window->in);
  gst_video_info_init (&window->out);
  gst_segment_init (&window->upstream, GST_FORMAT_TIME);
  gst_segment_init (&window->segment, GST_FORMAT_TIME);
  gst_vldm_sr_window_guess_grid (window);
  window->frames = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
}

void
gst_vldm_sr_window_clear (GstVldmSrWindow * window)
{
  g_clear_pointer (&window->frames, g_ptr_array_unref);
  g_clear_pointer (&window->converter, gst_video_converter_free);
  vldm_frames_clear (&window->made);
}

void
gst_vldm_sr_window_guess_grid (GstVldmSrWindow * window)
{
  window->grid.size = USUAL_SIZE;
  window->grid.overlap = USUAL_OVERLAP;
}

static gboolean
read_pictures (GstVideoInfo * info, const GstCaps * caps, GError ** error)
{
  if (gst_video_info_from_caps (info, caps))
    return TRUE;
  g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "caps are no raw video; they need format, width and height");
  return FALSE;
}

/* Downstream may ask for other colours than those that are made. */
static gboolean
check_colours (const GstVideoInfo * info, GError ** error)
{
  const GstVideoColorimetry *colours = &info->colorimetry;
  g_autofree char *name = gst_video_colorimetry_to_string (colours);

  if (name == NULL
      || gst_video_colorimetry_matches (colours, GST_VIDEO_COLORIMETRY_SRGB))
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "colorimetry %s is asked for behind, but pictures are sRGB: put "
      "videoconvert in between", name);
  return FALSE;
}

/* The pictures that latents of @caps are decoded to. */
static gboolean
read_decoded (GstVideoInfo * info, const GstCaps * caps, GError ** error)
{
  GstVldmLatents latents;

  if (!gst_vldm_latents_from_caps (&latents, caps, error))
    return FALSE;
  gst_video_info_set_format (info, GST_VIDEO_FORMAT_RGB, latents.width,
      latents.height);
  GST_VIDEO_INFO_PLANE_STRIDE (info, 0) = 3 * latents.width;
  GST_VIDEO_INFO_SIZE (info) = 3 * (gsize) latents.width * latents.height;
  GST_VIDEO_INFO_FPS_N (info) = latents.fps_n;
  GST_VIDEO_INFO_FPS_D (info) = latents.fps_d;
  return TRUE;
}

gboolean
gst_vldm_sr_window_set_caps (GstVldmSrWindow * window,
    const GstCaps * in, const GstCaps * out, GError ** error)
{
  gboolean latents_out = gst_vldm_sr_caps_are_latents (out);
  GstVldmLatents latents = { 0, };
  GstVideoInfo in_info, out_info;
  GstVideoConverter *converter;

  gst_video_info_init (&out_info);
  if (!gst_vldm_sr_caps_check (in, error)
      || !(gst_vldm_sr_caps_are_latents (in) ? read_decoded (&in_info, in,
              error)
          : read_pictures (&in_info, in, error))
      || !(latents_out ? gst_vldm_latents_from_caps (&latents, out, error)
          : read_pictures (&out_info, out, error))
      || !check_colours (&out_info, error)
      || !gst_vldm_pictures_prepare (&in_info, &converter, error))
    return FALSE;
  g_clear_pointer (&window->converter, gst_video_converter_free);
  window->converter = converter;
  window->in = in_info;
  window->out = out_info;
  window->latents = latents;
  window->latents_out = latents_out;
  return TRUE;
}

gboolean
gst_vldm_sr_window_set_model (GstVldmSrWindow * window, VldmModel * model,
    GError ** error)
{
  GstVldmLatents latents = window->latents;
  guint scale;

  window->decodes_frames = vldm_upsample_decodes_frames (model);
  if (!vldm_upsample_shape (model, GST_VIDEO_INFO_WIDTH (&window->in),
          GST_VIDEO_INFO_HEIGHT (&window->in), &scale, &latents.latent_channels,
          &latents.latent_width, &latents.latent_height, error))
    return FALSE;
  if (scale != GST_VLDM_SR_SCALE) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "the upsampler of %s makes pictures %u times as large; vldmsr needs "
        "one that makes them %d times as large", vldm_model_folder (model),
        scale, GST_VLDM_SR_SCALE);
    return FALSE;
  }
  if (!window->latents_out) {
    latents.format = VLDM_FORMAT_F32LE;
    window->latents = latents;
  }
  return TRUE;
}

void
gst_vldm_sr_window_flush (GstVldmSrWindow * window)
{
  g_ptr_array_set_size (window->frames, 0);
  vldm_frames_clear (&window->made);
  window->n_left = window->n_ready = 0;
}

void
gst_vldm_sr_window_set_segment (GstVldmSrWindow * window,
    const GstSegment * upstream, const GstSegment * segment)
{
  window->upstream = *upstream;
  window->segment = *segment;
  window->next = 0;
}

static guint64
number_of (const GstVldmSrWindow * window, GstBuffer * buffer)
{
  const guint n = window->frames->len;
  GstBuffer *last = n > 0 ? g_ptr_array_index (window->frames, n - 1) : NULL;

  return gst_vldm_frame_number (&window->upstream, GST_BUFFER_PTS (buffer),
      GST_VIDEO_INFO_FPS_N (&window->in), GST_VIDEO_INFO_FPS_D (&window->in),
      window->next, last != NULL ? GST_BUFFER_PTS (last)
      : GST_CLOCK_TIME_NONE);
}

gboolean
gst_vldm_sr_window_continue (GstVldmSrWindow * window, GstBuffer * buffer)
{
  return number_of (window, buffer) == window->next
      && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT);
}

gboolean
gst_vldm_sr_window_add (GstVldmSrWindow * window, GstBuffer * buffer)
{
  guint64 number = number_of (window, buffer);

  if (gst_vldm_sr_window_new (window) == 0) {
    window->number = vldm_last_chunk_of (&window->grid, number);
    window->first = number - window->frames->len;
  }
  g_ptr_array_add (window->frames, buffer);
  window->next = number + 1;
  return window->next >= vldm_chunk_start (&window->grid, window->number)
      + window->grid.size;
}

guint
gst_vldm_sr_window_new (const GstVldmSrWindow * window)
{
  return window->frames->len - (window->made.count - window->n_left);
}

static gboolean
gather (const GstVldmSrWindow * window, VldmFrames * gathered, GError ** error)
{
  guint i;

  if (!vldm_frames_init (gathered, VLDM_FORMAT_RGB8, window->frames->len, 3,
          GST_VIDEO_INFO_HEIGHT (&window->in),
          GST_VIDEO_INFO_WIDTH (&window->in), error))
    return FALSE;
  for (i = 0; i < window->frames->len; i++)
    if (!gst_vldm_pictures_read (&window->in, window->converter,
            g_ptr_array_index (window->frames, i),
            vldm_frames_host (gathered, i), error))
      return FALSE;
  return TRUE;
}

/* Are windows latents? Else pictures. */
static gboolean
makes_latents (const GstVldmSrWindow * window)
{
  return window->latents_out || window->decodes_frames;
}

/* Memory for what is made of the window. */
static gboolean
init_made (GstVldmSrWindow * window, GError ** error)
{
  const GstVldmLatents *latents = &window->latents;

  if (makes_latents (window))
    return vldm_frames_init (&window->made, latents->format,
        window->frames->len, latents->latent_channels, latents->latent_height,
        latents->latent_width, error);
  return vldm_frames_init (&window->made, VLDM_FORMAT_RGB8,
      window->frames->len, 3, GST_VIDEO_INFO_HEIGHT (&window->out),
      GST_VIDEO_INFO_WIDTH (&window->out), error);
}

/* How the window lies beside the one before. Noise is shared whether that one was made or not, so that a seek gives the
 * same frames. */
static void
place (const GstVldmSrWindow * window, guint32 seed, guint held,
    gboolean last, VldmUpsampleWindow * placed)
{
  const VldmChunks *grid = &window->grid;

  memset (placed, 0, sizeof (*placed));
  placed->blend = held > 0;
  placed->keep = !last && grid->overlap > 0;
  if (held > 0) {
    placed->shared = held;
    placed->earlier_seed = window->seed;
  } else if (window->number > 0 && window->frames->len >= grid->overlap
      && window->first == vldm_chunk_start (grid, window->number)) {
    placed->shared = grid->overlap;
    placed->earlier_seed = vldm_window_seed (seed, window->number - 1, STAGE);
  }
}

void
gst_vldm_sr_run_clear (GstVldmSrRun * run)
{
  vldm_frames_clear (&run->rgb);
}

gboolean
gst_vldm_sr_window_begin (GstVldmSrWindow * window, gboolean last,
    GstVldmSrRun * run, GError ** error)
{
  guint held = window->made.count - window->n_left;

  place (window, run->params.sampling.seed, held, last, &run->place);
  window->seed = vldm_window_seed (run->params.sampling.seed, window->number,
      STAGE);
  run->params.sampling.seed = window->seed;
  vldm_frames_clear (&window->made);
  window->n_left = window->n_ready = 0;
  run->latents = makes_latents (window) ? &window->made : NULL;
  run->pictures = makes_latents (window) ? NULL : &window->made;
  return gather (window, &run->rgb, error) && init_made (window, error);
}

void
gst_vldm_sr_window_ran (GstVldmSrWindow * window, gboolean last, gboolean done)
{
  if (done)
    window->n_ready = window->made.count - (last ? 0 : window->grid.overlap);
  else
    gst_vldm_sr_window_flush (window);
}

void
gst_vldm_sr_window_release (GstVldmSrWindow * window)
{
  window->n_ready = window->made.count;
}

GstBuffer *
gst_vldm_sr_window_pop (GstVldmSrWindow * window, guint * i)
{
  while (window->n_left < window->n_ready) {
    GstBuffer *buffer = gst_buffer_ref (g_ptr_array_index (window->frames, 0));
    gboolean wanted = gst_vldm_frame_is_inside (&window->segment, buffer,
        window->first + window->n_left, GST_VIDEO_INFO_FPS_N (&window->in),
        GST_VIDEO_INFO_FPS_D (&window->in));

    g_ptr_array_remove_index (window->frames, 0);
    *i = window->n_left++;
    if (wanted)
      return buffer;
    gst_buffer_unref (buffer);
  }
  return NULL;
}

const guint8 *
gst_vldm_sr_window_get (const GstVldmSrWindow * window, VldmUpsample * stage,
    guint i, VldmFrames * picture, const VldmProgress * progress,
    GError ** error)
{
  if (window->latents_out || !window->decodes_frames)
    return vldm_frames_host (&window->made, i);
  if (!vldm_frames_init (picture, VLDM_FORMAT_RGB8, 1, 3,
          GST_VIDEO_INFO_HEIGHT (&window->out),
          GST_VIDEO_INFO_WIDTH (&window->out), error)
      || !vldm_upsample_decode (stage, &window->made, i, picture, progress,
          error))
    return NULL;
  return vldm_frames_host (picture, 0);
}
