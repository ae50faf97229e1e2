/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Prompt and negative prompt as a UNet wants them, encoded when they change and kept from window to window.
 */
#pragma once

#include "vldm/networks/text_encoder.h"
#include "vldm/networks/unet.h"
#include "vldm/stages/report.h"
#include "vldm/text/tokenizer.h"

G_BEGIN_DECLS

typedef struct _VldmPrompts VldmPrompts;

/* For @unet, of text in @type; keeps none of the networks. @folder is that of @encoder, for messages. */
VldmPrompts *vldm_prompts_new (VldmTokenizer * tokenizer, VldmTextEncoder * encoder, const char *folder,
    VldmUnet * unet, OclType type);
void vldm_prompts_free (VldmPrompts * prompts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmPrompts, vldm_prompts_free);

/* Encodes what is not encoded yet for windows of @frames frames; @negative NULL = will not be read. Warns of prompts that are
 * too long. */
gboolean vldm_prompts_encode (VldmPrompts * prompts, OclQueue * queue, guint frames, const char *prompt,
    const char *negative, VldmReport * report, GError ** error);

/* What was encoded last. */
const VldmUnetContext *vldm_prompts_text (const VldmPrompts * prompts);
const VldmUnetContext *vldm_prompts_negative (const VldmPrompts * prompts);

G_END_DECLS
