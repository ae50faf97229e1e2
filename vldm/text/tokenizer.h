/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CLIP's byte-level BPE tokenizer, from vocab.json + merges.txt or from tokenizer.json.
 * Source: transformers' CLIPTokenizer; token ids are equal to its.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

typedef struct _VldmTokenizer VldmTokenizer;

VldmTokenizer *vldm_tokenizer_load (const char *folder, GError ** error);
void vldm_tokenizer_free (VldmTokenizer * tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmTokenizer, vldm_tokenizer_free);

/* @text as start token, tokens, end token, padding: @length ids in all (77). What does not fit is dropped as
 * transformers does (the end token stays); @dropped, if not NULL, gets the text of the tokens that were (NULL if none).
 * VLDM_ERROR_TEXT for invalid UTF-8 (with the byte offset) or more than 64 KiB. */
gboolean vldm_tokenizer_encode (VldmTokenizer * tokenizer, const char *text, guint length, guint32 * ids,
    char **dropped, GError ** error);

/* Largest id + 1, to be checked against the text encoder's vocab_size. */
guint vldm_tokenizer_size (VldmTokenizer * tokenizer);

G_END_DECLS
