/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * videoldm.json: what the author of a model recommends, and what holds where he says nothing. Keys that this version
 * does not know are left for those that do.
 */
#include "vldm/model/config.h"

#include "vldm/model/json.h"

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

static void
read_stage (VldmJson * json, const char *key, VldmStageDefaults * stage)
{
  VldmJson child;

  if (!vldm_json_child (json, key, &child))
    return;
  stage->frames = vldm_json_uint (&child, "frames", stage->frames, 1, MAX_SIZE);
  stage->context = vldm_json_uint (&child, "context", stage->context, 0,
      MAX_SIZE);
  read_fps (&child, stage);
  stage->steps = vldm_json_uint (&child, "steps", stage->steps, 1, 1000000);
  stage->guidance = vldm_json_double (&child, "guidance", stage->guidance, 0.0,
      1000.0);
  stage->rescale = vldm_json_double (&child, "rescale", stage->rescale, 0.0,
      1.0);
  vldm_json_close (json, &child);
}

VldmDefaults *
vldm_defaults_load (const char *model_folder, const VldmUnetConfig * unet,
    GError ** error)
{
  g_autofree VldmDefaults *defaults = g_new0 (VldmDefaults, 1);
  g_autofree char *path = g_build_filename (model_folder, FILE_NAME, NULL);
  g_auto (VldmJson) json = { 0 };

  defaults->keyframes = (VldmStageDefaults) {
  .frames = unet ? unet->num_frames : 8,.context = 2,.steps = 25,.fps_n =
        8,.fps_d = 1,.guidance = 7.5,.rescale = 0.0,};
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&defaults);

  if (!vldm_json_open (&json, model_folder, FILE_NAME, error))
    return NULL;
  defaults->width = vldm_json_uint (&json, "width", 0, 1, MAX_SIZE);
  defaults->height = vldm_json_uint (&json, "height", 0, 1, MAX_SIZE);
  read_stage (&json, "keyframes", &defaults->keyframes);
  return vldm_json_done (&json, error) ? g_steal_pointer (&defaults) : NULL;
}
