/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole upsampling runs through the stage: two windows of several tiles each, as make_upsample.py computes them with
 * PyTorch. Its settings, and the memory that automatic tiles count on. Arguments: the folder of golden.json, the default
 * model's (its tokenizer).
 */
#include <string.h>

#include "golden.h"
#include "upsample_model.h"
#include "vldm/memory.h"
#include "vldm/stages/upsample.h"

/* Of a picture in [-1, 1]: a byte rounded to the other side is 1 / 127.5 away. Latents that are less exact are
 * golden_run_bound () away, at most four times the size of a picture. */
#define PICTURE_TOLERANCE 8e-3
#define PICTURE_FACTOR 4

static Golden golden;
static const char *tokenizer_folder;

/* ---- a run ---- */

/* make_upsample.py's picture (). */
static void
fill_picture (guint8 * out, guint frame, guint height, guint width)
{
  for (guint y = 0; y < height; y++) {
    for (guint x = 0; x < width; x++) {
      for (guint c = 0; c < 3; c++)
        out[(y * width + x) * 3 + c] = (37 * frame + 91 * c + 5 * y + 3 * x
            + (x * y) % 29 + 60 * ((x / 8 + y / 8) % 2)) % 256;
    }
  }
}

static VldmUpsampleParams
make_params (JsonObject * run_case, VldmModel * model)
{
  g_autoptr (GError) error = NULL;
  VldmUpsampleParams params;

  vldm_upsample_defaults (model, &params, &error);
  g_assert_no_error (error);
  vldm_upsample_windows (model, golden_uint (run_case, "frames"),
      golden_uint (run_case, "overlap"), &params.windows, &error);
  g_assert_no_error (error);
  params.sampling.prompt = json_object_get_string_member (run_case, "prompt");
  params.sampling.negative_prompt =
      json_object_get_string_member (run_case, "negative_prompt");
  params.sampling.steps = golden_uint (run_case, "steps");
  params.sampling.guidance_scale =
      json_object_get_double_member (run_case, "guidance");
  params.sampling.guidance_rescale =
      json_object_get_double_member (run_case, "rescale");
  params.noise_level = golden_uint (run_case, "noise_level");
  params.tile_size = golden_uint (run_case, "tile_size");
  params.tile_overlap = golden_uint (run_case, "tile_overlap");
  return params;
}

/* Some frames of others, in the same memory. */
static VldmFrames
some_frames (const VldmFrames * frames, guint first, guint count)
{
  VldmFrames view = *frames;

  view.host = vldm_frames_host (frames, first);
  view.count = count;
  return view;
}

static void
run_window (VldmUpsample * upsample, const VldmUpsampleParams * params,
    const VldmUpsampleWindow * window, VldmFrames rgb, VldmFrames latents,
    VldmFrames pictures)
{
  g_autoptr (GError) error = NULL;

  vldm_upsample_run (upsample, params, window, &rgb, &latents, &pictures, NULL,
      &error);
  g_assert_no_error (error);
}

/* Both windows of the case. */
static void
run_windows (JsonObject * run_case, VldmUpsample * upsample,
    VldmUpsampleParams * params, const VldmFrames * rgb, VldmFrames * latents,
    VldmFrames * pictures)
{
  JsonArray *seeds = json_object_get_array_member (run_case, "seeds");
  guint32 first_seed = json_array_get_int_element (seeds, 0);
  guint step = params->windows.size - params->windows.overlap;
  guint rest = rgb->count - step;
  const VldmUpsampleWindow first = {.keep = TRUE };
  const VldmUpsampleWindow second = {
    .shared = params->windows.overlap,
    .earlier_seed = first_seed,
    .blend = TRUE,
  };

  params->sampling.seed = first_seed;
  run_window (upsample, params, &first,
      some_frames (rgb, 0, params->windows.size),
      some_frames (latents, 0, step), some_frames (pictures, 0, step));
  params->sampling.seed = json_array_get_int_element (seeds, 1);
  run_window (upsample, params, &second, some_frames (rgb, step, rest),
      some_frames (latents, step, rest), some_frames (pictures, step, rest));
}

