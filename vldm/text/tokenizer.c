/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A prompt on its way to token ids: special tokens are cut out, the rest is normalized and cut into words, each word
 * goes through byte-pair encoding.
 * Source: transformers 5 CLIPTokenizer: NFC, white space to one space, lower case; split by
 *   <|startoftext|> | <|endoftext|> | 's | 't | 're | 've | 'm | 'll | 'd | \p{L}+ | \p{N} | [^\s\p{L}\p{N}]+
 * and again by GPT-2's pattern, which only ever cuts the first two.
 */
#include "vldm/text/tokenizer.h"

#include <string.h>

#include "vldm/files/json.h"
#include "vldm/text/special_tokens.h"
#include "vldm/text/vocabulary.h"

#define MAX_TEXT (64 * 1024)

struct _VldmTokenizer
{
  VldmBpe *bpe;
  VldmSpecialTokens special;
};

typedef enum
{
  CLASS_SPACE,
  CLASS_LETTER,
  CLASS_NUMBER,
  CLASS_OTHER,
} Class;

/* Unicode's property White_Space, \p{L}, \p{N}, and the rest. */
static Class
classify (gunichar c)
{
  switch (g_unichar_type (c)) {
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_UPPERCASE_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
      return CLASS_LETTER;
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_OTHER_NUMBER:
      return CLASS_NUMBER;
    case G_UNICODE_SPACE_SEPARATOR:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return CLASS_SPACE;
    default:
      return (c >= 0x09 && c <= 0x0d) || c == 0x85 ? CLASS_SPACE : CLASS_OTHER;
  }
}

/* Lower case, one character each, but for U+0130, which is handled by normalize (). GLib knows letters only, Unicode also
 * Roman numerals and circled letters. */
static gunichar
lower (gunichar c)
{
  if (c >= 0x2160 && c <= 0x216f)
    return c + 16;
  if (c >= 0x24b6 && c <= 0x24cf)
    return c + 26;
  return g_unichar_tolower (c);
}

static gint
compare_classes (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return g_unichar_combining_class (*(const gunichar *) a)
      - g_unichar_combining_class (*(const gunichar *) b);
}

/* NFC. GLib sorts runs of combining marks by exchanging neighbours, seconds for a prompt made of them; here they come
 * sorted already, which means the same text to Unicode (the sort is stable). */
static char *
compose (const char *text, gsize length)
{
  g_autofree char *sorted = NULL;
  glong n;
  g_autofree gunichar *chars = g_utf8_to_ucs4_fast (text, length, &n);

  for (glong start = 0, end; start < n; start = end + 1) {
    for (end = start; end < n && g_unichar_combining_class (chars[end]) != 0;)
      end++;
    if (end - start > 1)
      g_qsort_with_data (chars + start, end - start, sizeof *chars,
          compare_classes, NULL);
  }
  sorted = g_ucs4_to_utf8 (chars, n, NULL, NULL, NULL);
  return g_utf8_normalize (sorted, -1, G_NORMALIZE_NFC);
}

/* NFC, runs of white space to one space, lower case by character: no context such as a final sigma, no locale such as
 * Turkish, which g_utf8_strdown () would both mind. */
static char *
normalize (const char *text, gsize length)
{
  g_autofree char *composed = compose (text, length);
  GString *result = g_string_sized_new (length);
  gboolean after_space = FALSE;

  for (const char *p = composed; *p; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (classify (c) == CLASS_SPACE) {
      if (!after_space)
        g_string_append_c (result, ' ');
      after_space = TRUE;
      continue;
    }
    after_space = FALSE;
    if (c == 0x130)
      g_string_append (result, "i\u0307");
    else
      g_string_append_unichar (result, lower (c));
  }
  return g_string_free (result, FALSE);
}

/* Bytes of the contraction that @text begins with, or 0. */
static gsize
contraction (const char *text)
{
  static const char *const contractions[] = { "'s", "'t", "'re", "'ve", "'m",
    "'ll", "'d"
  };

  for (guint i = 0; i < G_N_ELEMENTS (contractions); i++)
    if (g_str_has_prefix (text, contractions[i]))
      return strlen (contractions[i]);
  return 0;
}

