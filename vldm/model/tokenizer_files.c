/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading a tokenizer folder. Vocabulary and merges come from tokenizer.json, or from vocab.json and merges.txt. Special
 * tokens come from tokenizer_config.json; files older than its key added_tokens_decoder spread them over
 * special_tokens_map.json, added_tokens.json and tokenizer.json. Their order matters: of two entries for one token the
 * later one's flags hold.
 */
#include "vldm/model/tokenizer_files.h"

#include <string.h>

#include "vldm/model/json.h"

/* They are looked for one by one. */
#define MAX_ADDED 4096
#define END_OF_TEXT "<|endoftext|>"

typedef enum
{
  NAMED_BEGIN,
  NAMED_END,
  NAMED_UNKNOWN,
  NAMED_SEPARATOR,
  NAMED_PADDING,
  NAMED_CLASS,
  NAMED_MASK,
  N_NAMED,
} Named;

/* Keys in transformers' order, with CLIPTokenizer's defaults. */
static const struct
{
  const char *key, *fallback;
} named_keys[N_NAMED] = {
  {"bos_token", "<|startoftext|>"},
  {"eos_token", END_OF_TEXT},
  {"unk_token", END_OF_TEXT},
  {"sep_token", NULL},
  {"pad_token", END_OF_TEXT},
  {"cls_token", NULL},
  {"mask_token", NULL},
};

typedef struct
{
  VldmTokenizerFiles *files;
  const char *folder;
  JsonObject *config;           /* tokenizer_config.json, or empty */
  JsonObject *tokenizer;        /* tokenizer.json, or NULL */
  GTree *listed;                /* id -> VldmAddedToken: tokens that come with an id */
  VldmAddedToken named[N_NAMED];        /* content NULL: none */
  GArray *extra;                /* of VldmAddedToken */
} Reader;

static void
added_clear (VldmAddedToken * token)
{
  g_clear_pointer (&token->content, g_free);
}

static void
added_free (gpointer token)
{
  added_clear (token);
  g_free (token);
}

static gint
compare_ids (gconstpointer a, gconstpointer b, gpointer user_data)
{
  guint x = GPOINTER_TO_UINT (a), y = GPOINTER_TO_UINT (b);

  return x < y ? -1 : x > y;
}

