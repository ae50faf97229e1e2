/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames between floors: latents or pictures in host memory.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  VLDM_FORMAT_F32LE,            /* latents, planar [channels, height, width] per frame */
  VLDM_FORMAT_F16LE,            /* the same in half precision */
  VLDM_FORMAT_RGB8,             /* pictures, packed rows of 3 * width bytes; channels = 3 */
} VldmFormat;

/* `count` frames of one shape, one after the other without gaps. */
typedef struct
{
  VldmFormat format;
  guint count;
  guint channels, height, width;
  guint8 *host;
} VldmFrames;

/* Bytes of one frame and of all; 0 if the shape is empty or overflows. */
gsize vldm_frames_frame_size (const VldmFrames * frames);
gsize vldm_frames_size (const VldmFrames * frames);

/* Fills in the shape and allocates zeroed host memory. Fails with VLDM_ERROR_SETTINGS on an empty or absurd shape. */
gboolean vldm_frames_init (VldmFrames * frames, VldmFormat format, guint count, guint channels, guint height,
    guint width, GError ** error);
void vldm_frames_clear (VldmFrames * frames);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VldmFrames, vldm_frames_clear);

/* Start of frame @i in host memory. */
guint8 *vldm_frames_host (const VldmFrames * frames, guint i);

G_END_DECLS
