/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long one network takes on this machine. run.py beside it calls this for every network and compares with PyTorch;
 * alone, it prints the time of each round:
 *
 *   bench_networks unet FOLDER FRAMES HEIGHT WIDTH [--tokens N] [--calls N] [--conditions A,B,C] [--rounds N] [--warm N]
 *   bench_networks decode FOLDER FRAMES HEIGHT WIDTH [--rounds N] [--warm N]
 *   bench_networks keyframes|interpolate MODEL_FOLDER [--rounds N] [--warm N]
 *
 * A unet or decode FOLDER holds config.json and weights; FRAMES, HEIGHT, WIDTH count latents; --calls 2 runs them for two
 * prompts, a guided step. keyframes and interpolate run a window or a gap as the elements do, with the model's own
 * settings. --warm says how many frames (or steps of sampling) the run has that comes before timing, which builds kernels
 * and fills the arena; --bf16 multiplies in bf16 where the CPU can. Output, a line each: "load SECONDS", "seconds
 * SECONDS" a round, "rms R" and "projection P" of the result, and "memory BYTES", the process's largest.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "opencl/ops/bf16.h"
#include "vldm/networks/autoencoder.h"
#include "vldm/networks/unet.h"
#include "vldm/stages/interpolate.h"
#include "vldm/stages/keyframes.h"

#define PROMPT "driving on a city street at night, light traffic"
#define MAX_CALLS 2
#define MAX_CONDITIONS 3

typedef struct _Bench Bench;

typedef struct
{
  const char *name;
  gboolean takes_latents;       /* FRAMES, HEIGHT and WIDTH follow */
    gboolean (*open) (Bench * bench, GError ** error);
    gboolean (*run) (Bench * bench, gsize amount, GError ** error);
} BenchKind;

struct _Bench
{
  const BenchKind *kind;
  const char *folder;
  gint frames, height, width, tokens, calls, rounds, warm;
  gfloat conditions[MAX_CONDITIONS];
  gboolean bf16;
  OclDevice *device;
  OclType type;                 /* of weights */

  /* unet and decode */
  OclQueue *queue;
  VldmUnet *unet;
  VldmAutoencoder *autoencoder;
  VldmUnetContext *contexts[MAX_CALLS];
  OclTensor input, output;

  /* keyframes and interpolate */
  VldmModel *model;
  VldmKeyframes *keyframes;
  VldmInterpolate *interpolate;
  VldmKeyframesParams window;
  VldmInterpolateParams gap;
  VldmFrames given, made;
};

static void
bench_clear (Bench * bench)
{
  for (guint i = 0; i < MAX_CALLS; i++)
    g_clear_pointer (&bench->contexts[i], vldm_unet_context_free);
  g_clear_pointer (&bench->queue, ocl_queue_free);
  g_clear_pointer (&bench->unet, vldm_unet_free);
  g_clear_pointer (&bench->autoencoder, vldm_autoencoder_free);
  vldm_frames_clear (&bench->given);
  vldm_frames_clear (&bench->made);
  g_clear_pointer (&bench->keyframes, vldm_keyframes_free);
  g_clear_pointer (&bench->interpolate, vldm_interpolate_free);
  g_clear_pointer (&bench->model, vldm_model_unref);
  g_clear_pointer (&bench->device, ocl_device_unref);
}

/* Numbers that PyTorch's side makes alike: those between -sqrt 3 and sqrt 3, whose variance is 1, in an order that looks
 * random. */
static gfloat
pattern (gsize i)
{
  guint32 mixed = (guint32) i * 2654435761u;

  return (mixed / 4294967296.0 - 0.5) * 2.0 * sqrt (3.0);
}

static gboolean
fill (Bench * bench, const OclTensor * tensor, gsize first, GError ** error)
{
  gsize n = ocl_tensor_pixels (tensor) * tensor->channels;
  g_autofree gfloat *values = g_new (gfloat, n);

  for (gsize i = 0; i < n; i++)
    values[i] = pattern (first + i);
  return ocl_tensor_write (bench->queue, tensor, values, error);
}

