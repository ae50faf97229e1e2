/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Byte-pair encoding with a heap of candidate merges over a linked list of symbols, so that a word of 64 KiB takes
 * milliseconds.
 */
#include "vldm/text/bpe.h"

#include <string.h>

#include "vldm/files/json.h"

#define END_OF_WORD "</w>"
#define NO_ID G_MAXUINT32
/* 188 bytes are their own names, 68 come after 255. */
#define N_NAMES (256 + 68)

typedef struct
{
  guint64 pair;                 /* left id << 32 | right id; first, as the hash table's key points at it */
  guint32 rank, id;             /* of the result */
} Merge;

struct _VldmBpe
{
  JsonObject *vocabulary;       /* owns the tokens that the tables point at */
  GHashTable *ids;              /* token -> id + 1 */
  GHashTable *tokens;           /* id -> token */
  GHashTable *merges;           /* Merge -> itself */
  guint n_merges;
  guint32 max_id;
  guint32 unknown;
  guint32 byte_ids[2][256];     /* inside a word, at its end */
  gunichar names[256];
  guint8 bytes[N_NAMES];        /* name -> byte, for names that bytes have */
};

static guint
pair_hash (gconstpointer key)
{
  guint64 pair = *(const guint64 *) key;

  return (guint) (pair >> 32) * 2654435761u + (guint) pair;
}

/* GPT-2's reversible names for bytes: printable ones are themselves, the others follow from U+0100 on. */
static void
name_bytes (VldmBpe * bpe)
{
  gunichar next = 256;

  for (guint byte = 0; byte < 256; byte++) {
    gboolean printable = (byte >= 33 && byte <= 126)
        || (byte >= 161 && byte != 173);

    bpe->names[byte] = printable ? byte : next++;
    bpe->bytes[bpe->names[byte]] = byte;
  }
}

static void
find_bytes (VldmBpe * bpe)
{
  for (guint byte = 0; byte < 256; byte++) {
    char symbol[6 + sizeof END_OF_WORD] = { 0 };
    gint n = g_unichar_to_utf8 (bpe->names[byte], symbol);

    for (guint end = 0; end < 2; end++) {
      if (end)
        strcpy (symbol + n, END_OF_WORD);
      if (!vldm_bpe_find (bpe, symbol, &bpe->byte_ids[end][byte]))
        bpe->byte_ids[end][byte] = NO_ID;
    }
  }
}

VldmBpe *
vldm_bpe_new (JsonObject * vocabulary, const char *path, GError ** error)
{
  g_autoptr (VldmBpe) bpe = g_new0 (VldmBpe, 1);
  JsonObjectIter iter;
  const char *token;
  JsonNode *node;

  bpe->vocabulary = json_object_ref (vocabulary);
  bpe->ids = g_hash_table_new (g_str_hash, g_str_equal);
  bpe->tokens = g_hash_table_new (NULL, NULL);
  bpe->merges = g_hash_table_new_full (pair_hash, g_int64_equal, NULL, g_free);
  bpe->unknown = NO_ID;
  json_object_iter_init_ordered (&iter, vocabulary);
  while (json_object_iter_next_ordered (&iter, &token, &node)) {
    gint64 id;

    if (!vldm_json_node_int (node, 0, VLDM_BPE_MAX_IDS - 1, &id)) {
      g_autofree char *found = vldm_json_describe (node);

      g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL, "%s: token \"%s\": "
          "expected an id from 0 to %d, found %s", path, token,
          VLDM_BPE_MAX_IDS - 1, found);
      return NULL;
    }
    g_hash_table_insert (bpe->ids, (gpointer) token, GUINT_TO_POINTER (id + 1));
    g_hash_table_insert (bpe->tokens, GUINT_TO_POINTER (id), (gpointer) token);
    bpe->max_id = MAX (bpe->max_id, id);
  }
  if (g_hash_table_size (bpe->ids) == 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL, "%s: the vocabulary has "
        "no tokens", path);
    return NULL;
  }
  name_bytes (bpe);
  find_bytes (bpe);
  return g_steal_pointer (&bpe);
}

void
vldm_bpe_free (VldmBpe * bpe)
{
  if (!bpe)
    return;
  g_clear_pointer (&bpe->ids, g_hash_table_unref);
  g_clear_pointer (&bpe->tokens, g_hash_table_unref);
  g_clear_pointer (&bpe->merges, g_hash_table_unref);
  g_clear_pointer (&bpe->vocabulary, json_object_unref);
  g_free (bpe);
}

gboolean
vldm_bpe_find (VldmBpe * bpe, const char *token, guint32 * id)
{
  guint found = GPOINTER_TO_UINT (g_hash_table_lookup (bpe->ids, token));

  *id = found - 1;
  return found > 0;
}

guint
vldm_bpe_n_tokens (VldmBpe * bpe)
{
  return g_hash_table_size (bpe->ids);
}

guint32
vldm_bpe_max_id (VldmBpe * bpe)
{
  return bpe->max_id;
}

void
vldm_bpe_set_unknown (VldmBpe * bpe, const char *token)
{
  if (!vldm_bpe_find (bpe, token, &bpe->unknown))
    bpe->unknown = NO_ID;
}

static guint64
make_pair (guint32 left, guint32 right)
{
  return (guint64) left << 32 | right;
}

