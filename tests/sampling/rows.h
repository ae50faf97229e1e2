/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The rows of sampling.json, which make_sampling.py writes.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Calls @check for every row of @section, of which there are @at_least so many. */
void rows_for_each (const char *path, const char *section, guint at_least,
    void (*check) (guint index, JsonObject * row));

G_END_DECLS
