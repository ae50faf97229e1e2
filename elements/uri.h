/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The grammar of vldm:// URIs: a prompt and settings in one line, for everything that opens a URI.
 *
 *     vldm://PROMPT[;KEY=VALUE]...[?KEY=VALUE[&KEY=VALUE]...]
 *
 * What is written has the settings after semicolons. The query begins with the first question mark that a letter, a
 * figure, '=' or '&' follows; others are question marks. Within it '&' and ';' separate, before it only ';'. Prompt, keys
 * and values are percent-encoded UTF-8. Which keys there are, and what they mean, is vldmbin's business.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_VLDM_URI_PROTOCOL "vldm"

typedef struct
{
  char *key, *value;            /* decoded */
} GstVldmUriSetting;

typedef struct
{
  char *prompt;                 /* decoded, never NULL */
  GArray *settings;             /* of GstVldmUriSetting, in the URI's order, each key once */
} GstVldmUri;

/* Reads @text. NULL with GST_URI_ERROR_UNSUPPORTED_PROTOCOL if it is of another protocol, and with GST_URI_ERROR_BAD_URI
 * if it breaks the grammar; the message names the place. */
GstVldmUri *gst_vldm_uri_parse (const char *text, GError ** error);

void gst_vldm_uri_free (GstVldmUri * uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstVldmUri, gst_vldm_uri_free)

/* The URI that gst_vldm_uri_parse () reads as @uri. Free with g_free (). */
char *gst_vldm_uri_to_string (const GstVldmUri * uri);

/* NULL stands for an empty prompt. */
void gst_vldm_uri_set_prompt (GstVldmUri * uri, const char *prompt);

/* Replaces the value of @key, or appends it; NULL removes it. */
void gst_vldm_uri_set (GstVldmUri * uri, const char *key, const char *value);

/* NULL if @key is not set. */
const char *gst_vldm_uri_get (const GstVldmUri * uri, const char *key);

G_END_DECLS