/* Bytes of the pattern's literal that @text begins with, or 0. It was no special token, or it would be cut out by now;
 * it only ends where punctuation around it would go on. */
static gsize
literal (const char *text)
{
  static const char *const literals[] = { "<|startoftext|>", "<|endoftext|>" };

  for (guint i = 0; i < G_N_ELEMENTS (literals); i++)
    if (g_str_has_prefix (text, literals[i]))
      return strlen (literals[i]);
  return 0;
}

/* End of the run of @text's first class of characters, at most @end; numbers stand alone. */
static const char *
run_end (const char *text, const char *end)
{
  Class class = classify (g_utf8_get_char (text));

  do
    text = g_utf8_next_char (text);
  while (class != CLASS_NUMBER && text < end
      && classify (g_utf8_get_char (text)) == class);
  return text;
}

/* Words of normalized text. */
static void
encode_words (VldmTokenizer * tokenizer, const char *text, GArray * ids)
{
  const char *end = text + strlen (text);

  while (text < end) {
    const char *word_end = text + contraction (text);
    const char *stop = text + literal (text);

    if (word_end == text)
      word_end = run_end (text, end);
    if (classify (g_utf8_get_char (text)) != CLASS_SPACE)
      vldm_bpe_encode (tokenizer->bpe, text, word_end - text, ids);
    text = word_end;
    /* The rest of the literal: "startoftext" and "|>". */
    for (; text < stop; text = word_end) {
      word_end = run_end (text, stop);
      vldm_bpe_encode (tokenizer->bpe, text, word_end - text, ids);
    }
  }
}

static gboolean
is_word_char (gunichar c)
{
  Class class = classify (c);

  return class == CLASS_LETTER || class == CLASS_NUMBER || c == '_'
      || g_unichar_ismark (c);
}

static gboolean
stands_alone (const char *text, const char *start, const char *end)
{
  return (start == text || !is_word_char (g_utf8_get_char (g_utf8_prev_char
              (start)))) && !(*end && is_word_char (g_utf8_get_char (end)));
}

/* The longest added token at @at that lives in @normalized text or not; NULL if there is none. */
static const VldmAddedToken *
find_added (VldmTokenizer * tokenizer, const char *at, gboolean normalized)
{
  const VldmAddedToken *longest = NULL;

  for (guint i = 0; i < tokenizer->special.added->len; i++) {
    const VldmAddedToken *token = &g_array_index (tokenizer->special.added,
        VldmAddedToken, i);

    if (token->normalized == normalized && g_str_has_prefix (at, token->content)
        && (!longest || strlen (token->content) > strlen (longest->content)))
      longest = token;
  }
  return longest;
}

static void encode_text (VldmTokenizer * tokenizer, const char *text,
    gsize length, gboolean normalized, GArray * ids);

/* Text between added tokens: normalized, and then once more searched for those that live in normalized text. */
static void
encode_between (VldmTokenizer * tokenizer, const char *text, gsize length,
    gboolean normalized, GArray * ids)
{
  g_autofree char *part = normalized ? g_strndup (text, length)
      : normalize (text, length);

  if (normalized)
    encode_words (tokenizer, part, ids);
  else
    encode_text (tokenizer, part, strlen (part), TRUE, ids);
}

/* Added tokens and what lies between them. */
static void
encode_text (VldmTokenizer * tokenizer, const char *text, gsize length,
    gboolean normalized, GArray * ids)
{
  const char *rest = text, *at = text;

  while (at < text + length) {
    const VldmAddedToken *token = find_added (tokenizer, at, normalized);

    if (!token) {
      at = g_utf8_next_char (at);
      continue;
    }
    if (!token->single_word
        || stands_alone (text, at, at + strlen (token->content))) {
      encode_between (tokenizer, rest, at - rest, normalized, ids);
      g_array_append_val (ids, token->id);
      rest = at + strlen (token->content);
    }
    at += strlen (token->content);
  }
  encode_between (tokenizer, rest, text + length - rest, normalized, ids);
}

