/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the two files of vldmdec share: vldmdec.c is the element (properties, states, caps, events), vldmdecframes.c takes
 * frames of latents and pushes pictures.
 */
#pragma once

#include "elements/decodechunk.h"
#include "elements/vldmdec.h"
#include "gst/latents.h"
#include "gst/seek.h"
#include "gst/worker.h"

G_BEGIN_DECLS

struct _GstVldmDec
{
  GstVideoDecoder parent;

  /* properties, OBJECT_LOCK */
  GstVldmModelSettings model;
  gint chunk_frames, chunk_overlap;

  GstVldmWorker *worker;
  GstVldmSeek seek;             /* OBJECT_LOCK */

  /* stream, STREAM_LOCK */
  GstVldmLatents latents;       /* what comes in */
  GstVideoInfo info;            /* what goes out */
  GstSegment upstream;          /* the segment as it came */
  GstSegment segment;           /* the segment as it was asked for */
  char *upstream_model;         /* from vldm-conditioning */

  VldmChunks grid;              /* OBJECT_LOCK to write */
  gboolean grid_known;          /* else it is a guess */
  GstVldmChunk chunk;
  guint64 next;                 /* number of the frame that continues the chunk */

  /* statistics, OBJECT_LOCK */
  guint64 chunks_decoded, frames_in, frames_out, decode_ns;
};

/* Which of the model's autoencoders made the latents. */
VldmLatentSpace gst_vldm_dec_space (GstVldmDec * self);

/* Begins to load the model: the property's, else upstream's, else the default one. */
gboolean gst_vldm_dec_choose_model (GstVldmDec * self);

/* Tells how many frames are held back. */
void gst_vldm_dec_update_latency (GstVldmDec * self);

/* Waits until the model is open, and takes its chunks. Posts what is wrong. */
GstFlowReturn gst_vldm_dec_find_grid (GstVldmDec * self);

/* Nobody wants the collected frames any more. */
void gst_vldm_dec_forget (GstVldmDec * self);

/* GstVideoDecoder's. drain: no frame continues the chunk, so all that is there is decoded and pushed. */
GstFlowReturn gst_vldm_dec_drain (GstVideoDecoder * decoder);
GstFlowReturn gst_vldm_dec_handle_frame (GstVideoDecoder * decoder, GstVideoCodecFrame * frame);

G_END_DECLS
