/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Key frames: prompt -> text contexts -> denoised latents of one window. Settings are checked first, then text is encoded
 * (once for as long as the prompts stay), then the sampler runs; the host sees data only at both ends.
 * Source: Align your Latents, section 3; diffusers' text-to-video pipelines.
 */
#include "vldm/stages/keyframes.h"

#include "opencl/ops/convert.h"
#include "vldm/model/text_encoder.h"
#include "vldm/model/tokenizer.h"
#include "vldm/model/unet.h"
#include "vldm/sampling/sampler.h"
#include "vldm/stages/report.h"

#define MAX_FRAMES 1024
#define MAX_SIZE 16384
#define MAX_GUIDANCE 1000.0
#define MAX_TIME_IDS 3

/* SVD's other two time ids where a model asks for three: its pipeline's defaults. */
#define SVD_MOTION_BUCKET 127.0f
#define SVD_NOISE_AUGMENTATION 0.02f

/* A prompt as the UNet wants it, kept from window to window. */
typedef struct
{
  char *prompt;
  VldmUnetContext *context;
} EncodedPrompt;

struct _VldmKeyframes
{
  VldmModel *model;
  OclQueue *queue;
  VldmTokenizer *tokenizer;     /* the model's, like the two below */
  VldmTextEncoder *text_encoder;
  VldmUnet *unet;
  EncodedPrompt text, negative_text;
};

static void
encoded_prompt_clear (EncodedPrompt * encoded)
{
  g_clear_pointer (&encoded->prompt, g_free);
  g_clear_pointer (&encoded->context, vldm_unet_context_free);
}

VldmKeyframes *
vldm_keyframes_new (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  g_autoptr (VldmKeyframes) keyframes = g_new0 (VldmKeyframes, 1);

  keyframes->model = vldm_model_ref (model);
  keyframes->queue = ocl_queue_new (vldm_model_device (model), error);
  if (keyframes->queue == NULL)
    return NULL;
  keyframes->tokenizer = vldm_model_tokenizer (model, error);
  if (keyframes->tokenizer == NULL)
    return NULL;
  keyframes->text_encoder = vldm_model_text_encoder (model, progress, error);
  if (keyframes->text_encoder == NULL)
    return NULL;
  keyframes->unet = vldm_model_unet (model, progress, error);
  if (keyframes->unet == NULL)
    return NULL;
  return g_steal_pointer (&keyframes);
}

void
vldm_keyframes_free (VldmKeyframes * keyframes)
{
  if (keyframes == NULL)
    return;
  encoded_prompt_clear (&keyframes->text);
  encoded_prompt_clear (&keyframes->negative_text);
  g_clear_pointer (&keyframes->queue, ocl_queue_free);
  vldm_model_unref (keyframes->model);
  g_free (keyframes);
}

/* ---- settings ---- */

/* Both configurations that key frames need, or an error that names the missing folder. */
static gboolean
find_configs (VldmModel * model, const VldmUnetConfig ** unet,
    const VldmAutoencoderConfig ** autoencoder, GError ** error)
{
  *unet = vldm_model_unet_config (model);
  *autoencoder = vldm_model_autoencoder_config (model);
  if (*unet == NULL || *autoencoder == NULL) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
        "%s has no folder \"%s\"; key frames need unet/ and vae/",
        vldm_model_folder (model), *unet == NULL ? "unet" : "vae");
    return FALSE;
  }
  return TRUE;
}

