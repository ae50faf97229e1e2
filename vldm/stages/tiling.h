/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A UNet that sees its field in overlapping tiles; the outputs are averaged by weights that fall towards a tile's edges.
 * The field lies in the host's memory, and on the device is one tile at a time.
 * Source: MultiDiffusion, arXiv 2302.08113.
 */
#pragma once

#include "vldm/frames.h"
#include "vldm/networks/unet.h"
#include "vldm/stages/tiles.h"

G_BEGIN_DECLS

typedef struct
{
  VldmUnet *unet;
  const gfloat *time_ids;       /* as in VldmUnetCall */
  const VldmFrames *beside;     /* what the network sees beside the latents, its last channels */
  VldmTiles rows, columns;
  OclTensor row_weights, column_weights;        /* [n, 1, 1, size], fp32: one frame per tile; from the arena */
} VldmTiledUnet;

/* For @tiled, whose unet, time_ids and beside are set: fields of the size of @beside, in tiles of @size that share @overlap. */
gboolean vldm_tiled_unet_init (VldmTiledUnet * tiled, OclQueue * queue, guint size, guint overlap, GError ** error);

/* A VldmFieldFunc; @network is a VldmTiledUnet. */
gboolean vldm_tiled_unet_call (OclQueue * queue, const VldmUnetCall * call, const VldmFrames * latents,
    gfloat input_scale, VldmFrames * const *outputs, gpointer network, GError ** error);

/* The largest square tile, a multiple of @unit, of which @frames frames fit into a quarter of @device's memory: as large
 * as the field if all of it fits. Depends on the device only, not on what else is in its memory. */
guint vldm_tile_size_for (OclDevice * device, const VldmUnetConfig * config, OclType type, guint frames,
    guint height, guint width, guint unit);

G_END_DECLS
