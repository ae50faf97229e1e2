/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The guard before json-glib: nothing that a file holds may crash, hang or pass as something else.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "vldm/files/json.h"

#include "fixture.h"

#define FILE_NAME "x.json"

static const struct
{
  const char *name, *content;
  const char *reason;
} bad[] = {
  {"empty", "", "0 bytes"},
  {"blank", "  \n", "expected a JSON object"},
  {"list", "[1]", "expected a JSON object"},
  {"number", "3", "expected a JSON object"},
  {"cut-object", "{\"a\": 1", "line 1, column 8: ends inside"},
  {"cut-list", "{\"a\": [1, 2", "ends inside"},
  {"cut-string", "{\n\"a\": \"bc", "line 2, column 6: string without end"},
  {"cut-escape", "{\"a\": \"b\\", "string without end"},
  {"closing", "{}}", "line 1, column 3: closing bracket"},
  {"comment", "{\"a\": 1 /* \" */ }", "unexpected character"},
  {"line-comment", "{\"a\": 1} // \"", "unexpected character"},
  {"hash-comment", "# \"\n{}", "line 1, column 1: unexpected character"},
  {"single-quotes", "{'a': 1}", "unexpected character"},
  {"control", "{\"a\": \"b\nc\"}", "control character"},
  {"utf-8", "{\"a\":\n \"b\xff\"}", "line 2, column 4: not valid UTF-8"},
  {"byte-order-mark", "\xef\xbb\xbf{}", "byte order mark"},
  {"utf-16", "\xff\xfe{", "byte order mark of UTF-16"},
  {"git-lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
      "pointer of git-lfs"},
  {"html", "<!DOCTYPE html><html>Log in</html>", "HTML page"},
  {"html-later", "\n <HTML>Log in</HTML>", "HTML page"},
  {"xml", "<?xml version=\"1.0\"?><Error/>", "XML page"},
  {"twice", "{\"a\": 1, \"b\": 2, \"a\": 1}", "\"a\" occurs twice"},
  {"twice-inside", "{\"a\": [{\"b\": {\"c\": 1}, \"b\": {\"c\": 2}}]}",
      "\"b\" occurs twice"},
  {"twice-objects", "{\"a\": {\"x\": 1}, \"a\": {\"y\": 1}, \"b\": {\"y\": 1}}",
      "\"a\" occurs twice"},
  {"no-value", "{\"a\": }", "not valid JSON"},
  {"no-colon", "{\"a\" 1}", "not valid JSON"},
  {"no-comma", "{\"a\": 1 \"b\": 2}", "not valid JSON"},
  {"word", "{\"a\": yes}", "not valid JSON"},
  {"nan", "{\"a\": NaN}", "not valid JSON"},
  {"mismatch", "{\"a\": [1}", "ends inside"},
  {"crossed", "{\"a\": [1}]", "not valid JSON"},
  {"two-objects", "{\"a\": 1}\n{\"b\": 2}",
      "line 2, column 1: expected nothing after the object"},
  {"number-after", "{\"a\": 1} 2", "expected nothing after the object"},
  {"number-before", "-1 {\"a\": 1}", "expected a JSON object"},
};

static void
check_bad (const char *content, gssize length, const char *reason)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, FILE_NAME, NULL);
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, FILE_NAME, content, length);
  g_assert_null (vldm_json_load (path, &error));
  fixture_check_error (error, VLDM_ERROR_READ, reason, path);
}

static void
test_bad (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);

  check_bad (bad[i].content, -1, bad[i].reason);
}

/* @depth brackets of one kind, closed again. */
static char *
nested (guint depth, char open, char close)
{
  g_autofree char *opening = g_strnfill (depth - 1, open);
  g_autofree char *closing = g_strnfill (depth - 1, close);

  return g_strconcat ("{\"a\": ", opening, "1", closing, "}", NULL);
}

