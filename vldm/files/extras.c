/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Components by name, from the folder and from its model_index.json; files by the tensors inside, since their names tell
 * nothing.
 * Source: diffusers' pipelines, LoRA and textual inversion loaders.
 */
#include "vldm/files/extras.h"

#include <string.h>

#include "vldm/files/files.h"
#include "vldm/files/folder.h"
#include "vldm/files/json.h"
#include "vldm/files/safetensors.h"

#define LORA "a LoRA: pictures will be those of the model without it"
#define EMBEDDING "a textual inversion: its word in a prompt is a word like any other"

typedef struct
{
  const char *name, *effect;
} Extra;

/* Named in model_index.json, or merely there. */
static const Extra components[] = {
  {"motion_adapter",
      "AnimateDiff: frames will be independent of each other and flicker"},
  {"temporal_text_encoder",
      "temporal layers will get the text of text_encoder/"},
  {"controlnet", "pictures will follow the prompt alone"},
  {"image_encoder", "pictures cannot be given as prompts"},
};

/* Components that run, and those that change no picture. */
static const char *const harmless[] = { "unet", "vae", "text_encoder",
  "tokenizer", "scheduler", "interpolator", "interpolator_scheduler",
  "upsampler", "upsampler_vae", "upsampler_scheduler", "low_res_scheduler",
  "upsampler_text_encoder", "upsampler_tokenizer", "safety_checker",
  "feature_extractor", "watermarker"
};

static void
add (GString * list, const char *name, const char *effect)
{
  g_string_append_printf (list, "%s%s (%s)", list->len > 0 ? "; " : "", name,
      effect);
}

/* ["diffusers", "CLASS"]; [null, null] stands for none. */
static gboolean
is_component (JsonObject * index, const char *name)
{
  JsonArray *pair = vldm_json_member_array (index, name);

  return pair != NULL && json_array_get_length (pair) == 2
      && vldm_json_node_string (json_array_get_element (pair, 1)) != NULL;
}

static const char *
find_effect (const char *component)
{
  for (guint i = 0; i < G_N_ELEMENTS (components); i++)
    if (g_str_equal (component, components[i].name))
      return components[i].effect;
  for (guint i = 0; i < G_N_ELEMENTS (harmless); i++)
    if (g_str_equal (component, harmless[i]))
      return NULL;
  return "nothing here runs it";
}

static void
add_components (const char *folder, JsonObject * index, GString * list)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  for (guint i = 0; i < G_N_ELEMENTS (components); i++) {
    if (vldm_folder_has (folder, components[i].name)
        && (index == NULL || !is_component (index, components[i].name)))
      add (list, components[i].name, components[i].effect);
  }
  if (index == NULL)
    return;
  json_object_iter_init_ordered (&iter, index);
  while (json_object_iter_next_ordered (&iter, &name, &node)) {
    const char *effect = find_effect (name);

    if (effect != NULL && is_component (index, name))
      add (list, name, effect);
  }
}

static gboolean
contains (const char *name, const char *part)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  return strstr (lower, part) != NULL;
}

/* The same of a word, which is no part of another. */
static gboolean
has_word (const char *name, const char *word)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (const char *at = lower; (at = strstr (at, word)) != NULL; at++)
    if ((at == lower || !g_ascii_isalpha (at[-1]))
        && !g_ascii_isalpha (at[strlen (word)]))
      return TRUE;
  return FALSE;
}

/* What tensors of these names are for; NULL = a network's weights, or not known. */
static const char *
classify_tensors (const char *const *names)
{
  static const Extra kinds[] = {
    {"lora", LORA},
    {"hada_w", LORA},
    {"lokr_w", LORA},
    {"motion_modules.",
        "an adapter of AnimateDiff: frames will be independent of each other and flicker"},
    {"ip_adapter.", "an IP-Adapter: pictures cannot be given as prompts"},
    {"control_model.", "a ControlNet: pictures will follow the prompt alone"},
    {"controlnet_", "a ControlNet: pictures will follow the prompt alone"},
    {"emb_params", EMBEDDING},
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (guint k = 0; names[k] != NULL; k++)
      if (contains (names[k], kinds[i].name))
        return kinds[i].effect;
  /* A word is the name of the only tensor. */
  return names[0] != NULL && names[1] == NULL ? EMBEDDING : NULL;
}

/* Pickles, and tensors that say nothing. */
static const char *
classify_name (const char *name)
{
  static const char *const suffixes[] = { ".safetensors", ".bin", ".pt",
    ".ckpt"
  };
  gboolean weights = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    weights = weights || g_str_has_suffix (name, suffixes[i]);
  if (weights && has_word (name, "lora"))
    return LORA;
  return weights && contains (name, "learned_embeds") ? EMBEDDING : NULL;
}

static const char *
classify_file (const char *folder, const char *name)
{
  g_autoptr (VldmSafetensors) tensors = NULL;
  g_autofree const char **names = NULL;
  g_autofree char *base = NULL;
  const char *effect = NULL;

  if (g_str_has_suffix (name, ".safetensors")) {
    base = g_strndup (name, strlen (name) - strlen (".safetensors"));
    tensors = vldm_safetensors_open (folder, base, NULL);
  }
  if (tensors != NULL) {
    names = vldm_safetensors_names (tensors);
    effect = classify_tensors (names);
  }
  return effect != NULL ? effect : classify_name (name);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_files (const char *folder, GString * list)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (entry));
  g_ptr_array_sort (names, compare);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autofree char *inside = g_build_filename (name,
        "pytorch_lora_weights.safetensors", NULL);
    g_autofree char *lora = g_build_filename (folder, inside, NULL);
    const char *effect;

    if (g_file_test (path, G_FILE_TEST_IS_DIR)) {
      if (vldm_file_exists (lora))
        add (list, inside, LORA);
      continue;
    }
    effect = classify_file (folder, name);
    if (effect != NULL)
      add (list, name, effect);
  }
}

gboolean
vldm_extras_warn (const char *model_folder, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (GString) list = g_string_new (NULL);
  g_autoptr (JsonObject) index = NULL;
  g_autofree char *message = NULL;

  if (!vldm_json_load_optional (model_folder, VLDM_FOLDER_INDEX, &index, error))
    return FALSE;
  add_components (model_folder, index, list);
  add_files (model_folder, list);
  if (list->len == 0)
    return TRUE;
  message = g_strdup_printf ("%s: not supported yet, and not applied: %s",
      model_folder, list->str);
  if (progress != NULL && progress->warn != NULL)
    progress->warn (message, progress->user_data);
  return TRUE;
}