static void
compare_pictures (Golden * self, JsonObject * run_case, const char *name,
    const VldmFrames * pictures, gdouble tolerance)
{
  gsize pixels = (gsize) pictures->width * pictures->height;
  gsize n = pictures->count * 3 * pixels;
  g_autofree gfloat *planar = g_new (gfloat, n);
  g_autofree char *output = g_strconcat (name, "_pictures", NULL);

  for (gsize i = 0; i < n; i++) {
    const guint8 *frame = vldm_frames_host (pictures, i / pixels / 3);

    planar[i] = frame[i % pixels * 3 + i / pixels % 3] / 127.5f - 1.0f;
  }
  golden_compare (self, run_case, output, planar, n, tolerance);
}

static void
check_run (Golden * self, const char *name, JsonObject * run_case, OclType type)
{
  static const VldmPrecision precisions[] = {
    [OCL_F32] = VLDM_PRECISION_F32,
    [OCL_F16] = VLDM_PRECISION_F16,
    [OCL_BF16] = VLDM_PRECISION_BF16,
  };
  g_autoptr (GError) error = NULL;
  guint total = golden_uint (run_case, "total");
  guint height = golden_uint (run_case, "height");
  guint width = golden_uint (run_case, "width");
  g_autoptr (VldmModel) model = NULL;
  g_autoptr (VldmUpsample) upsample = NULL;
  VldmUpsampleParams params;
  g_auto (VldmFrames) rgb = { 0 }, latents = { 0 }, pictures = { 0 };
  guint scale, channels, latent_width, latent_height;
  char *folder;

  folder = upsample_model_write (self, tokenizer_folder, run_case);
  model = vldm_model_new (folder, self->device, precisions[type], &error);
  g_assert_no_error (error);
  upsample = vldm_upsample_new (model, NULL, &error);
  g_assert_no_error (error);
  params = make_params (run_case, model);
  vldm_upsample_shape (model, width, height, &scale, &channels, &latent_width,
      &latent_height, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (scale, ==, 4);

  vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, total, 3, height, width, &error);
  g_assert_no_error (error);
  vldm_frames_init (&latents, VLDM_FORMAT_F32LE, total, channels,
      latent_height, latent_width, &error);
  g_assert_no_error (error);
  vldm_frames_init (&pictures, VLDM_FORMAT_RGB8, total, 3, scale * height,
      scale * width, &error);
  g_assert_no_error (error);
  for (guint f = 0; f < total; f++)
    fill_picture (vldm_frames_host (&rgb, f), f, height, width);

  run_windows (run_case, upsample, &params, &rgb, &latents, &pictures);
  golden_compare (self, run_case, name, (const gfloat *) latents.host,
      vldm_frames_size (&latents) / sizeof (gfloat), golden_run_bound (type));
  compare_pictures (self, run_case, name, &pictures,
      MAX (PICTURE_TOLERANCE, PICTURE_FACTOR * golden_run_bound (type)));
  golden_remove_folder (folder);
}

static void
check_all (void)
{
  golden_for_each (&golden, "upsample", check_run);
}

/* ---- settings and limits ---- */

static JsonObject *
find_case (const char *kind, const char *name)
{
  return
      json_object_get_object_member (json_object_get_object_member (golden.root,
          kind), name);
}

static void
check_refused (gboolean ok, GError ** error, const char *reason)
{
  g_assert_false (ok);
  g_assert_error (*error, VLDM_ERROR, VLDM_ERROR_SETTINGS);
  if (strstr ((*error)->message, reason) == NULL)
    g_error ("\"%s\" does not say \"%s\"", (*error)->message, reason);
  g_clear_error (error);
}

