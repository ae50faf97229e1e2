/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What vldmsrc makes: its settings as properties, and the recipe of a window, which is the settings with the model's values
 * filled in. A recipe never changes; windows that were made from the same one share it.
 */
#pragma once

#include "gst/enums.h"
#include "gst/latents.h"
#include "gst/modelsettings.h"
#include "vldm/stages/keyframes.h"

G_BEGIN_DECLS

/* Property ids. */
enum
{
  GST_VLDM_SETTING_0,
  GST_VLDM_SETTING_PROMPT,
  GST_VLDM_SETTING_NEGATIVE_PROMPT,
  GST_VLDM_SETTING_SEED,
  GST_VLDM_SETTING_FRAMES,
  GST_VLDM_SETTING_STEPS,
  GST_VLDM_SETTING_GUIDANCE_SCALE,
  GST_VLDM_SETTING_GUIDANCE_RESCALE,
  GST_VLDM_SETTING_CONTEXT_GUIDANCE,
  GST_VLDM_SETTING_SCHEDULER,
  GST_VLDM_SETTING_MODEL_PATH,
  GST_VLDM_SETTING_DEVICE,
  GST_VLDM_SETTING_PRECISION,
  GST_VLDM_SETTING_CHUNK_FRAMES,
  GST_VLDM_SETTING_PREROLL,
  GST_VLDM_N_SETTINGS
};

/* As the properties say; -1 = the model's. The owner locks. */
typedef struct
{
  char *prompt, *negative_prompt;
  guint seed;
  gint frames, steps, chunk_frames;
  gdouble guidance_scale, guidance_rescale, context_guidance;
  VldmSchedulerKind scheduler;
  GstVldmModelSettings model;
  GstVldmPreroll preroll;
} GstVldmSettings;

void gst_vldm_settings_install (GObjectClass * klass);
void gst_vldm_settings_init (GstVldmSettings * settings);
void gst_vldm_settings_clear (GstVldmSettings * settings);

/* FALSE if there is no such setting. */
gboolean gst_vldm_settings_set (GstVldmSettings * settings, guint id, const GValue * value);
gboolean gst_vldm_settings_get (GstVldmSettings * settings, guint id, GValue * value);

/* What can be told without a model, so that a wrong setting fails at once. */
gboolean gst_vldm_settings_check (const GstVldmSettings * settings, GError ** error);

/* Everything that a window depends on except its place; reference-counted. */
typedef struct
{
  VldmKeyframesParams params;   /* its prompts are the strings below; its seed is the video's */
  char *prompt, *negative_prompt;
  GstVldmLatents latents;       /* what comes out */
  guint64 n_frames;             /* of the video; G_MAXUINT64 if endless */
} GstVldmRecipe;

/* @settings over @defaults, for negotiated @latents. @given frames are known where the video begins. */
GstVldmRecipe *gst_vldm_recipe_new (const GstVldmSettings * settings, const VldmKeyframesParams * defaults,
    const GstVldmLatents * latents, guint given);

/* The same with another prompt. */
GstVldmRecipe *gst_vldm_recipe_with_prompt (const GstVldmRecipe * recipe, const char *prompt);
GstVldmRecipe *gst_vldm_recipe_ref (GstVldmRecipe * recipe);
void gst_vldm_recipe_unref (GstVldmRecipe * recipe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstVldmRecipe, gst_vldm_recipe_unref);

/* TRUE if both give the same frames. */
gboolean gst_vldm_recipe_equal (const GstVldmRecipe * a, const GstVldmRecipe * b);

/* Can @model make it? VLDM_ERROR_SETTINGS or _TEXT names the property. */
gboolean gst_vldm_recipe_check (const GstVldmRecipe * recipe, VldmModel * model, guint given, GError ** error);

G_END_DECLS
