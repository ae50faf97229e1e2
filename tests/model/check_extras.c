/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a model folder holds besides the networks that run: named in one warning where pictures are others without it, passed
 * over where they are not. Argument: the default model's folder.
 */
#include <string.h>

#include "vldm/files/extras.h"

#include "fixture.h"

static const char *drive_folder;

static void
keep_warning (const char *message, gpointer user_data)
{
  g_ptr_array_add (user_data, g_strdup (message));
}

/* The one warning about @folder, or NULL. */
static char *
get_warning (const char *folder)
{
  g_autoptr (GPtrArray) warnings = g_ptr_array_new ();
  const VldmProgress progress = { NULL, keep_warning, warnings };
  g_autoptr (GError) error = NULL;

  g_assert_true (vldm_extras_warn (folder, &progress, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (warnings->len, <=, 1);
  return warnings->len > 0 ? g_ptr_array_index (warnings, 0) : NULL;
}

/* A safetensors file of empty tensors with these @names, separated by spaces. */
static void
write_names (Fixture * fixture, const char *file, const char *names)
{
  g_auto (GStrv) list = g_strsplit (names, " ", -1);
  g_autoptr (GString) header = g_string_new ("{");

  for (guint i = 0; list[i] != NULL; i++)
    g_string_append_printf (header, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": "
        "[0], \"data_offsets\": [0, 0]}", i > 0 ? ", " : "", list[i]);
  g_string_append_c (header, '}');
  fixture_write_tensors (fixture, file, header->str, 0);
}

/* One thing in a folder, and what is said of it; NULL = nothing. @content begins with { for JSON, else it is a list of
 * tensors. */
static const struct
{
  const char *name, *file, *content, *reason;
} cases[] = {
  {"adapter", "motion_adapter/config.json", "{}",
      "motion_adapter (AnimateDiff: frames will be independent"},
  {"temporal-text", "temporal_text_encoder/config.json", "{}",
      "temporal_text_encoder (temporal layers will get"},
  {"adapter-in-index", "model_index.json",
        "{\"motion_adapter\": [\"diffusers\", \"MotionAdapter\"]}",
      "motion_adapter (AnimateDiff"},
  {"controlnet", "model_index.json",
        "{\"controlnet\": [\"diffusers\", \"ControlNetModel\"]}",
      "controlnet (pictures will follow the prompt alone)"},
  {"image-encoder", "model_index.json",
        "{\"image_encoder\": [\"transformers\", \"CLIPVisionModel\"]}",
      "image_encoder (pictures cannot be given"},
  {"other-component", "model_index.json",
        "{\"text_encoder_2\": [\"transformers\", \"CLIPTextModel\"]}",
      "text_encoder_2 (nothing here runs it)"},
  {"usual-components", "model_index.json",
      "{\"_class_name\": \"StableDiffusionPipeline\", \"feature_extractor\": "
        "[\"transformers\", \"CLIPImageProcessor\"], \"image_encoder\": [null, "
        "null], \"requires_safety_checker\": true, \"safety_checker\": "
        "[\"stable_diffusion\", \"StableDiffusionSafetyChecker\"], \"unet\": "
        "[\"diffusers\", \"UNet2DConditionModel\"]}"},
  {"lora", "pytorch_lora_weights.safetensors",
        "unet.a.lora.down.weight unet.a.lora.up.weight",
      "pytorch_lora_weights.safetensors (a LoRA: "},
  {"lora-kohya", "add_detail.safetensors",
        "lora_unet_a.alpha lora_unet_a.lora_up.weight",
      "add_detail.safetensors (a LoRA: "},
  {"lora-peft", "style.safetensors",
        "base_model.model.unet.a.lora_A.weight b.lora_B.weight",
      "style.safetensors (a LoRA: "},
  {"lora-loha", "style.safetensors", "a.hada_w1_a a.hada_w1_b",
      "style.safetensors (a LoRA: "},
  {"lora-inside", "lora/pytorch_lora_weights.safetensors", "a.lora_A.weight",
      "lora/pytorch_lora_weights.safetensors (a LoRA: "},
  {"lora-pickle", "pytorch_lora_weights.bin", "{}", "weights.bin (a LoRA: "},
  {"lora-damaged", "LCM-LoRA.safetensors", "{}", "LCM-LoRA.safetensors (a "},
  {"lora-by-name", "a_lora_b.safetensors", "x y", "a_lora_b.safetensors (a L"},
  {"motion", "mm_sd_v15_v2.safetensors",
        "down_blocks.0.motion_modules.0.a mid_block.motion_modules.0.b",
      "mm_sd_v15_v2.safetensors (an adapter of AnimateDiff: "},
  {"embedding", "learned_embeds.safetensors", "<cat>",
      "learned_embeds.safetensors (a textual inversion: "},
  {"embedding-a1111", "easynegative.safetensors", "emb_params",
      "easynegative.safetensors (a textual inversion: "},
  {"ip-adapter", "ip-adapter_sd15.safetensors",
        "image_proj.proj.weight ip_adapter.1.to_k_ip.weight",
      "ip-adapter_sd15.safetensors (an IP-Adapter: "},
  {"checkpoint", "exploration.safetensors",
      "model.diffusion_model.out.0.weight first_stage_model.decoder.a"},
  {"readme", "README.md", "{}"},
  {"lora-text", "lora.txt", "{}"},
};

static void
test_case (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *warning = NULL;

  if (*cases[i].content == '{')
    fixture_write (&fixture, cases[i].file, cases[i].content, -1);
  else
    write_names (&fixture, cases[i].file, cases[i].content);
  warning = get_warning (fixture.folder);
  if (cases[i].reason == NULL) {
    g_assert_cmpstr (warning, ==, NULL);
    return;
  }
  g_assert_nonnull (warning);
  g_assert_true (g_str_has_prefix (warning, fixture.folder));
  if (strstr (warning, cases[i].reason) == NULL)
    g_error ("\"%s\" does not say \"%s\"", warning, cases[i].reason);
}

/* Several things are one warning, each once. */
static void
test_together (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *warning = NULL, *expected = NULL;

  fixture_write (&fixture, "model_index.json",
      "{\"motion_adapter\": [\"diffusers\", \"MotionAdapter\"]}", -1);
  fixture_write (&fixture, "motion_adapter/config.json", "{}", -1);
  write_names (&fixture, "b.safetensors", "a.lora_A.weight");
  write_names (&fixture, "a.safetensors", "a.lora_A.weight");
  warning = get_warning (fixture.folder);
  expected = g_strdup_printf ("%s: not supported yet, and not applied: "
      "motion_adapter (AnimateDiff: frames will be independent of each other "
      "and flicker); a.safetensors (a LoRA: pictures will be those of the model "
      "without it); b.safetensors (a LoRA: pictures will be those of the model "
      "without it)", fixture.folder);
  g_assert_cmpstr (warning, ==, expected);
}

/* Where model_index.json says that there is none, the folder may still be there. */
static void
test_adapter_beside_null (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *warning = NULL;

  fixture_write (&fixture, "model_index.json",
      "{\"motion_adapter\": [null, null]}", -1);
  fixture_write (&fixture, "motion_adapter/config.json", "{}", -1);
  warning = get_warning (fixture.folder);
  g_assert_nonnull (warning);
  g_assert_nonnull (strstr (warning, "motion_adapter (AnimateDiff"));
}

static void
test_none (void)
{
  g_autofree char *warning = get_warning (drive_folder);

  g_assert_cmpstr (warning, ==, NULL);
}

static void
test_damaged (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, "model_index.json", "<html>", -1);
  g_assert_false (vldm_extras_warn (fixture.folder, NULL, &error));
  fixture_check_error (error, VLDM_ERROR_READ, "HTML page", "model_index.json");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  drive_folder = argv[1];
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/extras/", cases[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
  }
  g_test_add_func ("/extras/together", test_together);
  g_test_add_func ("/extras/adapter-beside-null", test_adapter_beside_null);
  g_test_add_func ("/extras/none", test_none);
  g_test_add_func ("/extras/damaged", test_damaged);
  return g_test_run ();
}