static void
reader_clear (Reader * reader)
{
  g_clear_pointer (&reader->config, json_object_unref);
  g_clear_pointer (&reader->tokenizer, json_object_unref);
  g_clear_pointer (&reader->listed, g_tree_unref);
  g_clear_pointer (&reader->extra, g_array_unref);
  for (guint i = 0; i < N_NAMED; i++)
    added_clear (&reader->named[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear);

static gboolean
fail (const Reader * reader, const char *name, GError ** error,
    const char *format, ...)
G_GNUC_PRINTF (4, 5);

     static gboolean
         fail (const Reader * reader, const char *name, GError ** error,
    const char *format, ...)
{
  g_autofree char *path = g_build_filename (reader->folder, name, NULL);
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL, "%s: %s", path, what);
  return FALSE;
}

/* @object stays NULL where there is no such file. */
static gboolean
load_optional (const Reader * reader, const char *name, JsonObject ** object,
    GError ** error)
{
  g_autofree char *path = g_build_filename (reader->folder, name, NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  *object = vldm_json_load (path, error);
  return *object != NULL;
}

/* NULL if @node is NULL or no string. */
static const char *
node_string (JsonNode * node)
{
  return node && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

static const char *
get_string (JsonObject * object, const char *key)
{
  return node_string (json_object_get_member (object, key));
}

/* NULL if the key is missing or holds something else. */
static JsonObject *
get_object (JsonObject * object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
      : NULL;
}

static JsonArray *
get_array (JsonObject * object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
      : NULL;
}

static gboolean
get_flag (JsonObject * object, const char *key, gboolean fallback)
{
  JsonNode *node = json_object_get_member (object, key);

  return node && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN
      ? json_node_get_boolean (node) : fallback;
}

/* A string, or an object with content and flags. A special token is looked for in the text as written unless its object
 * says otherwise; a plain one in the normalized text. White space around it (lstrip, rstrip) never becomes a token. */
static gboolean
read_added (const Reader * reader, const char *name, JsonNode * node,
    gboolean special, VldmAddedToken * token, GError ** error)
{
  g_autofree char *found = NULL;
  const char *content = NULL;

  added_clear (token);
  *token = (VldmAddedToken) {
  0};
  if (JSON_NODE_HOLDS_OBJECT (node)) {
    JsonObject *object = json_node_get_object (node);

    content = get_string (object, "content");
    special = special || get_flag (object, "special", FALSE);
    token->normalized = get_flag (object, "normalized", !special);
    token->single_word = get_flag (object, "single_word", FALSE);
  } else {
    content = node_string (node);
  }
  if (content && *content) {
    token->content = g_strdup (content);
    return TRUE;
  }
  found = vldm_json_describe (node);
  return fail (reader, name, error, "a special token is %s, expected a string "
      "that is not empty, or an object with one as content", found);
}

static gboolean
list_token (Reader * reader, const char *name, gint64 id, JsonNode * node,
    GError ** error)
{
  VldmAddedToken *token;

  if (id < 0 || id >= VLDM_BPE_MAX_IDS)
    return fail (reader, name, error, "an added token has id %"
        G_GINT64_FORMAT ", expected 0 to %d", id, VLDM_BPE_MAX_IDS - 1);
  token = g_new0 (VldmAddedToken, 1);
  if (!read_added (reader, name, node, FALSE, token, error)) {
    added_free (token);
    return FALSE;
  }
  g_tree_replace (reader->listed, GUINT_TO_POINTER (id), token);
  return TRUE;
}

/* tokenizer_config.json: added_tokens_decoder, { "49406": { content ... } }. */
static gboolean
read_decoder (Reader * reader, JsonObject * decoder, GError ** error)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, decoder);
  while (json_object_iter_next_ordered (&iter, &key, &node)) {
    guint64 id;

    if (!g_ascii_string_to_unsigned (key, 10, 0, VLDM_BPE_MAX_IDS - 1, &id,
            NULL))
      return fail (reader, "tokenizer_config.json", error,
          "added_tokens_decoder: \"%s\" is no id, expected 0 to %d", key,
          VLDM_BPE_MAX_IDS - 1);
    if (!list_token (reader, "tokenizer_config.json", id, node, error))
      return FALSE;
  }
  return TRUE;
}

/* tokenizer.json: added_tokens, [{ id, content ... }]. */
static gboolean
read_added_list (Reader * reader, GError ** error)
{
  JsonArray *list = reader->tokenizer
      ? get_array (reader->tokenizer, "added_tokens") : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonNode *id = JSON_NODE_HOLDS_OBJECT (node)
        ? json_object_get_member (json_node_get_object (node), "id") : NULL;

    if (!id || !JSON_NODE_HOLDS_VALUE (id)
        || json_node_get_value_type (id) != G_TYPE_INT64)
      return fail (reader, "tokenizer.json", error, "added_tokens[%u]: "
          "expected an object with an integer as id", i);
    if (!list_token (reader, "tokenizer.json", json_node_get_int (id), node,
            error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_special (const Reader * reader, const char *content)
{
  for (guint i = 0; i < N_NAMED; i++)
    if (g_strcmp0 (reader->named[i].content, content) == 0)
      return TRUE;
  for (guint i = 0; i < reader->extra->len; i++)
    if (g_str_equal (g_array_index (reader->extra, VldmAddedToken, i).content,
            content))
      return TRUE;
  return FALSE;
}

/* added_tokens.json: { content: id }. */
static gboolean
read_added_file (Reader * reader, GError ** error)
{
  static const char name[] = "added_tokens.json";
  g_autoptr (JsonObject) object = NULL;
  JsonObjectIter iter;
  const char *content;
  JsonNode *node;

  if (!load_optional (reader, name, &object, error))
    return FALSE;
  if (!object)
    return TRUE;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &content, &node)) {
    VldmAddedToken *token;

    if (!*content || !JSON_NODE_HOLDS_VALUE (node)
        || json_node_get_value_type (node) != G_TYPE_INT64
        || json_node_get_int (node) < 0
        || json_node_get_int (node) >= VLDM_BPE_MAX_IDS)
      return fail (reader, name, error, "\"%s\": expected a token that is not "
          "empty, with an id from 0 to %d", content, VLDM_BPE_MAX_IDS - 1);
    token = g_new0 (VldmAddedToken, 1);
    token->content = g_strdup (content);
    token->normalized = !is_special (reader, content);
    g_tree_replace (reader->listed,
        GUINT_TO_POINTER (json_node_get_int (node)), token);
  }
  return TRUE;
}

/* The named and the extra special tokens of one file. */
static gboolean
read_named (Reader * reader, const char *name, JsonObject * object,
    gboolean special, GError ** error)
{
  static const char *const lists[] = { "additional_special_tokens",
    "extra_special_tokens"
  };

  for (guint i = 0; i < N_NAMED; i++) {
    JsonNode *node = json_object_get_member (object, named_keys[i].key);

    if (node && !JSON_NODE_HOLDS_NULL (node)
        && !read_added (reader, name, node, special, &reader->named[i], error))
      return FALSE;
  }
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++) {
    JsonArray *list = get_array (object, lists[i]);

    for (guint k = 0; list && k < json_array_get_length (list); k++) {
      VldmAddedToken token = { 0 };

      if (!read_added (reader, name, json_array_get_element (list, k), TRUE,
              &token, error))
        return FALSE;
      g_array_append_val (reader->extra, token);
    }
  }
  return TRUE;
}

static gboolean
read_special_tokens (Reader * reader, GError ** error)
{
  g_autoptr (JsonObject) map = NULL;
  JsonObject *decoder = get_object (reader->config, "added_tokens_decoder");

  for (guint i = 0; i < N_NAMED; i++)
    reader->named[i].content = g_strdup (named_keys[i].fallback);
  if (!read_named (reader, "tokenizer_config.json", reader->config, FALSE,
          error))
    return FALSE;
  if (decoder)
    return read_decoder (reader, decoder, error);

  if (!load_optional (reader, "special_tokens_map.json", &map, error))
    return FALSE;
  if (map && !read_named (reader, "special_tokens_map.json", map, TRUE, error))
    return FALSE;
  return read_added_file (reader, error) && read_added_list (reader, error);
}

/* A token that the vocabulary lacks gets the next free id. */
static guint32
find_or_make_id (VldmTokenizerFiles * files, const char *content)
{
  guint32 id, next = vldm_bpe_n_tokens (files->bpe);

  for (guint i = 0; i < files->added->len; i++) {
    VldmAddedToken *other = &g_array_index (files->added, VldmAddedToken, i);

    if (g_str_equal (other->content, content))
      return other->id;
    next = MAX (next, other->id + 1);
  }
  return vldm_bpe_find (files->bpe, content, &id) ? id : next;
}

/* Takes @token's content. */
static guint32
add_token (VldmTokenizerFiles * files, VldmAddedToken * token)
{
  guint32 id = token->id = find_or_make_id (files, token->content);

  for (guint i = 0; i < files->added->len; i++) {
    VldmAddedToken *other = &g_array_index (files->added, VldmAddedToken, i);

    if (other->id == id) {
      added_clear (other);
      *other = *token;
      token->content = NULL;
      return id;
    }
  }
  g_array_append_val (files->added, *token);
  token->content = NULL;
  return id;
}

static gboolean
add_listed (gpointer id, gpointer value, gpointer user_data)
{
  add_token (user_data, value);
  return FALSE;
}

/* Listed tokens in order of their ids, then named and extra ones that are not among them. */
static void
add_tokens (Reader * reader)
{
  VldmTokenizerFiles *files = reader->files;
  guint n_listed;
  guint32 ids[N_NAMED] = { 0 };

  g_tree_foreach (reader->listed, add_listed, files);
  n_listed = files->added->len;
  for (guint i = 0; i < N_NAMED + reader->extra->len; i++) {
    VldmAddedToken *token = i < N_NAMED ? &reader->named[i]
        : &g_array_index (reader->extra, VldmAddedToken, i - N_NAMED);
    guint32 id;

    if (!token->content)
      continue;
    id = find_or_make_id (files, token->content);
    for (guint k = 0; k < n_listed && token->content; k++)
      if (g_str_equal (g_array_index (files->added, VldmAddedToken, k).content,
              token->content))
        added_clear (token);
    if (token->content)
      id = add_token (files, token);
    if (i < N_NAMED)
      ids[i] = id;
  }
  files->begin = ids[NAMED_BEGIN];
  files->end = ids[NAMED_END];
  files->padding = ids[NAMED_PADDING];
}

static gboolean
add_merge (Reader * reader, const char *name, guint number, const char *left,
    const char *right, GError ** error)
{
  g_autofree char *missing = NULL;

  if (vldm_bpe_add_merge (reader->files->bpe, left, right, &missing))
    return TRUE;
  return fail (reader, name, error, "merge %u, \"%s %s\": the vocabulary has "
      "no \"%s\"", number, left, right, missing);
}

/* "a b", as in merges.txt and in older tokenizer.json. */
static gboolean
add_merge_text (Reader * reader, const char *name, guint number,
    const char *text, GError ** error)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", 3);

  if (g_strv_length (parts) != 2)
    return fail (reader, name, error, "merge %u: \"%s\" is not two tokens with "
        "one space between them", number, text);
  return add_merge (reader, name, number, parts[0], parts[1], error);
}

