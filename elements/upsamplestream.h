/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldmsr does with its frames, apart from pads: it chooses and opens the model, gathers settings, and makes windows.
 */
#pragma once

#include "elements/upsampledecoder.h"
#include "elements/upsamplesettings.h"
#include "elements/upsamplewindow.h"
#include "gst/worker.h"

G_BEGIN_DECLS

typedef struct
{
  GstElement *element;          /* not owned: outlives this */
  GstVldmWorker *worker;

  /* properties, OBJECT_LOCK of the element */
  GstVldmUpsampleSettings settings;
  GstVldmModelSettings model;

  /* streaming thread only */
  GstVldmUpsampleDecoder decoder;       /* of latents that come in */
  GstVldmUpsampleFrames frames; /* its formats and grid change under OBJECT_LOCK */
  gboolean grid_known;          /* else it is a guess */
  gboolean paced;               /* the clock has waited for this window */
  GstEvent *conditioning;       /* as it came, or NULL */

  /* statistics, OBJECT_LOCK */
  guint64 windows_made, frames_in, frames_out, upsample_ns;
} GstVldmUpsampleStream;

void gst_vldm_upsample_stream_init (GstVldmUpsampleStream * stream, GstElement * element);

/* Frees what init allocated. */
void gst_vldm_upsample_stream_clear (GstVldmUpsampleStream * stream);

/* Begins a stream: checks settings and, if the element has a model of its own, opens that. Posts what is wrong. */
gboolean gst_vldm_upsample_stream_start (GstVldmUpsampleStream * stream);

/* Ends it, and keeps what is loaded; gives that back; interrupts what is loaded and what runs. */
void gst_vldm_upsample_stream_stop (GstVldmUpsampleStream * stream);
void gst_vldm_upsample_stream_close (GstVldmUpsampleStream * stream);
void gst_vldm_upsample_stream_interrupt (GstVldmUpsampleStream * stream, gboolean interrupted);

/* FALSE if only upstream can say which model is used, and has not yet. */
gboolean gst_vldm_upsample_stream_knows_model (GstVldmUpsampleStream * stream);

/* Begins to load models. That of the upsampler is the property's, else upstream's, else the default one; that of latents
 * that come in is upstream's, else the same. Posts what is wrong. */
gboolean gst_vldm_upsample_stream_choose_models (GstVldmUpsampleStream * stream);

/* Model and stage, once they are loaded. What is wrong with them has been posted then. */
GstFlowReturn gst_vldm_upsample_stream_wait (GstVldmUpsampleStream * stream, VldmModel ** model, gpointer * stage);

/* The model's own windows, once it is open and settings were found to suit it; until then they are those of most. */
GstFlowReturn gst_vldm_upsample_stream_find_grid (GstVldmUpsampleStream * stream);

/* Takes @buffer, as it came in; pictures that are ready then are the decoder's. Posts what is wrong. */
GstFlowReturn gst_vldm_upsample_stream_push (GstVldmUpsampleStream * stream, GstBuffer * buffer);

/* Upsamples what was collected; with @last, no later window has a share in it. Posts what is wrong. */
GstFlowReturn gst_vldm_upsample_stream_run (GstVldmUpsampleStream * stream, gboolean last);

/* Fills @buffer with what was made of a frame, @i from gst_vldm_upsample_frames_pop. Posts what is wrong. */
GstFlowReturn gst_vldm_upsample_stream_fill (GstVldmUpsampleStream * stream, guint i, GstBuffer * buffer);

/* The event for what decodes latents that go out: what the video was made from, and the model whose latents they are. Only
 * while a model is open. */
GstEvent *gst_vldm_upsample_stream_origin (GstVldmUpsampleStream * stream);

/* Of property "stats". Under the lock. */
GstStructure *gst_vldm_upsample_stream_stats (GstVldmUpsampleStream * stream);

/* Can the video be upsampled, as far as can be told without weights? Posts what is wrong. */
GstFlowReturn gst_vldm_upsample_stream_check (GstVldmUpsampleStream * stream);

G_END_DECLS
