/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model's life and its configurations. model_networks.c loads the networks.
 */
#include "opencl/ops/bf16.h"
#include "vldm/files/configs.h"
#include "vldm/files/files.h"
#include "vldm/files/json.h"
#include "vldm/model_private.h"

/* StableDiffusionUpscalePipeline's. */
#define DEFAULT_MAX_NOISE_LEVEL 350

/* Pipelines of the public upscaler have it in their model_index.json. */
static void
read_max_noise_level (VldmModel * model)
{
  const VldmUnetConfig *config = vldm_configs_unet (model->configs,
      vldm_model_upsampler_component (model), NULL);
  g_autofree char *path =
      g_build_filename (model->folder, VLDM_FOLDER_INDEX, NULL);
  g_auto (VldmJson) json = { 0 };
  guint level;

  if (config == NULL)
    return;
  level = config->max_noise_level;
  if (level == 0 && !vldm_file_exists (path))
    level = DEFAULT_MAX_NOISE_LEVEL;
  if (level == 0) {
    if (!vldm_json_open (&json, model->folder, VLDM_FOLDER_INDEX,
            &model->noise_level_error))
      return;
    level = vldm_json_uint (&json, "max_noise_level", DEFAULT_MAX_NOISE_LEVEL,
        1, G_MAXINT32);
    if (!vldm_json_done (&json, &model->noise_level_error))
      return;
  }
  model->max_noise_level = config->num_class_embeds > 0
      ? MIN (level, config->num_class_embeds - 1) : level;
}

static OclType
weights_type (OclDevice * device, VldmPrecision precision)
{
  if (precision == VLDM_PRECISION_AUTO)
    return ocl_device_caps (device)->is_cpu ? OCL_F32 : OCL_F16;
  if (precision == VLDM_PRECISION_BF16)
    return ocl_multiplies_bf16 (device) ? OCL_BF16 : OCL_F32;
  return precision == VLDM_PRECISION_F16 ? OCL_F16 : OCL_F32;
}

static const char *
type_name (OclType type)
{
  return type == OCL_F32 ? "f32" : type == OCL_F16 ? "f16" : "bf16";
}

VldmModel *
vldm_model_new (const char *folder, OclDevice * device,
    VldmPrecision precision, GError ** error)
{
  g_autoptr (VldmModel) model = g_new0 (VldmModel, 1);

  model->ref_count = 1;
  model->folder = g_strdup (folder);
  model->device = ocl_device_ref (device);
  model->type = weights_type (device, precision);
  model->precision_is_open = precision == VLDM_PRECISION_AUTO
      && model->type == OCL_F16;
  g_mutex_init (&model->lock);
  g_cond_init (&model->loaded);
  model->configs = vldm_configs_read (folder);
  vldm_model_choose_networks (model);
  model->defaults = vldm_defaults_load (folder,
      vldm_configs_unet (model->configs, "unet", NULL), error);
  if (model->defaults == NULL)
    return NULL;
  read_max_noise_level (model);
  g_debug ("%s: opened, weights in %s on %s", folder,
      type_name (model->type), ocl_device_description (device));
  return g_steal_pointer (&model);
}

VldmModel *
vldm_model_ref (VldmModel * model)
{
  g_atomic_int_inc (&model->ref_count);
  return model;
}

void
vldm_model_unref (VldmModel * model)
{
  if (model == NULL || !g_atomic_int_dec_and_test (&model->ref_count))
    return;
  vldm_model_unload_networks (model);
  g_clear_pointer (&model->defaults, g_free);
  g_clear_pointer (&model->configs, vldm_configs_free);
  g_clear_error (&model->noise_level_error);
  g_clear_pointer (&model->device, ocl_device_unref);
  g_clear_pointer (&model->folder, g_free);
  g_mutex_clear (&model->lock);
  g_cond_clear (&model->loaded);
  g_free (model);
}

const char *
vldm_model_folder (VldmModel * model)
{
  return model->folder;
}

OclDevice *
vldm_model_device (VldmModel * model)
{
  return model->device;
}

OclType
vldm_model_type (VldmModel * model)
{
  return ocl_type_beside (model->type);
}

gboolean
vldm_model_precision_is_open (VldmModel * model)
{
  return model->precision_is_open;
}

OclType
vldm_model_weights_type (VldmModel * model)
{
  return model->type;
}

const VldmDefaults *
vldm_model_defaults (VldmModel * model)
{
  return model->defaults;
}

const VldmUnetConfig *
vldm_model_unet_config (VldmModel * model, GError ** error)
{
  return vldm_configs_unet (model->configs, "unet", error);
}

const char *
vldm_model_interpolator_component (VldmModel * model)
{
  return vldm_model_serving_component (model, VLDM_NETWORK_INTERPOLATOR);
}

const char *
vldm_model_upsampler_component (VldmModel * model)
{
  return vldm_model_serving_component (model, VLDM_NETWORK_UPSAMPLER);
}

const VldmUnetConfig *
vldm_model_interpolator_config (VldmModel * model, GError ** error)
{
  const char *component = vldm_model_interpolator_component (model);

  if (vldm_folder_has (model->folder, component))
    return vldm_configs_unet (model->configs, component, error);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s has neither a folder \"interpolator\" nor \"unet\"; interpolation needs one of them",
      model->folder);
  return NULL;
}

const VldmAutoencoderConfig *
vldm_model_autoencoder_config (VldmModel * model, GError ** error)
{
  return vldm_configs_autoencoder (model->configs, "vae", error);
}

const VldmUnetConfig *
vldm_model_upsampler_config (VldmModel * model, GError ** error)
{
  const char *component = vldm_model_upsampler_component (model);

  if (vldm_folder_has (model->folder, component))
    return vldm_configs_unet (model->configs, component, error);
  if (!vldm_folder_has (model->folder, "unet")
      || vldm_configs_unet (model->configs, "unet", error) != NULL)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
        "%s has neither a folder \"upsampler\" nor a \"unet\" that takes RGB beside its latents; upsampling needs one of them",
        model->folder);
  return NULL;
}

const VldmAutoencoderConfig *
vldm_model_upsampler_autoencoder_config (VldmModel * model, GError ** error)
{
  return vldm_configs_autoencoder (model->configs,
      vldm_model_serving_component (model, VLDM_NETWORK_UPSAMPLER_DECODER),
      error);
}

const VldmSchedulerConfig *
vldm_model_scheduler_config (VldmModel * model, const char *component,
    VldmSchedulerKind kind, GError ** error)
{
  return vldm_configs_scheduler (model->configs, component, kind, error);
}

gboolean
vldm_model_max_noise_level (VldmModel * model, guint * level, GError ** error)
{
  if (model->noise_level_error != NULL && error != NULL)
    *error = g_error_copy (model->noise_level_error);
  *level = model->max_noise_level;
  return model->noise_level_error == NULL;
}
