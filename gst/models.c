/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Models in use in this process.
 */
#include "gst/models.h"

typedef struct
{
  VldmModel *model;
  guint users;
} Entry;

static GMutex lock;
static GSList *entries;         /* of Entry; a handful at most */

static Entry *
find_equal (VldmModel * model)
{
  GSList *l;

  for (l = entries; l != NULL; l = l->next) {
    Entry *entry = l->data;

    if (vldm_model_device (entry->model) == vldm_model_device (model)
        && vldm_model_weights_type (entry->model)
        == vldm_model_weights_type (model)
        && vldm_model_precision_is_open (entry->model)
        == vldm_model_precision_is_open (model)
        && g_str_equal (vldm_model_folder (entry->model),
            vldm_model_folder (model)))
      return entry;
  }
  return NULL;
}

VldmModel *
gst_vldm_models_acquire (const char *folder, const char *device,
    VldmPrecision precision, GError ** error)
{
  g_autoptr (OclDevice) ocl = NULL;
  g_autoptr (VldmModel) model = NULL;
  VldmModel *result;
  Entry *entry;

  ocl = ocl_device_open (device, OCL_FORM_AUTO, error);
  if (ocl == NULL)
    return NULL;

  /* What a selector and "auto" stand for is known only now, so the table is searched with a model that has read its
   * configurations, and weights are loaded by the one that stays. */
  model = vldm_model_new (folder, ocl, precision, error);
  if (model == NULL)
    return NULL;

  g_mutex_lock (&lock);
  entry = find_equal (model);
  if (entry == NULL) {
    entry = g_new0 (Entry, 1);
    entry->model = g_steal_pointer (&model);
    entries = g_slist_prepend (entries, entry);
  }
  entry->users++;
  result = entry->model;
  g_mutex_unlock (&lock);
  return result;
}

void
gst_vldm_models_release (VldmModel * model)
{
  GSList *l;
  gboolean last = FALSE;

  g_mutex_lock (&lock);
  for (l = entries; l != NULL; l = l->next) {
    Entry *entry = l->data;

    if (entry->model != model)
      continue;
    entry->users--;
    last = entry->users == 0;
    if (last) {
      entries = g_slist_delete_link (entries, l);
      g_free (entry);
    }
    break;
  }
  g_mutex_unlock (&lock);

  /* Frees device memory: not under the lock. */
  if (last)
    vldm_model_unref (model);
}
