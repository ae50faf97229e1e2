/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Videos as the elements make them, against make_cascade.py's: key frames predicted over three windows, from a prompt or
 * after a given frame, with context guidance, and two interpolations behind each other. Small models of drawn weights and
 * the default one. Arguments: the folder of golden.json, the default model's, and which cases: quick or default.
 */
#include <unistd.h>

#include "golden.h"
#include "play.h"

static Golden golden;
static const char *drive;       /* the default model's folder */
static const char *kind;        /* of cases in golden.json */

/* ---- models ---- */

/* A new folder; golden_remove_folder deletes it. */
static char *
write_small_model (void)
{
  JsonObject *small = json_object_get_object_member (golden.root, "small");
  g_autoptr (JsonObject) index = json_object_new ();
  g_autofree char *target = g_build_filename (drive, "tokenizer", NULL);
  char *model = golden_new_folder ();
  g_autofree char *tokenizer = g_build_filename (model, "tokenizer", NULL);
  const char *schedulers[] = { "scheduler", "interpolator_scheduler" };

  golden_write_json (model, "model_index.json", index);
  golden_write_json (model, "videoldm.json",
      json_object_get_object_member (small, "defaults"));
  golden_put_network (&golden, model, "unet", "keyframes");
  golden_put_network (&golden, model, "interpolator", "interpolator");
  golden_put_network (&golden, model, "text_encoder", "text");
  golden_put_network (&golden, model, "vae", "vae");
  for (guint i = 0; i < G_N_ELEMENTS (schedulers); i++)
    golden_put_scheduler (model, schedulers[i],
        json_object_get_object_member (small, schedulers[i]));
  g_assert_cmpint (symlink (target, tokenizer), ==, 0);
  return model;
}

/* ---- pipelines ---- */

/* The part of a pipeline that brings the first frame, drawn, from a new file @path. */
static char *
give_first_frame (JsonObject * video_case, const char *path)
{
  g_autoptr (GError) error = NULL;
  guint width = golden_uint (video_case, "width");
  guint height = golden_uint (video_case, "height");
  guint factor = golden_uint (video_case, "factor");
  gsize n = 4 * (gsize) (width / factor) * (height / factor);
  g_autofree gfloat *latents = golden_randn (GOLDEN_SEED_KNOWN, n);

  g_file_set_contents (path, (char *) latents, n * sizeof (gfloat), &error);
  g_assert_no_error (error);
  return g_strdup_printf ("filesrc location=%s blocksize=%" G_GSIZE_FORMAT
      " ! video/x-vldm-latents, format=F32LE, width=%u, height=%u, "
      "latent-width=%u, latent-height=%u, latent-channels=4, latent-space=vae, "
      "framerate=0/1, pixel-aspect-ratio=1/1 ! src.context ", path,
      n * sizeof (gfloat), width, height, width / factor, height / factor);
}

/* The elements of a case behind its first frame. */
static void
append_elements (GString * launch, JsonObject * video_case, const char *model,
    const char *precision)
{
  gint64 steps =
      json_object_get_int_member_with_default (video_case, "steps", -1);

  g_string_append_printf (launch, "vldmsrc name=src model-path=%s "
      "precision=%s prompt=\"%s\" negative-prompt=\"%s\" seed=%u "
      "context-guidance=%g frames=%u steps=%" G_GINT64_FORMAT
      " ! video/x-vldm-latents, format=F32LE, width=%u, height=%u ! ", model,
      precision, json_object_get_string_member (video_case, "prompt"),
      json_object_get_string_member (video_case, "negative_prompt"),
      golden_uint (video_case, "seed"),
      json_object_get_double_member (video_case, "context_guidance"),
      golden_uint (video_case, "frames"), steps,
      golden_uint (video_case, "width"), golden_uint (video_case, "height"));
  for (guint i = 0; i < golden_uint (video_case, "levels"); i++)
    g_string_append_printf (launch, "vldminterp precision=%s steps=%"
        G_GINT64_FORMAT " ! ", precision, steps);
  g_string_append (launch, "fakesink name=sink sync=false");
}

static gboolean
is_small (JsonObject * video_case)
{
  return g_str_equal (json_object_get_string_member (video_case, "model"),
      "small");
}

static void
check_video (Golden * self, const char *name, JsonObject * video_case,
    OclType type)
{
  static const char *const precisions[] = { "f32", "f16", "bf16" };
  gboolean small = is_small (video_case);
  char *model = small ? write_small_model () : g_strdup (drive);
  char *folder = golden_new_folder ();
  g_autofree char *path = g_build_filename (folder, "first.f32", NULL);
  g_autofree char *first = json_object_get_boolean_member (video_case, "given")
      ? give_first_frame (video_case, path) : NULL;
  g_autoptr (GString) launch = g_string_new (first);
  g_autoptr (GByteArray) video = NULL;

  append_elements (launch, video_case, model, precisions[type]);
  video = play (launch->str);
  golden_compare (self, video_case, name, (const gfloat *) video->data,
      video->len / sizeof (gfloat), golden_run_bound (type));

  golden_remove_folder (folder);
  if (small)
    golden_remove_folder (model);
  else
    g_free (model);
}

/* In half precision the small models are enough: storage is the operations' matter. */
static void
check_affordable (Golden * self, const char *name, JsonObject * video_case,
    OclType type)
{
  if (type == OCL_F32 || is_small (video_case))
    check_video (self, name, video_case, type);
}

static void
check_all (void)
{
  golden_for_each (&golden, kind, check_affordable);
}

int
main (int argc, char **argv)
{
  int failed;

  play_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 4);
  drive = argv[2];
  kind = argv[3];
  golden_open (&golden, argv[1]);
  g_test_add_func ("/golden/cascade", check_all);
  failed = g_test_run ();
  golden_clear (&golden);
  return failed;
}
