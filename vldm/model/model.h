/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model: configurations and networks of one model folder on one device, each loaded once, for all stages that share
 * them.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/model/config.h"
#include "vldm/model/folder.h"
#include "vldm/progress.h"

G_BEGIN_DECLS

typedef enum
{
  VLDM_PRECISION_AUTO,          /* f32 on CPU devices, f16 on others */
  VLDM_PRECISION_F32,
  VLDM_PRECISION_F16,           /* stored in half, computed in fp32 */
  VLDM_PRECISION_BF16,          /* f32 with weights and products in bf16 where ocl_multiplies_bf16 (), else f32 */
} VldmPrecision;

typedef struct _VldmModel VldmModel;
typedef struct _VldmUnet VldmUnet;
typedef struct _VldmAutoencoder VldmAutoencoder;
typedef struct _VldmTextEncoder VldmTextEncoder;
typedef struct _VldmTokenizer VldmTokenizer;

/* Reads the configurations only: quick. @folder as given by vldm_folder_resolve. Fails for videoldm.json alone; what is wrong
 * with a component is told to those who need that. */
VldmModel *vldm_model_new (const char *folder, OclDevice * device, VldmPrecision precision, GError ** error);
VldmModel *vldm_model_ref (VldmModel * model);
void vldm_model_unref (VldmModel * model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmModel, vldm_model_unref);

const char *vldm_model_folder (VldmModel * model);
OclDevice *vldm_model_device (VldmModel * model);
OclType vldm_model_type (VldmModel * model);    /* of activations */
/* Whether half precision was chosen for the user (VLDM_PRECISION_AUTO), so that fp32 may take its place where it overflows. */
gboolean vldm_model_precision_is_open (VldmModel * model);
OclType vldm_model_weights_type (VldmModel * model);    /* not OCL_BF16 where the device cannot multiply in it */
const VldmDefaults *vldm_model_defaults (VldmModel * model);

/* Configurations of networks. NULL with what is wrong: the folder has no such component (VLDM_ERROR_NOT_FOUND), or nobody
 * here knows what is in it. */
const VldmUnetConfig *vldm_model_unet_config (VldmModel * model, GError ** error);
const VldmUnetConfig *vldm_model_interpolator_config (VldmModel * model, GError ** error);
const char *vldm_model_interpolator_component (VldmModel * model);      /* "interpolator", or "unet" if there is none */
const VldmAutoencoderConfig *vldm_model_autoencoder_config (VldmModel * model, GError ** error);

/* The upsampler's network is upsampler/, or else unet/ if that takes RGB beside its latents, as the public x4 upscaler's
 * does; its autoencoder is upsampler_vae/, or then vae/. */
const VldmUnetConfig *vldm_model_upsampler_config (VldmModel * model, GError ** error);
const VldmAutoencoderConfig *vldm_model_upsampler_autoencoder_config (VldmModel * model, GError ** error);
const char *vldm_model_upsampler_component (VldmModel * model); /* "upsampler" or "unet" */

/* The largest noise level that the upsampler was trained for: from its config.json or model_index.json, else 350. Fails
 * where that file cannot be read. */
gboolean vldm_model_max_noise_level (VldmModel * model, guint * level, GError ** error);

/* Load on first use, then give the same network again; safe from several threads. The model keeps them. Loading posts
 * VLDM_ACTIVITY_LOAD_MODEL and can be cancelled. */
VldmUnet *vldm_model_unet (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmUnet *vldm_model_interpolator (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmAutoencoder *vldm_model_encoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmAutoencoder *vldm_model_decoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmTextEncoder *vldm_model_text_encoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmTokenizer *vldm_model_tokenizer (VldmModel * model, GError ** error);
VldmUnet *vldm_model_upsampler (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmAutoencoder *vldm_model_upsampler_decoder (VldmModel * model, const VldmProgress * progress, GError ** error);
/* upsampler_text_encoder/ and upsampler_tokenizer/, or the same as above. */
VldmTextEncoder *vldm_model_upsampler_text_encoder (VldmModel * model, const VldmProgress * progress, GError ** error);
VldmTokenizer *vldm_model_upsampler_tokenizer (VldmModel * model, GError ** error);

G_END_DECLS
