/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON: the guard before the parser, then typed access.
 */
#include "vldm/model/json.h"

#include <string.h>

/* What the guard has seen. */
typedef struct
{
  const char *path;
  char *text;                   /* NUL-terminated copy */
  gsize length;
  guint depth;
  guint values;
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
  g_autoptr (GError) file_error = NULL;
  g_autoptr (GMappedFile) file = NULL;
  gsize length;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
        "%s: no such file", path);
    return NULL;
  }
  file = g_mapped_file_new (path, FALSE, &file_error);
  if (!file) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: cannot be read: %s",
        path, file_error->message);
    return NULL;
  }
  length = g_mapped_file_get_length (file);
  if (length == 0 || length > VLDM_JSON_MAX_SIZE) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: %" G_GSIZE_FORMAT " bytes; a JSON file here has 2 bytes to %d MiB",
        path, length, VLDM_JSON_MAX_SIZE >> 20);
    return NULL;
  }
  return vldm_json_parse (g_mapped_file_get_contents (file), length, path,
      error);
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

gboolean
vldm_json_open (VldmJson * json, const char *folder, const char *name,
    GError ** error)
{
  *json = (VldmJson) {
  0};
  json->path = g_build_filename (folder, name, NULL);
  json->prefix = g_strdup ("");
  json->object = vldm_json_load (json->path, error);
  if (json->object)
    return TRUE;
  vldm_json_clear (json);
  return FALSE;
}

gboolean
vldm_json_child (VldmJson * json, const char *key, VldmJson * child)
{
  JsonNode *node = vldm_json_get (json, key);

  *child = (VldmJson) {
  0};
  if (!node)
    return FALSE;
  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    g_autofree char *found = vldm_json_describe (node);

    vldm_json_fail (json, key, "expected an object, found %s", found);
    return FALSE;
  }
  child->path = g_strdup (json->path);
  child->prefix = g_strdup_printf ("%s%s.", json->prefix, key);
  child->object = json_object_ref (json_node_get_object (node));
  return TRUE;
}

void
vldm_json_close (VldmJson * json, VldmJson * child)
{
  if (child->error && !json->error)
    json->error = g_steal_pointer (&child->error);
  vldm_json_clear (child);
}

gboolean
vldm_json_done (VldmJson * json, GError ** error)
{
  if (!json->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&json->error));
  return FALSE;
}

void
vldm_json_clear (VldmJson * json)
{
  g_clear_pointer (&json->path, g_free);
  g_clear_pointer (&json->prefix, g_free);
  g_clear_pointer (&json->object, json_object_unref);
  g_clear_error (&json->error);
}

void
vldm_json_fail (VldmJson * json, const char *key, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  if (json->error)
    return;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (&json->error, VLDM_ERROR, VLDM_ERROR_MODEL, "%s: %s%s: %s",
      json->path, json->prefix, key, what);
}

JsonNode *
vldm_json_get (VldmJson * json, const char *key)
{
  JsonNode *node;

  if (json->error)
    return NULL;
  node = json_object_get_member (json->object, key);
  return node && !JSON_NODE_HOLDS_NULL (node) ? node : NULL;
}

static gboolean
holds (JsonNode * node, GType type)
{
  return JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == type;
}

/* @index < 0: the value itself, else an entry of the list @key. */
static guint
node_uint (VldmJson * json, const char *key, gint index, JsonNode * node,
    guint fallback, guint min, guint max)
{
  g_autofree char *found = NULL;
  g_autofree char *entry = NULL;

  if (holds (node, G_TYPE_INT64) && json_node_get_int (node) >= min
      && json_node_get_int (node) <= max)
    return json_node_get_int (node);

  found = vldm_json_describe (node);
  if (index >= 0)
    entry = g_strdup_printf ("%s[%d]", key, index);
  vldm_json_fail (json, entry ? entry : key,
      "expected an integer from %u to %u, found %s", min, max, found);
  return fallback;
}

guint
vldm_json_uint (VldmJson * json, const char *key, guint fallback, guint min,
    guint max)
{
  JsonNode *node = vldm_json_get (json, key);

  return node ? node_uint (json, key, -1, node, fallback, min, max) : fallback;
}

