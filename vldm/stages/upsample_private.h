/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The upsampler's configurations: between upsample_settings.c, which says what can be asked for, and upsample.c, which runs.
 */
#pragma once

#include "vldm/model.h"

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

G_END_DECLS
