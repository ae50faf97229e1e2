/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frame that a video begins with, as latents from a sink pad. Later frames there are dropped, with one warning, but the
 * first one after a flush takes its place: the source's pad is marked for reconfiguration then.
 */
#pragma once

#include "gst/sidepad.h"
#include "gst/latents.h"

G_BEGIN_DECLS

typedef struct
{
  GstVldmSidePad side;

  /* side.lock */
  GstVldmLatents latents;       /* as the last caps say; width 0 = none yet */
  guint settled;                /* 1: they are those of the frame, which may be still to come */
  VldmFrames frame;             /* count 0 = none yet */
  guint serial;                 /* of the frame: how many flushes came before it */
  gboolean warned;
} GstVldmFirstFrame;

void gst_vldm_first_frame_init (GstVldmFirstFrame * first, GstElement * element);
void gst_vldm_first_frame_clear (GstVldmFirstFrame * first);

/* Forgets what came, for a new start. */
void gst_vldm_first_frame_reset (GstVldmFirstFrame * first);

/* 1 if there will be such a frame, else 0. */
guint gst_vldm_first_frame_count (GstVldmFirstFrame * first);

/* Wait for its caps and serial number, or for a copy of the frame. GST_FLOW_FLUSHING: interrupted; GST_FLOW_ERROR: the stream
 * ended without, which has been posted. Only where the pad is requested. */
GstFlowReturn gst_vldm_first_frame_wait_caps (GstVldmFirstFrame * first, GstVldmLatents * latents, guint * serial);
GstFlowReturn gst_vldm_first_frame_wait (GstVldmFirstFrame * first, VldmFrames * frame);

G_END_DECLS
