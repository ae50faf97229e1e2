/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a tokenizer folder says, whichever of its forms it has: vocabulary and merges, and which tokens are special.
 * Source: transformers 5 PreTrainedTokenizerBase._from_pretrained and TokenizersBackend, for the class CLIPTokenizer.
 */
#pragma once

#include "vldm/model/bpe.h"

G_BEGIN_DECLS

/* A token that is found in the text itself, before words are split. */
typedef struct
{
  char *content;
  guint32 id;
  gboolean normalized;          /* looked for in the normalized text, else in the text as written */
  gboolean single_word;         /* not beside letters or digits */
} VldmAddedToken;

typedef struct
{
  VldmBpe *bpe;
  GArray *added;                /* of VldmAddedToken */
  guint32 begin, end, padding;
} VldmTokenizerFiles;

/* VLDM_ERROR_NOT_FOUND, VLDM_ERROR_READ, VLDM_ERROR_MODEL with file and token. */
gboolean vldm_tokenizer_files_read (VldmTokenizerFiles * files, const char *folder, GError ** error);
void vldm_tokenizer_files_clear (VldmTokenizerFiles * files);

G_END_DECLS
