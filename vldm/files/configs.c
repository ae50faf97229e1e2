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
  GHashTable *slots;            /* component -> Slot */
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
