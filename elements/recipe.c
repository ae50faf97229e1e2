/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Settings of vldmsrc and what follows from them: properties, and recipes of windows.
 */
#include "elements/recipe.h"

#include "gst/conditioning.h"
#include "gst/properties.h"
#include "gst/sampling.h"

#define DEFAULT_PROMPT ""
#define DEFAULT_NEGATIVE_PROMPT ""
#define DEFAULT_SEED 0
#define DEFAULT_FRAMES -1
#define DEFAULT_STEPS -1
#define DEFAULT_GUIDANCE_SCALE -1.0
#define DEFAULT_GUIDANCE_RESCALE -1.0
#define DEFAULT_CONTEXT_GUIDANCE -1.0
#define DEFAULT_SCHEDULER VLDM_SCHEDULER_AUTO
#define DEFAULT_PRECISION VLDM_PRECISION_AUTO
#define DEFAULT_CHUNK_FRAMES -1
#define DEFAULT_PREROLL GST_VLDM_PREROLL_AUTO

/* What the video shows. */
static void
install_content (GObjectClass * klass)
{
  const GParamFlags playing = GST_VLDM_PARAM_PLAYING;
  const GParamFlags ready = GST_VLDM_PARAM_READY;

  g_object_class_install_property (klass, GST_VLDM_SETTING_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "What the video shows (taken at the next window)", DEFAULT_PROMPT,
          playing));
  g_object_class_install_property (klass, GST_VLDM_SETTING_NEGATIVE_PROMPT,
      g_param_spec_string ("negative-prompt", "Negative prompt",
          "What the video is led away from (taken at the next window)",
          DEFAULT_NEGATIVE_PROMPT, playing));
  g_object_class_install_property (klass, GST_VLDM_SETTING_SEED,
      g_param_spec_uint ("seed", "Seed",
          "Starts the noise: the same seed gives the same video", 0,
          G_MAXUINT32, DEFAULT_SEED, playing));
  g_object_class_install_property (klass, GST_VLDM_SETTING_FRAMES,
      g_param_spec_int ("frames", "Frames",
          "Length of the stream in frames (-1 = one window, 0 = endless)", -1,
          G_MAXINT, DEFAULT_FRAMES, ready));
  g_object_class_install_property (klass, GST_VLDM_SETTING_CHUNK_FRAMES,
      g_param_spec_int ("chunk-frames", "Chunk frames",
          "Frames of a window, generated together (-1 = the model's)", -1,
          G_MAXINT, DEFAULT_CHUNK_FRAMES, ready));
}

/* How it is sampled. */
static void
install_sampling (GObjectClass * klass)
{
  const GParamFlags playing = GST_VLDM_PARAM_PLAYING;

  g_object_class_install_property (klass, GST_VLDM_SETTING_STEPS,
      g_param_spec_int ("steps", "Steps",
          "Denoising steps: more take longer and look better (-1 = the model's)",
          -1, G_MAXINT, DEFAULT_STEPS, playing));
  g_object_class_install_property (klass, GST_VLDM_SETTING_GUIDANCE_SCALE,
      g_param_spec_double ("guidance-scale", "Guidance scale",
          "How strongly the prompt leads; 1 or less = the prompt alone, half the "
          "work (-1 = the model's)", -G_MAXDOUBLE, G_MAXDOUBLE,
          DEFAULT_GUIDANCE_SCALE, GST_VLDM_PARAM_FRACTION));
  g_object_class_install_property (klass, GST_VLDM_SETTING_GUIDANCE_RESCALE,
      g_param_spec_double ("guidance-rescale", "Guidance rescale",
          "How much guided latents are scaled back to natural contrast, "
          "0 to 1 (-1 = the model's)", -G_MAXDOUBLE, G_MAXDOUBLE,
          DEFAULT_GUIDANCE_RESCALE, GST_VLDM_PARAM_FRACTION));
  g_object_class_install_property (klass, GST_VLDM_SETTING_CONTEXT_GUIDANCE,
      g_param_spec_double ("context-guidance", "Context guidance",
          "How strongly the frames before a window lead it; 1 = none, others "
          "take one more run of the network a step (-1 = the model's)",
          -G_MAXDOUBLE, G_MAXDOUBLE, DEFAULT_CONTEXT_GUIDANCE,
          GST_VLDM_PARAM_FRACTION));
  g_object_class_install_property (klass, GST_VLDM_SETTING_SCHEDULER,
      g_param_spec_enum ("scheduler", "Scheduler",
          "Sampler that walks from noise to latents", GST_TYPE_VLDM_SCHEDULER,
          DEFAULT_SCHEDULER, playing));
}

void
gst_vldm_settings_install (GObjectClass * klass)
{
  install_content (klass);
  install_sampling (klass);
  gst_vldm_install_model_properties (klass, GST_VLDM_SETTING_MODEL_PATH,
      "Model folder in diffusers' layout (NULL = $VLDM_MODEL_PATH, else the "
      "model that comes with the plugin)");
  g_object_class_install_property (klass, GST_VLDM_SETTING_PREROLL,
      g_param_spec_enum ("preroll", "Preroll",
          "What a pipeline prerolls with while a window is made",
          GST_TYPE_VLDM_PREROLL, DEFAULT_PREROLL, GST_VLDM_PARAM_PLAYING));
}

