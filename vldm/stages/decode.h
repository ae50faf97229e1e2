/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents -> pictures: what vldmdec runs. One call decodes one chunk; windows.h says which frames a chunk has and how
 * overlapping chunks blend.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/model.h"
#include "vldm/stages/windows.h"

G_BEGIN_DECLS

/* Which autoencoder decodes latents. */
typedef enum
{
  VLDM_LATENTS_VAE,             /* the model's */
  VLDM_LATENTS_UPSAMPLER_VAE,   /* its upsampler's */
} VldmLatentSpace;

typedef struct
{
  guint width, height;          /* of the picture, cropped top-left from factor * latent size */
  guint blend;                  /* first frames of the chunk that overlap the chunk before */
  gboolean keep;                /* keep the last `overlap` frames for the next chunk to blend with */
  guint overlap;
} VldmDecodeParams;

typedef struct _VldmDecode VldmDecode;

/* The chunks that @model's decoder of @space wants: @size and @overlap frames, -1 = 8 and 2. Decoders without temporal
 * layers take frames one by one, whatever was asked. VLDM_ERROR_SETTINGS unless 1 <= size <= 1024 and
 * 0 <= overlap <= size / 2. Quick. */
gboolean vldm_decode_chunks (VldmModel * model, VldmLatentSpace space, gint size, gint overlap, VldmChunks * chunks,
    GError ** error);

/* Whether the configurations of @model say how to decode latents of @space. Quick. */
gboolean vldm_decode_check_model (VldmModel * model, VldmLatentSpace space, GError ** error);

VldmDecode *vldm_decode_new (VldmModel * model, VldmLatentSpace space, const VldmProgress * progress, GError ** error);
void vldm_decode_free (VldmDecode * decode);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmDecode, vldm_decode_free);

/* Decodes @latents (F32LE or F16LE) into @rgb (RGB8) of equal count. Frame i < blend is
 * (1 - w) * kept frame i + w * new frame i in [-1, 1], w = (i + 1) / (blend + 1). */
gboolean vldm_decode_run (VldmDecode * decode, const VldmDecodeParams * params, const VldmFrames * latents,
    VldmFrames * rgb, const VldmProgress * progress, GError ** error);

G_END_DECLS
