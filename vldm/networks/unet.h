/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The denoising network of every stage: UNetSpatioTemporalConditionModel, or UNet2DConditionModel, which has no layers
 * across frames and may have class labels.
 * Source: diffusers' classes of those names; Align your Latents, section 3.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/files/config.h"
#include "vldm/networks/layers.h"

G_BEGIN_DECLS

typedef struct _VldmUnet VldmUnet;

/* @folder holds config.json and diffusion_pytorch_model.safetensors. @loading may be NULL. */
VldmUnet *vldm_unet_load (OclDevice * device, OclType type, const char *folder, VldmLoadingFunc loading,
    gpointer user_data, GError ** error);
void vldm_unet_free (VldmUnet * unet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmUnet, vldm_unet_free);

const VldmUnetConfig *vldm_unet_config (VldmUnet * unet);

/* What stays the same over all steps of a window: keys and values of the prompt for every cross-attention, and the embedded
 * positions of its frames. Lives in buffers of its own. */
typedef struct _VldmUnetContext VldmUnetContext;

/* For windows of @frames frames at most. @spatial_text and @temporal_text [1, 1, tokens, cross_attention_dim], normally the
 * same tensor; from the text encoder. */
VldmUnetContext *vldm_unet_context_new (VldmUnet * unet, OclQueue * queue, guint frames,
    const OclTensor * spatial_text, const OclTensor * temporal_text, GError ** error);
void vldm_unet_context_free (VldmUnetContext * context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmUnetContext, vldm_unet_context_free);

#define VLDM_UNET_MAX_PROMPTS 2

/* What one call is told beside its sample. */
typedef struct
{
  guint n_prompts;              /* 1 to VLDM_UNET_MAX_PROMPTS */
  const VldmUnetContext *const *contexts;       /* [n_prompts], of texts with as many tokens each */
  gfloat timestep;              /* may be fractional or negative */
  const gfloat *time_ids;       /* [n_time_ids], or, for a network with class labels, one number, the label */
} VldmUnetCall;

/* @sample [T, h, w, in_channels], any T >= 1 and any h, w >= 1 -> @output [n_prompts T, h, w, out_channels], fp32: the result
 * for each prompt, one behind the other. Prompts run together, which is faster, where vldm_unet_fits says so of
 * n_prompts T frames. Each result is bit-identical to that of a call with its prompt alone, unless CLBlast computed a
 * product. */
gboolean vldm_unet_run (VldmUnet * unet, OclQueue * queue, const VldmUnetCall * call, const OclTensor * sample,
    const OclTensor * output, GError ** error);

/* About how many bytes of the device a call on @frames frames of @height x @width takes at most, besides weights and its
 * two arguments, stored as @type; @largest is the largest piece. */
guint64 vldm_unet_bytes (const VldmUnetConfig * config, OclType type, guint frames, guint height, guint width,
    guint64 * largest);

/* Whether that is what a call may count on (vldm/memory.h). Depends on the device only, not on what else is in its memory. */
gboolean vldm_unet_fits (const VldmUnetConfig * config, OclType type, OclDevice * device, guint frames, guint height,
    guint width);

G_END_DECLS
