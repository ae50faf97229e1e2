/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One window: prompts -> text contexts (once for as long as they stay) -> denoised latents. The host sees data only at
 * both ends.
 * Source: Align your Latents, section 3; diffusers' text-to-video pipelines.
 */
#include "vldm/stages/denoiser.h"

#include <string.h>

#include "vldm/sampling/sampler.h"
#include "vldm/stages/finite.h"
#include "vldm/stages/prompts.h"
#include "vldm/stages/transfer.h"

#define MAX_TIME_IDS 3

/* SVD's other two time ids where a model asks for three: its pipeline's defaults. */
#define SVD_MOTION_BUCKET 127.0f
#define SVD_NOISE_AUGMENTATION 0.02f

struct _VldmDenoiser
{
  VldmModel *model;
  OclQueue *queue;
  VldmDenoiserNetwork network;
  char *folder;                 /* the network's */
  VldmPrompts *prompts;
  gboolean warned;              /* of a sampler that is not the file's */
};

VldmDenoiser *
vldm_denoiser_new (VldmModel * model, const VldmDenoiserNetwork * network,
    const VldmProgress * progress, GError ** error)
{
  const char *folder = vldm_model_folder (model);
  g_autofree char *encoder_folder = NULL;
  g_autoptr (VldmDenoiser) denoiser = g_new0 (VldmDenoiser, 1);
  VldmTokenizer *tokenizer;
  VldmTextEncoder *encoder;

  denoiser->model = vldm_model_ref (model);
  denoiser->network = *network;
  denoiser->folder = g_build_filename (folder, network->component, NULL);
  denoiser->queue = ocl_queue_new (vldm_model_device (model), error);
  if (denoiser->queue == NULL)
    return NULL;
  tokenizer = vldm_model_tokenizer (model, error);
  if (tokenizer == NULL)
    return NULL;
  encoder = vldm_model_text_encoder (model, progress, error);
  if (encoder == NULL)
    return NULL;
  encoder_folder = vldm_folder_component (folder, "text_encoder", error);
  if (encoder_folder == NULL)
    return NULL;
  denoiser->prompts = vldm_prompts_new (tokenizer, encoder, encoder_folder,
      network->unet, vldm_model_type (model));
  return g_steal_pointer (&denoiser);
}

void
vldm_denoiser_free (VldmDenoiser * denoiser)
{
  if (denoiser == NULL)
    return;
  g_clear_pointer (&denoiser->prompts, vldm_prompts_free);
  g_clear_pointer (&denoiser->queue, ocl_queue_free);
  vldm_model_unref (denoiser->model);
  g_free (denoiser->folder);
  g_free (denoiser);
}

/* ---- models ---- */

/* What public networks with other inputs are, as an end for a message. */
static const char *
describe_input (const VldmUnetConfig * config, guint latent_channels)
{
  if (config->in_channels == 2 * latent_channels + 1)
    return
        "; a UNet2DConditionModel with as many is an inpainting model, whose channels are in another order and whose mask "
        "says where to paint: it is not supported";
  if (config->in_channels == latent_channels + 3)
    return "; one with as many is an upsampler, which vldmsr runs";
  if (config->in_channels == 2 * latent_channels)
    return
        "; one with as many starts from an image, as Stable Video Diffusion does, which is not supported";
  return "";
}

/* Text models have 4 channels, or 9 with the five of the context, which only networks with temporal layers have in our
 * order. */
gboolean
vldm_denoiser_check (const char *folder, const VldmUnetConfig * config,
    guint latent_channels, gboolean context, GError ** error)
{
  guint with_context = 2 * latent_channels + 1;
  gboolean takes_context = config->temporal_layers
      && config->in_channels == with_context;

  if (config->out_channels != latent_channels) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/config.json: out_channels is %u, but the latents of vae/ have %u channels",
        folder, config->out_channels, latent_channels);
    return FALSE;
  }
  if (context && !takes_context) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/config.json: in_channels is %u; a network that takes known frames is a UNetSpatioTemporalConditionModel with %u "
        "(noisy latents, masked latents, mask)%s", folder, config->in_channels,
        with_context, describe_input (config, latent_channels));
    return FALSE;
  }
  if (config->in_channels != latent_channels && !takes_context) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/config.json: in_channels is %u; video from text needs %u, or a UNetSpatioTemporalConditionModel with %u that takes "
        "known frames%s", folder, config->in_channels, latent_channels,
        with_context, describe_input (config, latent_channels));
    return FALSE;
  }
  if (config->num_class_embeds > 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/config.json: num_class_embeds is %u; video from text needs a network without class labels",
        folder, config->num_class_embeds);
    return FALSE;
  }
  if (config->n_time_ids > MAX_TIME_IDS || config->n_time_ids == 2) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s/config.json: %u added time ids; known are 1 (frames per second) and 3 (as Stable Video Diffusion)",
        folder, config->n_time_ids);
    return FALSE;
  }
  return TRUE;
}

