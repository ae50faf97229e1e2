/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The window of key frames that vldmsrc has at hand, and what it was made from.
 */
#pragma once

#include "gst/latents.h"
#include "vldm/stages/keyframes.h"

G_BEGIN_DECLS

/* What a window depends on, with strings of its own. */
typedef struct
{
  VldmKeyframesParams params;   /* its prompts are the strings below */
  char *prompt, *negative_prompt;
} GstVldmRecipe;

/* Takes copies of the texts; NULL counts as "". */
void gst_vldm_recipe_init (GstVldmRecipe * recipe, const VldmKeyframesParams * params, const char *prompt,
    const char *negative_prompt);
void gst_vldm_recipe_clear (GstVldmRecipe * recipe);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstVldmRecipe, gst_vldm_recipe_clear);

typedef struct
{
  VldmFrames frames;            /* host memory; count 0 = no window */
  GstVldmRecipe recipe;
} GstVldmWindow;

void gst_vldm_window_clear (GstVldmWindow * window);

/* TRUE if @window holds what @recipe and @latents would give. */
gboolean gst_vldm_window_matches (const GstVldmWindow * window, const GstVldmRecipe * recipe,
    const GstVldmLatents * latents);

/* Generates. On success @window holds the frames and takes @recipe's strings; on failure it is as before. */
gboolean gst_vldm_window_make (GstVldmWindow * window, VldmKeyframes * stage, GstVldmRecipe * recipe,
    const GstVldmLatents * latents, const VldmProgress * progress, GError ** error);

/* A copy of frame @i. */
GstBuffer *gst_vldm_window_buffer (const GstVldmWindow * window, guint i);

G_END_DECLS
