/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * AutoencoderKL and AutoencoderKLTemporalDecoder: pictures <-> latents. Encoder and decoder share no weights; each is loaded
 * by itself.
 * Source: diffusers' classes of those names.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/files/config.h"
#include "vldm/networks/layers.h"

G_BEGIN_DECLS

typedef struct _VldmAutoencoder VldmAutoencoder;

typedef enum
{
  VLDM_ENCODER,
  VLDM_DECODER,
} VldmAutoencoderPart;

/* @folder holds config.json and diffusion_pytorch_model.safetensors, of which only the tensors of @part are read. @loading may
 * be NULL. */
VldmAutoencoder *vldm_autoencoder_load (OclDevice * device, OclType type, const char *folder, VldmAutoencoderPart part,
    VldmLoadingFunc loading, gpointer user_data, GError ** error);
void vldm_autoencoder_free (VldmAutoencoder * autoencoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmAutoencoder, vldm_autoencoder_free);

const VldmAutoencoderConfig *vldm_autoencoder_config (VldmAutoencoder * autoencoder);
VldmAutoencoderPart vldm_autoencoder_part (VldmAutoencoder * autoencoder);
const char *vldm_autoencoder_folder (VldmAutoencoder * autoencoder);
OclType vldm_autoencoder_type (VldmAutoencoder * autoencoder);  /* of activations */

/* The same one in fp32, loaded on the first call; NULL where that fails. @autoencoder keeps it. */
VldmAutoencoder *vldm_autoencoder_widen (VldmAutoencoder * autoencoder, VldmLoadingFunc loading, gpointer user_data,
    GError ** error);
/* What was loaded there, else @autoencoder itself. Both may be called from several threads. */
VldmAutoencoder *vldm_autoencoder_widest (VldmAutoencoder * autoencoder);

/* Decoders only. @latents [T, h, w, latent_channels] as the UNet sees them (the scaling factor is undone inside);
 * @rgb [T, factor h, factor w, out_channels] in [-1, 1], not clamped. With a temporal decoder the T frames are one clip;
 * else they are independent. */
gboolean vldm_autoencoder_decode (VldmAutoencoder * autoencoder, OclQueue * queue, const OclTensor * latents,
    const OclTensor * rgb, GError ** error);

/* Encoders only. @rgb [T, H, W, in_channels] in [-1, 1], H and W multiples of the factor; @latents [T, H / factor, W / factor,
 * latent_channels]: the distribution's mean, scaled. Frames are independent. */
gboolean vldm_autoencoder_encode (VldmAutoencoder * autoencoder, OclQueue * queue, const OclTensor * rgb,
    const OclTensor * latents, GError ** error);

G_END_DECLS
