/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a model and its components are.
 */
#include "vldm/files/folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "vldm/files/files.h"
#include "vldm/files/folder_private.h"
#include "vldm/files/json.h"

#define ENVIRONMENT "VLDM_MODEL_PATH"
#define DEFAULT_MODEL "drive"

static char *
class_in (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (JsonObject) object = vldm_json_load (path, NULL);

  return object == NULL ? NULL
      : g_strdup (vldm_json_member_string (object, "_class_name"));
}

char *
vldm_folder_component_class (const char *folder)
{
  return class_in (folder, "config.json");
}

char *
vldm_folder_pipeline_class (const char *model_folder)
{
  return class_in (model_folder, VLDM_FOLDER_INDEX);
}

/* Also a link to nothing, so that it is named later; but not what may not be looked at, such as the source tree of another
 * user, instead of which the installed model serves. */
static gboolean
has_file (const char *folder, const char *component, const char *name)
{
  g_autofree char *path = g_build_filename (folder, component, name, NULL);
  struct stat info;

  return lstat (path, &info) == 0;
}

/* What diffusers saves of an autoencoder alone: enough for those who only encode or decode. */
static gboolean
is_autoencoder (const char *folder)
{
  g_autofree char *class = NULL;

  if (has_file (folder, VLDM_FOLDER_INDEX, NULL))
    return FALSE;
  class = vldm_folder_component_class (folder);
  return class != NULL && g_str_has_prefix (class, "Autoencoder");
}

gboolean
vldm_folder_is_model (const char *path)
{
  static const char *const networks[] = { "unet", "interpolator", "vae",
    "upsampler"
  };

  if (has_file (path, VLDM_FOLDER_INDEX, NULL))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (networks); i++)
    if (has_file (path, networks[i], "config.json"))
      return TRUE;
  return is_autoencoder (path);
}

/* One spelling for one folder, so that elements share what they load from it. */
static char *
real_path (const char *path)
{
  char *resolved = realpath (path, NULL);
  char *copy;

  if (!resolved)
    return g_canonicalize_filename (path, NULL);
  copy = g_strdup (resolved);
  free (resolved);
  return copy;
}

/* File names are bytes, and what goes through caps, events and gst-launch is UTF-8: a URI can name them all. */
static char *
path_of (const char *name)
{
  char *path = g_str_has_prefix (name, "file:")
      ? g_filename_from_uri (name, NULL, NULL) : NULL;

  return path ? path : g_strdup (name);
}

char *
vldm_folder_resolve (const char *path, GError ** error)
{
  const char *environment = g_getenv (ENVIRONMENT);
  const char *chosen_by = "the property model-path";
  g_autofree char *folder = NULL, *advice = NULL;

  if (path && *path) {
    folder = path_of (path);
  } else if (environment && *environment) {
    folder = path_of (environment);
    chosen_by = "the environment variable " ENVIRONMENT;
  } else {
    folder = g_build_filename (VLDM_SOURCE_MODELS, DEFAULT_MODEL, NULL);
    if (!vldm_folder_is_model (folder)) {
      g_free (folder);
      folder = g_build_filename (VLDM_INSTALLED_MODELS, DEFAULT_MODEL, NULL);
    }
    chosen_by = "default; " ENVIRONMENT " chooses another";
  }
  if (vldm_folder_is_model (folder))
    return real_path (folder);

  advice = vldm_folder_advise (folder);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s (%s): %s; a model is a folder in diffusers' layout: "
      "model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/",
      folder, chosen_by, advice);
  return NULL;
}

/* The component that serves for @component where a model has none; NULL if nothing does. */
static const char *
fallback (const char *component)
{
  static const struct
  {
    const char *component, *fallback;
  } fallbacks[] = {
    {"interpolator_scheduler", "scheduler"},
    {"temporal_text_encoder", "text_encoder"},
    {"upsampler_scheduler", "scheduler"},
    {"upsampler_text_encoder", "text_encoder"},
    {"upsampler_tokenizer", "tokenizer"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (fallbacks); i++)
    if (g_str_equal (component, fallbacks[i].component))
      return fallbacks[i].fallback;
  return NULL;
}

gboolean
vldm_folder_has (const char *model_folder, const char *component)
{
  g_autofree char *path = g_build_filename (model_folder, component, NULL);

  return g_file_test (path, G_FILE_TEST_IS_DIR);
}

/* What the whole is, which may explain why it lacks a component. */
static char *
describe_model (const char *folder)
{
  g_autofree char *pipeline = vldm_folder_pipeline_class (folder);
  g_autofree char *class = NULL;

  if (pipeline)
    return g_strdup_printf ("; its " VLDM_FOLDER_INDEX " is that of a %s",
        pipeline);
  if (!is_autoencoder (folder))
    return g_strdup ("");
  class = vldm_folder_component_class (folder);
  return g_strdup_printf ("; it is an autoencoder by itself (%s)", class);
}

char *
vldm_folder_component (const char *model_folder, const char *component,
    GError ** error)
{
  const char *second = fallback (component);
  g_autofree char *path = g_build_filename (model_folder, component, NULL);
  g_autofree char *why = NULL, *what = NULL;

  if (vldm_folder_has (model_folder, component))
    return g_steal_pointer (&path);
  if (second && vldm_folder_has (model_folder, second))
    return g_build_filename (model_folder, second, NULL);
  if (g_str_has_suffix (component, "vae") && is_autoencoder (model_folder)
      && !vldm_folder_has (model_folder, "vae"))
    return g_strdup (model_folder);

  why = vldm_file_explain (path, "folder");
  what = describe_model (model_folder);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s has no folder \"%s\"%s%s (%s: %s)%s", model_folder, component,
      second ? ", nor the one beside it that would serve, " : "",
      second ? second : "", path, why, what);
  return NULL;
}
