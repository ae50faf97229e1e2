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
} GstVldmSrWindow;

void gst_vldm_sr_window_init (GstVldmSrWindow * window);

/* Frees what init allocated. */
void gst_vldm_sr_window_clear (GstVldmSrWindow * window);

/* The windows of most models, assumed for latency and seeks while no model is open that knows better. */
void gst_vldm_sr_window_guess_grid (GstVldmSrWindow * window);

/* What comes in and what goes out. On failure, with VLDM_ERROR_SETTINGS, both stay as they were. */
gboolean gst_vldm_sr_window_set_caps (GstVldmSrWindow * window, const GstCaps * in, const GstCaps * out,
    GError ** error);

/* Takes note of what @model makes of the pictures, before the first of them and after a change of the model. */
gboolean gst_vldm_sr_window_set_model (GstVldmSrWindow * window, VldmModel * model, GError ** error);

/* Forgets all frames. */
void gst_vldm_sr_window_flush (GstVldmSrWindow * window);

/* Begins with a new segment, given as it came and as it was asked for. */
void gst_vldm_sr_window_set_segment (GstVldmSrWindow * window, const GstSegment * upstream,
    const GstSegment * segment);

/* Does @buffer follow the last frame immediately? */
gboolean gst_vldm_sr_window_continue (GstVldmSrWindow * window, GstBuffer * buffer);

/* Adds @buffer (taken), which continues or comes after a flush. TRUE if the window is complete. */
gboolean gst_vldm_sr_window_add (GstVldmSrWindow * window, GstBuffer * buffer);

/* Frames of the window that were not in the one before. */
guint gst_vldm_sr_window_new (const GstVldmSrWindow * window);

/* What vldm_upsample_run takes for the window. */
typedef struct
{
  VldmUpsampleParams params;    /* with the stream's seed, then the window's */
  VldmUpsampleWindow place;
  VldmFrames rgb;
  VldmFrames *latents, *pictures;       /* the window's memory; one is NULL */
} GstVldmSrRun;

void gst_vldm_sr_run_clear (GstVldmSrRun * run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstVldmSrRun, gst_vldm_sr_run_clear)

/* Prepares @run, whose params are given, for the window; with @last, no later one has a share in its frames. */
gboolean gst_vldm_sr_window_begin (GstVldmSrWindow * window, gboolean last, GstVldmSrRun * run, GError ** error);

/* The run ended: if it was @done, the frames that no later window overlaps are ready (all of them with @last), else all frames
 * are forgotten. */
void gst_vldm_sr_window_ran (GstVldmSrWindow * window, gboolean last, gboolean done);

/* No later window comes: what is held is ready too. */
void gst_vldm_sr_window_release (GstVldmSrWindow * window);

/* The next frame that is ready and that was asked for, as it came in, or NULL. It was frame @i of those that were made, for
 * the function below. */
GstBuffer *gst_vldm_sr_window_pop (GstVldmSrWindow * window, guint * i);

/* Frame @i of those that were made, as it goes out: latents, or a packed picture, decoded by @stage into @picture where that was
 * left. NULL on failure. */
const guint8 *gst_vldm_sr_window_get (const GstVldmSrWindow * window, VldmUpsample * stage, guint i,
    VldmFrames * picture, const VldmProgress * progress, GError ** error);

G_END_DECLS
