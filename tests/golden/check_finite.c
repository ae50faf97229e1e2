/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers that are not finite: every stage ends with one error that names who made them, and what overflows in half precision
 * runs again in fp32 where the user left the precision open. The model is the default one beside an upsampler of drawn
 * weights, each time with one tensor changed.
 * Arguments: the folder of the upsamplers' golden.json, the default model's.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "opencl/runtime/device_private.h"
#include "upsample_model.h"
#include "vldm/stages/decode.h"
#include "vldm/stages/encode.h"
#include "vldm/stages/interpolate.h"
#include "vldm/stages/keyframes.h"
#include "vldm/stages/upsample.h"

/* Makes activations too large for half precision, but not for single; norms take it out again. */
#define LARGE_FACTOR 0x1p17f

/* Sums of a few such numbers have no room in single precision. */
#define HUGE_NUMBER 3e38f

#define LATENT_WIDTH 8
#define LATENT_HEIGHT 4
#define FRAMES 2

static Golden golden;
static const char *drive;

/* ---- models ---- */

static gfloat
change (gfloat number, gfloat factor)
{
  return factor == HUGE_NUMBER ? HUGE_NUMBER : number * factor;
}

/* Every number of the tensor times @factor, or HUGE_NUMBER; those in half precision become bf16, which has room for them. */
static void
change_tensor (const char *path, const char *tensor, gfloat factor)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree char *contents = NULL, *text = NULL;
  guint64 length;
  gsize size;
  JsonObject *entry;
  JsonArray *offsets;
  guint8 *data, *end;

  g_file_get_contents (path, &contents, &size, &error);
  g_assert_no_error (error);
  memcpy (&length, contents, sizeof length);
  length = GUINT64_FROM_LE (length);
  json_parser_load_from_data (parser, contents + sizeof length, length, &error);
  g_assert_no_error (error);
  entry = json_object_get_object_member (json_node_get_object
      (json_parser_get_root (parser)), tensor);
  g_assert_nonnull (entry);
  offsets = json_object_get_array_member (entry, "data_offsets");
  data = (guint8 *) contents + sizeof length + length;
  end = data + json_array_get_int_element (offsets, 1);
  data += json_array_get_int_element (offsets, 0);

  if (g_str_equal (json_object_get_string_member (entry, "dtype"), "F32")) {
    for (gfloat number; data < end; data += sizeof number) {
      memcpy (&number, data, sizeof number);
      number = change (number, factor);
      memcpy (data, &number, sizeof number);
    }
  } else {
    json_object_set_string_member (entry, "dtype", "BF16");
    for (guint16 half; data < end; data += sizeof half) {
      memcpy (&half, data, sizeof half);
      half = ocl_bf16_from_float (change (ocl_float_from_half (half), factor));
      memcpy (data, &half, sizeof half);
    }
  }

  text = json_to_string (json_parser_get_root (parser), FALSE);
  data = (guint8 *) contents + sizeof length + length;
  size -= sizeof length + length;
  length = GUINT64_TO_LE (strlen (text));
  g_byte_array_append (file, (guint8 *) & length, sizeof length);
  g_byte_array_append (file, (guint8 *) text, strlen (text));
  g_byte_array_append (file, data, size);
  g_file_set_contents (path, (char *) file->data, file->len, &error);
  g_assert_no_error (error);
}

/* A link to the default model's component becomes a copy of its own. */
static void
own_component (const char *model, const char *component, const char *base)
{
  g_autofree char *folder = g_build_filename (model, component, NULL);
  const char *files[] = { "config.json", base };

  if (!g_file_test (folder, G_FILE_TEST_IS_SYMLINK))
    return;
  g_assert_cmpint (unlink (folder), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *from = g_build_filename (drive, component, files[i], NULL);
    g_autofree char *to = g_build_filename (folder, files[i], NULL);
    g_autofree char *contents = NULL;
    gsize size;

    g_file_get_contents (from, &contents, &size, &error);
    g_assert_no_error (error);
    g_file_set_contents (to, contents, size, &error);
    g_assert_no_error (error);
  }
}

