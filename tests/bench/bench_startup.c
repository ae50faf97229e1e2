/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How long a start takes: from main () to the first kernel, the first denoising step, the latents of one default window
 * and its pictures, with empty caches and again with those that the first start filled. As in a pipeline, the decoder is
 * loaded by a thread of its own meanwhile.
 *
 *   bench_startup MODEL_FOLDER [ROUNDS]
 *
 * prints one line a start and moment, "first first-kernel 1.234" or "second ...", in seconds since the start. The caches
 * are this library's and the driver's in XDG_CACHE_HOME, for which a fresh folder stands in; drivers that keep theirs
 * elsewhere (NVIDIA's: CUDA_CACHE_PATH) are warm in both.
 */
#include <stdlib.h>

#include <glib/gstdio.h>

#include "vldm/stages/decode.h"
#include "vldm/stages/keyframes.h"

typedef struct
{
  gint64 started_us;
  VldmModel *model;
  VldmProgress progress;
  gboolean launched, stepped;

  /* of the thread that loads the decoder */
  VldmDecode *decode;
  GError *decode_error;
} Start;

static void
mark (const Start * start, const char *moment)
{
  g_print ("%s %.3f\n", moment,
      (g_get_monotonic_time () - start->started_us) / (gdouble) G_USEC_PER_SEC);
}

/* The first kernel is the first that a driver may have to build. */
static gboolean
on_progress (VldmActivity activity, guint done, guint total, gpointer user_data)
{
  Start *start = user_data;

  if (activity == VLDM_ACTIVITY_BUILD_KERNELS && !start->launched) {
    start->launched = TRUE;
    mark (start, "first-kernel");
  } else if (activity == VLDM_ACTIVITY_DENOISE && done == 1 && !start->stepped) {
    start->stepped = TRUE;
    mark (start, "first-step");
  }
  return TRUE;
}

static gpointer
load_decoder (gpointer data)
{
  Start *start = data;

  start->decode = vldm_decode_new (start->model, VLDM_LATENTS_VAE, NULL,
      &start->decode_error);
  return NULL;
}

/* Latents and pictures of one window. */
static gboolean
make_window (Start * start, VldmKeyframes * keyframes, GThread * decoder,
    GError ** error)
{
  g_auto (VldmFrames) latents = { 0 };
  g_auto (VldmFrames) rgb = { 0 };
  const VldmAutoencoderConfig *autoencoder =
      vldm_model_autoencoder_config (start->model, NULL);
  VldmKeyframesParams params;
  VldmDecodeParams size = { 0 };
  gint fps_n, fps_d;

  if (!vldm_keyframes_defaults (start->model, &params, &fps_n, &fps_d, error))
    return FALSE;
  params.sampling.prompt = "driving on a city street at night";
  size.width = params.width;
  size.height = params.height;
  if (!vldm_frames_init (&latents, VLDM_FORMAT_F32LE, params.frames,
          autoencoder->latent_channels, params.height / autoencoder->factor,
          params.width / autoencoder->factor, error)
      || !vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, params.frames, 3,
          params.height, params.width, error)
      || !vldm_keyframes_run (keyframes, &params, NULL, &latents,
          &start->progress, error))
    return FALSE;
  mark (start, "latents");
  g_thread_join (decoder);
  if (start->decode == NULL) {
    g_propagate_error (error, g_steal_pointer (&start->decode_error));
    return FALSE;
  }
  if (!vldm_decode_run (start->decode, &size, &latents, &rgb, &start->progress,
          error))
    return FALSE;
  mark (start, "pictures");
  return TRUE;
}

static gboolean
run_start (Start * start, const char *folder, GError ** error)
{
  g_autoptr (OclDevice) device = ocl_device_open (NULL, OCL_FORM_AUTO, error);
  VldmKeyframes *keyframes;
  GThread *decoder;
  gboolean done = FALSE;

  if (device == NULL)
    return FALSE;
  mark (start, "device");
  start->model = vldm_model_new (folder, device, VLDM_PRECISION_AUTO, error);
  if (start->model == NULL)
    return FALSE;
  keyframes = vldm_keyframes_new (start->model, NULL, error);
  if (keyframes != NULL) {
    mark (start, "loaded");
    decoder = g_thread_new ("decoder", load_decoder, start);
    done = make_window (start, keyframes, decoder, error);
    vldm_keyframes_free (keyframes);
  }
  g_clear_pointer (&start->decode, vldm_decode_free);
  g_clear_pointer (&start->model, vldm_model_unref);
  return done;
}

/* A process of its own, its lines after @name. */
static gboolean
spawn_start (const char *program, const char *folder, const char *name,
    GError ** error)
{
  const char *const argv[] = { program, folder, "once", NULL };
  g_autofree char *output = NULL;
  g_auto (GStrv) lines = NULL;
  gint status;

  if (!g_spawn_sync (NULL, (char **) argv, NULL, 0, NULL, NULL, &output, NULL,
          &status, error) || !g_spawn_check_wait_status (status, error))
    return FALSE;
  lines = g_strsplit (g_strstrip (output), "\n", 0);
  for (guint i = 0; lines[i] != NULL; i++)
    g_print ("%s %s\n", name, lines[i]);
  return TRUE;
}

static gboolean
run_round (const char *program, const char *folder, GError ** error)
{
  g_autofree char *caches = g_dir_make_tmp ("startup-XXXXXX", error);
  const char *const remove[] = { "rm", "-r", caches, NULL };
  gboolean done;

  if (caches == NULL)
    return FALSE;
  g_setenv ("XDG_CACHE_HOME", caches, TRUE);
  done = spawn_start (program, folder, "first", error)
      && spawn_start (program, folder, "second", error);
  return g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL,
      NULL, NULL, NULL, NULL, done ? error : NULL) && done;
}

int
main (int argc, char **argv)
{
  Start start = {.started_us = g_get_monotonic_time () };
  g_autoptr (GError) error = NULL;
  gboolean done = TRUE;

  start.progress.progress = on_progress;
  start.progress.user_data = &start;
  if (argc < 2 || argc > 3) {
    g_printerr ("usage: %s MODEL_FOLDER [ROUNDS]\n", argv[0]);
    return EXIT_FAILURE;
  }
  if (g_strcmp0 (argv[2], "once") == 0) {
    done = run_start (&start, argv[1], &error);
  } else {
    guint rounds = argc > 2 ? atoi (argv[2]) : 3;
    for (guint round = 0; done && round < rounds; round++)
      done = run_round (argv[0], argv[1], &error);
  }
  if (!done)
    g_printerr ("%s\n", error->message);
  return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
