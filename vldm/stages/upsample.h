/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small pictures -> the same frames several times as large: what vldmsr runs. One call makes one window of frames;
 * tiles bound what the network sees at once, and windows.h says which frames a window has.
 *
 *   window k covers low-res frames [k (size - overlap), k (size - overlap) + size); the last one may be shorter
 *
 * On frames that two windows share, both begin with the earlier window's noise, and their latents are blended.
 * Source: Align your Latents, section 3.4; diffusers' StableDiffusionUpscalePipeline.
 */
#pragma once

#include "vldm/stages/denoiser.h"
#include "vldm/stages/windows.h"

G_BEGIN_DECLS

/* What stays the same from window to window. The caller resolves defaults (see vldm_upsample_defaults). */
typedef struct
{
  VldmSampling sampling;        /* its seed is the window's: vldm_window_seed of stage 15; context_guidance is 1 */
  guint noise_level;            /* how much noise the low-res pictures get, in steps of low_res_scheduler */
  VldmChunks windows;           /* from vldm_upsample_windows */
  guint tile_size;              /* low-res pixels that the network sees at once, along each axis; 0 = automatic */
  guint tile_overlap;           /* that neighbouring tiles share, at most half of tile_size; unused where automatic */
} VldmUpsampleParams;

/* How a window lies beside the one before. All zero: it stands alone. */
typedef struct
{
  guint shared;                 /* its first frames that the window before has too: 0, or windows.overlap */
  guint32 earlier_seed;         /* of the window before, for the noise of the shared frames */
  gboolean blend;               /* blend the shared frames with what the call before kept */
  gboolean keep;                /* keep the last windows.overlap frames for the next call to blend with */
} VldmUpsampleWindow;

typedef struct _VldmUpsample VldmUpsample;

/* Whether the configurations of @model are those of one that upsamples. Quick;
 * vldm_upsample_new asks the same first. */
gboolean vldm_upsample_check_model (VldmModel * model, GError ** error);

/* Loads text encoder and network of @model's upsampler, so it takes a while; its autoencoder follows when pictures are first
 * asked for. A stage belongs to one thread at a time. */
VldmUpsample *vldm_upsample_new (VldmModel * model, const VldmProgress * progress, GError ** error);
void vldm_upsample_free (VldmUpsample * upsample);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmUpsample, vldm_upsample_free);

/* The model's own settings; quick. Prompts are "", seed 0, tiles automatic. VLDM_ERROR_NOT_FOUND where the model cannot
 * upsample. */
gboolean vldm_upsample_defaults (VldmModel * model, VldmUpsampleParams * params, GError ** error);

/* The windows that @model wants: @size and @overlap frames, -1 = the model's own. VLDM_ERROR_SETTINGS unless
 * 1 <= size <= 1024 and 0 <= overlap <= size / 2. Quick. */
gboolean vldm_upsample_windows (VldmModel * model, gint size, gint overlap, VldmChunks * windows, GError ** error);

/* For pictures of @width x @height: how many times larger they become, and the shape of their latents, which decode to
 * scale * latent_width x scale * latent_height pixels, at least the picture's. Quick. */
gboolean vldm_upsample_shape (VldmModel * model, guint width, guint height, guint * scale, guint * latent_channels,
    guint * latent_width, guint * latent_height, GError ** error);

/* Checks ranges and that @model can upsample: VLDM_ERROR_SETTINGS names the parameter and what is allowed. With @model NULL
 * it finds what is wrong with any model. Quick. */
gboolean vldm_upsample_check (VldmModel * model, const VldmUpsampleParams * params, GError ** error);

/* The tiles that a run with @params on pictures of @width x @height uses, after automatic choice by the device's
 * memory: the whole padded picture where it fits. Quick. */
gboolean vldm_upsample_tiles (VldmModel * model, const VldmUpsampleParams * params, guint width, guint height,
    guint * tile_size, guint * tile_overlap, GError ** error);

/* Upsamples the window @rgb (RGB8, up to windows.size frames). @latents (F32LE or F16LE, of the shape above) and
 * @pictures (RGB8 of scale * width x scale * height, decoded from the latents), of which one may be NULL, get the
 * window's first frames, as many as they have: all, or all but those that the next window will blend with. All memory
 * is the host's.
 * Whole fields lie there, too: 15 fp32 numbers for each low-res pixel and frame, 19 with guidance. The device holds one
 * tile of the window with the network at work on it, and for @pictures the decoder.
 * Shared frame i of blended latents is (1 - w) * kept frame i + w * new frame i, w = (i + 1) / (shared + 1). Decoders
 * with temporal layers decode all of the window as one clip, and their pictures are blended in the same way. */
gboolean vldm_upsample_run (VldmUpsample * upsample, const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, const VldmFrames * rgb, VldmFrames * latents, VldmFrames * pictures,
    const VldmProgress * progress, GError ** error);

/* TRUE if pictures of latents do not depend on their neighbours, so that they can be decoded one by one. Quick. */
gboolean vldm_upsample_decodes_frames (VldmModel * model);

/* Decodes frame @i of @latents, which a run gave, to @picture (one RGB8 frame, cropped top-left). Only where frames are
 * decoded one by one. */
gboolean vldm_upsample_decode (VldmUpsample * upsample, const VldmFrames * latents, guint i, VldmFrames * picture,
    const VldmProgress * progress, GError ** error);

G_END_DECLS
