/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Opens a model and makes an element's stage in a thread of its own, so that no state change waits for weights, and a
 * flushing seek does not throw away what is half loaded.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/model/model.h"

G_BEGIN_DECLS

/* Which stage an element runs. */
typedef struct
{
  gpointer (*new_stage) (VldmModel * model, const VldmProgress * progress, GError ** error);
  void (*free_stage) (gpointer stage);
} GstVldmStageClass;

/* What decides which model is loaded. */
typedef struct
{
  char *folder;                 /* real path */
  char *device;                 /* selector or NULL */
  VldmPrecision precision;
} GstVldmModelChoice;

/* Sets the folder that @path (a property's value, may be NULL) stands for. Quick: fails at once where there is no model. */
gboolean gst_vldm_model_choice_resolve (GstVldmModelChoice * choice, const char *path, GError ** error);

void gst_vldm_model_choice_clear (GstVldmModelChoice * choice);
gboolean gst_vldm_model_choice_equal (const GstVldmModelChoice * a, const GstVldmModelChoice * b);

typedef struct _GstVldmLoader GstVldmLoader;

/* Starts loading; takes the strings of @choice. @element must outlive the loader. */
GstVldmLoader *gst_vldm_loader_new (GstElement * element, GstVldmModelChoice * choice,
    const GstVldmStageClass * stage_class);

/* Cancels what is still loading and waits for its end (within 200 ms, or one kernel build). */
void gst_vldm_loader_free (GstVldmLoader * loader);

const GstVldmModelChoice *gst_vldm_loader_choice (GstVldmLoader * loader);

/* TRUE once the stage is there. */
gboolean gst_vldm_loader_is_ready (GstVldmLoader * loader);

/* Wait for the model's configurations, or for the stage. GST_FLOW_ERROR: loading failed, and the loading thread has
 * posted why; GST_FLOW_FLUSHING: interrupted. Results stay the loader's. */
GstFlowReturn gst_vldm_loader_wait_model (GstVldmLoader * loader, VldmModel ** model);
GstFlowReturn gst_vldm_loader_wait_stage (GstVldmLoader * loader, gpointer * stage);

/* Makes waits end at once, or possible again; loading goes on. Any thread. */
void gst_vldm_loader_interrupt (GstVldmLoader * loader, gboolean interrupted);

/* What the `stats` of elements say of the device. */
typedef struct
{
  char *description;            /* g_free it at the end; NULL = no model opened yet */
  guint64 bytes;                /* in use by this process */
} GstVldmDeviceStats;

void gst_vldm_device_stats_update (GstVldmDeviceStats * stats, GstVldmLoader * loader);

G_END_DECLS
