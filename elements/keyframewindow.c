/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The window of key frames that vldmsrc has at hand. It is kept over seeks and restarts, so that what was generated once
 * is generated again only when something that it depends on has changed.
 */
#include "elements/keyframewindow.h"

void
gst_vldm_recipe_init (GstVldmRecipe * recipe,
    const VldmKeyframesParams * params, const char *prompt,
    const char *negative_prompt)
{
  recipe->params = *params;
  recipe->prompt = g_strdup (prompt ? prompt : "");
  recipe->negative_prompt = g_strdup (negative_prompt ? negative_prompt : "");
  recipe->params.sampling.prompt = recipe->prompt;
  recipe->params.sampling.negative_prompt = recipe->negative_prompt;
}

void
gst_vldm_recipe_clear (GstVldmRecipe * recipe)
{
  g_free (recipe->prompt);
  g_free (recipe->negative_prompt);
  memset (recipe, 0, sizeof (*recipe));
}

static gboolean
recipe_equal (const GstVldmRecipe * a, const GstVldmRecipe * b)
{
  const VldmKeyframesParams *p = &a->params, *q = &b->params;
  const VldmSampling *s = &p->sampling, *t = &q->sampling;

  return g_strcmp0 (a->prompt, b->prompt) == 0
      && g_strcmp0 (a->negative_prompt, b->negative_prompt) == 0
      && p->frames == q->frames && p->width == q->width
      && p->height == q->height && p->fps == q->fps
      && s->seed == t->seed && s->steps == t->steps
      && s->guidance_scale == t->guidance_scale
      && s->guidance_rescale == t->guidance_rescale
      && s->context_guidance == t->context_guidance
      && s->scheduler == t->scheduler && s->eta == t->eta;
}

void
gst_vldm_window_clear (GstVldmWindow * window)
{
  vldm_frames_clear (&window->frames);
  memset (&window->frames, 0, sizeof (window->frames));
  gst_vldm_recipe_clear (&window->recipe);
}

gboolean
gst_vldm_window_matches (const GstVldmWindow * window,
    const GstVldmRecipe * recipe, const GstVldmLatents * latents)
{
  return window->frames.count > 0 && window->frames.format == latents->format
      && recipe_equal (&window->recipe, recipe);
}

gboolean
gst_vldm_window_make (GstVldmWindow * window, VldmKeyframes * stage,
    GstVldmRecipe * recipe, const GstVldmLatents * latents,
    const VldmProgress * progress, GError ** error)
{
  g_auto (VldmFrames) frames = { 0, };

  if (!vldm_frames_init (&frames, latents->format, recipe->params.frames,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error)
      || !vldm_keyframes_run (stage, &recipe->params, NULL, &frames,
          progress, error))
    return FALSE;

  gst_vldm_window_clear (window);
  window->frames = frames;
  memset (&frames, 0, sizeof (frames));
  window->recipe = *recipe;
  memset (recipe, 0, sizeof (*recipe));
  return TRUE;
}

GstBuffer *
gst_vldm_window_buffer (const GstVldmWindow * window, guint i)
{
  return gst_buffer_new_memdup (vldm_frames_host (&window->frames, i),
      vldm_frames_frame_size (&window->frames));
}
