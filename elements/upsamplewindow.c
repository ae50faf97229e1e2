/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The window of frames that vldmsr is collecting.
 */
#include "elements/upsamplewindow.h"

#include "elements/upsamplecaps.h"
#include "gst/pictures.h"
#include "gst/timing.h"

#define STAGE 15                /* of vldm_window_seed */

void
gst_vldm_upsample_frames_init (GstVldmUpsampleFrames * frames)
{
  memset (frames, 0, sizeof (*frames));
  gst_video_info_init (&frames->in);
  gst_video_info_init (&frames->out);
  gst_segment_init (&frames->upstream, GST_FORMAT_TIME);
  gst_segment_init (&frames->segment, GST_FORMAT_TIME);
  frames->frames = g_ptr_array_new_with_free_func ((GDestroyNotify)
      gst_buffer_unref);
}

void
gst_vldm_upsample_frames_clear (GstVldmUpsampleFrames * frames)
{
  g_clear_pointer (&frames->frames, g_ptr_array_unref);
  g_clear_pointer (&frames->converter, gst_video_converter_free);
  vldm_frames_clear (&frames->made);
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
gst_vldm_upsample_frames_set_caps (GstVldmUpsampleFrames * frames,
    const GstCaps * in, const GstCaps * out, GError ** error)
{
  gboolean latents_out = gst_vldm_upsample_caps_are_latents (out);
  GstVldmLatents latents = { 0, };
  GstVideoInfo in_info, out_info;
  GstVideoConverter *converter;

  gst_video_info_init (&out_info);
  if (!gst_vldm_upsample_caps_check (in, error)
      || !(gst_vldm_upsample_caps_are_latents (in) ? read_decoded (&in_info, in,
              error)
          : read_pictures (&in_info, in, error))
      || !(latents_out ? gst_vldm_latents_from_caps (&latents, out, error)
          : read_pictures (&out_info, out, error))
      || !check_colours (&out_info, error)
      || !gst_vldm_pictures_prepare (&in_info, &converter, error))
    return FALSE;
  g_clear_pointer (&frames->converter, gst_video_converter_free);
  frames->converter = converter;
  frames->in = in_info;
  frames->out = out_info;
  frames->latents = latents;
  frames->latents_out = latents_out;
  return TRUE;
}

gboolean
gst_vldm_upsample_frames_set_model (GstVldmUpsampleFrames * frames,
    VldmModel * model, GError ** error)
{
  GstVldmLatents *latents = &frames->latents;
  guint scale;

  frames->decodes_frames = vldm_upsample_decodes_frames (model);
  if (!frames->latents_out)
    latents->format = VLDM_FORMAT_F32LE;
  return frames->latents_out || vldm_upsample_shape (model,
      GST_VIDEO_INFO_WIDTH (&frames->in), GST_VIDEO_INFO_HEIGHT (&frames->in),
      &scale, &latents->latent_channels, &latents->latent_width,
      &latents->latent_height, error);
}

void
gst_vldm_upsample_frames_flush (GstVldmUpsampleFrames * frames)
{
  g_ptr_array_set_size (frames->frames, 0);
  vldm_frames_clear (&frames->made);
  frames->n_left = frames->n_ready = 0;
}

void
gst_vldm_upsample_frames_set_segment (GstVldmUpsampleFrames * frames,
    const GstSegment * upstream, const GstSegment * segment)
{
  frames->upstream = *upstream;
  frames->segment = *segment;
  frames->next = 0;
}

static guint64
number_of (const GstVldmUpsampleFrames * frames, GstBuffer * buffer)
{
  const guint n = frames->frames->len;
  GstBuffer *last = n > 0 ? g_ptr_array_index (frames->frames, n - 1) : NULL;

  return gst_vldm_frame_number (&frames->upstream, GST_BUFFER_PTS (buffer),
      GST_VIDEO_INFO_FPS_N (&frames->in), GST_VIDEO_INFO_FPS_D (&frames->in),
      frames->next, last != NULL ? GST_BUFFER_PTS (last)
      : GST_CLOCK_TIME_NONE);
}

gboolean
gst_vldm_upsample_frames_continue (GstVldmUpsampleFrames * frames,
    GstBuffer * buffer)
{
  return number_of (frames, buffer) == frames->next
      && !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT);
}

gboolean
gst_vldm_upsample_frames_add (GstVldmUpsampleFrames * frames,
    GstBuffer * buffer)
{
  guint64 number = number_of (frames, buffer);

  if (gst_vldm_upsample_frames_new (frames) == 0) {
    frames->number = vldm_last_chunk_of (&frames->grid, number);
    frames->first = number - frames->frames->len;
  }
  g_ptr_array_add (frames->frames, buffer);
  frames->next = number + 1;
  return frames->next >= vldm_chunk_start (&frames->grid, frames->number)
      + frames->grid.size;
}

guint
gst_vldm_upsample_frames_new (const GstVldmUpsampleFrames * frames)
{
  return frames->frames->len - (frames->made.count - frames->n_left);
}

static gboolean
gather (const GstVldmUpsampleFrames * frames, VldmFrames * gathered,
    GError ** error)
{
  guint i;

  if (!vldm_frames_init (gathered, VLDM_FORMAT_RGB8, frames->frames->len, 3,
          GST_VIDEO_INFO_HEIGHT (&frames->in),
          GST_VIDEO_INFO_WIDTH (&frames->in), error))
    return FALSE;
  for (i = 0; i < frames->frames->len; i++)
    if (!gst_vldm_pictures_read (&frames->in, frames->converter,
            g_ptr_array_index (frames->frames, i),
            vldm_frames_host (gathered, i), error))
      return FALSE;
  return TRUE;
}

