/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configurations that cannot work: one clear error for each.
 */
#include "vldm/files/config.h"

#include "fixture.h"

#define UNET "{\"_class_name\": \"UNetSpatioTemporalConditionModel\""
#define UNET_2D "{\"_class_name\": \"UNet2DConditionModel\""
#define KL "{\"_class_name\": \"AutoencoderKL\""
#define TEMPORAL "{\"_class_name\": \"AutoencoderKLTemporalDecoder\""

typedef enum
{ UNET_FILE, AUTOENCODER_FILE, TEXT_FILE, SCHEDULER_FILE, DDIM_FILE, EULER_FILE,
  DPMPP_FILE, DEFAULTS_FILE
} Reader;

/* The message must hold the reason, which begins with the key and says what was found and what is possible. */
static const struct
{
  const char *name;
  Reader reader;
  const char *content;
  const char *reason;
} errors[] = {
  {"class-missing", UNET_FILE, "{}",
      "_class_name: missing; possible: UNetSpatioTemporalConditionModel"},
  {"class-unknown", UNET_FILE, "{\"_class_name\": \"UNet3DConditionModel\"}",
      "_class_name: \"UNet3DConditionModel\" is not supported; possible: "
        "UNetSpatioTemporalConditionModel, UNet2DConditionModel"},
  {"class-number", UNET_FILE, "{\"_class_name\": 3}",
      "_class_name: 3 is not supported"},
  {"block-type", UNET_FILE, UNET ", \"down_block_types\": [\"DownBlock2D\"]}",
      "down_block_types[0]: \"DownBlock2D\" is not supported; possible: "
        "DownBlockSpatioTemporal, CrossAttnDownBlockSpatioTemporal"},
  {"channels-text", UNET_FILE,
        UNET ", \"block_out_channels\": [32, 64, \"x\"]}",
      "block_out_channels[2]: expected an integer from 1 to 65536, found "
        "\"x\""},
  {"channels-zero", UNET_FILE, UNET ", \"block_out_channels\": [0]}",
      "block_out_channels[0]: expected an integer from 1"},
  {"channels-empty", UNET_FILE, UNET ", \"block_out_channels\": []}",
      "block_out_channels: expected a list of 1 to 8 entries, found a list of "
        "0"},
  {"channels-nine", UNET_FILE,
        UNET ", \"block_out_channels\": [32,32,32,32,32,32,32,32,32]}",
      "found a list of 9"},
  {"channels-number", UNET_FILE, UNET ", \"block_out_channels\": 32}",
      "block_out_channels: expected a list of 1 to 8 entries, found 32"},
  {"channels-groups", UNET_FILE,
        UNET ", \"block_out_channels\": [320, 640, 1280, 1300]}",
      "block_out_channels: 1300 channels of level 3 are no multiple of 32"},
  {"levels-differ", UNET_FILE, UNET ", \"block_out_channels\": [32, 32]}",
      "down_block_types: has 4 entries, block_out_channels has 2"},
  {"heads-list", UNET_FILE, UNET ", \"num_attention_heads\": [1, 2]}",
      "num_attention_heads: expected 4 entries, one a level, found 2"},
  {"heads-divide", UNET_FILE,
        UNET ", \"num_attention_heads\": [5, 10, 20, 21]}",
      "num_attention_heads: 1280 channels of level 3 are no multiple of 21"},
  {"text-dims", UNET_FILE, UNET ", \"cross_attention_dim\": [768, 1024, 1024, "
        "1024]}",
      "cross_attention_dim: level 0 has 768, the middle block 1024"},
  {"layers-nested", UNET_FILE,
        UNET ", \"transformer_layers_per_block\": [[1], 1, 1, 1]}",
      "transformer_layers_per_block[0]: expected an integer from 1 to 256, "
        "found a list of 1"},
  {"ids", UNET_FILE, UNET ", \"projection_class_embeddings_input_dim\": 700}",
      "projection_class_embeddings_input_dim: 700 is no multiple of "
        "addition_time_embed_dim, 256"},
  {"ids-odd", UNET_FILE, UNET ", \"addition_time_embed_dim\": 3}",
      "addition_time_embed_dim: 3 is odd"},
  {"sample-size", UNET_FILE, UNET ", \"sample_size\": [1, 2, 3]}",
      "sample_size: expected a list of 1 to 2 entries, found a list of 3"},
  {"frames-huge", UNET_FILE, UNET ", \"num_frames\": 1e30}",
      "num_frames: expected an integer from 1 to 65536, found 1e+30"},
  {"2d-heads", UNET_FILE, UNET_2D ", \"attention_head_dim\": 7}",
      "attention_head_dim: 320 channels of level 0 are no multiple of 7"},
  {"2d-heads-name", UNET_FILE, UNET_2D ", \"num_attention_heads\": 8}",
      "num_attention_heads: is not supported; possible: null"},
  {"2d-labels", UNET_FILE, UNET_2D ", \"class_embed_type\": \"timestep\"}",
      "class_embed_type: is not supported; possible: null"},
  {"2d-shift", UNET_FILE,
        UNET_2D ", \"resnet_time_scale_shift\": \"scale_shift\"}",
      "resnet_time_scale_shift: \"scale_shift\" is not supported; possible: "
        "default"},
  {"2d-groups", UNET_FILE, UNET_2D ", \"norm_num_groups\": 16}",
      "norm_num_groups: is not supported; possible: 32"},
  {"2d-sines", UNET_FILE, UNET_2D ", \"flip_sin_to_cos\": false}",
      "flip_sin_to_cos: is not supported; possible: true"},
  {"2d-only-cross", UNET_FILE, UNET_2D ", \"only_cross_attention\": [true]}",
      "only_cross_attention: has 1 entries, block_out_channels has 4"},
  {"2d-only-cross-type", UNET_FILE,
        UNET_2D ", \"only_cross_attention\": [true, 1, true, true]}",
      "only_cross_attention: expected true or false for every level"},
  {"frames-negative", UNET_FILE, UNET ", \"num_frames\": -8}", "found -8"},
  {"autoencoder-class", AUTOENCODER_FILE, "{\"_class_name\": \"VQModel\"}",
      "_class_name: \"VQModel\" is not supported; possible: AutoencoderKL, "
        "AutoencoderKLTemporalDecoder"},
  {"act-fn", AUTOENCODER_FILE, KL ", \"act_fn\": \"relu\"}",
      "act_fn: \"relu\" is not supported; possible: silu, swish"},
  {"groups", AUTOENCODER_FILE, KL ", \"norm_num_groups\": 48}",
      "block_out_channels: 64 channels of level 0 are no multiple of 48"},
  {"groups-zero", AUTOENCODER_FILE, KL ", \"norm_num_groups\": 0}",
      "norm_num_groups: expected an integer from 1"},
  {"latents-mean", AUTOENCODER_FILE, KL ", \"latents_mean\": [0.0]}",
      "latents_mean: is not supported; possible: null"},
  {"scaling-zero", AUTOENCODER_FILE, KL ", \"scaling_factor\": 0}",
      "scaling_factor: expected a number from 1e-06"},
  {"scaling-infinite", AUTOENCODER_FILE, KL ", \"scaling_factor\": Infinity}",
      "scaling_factor: expected a number from 1e-06 to 1e+06, found inf"},
  {"encoder-block", AUTOENCODER_FILE, TEMPORAL
        ", \"down_block_types\": [\"AttnDownEncoderBlock2D\"]}",
      "down_block_types[0]: \"AttnDownEncoderBlock2D\" is not supported; "
        "possible: DownEncoderBlock2D"},
  {"upcast-text", AUTOENCODER_FILE, KL ", \"force_upcast\": \"yes\"}",
      "force_upcast: expected true or false, found \"yes\""},
  {"text-type", TEXT_FILE, "{\"model_type\": \"t5\"}",
      "model_type: \"t5\" is not supported; possible: clip_text_model, clip"},
  {"text-act", TEXT_FILE, "{\"hidden_act\": \"relu\"}",
      "hidden_act: \"relu\" is not supported; possible: gelu, quick_gelu"},
  {"text-heads", TEXT_FILE, "{\"num_attention_heads\": 7}",
      "hidden_size: 512 is no multiple of num_attention_heads, 7"},
  {"text-inside", TEXT_FILE, "{\"text_config\": {\"vocab_size\": \"many\"}}",
      "text_config.vocab_size: expected an integer"},
  {"text-inside-list", TEXT_FILE, "{\"text_config\": []}",
      "text_config: expected an object, found a list of 0"},
  {"scheduler-missing", SCHEDULER_FILE, "{}", "_class_name: missing"},
  {"scheduler-unknown", SCHEDULER_FILE, "{\"_class_name\": \"LCMScheduler\"}",
      "_class_name: \"LCMScheduler\" is not supported; possible: "
        "DDIMScheduler, EulerDiscreteScheduler"},
  {"thresholding", DDIM_FILE, "{\"thresholding\": true}",
      "thresholding: true is not supported; possible: false"},
  {"betas", DDIM_FILE, "{\"beta_schedule\": \"sigmoid\"}",
      "beta_schedule: \"sigmoid\" is not supported; possible: linear, "
        "scaled_linear, squaredcos_cap_v2"},
  {"beta-range", DDIM_FILE, "{\"beta_end\": 1.5}", "beta_end: expected a "
        "number from 1e-12 to 0.999999, found 1.5"},
  {"trained-betas", DDIM_FILE, "{\"trained_betas\": [0.1, 0.2]}",
      "trained_betas: expected a list of 1000 numbers"},
  {"trained-beta", DDIM_FILE,
        "{\"trained_betas\": [0.1, 2.0], \"num_train_timesteps\": 2}",
      "trained_betas: entry 1 is no number between 0 and 1"},
  {"prediction", DDIM_FILE, "{\"prediction_type\": \"flow_prediction\"}",
      "prediction_type: \"flow_prediction\" is not supported"},
  {"spacing", DDIM_FILE, "{\"timestep_spacing\": \"log\"}",
      "timestep_spacing: \"log\" is not supported; possible: leading, "
        "trailing, linspace"},
  {"steps-offset", DDIM_FILE, "{\"steps_offset\": 1000}",
      "steps_offset: expected an integer from 0 to 999"},
  {"beta-sigmas", EULER_FILE, "{\"use_beta_sigmas\": true}",
      "use_beta_sigmas: true is not supported"},
  {"interpolation", EULER_FILE, "{\"interpolation_type\": \"log_linear\"}",
      "interpolation_type: \"log_linear\" is not supported; possible: "
        "linear"},
  {"sigmas", EULER_FILE, "{\"sigma_min\": 5, \"sigma_max\": 4}",
      "sigma_min: 5 is not below sigma_max, 4"},
  {"algorithm", DPMPP_FILE, "{\"algorithm_type\": \"sde-dpmsolver++\"}",
      "algorithm_type: \"sde-dpmsolver++\" is not supported"},
  {"order", DPMPP_FILE, "{\"solver_order\": 3}",
      "solver_order: expected an integer from 1 to 2, found 3"},
  {"clipped", DPMPP_FILE, "{\"lambda_min_clipped\": -5.1}",
      "lambda_min_clipped: a finite number is not supported"},
  {"defaults-text", DEFAULTS_FILE, "{\"width\": \"wide\"}",
      "width: expected an integer from 1 to 65536, found \"wide\""},
  {"defaults-stage", DEFAULTS_FILE, "{\"keyframes\": {\"rescale\": 1.5}}",
      "keyframes.rescale: expected a number from 0 to 1, found 1.5"},
  {"defaults-fps", DEFAULTS_FILE, "{\"keyframes\": {\"fps\": [8]}}",
      "keyframes.fps: expected [numerator, denominator]"},
  {"defaults-fps-zero", DEFAULTS_FILE, "{\"keyframes\": {\"fps\": [8, 0]}}",
      "keyframes.fps[1]: expected an integer from 1"},
};