static void
check_settings (void)
{
  g_autoptr (GError) error = NULL;
  JsonObject *run_case = find_case ("upsample", "x4_tiles");
  char *folder = upsample_model_write (&golden, tokenizer_folder, run_case);
  g_autoptr (VldmModel) model =
      vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  VldmUpsampleParams params;
  guint scale, channels, width, height, size, overlap;

  g_assert_no_error (error);
  params = make_params (run_case, model);
  g_assert_true (vldm_upsample_check (model, &params, NULL));
  params.noise_level = 51;
  check_refused (vldm_upsample_check (model, &params, &error), &error,
      "noise-level is 51; must be 0 to 50");
  params.noise_level = 50;
  params.tile_size = 7;
  check_refused (vldm_upsample_check (model, &params, &error), &error,
      "tile-size is 7; must be 8 to");
  params.tile_size = 16;
  params.tile_overlap = 9;
  check_refused (vldm_upsample_check (model, &params, &error), &error,
      "tile-overlap is 9; must be 0 to 8");
  check_refused (vldm_upsample_windows (model, 8, 5, &params.windows, &error),
      &error, "overlap of windows is 5; must be 0 to 4");
  check_refused (vldm_upsample_windows (model, 0, 0, &params.windows, &error),
      &error, "frames of a window is 0; must be 1 to");
  check_refused (vldm_upsample_shape (model, 0, 8, &scale, &channels, &width,
          &height, &error), &error, "width is 0");

  /* what fits into memory is one tile */
  params = make_params (run_case, model);
  params.tile_size = 0;
  vldm_upsample_tiles (model, &params, 37, 21, &size, &overlap, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (size, ==, 40);
  golden_remove_folder (folder);
}

static void
check_max_noise_level (const char *index, guint expected)
{
  g_autoptr (GError) error = NULL;
  char *folder =
      upsample_model_write (&golden, tokenizer_folder, find_case ("upsample",
          "native_field"));
  g_autofree char *path = g_build_filename (folder, "model_index.json", NULL);
  g_autoptr (VldmModel) model = NULL;
  guint level;

  g_assert_true (g_file_set_contents (path, index, -1, NULL));
  model = vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  g_assert_no_error (error);
  g_assert_true (vldm_model_max_noise_level (model, &level, &error));
  g_assert_cmpuint (level, ==, expected);
  golden_remove_folder (folder);
}

/* Where config.json does not say. */
static void
check_max_noise_levels (void)
{
  check_max_noise_level ("{}", 350);
  check_max_noise_level ("{\"max_noise_level\": 120}", 120);
}

/* A tile as large as the field, or larger, is the whole field at once, bit by bit. */
static void
check_one_tile (void)
{
  g_autoptr (GError) error = NULL;
  JsonObject *run_case = find_case ("upsample", "native_field");
  char *folder = upsample_model_write (&golden, tokenizer_folder, run_case);
  g_autoptr (VldmModel) model =
      vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  g_autoptr (VldmUpsample) upsample = NULL;
  VldmUpsampleParams params;
  const guint tile_sizes[] = { 0, 10, 64 };
  const VldmUpsampleWindow alone = { 0 };
  g_auto (VldmFrames) rgb = { 0 }, whole = { 0 }, tile = { 0 };

  g_assert_no_error (error);
  params = make_params (run_case, model);
  upsample = vldm_upsample_new (model, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, 2, 3, 7, 9, NULL));
  g_assert_true (vldm_frames_init (&whole, VLDM_FORMAT_F32LE, 2, 4, 8, 10,
          NULL));
  g_assert_true (vldm_frames_init (&tile, VLDM_FORMAT_F32LE, 2, 4, 8, 10,
          NULL));
  for (guint f = 0; f < 2; f++)
    fill_picture (vldm_frames_host (&rgb, f), f, 7, 9);
  for (guint i = 0; i < G_N_ELEMENTS (tile_sizes); i++) {
    params.tile_size = tile_sizes[i];
    params.tile_overlap = tile_sizes[i] / 4;
    vldm_upsample_run (upsample, &params, &alone, &rgb, i == 0 ? &whole : &tile,
        NULL, NULL, &error);
    g_assert_no_error (error);
    if (i > 0)
      g_assert_cmpmem (tile.host, vldm_frames_size (&tile), whole.host,
          vldm_frames_size (&whole));
  }
  g_clear_pointer (&upsample, vldm_upsample_free);
  golden_remove_folder (folder);
}

/* Blending needs a window before; the caller's memory must fit. */
static void
check_misuse (void)
{
  g_autoptr (GError) error = NULL;
  JsonObject *run_case = find_case ("upsample", "native_field");
  char *folder = upsample_model_write (&golden, tokenizer_folder, run_case);
  g_autoptr (VldmModel) model =
      vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  g_autoptr (VldmUpsample) upsample = NULL;
  const VldmUpsampleWindow alone = { 0 }, odd = {.shared = 1 };
  const VldmUpsampleWindow blend = {.shared = 2,.blend = TRUE };
  VldmUpsampleParams params;
  g_auto (VldmFrames) rgb = { 0 }, latents = { 0 }, small = { 0 };

  g_assert_no_error (error);
  params = make_params (run_case, model);
  params.sampling.steps = 1;
  upsample = vldm_upsample_new (model, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, 3, 3, 7, 9, NULL));
  g_assert_true (vldm_frames_init (&latents, VLDM_FORMAT_F16LE, 3, 4, 8, 10,
          NULL));
  g_assert_true (vldm_frames_init (&small, VLDM_FORMAT_F32LE, 3, 4, 7, 9,
          NULL));
  check_refused (vldm_upsample_run (upsample, &params, &blend, &rgb, &latents,
          NULL, NULL, &error), &error, "no 2 frames of the window before");
  check_refused (vldm_upsample_run (upsample, &params, &odd, &rgb, &latents,
          NULL, NULL, &error), &error, "it shares 0 or 2");
  check_refused (vldm_upsample_run (upsample, &params, &alone, &rgb, &small,
          NULL, NULL, &error), &error, "it needs 1 to 3 of [4, 8, 10]");
  check_refused (vldm_upsample_run (upsample, &params, &alone, &rgb, NULL,
          NULL, NULL, &error), &error, "gives 0");
  vldm_upsample_run (upsample, &params, &alone, &rgb, &latents, NULL, NULL,
      &error);
  g_assert_no_error (error);
  g_clear_pointer (&upsample, vldm_upsample_free);
  golden_remove_folder (folder);
}

