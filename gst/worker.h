/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an element needs to run a stage: it opens the model and makes the stage in a thread of its own, so that no state
 * change waits for weights and a flushing seek does not throw away what is half loaded; it posts progress and errors; and
 * it can be interrupted at any time.
 *
 *   start               gst_vldm_worker_open         begins to load, or keeps what is loaded
 *   streaming thread    gst_vldm_worker_wait_stage   then run the stage with gst_vldm_worker_progress
 *                       gst_vldm_worker_end          after each run
 *   unlock, flush       gst_vldm_worker_interrupt
 *   stop                gst_vldm_worker_settle       keeps the model for the next start
 *   READY to NULL       gst_vldm_worker_close        gives it back
 */
#pragma once

#include <gst/gst.h>

#include "gst/modelsettings.h"

G_BEGIN_DECLS

/* Which stage an element runs. */
typedef struct
{
  /* Whether the model can run the stage, from its configurations: asked before weights are loaded. */
  gboolean (*check_model) (VldmModel * model, GError ** error);
  gpointer (*new_stage) (VldmModel * model, const VldmProgress * progress, GError ** error);
  void (*free_stage) (gpointer stage);
} GstVldmStageClass;

/* Defines @name, the GstVldmStageClass of a stage with functions of its own type. */
#define GST_VLDM_STAGE(name, check, new, free)                                \
    static gpointer                                                           \
    name##_new (VldmModel * model, const VldmProgress * progress,             \
        GError ** error)                                                      \
    {                                                                         \
      return new (model, progress, error);                                    \
    }                                                                         \
                                                                              \
    static void                                                               \
    name##_free (gpointer stage)                                              \
    {                                                                         \
      free (stage);                                                           \
    }                                                                         \
                                                                              \
    static const GstVldmStageClass name = { check, name##_new, name##_free }

typedef struct _GstVldmWorker GstVldmWorker;

/* @element must outlive the worker. */
GstVldmWorker *gst_vldm_worker_new (GstElement * element, const GstVldmStageClass * stage_class);
void gst_vldm_worker_free (GstVldmWorker * worker);

/* Begins to load the model that @settings stand for. What is loaded stays if it is the same, and @kept (may be NULL) is
 * TRUE then. Quick: a folder that is not there fails at once, all else later, in the wait functions. */
gboolean gst_vldm_worker_open (GstVldmWorker * worker, const GstVldmModelSettings * settings, gboolean * kept,
    GError ** error);
gboolean gst_vldm_worker_is_open (GstVldmWorker * worker);

/* Changes which stage is made. FALSE: it was another, and what is open was closed; no thread may be waiting. */
gboolean gst_vldm_worker_use (GstVldmWorker * worker, const GstVldmStageClass * stage_class);

/* Real path of the model folder; valid while open. */
const char *gst_vldm_worker_folder (GstVldmWorker * worker);

/* Cancels what is still loading, waits for its end (within 200 ms, or one kernel build) and gives the model back. No
 * thread may be waiting. */
void gst_vldm_worker_close (GstVldmWorker * worker);

/* The same, unless the stage is there and its last run was no failure. */
void gst_vldm_worker_settle (GstVldmWorker * worker);

/* Wait for the model's configurations, or for the stage. GST_FLOW_ERROR: loading failed, and the loading thread has
 * posted why; GST_FLOW_FLUSHING: interrupted. Results stay the worker's. */
GstFlowReturn gst_vldm_worker_wait_model (GstVldmWorker * worker, VldmModel ** model);
GstFlowReturn gst_vldm_worker_wait_stage (GstVldmWorker * worker, gpointer * stage);

/* For the stage's calls. */
const VldmProgress *gst_vldm_worker_progress (GstVldmWorker * worker);

/* After a call of the stage, with its error or NULL: ends the progress messages, posts an error that @context ("decoding")
 * belongs to, and gives what the streaming thread returns. */
GstFlowReturn gst_vldm_worker_end (GstVldmWorker * worker, const GError * error, const char *context);

/* Makes waits and the stage's call end at once, or possible again; loading goes on. Any thread. */
void gst_vldm_worker_interrupt (GstVldmWorker * worker, gboolean interrupted);
gboolean gst_vldm_worker_is_interrupted (GstVldmWorker * worker);

/* Adds "device" and "device-bytes", memory in use by this process, to @stats. Any thread. */
void gst_vldm_worker_add_stats (GstVldmWorker * worker, GstStructure * stats);

G_END_DECLS
