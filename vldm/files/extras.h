/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What lies in a model folder and changes pictures elsewhere, but is not applied here.
 */
#pragma once

#include "vldm/error.h"
#include "vldm/progress.h"

G_BEGIN_DECLS

/* One warning that names adapters, LoRAs, embeddings and components which are not applied, each with what pictures are
 * without it; none where there are none. FALSE where the model's model_index.json cannot be read. */
gboolean vldm_extras_warn (const char *model_folder, const VldmProgress * progress, GError ** error);

G_END_DECLS