static gboolean
check_class (const char *folder, JsonObject * config, GError ** error)
{
  const char *name = config
      ? vldm_json_member_string (config, "tokenizer_class") : NULL;

  if (!name || g_str_equal (name, "CLIPTokenizer")
      || g_str_equal (name, "CLIPTokenizerFast"))
    return TRUE;
  return vldm_json_refuse (folder, "tokenizer_config.json", error,
      "tokenizer_class: \"%s\" is not supported; possible: CLIPTokenizer, "
      "CLIPTokenizerFast", name);
}

/* Tokens that live in normalized text are themselves normalized. */
static void
normalize_added (GArray * added)
{
  for (guint i = 0; i < added->len; i++) {
    VldmAddedToken *token = &g_array_index (added, VldmAddedToken, i);

    if (token->normalized) {
      char *content = normalize (token->content, strlen (token->content));

      g_free (token->content);
      token->content = content;
    }
  }
}

VldmTokenizer *
vldm_tokenizer_load (const char *folder, GError ** error)
{
  g_autoptr (VldmTokenizer) self = g_new0 (VldmTokenizer, 1);
  g_autoptr (JsonObject) config = NULL, tokenizer = NULL;

  if (!vldm_json_load_optional (folder, "tokenizer_config.json", &config, error)
      || !vldm_json_load_optional (folder, "tokenizer.json", &tokenizer, error)
      || !check_class (folder, config, error))
    return NULL;
  self->bpe = vldm_vocabulary_read (folder, tokenizer, error);
  if (!self->bpe || !vldm_special_tokens_read (&self->special, folder, config,
          tokenizer, self->bpe, error))
    return NULL;
  normalize_added (self->special.added);
  return g_steal_pointer (&self);
}

void
vldm_tokenizer_free (VldmTokenizer * tokenizer)
{
  if (!tokenizer)
    return;
  g_clear_pointer (&tokenizer->bpe, vldm_bpe_free);
  vldm_special_tokens_clear (&tokenizer->special);
  g_free (tokenizer);
}

static gboolean
check_text (const char *text, GError ** error)
{
  gsize length = strlen (text);
  const char *end;

  if (length > MAX_TEXT) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT, "the prompt has %"
        G_GSIZE_FORMAT " bytes; possible are %d", length, MAX_TEXT);
    return FALSE;
  }
  if (!g_utf8_validate (text, length, &end)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_TEXT, "the prompt is not valid "
        "UTF-8: byte %" G_GSIZE_FORMAT ", 0x%02x, belongs to no character",
        (gsize) (end - text), (guchar) * end);
    return FALSE;
  }
  return TRUE;
}

static char *
decode (VldmTokenizer * tokenizer, const guint32 * ids, guint n)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    vldm_bpe_decode (tokenizer->bpe, ids[i], text);
  /* The cut may be inside a character. */
  return g_strstrip (g_utf8_make_valid (text->str, text->len));
}

gboolean
vldm_tokenizer_encode (VldmTokenizer * tokenizer, const char *text,
    guint length, guint32 * ids, char **dropped, GError ** error)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (guint32));
  guint n;

  g_return_val_if_fail (length >= 2, FALSE);

  if (dropped)
    *dropped = NULL;
  if (!check_text (text, error))
    return FALSE;
  encode_text (tokenizer, text, strlen (text), FALSE, all);
  n = MIN (all->len, length - 2);

  ids[0] = tokenizer->special.begin;
  for (guint i = 0; i < n; i++)
    ids[i + 1] = g_array_index (all, guint32, i);
  ids[n + 1] = tokenizer->special.end;
  for (guint i = n + 2; i < length; i++)
    ids[i] = tokenizer->special.padding;
  if (dropped && n < all->len)
    *dropped = decode (tokenizer, &g_array_index (all, guint32, n),
        all->len - n);
  return TRUE;
}

guint
vldm_tokenizer_size (VldmTokenizer * tokenizer)
{
  guint32 largest = vldm_bpe_max_id (tokenizer->bpe);

  for (guint i = 0; i < tokenizer->special.added->len; i++)
    largest = MAX (largest, g_array_index (tokenizer->special.added,
            VldmAddedToken, i).id);
  return largest + 1;
}
