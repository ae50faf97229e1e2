/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CLIPTextModel: token ids -> one vector a token. Source: transformers' class of that name.
 */
#pragma once

#include "opencl/ops/tensor.h"
#include "vldm/files/config.h"
#include "vldm/networks/layers.h"

G_BEGIN_DECLS

typedef struct _VldmTextEncoder VldmTextEncoder;

/* Tensor names with and without the prefix "text_model." are accepted. */
VldmTextEncoder *vldm_text_encoder_load (OclDevice * device, OclType type, const char *folder,
    VldmLoadingFunc loading, gpointer user_data, GError ** error);
void vldm_text_encoder_free (VldmTextEncoder * encoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmTextEncoder, vldm_text_encoder_free);

const VldmTextConfig *vldm_text_encoder_config (VldmTextEncoder * encoder);

/* @ids [n], n <= max_position_embeddings; @output [1, 1, n, hidden_size]: last_hidden_state, after the final norm. */
gboolean vldm_text_encoder_run (VldmTextEncoder * encoder, OclQueue * queue, const guint32 * ids, guint n,
    const OclTensor * output, GError ** error);

G_END_DECLS
