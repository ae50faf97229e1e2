/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Special tokens. tokenizer_config.json has them all if it has the key added_tokens_decoder; older folders spread them
 * over special_tokens_map.json, added_tokens.json and tokenizer.json. Their order matters: of two entries for one token
 * the later one's flags hold.
 */
#include "vldm/text/special_tokens.h"

#include "vldm/files/json.h"

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
  VldmSpecialTokens *special;
  VldmBpe *bpe;
  const char *folder;
  JsonObject *config;           /* tokenizer_config.json, or NULL */
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
  g_clear_pointer (&reader->listed, g_tree_unref);
  g_clear_pointer (&reader->extra, g_array_unref);
  for (guint i = 0; i < N_NAMED; i++)
    added_clear (&reader->named[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear);

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

    content = vldm_json_member_string (object, "content");
    special = special || vldm_json_member_bool (object, "special", FALSE);
    token->normalized = vldm_json_member_bool (object, "normalized", !special);
    token->single_word = vldm_json_member_bool (object, "single_word", FALSE);
  } else {
    content = vldm_json_node_string (node);
  }
  if (content && *content) {
    token->content = g_strdup (content);
    return TRUE;
  }
  found = vldm_json_describe (node);
  return vldm_json_refuse (reader->folder, name, error,
      "a special token is %s, expected a string "
      "that is not empty, or an object with one as content", found);
}

static gboolean
list_token (Reader * reader, const char *name, gint64 id, JsonNode * node,
    GError ** error)
{
  VldmAddedToken *token;

  if (id < 0 || id >= VLDM_BPE_MAX_IDS)
    return vldm_json_refuse (reader->folder, name, error,
        "an added token has id %" G_GINT64_FORMAT ", expected 0 to %d", id,
        VLDM_BPE_MAX_IDS - 1);
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
      return vldm_json_refuse (reader->folder, "tokenizer_config.json", error,
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
      ? vldm_json_member_array (reader->tokenizer, "added_tokens") : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonNode *id = JSON_NODE_HOLDS_OBJECT (node)
        ? json_object_get_member (json_node_get_object (node), "id") : NULL;
    gint64 number;

    if (!vldm_json_node_int (id, G_MININT64, G_MAXINT64, &number))
      return vldm_json_refuse (reader->folder, "tokenizer.json", error,
          "added_tokens[%u]: " "expected an object with an integer as id", i);
    if (!list_token (reader, "tokenizer.json", number, node, error))
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

  if (!vldm_json_load_optional (reader->folder, name, &object, error))
    return FALSE;
  if (!object)
    return TRUE;
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &content, &node)) {
    VldmAddedToken *token;
    gint64 id;

    if (!*content || !vldm_json_node_int (node, 0, VLDM_BPE_MAX_IDS - 1, &id))
      return vldm_json_refuse (reader->folder, name, error,
          "\"%s\": expected a token that is not "
          "empty, with an id from 0 to %d", content, VLDM_BPE_MAX_IDS - 1);
    token = g_new0 (VldmAddedToken, 1);
    token->content = g_strdup (content);
    token->normalized = !is_special (reader, content);
    g_tree_replace (reader->listed, GUINT_TO_POINTER (id), token);
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
    JsonArray *list = vldm_json_member_array (object, lists[i]);

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
  JsonObject *decoder = reader->config
      ? vldm_json_member_object (reader->config, "added_tokens_decoder") : NULL;

  for (guint i = 0; i < N_NAMED; i++)
    reader->named[i].content = g_strdup (named_keys[i].fallback);
  if (reader->config && !read_named (reader, "tokenizer_config.json",
          reader->config, FALSE, error))
    return FALSE;
  if (decoder)
    return read_decoder (reader, decoder, error);

  if (!vldm_json_load_optional (reader->folder, "special_tokens_map.json", &map,
          error))
    return FALSE;
  if (map && !read_named (reader, "special_tokens_map.json", map, TRUE, error))
    return FALSE;
  return read_added_file (reader, error) && read_added_list (reader, error);
}

