/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Token ids against transformers (tests/golden/make_tokens.py), and tokenizer folders that are damaged.
 * Arguments: tests/golden/tokens, the default model's tokenizer folder.
 */
#include <string.h>

#include "vldm/files/json.h"
#include "vldm/text/tokenizer.h"

#include "fixture.h"

#define LENGTH 77

static const char *tokens_folder, *drive_folder;

/* FNV-1a over the ids as little-endian words, as the script has it. */
static guint64
hash_ids (const guint32 * ids, guint n)
{
  guint64 value = 0xcbf29ce484222325;

  for (guint i = 0; i < n; i++)
    for (guint byte = 0; byte < 4; byte++)
      value = (value ^ (ids[i] >> 8 * byte & 255)) * 0x100000001b3;
  return value;
}

static char *
repeat (const char *text, guint n)
{
  GString *whole = g_string_new (NULL);

  while (n--)
    g_string_append (whole, text);
  return g_string_free (whole, FALSE);
}

static void
check_case (VldmTokenizer * tokenizer, JsonObject * golden)
{
  const char *text = json_object_get_string_member (golden, "text");
  g_autofree char *whole = repeat (text,
      json_object_get_int_member (golden, "repeat"));
  JsonArray *padded = json_object_get_array_member (golden, "padded");
  guint n = json_object_get_int_member (golden, "n");
  g_autofree guint32 *ids = g_new (guint32, MAX (n, LENGTH));
  g_autofree char *dropped = NULL, *hash = NULL;
  g_autoptr (GError) error = NULL;

  vldm_tokenizer_encode (tokenizer, whole, LENGTH, ids, &dropped, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < LENGTH; i++)
    if (ids[i] != json_array_get_int_element (padded, i))
      g_error ("\"%s\": id %u is %u, transformers has %" G_GINT64_FORMAT, text,
          i, ids[i], json_array_get_int_element (padded, i));
  g_assert_cmpint (dropped != NULL, ==, n > LENGTH);

  vldm_tokenizer_encode (tokenizer, whole, n, ids, NULL, &error);
  g_assert_no_error (error);
  hash = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", hash_ids (ids, n));
  if (!g_str_equal (hash, json_object_get_string_member (golden, "fnv")))
    g_error ("\"%s\": all %u ids hash to %s, not as transformers' do", text, n,
        hash);
}

static void
test_golden (gconstpointer name)
{
  g_autofree char *file = g_strconcat (tokens_folder, "/", name, ".json", NULL);
  g_autofree char *folder = g_str_equal (name, "drive")
      ? g_strdup (drive_folder) : g_build_filename (tokens_folder, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) golden = vldm_json_load (file, &error);
  g_autoptr (VldmTokenizer) tokenizer = NULL;
  JsonArray *cases;

  g_assert_no_error (error);
  tokenizer = vldm_tokenizer_load (folder, &error);
  g_assert_no_error (error);
  cases = json_object_get_array_member (golden, "cases");
  g_assert_cmpuint (json_array_get_length (cases), >, 40);
  for (guint i = 0; i < json_array_get_length (cases); i++)
    check_case (tokenizer, json_array_get_object_element (cases, i));
}

static void
test_size (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTokenizer) tokenizer = vldm_tokenizer_load (drive_folder,
      &error);

  g_assert_no_error (error);
  g_assert_cmpuint (vldm_tokenizer_size (tokenizer), ==, 719);
}

static void
test_dropped (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTokenizer) tokenizer = vldm_tokenizer_load (drive_folder,
      &error);
  g_autofree char *dropped = NULL;
  guint32 ids[6];

  g_assert_no_error (error);
  g_assert_true (vldm_tokenizer_encode (tokenizer, "a city street at Night, "
          "light traffic", G_N_ELEMENTS (ids), ids, &dropped, &error));
  g_assert_cmpstr (dropped, ==, "night , light traffic");
}

/* "a b" has the second rank, but by then b has become bc; "a bc" has the last, so that bc joins x first. */
static void
test_order_of_merges (void)
{
  static const guint32 expected[] = { 100, 0, 6, 101 };
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTokenizer) tokenizer = NULL;
  guint32 ids[4];

  fixture_write (&fixture, "vocab.json", "{\"a\": 0, \"b\": 1, \"c\": 2,"
      "\"x</w>\": 3, \"bc\": 4, \"ab\": 5, \"bcx</w>\": 6, \"abc\": 7,"
      "\"<|startoftext|>\": 100, \"<|endoftext|>\": 101}", -1);
  fixture_write (&fixture, "merges.txt", "b c\na b\nbc x</w>\na bc\n", -1);
  tokenizer = vldm_tokenizer_load (fixture.folder, &error);
  g_assert_no_error (error);
  g_assert_true (vldm_tokenizer_encode (tokenizer, "abcx", 4, ids, NULL,
          &error));
  g_assert_cmpmem (ids, sizeof ids, expected, sizeof expected);
}

static void
check_refused (const char *text, const char *reason)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTokenizer) tokenizer = vldm_tokenizer_load (drive_folder,
      &error);
  guint32 ids[LENGTH];

  g_assert_no_error (error);
  g_assert_false (vldm_tokenizer_encode (tokenizer, text, LENGTH, ids, NULL,
          &error));
  fixture_check_error (error, VLDM_ERROR_TEXT, reason, NULL);
}

static void
test_bad_prompts (void)
{
  g_autofree char *long_text = g_strnfill (65537, 'a');

  check_refused (long_text, "65537 bytes");
  check_refused ("night \xff city", "byte 6, 0xff");
  check_refused ("cut \xe5\xa4", "byte 4, 0xe5");
  check_refused ("surrogate \xed\xa0\x80", "byte 10, 0xed");
  check_refused ("overlong \xc0\x80", "byte 9, 0xc0");
}

