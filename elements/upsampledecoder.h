/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The way of frames into vldmsr's windows: pictures go through as they come; latents are decoded first, in the same
 * chunks and with the same result as by vldmdec in front of vldmsr.
 */
#pragma once

#include "elements/decodechunk.h"
#include "gst/seek.h"
#include "gst/worker.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;          /* not owned: outlives this */
  GstVldmWorker *worker;        /* of the decoder */

  GstVldmLatents latents;       /* what comes in; width 0 = pictures, and nothing is decoded */
  VldmChunks grid;              /* OBJECT_LOCK of the element to write */
  gboolean grid_known;          /* else it is a guess */
  GstVldmChunk chunk;           /* its frames are GstBuffers of latents */
  guint64 next;                 /* number of the frame that continues the chunk */
  GstVldmSeek seek;             /* from what windows need to whole chunks; OBJECT_LOCK */
  GstSegment upstream;          /* as it came: says which frame is which */
  GstSegment segment;           /* what windows need: what lies outside is not passed on */
  GQueue pictures;              /* of GstBuffer, in packed rows if they were latents; they wait for their window */
} GstVldmUpsampleDecoder;

void gst_vldm_upsample_decoder_init (GstVldmUpsampleDecoder * decoder, GstElement * element);

/* Frees what init allocated. */
void gst_vldm_upsample_decoder_clear (GstVldmUpsampleDecoder * decoder);

/* Nothing is known of a stream yet. */
void gst_vldm_upsample_decoder_start (GstVldmUpsampleDecoder * decoder);

/* Pictures or latents come in. On failure, with VLDM_ERROR_SETTINGS, all stays as it was. Under the lock. */
gboolean gst_vldm_upsample_decoder_set_caps (GstVldmUpsampleDecoder * decoder, const GstCaps * caps, GError ** error);

gboolean gst_vldm_upsample_decoder_takes_latents (const GstVldmUpsampleDecoder * decoder);

/* Begins to load the model of the latents, unless pictures come in. */
gboolean gst_vldm_upsample_decoder_open (GstVldmUpsampleDecoder * decoder, const GstVldmModelSettings * settings,
    GError ** error);

/* Forgets all frames. */
void gst_vldm_upsample_decoder_flush (GstVldmUpsampleDecoder * decoder);

/* Takes @buffer; pictures that are ready then are in the queue. Posts what is wrong. */
GstFlowReturn gst_vldm_upsample_decoder_push (GstVldmUpsampleDecoder * decoder, GstBuffer * buffer);

/* No frame continues the chunk: pictures of all that came are ready. */
GstFlowReturn gst_vldm_upsample_decoder_drain (GstVldmUpsampleDecoder * decoder);

/* Takes note of the segment @event (taken) and returns it as windows see it. Under the lock. */
GstEvent *gst_vldm_upsample_decoder_take_segment (GstVldmUpsampleDecoder * decoder, GstEvent * event);

/* Widens the seek @event (taken), which asks for what windows need, to whole chunks; NULL if it cannot be done. */
GstEvent *gst_vldm_upsample_decoder_widen (GstVldmUpsampleDecoder * decoder, GstEvent * event);

/* How many frames wait here for a chunk. Under the lock. */
guint gst_vldm_upsample_decoder_delay (const GstVldmUpsampleDecoder * decoder);

G_END_DECLS
