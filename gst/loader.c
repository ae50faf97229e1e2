/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opens a model and makes an element's stage in a thread of its own.
 */
#include "gst/loader.h"

#include "gst/error.h"
#include "gst/models.h"
#include "gst/progress.h"

struct _GstVldmLoader
{
  GstVldmModelChoice choice;
  const GstVldmStageClass *stage_class;
  GstVldmProgress progress;
  GThread *thread;

  /* lock */
  GMutex lock;
  GCond changed;
  gpointer model;               /* VldmModel */
  gpointer stage;
  GstFlowReturn result;         /* GST_FLOW_OK while loading and when loaded */
  gboolean interrupted;
};

gboolean
gst_vldm_model_choice_resolve (GstVldmModelChoice * choice, const char *path,
    GError ** error)
{
  choice->folder = vldm_folder_resolve (path, error);
  return choice->folder != NULL;
}

void
gst_vldm_model_choice_clear (GstVldmModelChoice * choice)
{
  g_clear_pointer (&choice->folder, g_free);
  g_clear_pointer (&choice->device, g_free);
}

gboolean
gst_vldm_model_choice_equal (const GstVldmModelChoice * a,
    const GstVldmModelChoice * b)
{
  return g_strcmp0 (a->folder, b->folder) == 0
      && g_strcmp0 (a->device, b->device) == 0 && a->precision == b->precision;
}

static void
publish (GstVldmLoader * loader, gpointer * result, gpointer value,
    GstFlowReturn flow)
{
  g_mutex_lock (&loader->lock);
  *result = value;
  loader->result = flow;
  g_cond_broadcast (&loader->changed);
  g_mutex_unlock (&loader->lock);
}

static gpointer
load (gpointer data)
{
  GstVldmLoader *loader = data;
  GstElement *element = loader->progress.element;
  GstFlowReturn flow = GST_FLOW_OK;
  g_autoptr (GError) error = NULL;
  VldmModel *model;
  gpointer stage;

  model = gst_vldm_models_acquire (loader->choice.folder,
      loader->choice.device, loader->choice.precision, &error);
  if (model == NULL)
    flow = gst_vldm_fail (element, error, "opening the model");
  publish (loader, &loader->model, model, flow);
  if (model == NULL)
    return NULL;

  stage = loader->stage_class->new_stage (model, &loader->progress.callbacks,
      &error);
  if (stage == NULL)
    flow = gst_vldm_fail (element, error, "loading the model");
  gst_vldm_progress_end (&loader->progress, error);
  publish (loader, &loader->stage, stage, flow);
  return NULL;
}

GstVldmLoader *
gst_vldm_loader_new (GstElement * element, GstVldmModelChoice * choice,
    const GstVldmStageClass * stage_class)
{
  GstVldmLoader *loader = g_new0 (GstVldmLoader, 1);

  loader->choice = *choice;
  memset (choice, 0, sizeof (*choice));
  loader->stage_class = stage_class;
  gst_vldm_progress_init (&loader->progress, element);
  g_mutex_init (&loader->lock);
  g_cond_init (&loader->changed);
  loader->thread = g_thread_new ("vldm-load", load, loader);
  return loader;
}

void
gst_vldm_loader_free (GstVldmLoader * loader)
{
  if (loader == NULL)
    return;

  gst_vldm_progress_cancel (&loader->progress);
  g_thread_join (loader->thread);
  if (loader->stage != NULL)
    loader->stage_class->free_stage (loader->stage);
  if (loader->model != NULL)
    gst_vldm_models_release (loader->model);
  gst_vldm_model_choice_clear (&loader->choice);
  g_mutex_clear (&loader->lock);
  g_cond_clear (&loader->changed);
  g_free (loader);
}

const GstVldmModelChoice *
gst_vldm_loader_choice (GstVldmLoader * loader)
{
  return &loader->choice;
}

gboolean
gst_vldm_loader_is_ready (GstVldmLoader * loader)
{
  gboolean ready;

  g_mutex_lock (&loader->lock);
  ready = loader->stage != NULL;
  g_mutex_unlock (&loader->lock);
  return ready;
}

/* Waits until *@result, a field of @loader, is set. */
static GstFlowReturn
wait_for (GstVldmLoader * loader, gpointer * result, gpointer * value)
{
  GstFlowReturn flow = GST_FLOW_OK;

  g_mutex_lock (&loader->lock);
  while (*result == NULL && loader->result == GST_FLOW_OK
      && !loader->interrupted)
    g_cond_wait (&loader->changed, &loader->lock);
  *value = *result;
  if (*value == NULL)
    flow = loader->interrupted ? GST_FLOW_FLUSHING : loader->result;
  g_mutex_unlock (&loader->lock);
  return flow;
}

GstFlowReturn
gst_vldm_loader_wait_model (GstVldmLoader * loader, VldmModel ** model)
{
  gpointer value;
  GstFlowReturn flow = wait_for (loader, &loader->model, &value);

  *model = value;
  return flow;
}

GstFlowReturn
gst_vldm_loader_wait_stage (GstVldmLoader * loader, gpointer * stage)
{
  return wait_for (loader, &loader->stage, stage);
}

void
gst_vldm_loader_interrupt (GstVldmLoader * loader, gboolean interrupted)
{
  g_mutex_lock (&loader->lock);
  loader->interrupted = interrupted;
  g_cond_broadcast (&loader->changed);
  g_mutex_unlock (&loader->lock);
}

void
gst_vldm_device_stats_update (GstVldmDeviceStats * stats,
    GstVldmLoader * loader)
{
  VldmModel *model;
  OclDevice *device;

  g_mutex_lock (&loader->lock);
  model = loader->model;
  g_mutex_unlock (&loader->lock);
  if (model == NULL)
    return;

  device = vldm_model_device (model);
  stats->bytes = ocl_device_bytes_allocated (device);
  if (g_strcmp0 (stats->description, ocl_device_description (device)) != 0) {
    g_free (stats->description);
    stats->description = g_strdup (ocl_device_description (device));
  }
}
