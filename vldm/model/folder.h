/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model folder in diffusers' layout: finds components, with the fallbacks of the design, and holds the networks that
 * were loaded from it, each once, for all stages that share it.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/model/config.h"
#include "vldm/progress.h"

G_BEGIN_DECLS

typedef enum
{
  VLDM_PRECISION_AUTO,          /* f32 on CPU devices, f16 on others */
  VLDM_PRECISION_F32,
  VLDM_PRECISION_F16,           /* stored in half, computed in fp32 */
} VldmPrecision;

/* Path of the model to use: @path if given, else the environment variable VLDM_MODEL_PATH, else the default model
 * (in the build folder's source tree for uninstalled use, else the installed one). Checks that model_index.json is
 * there. VLDM_ERROR_NOT_FOUND names the folder, how it was chosen, and what a model folder holds. */
char *vldm_folder_resolve (const char *path, GError ** error);

/* The component's folder, falling back as the design says; NULL with VLDM_ERROR_NOT_FOUND naming what was looked for. */
char *vldm_folder_component (const char *model_folder, const char *component, GError ** error);

typedef struct _VldmModel VldmModel;
typedef struct _VldmUnet VldmUnet;
typedef struct _VldmAutoencoder VldmAutoencoder;
typedef struct _VldmTextEncoder VldmTextEncoder;
typedef struct _VldmTokenizer VldmTokenizer;

/* Reads the configurations only: quick. @folder as given by vldm_folder_resolve. */
VldmModel *vldm_model_new (const char *folder, OclDevice * device, VldmPrecision precision, GError ** error);
VldmModel *vldm_model_ref (VldmModel * model);
void vldm_model_unref (VldmModel * model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmModel, vldm_model_unref);

const char *vldm_model_folder (VldmModel * model);
OclDevice *vldm_model_device (VldmModel * model);
OclType vldm_model_type (VldmModel * model);
const VldmDefaults *vldm_model_defaults (VldmModel * model);
/* NULL where the folder has no such component. */
const VldmUnetConfig *vldm_model_unet_config (VldmModel * model);
const VldmAutoencoderConfig *vldm_model_autoencoder_config (VldmModel * model);

/* Load on first use, then give the same network again; safe from several threads. The model keeps them. Loading posts
 * VLDM_ACTIVITY_LOAD_MODEL and can be cancelled. */
VldmUnet *vldm_model_unet (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmAutoencoder *vldm_model_autoencoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmTextEncoder *vldm_model_text_encoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmTokenizer *vldm_model_tokenizer (VldmModel * model, GError ** error);

G_END_DECLS
