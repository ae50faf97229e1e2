/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON: the guard before the parser, and plain access.
 */
#include "vldm/files/json.h"

#include <string.h>

#include "vldm/files/files.h"

/* What the guard has seen. */
typedef struct
{
  const char *path;
  char *text;                   /* NUL-terminated copy */
  gsize length;
  guint depth;
  guint values;
  gboolean ended;               /* the outermost bracket is closed */
} Guard;

static gboolean
guard_fail (const Guard * guard, gsize at, GError ** error, const char *what)
{
  guint line = 1;
  gsize column = 1;

  for (gsize i = 0; i < at; i++) {
    column++;
    if (guard->text[i] == '\n') {
      line++;
      column = 1;
    }
  }
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
      "%s: line %u, column %" G_GSIZE_FORMAT ": %s", guard->path, line, column,
      what);
  return FALSE;
}

/* Returns the index after the closing quote, or 0. */
static gsize
guard_string (const Guard * guard, gsize start, GError ** error)
{
  for (gsize i = start + 1; i < guard->length; i++) {
    guchar c = guard->text[i];

    if (c == '"')
      return i + 1;
    if (c < 0x20) {
      guard_fail (guard, i, error, "control character in a string; JSON writes "
          "it as \\uXXXX");
      return 0;
    }
    if (c == '\\')
      i++;
  }
  guard_fail (guard, start, error, "string without end");
  return 0;
}

/* Python writes Infinity where JSON has no word; a number too large for a double reads as the same. */
static void
guard_infinity (Guard * guard, gsize at)
{
  static const char word[] = "Infinity", number[] = "1e999   ";

  if (strncmp (guard->text + at, word, sizeof word - 1) == 0)
    memcpy (guard->text + at, number, sizeof word - 1);
}

/* One object and nothing beside it: json-glib would take the last of several values, and leak the others. */
static gboolean
guard_outside (const Guard * guard, gsize at, GError ** error)
{
  char c = guard->text[at];
  gboolean begins = g_ascii_isalnum (c) || strchr ("{[\"+-.", c);

  if (guard->depth > 0 || !begins)
    return TRUE;
  if (guard->ended)
    return guard_fail (guard, at, error, "expected nothing after the object");
  if (c != '{' && c != '[')
    return guard_fail (guard, at, error, "expected a JSON object { ... } as "
        "the whole");
  return TRUE;
}

/* Refuses what json-glib cannot survive (deep nesting, sizes without bound) and what it takes although it is no JSON and
 * would hide nesting from this scan (comments, other quotes). */
static gboolean
guard_scan (Guard * guard, GError ** error)
{
  const char *end;

  if (!g_utf8_validate_len (guard->text, guard->length, &end))
    return guard_fail (guard, end - guard->text, error, "not valid UTF-8");

  for (gsize i = 0; i < guard->length;) {
    char c = guard->text[i];

    if (!guard_outside (guard, i, error))
      return FALSE;
    if (c == '"') {
      i = guard_string (guard, i, error);
      if (i == 0)
        return FALSE;
      continue;
    }
    if (c == '{' || c == '[') {
      if (++guard->depth > VLDM_JSON_MAX_DEPTH)
        return guard_fail (guard, i, error, "nested more than "
            G_STRINGIFY (VLDM_JSON_MAX_DEPTH) " levels deep");
    } else if (c == '}' || c == ']') {
      if (guard->depth-- == 0)
        return guard_fail (guard, i, error, "closing bracket without an "
            "opening one");
      guard->ended = guard->depth == 0;
    } else if (c == ',') {
      if (++guard->values > VLDM_JSON_MAX_VALUES)
        return guard_fail (guard, i, error, "more than "
            G_STRINGIFY (VLDM_JSON_MAX_VALUES) " values");
    } else if (c == 'I') {
      guard_infinity (guard, i);
    } else if (!g_ascii_isalnum (c) && !strchr (" \t\r\n:+-.", c)) {
      return guard_fail (guard, i, error, "unexpected character outside a "
          "string");
    }
    i++;
  }
  if (guard->depth > 0)
    return guard_fail (guard, guard->length, error, "ends inside an object or "
        "list: the file is cut off");
  return TRUE;
}

/* json-glib keeps the last of two equal names without a word. An object that did not grow by its new member had it. */
typedef struct
{
  GHashTable *sizes;            /* JsonObject -> members so far */
  char *name;                   /* the first that occurred twice */
} Duplicates;

static void
on_member (JsonParser * parser, JsonObject * object, const char *name,
    gpointer user_data)
{
  Duplicates *duplicates = user_data;
  guint before = GPOINTER_TO_UINT (g_hash_table_lookup (duplicates->sizes,
          object));
  guint now = json_object_get_size (object);

  if (now == before && !duplicates->name)
    duplicates->name = g_strdup (name);
  g_hash_table_insert (duplicates->sizes, object, GUINT_TO_POINTER (now));
}

/* An object inside the finished one may have been freed with a duplicate: forget addresses as soon as they are done. */
static void
on_object_end (JsonParser * parser, JsonObject * object, gpointer user_data)
{
  Duplicates *duplicates = user_data;

  g_hash_table_remove (duplicates->sizes, object);
}