/* Whether both sides did the same work shows in these two numbers. */
static void
print_result (const gfloat * values, gsize n)
{
  gdouble squares = 0, projection = 0;

  for (gsize i = 0; i < n; i++) {
    squares += (gdouble) values[i] * values[i];
    projection += (gdouble) values[i] * pattern (i);
  }
  g_print ("rms %.6g\nprojection %.6g\n", sqrt (squares / n),
      projection / sqrt (n));
}

/* ---- one network ---- */

static gboolean
alloc_latents (Bench * bench, gsize in, gsize out, gsize factor,
    GError ** error)
{
  return ocl_tensor_alloc (bench->queue, OCL_F32, ocl_shape (bench->frames,
          bench->height, bench->width, in), &bench->input, error)
      && ocl_tensor_alloc (bench->queue, OCL_F32,
      ocl_shape (bench->calls * bench->frames, factor * bench->height,
          factor * bench->width, out), &bench->output, error)
      && fill (bench, &bench->input, 0, error);
}

static gboolean
open_unet (Bench * bench, GError ** error)
{
  const VldmUnetConfig *config;
  OclTensor text;

  bench->unet =
      vldm_unet_load (bench->device, bench->type, bench->folder, NULL, NULL,
      error);
  if (bench->unet == NULL)
    return FALSE;
  config = vldm_unet_config (bench->unet);
  for (gint i = 0; i < bench->calls; i++) {
    if (!ocl_tensor_alloc (bench->queue, OCL_F32, ocl_shape (1, 1,
                bench->tokens, config->cross_attention_dim[0]), &text, error)
        || !fill (bench, &text, i, error))
      return FALSE;
    bench->contexts[i] =
        vldm_unet_context_new (bench->unet, bench->queue, bench->frames, &text,
        &text, error);
    if (bench->contexts[i] == NULL)
      return FALSE;
  }
  return alloc_latents (bench, config->in_channels, config->out_channels, 1,
      error);
}

static gboolean
run_unet (Bench * bench, gsize frames, GError ** error)
{
  OclTensor input = ocl_tensor_frames (&bench->input, 0, frames);
  OclTensor output =
      ocl_tensor_frames (&bench->output, 0, bench->calls * frames);
  const VldmUnetCall call = { bench->calls,
    (const VldmUnetContext * const *) bench->contexts, 500.0f, bench->conditions
  };

  return vldm_unet_run (bench->unet, bench->queue, &call, &input, &output,
      error)
      && ocl_queue_finish (bench->queue, error);
}

static gboolean
open_decode (Bench * bench, GError ** error)
{
  const VldmAutoencoderConfig *config;

  bench->autoencoder =
      vldm_autoencoder_load (bench->device, bench->type, bench->folder,
      VLDM_DECODER, NULL, NULL, error);
  if (bench->autoencoder == NULL)
    return FALSE;
  config = vldm_autoencoder_config (bench->autoencoder);
  return alloc_latents (bench, config->latent_channels, config->out_channels,
      config->factor, error);
}

static gboolean
run_decode (Bench * bench, gsize frames, GError ** error)
{
  OclTensor latents = ocl_tensor_frames (&bench->input, 0, frames);
  OclTensor rgb = ocl_tensor_frames (&bench->output, 0, frames);

  return vldm_autoencoder_decode (bench->autoencoder, bench->queue, &latents,
      &rgb, error) && ocl_queue_finish (bench->queue, error);
}

/* ---- a window or gap ---- */

static gboolean
alloc_frames (Bench * bench, VldmFrames * frames, guint count, GError ** error)
{
  const VldmAutoencoderConfig *autoencoder =
      vldm_model_autoencoder_config (bench->model, NULL);
  const VldmDefaults *defaults = vldm_model_defaults (bench->model);

  return vldm_frames_init (frames, VLDM_FORMAT_F32LE, count,
      autoencoder->latent_channels, defaults->height / autoencoder->factor,
      defaults->width / autoencoder->factor, error);
}

