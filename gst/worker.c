/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an element needs to run a stage.
 */
#include "gst/worker.h"

#include "gst/error.h"
#include "gst/log.h"
#include "gst/models.h"
#include "gst/progress.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_WORKER)

struct _GstVldmWorker
{
  GstElement *element;
  const GstVldmStageClass *stage_class;
  GstVldmProgress loading;      /* of the thread */
  GstVldmProgress running;      /* of the streaming thread */
  gboolean failed;              /* the stage may be in disorder */

  /* what was opened; thread NULL = nothing */
  GThread *thread;
  char *folder, *device;
  VldmPrecision precision;

  /* lock */
  GMutex lock;
  GCond changed;
  gpointer model;               /* VldmModel */
  gpointer stage;
  GstFlowReturn result;         /* GST_FLOW_OK while loading and when loaded */
  gboolean interrupted;
};

GstVldmWorker *
gst_vldm_worker_new (GstElement * element,
    const GstVldmStageClass * stage_class)
{
  GstVldmWorker *worker = g_new0 (GstVldmWorker, 1);

  worker->element = element;
  worker->stage_class = stage_class;
  gst_vldm_progress_init (&worker->loading, element);
  gst_vldm_progress_init (&worker->running, element);
  g_mutex_init (&worker->lock);
  g_cond_init (&worker->changed);
  return worker;
}

void
gst_vldm_worker_free (GstVldmWorker * worker)
{
  gst_vldm_worker_close (worker);
  g_mutex_clear (&worker->lock);
  g_cond_clear (&worker->changed);
  g_free (worker);
}

static void
publish (GstVldmWorker * worker, gpointer * field, gpointer value,
    GstFlowReturn result)
{
  g_mutex_lock (&worker->lock);
  *field = value;
  worker->result = result;
  g_cond_broadcast (&worker->changed);
  g_mutex_unlock (&worker->lock);
}

/* Said once for each loading: a setting that has no effect looks like one that does not help. */
static void
warn_of_precision (GstVldmWorker * worker, VldmModel * model)
{
  const VldmProgress *progress = &worker->loading.callbacks;
  g_autofree char *message = NULL;

  if (worker->precision != VLDM_PRECISION_BF16
      || vldm_model_weights_type (model) == OCL_BF16)
    return;
  message = g_strdup_printf ("precision=bf16 has no effect: %s does not "
      "multiply in bf16, so f32 is used",
      ocl_device_description (vldm_model_device (model)));
  progress->warn (message, progress->user_data);
}

static gpointer
load (gpointer data)
{
  GstVldmWorker *worker = data;
  GstFlowReturn flow = GST_FLOW_OK;
  g_autoptr (GError) error = NULL;
  VldmModel *model;
  gpointer stage;

  model = gst_vldm_models_acquire (worker->folder, worker->device,
      worker->precision, &error);
  if (model != NULL && !worker->stage_class->check_model (model, &error)) {
    gst_vldm_models_release (model);
    model = NULL;
  }
  if (model == NULL)
    flow = gst_vldm_fail (worker->element, error, "opening the model");
  publish (worker, &worker->model, model, flow);
  if (model == NULL)
    return NULL;

  warn_of_precision (worker, model);
  stage = worker->stage_class->new_stage (model, &worker->loading.callbacks,
      &error);
  if (stage == NULL)
    flow = gst_vldm_fail (worker->element, error, "loading the model");
  GST_DEBUG_OBJECT (worker->element, "loaded: %s", gst_flow_get_name (flow));
  gst_vldm_progress_end (&worker->loading, error);
  publish (worker, &worker->stage, stage, flow);
  return NULL;
}

gboolean
gst_vldm_worker_open (GstVldmWorker * worker,
    const GstVldmModelSettings * settings, gboolean * kept, GError ** error)
{
  g_autofree char *folder = vldm_folder_resolve (settings->path, error);
  gboolean same;

  if (folder == NULL)
    return FALSE;

  same = worker->thread != NULL && g_str_equal (worker->folder, folder)
      && g_strcmp0 (worker->device, settings->device) == 0
      && worker->precision == settings->precision;
  if (kept != NULL)
    *kept = same;
  GST_DEBUG_OBJECT (worker->element, "model %s (asked for: %s), device %s: %s",
      folder, GST_STR_NULL (settings->path), GST_STR_NULL (settings->device),
      same ? "kept" : "loading");
  if (same)
    return TRUE;

  gst_vldm_worker_close (worker);
  worker->folder = g_steal_pointer (&folder);
  worker->device = g_strdup (settings->device);
  worker->precision = settings->precision;
  worker->thread = g_thread_new ("vldm-load", load, worker);
  return TRUE;
}

