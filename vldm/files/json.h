/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * JSON as Python writes it, read with care: files come from strangers. Limits on size, depth and number of values hold
 * before json-glib, whose recursion has none, sees a byte. A reader over one object gives typed values and remembers
 * the first failure, so that a configuration reads as a list of assignments with one check at its end.
 */
#pragma once

#include <json-glib/json-glib.h>

#include "vldm/error.h"

G_BEGIN_DECLS

#define VLDM_JSON_MAX_SIZE (64 * 1024 * 1024)
#define VLDM_JSON_MAX_DEPTH 64
#define VLDM_JSON_MAX_VALUES (8 * 1024 * 1024)

/* Reads a JSON file whose root is an object. VLDM_ERROR_NOT_FOUND, or VLDM_ERROR_READ with line and column. */
JsonObject *vldm_json_load (const char *path, GError ** error);

/* The same for @folder/@name; TRUE with @object NULL where there is no such file. */
gboolean vldm_json_load_optional (const char *folder, const char *name, JsonObject ** object, GError ** error);

/* As vldm_json_load for @length bytes in memory; @path is for messages. Names that occur twice in one object are refused. */
JsonObject *vldm_json_parse (const char *data, gsize length, const char *path, GError ** error);

/* Sets VLDM_ERROR_MODEL "@folder/@name: ..."; returns FALSE. */
gboolean vldm_json_refuse (const char *folder, const char *name, GError ** error, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* "a list", "the string \"x\"", "3": what was found, for messages. */
char *vldm_json_describe (JsonNode * node);

/* Plain access without messages: FALSE or NULL where the node is NULL or holds another type, or the key is missing. */
gboolean vldm_json_node_holds (JsonNode * node, GType type);
const char *vldm_json_node_string (JsonNode * node);
const char *vldm_json_member_string (JsonObject * object, const char *key);
JsonObject *vldm_json_member_object (JsonObject * object, const char *key);
JsonArray *vldm_json_member_array (JsonObject * object, const char *key);
gboolean vldm_json_member_bool (JsonObject * object, const char *key, gboolean fallback);

/* TRUE if the node is an integer from @min to @max: @value. */
gboolean vldm_json_node_int (JsonNode * node, gint64 min, gint64 max, gint64 * value);

/* Typed reading of one object. */
typedef struct
{
  char *path;                   /* of the file, for messages */
  char *prefix;                 /* "keyframes." inside an object of that name, else "" */
  JsonObject *object;
  GError *error;                /* the first failure; reads after it return their fallback */
} VldmJson;

/* Opens @folder/@name. */
gboolean vldm_json_open (VldmJson * json, const char *folder, const char *name, GError ** error);

/* TRUE, and @child reads the object @key of @json, if there is one. Clear it with vldm_json_close. */
gboolean vldm_json_child (VldmJson * json, const char *key, VldmJson * child);

/* Closes @child; its failure becomes its parent's. */
void vldm_json_close (VldmJson * json, VldmJson * child);

/* TRUE if nothing failed; else moves the failure to @error. */
gboolean vldm_json_done (VldmJson * json, GError ** error);
void vldm_json_clear (VldmJson * json);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VldmJson, vldm_json_clear);

/* Remembers VLDM_ERROR_MODEL "PATH: KEY: ..." unless something failed before. */
void vldm_json_fail (VldmJson * json, const char *key, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* The key's value; NULL if it is missing or null, which everywhere means the class's default. */
JsonNode *vldm_json_get (VldmJson * json, const char *key);

/* The key's value, which must have the type and lie in the range, or @fallback. */
guint vldm_json_uint (VldmJson * json, const char *key, guint fallback, guint min, guint max);
gdouble vldm_json_double (VldmJson * json, const char *key, gdouble fallback, gdouble min, gdouble max);
gboolean vldm_json_bool (VldmJson * json, const char *key, gboolean fallback);

/* Index of the key's string in the NULL-terminated @choices. The message of a failure lists them. */
guint vldm_json_choice (VldmJson * json, const char *key, const char *const *choices, guint fallback);

/* A list of 1 .. @max_n integers into @out; returns how many, 0 if the key is missing (or on failure). */
guint vldm_json_uints (VldmJson * json, const char *key, guint * out, guint max_n, guint min, guint max);

/* One integer for all @n entries, or a list of exactly @n. */
void vldm_json_uint_or_list (VldmJson * json, const char *key, guint * out, guint n, guint fallback, guint min,
    guint max);

/* A list of strings, each one of @choices, as indices into it; returns how many, 0 if the key is missing. */
guint vldm_json_choices (VldmJson * json, const char *key, const char *const *choices, guint * out, guint max_n);

G_END_DECLS