static VldmPrecision
precision (const Bench * bench)
{
  return bench->bf16 ? VLDM_PRECISION_BF16 : VLDM_PRECISION_AUTO;
}

static gboolean
open_keyframes (Bench * bench, GError ** error)
{
  gint fps_n, fps_d;

  bench->model =
      vldm_model_new (bench->folder, bench->device, precision (bench), error);
  if (bench->model == NULL)
    return FALSE;
  bench->keyframes = vldm_keyframes_new (bench->model, NULL, error);
  if (bench->keyframes == NULL
      || !vldm_keyframes_defaults (bench->model, &bench->window, &fps_n, &fps_d,
          error))
    return FALSE;
  bench->window.sampling.prompt = PROMPT;
  bench->window.sampling.seed = 42;
  return alloc_frames (bench, &bench->made, bench->window.frames, error);
}

/* @steps 0: as many as the model wants. */
static gboolean
run_keyframes (Bench * bench, gsize steps, GError ** error)
{
  VldmKeyframesParams window = bench->window;

  if (steps > 0)
    window.sampling.steps = steps;
  return vldm_keyframes_run (bench->keyframes, &window, NULL, &bench->made,
      NULL, error);
}

static gboolean
open_interpolate (Bench * bench, GError ** error)
{
  guint factor;
  gsize n;

  bench->model =
      vldm_model_new (bench->folder, bench->device, precision (bench), error);
  if (bench->model == NULL)
    return FALSE;
  bench->interpolate = vldm_interpolate_new (bench->model, NULL, error);
  if (bench->interpolate == NULL
      || !vldm_interpolate_defaults (bench->model, &bench->gap, &factor, error))
    return FALSE;
  bench->gap.sampling.prompt = PROMPT;
  bench->gap.sampling.seed = 42;
  bench->gap.fps = 7.5;
  if (!alloc_frames (bench, &bench->given, 2, error)
      || !alloc_frames (bench, &bench->made, factor - 1, error))
    return FALSE;
  n = vldm_frames_size (&bench->given) / sizeof (gfloat);
  for (gsize i = 0; i < n; i++)
    ((gfloat *) bench->given.host)[i] = pattern (i);
  return TRUE;
}

static gboolean
run_interpolate (Bench * bench, gsize steps, GError ** error)
{
  VldmInterpolateParams gap = bench->gap;

  if (steps > 0)
    gap.sampling.steps = steps;
  return vldm_interpolate_run (bench->interpolate, &gap, &bench->given,
      &bench->made, NULL, error);
}

/* ---- all ---- */

static const BenchKind kinds[] = {
  {"unet", TRUE, open_unet, run_unet},
  {"decode", TRUE, open_decode, run_decode},
  {"keyframes", FALSE, open_keyframes, run_keyframes},
  {"interpolate", FALSE, open_interpolate, run_interpolate},
};

static gdouble
seconds_since (gint64 start)
{
  return (g_get_monotonic_time () - start) / (gdouble) G_USEC_PER_SEC;
}

static gboolean
read_result (Bench * bench, GError ** error)
{
  g_autofree gfloat *values = NULL;
  OclTensor last;
  gsize n;

  if (!bench->kind->takes_latents) {
    print_result ((gfloat *) bench->made.host,
        vldm_frames_size (&bench->made) / sizeof (gfloat));
    return TRUE;
  }
  last = ocl_tensor_frames (&bench->output,
      bench->output.frames - bench->frames, bench->frames);
  n = ocl_tensor_pixels (&last) * last.channels;
  values = g_new (gfloat, n);
  if (!ocl_tensor_read (bench->queue, &last, values, error))
    return FALSE;
  print_result (values, n);
  return TRUE;
}

/* The largest resident size; getrusage () would count what the process was before exec (), too. */
static gboolean
print_memory (GError ** error)
{
  g_autofree char *status = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/status", &status, NULL, error))
    return FALSE;
  line = strstr (status, "VmHWM:");
  g_print ("memory %" G_GUINT64_FORMAT "\n", line == NULL ? 0
      : 1024 * g_ascii_strtoull (line + strlen ("VmHWM:"), NULL, 10));
  return TRUE;
}