void
gst_vldm_settings_init (GstVldmSettings * settings)
{
  memset (settings, 0, sizeof (*settings));
  settings->prompt = g_strdup (DEFAULT_PROMPT);
  settings->negative_prompt = g_strdup (DEFAULT_NEGATIVE_PROMPT);
  settings->seed = DEFAULT_SEED;
  settings->frames = DEFAULT_FRAMES;
  settings->steps = DEFAULT_STEPS;
  settings->chunk_frames = DEFAULT_CHUNK_FRAMES;
  settings->guidance_scale = DEFAULT_GUIDANCE_SCALE;
  settings->guidance_rescale = DEFAULT_GUIDANCE_RESCALE;
  settings->context_guidance = DEFAULT_CONTEXT_GUIDANCE;
  settings->scheduler = DEFAULT_SCHEDULER;
  settings->model.precision = DEFAULT_PRECISION;
  settings->preroll = DEFAULT_PREROLL;
}

void
gst_vldm_settings_clear (GstVldmSettings * settings)
{
  g_free (settings->prompt);
  g_free (settings->negative_prompt);
  gst_vldm_model_settings_clear (&settings->model);
}

/* Where each is kept, except the prompt: it is the first, and its offset would mean none. */
static const gsize fields[GST_VLDM_N_SETTINGS] = {
  [GST_VLDM_SETTING_NEGATIVE_PROMPT] =
      G_STRUCT_OFFSET (GstVldmSettings, negative_prompt),
  [GST_VLDM_SETTING_SEED] = G_STRUCT_OFFSET (GstVldmSettings, seed),
  [GST_VLDM_SETTING_FRAMES] = G_STRUCT_OFFSET (GstVldmSettings, frames),
  [GST_VLDM_SETTING_STEPS] = G_STRUCT_OFFSET (GstVldmSettings, steps),
  [GST_VLDM_SETTING_GUIDANCE_SCALE] =
      G_STRUCT_OFFSET (GstVldmSettings, guidance_scale),
  [GST_VLDM_SETTING_GUIDANCE_RESCALE] =
      G_STRUCT_OFFSET (GstVldmSettings, guidance_rescale),
  [GST_VLDM_SETTING_CONTEXT_GUIDANCE] =
      G_STRUCT_OFFSET (GstVldmSettings, context_guidance),
  [GST_VLDM_SETTING_SCHEDULER] = G_STRUCT_OFFSET (GstVldmSettings, scheduler),
  [GST_VLDM_SETTING_MODEL_PATH] = G_STRUCT_OFFSET (GstVldmSettings, model.path),
  [GST_VLDM_SETTING_DEVICE] = G_STRUCT_OFFSET (GstVldmSettings, model.device),
  [GST_VLDM_SETTING_PRECISION] =
      G_STRUCT_OFFSET (GstVldmSettings, model.precision),
  [GST_VLDM_SETTING_CHUNK_FRAMES] =
      G_STRUCT_OFFSET (GstVldmSettings, chunk_frames),
  [GST_VLDM_SETTING_PREROLL] = G_STRUCT_OFFSET (GstVldmSettings, preroll),
};

static gpointer
field_of (GstVldmSettings * settings, guint id)
{
  return id == GST_VLDM_SETTING_PROMPT ? &settings->prompt
      : gst_vldm_field (settings, fields, G_N_ELEMENTS (fields), id);
}

gboolean
gst_vldm_settings_set (GstVldmSettings * settings, guint id,
    const GValue * value)
{
  return gst_vldm_field_set (field_of (settings, id), value);
}

gboolean
gst_vldm_settings_get (GstVldmSettings * settings, guint id, GValue * value)
{
  return gst_vldm_field_get (field_of (settings, id), value);
}

gboolean
gst_vldm_settings_check (const GstVldmSettings * settings, GError ** error)
{
  if (!gst_vldm_sampling_check_steps (settings->steps, error))
    return FALSE;
  if (settings->chunk_frames == 0) {
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-frames is 0; it must be 1 or more, or -1 for the model's value");
    return FALSE;
  }
  if (settings->chunk_frames > VLDM_MAX_KEYFRAMES) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-frames is %d; it must be 1 to %d, or -1 for the model's value",
        settings->chunk_frames, VLDM_MAX_KEYFRAMES);
    return FALSE;
  }
  return TRUE;
}

static void
recipe_own_texts (GstVldmRecipe * recipe, const char *prompt,
    const char *negative_prompt)
{
  recipe->prompt = g_strdup (prompt ? prompt : "");
  recipe->negative_prompt = g_strdup (negative_prompt ? negative_prompt : "");
  recipe->params.sampling.prompt = recipe->prompt;
  recipe->params.sampling.negative_prompt = recipe->negative_prompt;
}

