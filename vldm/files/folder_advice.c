/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Usual mistakes: a single file, the folder of one component, a folder above the model (such as one of the hub's cache).
 */
#include "vldm/files/folder_private.h"

#include "vldm/files/files.h"
#include "vldm/files/folder.h"

static gboolean
has_suffix (const char *path, const char *const *suffixes, guint n)
{
  for (guint i = 0; i < n; i++)
    if (g_str_has_suffix (path, suffixes[i]))
      return TRUE;
  return FALSE;
}

/* A whole model in one file. */
static gboolean
is_checkpoint (const char *path)
{
  static const char *const suffixes[] = { ".safetensors", ".ckpt", ".pt",
    ".bin", ".gguf"
  };

  return has_suffix (path, suffixes, G_N_ELEMENTS (suffixes));
}

static char *
advise_on_file (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *above = g_path_get_dirname (folder);

  /* The one above first, since an autoencoder's folder would do as well. */
  if (vldm_folder_is_model (above) || vldm_folder_is_model (folder))
    return g_strdup_printf ("a file of the model %s, which is the folder to "
        "name", vldm_folder_is_model (above) ? above : folder);
  if (is_checkpoint (path))
    return g_strdup ("a file; single files are not read yet, so convert it (in "
        "Python, with diffusers: StableDiffusionPipeline.from_single_file "
        "(FILE).save_pretrained (FOLDER)) and name the folder");
  return g_strdup ("a file, not a folder");
}

/* models--OWNER--NAME/snapshots/COMMIT/ is where the hub's cache has models. */
static gboolean
is_of_cache (const char *name)
{
  return g_str_has_prefix (name, "models--") || g_str_equal (name, "snapshots")
      || g_str_equal (name, "hub");
}

/* A model in a folder inside @path; which of several is a matter of chance. */
static char *
find_below (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);
    char *found = NULL;

    if (vldm_folder_is_model (child))
      return g_steal_pointer (&child);
    if (is_of_cache (name))
      found = find_below (child);
    if (found != NULL)
      return found;
  }
  return NULL;
}

static char *
find_checkpoint (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (is_checkpoint (name))
      return g_strdup (name);
  return NULL;
}

static char *
advise_on_folder (const char *path)
{
  g_autofree char *class = vldm_folder_component_class (path);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autofree char *below = NULL;
  g_autofree char *file = NULL;
  GString *advice = g_string_new ("no model_index.json inside");

  if (class != NULL)
    g_string_append_printf (advice, ": it is a component by itself (%s)",
        class);
  if (vldm_folder_is_model (parent))
    g_string_append_printf (advice, "; the model is %s", parent);
  else if (class == NULL && (below = find_below (path)) != NULL)
    g_string_append_printf (advice, "; a model is in %s", below);
  else if (class == NULL && (file = find_checkpoint (path)) != NULL)
    g_string_append_printf (advice, "; it holds %s, but single files are not "
        "read yet", file);
  return g_string_free (advice, FALSE);
}

char *
vldm_folder_advise (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  if (dir != NULL)
    return advise_on_folder (path);
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return advise_on_file (path);
  return vldm_file_explain (path, "folder");
}
