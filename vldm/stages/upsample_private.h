/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The upsampler's configurations, found once per window: between upsample_settings.c, which says what can be asked for, and upsample.c, which runs.
 */
#pragma once

#include "vldm/stages/upsample.h"

G_BEGIN_DECLS

#define VLDM_UPSAMPLE_RGB_CHANNELS 3

typedef struct
{
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;
  guint unit;                   /* pictures are padded to multiples of it */
} VldmUpsampleConfigs;

/* Both configurations, checked, or an error that names the missing folder or what does not fit. */
gboolean vldm_upsample_find_configs (VldmModel * model, VldmUpsampleConfigs * configs, GError ** error);

/* What decides the fields of a window. */
typedef struct
{
  guint scale;                  /* how many times larger pictures become */
  guint channels, width, height;        /* of latents */
} VldmUpsampleShape;

/* The same as vldm_upsample_check, vldm_upsample_shape and vldm_upsample_tiles, for configurations that have been found; the
 * last takes settings that have been checked. */
gboolean vldm_upsample_check_settings (VldmModel * model, const VldmUpsampleConfigs * configs,
    const VldmUpsampleParams * params, GError ** error);
gboolean vldm_upsample_find_shape (const VldmUpsampleConfigs * configs, guint width, guint height,
    VldmUpsampleShape * shape, GError ** error);
void vldm_upsample_choose_tiles (VldmModel * model, const VldmUpsampleConfigs * configs,
    const VldmUpsampleParams * params, const VldmUpsampleShape * shape, guint * tile_size, guint * tile_overlap);

G_END_DECLS