/* Are windows latents? Else pictures. */
static gboolean
makes_latents (const GstVldmUpsampleFrames * frames)
{
  return frames->latents_out || frames->decodes_frames;
}

/* Memory for what is made of the window. */
static gboolean
init_made (GstVldmUpsampleFrames * frames, GError ** error)
{
  const GstVldmLatents *latents = &frames->latents;

  if (makes_latents (frames))
    return vldm_frames_init (&frames->made, latents->format,
        frames->frames->len, latents->latent_channels, latents->latent_height,
        latents->latent_width, error);
  return vldm_frames_init (&frames->made, VLDM_FORMAT_RGB8,
      frames->frames->len, 3, GST_VIDEO_INFO_HEIGHT (&frames->out),
      GST_VIDEO_INFO_WIDTH (&frames->out), error);
}

/* How the window lies beside the one before. Noise is shared whether that one was made or not, so that a seek gives the
 * same frames. */
static void
place (const GstVldmUpsampleFrames * frames, guint32 seed, guint held,
    gboolean last, VldmUpsampleWindow * window)
{
  const VldmChunks *grid = &frames->grid;

  memset (window, 0, sizeof (*window));
  window->blend = held > 0;
  window->keep = !last && grid->overlap > 0;
  if (held > 0) {
    window->shared = held;
    window->earlier_seed = frames->seed;
  } else if (frames->number > 0 && frames->frames->len >= grid->overlap
      && frames->first == vldm_chunk_start (grid, frames->number)) {
    window->shared = grid->overlap;
    window->earlier_seed = vldm_window_seed (seed, frames->number - 1, STAGE);
  }
}

gboolean
gst_vldm_upsample_frames_run (GstVldmUpsampleFrames * frames,
    VldmUpsample * stage, const VldmUpsampleParams * params, gboolean last,
    const VldmProgress * progress, GError ** error)
{
  guint held = frames->made.count - frames->n_left;
  VldmUpsampleParams window_params = *params;
  g_auto (VldmFrames) rgb = { 0, };
  VldmUpsampleWindow window;
  gboolean done;

  place (frames, params->sampling.seed, held, last, &window);
  frames->seed = vldm_window_seed (params->sampling.seed, frames->number,
      STAGE);
  window_params.sampling.seed = frames->seed;
  vldm_frames_clear (&frames->made);
  frames->n_left = frames->n_ready = 0;

  done = gather (frames, &rgb, error) && init_made (frames, error)
      && vldm_upsample_run (stage, &window_params, &window, &rgb,
      makes_latents (frames) ? &frames->made : NULL,
      makes_latents (frames) ? NULL : &frames->made, progress, error);
  if (!done) {
    gst_vldm_upsample_frames_flush (frames);
    return FALSE;
  }
  frames->n_ready = frames->made.count - (last ? 0 : frames->grid.overlap);
  return TRUE;
}

void
gst_vldm_upsample_frames_release (GstVldmUpsampleFrames * frames)
{
  frames->n_ready = frames->made.count;
}

GstBuffer *
gst_vldm_upsample_frames_pop (GstVldmUpsampleFrames * frames, guint * i)
{
  while (frames->n_left < frames->n_ready) {
    GstBuffer *buffer = gst_buffer_ref (g_ptr_array_index (frames->frames, 0));
    gboolean wanted = gst_vldm_frame_is_inside (&frames->segment, buffer,
        frames->first + frames->n_left, GST_VIDEO_INFO_FPS_N (&frames->in),
        GST_VIDEO_INFO_FPS_D (&frames->in));

    g_ptr_array_remove_index (frames->frames, 0);
    *i = frames->n_left++;
    if (wanted)
      return buffer;
    gst_buffer_unref (buffer);
  }
  return NULL;
}

static gboolean
fill_latents (const GstVldmUpsampleFrames * frames, guint i, GstBuffer * buffer)
{
  gsize size = vldm_frames_frame_size (&frames->made);

  return gst_buffer_fill (buffer, 0, vldm_frames_host (&frames->made, i),
      size) == size;
}

static gboolean
fill_picture (const GstVldmUpsampleFrames * frames, const guint8 * picture,
    GstBuffer * buffer)
{
  gsize row = 3 * (gsize) GST_VIDEO_INFO_WIDTH (&frames->out);
  GstVideoFrame out;
  gint y;

  if (!gst_video_frame_map (&out, &frames->out, buffer, GST_MAP_WRITE))
    return FALSE;
  for (y = 0; y < GST_VIDEO_INFO_HEIGHT (&frames->out); y++)
    memcpy ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&out, 0)
        + (gssize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&out, 0),
        picture + y * row, row);
  gst_video_frame_unmap (&out);
  return TRUE;
}

gboolean
gst_vldm_upsample_frames_fill (const GstVldmUpsampleFrames * frames,
    VldmUpsample * stage, guint i, GstBuffer * buffer,
    const VldmProgress * progress, GError ** error)
{
  g_auto (VldmFrames) picture = { 0, };
  gboolean filled;

  if (frames->latents_out) {
    filled = fill_latents (frames, i, buffer);
  } else if (!frames->decodes_frames) {
    filled = fill_picture (frames, vldm_frames_host (&frames->made, i), buffer);
  } else {
    if (!vldm_frames_init (&picture, VLDM_FORMAT_RGB8, 1, 3,
            GST_VIDEO_INFO_HEIGHT (&frames->out),
            GST_VIDEO_INFO_WIDTH (&frames->out), error)
        || !vldm_upsample_decode (stage, &frames->made, i, &picture, progress,
            error))
      return FALSE;
    filled = fill_picture (frames, vldm_frames_host (&picture, 0), buffer);
  }
  if (!filled)
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_READ,
        "downstream's buffer cannot be written");
  return filled;
}
