/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long a model's networks take on this machine: one UNet call, the key frames of one default window, and its
 * decoding, through the same stages that the elements run. `meson benchmark` runs it alone; run.sh beside it compares
 * with PyTorch.
 *
 *   bench_networks MODEL_FOLDER [ROUNDS]
 *
 * prints one line a round and part, "unet 0.123", in seconds. Loading, kernel builds and one warm-up are not timed.
 */
#include <stdlib.h>

#include "opencl/runtime/queue.h"
#include "vldm/model/text_encoder.h"
#include "vldm/model/tokenizer.h"
#include "vldm/model/unet.h"
#include "vldm/stages/decode.h"
#include "vldm/stages/keyframes.h"

#define PROMPT "driving on a city street at night, light traffic"

typedef struct
{
  VldmModel *model;
  VldmKeyframes *keyframes;
  VldmDecode *decode;
  VldmKeyframesParams params;
  VldmFrames latents, rgb;

  /* for single calls */
  OclQueue *queue;
  VldmUnetContext *context;
  OclTensor sample, output;
} Bench;

static void
bench_clear (Bench * bench)
{
  g_clear_pointer (&bench->context, vldm_unet_context_free);
  g_clear_pointer (&bench->queue, ocl_queue_free);
  vldm_frames_clear (&bench->latents);
  vldm_frames_clear (&bench->rgb);
  g_clear_pointer (&bench->keyframes, vldm_keyframes_free);
  g_clear_pointer (&bench->decode, vldm_decode_free);
  g_clear_pointer (&bench->model, vldm_model_unref);
}

/* The model and both stages, with the model's own settings. */
static gboolean
open_stages (Bench * bench, const char *folder, GError ** error)
{
  VldmKeyframesParams *params = &bench->params;
  g_autoptr (OclDevice) device = ocl_device_open (NULL, OCL_FORM_AUTO, error);
  const VldmAutoencoderConfig *autoencoder;
  gint fps_n, fps_d;

  if (device == NULL)
    return FALSE;
  g_printerr ("%s\n", ocl_device_description (device));
  bench->model = vldm_model_new (folder, device, VLDM_PRECISION_AUTO, error);
  if (bench->model == NULL)
    return FALSE;
  bench->keyframes = vldm_keyframes_new (bench->model, NULL, error);
  if (bench->keyframes == NULL)
    return FALSE;
  bench->decode = vldm_decode_new (bench->model, VLDM_LATENTS_VAE, NULL, error);
  if (bench->decode == NULL)
    return FALSE;
  if (!vldm_keyframes_defaults (bench->model, params, &fps_n, &fps_d, error))
    return FALSE;
  params->sampling.prompt = PROMPT;
  params->sampling.seed = 42;
  autoencoder = vldm_model_autoencoder_config (bench->model);
  return vldm_frames_init (&bench->latents, VLDM_FORMAT_F32LE, params->frames,
      autoencoder->latent_channels, params->height / autoencoder->factor,
      params->width / autoencoder->factor, error)
      && vldm_frames_init (&bench->rgb, VLDM_FORMAT_RGB8, params->frames, 3,
      params->height, params->width, error);
}

/* Tensors and text of a single UNet call of the same size. What the latents are does not change the time, but they
 * must be numbers: slow paths for NaN or denormals would. */
