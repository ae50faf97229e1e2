/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The window of frames that vldmsr is collecting.
 *
 *   window 0   0 1 2 3 4 5 6 7
 *   window 1               6 7 8 9 10 11 12 13
 *
 * Frames 6 and 7 are made twice and blended. After window 0 frames 0 to 5 can leave; 6 and 7 are held, with what was made
 * of them, until window 1 is made or the stream ends. What was made is latents, each decoded when it leaves; only where the
 * decoder has temporal layers it is pictures.
 */
#pragma once

#include <gst/video/video.h>

#include "gst/latents.h"
#include "vldm/stages/upsample.h"

G_BEGIN_DECLS

typedef struct
{
  GstVideoInfo in;              /* pictures that come in; decoded latents are pictures in packed rows */
  GstVideoConverter *converter; /* of those to sRGB; NULL = they are */
  GstVideoInfo out;             /* what goes out, unless @latents_out */
  GstVldmLatents latents;       /* of windows, and what goes out where @latents_out */
  gboolean latents_out;
  gboolean decodes_frames;      /* the decoder has no temporal layers */
  VldmChunks grid;
  GstSegment upstream;          /* as it came: says which frame is which */
  GstSegment segment;           /* as it was asked for: what lies outside does not go out */

  guint64 number;               /* of the window, on the grid that begins at stream time 0 */
  guint64 first;                /* number of its first frame; at a variable rate, in the segment */
  guint64 next;                 /* the number that continues */
  GPtrArray *frames;            /* of GstBuffer, one after the other, that have not left */
  guint32 seed;                 /* that the last window was made with */

  VldmFrames made;              /* of the last window: pictures or latents */
  guint n_left;                 /* its first frames that have left */
  guint n_ready;                /* its first frames that can leave */
} GstVldmUpsampleFrames;

void gst_vldm_upsample_frames_init (GstVldmUpsampleFrames * frames);

/* Frees what init allocated. */
void gst_vldm_upsample_frames_clear (GstVldmUpsampleFrames * frames);

/* What comes in and what goes out. On failure, with VLDM_ERROR_SETTINGS, both stay as they were. */
gboolean gst_vldm_upsample_frames_set_caps (GstVldmUpsampleFrames * frames, const GstCaps * in, const GstCaps * out,
    GError ** error);

/* Takes note of what @model makes of the pictures, before the first of them and after a change of the model. */
gboolean gst_vldm_upsample_frames_set_model (GstVldmUpsampleFrames * frames, VldmModel * model, GError ** error);

/* Forgets all frames. */
void gst_vldm_upsample_frames_flush (GstVldmUpsampleFrames * frames);

/* Begins with a new segment, given as it came and as it was asked for. */
void gst_vldm_upsample_frames_set_segment (GstVldmUpsampleFrames * frames, const GstSegment * upstream,
    const GstSegment * segment);

/* Does @buffer follow the last frame immediately? */
gboolean gst_vldm_upsample_frames_continue (GstVldmUpsampleFrames * frames, GstBuffer * buffer);

/* Adds @buffer (taken), which continues or comes after a flush. TRUE if the window is complete. */
gboolean gst_vldm_upsample_frames_add (GstVldmUpsampleFrames * frames, GstBuffer * buffer);

/* Frames of the window that were not in the one before. */
guint gst_vldm_upsample_frames_new (const GstVldmUpsampleFrames * frames);

/* Makes the window and lets those frames be ready that no later window has a share in: with @last, all. @params has the
 * stream's seed. */
gboolean gst_vldm_upsample_frames_run (GstVldmUpsampleFrames * frames, VldmUpsample * stage,
    const VldmUpsampleParams * params, gboolean last, const VldmProgress * progress, GError ** error);

/* No later window comes: what is held is ready too. */
void gst_vldm_upsample_frames_release (GstVldmUpsampleFrames * frames);

/* The next frame that is ready and that was asked for, as it came in, or NULL. It was frame @i of those that were made, for
 * the function below. */
GstBuffer *gst_vldm_upsample_frames_pop (GstVldmUpsampleFrames * frames, guint * i);

/* Frame @i of those that were made, into @buffer, which has the caps of what goes out; decodes it with @stage where that was
 * left. VLDM_ERROR_READ if @buffer cannot be written. */
gboolean gst_vldm_upsample_frames_fill (const GstVldmUpsampleFrames * frames, VldmUpsample * stage, guint i,
    GstBuffer * buffer, const VldmProgress * progress, GError ** error);

G_END_DECLS
