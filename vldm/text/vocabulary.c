/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The two forms of a vocabulary with its merges.
 */
#include "vldm/text/vocabulary.h"

#include <string.h>

#include "vldm/files/files.h"
#include "vldm/files/json.h"

static gboolean
add_merge (const char *folder, VldmBpe * bpe, const char *name, guint number,
    const char *left, const char *right, GError ** error)
{
  g_autofree char *missing = NULL;

  if (vldm_bpe_add_merge (bpe, left, right, &missing))
    return TRUE;
  return vldm_json_refuse (folder, name, error,
      "merge %u, \"%s %s\": the vocabulary has " "no \"%s\"", number, left,
      right, missing);
}

/* "a b", as in merges.txt and in older tokenizer.json. */
static gboolean
add_merge_text (const char *folder, VldmBpe * bpe, const char *name,
    guint number, const char *text, GError ** error)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", 3);

  if (g_strv_length (parts) != 2)
    return vldm_json_refuse (folder, name, error,
        "merge %u: \"%s\" is not two tokens with " "one space between them",
        number, text);
  return add_merge (folder, bpe, name, number, parts[0], parts[1], error);
}

static gboolean
read_merges_file (const char *folder, VldmBpe * bpe, GError ** error)
{
  static const char name[] = "merges.txt";
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (GError) file_error = NULL;
  g_autoptr (GMappedFile) file = vldm_file_map_text (path, &file_error);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!file) {
    g_set_error (error, VLDM_ERROR, file_error->code,
        "%s; vocab.json needs it beside it", file_error->message);
    return FALSE;
  }
  if (g_mapped_file_get_length (file) > VLDM_JSON_MAX_SIZE
      || !g_utf8_validate_len (g_mapped_file_get_contents (file),
          g_mapped_file_get_length (file), NULL)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: expected UTF-8 text of at most %d MiB", path,
        VLDM_JSON_MAX_SIZE >> 20);
    return FALSE;
  }
  text = g_strndup (g_mapped_file_get_contents (file),
      g_mapped_file_get_length (file));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    gsize length = strlen (lines[i]);

    if (length > 0 && lines[i][length - 1] == '\r')
      lines[i][--length] = '\0';
    if (length == 0 || g_str_has_prefix (lines[i], "#version"))
      continue;
    if (!add_merge_text (folder, bpe, name, i + 1, lines[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_merges_list (const char *folder, VldmBpe * bpe, JsonArray * merges,
    GError ** error)
{
  static const char name[] = "tokenizer.json";

  for (guint i = 0; i < json_array_get_length (merges); i++) {
    JsonNode *node = json_array_get_element (merges, i);
    JsonArray *pair = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
        : NULL;
    gboolean ok = FALSE;

    if (pair && json_array_get_length (pair) == 2) {
      const char *left =
          vldm_json_node_string (json_array_get_element (pair, 0));
      const char *right =
          vldm_json_node_string (json_array_get_element (pair, 1));

      if (left && right)
        ok = add_merge (folder, bpe, name, i, left, right, error);
      else
        vldm_json_refuse (folder, name, error, "merge %u is no pair of strings",
            i);
    } else if (vldm_json_node_string (node)) {
      ok = add_merge_text (folder, bpe, name, i, vldm_json_node_string (node),
          error);
    } else {
      vldm_json_refuse (folder, name, error, "merge %u is neither \"a b\" nor "
          "[\"a\", \"b\"]", i);
    }
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

/* tokenizer.json, the form that transformers 5 saves. */
static VldmBpe *
read_tokenizer_json (const char *folder, JsonObject * tokenizer,
    GError ** error)
{
  static const char name[] = "tokenizer.json";
  g_autofree char *path = g_build_filename (folder, name, NULL);
  JsonObject *model = vldm_json_member_object (tokenizer, "model");
  JsonObject *tokens = model ? vldm_json_member_object (model, "vocab") : NULL;
  JsonArray *merges = model ? vldm_json_member_array (model, "merges") : NULL;
  const char *type = model ? vldm_json_member_string (model, "type") : NULL;
  g_autoptr (VldmBpe) bpe = NULL;

  if (type && !g_str_equal (type, "BPE")) {
    vldm_json_refuse (folder, name, error, "model.type: \"%s\" is not "
        "supported; possible: BPE, as CLIP has it", type);
    return NULL;
  }
  if (!tokens || !merges) {
    vldm_json_refuse (folder, name, error, "expected model.vocab, an object, "
        "and model.merges, a list");
    return NULL;
  }
  bpe = vldm_bpe_new (tokens, path, error);
  if (!bpe || !read_merges_list (folder, bpe, merges, error))
    return NULL;
  return g_steal_pointer (&bpe);
}

static VldmBpe *
read_vocab_json (const char *folder, GError ** error)
{
  static const char name[] = "vocab.json";
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (JsonObject) tokens = NULL;
  g_autoptr (VldmBpe) bpe = NULL;

  if (!vldm_json_load_optional (folder, name, &tokens, error))
    return NULL;
  if (!tokens) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND, "%s: no tokenizer: "
        "looked for tokenizer.json, and for vocab.json with merges.txt",
        folder);
    return NULL;
  }
  bpe = vldm_bpe_new (tokens, path, error);
  if (!bpe || !read_merges_file (folder, bpe, error))
    return NULL;
  return g_steal_pointer (&bpe);
}

VldmBpe *
vldm_vocabulary_read (const char *folder, JsonObject * tokenizer,
    GError ** error)
{
  return tokenizer ? read_tokenizer_json (folder, tokenizer, error)
      : read_vocab_json (folder, error);
}