static gboolean
read_merges_file (Reader * reader, GError ** error)
{
  static const char name[] = "merges.txt";
  g_autofree char *path = g_build_filename (reader->folder, name, NULL);
  g_autoptr (GError) file_error = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &file_error);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!file) {
    g_set_error (error, VLDM_ERROR,
        g_error_matches (file_error, G_FILE_ERROR, G_FILE_ERROR_NOENT)
        ? VLDM_ERROR_NOT_FOUND : VLDM_ERROR_READ,
        "%s: cannot be read: %s; vocab.json needs it beside it", path,
        file_error->message);
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
    if (!add_merge_text (reader, name, i + 1, lines[i], error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_merges_list (Reader * reader, JsonArray * merges, GError ** error)
{
  static const char name[] = "tokenizer.json";

  for (guint i = 0; i < json_array_get_length (merges); i++) {
    JsonNode *node = json_array_get_element (merges, i);
    JsonArray *pair = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
        : NULL;
    gboolean ok = FALSE;

    if (pair && json_array_get_length (pair) == 2) {
      const char *left = node_string (json_array_get_element (pair, 0));
      const char *right = node_string (json_array_get_element (pair, 1));

      if (left && right)
        ok = add_merge (reader, name, i, left, right, error);
      else
        fail (reader, name, error, "merge %u is no pair of strings", i);
    } else if (node_string (node)) {
      ok = add_merge_text (reader, name, i, node_string (node), error);
    } else {
      fail (reader, name, error, "merge %u is neither \"a b\" nor "
          "[\"a\", \"b\"]", i);
    }
    if (!ok)
      return FALSE;
  }
  return TRUE;
}

/* tokenizer.json, the form that transformers 5 saves. */
static gboolean
read_tokenizer_json (Reader * reader, GError ** error)
{
  static const char name[] = "tokenizer.json";
  g_autofree char *path = g_build_filename (reader->folder, name, NULL);
  JsonObject *model = get_object (reader->tokenizer, "model");
  JsonObject *vocabulary = model ? get_object (model, "vocab") : NULL;
  JsonArray *merges = model ? get_array (model, "merges") : NULL;
  const char *type = model ? get_string (model, "type") : NULL;

  if (g_strcmp0 (type ? type : "BPE", "BPE") != 0)
    return fail (reader, name, error, "model.type: \"%s\" is not supported; "
        "possible: BPE, as CLIP has it", type);
  if (!vocabulary || !merges)
    return fail (reader, name, error, "expected model.vocab, an object, and "
        "model.merges, a list");
  reader->files->bpe = vldm_bpe_new (vocabulary, path, error);
  return reader->files->bpe && read_merges_list (reader, merges, error);
}

static gboolean
read_vocab_json (Reader * reader, GError ** error)
{
  g_autofree char *path = g_build_filename (reader->folder, "vocab.json",
      NULL);
  g_autoptr (JsonObject) vocabulary = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND, "%s: no tokenizer: "
        "looked for tokenizer.json, and for vocab.json with merges.txt",
        reader->folder);
    return FALSE;
  }
  vocabulary = vldm_json_load (path, error);
  if (!vocabulary)
    return FALSE;
  reader->files->bpe = vldm_bpe_new (vocabulary, path, error);
  return reader->files->bpe && read_merges_file (reader, error);
}

static gboolean
check_class (Reader * reader, GError ** error)
{
  const char *name = get_string (reader->config, "tokenizer_class");

  if (!name || g_str_equal (name, "CLIPTokenizer")
      || g_str_equal (name, "CLIPTokenizerFast"))
    return TRUE;
  return fail (reader, "tokenizer_config.json", error, "tokenizer_class: "
      "\"%s\" is not supported; possible: CLIPTokenizer, CLIPTokenizerFast",
      name);
}

gboolean
vldm_tokenizer_files_read (VldmTokenizerFiles * files, const char *folder,
    GError ** error)
{
  g_auto (Reader) reader = { files, folder };

  *files = (VldmTokenizerFiles) {
  0};
  files->added = g_array_new (FALSE, FALSE, sizeof (VldmAddedToken));
  g_array_set_clear_func (files->added, (GDestroyNotify) added_clear);
  reader.extra = g_array_new (FALSE, FALSE, sizeof (VldmAddedToken));
  g_array_set_clear_func (reader.extra, (GDestroyNotify) added_clear);
  reader.listed = g_tree_new_full (compare_ids, NULL, NULL, added_free);

  if (!load_optional (&reader, "tokenizer_config.json", &reader.config, error)
      || !load_optional (&reader, "tokenizer.json", &reader.tokenizer, error))
    return FALSE;
  if (!reader.config)
    reader.config = json_object_new ();
  if (!check_class (&reader, error)
      || !(reader.tokenizer ? read_tokenizer_json (&reader, error)
          : read_vocab_json (&reader, error))
      || !read_special_tokens (&reader, error))
    return FALSE;
  if (g_tree_nnodes (reader.listed) + reader.extra->len > MAX_ADDED)
    return fail (&reader, "tokenizer_config.json", error, "%u added tokens; "
        "possible are %d", g_tree_nnodes (reader.listed) + reader.extra->len,
        MAX_ADDED);
  vldm_bpe_set_unknown (files->bpe, reader.named[NAMED_UNKNOWN].content);
  add_tokens (&reader);
  return TRUE;
}

void
vldm_tokenizer_files_clear (VldmTokenizerFiles * files)
{
  g_clear_pointer (&files->bpe, vldm_bpe_free);
  g_clear_pointer (&files->added, g_array_unref);
}
