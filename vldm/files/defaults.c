/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * videoldm.json: what the author of a model recommends, and what holds where he says nothing. Keys that this version
 * does not know are left for those that do.
 */
#include "vldm/files/config.h"

#include "vldm/files/files.h"
#include "vldm/files/json.h"

#define FILE_NAME "videoldm.json"
#define MAX_SIZE 65536

/* [numerator, denominator], or a whole number of frames per second. */
static void
read_fps (VldmJson * json, VldmStageDefaults * stage)
{
  guint fps[2] = { stage->fps_n, stage->fps_d };
  JsonNode *node = vldm_json_get (json, "fps");

  if (node && JSON_NODE_HOLDS_ARRAY (node)) {
    if (vldm_json_uints (json, "fps", fps, 2, 1, 1000000) == 1)
      vldm_json_fail (json, "fps", "expected [numerator, denominator]");
  } else if (node) {
    fps[0] = vldm_json_uint (json, "fps", fps[0], 1, 1000000);
    fps[1] = 1;
  }
  stage->fps_n = fps[0];
  stage->fps_d = fps[1];
}

/* A list of rates, [[n, d], ...]. */
static void
read_rates (VldmJson * json, VldmDefaults * defaults)
{
  JsonNode *node = vldm_json_get (json, "fps");
  JsonArray *rates;

  if (node == NULL)
    return;
  if (!JSON_NODE_HOLDS_ARRAY (node)) {
    vldm_json_fail (json, "fps", "expected a list of [numerator, denominator]");
    return;
  }
  rates = json_node_get_array (node);
  for (guint i = 0; i < MIN (json_array_get_length (rates), VLDM_MAX_RATES);
      i++) {
    JsonNode *rate = json_array_get_element (rates, i);
    JsonArray *pair = JSON_NODE_HOLDS_ARRAY (rate)
        ? json_node_get_array (rate) : NULL;
    gint64 n = 0, d = 0;

    if (pair != NULL && json_array_get_length (pair) == 2) {
      n = json_array_get_int_element (pair, 0);
      d = json_array_get_int_element (pair, 1);
    }
    if (n < 1 || d < 1) {
      vldm_json_fail (json, "fps",
          "expected a list of [numerator, denominator], both positive");
      return;
    }
    defaults->interpolation_rates[i] = (gdouble) n / d;
    defaults->n_interpolation_rates = i + 1;
  }
}

/* @context is the key for frames that a window has from the one before. */
static void
read_stage (VldmJson * json, const char *context, VldmStageDefaults * stage)
{
  stage->frames = vldm_json_uint (json, "frames", stage->frames, 1, MAX_SIZE);
  stage->context = vldm_json_uint (json, context, stage->context, 0, MAX_SIZE);
  stage->steps = vldm_json_uint (json, "steps", stage->steps, 1, 1000000);
  stage->guidance = vldm_json_double (json, "guidance", stage->guidance, 0.0,
      1000.0);
  stage->rescale = vldm_json_double (json, "rescale", stage->rescale, 0.0, 1.0);
}

/* What holds where the author says nothing. */
static void
set_fallbacks (VldmDefaults * defaults, const VldmUnetConfig * unet)
{
  VldmStageDefaults *keyframes = &defaults->keyframes;
  VldmStageDefaults *interpolation = &defaults->interpolation;
  VldmStageDefaults *upsampler = &defaults->upsampler;

  keyframes->frames = unet ? unet->num_frames : 8;
  keyframes->context = 2;
  keyframes->steps = 25;
  keyframes->fps_n = 8;
  keyframes->fps_d = 1;
  keyframes->guidance = 7.5;

  interpolation->frames = 5;
  interpolation->steps = 15;
  interpolation->guidance = 1.0;

  upsampler->frames = 8;
  upsampler->context = 2;
  upsampler->steps = 20;
  upsampler->guidance = 9.0;
  defaults->noise_level = 20;
}

VldmDefaults *
vldm_defaults_load (const char *model_folder, const VldmUnetConfig * unet,
    GError ** error)
{
  g_autofree VldmDefaults *defaults = g_new0 (VldmDefaults, 1);
  g_autofree char *path = g_build_filename (model_folder, FILE_NAME, NULL);
  g_auto (VldmJson) json = { 0 };
  VldmJson stage;

  set_fallbacks (defaults, unet);
  if (!vldm_file_exists (path))
    return g_steal_pointer (&defaults);

  if (!vldm_json_open (&json, model_folder, FILE_NAME, error))
    return NULL;
  defaults->width = vldm_json_uint (&json, "width", 0, 1, MAX_SIZE);
  defaults->height = vldm_json_uint (&json, "height", 0, 1, MAX_SIZE);
  if (vldm_json_child (&json, "keyframes", &stage)) {
    read_stage (&stage, "context", &defaults->keyframes);
    read_fps (&stage, &defaults->keyframes);
    vldm_json_close (&json, &stage);
  }
  if (vldm_json_child (&json, "interpolation", &stage)) {
    read_stage (&stage, "context", &defaults->interpolation);
    read_rates (&stage, defaults);
    vldm_json_close (&json, &stage);
  }
  if (vldm_json_child (&json, "upsampler", &stage)) {
    read_stage (&stage, "overlap", &defaults->upsampler);
    defaults->noise_level = vldm_json_uint (&stage, "noise_level",
        defaults->noise_level, 0, 1000000);
    vldm_json_close (&json, &stage);
  }
  return vldm_json_done (&json, error) ? g_steal_pointer (&defaults) : NULL;
}
