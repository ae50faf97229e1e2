/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents -> pictures, in chunks on an absolute grid: what vldmdec is, and what vldmsr has in front of its windows.
 *
 *   chunk 0   0 1 2 3 4 5 6 7
 *   chunk 1               6 7 8 9 10 11 12 13
 *
 * Frames 6 and 7 are decoded twice and blended. After chunk 0 frames 0 to 5 can leave; 6 and 7 are held, with their
 * pictures, until chunk 1 is decoded or the stream ends.
 *
 *   start               gst_vldm_latent_decoder_start
 *   caps                gst_vldm_latent_decoder_set_caps
 *   frame               gst_vldm_latent_decoder_push, then gst_vldm_latent_decoder_pop until it gives NULL
 *   SEEK event          gst_vldm_latent_decoder_widen; gst_vldm_seek_undo if upstream refuses it
 *   SEGMENT event       gst_vldm_latent_decoder_take_segment, after a drain or a flush
 *   end, discontinuity  gst_vldm_latent_decoder_drain, then pop
 *   FLUSH_STOP          gst_vldm_latent_decoder_flush
 *
 * Its functions belong to the streaming thread, unless their comment says otherwise.
 */
#pragma once

#include "gst/latents.h"
#include "gst/seek.h"
#include "gst/worker.h"

G_BEGIN_DECLS

/* What an element decodes for. */
typedef struct
{
  /* Begins to load the model, with gst_vldm_latent_decoder_open. FALSE after posting what is wrong. */
  gboolean (*choose_model) (GstElement * element);
  /* The number of frames that wait is another one. */
  void (*delay_changed) (GstElement * element);
  GDestroyNotify free_frame;    /* of what was pushed with latents; NULL = nothing is */
  gboolean clips;               /* pictures outside the segment do not come out */
} GstVldmLatentDecoderOwner;

typedef struct _GstVldmLatentDecoder GstVldmLatentDecoder;

/* @element must outlive the decoder. */
GstVldmLatentDecoder *gst_vldm_latent_decoder_new (GstElement * element, const GstVldmLatentDecoderOwner * owner);
void gst_vldm_latent_decoder_free (GstVldmLatentDecoder * decoder);

/* Begins a stream. */
void gst_vldm_latent_decoder_start (GstVldmLatentDecoder * decoder);

/* Asks for chunks of @size frames that share @overlap; -1 = the model's numbers, as without this. At the start, and whenever the
 * model is chosen. */
void gst_vldm_latent_decoder_ask_chunks (GstVldmLatentDecoder * decoder, gint size, gint overlap);

/* stop: forgets all frames, keeps the model loaded. close: releases the model. interrupt: makes running and waiting calls
 * return, or allows them again; any thread. */
void gst_vldm_latent_decoder_stop (GstVldmLatentDecoder * decoder);
void gst_vldm_latent_decoder_close (GstVldmLatentDecoder * decoder);
void gst_vldm_latent_decoder_interrupt (GstVldmLatentDecoder * decoder, gboolean interrupted);

/* Latents come in, or pictures (@latents NULL), which go through as they are. No frame may be left. Takes the OBJECT_LOCK. */
void gst_vldm_latent_decoder_set_caps (GstVldmLatentDecoder * decoder, const GstVldmLatents * latents);
gboolean gst_vldm_latent_decoder_takes_latents (GstVldmLatentDecoder * decoder);

/* Begins to load the model of @settings, unless pictures come in. FALSE after posting what is wrong. */
gboolean gst_vldm_latent_decoder_open (GstVldmLatentDecoder * decoder, const GstVldmModelSettings * settings);

/* Waits until the model is open and its chunks are known. What is wrong has been posted then. */
GstFlowReturn gst_vldm_latent_decoder_check (GstVldmLatentDecoder * decoder);

/* Takes @latents, and @frame, which comes out with their picture. A chunk that is complete then is decoded. */
GstFlowReturn gst_vldm_latent_decoder_push (GstVldmLatentDecoder * decoder, GstBuffer * latents, gpointer frame);

/* No frame continues the chunk: decodes the rest. */
GstFlowReturn gst_vldm_latent_decoder_drain (GstVldmLatentDecoder * decoder);

/* Forgets all frames. */
void gst_vldm_latent_decoder_flush (GstVldmLatentDecoder * decoder);

/* The next picture, with times and flags of its latents, in packed rows of RGB if it was decoded, or NULL. @frame (may be NULL)
 * is what was pushed with it. */
GstBuffer *gst_vldm_latent_decoder_pop (GstVldmLatentDecoder * decoder, gpointer * frame);

/* Calls @func for each pushed frame that has not come out. */
void gst_vldm_latent_decoder_foreach (GstVldmLatentDecoder * decoder, GFunc func, gpointer user_data);

/* Seeks from what is wanted of the output to whole chunks. The OBJECT_LOCK as gst/seek.h says. */
GstVldmSeek *gst_vldm_latent_decoder_seek (GstVldmLatentDecoder * decoder);

/* Widens the seek @event (taken) to whole chunks; NULL if it cannot be done. Any thread. */
GstEvent *gst_vldm_latent_decoder_widen (GstVldmLatentDecoder * decoder, GstEvent * event);

/* A GstVldmWiden for VldmChunks: to whole ones. */
void gst_vldm_chunks_widen (gconstpointer grid, guint64 * first, guint64 * end);

/* Takes note of the segment @event (taken) and returns it as the output has it. Under the OBJECT_LOCK. */
GstEvent *gst_vldm_latent_decoder_take_segment (GstVldmLatentDecoder * decoder, GstEvent * event);

/* How many frames wait for a chunk. Under the OBJECT_LOCK, or in the streaming thread. */
guint gst_vldm_latent_decoder_delay (GstVldmLatentDecoder * decoder);

/* Adds "chunks-decoded", "decode-time" (ns), "device" and "device-bytes" to @stats. Under the OBJECT_LOCK. */
void gst_vldm_latent_decoder_add_stats (GstVldmLatentDecoder * decoder, GstStructure * stats);

G_END_DECLS
