/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input is a URI. What is read must be written so that it reads the same.
 */
#include "elements/uri.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr (GstVldmUri) uri = gst_vldm_uri_parse (text, NULL);
  g_autoptr (GstVldmUri) again = NULL;
  g_autofree char *written = NULL;
  g_autofree char *written_again = NULL;
  guint i;

  if (uri == NULL)
    return 0;
  written = gst_vldm_uri_to_string (uri);
  again = gst_vldm_uri_parse (written, NULL);
  g_assert_nonnull (again);
  g_assert_cmpstr (again->prompt, ==, uri->prompt);
  g_assert_cmpuint (again->settings->len, ==, uri->settings->len);
  for (i = 0; i < uri->settings->len; i++) {
    const GstVldmUriSetting *setting =
        &g_array_index (uri->settings, GstVldmUriSetting, i);

    g_assert_cmpstr (gst_vldm_uri_get (again, setting->key), ==,
        setting->value);
  }
  written_again = gst_vldm_uri_to_string (again);
  g_assert_cmpstr (written_again, ==, written);
  return 0;
}
