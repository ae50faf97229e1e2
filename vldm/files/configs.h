/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configurations of a model folder's UNets, autoencoders and schedulers, each read once. What is wrong with one is told to those who ask for it, so that
 * a stage runs beside networks that it does not need and nobody here knows.
 */
#pragma once

#include "vldm/files/config.h"

G_BEGIN_DECLS

typedef struct _VldmConfigs VldmConfigs;

/* Reads unet/, interpolator/, vae/, upsampler/ and upsampler_vae/ of the model @folder. */
VldmConfigs *vldm_configs_read (const char *folder);
void vldm_configs_free (VldmConfigs * configs);

/* The configuration of a component that was read; NULL with VLDM_ERROR_NOT_FOUND where the model has no such folder, else
 * with what is wrong with it. It stays the configurations'. */
const VldmUnetConfig *vldm_configs_unet (VldmConfigs * configs, const char *component, GError ** error);
const VldmAutoencoderConfig *vldm_configs_autoencoder (VldmConfigs * configs, const char *component, GError ** error);

/* The scheduler's configuration as the sampler @kind reads it, from the folder that serves for @component; read on first use,
 * from any thread. NULL with what is wrong with it. It stays the configurations'. */
const VldmSchedulerConfig *vldm_configs_scheduler (VldmConfigs * configs, const char *component, VldmSchedulerKind kind,
    GError ** error);

G_END_DECLS
