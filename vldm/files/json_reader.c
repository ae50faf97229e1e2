/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Typed reading of one JSON object: what a configuration must hold, and the message when it does not.
 */
#include "vldm/files/json.h"

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

/* @index < 0: the value itself, else an entry of the list @key. */
static guint
node_uint (VldmJson * json, const char *key, gint index, JsonNode * node,
    guint fallback, guint min, guint max)
{
  gint64 value;
  g_autofree char *found = NULL;
  g_autofree char *entry = NULL;

  if (vldm_json_node_int (node, min, max, &value))
    return value;

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
  if (vldm_json_node_holds (node, G_TYPE_INT64)
      || vldm_json_node_holds (node, G_TYPE_DOUBLE)) {
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
  if (vldm_json_node_holds (node, G_TYPE_BOOLEAN))
    return json_node_get_boolean (node);
  found = vldm_json_describe (node);
  vldm_json_fail (json, key, "expected true or false, found %s", found);
  return fallback;
}

static guint
node_choice (VldmJson * json, const char *key, gint index, JsonNode * node,
    const char *const *choices, guint fallback)
{
  g_autofree char *found = NULL, *list = NULL, *entry = NULL;

  if (vldm_json_node_holds (node, G_TYPE_STRING)) {
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