gboolean
vldm_keyframes_defaults (VldmModel * model, VldmKeyframesParams * params,
    gint * fps_n, gint * fps_d, GError ** error)
{
  const VldmDefaults *defaults = vldm_model_defaults (model);
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;

  if (!find_configs (model, &unet, &autoencoder, error))
    return FALSE;

  *params = (VldmKeyframesParams) {
  .prompt = "",.negative_prompt = "",.frames =
        defaults->keyframes.frames,.width = defaults->width,.height =
        defaults->height,.fps =
        (gdouble) defaults->keyframes.fps_n /
        defaults->keyframes.fps_d,.steps =
        defaults->keyframes.steps,.guidance_scale =
        defaults->keyframes.guidance,.guidance_rescale =
        defaults->keyframes.rescale,.scheduler = VLDM_SCHEDULER_AUTO,};
  if (params->width == 0)
    params->width = unet->sample_width * autoencoder->factor;
  if (params->height == 0)
    params->height = unet->sample_height * autoencoder->factor;
  if (params->width == 0)
    params->width = 256;
  if (params->height == 0)
    params->height = 256;
  *fps_n = defaults->keyframes.fps_n;
  *fps_d = defaults->keyframes.fps_d;
  return TRUE;
}

static gboolean
check_range (const char *name, gdouble value, gdouble min, gdouble max,
    GError ** error)
{
  if (value >= min && value <= max)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %g; allowed is %g to %g", name, value, min, max);
  return FALSE;
}

static gboolean
check_size (const char *name, guint size, guint factor, GError ** error)
{
  guint below = MAX (size / factor, 1) * factor;

  if (size % factor == 0)
    return check_range (name, size, factor, MAX_SIZE, error);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "%s is %u; this model makes multiples of %u, the nearest are %u and %u",
      name, size, factor, below, below + factor);
  return FALSE;
}

/* Text models have 4 channels, or 9 with the five of the context; others want an image. */
static gboolean
check_unet (VldmModel * model, const VldmUnetConfig * unet,
    const VldmAutoencoderConfig * autoencoder, GError ** error)
{
  guint channels = autoencoder->latent_channels;

  if (unet->out_channels != channels) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/unet/config.json: out_channels is %u, but the latents of vae/ have %u channels",
        vldm_model_folder (model), unet->out_channels, channels);
    return FALSE;
  }
  if (unet->in_channels != channels && unet->in_channels != 2 * channels + 1) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/unet/config.json: in_channels is %u; key frames from text need %u, or %u with context channels "
        "(a model with %u starts from an image, which is not supported)",
        vldm_model_folder (model), unet->in_channels, channels,
        2 * channels + 1, 2 * channels);
    return FALSE;
  }
  if (unet->n_time_ids > MAX_TIME_IDS || unet->n_time_ids == 2) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/unet/config.json: %u added time ids; known are 1 (frames per second) and 3 (as Stable Video Diffusion)",
        vldm_model_folder (model), unet->n_time_ids);
    return FALSE;
  }
  return TRUE;
}

gboolean
vldm_keyframes_check (VldmModel * model, const VldmKeyframesParams * params,
    GError ** error)
{
  const VldmUnetConfig *unet;
  const VldmAutoencoderConfig *autoencoder;

  return find_configs (model, &unet, &autoencoder, error)
      && check_unet (model, unet, autoencoder, error)
      && check_size ("width", params->width, autoencoder->factor, error)
      && check_size ("height", params->height, autoencoder->factor, error)
      && check_range ("frames", params->frames, 1, MAX_FRAMES, error)
      && check_range ("frames per second", params->fps, 1e-3, 1e3, error)
      && check_range ("steps", params->steps, 1, 1000, error)
      && check_range ("guidance-scale", params->guidance_scale, 0,
      MAX_GUIDANCE, error)
      && check_range ("guidance-rescale", params->guidance_rescale, 0, 1, error)
      && check_range ("eta", params->eta, 0, 1, error);
}

/* ---- text ---- */