/* ---- a window ---- */

static void
fill_time_ids (gdouble fps, guint n, gfloat time_ids[MAX_TIME_IDS])
{
  time_ids[0] = n == 3 ? fps - 1.0 : fps;
  time_ids[1] = SVD_MOTION_BUCKET;
  time_ids[2] = SVD_NOISE_AUGMENTATION;
}

/* The UNet with what it is told besides the prompt. */
typedef struct
{
  VldmUnet *unet;
  gfloat time_ids[MAX_TIME_IDS];
} WindowNetwork;

static gboolean
call_unet (OclQueue * queue, const VldmUnetCall * call,
    const OclTensor * sample, const OclTensor * output, gpointer network,
    GError ** error)
{
  const WindowNetwork *self = network;
  VldmUnetCall in_window = *call;

  in_window.time_ids = self->time_ids;
  return vldm_unet_run (self->unet, queue, &in_window, sample, output, error);
}

/* The network's input: [noisy latents, masked context latents, mask], the first to be filled at each step. @known may be
 * NULL; models without context channels have none to fill. */
static gboolean
make_sample (OclQueue * queue, gsize channels, const OclTensor * latents,
    const VldmKnownFrames * known, OclTensor * sample, GError ** error)
{
  gsize frame_pixels = latents->height * latents->width;
  g_autofree gfloat *values =
      g_new0 (gfloat, latents->frames * frame_pixels * channels);
  guint n_known = known == NULL ? 0 : known->latents->count;
  OclTensor context;

  for (guint i = 0; i < n_known; i++) {
    gfloat *frame = values + known->positions[i] * frame_pixels * channels;

    for (gsize p = 0; p < frame_pixels; p++)
      frame[p * channels + channels - 1] = 1.0f;
  }
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (latents->frames,
              latents->height, latents->width, channels), sample, error)
      || !ocl_tensor_write (queue, sample, values, error))
    return FALSE;

  for (guint i = 0; i < n_known; i++) {
    context =
        ocl_tensor_channels (sample, latents->channels, latents->channels);
    context = ocl_tensor_frames (&context, known->positions[i], 1);
    if (!vldm_write_latents (queue, known->latents, i, &context, error))
      return FALSE;
  }
  return TRUE;
}

/* Given frames take part in sampling like the others; here the clean ones replace what became of them. */
static void
put_known_back (const VldmKnownFrames * known, VldmFrames * out)
{
  if (known == NULL)
    return;
  for (guint i = 0; i < known->latents->count; i++)
    memcpy (vldm_frames_host (out, known->positions[i]),
        vldm_frames_host (known->latents, i), vldm_frames_frame_size (out));
}

static const char *const samplers[] = {
  [VLDM_SCHEDULER_DDIM] = "DDIM",
  [VLDM_SCHEDULER_EULER] = "Euler",
  [VLDM_SCHEDULER_DPMPP_2M] = "DPM-Solver++ 2M",
};

static void
warn_of_replaced (VldmModel * model, const char *component,
    const VldmSchedulerConfig * config, const VldmReport * report)
{
  g_autofree char *folder =
      vldm_folder_component (vldm_model_folder (model), component, NULL);
  g_autofree char *message =
      g_strdup_printf ("%s/scheduler_config.json names %s, which is not "
      "computed here; %s runs in its place, and pictures differ from diffusers'",
      folder, config->replaced, samplers[config->kind]);

  vldm_report_warning (report, message);
}

VldmSchedule *
vldm_sampling_schedule (const VldmSampling * sampling, VldmModel * model,
    const char *scheduler, const VldmReport * report, gboolean * warned,
    GError ** error)
{
  const VldmSchedulerConfig *config = vldm_model_scheduler_config (model,
      scheduler, sampling->scheduler, error);

  if (config == NULL)
    return NULL;
  g_debug ("%s: %s of %s/, %u steps, seed %u", vldm_model_folder (model),
      samplers[config->kind], scheduler, sampling->steps, sampling->seed);
  if (config->replaced != NULL && !*warned) {
    *warned = TRUE;
    warn_of_replaced (model, scheduler, config, report);
  }
  return vldm_schedule_new (config, sampling->steps, sampling->eta, error);
}