gdouble
vldm_json_double (VldmJson * json, const char *key, gdouble fallback,
    gdouble min, gdouble max)
{
  JsonNode *node = vldm_json_get (json, key);
  g_autofree char *found = NULL;

  if (!node)
    return fallback;
  if (holds (node, G_TYPE_INT64) || holds (node, G_TYPE_DOUBLE)) {
    gdouble value = json_node_get_double (node);

    if (value >= min && value <= max)
      return value;
  }
  found = vldm_json_describe (node);
  vldm_json_fail (json, key, "expected a number from %g to %g, found %s", min,
      max, found);
  return fallback;
}

gboolean
vldm_json_bool (VldmJson * json, const char *key, gboolean fallback)
{
  JsonNode *node = vldm_json_get (json, key);
  g_autofree char *found = NULL;

  if (!node)
    return fallback;
  if (holds (node, G_TYPE_BOOLEAN))
    return json_node_get_boolean (node);
  found = vldm_json_describe (node);
  vldm_json_fail (json, key, "expected true or false, found %s", found);
  return fallback;
}

const char *
vldm_json_string (VldmJson * json, const char *key, const char *fallback)
{
  JsonNode *node = vldm_json_get (json, key);
  g_autofree char *found = NULL;

  if (!node)
    return fallback;
  if (holds (node, G_TYPE_STRING))
    return json_node_get_string (node);
  found = vldm_json_describe (node);
  vldm_json_fail (json, key, "expected a string, found %s", found);
  return fallback;
}

static guint
node_choice (VldmJson * json, const char *key, gint index, JsonNode * node,
    const char *const *choices, guint fallback)
{
  g_autofree char *found = NULL, *list = NULL, *entry = NULL;

  if (holds (node, G_TYPE_STRING)) {
    for (guint i = 0; choices[i]; i++)
      if (g_str_equal (choices[i], json_node_get_string (node)))
        return i;
  }
  found = vldm_json_describe (node);
  list = g_strjoinv (", ", (char **) choices);
  if (index >= 0)
    entry = g_strdup_printf ("%s[%d]", key, index);
  vldm_json_fail (json, entry ? entry : key, "%s is not supported; possible: "
      "%s", found, list);
  return fallback;
}

guint
vldm_json_choice (VldmJson * json, const char *key,
    const char *const *choices, guint fallback)
{
  JsonNode *node = vldm_json_get (json, key);

  return node ? node_choice (json, key, -1, node, choices, fallback) : fallback;
}

/* The key's list of 1 .. @max_n entries, or NULL. */
static JsonArray *
get_list (VldmJson * json, const char *key, guint max_n)
{
  JsonNode *node = vldm_json_get (json, key);
  g_autofree char *found = NULL;

  if (!node)
    return NULL;
  if (JSON_NODE_HOLDS_ARRAY (node)) {
    JsonArray *list = json_node_get_array (node);

    if (json_array_get_length (list) >= 1
        && json_array_get_length (list) <= max_n)
      return list;
  }
  found = vldm_json_describe (node);
  vldm_json_fail (json, key, "expected a list of 1 to %u entries, found %s",
      max_n, found);
  return NULL;
}

guint
vldm_json_uints (VldmJson * json, const char *key, guint * out, guint max_n,
    guint min, guint max)
{
  JsonArray *list = get_list (json, key, max_n);
  guint n = list ? json_array_get_length (list) : 0;

  for (guint i = 0; i < n; i++)
    out[i] = node_uint (json, key, i, json_array_get_element (list, i), min,
        min, max);
  return json->error ? 0 : n;
}

void
vldm_json_uint_or_list (VldmJson * json, const char *key, guint * out,
    guint n, guint fallback, guint min, guint max)
{
  JsonNode *node = vldm_json_get (json, key);
  guint value = fallback, n_read;

  if (node && JSON_NODE_HOLDS_ARRAY (node)) {
    n_read = vldm_json_uints (json, key, out, n, min, max);
    if (n_read == n)
      return;
    vldm_json_fail (json, key, "expected %u entries, one a level, found %u", n,
        n_read);
  } else if (node) {
    value = node_uint (json, key, -1, node, fallback, min, max);
  }
  for (guint i = 0; i < n; i++)
    out[i] = value;
}

guint
vldm_json_choices (VldmJson * json, const char *key,
    const char *const *choices, guint * out, guint max_n)
{
  JsonArray *list = get_list (json, key, max_n);
  guint n = list ? json_array_get_length (list) : 0;

  for (guint i = 0; i < n; i++)
    out[i] = node_choice (json, key, i, json_array_get_element (list, i),
        choices, 0);
  return json->error ? 0 : n;
}
