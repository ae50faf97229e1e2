/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which tokens of a tokenizer folder are found in the text itself, before words are split, and which frame it.
 * Source: transformers 5 PreTrainedTokenizerBase._from_pretrained and TokenizersBackend, for the class CLIPTokenizer.
 */
#pragma once

#include "vldm/text/bpe.h"

G_BEGIN_DECLS

typedef struct
{
  char *content;
  guint32 id;
  gboolean normalized;          /* looked for in the normalized text, else in the text as written */
  gboolean single_word;         /* not beside letters or digits */
} VldmAddedToken;

typedef struct
{
  GArray *added;                /* of VldmAddedToken */
  guint32 begin, end, padding;
} VldmSpecialTokens;

/* From @folder's files, of which @config is tokenizer_config.json and @tokenizer tokenizer.json; either may be NULL.
 * Tokens that @bpe's vocabulary lacks get ids behind it; @bpe is told the unknown token. VLDM_ERROR_READ,
 * VLDM_ERROR_MODEL with file and token. */
gboolean vldm_special_tokens_read (VldmSpecialTokens * special, const char *folder, JsonObject * config,
    JsonObject * tokenizer, VldmBpe * bpe, GError ** error);
void vldm_special_tokens_clear (VldmSpecialTokens * special);

G_END_DECLS