/* A token that the vocabulary lacks gets the next free id. */
static guint32
find_or_make_id (const Reader * reader, const char *content)
{
  GArray *added = reader->special->added;
  guint32 id, next = vldm_bpe_n_tokens (reader->bpe);

  for (guint i = 0; i < added->len; i++) {
    VldmAddedToken *other = &g_array_index (added, VldmAddedToken, i);

    if (g_str_equal (other->content, content))
      return other->id;
    next = MAX (next, other->id + 1);
  }
  return vldm_bpe_find (reader->bpe, content, &id) ? id : next;
}

/* Takes @token's content. */
static guint32
add_token (Reader * reader, VldmAddedToken * token)
{
  GArray *added = reader->special->added;
  guint32 id = token->id = find_or_make_id (reader, token->content);

  for (guint i = 0; i < added->len; i++) {
    VldmAddedToken *other = &g_array_index (added, VldmAddedToken, i);

    if (other->id == id) {
      added_clear (other);
      *other = *token;
      token->content = NULL;
      return id;
    }
  }
  g_array_append_val (added, *token);
  token->content = NULL;
  return id;
}

static gboolean
add_listed (gpointer id, gpointer token, gpointer reader)
{
  add_token (reader, token);
  return FALSE;
}

static gboolean
is_listed (const Reader * reader, guint n_listed, const char *content)
{
  for (guint i = 0; i < n_listed; i++)
    if (g_str_equal (g_array_index (reader->special->added, VldmAddedToken,
                i).content, content))
      return TRUE;
  return FALSE;
}

/* Listed tokens in order of their ids, then named and extra ones that are not among them. */
static void
add_tokens (Reader * reader)
{
  guint32 ids[N_NAMED] = { 0 };
  guint n_listed;

  g_tree_foreach (reader->listed, add_listed, reader);
  n_listed = reader->special->added->len;
  for (guint i = 0; i < N_NAMED + reader->extra->len; i++) {
    VldmAddedToken *token = i < N_NAMED ? &reader->named[i]
        : &g_array_index (reader->extra, VldmAddedToken, i - N_NAMED);
    guint32 id;

    if (!token->content)
      continue;
    id = is_listed (reader, n_listed, token->content)
        ? find_or_make_id (reader, token->content) : add_token (reader, token);
    if (i < N_NAMED)
      ids[i] = id;
  }
  reader->special->begin = ids[NAMED_BEGIN];
  reader->special->end = ids[NAMED_END];
  reader->special->padding = ids[NAMED_PADDING];
}

gboolean
vldm_special_tokens_read (VldmSpecialTokens * special, const char *folder,
    JsonObject * config, JsonObject * tokenizer, VldmBpe * bpe, GError ** error)
{
  g_auto (Reader) reader = { special, bpe, folder, config, tokenizer };
  guint n;

  *special = (VldmSpecialTokens) {
  0};
  special->added = g_array_new (FALSE, FALSE, sizeof (VldmAddedToken));
  g_array_set_clear_func (special->added, (GDestroyNotify) added_clear);
  reader.extra = g_array_new (FALSE, FALSE, sizeof (VldmAddedToken));
  g_array_set_clear_func (reader.extra, (GDestroyNotify) added_clear);
  reader.listed = g_tree_new_full (compare_ids, NULL, NULL, added_free);

  if (!read_special_tokens (&reader, error))
    return FALSE;
  n = g_tree_nnodes (reader.listed) + reader.extra->len;
  if (n > MAX_ADDED)
    return vldm_json_refuse (folder, "tokenizer_config.json", error,
        "%u added tokens; possible are %d", n, MAX_ADDED);
  vldm_bpe_set_unknown (bpe, reader.named[NAMED_UNKNOWN].content);
  add_tokens (&reader);
  return TRUE;
}

void
vldm_special_tokens_clear (VldmSpecialTokens * special)
{
  g_clear_pointer (&special->added, g_array_unref);
}
