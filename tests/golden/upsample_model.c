/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Model folders with an upsampler of drawn weights, as the cases of upsample/golden.json describe them.
 */
#include "upsample_model.h"

#include <unistd.h>

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
  golden_put_network (self, model, folder,
      json_object_get_string_member (run_case, "unet"));
  golden_put_network (self, model, public ? "vae" : "upsampler_vae",
      json_object_get_string_member (run_case, "vae"));
  golden_put_network (self, model,
      public ? "text_encoder" : "upsampler_text_encoder", "text");
  golden_put_scheduler (model, public ? "scheduler" : "upsampler_scheduler",
      json_object_get_object_member (run_case, "scheduler"));
  golden_put_scheduler (model, "low_res_scheduler",
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
