/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Vocabulary and merges of a tokenizer folder: from tokenizer.json, or from vocab.json and merges.txt.
 */
#pragma once

#include "vldm/text/bpe.h"

G_BEGIN_DECLS

/* @tokenizer is @folder's tokenizer.json, NULL where there is none. VLDM_ERROR_NOT_FOUND, VLDM_ERROR_READ,
 * VLDM_ERROR_MODEL with file and token or merge. */
VldmBpe *vldm_vocabulary_read (const char *folder, JsonObject * tokenizer, GError ** error);

G_END_DECLS
