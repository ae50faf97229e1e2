/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures -> latents: what vldmenc runs. Frames are independent of each other.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/model.h"

G_BEGIN_DECLS

typedef struct _VldmEncode VldmEncode;

/* Whether the configurations of @model are those of one that can encode pictures. Quick;
 * vldm_encode_new asks the same first. */
gboolean vldm_encode_check_model (VldmModel * model, GError ** error);

/* Loads the autoencoder of @model, so it takes a while. A stage belongs to one thread at a time. */
VldmEncode *vldm_encode_new (VldmModel * model, const VldmProgress * progress, GError ** error);
void vldm_encode_free (VldmEncode * encode);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmEncode, vldm_encode_free);

/* Channels and size of the latents of a @width x @height picture, which is padded to multiples of the autoencoder's
 * factor. Quick. VLDM_ERROR_NOT_FOUND where the model has no autoencoder. */
gboolean vldm_encode_shape (VldmModel * model, guint width, guint height, guint * latent_channels,
    guint * latent_width, guint * latent_height, GError ** error);

/* Encodes @rgb (RGB8) into @latents (F32LE or F16LE) of equal count and the shape above: the mean of the encoder's
 * distribution, scaled as the UNet sees it. Edges are repeated where padding is needed. */
gboolean vldm_encode_run (VldmEncode * encode, const VldmFrames * rgb, VldmFrames * latents,
    const VldmProgress * progress, GError ** error);

G_END_DECLS
