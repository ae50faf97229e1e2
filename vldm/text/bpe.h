/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Byte-level byte-pair encoding of single words: each byte is a symbol, the last one marked as the word's end; then the
 * pair of neighbours that comes first in the list of merges becomes one symbol, until none is in the list.
 * Source: tokenizers' BPE with ByteLevel, which transformers' CLIPTokenizer runs.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "vldm/error.h"

G_BEGIN_DECLS

/* Ids are below this: far above any vocabulary, low enough for tables. */
#define VLDM_BPE_MAX_IDS (1 << 24)

typedef struct _VldmBpe VldmBpe;

/* From an object that maps tokens to ids. VLDM_ERROR_MODEL names @path and the token. */
VldmBpe *vldm_bpe_new (JsonObject * vocabulary, const char *path, GError ** error);
void vldm_bpe_free (VldmBpe * bpe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmBpe, vldm_bpe_free);

/* The next merge, in order of rank. FALSE with @missing, a token that the vocabulary lacks (free it). */
gboolean vldm_bpe_add_merge (VldmBpe * bpe, const char *left, const char *right, char **missing);

/* Ids for bytes that have none, where the vocabulary has @token; else they are dropped. */
void vldm_bpe_set_unknown (VldmBpe * bpe, const char *token);

gboolean vldm_bpe_find (VldmBpe * bpe, const char *token, guint32 * id);

/* Number of tokens; largest id. */
guint vldm_bpe_n_tokens (VldmBpe * bpe);
guint32 vldm_bpe_max_id (VldmBpe * bpe);

/* Appends the ids (guint32) of the @n bytes of one word. O(n log n). */
void vldm_bpe_encode (VldmBpe * bpe, const char *word, gsize n, GArray * ids);

/* Appends the bytes of one token, a space for the word's end. */
void vldm_bpe_decode (VldmBpe * bpe, guint32 id, GString * text);

G_END_DECLS
