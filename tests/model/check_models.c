/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which models a stage can run, from their configurations alone: it asks for what it runs and for nothing else, and says
 * what a model is that it cannot run.
 */
#include <string.h>

#include "vldm/stages/decode.h"
#include "vldm/stages/encode.h"
#include "vldm/stages/interpolate.h"
#include "vldm/stages/keyframes.h"
#include "vldm/stages/upsample.h"

#include "fixture.h"

static OclDevice *device;

typedef enum
{ KEYFRAMES, INTERPOLATE, DECODE, DECODE_UPSAMPLED, ENCODE, UPSAMPLE } Stage;

#define VIDEO_9 "{\"_class_name\": \"UNetSpatioTemporalConditionModel\", \"in_channels\": 9, " \
    "\"projection_class_embeddings_input_dim\": 256}"
#define SVD "{\"_class_name\": \"UNetSpatioTemporalConditionModel\"}"
#define SD "{\"_class_name\": \"UNet2DConditionModel\"}"
#define INPAINT "{\"_class_name\": \"UNet2DConditionModel\", \"in_channels\": 9}"
#define PIX2PIX "{\"_class_name\": \"UNet2DConditionModel\", \"in_channels\": 8}"
#define X4 "{\"_class_name\": \"UNet2DConditionModel\", \"in_channels\": 7, \"num_class_embeds\": 1000}"
#define MODELSCOPE "{\"_class_name\": \"UNet3DConditionModel\"}"
#define MOTION "{\"_class_name\": \"UNetMotionModel\"}"
#define VAE "{\"_class_name\": \"AutoencoderKL\"}"
#define TAESD "{\"_class_name\": \"AutoencoderTiny\"}"
#define LFS "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"

