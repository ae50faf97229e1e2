/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The grammar of vldm:// URIs. Settings follow semicolons, since ges-launch-1.0 reads its command line as a URI of its own
 * and cuts a clip's URI at '?'; but they are read as a query too, which is where they stand in most URIs.
 */
#include "elements/uri.h"

#include <string.h>

#define PREFIX GST_VLDM_URI_PROTOCOL "://"

/* More than there are keys. It bounds the search for keys that come twice. */
#define MAX_SETTINGS 64

/* Characters that mean nothing to this grammar and read better as they are, in paths, fractions and lists. */
#define LEFT_ALONE ",/"

static void
clear_setting (gpointer data)
{
  GstVldmUriSetting *setting = data;

  g_free (setting->key);
  g_free (setting->value);
}

static GstVldmUri *
new_uri (void)
{
  GstVldmUri *uri = g_new0 (GstVldmUri, 1);

  uri->prompt = g_strdup ("");
  uri->settings = g_array_new (FALSE, FALSE, sizeof (GstVldmUriSetting));
  g_array_set_clear_func (uri->settings, clear_setting);
  return uri;
}

void
gst_vldm_uri_free (GstVldmUri * uri)
{
  if (uri == NULL)
    return;
  g_free (uri->prompt);
  g_array_unref (uri->settings);
  g_free (uri);
}

static GstVldmUriSetting *
get_setting (const GstVldmUri * uri, guint i)
{
  return &g_array_index (uri->settings, GstVldmUriSetting, i);
}

static GstVldmUriSetting *
find_setting (const GstVldmUri * uri, const char *key)
{
  guint i;

  for (i = 0; i < uri->settings->len; i++) {
    if (strcmp (get_setting (uri, i)->key, key) == 0)
      return get_setting (uri, i);
  }
  return NULL;
}

const char *
gst_vldm_uri_get (const GstVldmUri * uri, const char *key)
{
  const GstVldmUriSetting *setting = find_setting (uri, key);

  return setting ? setting->value : NULL;
}

void
gst_vldm_uri_set_prompt (GstVldmUri * uri, const char *prompt)
{
  g_free (uri->prompt);
  uri->prompt = g_strdup (prompt ? prompt : "");
}

void
gst_vldm_uri_set (GstVldmUri * uri, const char *key, const char *value)
{
  GstVldmUriSetting *setting = find_setting (uri, key);
  GstVldmUriSetting added = { NULL, };

  if (setting && value) {
    g_free (setting->value);
    setting->value = g_strdup (value);
  } else if (setting) {
    g_array_remove_index (uri->settings, setting - get_setting (uri, 0));
  } else if (value) {
    added.key = g_strdup (key);
    added.value = g_strdup (value);
    g_array_append_val (uri->settings, added);
  }
}

/* File names are bytes. */
static gboolean
is_file_name (const char *key)
{
  return strcmp (key, "model") == 0 || g_str_has_suffix (key, "model-path");
}

/* NULL with an error if @length bytes of @text are not percent-encoded, and with @text_only as UTF-8. @what names them in
 * the message. */
static char *
decode (const char *text, gsize length, const char *what, gboolean text_only,
    GError ** error)
{
  g_autofree char *encoded = g_strndup (text, length);
  g_autofree char *decoded = g_uri_unescape_string (encoded, NULL);

  if (decoded == NULL) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "%s of the URI has a '%%' that two hexadecimal digits other than 00 do "
        "not follow; a percent sign itself is written %%25", what);
    return NULL;
  }
  if (text_only && !g_utf8_validate (decoded, -1, NULL)) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "%s of the URI is not UTF-8", what);
    return NULL;
  }
  return g_steal_pointer (&decoded);
}

/* What settings follow, and how the prompt has those characters. */
static const char AFTER_SEMICOLON[] =
    "a semicolon of the URI is not KEY=VALUE; "
    "a semicolon of the prompt is written %3B";
static const char AFTER_QUESTION_MARK[] =
    "the question mark of the URI is not "
    "KEY=VALUE; a question mark of the prompt is written %3F, and an ampersand "
    "of a value %26";