GstVldmRecipe *
gst_vldm_recipe_new (const GstVldmSettings * settings,
    const VldmKeyframesParams * defaults, const GstVldmLatents * latents,
    guint given)
{
  GstVldmRecipe *recipe = g_rc_box_new0 (GstVldmRecipe);
  VldmKeyframesParams *params = &recipe->params;
  VldmSampling *sampling = &params->sampling;

  *params = *defaults;
  params->width = latents->width;
  params->height = latents->height;
  params->fps = (gdouble) latents->fps_n / latents->fps_d;
  sampling->seed = settings->seed;
  sampling->scheduler = settings->scheduler;
  if (settings->steps != -1)
    sampling->steps = settings->steps;
  if (settings->guidance_scale != -1.0)
    sampling->guidance_scale = settings->guidance_scale;
  if (settings->guidance_rescale != -1.0)
    sampling->guidance_rescale = settings->guidance_rescale;
  if (settings->context_guidance != -1.0)
    sampling->context_guidance = settings->context_guidance;

  if (settings->chunk_frames != -1)
    params->frames = settings->chunk_frames;
  recipe->n_frames = settings->frames == 0 ? G_MAXUINT64 : params->frames;
  if (settings->frames > 0) {
    recipe->n_frames = settings->frames;
    /* A window has a new frame after those that are given. */
    params->frames = MIN (params->frames,
        MAX ((guint) settings->frames, given + 1));
  }
  recipe->latents = *latents;
  recipe_own_texts (recipe, settings->prompt, settings->negative_prompt);
  return recipe;
}

GstVldmRecipe *
gst_vldm_recipe_with_prompt (const GstVldmRecipe * recipe, const char *prompt)
{
  GstVldmRecipe *copy = g_rc_box_new0 (GstVldmRecipe);

  *copy = *recipe;
  recipe_own_texts (copy, prompt, recipe->negative_prompt);
  return copy;
}

GstVldmRecipe *
gst_vldm_recipe_ref (GstVldmRecipe * recipe)
{
  return g_rc_box_acquire (recipe);
}

static void
recipe_clear (gpointer data)
{
  GstVldmRecipe *recipe = data;

  g_free (recipe->prompt);
  g_free (recipe->negative_prompt);
}

void
gst_vldm_recipe_unref (GstVldmRecipe * recipe)
{
  if (recipe != NULL)
    g_rc_box_release_full (recipe, recipe_clear);
}

gboolean
gst_vldm_recipe_equal (const GstVldmRecipe * a, const GstVldmRecipe * b)
{
  const VldmKeyframesParams *p = &a->params, *q = &b->params;
  const VldmSampling *s = &p->sampling, *t = &q->sampling;

  return strcmp (a->prompt, b->prompt) == 0
      && strcmp (a->negative_prompt, b->negative_prompt) == 0
      && a->latents.format == b->latents.format
      && p->frames == q->frames && p->width == q->width
      && p->height == q->height && p->fps == q->fps
      && s->seed == t->seed && s->steps == t->steps
      && s->guidance_scale == t->guidance_scale
      && s->guidance_rescale == t->guidance_rescale
      && s->context_guidance == t->context_guidance
      && s->scheduler == t->scheduler && s->eta == t->eta;
}

/* Frames beyond the first window need a network that continues from those before. */
static gboolean
check_length (const GstVldmRecipe * recipe, guint overlap, GError ** error)
{
  guint window = recipe->params.frames;
  g_autofree char *frames = recipe->n_frames == G_MAXUINT64
      ? g_strdup ("0 (endless)")
      : g_strdup_printf ("%" G_GUINT64_FORMAT, recipe->n_frames);

  if (recipe->n_frames <= window)
    return TRUE;
  if (overlap == 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "frames is %s, but one window has chunk-frames = %u, and this model "
        "makes one window only: its network has no channels for frames that "
        "are known. Set frames to at most chunk-frames, or raise chunk-frames",
        frames, window);
    return FALSE;
  }
  if (window <= overlap) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-frames is %u, but a window of this model begins with %u frames "
        "of the one before: for frames = %s set chunk-frames to %u or more",
        window, overlap, frames, overlap + 1);
    return FALSE;
  }
  return TRUE;
}

gboolean
gst_vldm_recipe_check (const GstVldmRecipe * recipe, VldmModel * model,
    guint given, GError ** error)
{
  guint overlap = vldm_keyframes_context (model);

  if (given > 0 && overlap == 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%s cannot begin with a given frame: its network has no channels for "
        "frames that are known; unlink the pad \"context\"",
        vldm_model_folder (model));
    return FALSE;
  }
  if (recipe->params.frames <= given) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "chunk-frames is %u, but the first window begins with %u given: set "
        "chunk-frames to %u or more", recipe->params.frames, given, given + 1);
    return FALSE;
  }
  return check_length (recipe, overlap, error)
      && gst_vldm_check_text ("prompt", recipe->prompt, error)
      && gst_vldm_check_text ("negative-prompt", recipe->negative_prompt, error)
      && vldm_keyframes_check (model, &recipe->params, error);
}