static void
test_depth (void)
{
  g_autofree char *enough = nested (VLDM_JSON_MAX_DEPTH, '[', ']');
  g_autofree char *more = nested (VLDM_JSON_MAX_DEPTH + 1, '[', ']');
  g_autofree char *deep = nested (400000, '[', ']');
  g_autofree char *text = nested (400000, '(', ')');
  g_autofree char *brackets = g_strdup_printf ("{\"a\": \"%s\"}", deep + 6);
  g_autoptr (GString) objects = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) whole = NULL, string = NULL;

  for (guint i = 0; i < 400000; i++)
    g_string_append (objects, "{\"a\":");
  check_bad (more, -1, "nested more than 64 levels deep");
  check_bad (deep, -1, "nested more than 64 levels deep");
  check_bad (objects->str, objects->len, "nested more than 64 levels deep");
  check_bad (text, -1, "unexpected character");
  whole = vldm_json_parse (enough, strlen (enough), "x", &error);
  g_assert_no_error (error);
  /* Brackets in a string are no depth. */
  string = vldm_json_parse (brackets, strlen (brackets), "x", &error);
  g_assert_no_error (error);
}

static void
test_size (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, FILE_NAME, NULL);
  g_autofree char *commas = g_strnfill (VLDM_JSON_MAX_VALUES + 1, ',');
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, FILE_NAME, "{}", 2);
  g_assert_cmpint (truncate (path, VLDM_JSON_MAX_SIZE + 1), ==, 0);
  g_assert_null (vldm_json_load (path, &error));
  fixture_check_error (error, VLDM_ERROR_READ, "67108865 bytes", path);
  check_bad (commas, -1, "more than");
}

static void
test_missing (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, FILE_NAME, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (vldm_json_load (path, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "no such file", path);
  g_clear_error (&error);
  /* A folder of that name. */
  g_assert_null (vldm_json_load (fixture.folder, &error));
  fixture_check_error (error, VLDM_ERROR_READ, "", fixture.folder);
}

static void
test_values (void)
{
  static const char content[] = "{\"a\": Infinity, \"b\": [-Infinity, 1e3],"
      "\"c\": \"Infinity\", \"d\": \"\\u00e9\\ud83d\\ude97\","
      "\"e\": \"\\\"[\\\\\", \"\": null}";
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = vldm_json_parse (content, strlen (content),
      "x", &error);
  JsonArray *list;

  g_assert_no_error (error);
  g_assert_cmpfloat (json_object_get_double_member (object, "a"), ==, INFINITY);
  list = json_object_get_array_member (object, "b");
  g_assert_cmpfloat (json_array_get_double_element (list, 0), ==, -INFINITY);
  g_assert_cmpfloat (json_array_get_double_element (list, 1), ==, 1000.0);
  g_assert_cmpstr (json_object_get_string_member (object, "c"), ==, "Infinity");
  g_assert_cmpstr (json_object_get_string_member (object, "d"), ==, "é🚗");
  g_assert_cmpstr (json_object_get_string_member (object, "e"), ==, "\"[\\");
  g_assert_true (json_object_has_member (object, ""));
}

/* The first failure stays, and reads after it give their fallback. */
static void
test_first_failure (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_auto (VldmJson) json = { 0 };
  g_autoptr (GError) error = NULL;
  VldmJson child;

  fixture_write (&fixture, FILE_NAME, "{\"a\": 5, \"b\": \"x\", "
      "\"c\": {\"d\": 1.5}, \"n\": null}", -1);
  g_assert_true (vldm_json_open (&json, fixture.folder, FILE_NAME, &error));
  g_assert_cmpuint (vldm_json_uint (&json, "a", 7, 0, 9), ==, 5);
  g_assert_cmpuint (vldm_json_uint (&json, "n", 7, 0, 9), ==, 7);
  g_assert_cmpuint (vldm_json_uint (&json, "z", 7, 0, 9), ==, 7);
  g_assert_true (vldm_json_child (&json, "c", &child));
  g_assert_cmpuint (vldm_json_uint (&child, "d", 3, 0, 9), ==, 3);
  vldm_json_close (&json, &child);
  g_assert_false (vldm_json_bool (&json, "b", FALSE));
  g_assert_cmpuint (vldm_json_uint (&json, "a", 7, 0, 9), ==, 7);
  g_assert_false (vldm_json_done (&json, &error));
  fixture_check_error (error, VLDM_ERROR_MODEL,
      "c.d: expected an integer from 0 to 9, found 1.5", FILE_NAME);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *path = g_strconcat ("/json/bad/", bad[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad);
  }
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/size", test_size);
  g_test_add_func ("/json/missing", test_missing);
  g_test_add_func ("/json/values", test_values);
  g_test_add_func ("/json/first-failure", test_first_failure);
  return g_test_run ();
}
