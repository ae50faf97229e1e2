/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of vldmsrc share: vldmsrc.c is the element (properties, pads, states, caps), vldmsrctime.c has its seeks and
 * queries, vldmsrcframes.c gives its frames, one after the other.
 */
#pragma once

#include "elements/firstframe.h"
#include "elements/keyframechain.h"
#include "elements/storyboard.h"
#include "elements/vldmsrc.h"
#include "gst/worker.h"

G_BEGIN_DECLS

struct _GstVldmSrc
{
  GstPushSrc parent;

  GstVldmSettings settings;     /* OBJECT_LOCK */
  GstVldmWorker *worker;

  GstVldmStoryboard storyboard;
  GstVldmFirstFrame first_frame;

  /* stream, streaming thread only unless it stands still */
  GstVldmLatents latents;       /* negotiated; width 0 = not yet */
  VldmKeyframesParams defaults; /* the model's */
  gint default_fps_n, default_fps_d;
  guint n_given;                /* frames that the video begins with */
  guint given_serial;           /* which of those that came */
  GstVldmChain *chain;
  guint64 agreed;               /* windows of the chain that are known to agree with settings and storyboard */
  guint64 window;               /* of the chain, the one that frames are pushed from */
  guint64 next;                 /* number of the frame to push */
  gboolean renewed;             /* new start or caps: nothing was shown that would have to stay as it was */
  gboolean repositioned;        /* `next` is to be taken from the segment */
  GstVldmRecipe *announced;     /* downstream knows its texts and seed; NULL = nothing */
  guint32 seek_seqnum;          /* of the last seek; GST_SEQNUM_INVALID = none yet */
  guint32 start_seqnum;         /* of playing from the start */
  guint32 base_seqnum;          /* what the base class has instead of that; GST_SEQNUM_INVALID = not known yet */

  /* read by queries, OBJECT_LOCK */
  GstVldmLatents given;         /* caps of those frames; width 0 = none */
  guint64 n_frames;             /* of the whole stream, G_MAXUINT64 = endless, 0 = not known yet */
  guint64 n_made;               /* frames that were made, from the first on */

  /* statistics, OBJECT_LOCK */
  guint64 windows_made, windows_reused, frames_pushed, generate_ns;
};

/* The settings as they are now, for the negotiated caps. NULL if @model cannot make that. */
GstVldmRecipe *gst_vldm_src_read_settings (GstVldmSrc * self, VldmModel * model, GError ** error);

/* Duration of the stream, GST_CLOCK_TIME_NONE if it is endless or not negotiated yet. Under the OBJECT_LOCK. */
GstClockTime gst_vldm_src_duration (GstVldmSrc * self);

/* Seeks and queries: of an instance and of the class. */
void gst_vldm_src_init_time (GstVldmSrc * self);
void gst_vldm_src_install_time (GstVldmSrcClass * klass);

/* GstPushSrc's: the next frame. */
GstFlowReturn gst_vldm_src_create (GstPushSrc * push, GstBuffer ** buf);

G_END_DECLS
