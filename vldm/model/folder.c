/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a model and its components are.
 */
#include "vldm/model/folder.h"

#include <stdlib.h>

#define ENVIRONMENT "VLDM_MODEL_PATH"
#define DEFAULT_MODEL "drive"

static gboolean
is_model (const char *path)
{
  g_autofree char *index = g_build_filename (path, "model_index.json", NULL);

  return g_file_test (index, G_FILE_TEST_IS_REGULAR);
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

char *
vldm_folder_resolve (const char *path, GError ** error)
{
  const char *environment = g_getenv (ENVIRONMENT);
  const char *chosen_by = "the property model-path";
  g_autofree char *folder = g_strdup (path);

  if (!folder || !*folder) {
    g_free (folder);
    if (environment && *environment) {
      folder = g_strdup (environment);
      chosen_by = "the environment variable " ENVIRONMENT;
    } else {
      folder = g_build_filename (VLDM_SOURCE_MODELS, DEFAULT_MODEL, NULL);
      if (!is_model (folder)) {
        g_free (folder);
        folder = g_build_filename (VLDM_INSTALLED_MODELS, DEFAULT_MODEL, NULL);
      }
      chosen_by = "default; " ENVIRONMENT " chooses another";
    }
  }
  if (is_model (folder))
    return real_path (folder);

  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s (%s): %s; a model is a folder in diffusers' layout: "
      "model_index.json, unet/, vae/, text_encoder/, tokenizer/, scheduler/",
      folder, chosen_by, g_file_test (folder, G_FILE_TEST_IS_DIR)
      ? "no model_index.json inside" : "no such folder");
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

char *
vldm_folder_component (const char *model_folder, const char *component,
    GError ** error)
{
  const char *second = fallback (component);
  g_autofree char *path = g_build_filename (model_folder, component, NULL);

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&path);
  if (second) {
    g_autofree char *path2 = g_build_filename (model_folder, second, NULL);

    if (g_file_test (path2, G_FILE_TEST_IS_DIR))
      return g_steal_pointer (&path2);
  }
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s: no such folder%s%s; the model has no %s", path,
      second ? ", nor the one beside it that would serve, " : "",
      second ? second : "", component);
  return NULL;
}
