/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Going through a section of sampling.json.
 */
#include "rows.h"

void
rows_for_each (const char *path, const char *section, guint at_least,
    void (*check) (guint index, JsonObject * row))
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonArray *rows;

  json_parser_load_from_file (parser, path, &error);
  g_assert_no_error (error);
  rows = json_object_get_array_member (json_node_get_object
      (json_parser_get_root (parser)), section);
  g_assert_cmpuint (json_array_get_length (rows), >=, at_least);
  for (guint i = 0; i < json_array_get_length (rows); i++)
    check (i, json_array_get_object_element (rows, i));
}
