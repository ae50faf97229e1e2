/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sizes and host memory of frames. Every size is computed with overflow checks, since shapes come from caps and files.
 */
#include "vldm/frames.h"

#include "vldm/error.h"

static gsize
element_size (VldmFormat format)
{
  switch (format) {
    case VLDM_FORMAT_F32LE:
      return 4;
    case VLDM_FORMAT_F16LE:
      return 2;
    case VLDM_FORMAT_RGB8:
      return 1;
  }
  return 0;
}

gsize
vldm_frames_frame_size (const VldmFrames * frames)
{
  gsize size = element_size (frames->format);

  if (!g_size_checked_mul (&size, size, frames->channels)
      || !g_size_checked_mul (&size, size, frames->height)
      || !g_size_checked_mul (&size, size, frames->width))
    return 0;
  return size;
}

gsize
vldm_frames_size (const VldmFrames * frames)
{
  gsize size;

  if (!g_size_checked_mul (&size, vldm_frames_frame_size (frames),
          frames->count))
    return 0;
  return size;
}

gboolean
vldm_frames_init (VldmFrames * frames, VldmFormat format, guint count,
    guint channels, guint height, guint width, GError ** error)
{
  gsize size;

  *frames = (VldmFrames) {
  .format = format,.count = count,.channels = channels,.height =
        height,.width = width,};
  size = vldm_frames_size (frames);
  if (size > 0 && size <= G_MAXSSIZE)
    frames->host = g_try_malloc0 (size);
  if (frames->host)
    return TRUE;

  if (size == 0)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u frames of %u channels and %u x %u pixels: every number must be at "
        "least 1, and their product must fit the address space", count,
        channels, width, height);
  else
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u frames of %u channels and %u x %u pixels need %" G_GSIZE_FORMAT
        " bytes, more than this machine gives: use fewer or smaller frames",
        count, channels, width, height, size);
  return FALSE;
}

void
vldm_frames_clear (VldmFrames * frames)
{
  g_clear_pointer (&frames->host, g_free);
  *frames = (VldmFrames) {
  0};
}

guint8 *
vldm_frames_host (const VldmFrames * frames, guint i)
{
  g_return_val_if_fail (frames->host && i < frames->count, NULL);

  return frames->host + i * vldm_frames_frame_size (frames);
}
