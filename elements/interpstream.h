/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldminterp does with its frames, apart from pads: it chooses and opens the model, gathers settings, and fills gaps.
 */
#pragma once

#include "elements/interpgap.h"
#include "gst/sampling.h"
#include "gst/worker.h"

G_BEGIN_DECLS

#define GST_VLDM_INTERP_DEFAULT_FACTOR 4

typedef struct
{
  GstElement *element;          /* not owned: outlives this */
  GstVldmWorker *worker;

  /* properties, OBJECT_LOCK of the element */
  gint factor;
  GstVldmSampling sampling;
  GstVldmModelSettings model;

  /* streaming thread only */
  GstVldmGap gap;               /* its rate and factor change under OBJECT_LOCK */
  GstEvent *conditioning;       /* as it came, or NULL */
  gboolean warned;              /* of what the model was not made for */
  gboolean told_rate, told_hole;        /* of caps and times that disagree, and of frames that are missing */

  /* statistics, OBJECT_LOCK */
  guint64 gaps_filled, frames_in, frames_out, interpolate_ns;
} GstVldmInterpStream;

void gst_vldm_interp_stream_init (GstVldmInterpStream * stream, GstElement * element);

/* Frees what init allocated. */
void gst_vldm_interp_stream_clear (GstVldmInterpStream * stream);

/* Begins a stream: checks settings and, if the element has a model of its own, opens that. Posts what is wrong. */
gboolean gst_vldm_interp_stream_start (GstVldmInterpStream * stream);

/* Ends it, and keeps what is loaded. */
void gst_vldm_interp_stream_stop (GstVldmInterpStream * stream);

/* Begins to load the model: the property's, else upstream's, else the default one. Posts what is wrong. */
gboolean gst_vldm_interp_stream_choose_model (GstVldmInterpStream * stream);

/* Makes the left frame ready to go, and those between it and @right. Posts what is wrong. */
GstFlowReturn gst_vldm_interp_stream_fill (GstVldmInterpStream * stream, GstBuffer * right);

/* Says once that frames are missing before @right, so that new ones are, too. */
void gst_vldm_interp_stream_tell_hole (GstVldmInterpStream * stream, GstBuffer * right);

/* Of property "stats". Under the lock. */
GstStructure *gst_vldm_interp_stream_stats (GstVldmInterpStream * stream);

/* Can the video be interpolated, as far as can be told without weights? Posts what is wrong. */
GstFlowReturn gst_vldm_interp_stream_check (GstVldmInterpStream * stream);

G_END_DECLS