/* ---- bounds of the device's memory ---- */

typedef struct
{
  OclDevice *device;
  guint64 peak;
} Watch;

static gboolean
watch_memory (VldmActivity activity, guint done, guint total, gpointer data)
{
  Watch *watch = data;

  watch->peak = MAX (watch->peak, ocl_device_bytes_allocated (watch->device));
  return TRUE;
}

/* The most that the device held while it upsampled @count frames of @width x @height in the tiles of @params. */
static guint64
peak_of (VldmUpsample * upsample, const VldmUpsampleParams * params,
    guint count, guint width, guint height)
{
  g_autoptr (GError) error = NULL;
  const VldmUpsampleWindow alone = { 0 };
  Watch watch = { golden.device, 0 };
  const VldmProgress progress = {.progress = watch_memory,.user_data = &watch };
  g_auto (VldmFrames) rgb = { 0 }, latents = { 0 };

  vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, count, 3, height, width, &error);
  g_assert_no_error (error);
  vldm_frames_init (&latents, VLDM_FORMAT_F32LE, count, 4, height, width,
      &error);
  g_assert_no_error (error);
  vldm_upsample_run (upsample, params, &alone, &rgb, &latents, NULL, &progress,
      &error);
  g_assert_no_error (error);
  g_test_message ("%u frames of %u x %u: %" G_GUINT64_FORMAT
      " bytes on the device", count, width, height, watch.peak);
  return watch.peak;
}

/* With a fixed size of tiles, larger pictures need no more of it. */
static void
check_peaks (guint count, guint tile_size, guint width, guint height)
{
  g_autoptr (GError) error = NULL;
  JsonObject *run_case = find_case ("upsample", "native_field");
  char *folder = upsample_model_write (&golden, tokenizer_folder, run_case);
  g_autoptr (VldmModel) model =
      vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  g_autoptr (VldmUpsample) upsample = NULL;
  VldmUpsampleParams params;
  guint64 peak;

  g_assert_no_error (error);
  params = make_params (run_case, model);
  params.windows.size = count;
  params.windows.overlap = 0;
  params.sampling.steps = 1;
  params.sampling.guidance_scale = 1.0;
  params.tile_size = tile_size;
  params.tile_overlap = 0;
  upsample = vldm_upsample_new (model, NULL, &error);
  g_assert_no_error (error);
  /* One of the fields alone takes more than what the arena rounds up to. */
  peak = peak_of (upsample, &params, count, 256, 256);
  g_assert_cmpuint (peak_of (upsample, &params, count, width, height), <=,
      peak);
  g_clear_pointer (&upsample, vldm_upsample_free);
  golden_remove_folder (folder);
}

static void
check_bounds (void)
{
  check_peaks (1, 64, 1024, 512);
}

/* What becomes 4096 x 2048. */
static void
check_large_window (void)
{
  check_peaks (8, 128, 1024, 512);
}

/* Where a model has no upsampler. */
static void
check_absent (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_new_folder ();
  g_autoptr (VldmModel) model =
      vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  VldmUpsampleParams params;

  g_assert_no_error (error);
  g_assert_false (vldm_upsample_defaults (model, &params, &error));
  g_assert_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "\"upsampler\""));
  golden_remove_folder (folder);
}

/* A device that, as a rule of vldm/memory.h, lets a call take @share. */
static OclDevice *
open_device_of (guint64 share)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *memory = g_strdup_printf ("%" G_GUINT64_FORMAT, 4 * share);
  OclDevice *device;

  g_setenv ("VLDM_MEMORY", memory, TRUE);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_unsetenv ("VLDM_MEMORY");
  g_assert_no_error (error);
  g_assert_cmpuint (vldm_memory_share (device), ==, share);
  return device;
}

