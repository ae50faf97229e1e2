/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * New frames between two known ones: what vldminterp runs. One call fills one gap.
 */
#pragma once

#include "vldm/stages/denoiser.h"

G_BEGIN_DECLS

/* Everything that a gap depends on. The caller resolves defaults (see vldm_interpolate_defaults). */
typedef struct
{
  VldmSampling sampling;
  gdouble fps;                  /* frames per second of the result, the network's time id */
} VldmInterpolateParams;

typedef struct _VldmInterpolate VldmInterpolate;

/* Whether the configurations of @model are those of one that interpolates. Quick;
 * vldm_interpolate_new asks the same first. */
gboolean vldm_interpolate_check_model (VldmModel * model, GError ** error);

/* Loads text encoder and network of @model, so it takes a while. A stage belongs to one thread at a time. */
VldmInterpolate *vldm_interpolate_new (VldmModel * model, const VldmProgress * progress, GError ** error);
void vldm_interpolate_free (VldmInterpolate * interpolate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmInterpolate, vldm_interpolate_free);

/* The model's own settings, and how many times more frames it makes; quick. Prompts are "", seed 0, fps 0. */
gboolean vldm_interpolate_defaults (VldmModel * model, VldmInterpolateParams * params, guint * factor,
    GError ** error);

/* Checks ranges and that @model can interpolate; quick. */
gboolean vldm_interpolate_check (VldmModel * model, const VldmInterpolateParams * params, GError ** error);

/* Is @fps more than twice above or below every rate that the model was trained for? FALSE where it does not say. */
gboolean vldm_interpolate_rate_is_unusual (VldmModel * model, gdouble fps);

/* @ends holds two frames, @inner gets the factor - 1 frames between them; same shape and format, host memory. */
gboolean vldm_interpolate_run (VldmInterpolate * interpolate, const VldmInterpolateParams * params,
    const VldmFrames * ends, VldmFrames * inner, const VldmProgress * progress, GError ** error);

G_END_DECLS
