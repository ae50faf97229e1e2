/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One window of a text-conditional video UNet, with or without frames that are known beforehand: what key frames,
 * prediction and interpolation share.
 * Source: Align your Latents, sections 3.1 and 3.2 (context masks, context guidance).
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/model.h"
#include "vldm/networks/unet.h"
#include "vldm/sampling/scheduler.h"
#include "vldm/sampling/settings.h"
#include "vldm/stages/report.h"

G_BEGIN_DECLS

/* Clean scaled latents of frames that the window must contain: @latents->count of them, frame i of the window's frame
 * positions[i]. */
typedef struct
{
  const VldmFrames *latents;
  const guint *positions;
} VldmKnownFrames;

typedef struct _VldmDenoiser VldmDenoiser;

/* What a stage runs. Strings are not copied. */
typedef struct
{
  VldmUnet *unet;               /* one of the model's */
  const char *name;             /* of the network, in messages: "the key frame network" */
  const char *component;        /* its own */
  const char *scheduler;        /* the component that holds its schedule */
} VldmDenoiserNetwork;

/* Loads text encoder and tokenizer, so it takes a while. A denoiser belongs to one thread at a time. */
VldmDenoiser *vldm_denoiser_new (VldmModel * model, const VldmDenoiserNetwork * network,
    const VldmProgress * progress, GError ** error);
void vldm_denoiser_free (VldmDenoiser * denoiser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmDenoiser, vldm_denoiser_free);

/* The schedule of @model's component @scheduler for these settings. Warns through @report, unless *@warned says that the
 * stage has done so, where another sampler runs than the file names. */
VldmSchedule *vldm_sampling_schedule (const VldmSampling * sampling, VldmModel * model, const char *scheduler,
    const VldmReport * report, gboolean * warned, GError ** error);

/* Can @config, from @folder, denoise latents of @latent_channels, with known frames where @context? VLDM_ERROR_MODEL
 * says why not. Quick. */
gboolean vldm_denoiser_check (const char *folder, const VldmUnetConfig * config, guint latent_channels,
    gboolean context, GError ** error);

/* Denoises one window into @out (F32LE or F16LE in host memory), whose shape is the window's. @fps is the network's time
 * id. @known (NULL = none) frames come out as they went in. */
gboolean vldm_denoiser_run (VldmDenoiser * denoiser, const VldmSampling * sampling, gdouble fps,
    const VldmKnownFrames * known, VldmFrames * out, const VldmProgress * progress, GError ** error);

G_END_DECLS