/* Appends "KEY=VALUE". @after is one of the texts above. */
static gboolean
read_setting (GstVldmUri * uri, const char *text, const char *after,
    GError ** error)
{
  const char *equals = strchr (text, '=');
  g_autofree char *key = NULL;
  g_autofree char *value = NULL;
  g_autofree char *what = NULL;

  key = decode (text, equals ? (gsize) (equals - text) : strlen (text),
      "a key", TRUE, error);
  if (key == NULL)
    return FALSE;
  if (equals == NULL || equals == text) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "'%s' after %s", key, after);
    return FALSE;
  }
  what = g_strdup_printf ("the value of %s", key);
  value = decode (equals + 1, strlen (equals + 1), what, !is_file_name (key),
      error);
  if (value == NULL)
    return FALSE;
  if (gst_vldm_uri_get (uri, key)) {
    g_autofree char *first =
        g_filename_display_name (gst_vldm_uri_get (uri, key));
    g_autofree char *second = g_filename_display_name (value);

    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "the URI sets %s twice, to '%s' and to '%s'", key, first, second);
    return FALSE;
  }
  gst_vldm_uri_set (uri, key, value);
  return TRUE;
}

/* Appends the settings in @text, each of which one of the characters @separators ends. */
static gboolean
read_settings (GstVldmUri * uri, const char *text, const char *separators,
    const char *after, GError ** error)
{
  /* Of what is too much, all stays in the last part. */
  g_auto (GStrv) parts = g_strsplit_set (text, separators, MAX_SETTINGS + 1);
  guint i;

  /* Split, an empty text has no parts. */
  if (parts[0] == NULL)
    return read_setting (uri, "", after, error);
  for (i = 0; parts[i] != NULL; i++) {
    if (uri->settings->len == MAX_SETTINGS) {
      g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
          "the URI has more than %d settings; a semicolon of the prompt is "
          "written %%3B", MAX_SETTINGS);
      return FALSE;
    }
    if (!read_setting (uri, parts[i], after, error))
      return FALSE;
  }
  return TRUE;
}

/* The question mark that begins settings, or NULL. One that ends a sentence of the prompt is followed by nothing, a space or
 * another mark. */
static const char *
find_query (const char *text)
{
  const char *mark = strchr (text, '?');

  while (mark != NULL && !g_ascii_isalnum (mark[1]) && mark[1] != '='
      && mark[1] != '&')
    mark = strchr (mark + 1, '?');
  return mark;
}

GstVldmUri *
gst_vldm_uri_parse (const char *text, GError ** error)
{
  g_autoptr (GstVldmUri) uri = new_uri ();
  g_autofree char *path = NULL;
  g_autofree char *prompt = NULL;
  const char *query;
  gsize length;

  if (g_ascii_strncasecmp (text, PREFIX, strlen (PREFIX)) != 0) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_UNSUPPORTED_PROTOCOL,
        "the URI does not begin with " PREFIX);
    return NULL;
  }
  text += strlen (PREFIX);
  query = find_query (text);
  path = query ? g_strndup (text, query - text) : g_strdup (text);

  length = strcspn (path, ";");
  prompt = decode (path, length, "the prompt", TRUE, error);
  if (prompt == NULL)
    return NULL;
  gst_vldm_uri_set_prompt (uri, prompt);
  if ((path[length] == ';'
          && !read_settings (uri, path + length + 1, ";", AFTER_SEMICOLON,
              error))
      || (query && !read_settings (uri, query + 1, "&;", AFTER_QUESTION_MARK,
              error)))
    return NULL;
  return g_steal_pointer (&uri);
}

char *
gst_vldm_uri_to_string (const GstVldmUri * uri)
{
  GString *text = g_string_new (PREFIX);
  guint i;

  g_string_append_uri_escaped (text, uri->prompt, LEFT_ALONE, FALSE);
  for (i = 0; i < uri->settings->len; i++) {
    const GstVldmUriSetting *setting = get_setting (uri, i);

    g_string_append_c (text, ';');
    g_string_append_uri_escaped (text, setting->key, NULL, FALSE);
    g_string_append_c (text, '=');
    g_string_append_uri_escaped (text, setting->value, LEFT_ALONE, FALSE);
  }
  return g_string_free (text, FALSE);
}