static gboolean
open_unet (Bench * bench, GError ** error)
{
  VldmTokenizer *tokenizer = vldm_model_tokenizer (bench->model, error);
  VldmTextEncoder *encoder =
      vldm_model_text_encoder (bench->model, NULL, error);
  VldmUnet *unet = vldm_model_unet (bench->model, NULL, error);
  const VldmUnetConfig *config = vldm_unet_config (unet);
  const VldmTextConfig *text_config = vldm_text_encoder_config (encoder);
  guint n = text_config->max_position_embeddings;
  g_autofree guint32 *ids = g_new (guint32, n);
  g_autofree gfloat *ones = NULL;
  OclTensor text;
  gsize n_sample;

  bench->queue = ocl_queue_new (vldm_model_device (bench->model), error);
  if (bench->queue == NULL)
    return FALSE;
  if (!vldm_tokenizer_encode (tokenizer, PROMPT, n, ids, NULL, error)
      || !ocl_tensor_alloc (bench->queue, OCL_F32, 1, 1, n,
          text_config->hidden_size, &text, error)
      || !vldm_text_encoder_run (encoder, bench->queue, ids, n, &text, error))
    return FALSE;
  bench->context =
      vldm_unet_context_new (unet, bench->queue, &text, &text, error);
  if (bench->context == NULL)
    return FALSE;
  if (!ocl_tensor_alloc (bench->queue, OCL_F32, bench->params.frames,
          bench->latents.height, bench->latents.width, config->in_channels,
          &bench->sample, error)
      || !ocl_tensor_alloc (bench->queue, OCL_F32, bench->params.frames,
          bench->latents.height, bench->latents.width, config->out_channels,
          &bench->output, error))
    return FALSE;
  n_sample = ocl_tensor_pixels (&bench->sample) * config->in_channels;
  ones = g_new (gfloat, n_sample);
  for (gsize i = 0; i < n_sample; i++)
    ones[i] = 1.0f - (i % 7) / 3.0f;
  return ocl_tensor_write (bench->queue, &bench->sample, ones, error);
}

static gboolean
run_unet (Bench * bench, GError ** error)
{
  const gfloat time_ids[3] = { bench->params.fps };

  return vldm_unet_run (vldm_model_unet (bench->model, NULL, NULL),
      bench->queue, bench->context, &bench->sample, 500.0f, time_ids,
      &bench->output, error) && ocl_queue_finish (bench->queue, error);
}

static gboolean
run_keyframes (Bench * bench, GError ** error)
{
  return vldm_keyframes_run (bench->keyframes, &bench->params, NULL,
      &bench->latents, NULL, error);
}

static gboolean
run_decode (Bench * bench, GError ** error)
{
  const VldmDecodeParams params = {
    .width = bench->params.width,
    .height = bench->params.height,
  };

  return vldm_decode_run (bench->decode, &params, &bench->latents, &bench->rgb,
      NULL, error);
}

static const struct
{
  const char *name;
    gboolean (*run) (Bench * bench, GError ** error);
} parts[] = {
  {"unet", run_unet},
  {"keyframes", run_keyframes},
  {"decode", run_decode},
};

/* Builds kernels and fills arenas: two steps of a run and one decoding. */
static gboolean
warm_up (Bench * bench, GError ** error)
{
  guint steps = bench->params.sampling.steps;
  gboolean done;

  bench->params.sampling.steps = 2;
  done = run_keyframes (bench, error) && run_decode (bench, error)
      && run_unet (bench, error);
  bench->params.sampling.steps = steps;
  return done;
}

static gboolean
run_all (Bench * bench, const char *folder, guint rounds, GError ** error)
{
  if (!open_stages (bench, folder, error) || !open_unet (bench, error)
      || !warm_up (bench, error))
    return FALSE;
  for (guint round = 0; round < rounds; round++) {
    for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
      gint64 start = g_get_monotonic_time ();

      if (!parts[i].run (bench, error))
        return FALSE;
      g_print ("%s %.4f\n", parts[i].name,
          (g_get_monotonic_time () - start) / (gdouble) G_USEC_PER_SEC);
    }
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  Bench bench = { NULL };
  gboolean done;

  if (argc < 2 || argc > 3) {
    g_printerr ("usage: %s MODEL_FOLDER [ROUNDS]\n", argv[0]);
    return EXIT_FAILURE;
  }
  done = run_all (&bench, argv[1], argc > 2 ? atoi (argv[2]) : 3, &error);
  if (!done)
    g_printerr ("%s\n", error->message);
  bench_clear (&bench);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