/* A folder's configurations, and what one stage says of it; NULL = it can run it. */
static const struct
{
  const char *name;
  struct
  {
    const char *component, *config;
  } files[3];
  Stage stage;
  VldmError code;
  const char *reason;
} cases[] = {
  {"sd-keyframes", {{"unet", SD}, {"vae", VAE}}, KEYFRAMES},
  {"video-keyframes", {{"unet", VIDEO_9}, {"vae", VAE}}, KEYFRAMES},
  {"video-interpolate", {{"unet", VIDEO_9}, {"vae", VAE}}, INTERPOLATE},
  {"inpaint-keyframes", {{"unet", INPAINT}, {"vae", VAE}}, KEYFRAMES,
      VLDM_ERROR_MODEL,
      "in_channels is 9; video from text needs 4, or a UNetSpatioTemporalConditionModel with 9 that takes known frames; a "
      "UNet2DConditionModel with as many is an inpainting model"},
  {"inpaint-interpolate", {{"unet", INPAINT}}, INTERPOLATE, VLDM_ERROR_MODEL,
      "is an inpainting model"},
  {"inpaint-interpolator", {{"unet", VIDEO_9}, {"interpolator", INPAINT}},
      INTERPOLATE, VLDM_ERROR_MODEL, "/interpolator/config.json: in_channels "},
  {"sd-interpolate", {{"unet", SD}}, INTERPOLATE, VLDM_ERROR_MODEL,
      "in_channels is 4; a network that takes known frames is a UNetSpatioTemporalConditionModel with 9"},
  {"pix2pix-keyframes", {{"unet", PIX2PIX}, {"vae", VAE}}, KEYFRAMES,
      VLDM_ERROR_MODEL, "starts from an image"},
  {"svd-keyframes", {{"unet", SVD}, {"vae", VAE}}, KEYFRAMES, VLDM_ERROR_MODEL,
      "in_channels is 8; video from text needs 4"},
  {"svd-decode", {{"unet", SVD}, {"vae", VAE}}, DECODE},
  {"x4-keyframes", {{"unet", X4}, {"vae", VAE}}, KEYFRAMES, VLDM_ERROR_MODEL,
      "one with as many is an upsampler, which vldmsr runs"},
  {"x4-upsample", {{"unet", X4}, {"vae", VAE}}, UPSAMPLE},
  {"x4-decode", {{"unet", X4}, {"vae", VAE}}, DECODE_UPSAMPLED},
  {"sd-upsample", {{"unet", SD}, {"vae", VAE}}, UPSAMPLE, VLDM_ERROR_NOT_FOUND,
      "neither a folder \"upsampler\" nor a \"unet\" that takes RGB"},
  {"sd-decode-upsampled", {{"unet", SD}, {"vae", VAE}}, DECODE_UPSAMPLED,
      VLDM_ERROR_NOT_FOUND, "has no folder \"upsampler_vae\""},
  {"modelscope-keyframes", {{"unet", MODELSCOPE}, {"vae", VAE}}, KEYFRAMES,
      VLDM_ERROR_MODEL,
      "UNet2DConditionModel; it is ModelScope's and ZeroScope's"},
  {"modelscope-decode", {{"unet", MODELSCOPE}, {"vae", VAE}}, DECODE},
  {"modelscope-encode", {{"unet", MODELSCOPE}, {"vae", VAE}}, ENCODE},
  {"modelscope-upsample", {{"unet", MODELSCOPE}, {"vae", VAE}}, UPSAMPLE,
      VLDM_ERROR_MODEL, "\"UNet3DConditionModel\" is not supported"},
  {"animatediff-keyframes", {{"unet", MOTION}, {"vae", VAE}}, KEYFRAMES,
      VLDM_ERROR_MODEL,
      "UNet2DConditionModel; it is AnimateDiff's"},
  {"animatediff-decode", {{"unet", MOTION}, {"vae", VAE}}, DECODE},
  {"other-unet-upsample", {{"unet", MODELSCOPE}, {"upsampler", X4},
          {"upsampler_vae", VAE}}, UPSAMPLE},
  {"other-unet-decode-upsampled", {{"unet", MODELSCOPE}, {"upsampler", X4},
          {"upsampler_vae", VAE}}, DECODE_UPSAMPLED},
  {"other-unet-interpolate", {{"unet", MODELSCOPE}, {"interpolator", VIDEO_9}},
      INTERPOLATE},
  {"other-vae-interpolate", {{"unet", VIDEO_9}, {"vae", TAESD}}, INTERPOLATE},
  {"other-vae-decode", {{"unet", VIDEO_9}, {"vae", TAESD}}, DECODE,
      VLDM_ERROR_MODEL, "\"AutoencoderTiny\" is not supported"},
  {"other-upsampler-keyframes", {{"unet", SD}, {"vae", VAE}, {"upsampler",
              MODELSCOPE}}, KEYFRAMES},
  {"damaged-unet-decode", {{"unet", LFS}, {"vae", VAE}}, DECODE},
  {"damaged-unet-keyframes", {{"unet", LFS}, {"vae", VAE}}, KEYFRAMES,
      VLDM_ERROR_READ, "pointer of git-lfs"},
  {"damaged-unet-upsample", {{"unet", LFS}, {"vae", VAE}}, UPSAMPLE,
      VLDM_ERROR_READ, "pointer of git-lfs"},
  {"vae-decode", {{"vae", VAE}}, DECODE},
  {"vae-encode", {{"vae", VAE}}, ENCODE},
  {"vae-keyframes", {{"vae", VAE}}, KEYFRAMES, VLDM_ERROR_NOT_FOUND,
      "has no folder \"unet\""},
  {"vae-interpolate", {{"vae", VAE}}, INTERPOLATE, VLDM_ERROR_NOT_FOUND,
      "has neither a folder \"interpolator\" nor \"unet\""},
  {"autoencoder-decode", {{".", VAE}}, DECODE},
  {"autoencoder-decode-upsampled", {{".", VAE}}, DECODE_UPSAMPLED},
  {"autoencoder-encode", {{".", VAE}}, ENCODE},
  {"autoencoder-keyframes", {{".", VAE}}, KEYFRAMES, VLDM_ERROR_NOT_FOUND,
      "it is an autoencoder by itself"},
};

static gboolean
check_model (Stage stage, VldmModel * model, GError ** error)
{
  switch (stage) {
    case KEYFRAMES:
      return vldm_keyframes_check_model (model, error);
    case INTERPOLATE:
      return vldm_interpolate_check_model (model, error);
    case DECODE:
      return vldm_decode_check_model (model, VLDM_LATENTS_VAE, error);
    case DECODE_UPSAMPLED:
      return vldm_decode_check_model (model, VLDM_LATENTS_UPSAMPLER_VAE, error);
    case ENCODE:
      return vldm_encode_check_model (model, error);
    case UPSAMPLE:
      return vldm_upsample_check_model (model, error);
  }
  return FALSE;
}

static void
test_case (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmModel) model = NULL;
  gboolean ok;

  for (guint k = 0; k < G_N_ELEMENTS (cases[i].files)
      && cases[i].files[k].component; k++) {
    g_autofree char *name = g_build_filename (cases[i].files[k].component,
        "config.json", NULL);

    fixture_write (&fixture, name, cases[i].files[k].config, -1);
  }
  model = vldm_model_new (fixture.folder, device, VLDM_PRECISION_F32, &error);
  g_assert_no_error (error);
  ok = check_model (cases[i].stage, model, &error);
  if (cases[i].reason) {
    g_assert_false (ok);
    fixture_check_error (error, cases[i].code, cases[i].reason, fixture.folder);
  } else {
    g_assert_no_error (error);
    g_assert_true (ok);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strconcat ("/models/", cases[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_case);
  }
  failed = g_test_run ();
  ocl_device_unref (device);
  return failed;
}
