/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configurations of a model folder, each with what is wrong with it.
 */
#include "vldm/files/configs.h"

#include "vldm/files/folder.h"

/* Either a configuration or an error. */
typedef struct
{
  gpointer config;
  GError *error;
} Slot;

struct _VldmConfigs
{
  char *folder;                 /* the model's */
  GHashTable *slots;            /* component -> Slot */
  GMutex lock;                  /* of those below, which come as they are asked for */
  GHashTable *schedulers;       /* "KIND COMPONENT" -> VldmSchedulerConfig */
};

static void
slot_free (gpointer data)
{
  Slot *slot = data;

  g_free (slot->config);
  g_clear_error (&slot->error);
  g_free (slot);
}

static gpointer
load_unet (const char *folder, GError ** error)
{
  return vldm_unet_config_load (folder, error);
}

static gpointer
load_autoencoder (const char *folder, GError ** error)
{
  return vldm_autoencoder_config_load (folder, error);
}

VldmConfigs *
vldm_configs_read (const char *folder)
{
  static const struct
  {
    const char *component;
      gpointer (*load) (const char *folder, GError ** error);
  } components[] = {
    {"unet", load_unet},
    {"interpolator", load_unet},
    {"vae", load_autoencoder},
    {"upsampler", load_unet},
    {"upsampler_vae", load_autoencoder},
  };
  VldmConfigs *configs = g_new0 (VldmConfigs, 1);

  configs->folder = g_strdup (folder);
  g_mutex_init (&configs->lock);
  configs->schedulers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) vldm_scheduler_config_free);
  configs->slots = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      slot_free);
  for (guint i = 0; i < G_N_ELEMENTS (components); i++) {
    Slot *slot = g_new0 (Slot, 1);
    g_autofree char *path = vldm_folder_component (folder,
        components[i].component, &slot->error);

    if (path != NULL)
      slot->config = components[i].load (path, &slot->error);
    g_hash_table_insert (configs->slots, (gpointer) components[i].component,
        slot);
  }
  return configs;
}

void
vldm_configs_free (VldmConfigs * configs)
{
  g_hash_table_unref (configs->slots);
  g_hash_table_unref (configs->schedulers);
  g_mutex_clear (&configs->lock);
  g_free (configs->folder);
  g_free (configs);
}

static gpointer
get (VldmConfigs * configs, const char *component, GError ** error)
{
  const Slot *slot = g_hash_table_lookup (configs->slots, component);

  if (slot->config == NULL && error != NULL)
    *error = g_error_copy (slot->error);
  return slot->config;
}

const VldmUnetConfig *
vldm_configs_unet (VldmConfigs * configs, const char *component,
    GError ** error)
{
  return get (configs, component, error);
}

const VldmAutoencoderConfig *
vldm_configs_autoencoder (VldmConfigs * configs, const char *component,
    GError ** error)
{
  return get (configs, component, error);
}

const VldmSchedulerConfig *
vldm_configs_scheduler (VldmConfigs * configs, const char *component,
    VldmSchedulerKind kind, GError ** error)
{
  g_autofree char *key = g_strdup_printf ("%d %s", kind, component);
  g_autofree char *folder = NULL;
  VldmSchedulerConfig *config;

  g_mutex_lock (&configs->lock);
  config = g_hash_table_lookup (configs->schedulers, key);
  if (config == NULL) {
    folder = vldm_folder_component (configs->folder, component, error);
    if (folder != NULL)
      config = vldm_scheduler_config_load (folder, kind, error);
    if (config != NULL)
      g_hash_table_insert (configs->schedulers, g_steal_pointer (&key), config);
  }
  g_mutex_unlock (&configs->lock);
  return config;
}