gboolean
gst_vldm_worker_is_open (GstVldmWorker * worker)
{
  return worker->thread != NULL;
}

gboolean
gst_vldm_worker_use (GstVldmWorker * worker,
    const GstVldmStageClass * stage_class)
{
  if (worker->stage_class == stage_class)
    return TRUE;
  gst_vldm_worker_close (worker);
  worker->stage_class = stage_class;
  return FALSE;
}

const char *
gst_vldm_worker_folder (GstVldmWorker * worker)
{
  return worker->folder;
}

void
gst_vldm_worker_close (GstVldmWorker * worker)
{
  gpointer stage, model;

  if (worker->thread == NULL)
    return;
  gst_vldm_progress_cancel (&worker->loading);
  g_thread_join (worker->thread);
  gst_vldm_progress_resume (&worker->loading);
  worker->thread = NULL;
  worker->failed = FALSE;
  g_clear_pointer (&worker->folder, g_free);
  g_clear_pointer (&worker->device, g_free);

  g_mutex_lock (&worker->lock);
  stage = g_steal_pointer (&worker->stage);
  model = g_steal_pointer (&worker->model);
  worker->result = GST_FLOW_OK;
  g_mutex_unlock (&worker->lock);
  if (stage != NULL)
    worker->stage_class->free_stage (stage);
  if (model != NULL)
    gst_vldm_models_release (model);
}

void
gst_vldm_worker_settle (GstVldmWorker * worker)
{
  gboolean ready;

  g_mutex_lock (&worker->lock);
  ready = worker->stage != NULL;
  g_mutex_unlock (&worker->lock);
  if (!ready || worker->failed)
    gst_vldm_worker_close (worker);
}

/* Waits until *@field of @worker is set. */
static GstFlowReturn
wait_for (GstVldmWorker * worker, gpointer * field, gpointer * value)
{
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&worker->lock);
  while (*field == NULL && worker->result == GST_FLOW_OK
      && !worker->interrupted)
    g_cond_wait (&worker->changed, &worker->lock);
  *value = *field;
  if (*value == NULL)
    flow = worker->interrupted ? GST_FLOW_FLUSHING : worker->result;
  g_mutex_unlock (&worker->lock);
  return flow;
}

GstFlowReturn
gst_vldm_worker_wait_model (GstVldmWorker * worker, VldmModel ** model)
{
  gpointer value;
  GstFlowReturn flow = wait_for (worker, &worker->model, &value);

  *model = value;
  return flow;
}

GstFlowReturn
gst_vldm_worker_wait_stage (GstVldmWorker * worker, gpointer * stage)
{
  return wait_for (worker, &worker->stage, stage);
}

const VldmProgress *
gst_vldm_worker_progress (GstVldmWorker * worker)
{
  return &worker->running.callbacks;
}

GstFlowReturn
gst_vldm_worker_end (GstVldmWorker * worker, const GError * error,
    const char *context)
{
  GstFlowReturn flow = GST_FLOW_OK;

  /* An error message comes before the progress message that ends with it. */
  if (error != NULL)
    flow = gst_vldm_fail (worker->element, error, context);
  gst_vldm_progress_end (&worker->running, error);
  worker->failed = flow == GST_FLOW_ERROR;
  return flow;
}

void
gst_vldm_worker_interrupt (GstVldmWorker * worker, gboolean interrupted)
{
  if (interrupted) {
    gst_vldm_progress_cancel (&worker->running);
  } else {
    gst_vldm_progress_resume (&worker->running);
    gst_vldm_forget_errors (worker->element);
  }

  g_mutex_lock (&worker->lock);
  worker->interrupted = interrupted;
  g_cond_broadcast (&worker->changed);
  g_mutex_unlock (&worker->lock);
}

gboolean
gst_vldm_worker_is_interrupted (GstVldmWorker * worker)
{
  return g_atomic_int_get (&worker->running.cancelled);
}

void
gst_vldm_worker_add_stats (GstVldmWorker * worker, GstStructure * stats)
{
  OclDevice *device;

  g_mutex_lock (&worker->lock);
  if (worker->model != NULL) {
    device = vldm_model_device (worker->model);
    gst_structure_set (stats,
        "device", G_TYPE_STRING, ocl_device_description (device),
        "device-bytes", G_TYPE_UINT64, ocl_device_bytes_allocated (device),
        NULL);
  }
  g_mutex_unlock (&worker->lock);
}