/* One file of a whole folder replaced (NULL: removed), and what the message must say besides the file's name. */
static const struct
{
  const char *name, *form, *file, *content;
  VldmError code;
  const char *reason;
} damages[] = {
  {"no-merges", "files", "merges.txt", NULL, VLDM_ERROR_NOT_FOUND,
      "cannot be read"},
  {"no-vocabulary", "files", "vocab.json", NULL, VLDM_ERROR_NOT_FOUND,
      "tokenizer.json"},
  {"merge-unknown", "files", "merges.txt", "#version: 0.2\nt r\nt @@\n",
      VLDM_ERROR_MODEL, "merge 3, \"t @@\""},
  {"merge-one-word", "files", "merges.txt", "tr\n", VLDM_ERROR_MODEL,
      "not two tokens"},
  {"merge-three-words", "files", "merges.txt", "t r r\n", VLDM_ERROR_MODEL,
      "not two tokens"},
  {"merges-binary", "files", "merges.txt", "t \xff\n", VLDM_ERROR_READ,
      "UTF-8"},
  {"vocabulary-list", "files", "vocab.json", "[\"a\"]", VLDM_ERROR_READ,
      "JSON object"},
  {"vocabulary-empty", "files", "vocab.json", "{}", VLDM_ERROR_MODEL,
      "no tokens"},
  {"vocabulary-cut", "files", "vocab.json", "{\"a\": 1, ", VLDM_ERROR_READ,
      "cut off"},
  {"id-text", "files", "vocab.json", "{\"a\": \"1\"}", VLDM_ERROR_MODEL,
      "token \"a\""},
  {"id-negative", "files", "vocab.json", "{\"a\": -1}", VLDM_ERROR_MODEL,
      "found -1"},
  {"id-huge", "files", "vocab.json", "{\"a\": 99999999999}", VLDM_ERROR_MODEL,
      "found 99999999999"},
  {"name-twice", "files", "vocab.json", "{\"a\": 1, \"b\": 2, \"a\": 3}",
      VLDM_ERROR_READ, "\"a\" occurs twice"},
  {"class", "files", "tokenizer_config.json",
        "{\"tokenizer_class\": \"T5Tokenizer\"}", VLDM_ERROR_MODEL,
      "\"T5Tokenizer\" is not supported; possible: CLIPTokenizer"},
  {"special-number", "files", "special_tokens_map.json", "{\"pad_token\": 3}",
      VLDM_ERROR_MODEL, "special token is 3"},
  {"special-empty", "files", "special_tokens_map.json",
        "{\"eos_token\": {\"content\": \"\"}}", VLDM_ERROR_MODEL,
      "an object"},
  {"decoder-id", "decoder", "tokenizer_config.json",
        "{\"added_tokens_decoder\": {\"x\": \"<a>\"}}", VLDM_ERROR_MODEL,
      "\"x\" is no id"},
  {"model-type", "json", "tokenizer.json",
        "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}",
      VLDM_ERROR_MODEL, "\"WordPiece\" is not supported; possible: BPE"},
  {"no-model", "json", "tokenizer.json", "{}", VLDM_ERROR_MODEL, "model.vocab"},
  {"no-model-merges", "json", "tokenizer.json",
        "{\"model\": {\"vocab\": {\"a\": 0}}}", VLDM_ERROR_MODEL,
      "model.merges"},
  {"merge-number", "json", "tokenizer.json",
        "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [3]}}",
      VLDM_ERROR_MODEL, "merge 0"},
  {"merge-objects", "json", "tokenizer.json",
        "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[{}, []]]}}",
      VLDM_ERROR_MODEL, "no pair of strings"},
  {"added-no-id", "json", "tokenizer.json",
        "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": []}, "
        "\"added_tokens\": [{\"content\": \"b\"}]}", VLDM_ERROR_MODEL,
      "added_tokens[0]"},
  {"added-id", "files", "added_tokens.json", "{\"<a>\": -5}",
      VLDM_ERROR_MODEL, "id from 0"},
};

static void
test_damage (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  static const char *const files[] = { "vocab.json", "merges.txt",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
  };
  g_autofree char *source = g_build_filename (tokens_folder, damages[i].form,
      NULL);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTokenizer) tokenizer = NULL;

  for (guint k = 0; k < G_N_ELEMENTS (files); k++)
    fixture_copy (&fixture, source, files[k]);
  if (damages[i].content)
    fixture_write (&fixture, damages[i].file, damages[i].content, -1);
  else
    fixture_remove (&fixture, damages[i].file);
  tokenizer = vldm_tokenizer_load (fixture.folder, &error);
  g_assert_null (tokenizer);
  fixture_check_error (error, damages[i].code, damages[i].reason,
      damages[i].code == VLDM_ERROR_NOT_FOUND ? NULL : damages[i].file);
}

int
main (int argc, char **argv)
{
  static const char *const forms[] = { "files", "decoder", "json", "strings",
    "drive"
  };

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  tokens_folder = argv[1];
  drive_folder = argv[2];
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autofree char *path = g_strconcat ("/tokenizer/golden/", forms[i], NULL);

    g_test_add_data_func (path, forms[i], test_golden);
  }
  g_test_add_func ("/tokenizer/size", test_size);
  g_test_add_func ("/tokenizer/dropped", test_dropped);
  g_test_add_func ("/tokenizer/order-of-merges", test_order_of_merges);
  g_test_add_func ("/tokenizer/bad-prompts", test_bad_prompts);
  for (guint i = 0; i < G_N_ELEMENTS (damages); i++) {
    g_autofree char *path = g_strconcat ("/tokenizer/damage/",
        damages[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_damage);
  }
  return g_test_run ();
}