/* Autoencoders of the public upscaler's kind run in fp32 unless their configuration says that they need not. */
static void
allow_half (const char *model, const char *component)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_build_filename (model, component, NULL);
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (JsonObject) config = vldm_json_load (path, &error);

  g_assert_no_error (error);
  json_object_set_boolean_member (config, "force_upcast", FALSE);
  golden_write_json (folder, "config.json", config);
}

/* golden_remove_folder it. */
static char *
new_model (const char *component, const char *tensor, gfloat factor)
{
  g_autofree char *tokenizer = g_build_filename (drive, "tokenizer", NULL);
  JsonObject *cases = json_object_get_object_member (golden.root, "upsample");
  char *model = upsample_model_write (&golden, tokenizer,
      json_object_get_object_member (cases, "native_field"));
  const char *base = g_str_has_suffix (component, "text_encoder")
      ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
  g_autofree char *path = g_build_filename (model, component, base, NULL);

  upsample_model_complete (model, drive);
  own_component (model, component, base);
  change_tensor (path, tensor, factor);
  if (g_str_has_suffix (component, "vae"))
    allow_half (model, component);
  return model;
}

/* ---- stages ---- */

/* Runs a stage of @model twice; *result gets what came out last. */
typedef gboolean (*StageFunc) (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error);

static void
init_latents (VldmFrames * latents, VldmFormat format, guint count)
{
  g_autoptr (GError) error = NULL;
  gsize n;

  vldm_frames_init (latents, format, count, 4, LATENT_HEIGHT, LATENT_WIDTH,
      &error);
  g_assert_no_error (error);
  n = count * 4 * LATENT_HEIGHT * LATENT_WIDTH;
  for (gsize i = 0; i < n; i++) {
    gfloat number = (i * 37 % 101) / 50.0f - 1.0f;

    if (format == VLDM_FORMAT_F16LE)
      ((guint16 *) latents->host)[i] = ocl_half_from_float (number);
    else
      ((gfloat *) latents->host)[i] = number;
  }
}

static void
init_rgb (VldmFrames * rgb, guint height, guint width)
{
  g_autoptr (GError) error = NULL;

  vldm_frames_init (rgb, VLDM_FORMAT_RGB8, FRAMES, 3, height, width, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < vldm_frames_size (rgb); i++)
    rgb->host[i] = i * 37;
}

static void
make_quick (VldmSampling * sampling)
{
  sampling->steps = 1;
  sampling->guidance_scale = 1.0;
}

static gboolean
run_decode (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error)
{
  g_autoptr (VldmDecode) decode =
      vldm_decode_new (model, VLDM_LATENTS_VAE, progress, error);
  g_auto (VldmFrames) latents = { 0 };
  VldmDecodeParams params = {.width = 8 * LATENT_WIDTH,.height =
        8 * LATENT_HEIGHT
  };

  init_latents (&latents, VLDM_FORMAT_F32LE, FRAMES);
  init_rgb (result, params.height, params.width);
  return decode != NULL
      && vldm_decode_run (decode, &params, &latents, result, progress, error)
      && vldm_decode_run (decode, &params, &latents, result, progress, error);
}

static gboolean
run_encode (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error)
{
  g_autoptr (VldmEncode) encode = vldm_encode_new (model, progress, error);
  g_auto (VldmFrames) rgb = { 0 };

  init_rgb (&rgb, 8 * LATENT_HEIGHT, 8 * LATENT_WIDTH);
  init_latents (result, VLDM_FORMAT_F32LE, FRAMES);
  return encode != NULL
      && vldm_encode_run (encode, &rgb, result, progress, error)
      && vldm_encode_run (encode, &rgb, result, progress, error);
}