static gboolean
make_window (VldmDenoiser * denoiser, const VldmSampling * sampling,
    gdouble fps, const VldmKnownFrames * known, VldmFrames * out,
    VldmReport * report, GError ** error)
{
  const VldmUnetConfig *config = vldm_unet_config (denoiser->network.unet);
  OclQueue *queue = denoiser->queue;
  g_autoptr (VldmSchedule) schedule = NULL;
  g_autoptr (VldmNoise) noise = vldm_noise_new (sampling->seed);
  /* where nothing is known, outputs with and without context are the same */
  gdouble context_guidance = known == NULL ? 1.0 : sampling->context_guidance;
  gboolean guided = vldm_guides (sampling->guidance_scale)
      || context_guidance != 1.0;
  const char *negative = guided ? sampling->negative_prompt : NULL;
  WindowNetwork network = { denoiser->network.unet };
  const VldmMaker maker = { denoiser->network.name, denoiser->folder,
    vldm_model_type (denoiser->model)
  };
  gint64 start;
  OclTensor latents, sample, blank_sample;
  const VldmSamplerTensors tensors = { call_unet, &network, &latents, &sample,
    &blank_sample
  };
  VldmSampler sampler = {.guidance_scale = sampling->guidance_scale,
    .guidance_rescale = sampling->guidance_rescale,
    .context_guidance = context_guidance,.noise = noise,
    .step = vldm_report_step,.user_data = report
  };

  schedule = vldm_sampling_schedule (sampling, denoiser->model,
      denoiser->network.scheduler, report, &denoiser->warned, error);
  if (schedule == NULL)
    return FALSE;
  if (!vldm_prompts_encode (denoiser->prompts, queue, out->count,
          sampling->prompt, negative, report, error))
    return FALSE;
  if (!ocl_tensor_alloc (queue, OCL_F32, ocl_shape (out->count, out->height,
              out->width, out->channels), &latents, error))
    return FALSE;
  if (!make_sample (queue, config->in_channels, &latents, known, &sample,
          error))
    return FALSE;
  if (context_guidance != 1.0 && !make_sample (queue, config->in_channels,
          &latents, NULL, &blank_sample, error))
    return FALSE;
  if (!vldm_noise_to_tensor (noise, queue, &latents, error))
    return FALSE;

  fill_time_ids (fps, config->n_time_ids, network.time_ids);
  sampler.schedule = schedule;
  sampler.text = vldm_prompts_text (denoiser->prompts);
  sampler.negative_text = vldm_prompts_negative (denoiser->prompts);
  start = g_get_monotonic_time ();
  if (!vldm_sampler_run (&sampler, queue, &tensors, error))
    return FALSE;
  if (!vldm_read_latents (queue, &latents, out, 0, error))
    return FALSE;
  g_debug ("%s: %u frames of %u x %u latents, %u of them known, in %u steps: "
      "%.3f s", denoiser->folder, out->count, out->width, out->height,
      known == NULL ? 0 : known->latents->count, schedule->n,
      (g_get_monotonic_time () - start) / (gdouble) G_TIME_SPAN_SECOND);
  put_known_back (known, out);
  if (!vldm_check_latents_made (&maker, out, error))
    return FALSE;
  return vldm_report_progress (report, VLDM_ACTIVITY_DENOISE, schedule->n,
      schedule->n, error);
}

/* Known frames must fit the window that they are part of. */
static gboolean
check_known (const VldmKnownFrames * known, const VldmFrames * out,
    GError ** error)
{
  const VldmFrames *latents = known == NULL ? NULL : known->latents;

  if (latents == NULL)
    return TRUE;
  for (guint i = 0; i < latents->count; i++) {
    if (known->positions[i] >= out->count) {
      g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
          "known frame %u is placed at frame %u of a window of %u", i,
          known->positions[i], out->count);
      return FALSE;
    }
  }
  if (latents->format == out->format && latents->channels == out->channels
      && latents->width == out->width && latents->height == out->height)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
      "known latents of [%u, %u, %u] do not fit a window of [%u, %u, %u]",
      latents->channels, latents->height, latents->width, out->channels,
      out->height, out->width);
  return FALSE;
}

gboolean
vldm_denoiser_run (VldmDenoiser * denoiser, const VldmSampling * sampling,
    gdouble fps, const VldmKnownFrames * known, VldmFrames * out,
    const VldmProgress * progress, GError ** error)
{
  VldmReport report;
  gboolean done;

  if (!check_known (known, out, error)
      || (known != NULL && !vldm_check_latents_in (known->latents, error)))
    return FALSE;

  vldm_report_begin (&report, denoiser->queue, progress);
  done = make_window (denoiser, sampling, fps, known, out, &report, error);
  return vldm_report_end (&report, done, error);
}
