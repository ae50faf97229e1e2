/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The default model against diffusers and transformers, part by part and as the stages run it: token ids, text, one
 * UNet call, the latents of a whole default run, and their pictures.
 */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "vldm/networks/autoencoder.h"
#include "vldm/networks/text_encoder.h"
#include "vldm/networks/unet.h"
#include "vldm/stages/decode.h"
#include "vldm/stages/keyframes.h"
#include "vldm/text/tokenizer.h"

#define TOKENS 77

/* An 8-bit level, where an error of GOLDEN_CALL meets a boundary of rounding. */
#define RGB_TOLERANCE 1

static Golden golden;
static JsonObject *drive;       /* the case in golden.json */
static VldmModel *model;

static void
check_tokens (void)
{
  g_autoptr (GError) error = NULL;
  VldmTokenizer *tokenizer = vldm_model_tokenizer (model, &error);
  JsonArray *expected = json_object_get_array_member (drive, "ids");
  guint32 ids[TOKENS];

  g_assert_no_error (error);
  vldm_tokenizer_encode (tokenizer, json_object_get_string_member (drive,
          "prompt"), TOKENS, ids, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < TOKENS; i++)
    g_assert_cmpuint (ids[i], ==, json_array_get_int_element (expected, i));
}

/* The prompt's embedding, in the queue's arena. */
static OclTensor
encode_text (void)
{
  g_autoptr (GError) error = NULL;
  VldmTextEncoder *encoder = vldm_model_text_encoder (model, NULL, &error);
  JsonArray *list = json_object_get_array_member (drive, "ids");
  guint32 ids[TOKENS];
  OclTensor text;

  g_assert_no_error (error);
  for (guint i = 0; i < TOKENS; i++)
    ids[i] = json_array_get_int_element (list, i);
  ocl_tensor_alloc (golden.queue, OCL_F32, ocl_shape (1, 1, TOKENS,
          vldm_text_encoder_config (encoder)->hidden_size), &text, &error);
  g_assert_no_error (error);
  vldm_text_encoder_run (encoder, golden.queue, ids, TOKENS, &text, &error);
  g_assert_no_error (error);
  return text;
}

static void
check_text (void)
{
  g_autoptr (GError) error = NULL;
  OclTensor text = encode_text ();
  gsize n = ocl_tensor_pixels (&text) * text.channels;
  g_autofree gfloat *values = g_new (gfloat, n);

  ocl_tensor_read (golden.queue, &text, values, &error);
  g_assert_no_error (error);
  golden_compare (&golden, drive, "drive_text", values, n, GOLDEN_CALL);
}

static void
check_unet (void)
{
  g_autoptr (GError) error = NULL;
  VldmUnet *unet = vldm_model_unet (model, NULL, &error);
  guint frames = golden_uint (drive, "frames");
  guint height = golden_uint (drive, "height");
  guint width = golden_uint (drive, "width");
  gsize pixels = (gsize) frames * height * width;
  gfloat fps = json_object_get_double_member (drive, "fps");
  OclTensor text = encode_text ();
  g_autoptr (VldmUnetContext) context = NULL;
  g_autofree gfloat *noise = golden_randn (GOLDEN_SEED_SAMPLE, pixels * 9);
  g_autofree gfloat *values = NULL;
  const VldmUnetContext *only;
  const VldmUnetCall call = { 1, &only, golden_uint (drive, "timestep"), &fps };
  OclTensor sample, output;

  g_assert_no_error (error);
  context =
      vldm_unet_context_new (unet, golden.queue, frames, &text, &text, &error);
  g_assert_no_error (error);
  sample = golden_upload (&golden, OCL_F32, frames, 9, height, width, noise);
  ocl_tensor_alloc (golden.queue, OCL_F32, ocl_shape (frames, height, width, 4),
      &output, &error);
  g_assert_no_error (error);
  only = context;
  vldm_unet_run (unet, golden.queue, &call, &sample, &output, &error);
  g_assert_no_error (error);
  values = golden_download (&golden, &output);
  golden_compare (&golden, drive, "drive_unet", values, pixels * 4,
      GOLDEN_CALL);
}

static void
check_keyframes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmKeyframes) keyframes =
      vldm_keyframes_new (model, NULL, &error);
  guint frames = golden_uint (drive, "frames");
  guint height = golden_uint (drive, "height");
  guint width = golden_uint (drive, "width");
  g_auto (VldmFrames) latents = { 0 };
  VldmKeyframesParams params;
  gint fps_n, fps_d;

  g_assert_no_error (error);
  /* the numbers in golden.json are those of the model's videoldm.json */
  vldm_keyframes_defaults (model, &params, &fps_n, &fps_d, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (params.sampling.steps, ==, golden_uint (drive, "steps"));
  g_assert_cmpuint (params.frames, ==, frames);
  params.sampling.prompt = json_object_get_string_member (drive, "prompt");
  params.sampling.seed = golden_uint (drive, "seed");
  vldm_frames_init (&latents, VLDM_FORMAT_F32LE, frames, 4, height, width,
      &error);
  g_assert_no_error (error);
  vldm_keyframes_run (keyframes, &params, NULL, &latents, NULL, &error);
  g_assert_no_error (error);
  golden_compare (&golden, drive, "drive_latents",
      (const gfloat *) vldm_frames_host (&latents, 0),
      vldm_frames_size (&latents) / sizeof (gfloat), GOLDEN_RUN);
}