static gboolean
run_keyframes (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error)
{
  g_autoptr (VldmKeyframes) keyframes =
      vldm_keyframes_new (model, progress, error);
  VldmKeyframesParams params;
  gint fps_n, fps_d;

  init_latents (result, VLDM_FORMAT_F32LE, FRAMES);
  if (keyframes == NULL
      || !vldm_keyframes_defaults (model, &params, &fps_n, &fps_d, error))
    return FALSE;
  make_quick (&params.sampling);
  params.frames = FRAMES;
  params.width = 8 * LATENT_WIDTH;
  params.height = 8 * LATENT_HEIGHT;
  return vldm_keyframes_run (keyframes, &params, NULL, result, progress, error)
      && vldm_keyframes_run (keyframes, &params, NULL, result, progress, error);
}

static gboolean
run_interpolate (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error)
{
  g_autoptr (VldmInterpolate) interpolate =
      vldm_interpolate_new (model, progress, error);
  g_auto (VldmFrames) ends = { 0 };
  VldmInterpolateParams params;
  guint factor;

  init_latents (&ends, VLDM_FORMAT_F32LE, 2);
  init_latents (result, VLDM_FORMAT_F32LE, FRAMES);
  if (interpolate == NULL
      || !vldm_interpolate_defaults (model, &params, &factor, error))
    return FALSE;
  make_quick (&params.sampling);
  params.fps = 7.5;
  return vldm_interpolate_run (interpolate, &params, &ends, result, progress,
      error)
      && vldm_interpolate_run (interpolate, &params, &ends, result, progress,
      error);
}

static gboolean
run_upsample (VldmModel * model, const VldmProgress * progress,
    VldmFrames * result, GError ** error)
{
  const VldmUpsampleWindow window = { 0 };
  g_autoptr (VldmUpsample) upsample =
      vldm_upsample_new (model, progress, error);
  g_auto (VldmFrames) rgb = { 0 };
  VldmUpsampleParams params;

  init_rgb (&rgb, LATENT_HEIGHT, LATENT_WIDTH);
  init_rgb (result, 4 * LATENT_HEIGHT, 4 * LATENT_WIDTH);
  if (upsample == NULL || !vldm_upsample_defaults (model, &params, error))
    return FALSE;
  make_quick (&params.sampling);
  return vldm_upsample_run (upsample, &params, &window, &rgb, NULL, result,
      progress, error)
      && vldm_upsample_run (upsample, &params, &window, &rgb, NULL, result,
      progress, error);
}

/* ---- what they make ---- */

static void
check_says (const GError * error, VldmError code, const char *name,
    const char *component, const char *cause)
{
  const char *const parts[] = { name, component, cause };

  g_assert_error (error, VLDM_ERROR, (gint) code);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++) {
    if (strstr (error->message, parts[i]) == NULL)
      g_error ("\"%s\" does not say \"%s\"", error->message, parts[i]);
  }
}

static guint n_warnings;

static void
count_warning (const char *message, gpointer component)
{
  if (strstr (message, component) == NULL
      || strstr (message, "overflows in half precision") == NULL)
    g_error ("an unexpected warning: %s", message);
  n_warnings++;
}

/* One run on a device that is taken for a GPU, whose networks store half precision unless asked otherwise. */
static gboolean
run_on_gpu (const char *folder, const char *component, VldmPrecision precision,
    StageFunc run, VldmFrames * result, GError ** error)
{
  const VldmProgress progress = {.warn = count_warning,.user_data =
        (gpointer) component
  };
  gboolean is_cpu = golden.device->caps.is_cpu;
  g_autoptr (VldmModel) model = NULL;
  gboolean done;

  n_warnings = 0;
  golden.device->caps.is_cpu = FALSE;
  model = vldm_model_new (folder, golden.device, precision, error);
  g_assert_nonnull (model);
  g_assert_cmpint (vldm_model_type (model), ==,
      precision == VLDM_PRECISION_F32 ? OCL_F32 : OCL_F16);
  done = run (model, &progress, result, error);
  golden.device->caps.is_cpu = is_cpu;
  return done;
}

