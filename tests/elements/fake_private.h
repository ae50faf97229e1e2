/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the stages that compute nothing share.
 */
#pragma once

#include "tests/elements/fake_stages.h"
#include "vldm/error.h"
#include "vldm/progress.h"

/* Of latents. */
#define FAKE_CHANNELS 4

/* Held to write fake_last_gap and fake_last_upsampling: several pipelines may play at once. */
G_LOCK_EXTERN (fake_last);

/* Works for @ms, asking now and then whether to go on. */
gboolean fake_work (const VldmProgress * progress, VldmActivity activity, guint done, guint total, gint ms,
    GError ** error);

/* TRUE with an error if @what is to fail. */
gboolean fake_fails (FakeFailure what, GQuark domain, gint code, GError ** error);

/* The model is asked whether it can run a stage. */
gboolean fake_check_model (GError ** error);

/* A stage is being made. */
gboolean fake_load (const VldmProgress * progress, GError ** error);