/* A window of @frames small frames, two steps. */
static gfloat *
make_small_window (VldmKeyframes * keyframes, guint frames)
{
  g_autoptr (GError) error = NULL;
  g_auto (VldmFrames) latents = { 0 };
  VldmKeyframesParams params;
  gint fps_n, fps_d;

  vldm_keyframes_defaults (model, &params, &fps_n, &fps_d, &error);
  g_assert_no_error (error);
  params.frames = frames;
  params.width = params.height = 32;
  params.sampling.steps = 2;
  params.sampling.prompt = json_object_get_string_member (drive, "prompt");
  vldm_frames_init (&latents, VLDM_FORMAT_F32LE, frames, 4, 4, 4, &error);
  g_assert_no_error (error);
  vldm_keyframes_run (keyframes, &params, NULL, &latents, NULL, &error);
  g_assert_no_error (error);
  return g_memdup2 (vldm_frames_host (&latents, 0),
      vldm_frames_size (&latents));
}

/* What is kept from window to window changes none of them. */
static void
check_lengths (void)
{
  static const guint lengths[] = { 3, 8, 5, 5 };
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmKeyframes) kept = vldm_keyframes_new (model, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autoptr (VldmKeyframes) fresh = vldm_keyframes_new (model, NULL, &error);
    g_autofree gfloat *values = make_small_window (kept, lengths[i]);
    g_autofree gfloat *expected = make_small_window (fresh, lengths[i]);
    gsize size = lengths[i] * 4 * 4 * 4 * sizeof (gfloat);

    g_assert_cmpmem (values, size, expected, size);
  }
}

/* Latents as diffusers made them, so that the sampler's error is not counted again. */
static void
check_decoder (void)
{
  g_autoptr (GError) error = NULL;
  VldmAutoencoder *decoder = vldm_model_decoder (model, NULL, &error);
  guint frames = golden_uint (drive, "frames");
  guint height = golden_uint (drive, "height");
  guint width = golden_uint (drive, "width");
  gsize pixels = (gsize) frames * height * width;
  g_autofree gfloat *planar =
      golden_expected (&golden, "drive_latents", pixels * 4);
  g_autofree gfloat *values = NULL;
  OclTensor latents, rgb;

  g_assert_no_error (error);
  latents = golden_upload (&golden, OCL_F32, frames, 4, height, width, planar);
  ocl_tensor_alloc (golden.queue, OCL_F32, ocl_shape (frames, height * 8,
          width * 8, 3), &rgb, &error);
  g_assert_no_error (error);
  vldm_autoencoder_decode (decoder, golden.queue, &latents, &rgb, &error);
  g_assert_no_error (error);
  values = golden_download (&golden, &rgb);
  golden_compare (&golden, drive, "drive_frames", values, pixels * 64 * 3,
      GOLDEN_CALL);
}

/* The same through the stage: bytes, packed RGB. */
static void
check_pictures (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmDecode) decode =
      vldm_decode_new (model, VLDM_LATENTS_VAE, NULL, &error);
  guint frames = golden_uint (drive, "frames");
  guint height = golden_uint (drive, "height");
  guint width = golden_uint (drive, "width");
  gsize pixels = (gsize) height * width * 64;
  VldmDecodeParams params = {.width = width * 8,.height = height * 8 };
  g_auto (VldmFrames) latents = { 0 };
  g_auto (VldmFrames) rgb = { 0 };
  JsonObject *output = json_object_get_object_member
      (json_object_get_object_member (drive, "outputs"), "drive_frames");
  gsize stride = golden_uint (output, "stride");
  gsize kept = (frames * 3 * pixels + stride - 1) / stride;
  g_autofree gfloat *planar = golden_expected (&golden, "drive_latents",
      (gsize) frames * height * width * 4);
  g_autofree gfloat *expected = golden_expected (&golden, "drive_frames", kept);

  g_assert_no_error (error);
  vldm_frames_init (&latents, VLDM_FORMAT_F32LE, frames, 4, height, width,
      &error);
  g_assert_no_error (error);
  memcpy (vldm_frames_host (&latents, 0), planar, vldm_frames_size (&latents));
  vldm_frames_init (&rgb, VLDM_FORMAT_RGB8, frames, 3, height * 8, width * 8,
      &error);
  g_assert_no_error (error);
  vldm_decode_run (decode, &params, &latents, &rgb, NULL, &error);
  g_assert_no_error (error);

  for (gsize i = 0; i < kept; i++) {
    gsize plane = i * stride / pixels;
    gsize pixel = i * stride % pixels;
    const guint8 *frame = vldm_frames_host (&rgb, plane / 3);
    gdouble want = rint (255.0 * CLAMP (expected[i] / 2 + 0.5, 0.0, 1.0));

    g_assert_cmpfloat (fabs (frame[pixel * 3 + plane % 3] - want), <=,
        RGB_TOLERANCE);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  golden_open (&golden, argv[1]);
  drive = json_object_get_object_member (golden.root, "drive");
  model = vldm_model_new (argv[2], golden.device, VLDM_PRECISION_F32, &error);
  g_assert_no_error (error);
  g_test_add_func ("/golden/drive/tokens", check_tokens);
  g_test_add_func ("/golden/drive/text", check_text);
  g_test_add_func ("/golden/drive/unet", check_unet);
  g_test_add_func ("/golden/drive/keyframes", check_keyframes);
  g_test_add_func ("/golden/drive/lengths", check_lengths);
  g_test_add_func ("/golden/drive/decoder", check_decoder);
  g_test_add_func ("/golden/drive/pictures", check_pictures);
  failed = g_test_run ();
  vldm_model_unref (model);
  golden_clear (&golden);
  return failed;
}