/* Too large for single precision. */
static void
check_huge (void)
{
  static const struct
  {
    const char *component, *tensor;
    StageFunc run;
    const char *name;
  } cases[] = {
    {"text_encoder", "text_model.final_layer_norm.weight", run_keyframes,
        "the text encoder"},
    {"text_encoder", "text_model.final_layer_norm.weight", run_interpolate,
        "the text encoder"},
    {"unet", "conv_out.weight", run_keyframes, "the key frame network"},
    {"interpolator", "conv_out.weight", run_interpolate,
        "the interpolation network"},
    {"upsampler_text_encoder", "final_layer_norm.weight",
        run_upsample, "the text encoder"},
    {"upsampler", "conv_out.weight", run_upsample, "the upsampler"},
    {"upsampler_vae", "decoder.conv_out.weight", run_upsample, "the decoder"},
    {"vae", "decoder.conv_out.weight", run_decode, "the decoder"},
    {"vae", "encoder.conv_out.weight", run_encode, "the encoder"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    char *folder = new_model (cases[i].component, cases[i].tensor, HUGE_NUMBER);
    g_autoptr (GError) error = NULL;
    g_auto (VldmFrames) result = { 0 };

    g_test_message ("%s of %s", cases[i].tensor, cases[i].component);
    g_assert_false (run_on_gpu (folder, cases[i].component, VLDM_PRECISION_F32,
            cases[i].run, &result, &error));
    check_says (error, VLDM_ERROR_MODEL, cases[i].name, cases[i].component,
        "single precision");
    golden_remove_folder (folder);
  }
}

/* Too large for half precision: UNets and text encoders need to be told, as autoencoders do where the user chose. */
static void
check_half (void)
{
  static const struct
  {
    const char *component, *tensor;
    StageFunc run;
    const char *name;
    gboolean recovers;
  } cases[] = {
    {"unet", "conv_in.weight", run_keyframes, "the key frame network", FALSE},
    {"upsampler_vae", "decoder.conv_in.weight", run_upsample, "the decoder",
        TRUE},
    {"vae", "decoder.conv_in.weight", run_decode, "the decoder", TRUE},
    {"vae", "encoder.conv_in.weight", run_encode, "the encoder", TRUE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *component = cases[i].component;
    char *folder = new_model (component, cases[i].tensor, LARGE_FACTOR);
    g_autoptr (GError) error = NULL, chosen = NULL;
    g_auto (VldmFrames) single = { 0 }, half = { 0 }, open = { 0 };
    gboolean done;

    g_test_message ("%s of %s", cases[i].tensor, component);
    run_on_gpu (folder, component, VLDM_PRECISION_F32, cases[i].run, &single,
        &error);
    g_assert_no_error (error);
    g_assert_false (run_on_gpu (folder, component, VLDM_PRECISION_F16,
            cases[i].run, &half, &chosen));
    check_says (chosen, VLDM_ERROR_SETTINGS, cases[i].name, component,
        "precision=f32");
    g_assert_cmpuint (n_warnings, ==, 0);

    done = run_on_gpu (folder, component, VLDM_PRECISION_AUTO, cases[i].run,
        &open, &error);
    g_assert_cmpint (done, ==, cases[i].recovers);
    if (done) {
      g_assert_no_error (error);
      g_assert_cmpuint (n_warnings, ==, 1);
    } else {
      check_says (error, VLDM_ERROR_SETTINGS, cases[i].name, component,
          "precision=f32");
    }
    /* what other networks of the stage make differs between half and single */
    if (done && cases[i].run != run_upsample)
      g_assert_cmpmem (open.host, vldm_frames_size (&open), single.host,
          vldm_frames_size (&single));
    golden_remove_folder (folder);
  }
}

/* ---- what comes in ---- */

/* One number of the last of @latents, in channel 2, row 3 and column 5. */
static void
spoil (VldmFrames * latents, gfloat number)
{
  gsize place = (2 * LATENT_HEIGHT + 3) * LATENT_WIDTH + 5;
  guint8 *frame = vldm_frames_host (latents, latents->count - 1);

  if (latents->format == VLDM_FORMAT_F16LE)
    ((guint16 *) frame)[place] = ocl_half_from_float (number);
  else
    ((gfloat *) frame)[place] = number;
}

static void
check_decode_in (VldmModel * model, const VldmFrames * latents)
{
  g_autoptr (GError) error = NULL, refused = NULL;
  g_autoptr (VldmDecode) decode =
      vldm_decode_new (model, VLDM_LATENTS_VAE, NULL, &error);
  VldmDecodeParams params = {.width = 8 * LATENT_WIDTH,.height =
        8 * LATENT_HEIGHT
  };
  g_auto (VldmFrames) rgb = { 0 };

  g_assert_no_error (error);
  init_rgb (&rgb, params.height, params.width);
  g_assert_false (vldm_decode_run (decode, &params, latents, &rgb, NULL,
          &refused));
  check_says (refused, VLDM_ERROR_INPUT, "latents that came in",
      "channel 2, row 3, column 5", "frame 1 of 2");
}

static void
check_interpolate_in (VldmModel * model, const VldmFrames * ends)
{
  g_autoptr (GError) error = NULL, refused = NULL;
  g_autoptr (VldmInterpolate) interpolate =
      vldm_interpolate_new (model, NULL, &error);
  g_auto (VldmFrames) inner = { 0 };
  VldmInterpolateParams params;
  guint factor;

  g_assert_no_error (error);
  init_latents (&inner, ends->format, 3);
  vldm_interpolate_defaults (model, &params, &factor, &error);
  g_assert_no_error (error);
  params.fps = 7.5;
  g_assert_false (vldm_interpolate_run (interpolate, &params, ends, &inner,
          NULL, &refused));
  check_says (refused, VLDM_ERROR_INPUT, "latents that came in",
      "channel 2, row 3, column 5", "frame 1 of 2");
}

static void
check_keyframes_in (VldmModel * model, const VldmFrames * context)
{
  g_autoptr (GError) error = NULL, refused = NULL;
  g_autoptr (VldmKeyframes) keyframes =
      vldm_keyframes_new (model, NULL, &error);
  g_auto (VldmFrames) out = { 0 };
  VldmKeyframesParams params;
  gint fps_n, fps_d;

  g_assert_no_error (error);
  init_latents (&out, context->format, 3);
  vldm_keyframes_defaults (model, &params, &fps_n, &fps_d, &error);
  g_assert_no_error (error);
  params.frames = 3;
  params.width = 8 * LATENT_WIDTH;
  params.height = 8 * LATENT_HEIGHT;
  g_assert_false (vldm_keyframes_run (keyframes, &params, context, &out, NULL,
          &refused));
  check_says (refused, VLDM_ERROR_INPUT, "latents that came in",
      "channel 2, row 3, column 5", "frame 1 of 2");
}

static void
check_in (void)
{
  static const gfloat numbers[] = { NAN, INFINITY, -INFINITY };
  static const VldmFormat formats[] = { VLDM_FORMAT_F32LE, VLDM_FORMAT_F16LE };
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmModel) model =
      vldm_model_new (drive, golden.device, VLDM_PRECISION_F32, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
      g_auto (VldmFrames) latents = { 0 };

      init_latents (&latents, formats[f], FRAMES);
      spoil (&latents, numbers[i]);
      check_decode_in (model, &latents);
      check_interpolate_in (model, &latents);
      check_keyframes_in (model, &latents);
    }
  }
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  golden_open (&golden, argv[1]);
  drive = argv[2];
  g_test_add_func ("/finite/huge", check_huge);
  g_test_add_func ("/finite/half", check_half);
  g_test_add_func ("/finite/in", check_in);
  failed = g_test_run ();
  golden_clear (&golden);
  return failed;
}
