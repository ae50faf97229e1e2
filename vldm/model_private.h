/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model's inside: between model.c, which owns it and knows its configurations, and model_networks.c, which loads.
 */
#pragma once

#include "vldm/files/configs.h"
#include "vldm/model.h"

G_BEGIN_DECLS

/* The rows of the table in model_networks.c. */
typedef enum
{
  VLDM_NETWORK_UNET,
  VLDM_NETWORK_INTERPOLATOR,
  VLDM_NETWORK_ENCODER,
  VLDM_NETWORK_DECODER,
  VLDM_NETWORK_TEXT_ENCODER,
  VLDM_NETWORK_TOKENIZER,
  VLDM_NETWORK_UPSAMPLER,
  VLDM_NETWORK_UPSAMPLER_DECODER,
  VLDM_NETWORK_UPSAMPLER_TEXT_ENCODER,
  VLDM_NETWORK_UPSAMPLER_TOKENIZER,
  VLDM_N_NETWORKS,
} VldmNetwork;

struct _VldmModel
{
  gint ref_count;
  char *folder;
  OclDevice *device;
  OclType type;                 /* of weights */
  gboolean precision_is_open;
  VldmConfigs *configs;
  VldmDefaults *defaults;
  VldmNetwork serving[VLDM_N_NETWORKS];  /* which network serves for each: mostly itself */
  guint max_noise_level;        /* 0 = no upsampler, or noise_level_error */
  GError *noise_level_error;
  gint closing;                 /* atomic: nobody needs kernels any more */

  GMutex lock;                  /* of all below */
  GCond loaded;
  gboolean loading;             /* somebody loads, without holding the lock */
  GThread *kernels;             /* builds kernels since the first loading; NULL = not begun */
  gpointer networks[VLDM_N_NETWORKS];        /* loaded; a network that another one serves for stays NULL */
};

/* Finds out which network serves for each: once, when the configurations have been read. */
void vldm_model_choose_networks (VldmModel * model);

/* The component of the network that serves for @network. */
const char *vldm_model_serving_component (VldmModel * model, VldmNetwork network);

/* Ends the building of kernels and frees all networks. */
void vldm_model_unload_networks (VldmModel * model);

G_END_DECLS
