/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Model folders with an upsampler of drawn weights, as the cases of upsample/golden.json describe them.
 */
#include "upsample_model.h"

#include <glib/gstdio.h>
#include <unistd.h>

static void
put_network (Golden * self, const char *model, const char *component,
    const char *network)
{
  g_autoptr (JsonObject) network_case = json_object_new ();
  g_autofree char *path = g_build_filename (model, component, NULL);
  char *folder;

  json_object_set_string_member (network_case, "network", network);
  folder = golden_write_network (self, network_case);
  g_assert_cmpint (g_rename (folder, path), ==, 0);
  g_free (folder);
}

static void
put_scheduler (const char *model, const char *component, JsonObject * config)
{
  g_autofree char *path = g_build_filename (model, component, NULL);

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  golden_write_json (path, "scheduler_config.json", config);
}

char *
upsample_model_write (Golden * self, const char *tokenizer_folder,
    JsonObject * run_case)
{
  char *model = golden_new_folder ();
  const char *folder = json_object_get_string_member (run_case, "folder");
  gboolean public = g_str_equal (folder, "unet");
  g_autoptr (JsonObject) index = json_object_new ();
  g_autofree char *tokenizer = g_build_filename (model,
      public ? "tokenizer" : "upsampler_tokenizer", NULL);

  golden_write_json (model, "model_index.json", index);
  put_network (self, model, folder, json_object_get_string_member (run_case,
          "unet"));
  put_network (self, model, public ? "vae" : "upsampler_vae",
      json_object_get_string_member (run_case, "vae"));
  put_network (self, model, public ? "text_encoder" : "upsampler_text_encoder",
      "text");
  put_scheduler (model, public ? "scheduler" : "upsampler_scheduler",
      json_object_get_object_member (run_case, "scheduler"));
  put_scheduler (model, "low_res_scheduler",
      json_object_get_object_member (run_case, "low_res_scheduler"));
  g_assert_cmpint (symlink (tokenizer_folder, tokenizer), ==, 0);
  return model;
}

void
upsample_model_complete (const char *model, const char *other)
{
  GDir *dir = g_dir_open (other, 0, NULL);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *from = g_build_filename (other, name, NULL);
    g_autofree char *to = g_build_filename (model, name, NULL);

    if (!g_file_test (to, G_FILE_TEST_EXISTS))
      g_assert_cmpint (symlink (from, to), ==, 0);
  }
  g_dir_close (dir);
}

void
upsample_model_remove (char *model)
{
  GDir *dir = g_dir_open (model, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL) {
    char *path = g_build_filename (model, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR)
        && !g_file_test (path, G_FILE_TEST_IS_SYMLINK)) {
      golden_remove_folder (path);
    } else {
      g_remove (path);
      g_free (path);
    }
  }
  g_dir_close (dir);
  golden_remove_folder (model);
}
