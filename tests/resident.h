/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How much memory this process has, for tests of growth.
 */
#pragma once

#include <glib.h>

/* In kB; 0 if the system does not say. */
static inline glong
resident_kb (void)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, NULL))
    return 0;
  line = g_strrstr (status, "VmRSS:");
  return line == NULL ? 0 : g_ascii_strtoll (line + 6, NULL, 10);
}