static gboolean
run_all (Bench * bench, GError ** error)
{
  gsize whole = bench->kind->takes_latents ? bench->frames : 0;
  gint64 start = g_get_monotonic_time ();

  bench->device = ocl_device_open (NULL, OCL_FORM_AUTO, error);
  if (bench->device == NULL)
    return FALSE;
  if (bench->bf16 && ocl_multiplies_bf16 (bench->device))
    bench->type = OCL_BF16;
  bench->queue = ocl_queue_new (bench->device, error);
  if (bench->queue == NULL || !bench->kind->open (bench, error))
    return FALSE;
  g_print ("load %.4f\n", seconds_since (start));
  if (bench->warm > 0 && !bench->kind->run (bench, bench->warm, error))
    return FALSE;
  for (gint i = 0; i < bench->rounds; i++) {
    start = g_get_monotonic_time ();
    if (!bench->kind->run (bench, whole, error))
      return FALSE;
    g_print ("seconds %.4f\n", seconds_since (start));
  }
  if (!read_result (bench, error))
    return FALSE;
  return print_memory (error);
}

/* The words of the command line that are no options. */
static gboolean
parse_words (Bench * bench, int argc, char **argv)
{
  for (guint i = 0; argc > 2 && i < G_N_ELEMENTS (kinds); i++) {
    if (g_str_equal (argv[1], kinds[i].name))
      bench->kind = &kinds[i];
  }
  if (bench->kind == NULL || argc != (bench->kind->takes_latents ? 6 : 3))
    return FALSE;
  bench->folder = argv[2];
  if (bench->kind->takes_latents) {
    bench->frames = atoi (argv[3]);
    bench->height = atoi (argv[4]);
    bench->width = atoi (argv[5]);
    if (bench->frames < 1 || bench->height < 1 || bench->width < 1
        || bench->warm > bench->frames)
      return FALSE;
  }
  return bench->calls >= 1 && bench->calls <= MAX_CALLS && bench->tokens >= 1;
}

static gboolean
parse (Bench * bench, int *argc, char ***argv, char **conditions,
    GError ** error)
{
  const GOptionEntry entries[] = {
    {"tokens", 0, 0, G_OPTION_ARG_INT, &bench->tokens, "of the text", "N"},
    {"calls", 0, 0, G_OPTION_ARG_INT, &bench->calls,
        "for a text each, 1 or 2", "N"},
    {"conditions", 0, 0, G_OPTION_ARG_STRING, conditions,
        "time ids or class label", "A,B,C"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &bench->rounds, "timed runs", "N"},
    {"warm", 0, 0, G_OPTION_ARG_INT, &bench->warm,
        "frames or steps of the run before", "N"},
    {"bf16", 0, 0, G_OPTION_ARG_NONE, &bench->bf16,
        "weights and products in bf16 where the CPU can", NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context =
      g_option_context_new ("KIND FOLDER [FRAMES HEIGHT WIDTH]");
  g_auto (GStrv) numbers = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (!parse_words (bench, *argc, *argv)) {
    g_autofree char *help = g_option_context_get_help (context, TRUE, NULL);

    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "%s", help);
    return FALSE;
  }
  numbers = g_strsplit (*conditions != NULL ? *conditions : "", ",",
      MAX_CONDITIONS);
  for (guint i = 0; numbers[i] != NULL; i++)
    bench->conditions[i] = g_ascii_strtod (numbers[i], NULL);
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *conditions = NULL;
  Bench bench = {.tokens = 77,.calls = 1,.rounds = 3,.warm = 1 };
  gboolean done = parse (&bench, &argc, &argv, &conditions, &error)
      && run_all (&bench, &error);

  if (!done)
    g_printerr ("%s\n", error->message);
  bench_clear (&bench);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
