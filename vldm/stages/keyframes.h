/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Key frames from a prompt: what vldmsrc runs. One call makes one window.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/model.h"
#include "vldm/stages/denoiser.h"

G_BEGIN_DECLS

/* Of a window. */
#define VLDM_MAX_KEYFRAMES 1024

/* Everything that a window depends on. The caller resolves defaults (see vldm_keyframes_defaults). */
typedef struct
{
  VldmSampling sampling;
  guint frames;                 /* T */
  guint width, height;          /* of the decoded picture: multiples of the autoencoder's factor */
  gdouble fps;                  /* frames per second, the network's time id */
} VldmKeyframesParams;

typedef struct _VldmKeyframes VldmKeyframes;

/* Whether the configurations of @model are those of one that makes video from text. Quick;
 * vldm_keyframes_new asks the same first. */
gboolean vldm_keyframes_check_model (VldmModel * model, GError ** error);

/* Loads text encoder and UNet of @model, so it takes a while. A stage belongs to one thread at a time. */
VldmKeyframes *vldm_keyframes_new (VldmModel * model, const VldmProgress * progress, GError ** error);
void vldm_keyframes_free (VldmKeyframes * keyframes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmKeyframes, vldm_keyframes_free);

/* The model's own settings and the shape of its latents; quick: configurations only. Prompts are "", seed 0. */
gboolean vldm_keyframes_defaults (VldmModel * model, VldmKeyframesParams * params, gint * fps_n, gint * fps_d,
    GError ** error);

/* Checks ranges and sizes: VLDM_ERROR_SETTINGS names the parameter and what is allowed. Quick. */
gboolean vldm_keyframes_check (VldmModel * model, const VldmKeyframesParams * params, GError ** error);

/* How many of the frames before a window it takes as context: the model's own number, or 0 for networks without context
 * channels, which make one window only. */
guint vldm_keyframes_context (VldmModel * model);

/* Latents of one window into @out: T frames [latent channels, height / factor, width / factor], host memory of the
 * caller's, F32LE or F16LE. @context, not NULL for prediction, holds the clean latents of the window's first frames;
 * they come out as they went in. */
gboolean vldm_keyframes_run (VldmKeyframes * keyframes, const VldmKeyframesParams * params,
    const VldmFrames * context, VldmFrames * out, const VldmProgress * progress, GError ** error);

G_END_DECLS