static JsonObject *
parse_guarded (const Guard * guard, GError ** error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GHashTable) sizes = g_hash_table_new (NULL, NULL);
  g_autoptr (GError) parse_error = NULL;
  Duplicates duplicates = { sizes, NULL };
  g_autofree char *name = NULL;
  gboolean parsed;
  JsonNode *root;

  g_signal_connect (parser, "object-member", G_CALLBACK (on_member),
      &duplicates);
  g_signal_connect (parser, "object-end", G_CALLBACK (on_object_end),
      &duplicates);
  parsed = json_parser_load_from_data (parser, guard->text, guard->length,
      &parse_error);
  name = duplicates.name;
  if (!parsed) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: not valid JSON: %s",
        guard->path, parse_error->message);
    return NULL;
  }
  if (name) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: the name \"%s\" occurs twice in one object", guard->path, name);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: expected a JSON object { ... } as the whole", guard->path);
    return NULL;
  }
  return json_object_ref (json_node_get_object (root));
}

JsonObject *
vldm_json_parse (const char *data, gsize length, const char *path,
    GError ** error)
{
  Guard guard = { 0 };
  JsonObject *object = NULL;

  guard.path = path;
  guard.text = g_try_malloc (length + 1);
  guard.length = length;
  if (!guard.text) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: no memory for %" G_GSIZE_FORMAT " bytes of JSON", path, length);
    return NULL;
  }
  memcpy (guard.text, data, length);
  guard.text[length] = '\0';
  if (guard_scan (&guard, error))
    object = parse_guarded (&guard, error);
  g_free (guard.text);
  return object;
}

JsonObject *
vldm_json_load (const char *path, GError ** error)
{
  g_autoptr (GMappedFile) file = vldm_file_map_text (path, error);
  gsize length;

  if (!file)
    return NULL;
  length = g_mapped_file_get_length (file);
  if (length > VLDM_JSON_MAX_SIZE) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: %" G_GSIZE_FORMAT " bytes; a JSON file here has at most %d MiB",
        path, length, VLDM_JSON_MAX_SIZE >> 20);
    return NULL;
  }
  return vldm_json_parse (g_mapped_file_get_contents (file), length, path,
      error);
}

gboolean
vldm_json_load_optional (const char *folder, const char *name,
    JsonObject ** object, GError ** error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  *object = NULL;
  if (!vldm_file_exists (path))
    return TRUE;
  *object = vldm_json_load (path, error);
  return *object != NULL;
}

gboolean
vldm_json_refuse (const char *folder, const char *name, GError ** error,
    const char *format, ...)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL, "%s: %s", path, what);
  return FALSE;
}

gboolean
vldm_json_node_holds (JsonNode * node, GType type)
{
  return node && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == type;
}

const char *
vldm_json_node_string (JsonNode * node)
{
  return vldm_json_node_holds (node,
      G_TYPE_STRING) ? json_node_get_string (node) : NULL;
}

const char *
vldm_json_member_string (JsonObject * object, const char *key)
{
  return vldm_json_node_string (json_object_get_member (object, key));
}

JsonObject *
vldm_json_member_object (JsonObject * object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
      : NULL;
}

JsonArray *
vldm_json_member_array (JsonObject * object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
      : NULL;
}

gboolean
vldm_json_member_bool (JsonObject * object, const char *key, gboolean fallback)
{
  JsonNode *node = json_object_get_member (object, key);

  return vldm_json_node_holds (node,
      G_TYPE_BOOLEAN) ? json_node_get_boolean (node)
      : fallback;
}

gboolean
vldm_json_node_int (JsonNode * node, gint64 min, gint64 max, gint64 * value)
{
  if (!vldm_json_node_holds (node, G_TYPE_INT64)
      || json_node_get_int (node) < min || json_node_get_int (node) > max)
    return FALSE;
  *value = json_node_get_int (node);
  return TRUE;
}

char *
vldm_json_describe (JsonNode * node)
{
  GType type = node ? json_node_get_value_type (node) : G_TYPE_INVALID;

  if (!node || JSON_NODE_HOLDS_NULL (node))
    return g_strdup ("null");
  if (JSON_NODE_HOLDS_OBJECT (node))
    return g_strdup ("an object");
  if (JSON_NODE_HOLDS_ARRAY (node))
    return g_strdup_printf ("a list of %u",
        json_array_get_length (json_node_get_array (node)));
  if (type == G_TYPE_STRING) {
    const char *text = json_node_get_string (node);
    g_autofree char *start = g_utf8_substring (text, 0,
        MIN (g_utf8_strlen (text, -1), 60));

    return g_strdup_printf ("\"%s\"%s", start,
        strlen (start) < strlen (text) ? "..." : "");
  }
  if (type == G_TYPE_BOOLEAN)
    return g_strdup (json_node_get_boolean (node) ? "true" : "false");
  if (type == G_TYPE_INT64)
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  return g_strdup_printf ("%g", json_node_get_double (node));
}