/* What a call for two prompts takes of a device that has the share of @frames frames, each prompt's being 2; no more than
 * that, and it is not far above. */
static guint64
check_memory_of (const char *folder, const VldmUnetConfig * config,
    guint frames)
{
  g_autoptr (GError) error = NULL;
  guint64 largest, before, taken, estimate = vldm_unet_bytes (config, OCL_F32,
      frames, 120, 136, &largest);
  g_autoptr (OclDevice) device = open_device_of (estimate);
  g_autoptr (VldmUnet) unet =
      vldm_unet_load (device, OCL_F32, folder, NULL, NULL, &error);
  g_autoptr (OclQueue) queue = ocl_queue_new (device, &error);
  g_autoptr (VldmUnetContext) context = NULL;
  const VldmUnetContext *contexts[2];
  g_autofree gfloat *zeros = NULL;
  const gfloat time_ids[3] = { 1.0f };
  const VldmUnetCall call = { 2, contexts, 1.0f, time_ids };
  OclTensor text, sample, output;

  g_assert_no_error (error);
  zeros = g_new0 (gfloat, MAX (77 * config->cross_attention_dim[0],
          2 * 120 * 136 * config->in_channels));
  ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 77,
          config->cross_attention_dim[0]), &text, &error);
  ocl_tensor_write (queue, &text, zeros, &error);
  context = vldm_unet_context_new (unet, queue, 2, &text, &text, &error);
  g_assert_no_error (error);
  ocl_tensor_alloc (queue, OCL_F32, ocl_shape (2, 120, 136,
          config->in_channels), &sample, &error);
  ocl_tensor_alloc (queue, OCL_F32, ocl_shape (4, 120, 136,
          config->out_channels), &output, &error);
  ocl_tensor_write (queue, &sample, zeros, &error);
  g_assert_no_error (error);
  contexts[0] = contexts[1] = context;
  before = ocl_device_bytes_allocated (device);
  vldm_unet_run (unet, queue, &call, &sample, &output, &error);
  g_assert_no_error (error);
  ocl_queue_finish (queue, &error);
  taken = ocl_device_bytes_allocated (device) - before;
  g_test_message ("%" G_GUINT64_FORMAT " bytes taken, %" G_GUINT64_FORMAT
      " estimated", taken, estimate);
  g_assert_cmpuint (taken, <=, estimate);
  g_assert_cmpuint (taken, >=, estimate / 3);
  g_assert_cmpuint (largest, <=, estimate);
  return taken;
}

/* vldm_unet_bytes is what automatic tiles rely on: never less than a call takes, and not far above it. Two prompts run
 * together where there is memory for that, else one after the other. */
static void
check_memory (const char *name)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_write_network (&golden, find_case ("unet", name));
  g_autofree VldmUnetConfig *config = vldm_unet_config_load (folder, &error);
  guint64 apart, together;

  g_assert_no_error (error);
  apart = check_memory_of (folder, config, 2);
  together = check_memory_of (folder, config, 4);
  golden_remove_folder (folder);
  g_assert_cmpuint (together, >, apart + apart / 2);
}

/* The last test: a process has one device of a kind, and here it is another. */
static void
check_estimates (void)
{
  g_clear_pointer (&golden.queue, ocl_queue_free);
  g_clear_pointer (&golden.device, ocl_device_unref);
  check_memory ("x4_1");
  check_memory ("native7_3");
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  tokenizer_folder = g_build_filename (argv[2], "tokenizer", NULL);
  golden_open (&golden, argv[1]);
  g_test_add_func ("/upsample/golden", check_all);
  g_test_add_func ("/upsample/settings", check_settings);
  g_test_add_func ("/upsample/max-noise-level", check_max_noise_levels);
  g_test_add_func ("/upsample/one-tile", check_one_tile);
  g_test_add_func ("/upsample/misuse", check_misuse);
  g_test_add_func ("/upsample/bounds", check_bounds);
  if (g_test_slow ())
    g_test_add_func ("/upsample/large", check_large_window);
  g_test_add_func ("/upsample/absent", check_absent);
  g_test_add_func ("/upsample/memory", check_estimates);
  failed = g_test_run ();
  golden_clear (&golden);
  return failed;
}
