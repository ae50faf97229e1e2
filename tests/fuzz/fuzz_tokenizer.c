/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input is files of a tokenizer folder and a prompt, with a NUL byte between them, in the order of `files`; a part
 * that is empty is a file that is missing. The prompt comes last.
 */
#include <string.h>

#include "vldm/text/tokenizer.h"

#include "fuzz.h"

#define LENGTH 77

static const char *const files[] = { "vocab.json", "merges.txt",
  "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
  "added_tokens.json"
};

static void
encode (VldmTokenizer * tokenizer, const char *prompt)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dropped = NULL;
  guint32 ids[LENGTH];

  if (!vldm_tokenizer_encode (tokenizer, prompt, LENGTH, ids, &dropped, &error)) {
    g_assert_nonnull (error);
    return;
  }
  for (guint i = 0; i < LENGTH; i++)
    g_assert_cmpuint (ids[i], <, vldm_tokenizer_size (tokenizer));
  g_assert_true (!dropped || g_utf8_validate (dropped, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  const guint8 *end = data + size;
  g_autoptr (VldmTokenizer) tokenizer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *prompt = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    const guint8 *stop = data < end ? memchr (data, 0, end - data) : NULL;

    if (!stop)
      stop = end;
    fuzz_write (files[i], stop > data ? data : NULL, stop - data);
    data = stop < end ? stop + 1 : end;
  }
  tokenizer = vldm_tokenizer_load (fuzz_folder (), &error);
  g_assert_true ((tokenizer == NULL) == (error != NULL));
  if (!tokenizer)
    return 0;
  prompt = g_strndup ((const char *) data, end - data);
  encode (tokenizer, prompt);
  return 0;
}
