/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GstVldmFilter: an element that collects frames and runs a stage on some of them at a time, such as vldminterp and vldmsr.
 * Here is what they have in common: properties of model and sampling, the worker, what video was made from, states, seeks
 * widened to what the stage needs, draining at events, statistics and latency. A subclass fills in the class below and those
 * functions of GstBaseTransform that are about caps.
 *
 *   frame    take, then pop until it gives NULL
 *   border   end, pop until NULL, flush: before a segment, other caps, a gap, video of other origin, and at EOS
 *   seek     flush, if the seek has been answered; get_rate and widen when it comes
 *
 * Latents are decoded first if the class says so; take gets pictures then.
 */
#pragma once

#include <gst/base/gstbasetransform.h>

#include "gst/conditioning.h"
#include "gst/latentdecoder.h"
#include "gst/sampling.h"
#include "gst/seek.h"
#include "gst/worker.h"

G_BEGIN_DECLS

#define GST_TYPE_VLDM_FILTER (gst_vldm_filter_get_type ())
G_DECLARE_DERIVABLE_TYPE (GstVldmFilter, gst_vldm_filter, GST, VLDM_FILTER, GstBaseTransform)

/* Functions belong to the streaming thread, and post what is wrong, unless their comment says otherwise. */
struct _GstVldmFilterClass
{
  GstBaseTransformClass parent_class;

  const GstVldmStageClass *stage;
  gboolean decodes;             /* latents that come in are decoded first */
  /* Names in property "stats": of the structure, of how often the stage ran, and of the time it took (ns). */
  const char *stats, *runs, *run_time;

  /* Can the stage run with the settings, and for the caps, as far as can be told without weights? @model NULL: with any model,
   * at the start. */
  gboolean (*check) (GstVldmFilter * filter, VldmModel * model, GError ** error);
  /* A stream begins: what was learnt from the last one is forgotten. May be NULL. */
  void (*reset) (GstVldmFilter * filter);
  /* Another model is being loaded. May be NULL. */
  void (*model_changed) (GstVldmFilter * filter);
  /* A gap is about to go out, and may preroll sinks before the first frame. May be NULL. */
  void (*before_gap) (GstVldmFilter * filter);
  /* The conditioning (taken) as downstream gets it; NULL = not at all. NULL for the function: as it came. */
  GstEvent *(*forward) (GstVldmFilter * filter, GstEvent * conditioning);

  /* Takes @frame, and runs the stage if that completes what it needs. */
  GstFlowReturn (*take) (GstVldmFilter * filter, GstBuffer * frame);
  /* No frame continues those that were taken: all of them become ready. */
  GstFlowReturn (*end) (GstVldmFilter * filter);
  /* The next frame that is ready, or NULL. */
  GstFlowReturn (*pop) (GstVldmFilter * filter, GstBuffer ** frame);
  /* Forgets all frames. */
  void (*flush) (GstVldmFilter * filter);

  /* A segment begins, given as it came and as it was asked for. */
  void (*set_segment) (GstVldmFilter * filter, const GstSegment * upstream, const GstSegment * segment);
  /* Frame rate of what goes out, 0/1 = variable. Under the OBJECT_LOCK, any thread. */
  void (*get_rate) (GstVldmFilter * filter, gint * fps_n, gint * fps_d);
  /* Widens a seek, with the filter as stage: see gst/seek.h. */
  GstVldmWiden widen;
  /* How long the first frame waits for others. Under the OBJECT_LOCK, any thread. */
  GstClockTime (*get_latency) (GstVldmFilter * filter);
};

/* What is private to a filter, but read by its subclasses: OBJECT_LOCK for the properties. */
GstVldmWorker *gst_vldm_filter_worker (GstVldmFilter * filter);
GstVldmLatentDecoder *gst_vldm_filter_decoder (GstVldmFilter * filter);

/* With TRUE frames go through unchanged: no model is loaded. From now on. */
void gst_vldm_filter_set_idle (GstVldmFilter * filter, gboolean idle);

/* TRUE if the model is known: the property's, or the one that upstream named. */
gboolean gst_vldm_filter_knows_model (GstVldmFilter * filter);

/* What the video was made from; zeros where nothing said so. Strings belong to the filter. */
void gst_vldm_filter_get_conditioning (GstVldmFilter * filter, GstVldmConditioning * conditioning);

/* Takes note of what @event says the video is made from; frames of another origin are drained before. FALSE if that is no
 * news. */
gboolean gst_vldm_filter_take_conditioning (GstVldmFilter * filter, GstEvent * event);

/* Puts properties, else the conditioning, over the model's values in @sampling. Its seed is the stream's. VLDM_ERROR_TEXT
 * names the property. Any thread. */
gboolean gst_vldm_filter_read_sampling (GstVldmFilter * filter, VldmSampling * sampling, GstVldmSamplingTexts * texts,
    GError ** error);

/* What is wrong with the sampling properties for any model: VLDM_ERROR_SETTINGS. Any thread. */
gboolean gst_vldm_filter_check_steps (GstVldmFilter * filter, GError ** error);

/* Asks the class's check, with the model. GST_FLOW_ERROR: what is wrong has been posted. */
GstFlowReturn gst_vldm_filter_check (GstVldmFilter * filter);

/* Waits for the model's configurations; with @stage not NULL for the stage, too. The loading thread posts what is wrong. */
GstFlowReturn gst_vldm_filter_wait (GstVldmFilter * filter, VldmModel ** model, gpointer * stage);

/* After a call of the stage that began at monotonic time @start, with its @error or NULL: counts it as @n_runs, posts what is
 * wrong while @context ("upsampling"), and gives what the streaming thread returns. */
GstFlowReturn gst_vldm_filter_ran (GstVldmFilter * filter, gint64 start, guint n_runs, const char *context,
    const GError * error);

/* No frame continues those that were taken, or that are to be decoded: pushes all. */
GstFlowReturn gst_vldm_filter_end (GstVldmFilter * filter);
GstFlowReturn gst_vldm_filter_drain (GstVldmFilter * filter);

G_END_DECLS