static gboolean
encode_prompt (VldmKeyframes * keyframes, const char *prompt,
    VldmUnetContext ** context, VldmReport * report, GError ** error)
{
  const VldmTextConfig *config =
      vldm_text_encoder_config (keyframes->text_encoder);
  guint length = config->max_position_embeddings;
  g_autofree guint32 *ids = g_new (guint32, length);
  g_autofree char *dropped = NULL;
  OclTensor text;

  if (!vldm_tokenizer_encode (keyframes->tokenizer, prompt, length, ids,
          &dropped, error))
    return FALSE;
  if (dropped != NULL) {
    g_autofree char *message =
        g_strdup_printf ("the prompt is longer than %u tokens; dropped: \"%s\"",
        length, dropped);
    vldm_report_warning (report, message);
  }

  if (!ocl_tensor_alloc (keyframes->queue,
          vldm_model_type (keyframes->model), 1, 1, length,
          config->hidden_size, &text, error))
    return FALSE;
  if (!vldm_text_encoder_run (keyframes->text_encoder, keyframes->queue, ids,
          length, &text, error))
    return FALSE;
  *context =
      vldm_unet_context_new (keyframes->unet, keyframes->queue, &text, &text,
      error);
  return *context != NULL;
}

/* Does nothing where @encoded already holds @prompt. */
static gboolean
ensure_prompt (VldmKeyframes * keyframes, const char *prompt,
    EncodedPrompt * encoded, VldmReport * report, GError ** error)
{
  OclArena *arena = ocl_queue_arena (keyframes->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done;

  if (g_strcmp0 (encoded->prompt, prompt) == 0)
    return TRUE;

  encoded_prompt_clear (encoded);
  done = encode_prompt (keyframes, prompt, &encoded->context, report, error);
  if (done)
    encoded->prompt = g_strdup (prompt);
  ocl_arena_release (arena, mark);
  return done;
}

static gboolean
encode_prompts (VldmKeyframes * keyframes, const VldmKeyframesParams * params,
    VldmReport * report, GError ** error)
{
  if (!vldm_report_progress (report, VLDM_ACTIVITY_ENCODE_TEXT, 0, 1, error))
    return FALSE;
  if (!ensure_prompt (keyframes, params->prompt, &keyframes->text, report,
          error))
    return FALSE;
  if (params->guidance_scale != 1.0
      && !ensure_prompt (keyframes, params->negative_prompt,
          &keyframes->negative_text, report, error))
    return FALSE;
  return vldm_report_progress (report, VLDM_ACTIVITY_ENCODE_TEXT, 1, 1, error);
}

/* ---- a window ---- */

static gboolean
report_step (guint done, guint total, gpointer user_data, GError ** error)
{
  return vldm_report_progress (user_data, VLDM_ACTIVITY_DENOISE, done, total,
      error);
}

static void
fill_time_ids (const VldmKeyframesParams * params, guint n,
    gfloat time_ids[MAX_TIME_IDS])
{
  time_ids[0] = n == 3 ? params->fps - 1.0 : params->fps;
  time_ids[1] = SVD_MOTION_BUCKET;
  time_ids[2] = SVD_NOISE_AUGMENTATION;
}

/* The network's input with no known frames: masked context and mask are zero. */
static gboolean
alloc_sample (OclQueue * queue, const VldmUnetConfig * config,
    const OclTensor * latents, OclTensor * sample, GError ** error)
{
  gsize n = ocl_tensor_pixels (latents) * config->in_channels;
  g_autofree gfloat *zeros = g_new0 (gfloat, n);

  return ocl_tensor_alloc (queue, OCL_F32, latents->frames, latents->height,
      latents->width, config->in_channels, sample, error)
      && ocl_tensor_write (queue, sample, zeros, error);
}

/* Device -> host, in the layout and format that @out asks for. */
static gboolean
read_latents (OclQueue * queue, const OclTensor * latents, VldmFrames * out,
    GError ** error)
{
  OclType type = out->format == VLDM_FORMAT_F16LE ? OCL_F16 : OCL_F32;
  gsize size = vldm_frames_size (out);
  OclBuffer *planar;
  gsize offset;

  return ocl_arena_alloc (ocl_queue_arena (queue), size, &planar, &offset,
      error)
      && ocl_to_planar (queue, latents, planar, offset / ocl_type_size (type),
      type, error)
      && ocl_queue_read (queue, planar, offset, vldm_frames_host (out, 0), size,
      error);
}

static gboolean
make_window (VldmKeyframes * keyframes, const VldmKeyframesParams * params,
    VldmFrames * out, VldmReport * report, GError ** error)
{
  const VldmUnetConfig *config = vldm_unet_config (keyframes->unet);
  OclQueue *queue = keyframes->queue;
  g_autofree char *folder = NULL;
  g_autoptr (VldmSchedulerConfig) scheduler = NULL;
  g_autoptr (VldmSchedule) schedule = NULL;
  g_autoptr (VldmNoise) noise = vldm_noise_new (params->seed);
  gfloat time_ids[MAX_TIME_IDS];
  OclTensor latents, sample;

  folder = vldm_folder_component (vldm_model_folder (keyframes->model),
      "scheduler", error);
  if (folder == NULL)
    return FALSE;
  scheduler = vldm_scheduler_config_load (folder, params->scheduler, error);
  if (scheduler == NULL)
    return FALSE;
  schedule = vldm_schedule_new (scheduler, params->steps, params->eta, error);
  if (schedule == NULL)
    return FALSE;

  if (!encode_prompts (keyframes, params, report, error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, out->count, out->height, out->width,
          out->channels, &latents, error))
    return FALSE;
  if (!alloc_sample (queue, config, &latents, &sample, error))
    return FALSE;
  if (!vldm_noise_to_tensor (noise, queue, &latents, error))
    return FALSE;

  fill_time_ids (params, config->n_time_ids, time_ids);
  const VldmSampler sampler = {
    .unet = keyframes->unet,
    .schedule = schedule,
    .text = keyframes->text.context,
    .negative_text = keyframes->negative_text.context,
    .guidance_scale = params->guidance_scale,
    .guidance_rescale = params->guidance_rescale,
    .time_ids = time_ids,
  };
  return vldm_sampler_run (&sampler, queue, &sample, &latents, noise,
      report_step, report, error)
      && read_latents (queue, &latents, out, error)
      && vldm_report_progress (report, VLDM_ACTIVITY_DENOISE, schedule->n,
      schedule->n, error);
}

/* The caller's memory must have exactly the shape that the parameters mean. */
static gboolean
check_frames (VldmKeyframes * keyframes, const VldmKeyframesParams * params,
    const VldmFrames * out, GError ** error)
{
  const VldmAutoencoderConfig *autoencoder =
      vldm_model_autoencoder_config (keyframes->model);
  guint width = params->width / autoencoder->factor;
  guint height = params->height / autoencoder->factor;

  if (out->host != NULL && out->format != VLDM_FORMAT_RGB8
      && out->count == params->frames
      && out->channels == autoencoder->latent_channels
      && out->width == width && out->height == height)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "key frames come as %u latents of [%u, %u, %u] in host memory, not %u of [%u, %u, %u]",
      params->frames, autoencoder->latent_channels, height, width, out->count,
      out->channels, out->height, out->width);
  return FALSE;
}

gboolean
vldm_keyframes_run (VldmKeyframes * keyframes,
    const VldmKeyframesParams * params, VldmFrames * out,
    const VldmProgress * progress, GError ** error)
{
  OclArena *arena = ocl_queue_arena (keyframes->queue);
  OclArenaMark mark;
  VldmReport report;
  g_autoptr (GError) failure = NULL;
  gboolean done;

  if (!vldm_keyframes_check (keyframes->model, params, error))
    return FALSE;
  if (!check_frames (keyframes, params, out, error))
    return FALSE;

  mark = ocl_arena_mark (arena);
  vldm_report_begin (&report, keyframes->queue, progress);
  done = make_window (keyframes, params, out, &report, &failure);
  done = vldm_report_end (&report, done, &failure);
  ocl_arena_release (arena, mark);
  if (!done)
    g_propagate_error (error, g_steal_pointer (&failure));
  return done;
}