static const char *
file_of (Reader reader)
{
  return reader == DEFAULTS_FILE ? "videoldm.json"
      : reader >= SCHEDULER_FILE ? "scheduler_config.json" : "config.json";
}

/* NULL, and @error. */
static gpointer
read_bad (Reader reader, const char *folder, GError ** error)
{
  switch (reader) {
    case UNET_FILE:
      return vldm_unet_config_load (folder, error);
    case AUTOENCODER_FILE:
      return vldm_autoencoder_config_load (folder, error);
    case TEXT_FILE:
      return vldm_text_config_load (folder, error);
    case SCHEDULER_FILE:
      return vldm_scheduler_config_load (folder, VLDM_SCHEDULER_AUTO, error);
    case DDIM_FILE:
      return vldm_scheduler_config_load (folder, VLDM_SCHEDULER_DDIM, error);
    case EULER_FILE:
      return vldm_scheduler_config_load (folder, VLDM_SCHEDULER_EULER, error);
    case DPMPP_FILE:
      return vldm_scheduler_config_load (folder, VLDM_SCHEDULER_DPMPP_2M,
          error);
    case DEFAULTS_FILE:
      return vldm_defaults_load (folder, NULL, error);
  }
  return NULL;
}

static void
test_error (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, file_of (errors[i].reader), errors[i].content, -1);
  g_assert_null (read_bad (errors[i].reader, fixture.folder, &error));
  fixture_check_error (error, VLDM_ERROR_MODEL, errors[i].reason,
      file_of (errors[i].reader));
}

static void
test_missing_files (void)
{
  for (Reader reader = UNET_FILE; reader < DEFAULTS_FILE; reader++) {
    g_auto (Fixture) fixture = fixture_new ();
    g_autoptr (GError) error = NULL;

    g_assert_null (read_bad (reader, fixture.folder, &error));
    fixture_check_error (error, VLDM_ERROR_NOT_FOUND, fixture.folder,
        file_of (reader));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/missing-files", test_missing_files);
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++) {
    g_autofree char *path = g_strconcat ("/config/error/", errors[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_error);
  }
  return g_test_run ();
}