gboolean
vldm_bpe_add_merge (VldmBpe * bpe, const char *left, const char *right,
    char **missing)
{
  g_autofree char *result = g_strconcat (left, right, NULL);
  const char *const tokens[] = { left, right, result };
  guint32 ids[3];
  Merge *merge;

  for (guint i = 0; i < 3; i++) {
    if (!vldm_bpe_find (bpe, tokens[i], &ids[i])) {
      *missing = g_strdup (tokens[i]);
      return FALSE;
    }
  }
  merge = g_new (Merge, 1);
  *merge = (Merge) {
  make_pair (ids[0], ids[1]), bpe->n_merges++, ids[2]};
  g_hash_table_replace (bpe->merges, merge, merge);
  return TRUE;
}

/* A symbol of the word being merged; neighbours by index, -1 at the ends. */
typedef struct
{
  guint32 id;
  gint previous, next;
  gboolean gone;
} Symbol;

typedef struct
{
  guint32 rank;
  gint at;                      /* left symbol */
  guint32 id;
} Candidate;

typedef struct
{
  VldmBpe *bpe;
  Symbol *symbols;
  GArray *heap;                 /* of Candidate, the one to merge first on top */
} Word;

static gboolean
comes_before (const Candidate * a, const Candidate * b)
{
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void
heap_push (GArray * heap, Candidate candidate)
{
  Candidate *c;
  guint i = heap->len;

  g_array_append_val (heap, candidate);
  c = &g_array_index (heap, Candidate, 0);
  for (; i > 0 && comes_before (&candidate, &c[(i - 1) / 2]); i = (i - 1) / 2)
    c[i] = c[(i - 1) / 2];
  c[i] = candidate;
}

static Candidate
heap_pop (GArray * heap)
{
  Candidate *c = &g_array_index (heap, Candidate, 0);
  Candidate top = c[0], last = c[heap->len - 1];
  guint n = heap->len - 1, i = 0, child;

  while ((child = 2 * i + 1) < n) {
    if (child + 1 < n && comes_before (&c[child + 1], &c[child]))
      child++;
    if (!comes_before (&c[child], &last))
      break;
    c[i] = c[child];
    i = child;
  }
  c[i] = last;
  g_array_set_size (heap, n);
  return top;
}

static const Merge *
find_merge (Word * word, gint at)
{
  const Symbol *left = &word->symbols[at];
  guint64 pair;

  if (left->next < 0)
    return NULL;
  pair = make_pair (left->id, word->symbols[left->next].id);
  return g_hash_table_lookup (word->bpe->merges, &pair);
}

static void
push_candidate (Word * word, gint at)
{
  const Merge *merge = at >= 0 ? find_merge (word, at) : NULL;

  if (merge)
    heap_push (word->heap, (Candidate) {
        merge->rank, at, merge->id}
  );
}

static void
merge_symbols (Word * word)
{
  while (word->heap->len > 0) {
    Candidate candidate = heap_pop (word->heap);
    Symbol *left = &word->symbols[candidate.at], *right;
    const Merge *merge;

    if (left->gone)
      continue;
    /* Neighbours may have changed since; tokenizers, too, goes on if they still make the same symbol. */
    merge = find_merge (word, candidate.at);
    if (!merge || merge->id != candidate.id)
      continue;
    right = &word->symbols[left->next];
    left->id = merge->id;
    left->next = right->next;
    right->gone = TRUE;
    if (left->next >= 0)
      word->symbols[left->next].previous = candidate.at;
    push_candidate (word, left->previous);
    push_candidate (word, candidate.at);
  }
}

void
vldm_bpe_encode (VldmBpe * bpe, const char *text, gsize n, GArray * ids)
{
  g_autofree Symbol *symbols = g_new (Symbol, n);
  g_autoptr (GArray) heap = g_array_new (FALSE, FALSE, sizeof (Candidate));
  Word word = { bpe, symbols, heap };
  gint n_symbols = 0;

  for (gsize i = 0; i < n; i++) {
    guint32 id = bpe->byte_ids[i == n - 1][(guchar) text[i]];

    if (id == NO_ID)
      id = bpe->unknown;
    if (id == NO_ID)
      continue;
    symbols[n_symbols] = (Symbol) {
    id, n_symbols - 1, n_symbols + 1, FALSE};
    n_symbols++;
  }
  if (n_symbols == 0)
    return;
  symbols[n_symbols - 1].next = -1;
  for (gint i = 0; i < n_symbols; i++)
    push_candidate (&word, i);
  merge_symbols (&word);
  for (gint i = 0; i >= 0; i = symbols[i].next)
    g_array_append_val (ids, symbols[i].id);
}

void
vldm_bpe_decode (VldmBpe * bpe, guint32 id, GString * text)
{
  const char *token = g_hash_table_lookup (bpe->tokens, GUINT_TO_POINTER (id));

  while (token && *token) {
    gunichar c = g_utf8_get_char (token);

    if (strcmp (token, END_OF_WORD) == 0) {
      g_string_append_c (text, ' ');
      return;
    }
    if (c < N_NAMES && bpe->names[bpe->bytes[c]] == c)
      g_string_append_c (text, bpe->bytes[c]);
    else
      g_string_append_unichar (text, c);
    token = g_utf8_next_char (token);
  }
}
