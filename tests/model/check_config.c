/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configurations: defaults of each class, every form that diffusers takes, and one clear error for what cannot work.
 * Argument: the default model's folder.
 */
#include <string.h>

#include "vldm/model/config.h"

#include "fixture.h"

#define UNET "{\"_class_name\": \"UNetSpatioTemporalConditionModel\""
#define UNET_2D "{\"_class_name\": \"UNet2DConditionModel\""
#define KL "{\"_class_name\": \"AutoencoderKL\""
#define TEMPORAL "{\"_class_name\": \"AutoencoderKLTemporalDecoder\""

static const char *drive_folder;

static VldmUnetConfig *
load_unet (const char *content)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmUnetConfig *config;

  fixture_write (&fixture, "config.json", content, -1);
  config = vldm_unet_config_load (fixture.folder, &error);
  g_assert_no_error (error);
  return config;
}

static VldmAutoencoderConfig *
load_autoencoder (const char *content)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmAutoencoderConfig *config;

  fixture_write (&fixture, "config.json", content, -1);
  config = vldm_autoencoder_config_load (fixture.folder, &error);
  g_assert_no_error (error);
  return config;
}

static VldmTextConfig *
load_text (const char *content)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmTextConfig *config;

  fixture_write (&fixture, "config.json", content, -1);
  config = vldm_text_config_load (fixture.folder, &error);
  g_assert_no_error (error);
  return config;
}

static VldmSchedulerConfig *
load_scheduler (const char *content, VldmSchedulerKind kind)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmSchedulerConfig *config;

  fixture_write (&fixture, "scheduler_config.json", content, -1);
  config = vldm_scheduler_config_load (fixture.folder, kind, &error);
  g_assert_no_error (error);
  return config;
}

static void
test_unet_defaults (void)
{
  static const guint channels[] = { 320, 640, 1280, 1280 };
  static const guint heads[] = { 5, 10, 20, 20 };
  g_autofree VldmUnetConfig *config = load_unet (UNET "}");

  g_assert_cmpuint (config->in_channels, ==, 8);
  g_assert_cmpuint (config->out_channels, ==, 4);
  g_assert_cmpuint (config->n_levels, ==, 4);
  for (guint i = 0; i < 4; i++) {
    g_assert_cmpuint (config->block_out_channels[i], ==, channels[i]);
    g_assert_cmpuint (config->num_attention_heads[i], ==, heads[i]);
    g_assert_cmpuint (config->layers_per_block[i], ==, 2);
    g_assert_cmpuint (config->cross_attention_dim[i], ==, 1024);
    g_assert_cmpuint (config->transformer_layers_per_block[i], ==, 1);
    g_assert_cmpint (config->down_attention[i], ==, i != 3);
    g_assert_cmpint (config->up_attention[i], ==, i != 0);
  }
  g_assert_cmpuint (config->addition_time_embed_dim, ==, 256);
  g_assert_cmpuint (config->n_time_ids, ==, 3);
  g_assert_cmpuint (config->num_frames, ==, 25);
  g_assert_cmpuint (config->sample_height, ==, 0);
  g_assert_cmpuint (config->sample_width, ==, 0);
}

static void
test_unet_forms (void)
{
  g_autofree VldmUnetConfig *lists =
      load_unet (UNET ", \"sample_size\": [5, 7],"
      "\"block_out_channels\": [32, 64], \"num_attention_heads\": [1, 2],"
      "\"cross_attention_dim\": [48, 48], \"layers_per_block\": [1, 3],"
      "\"transformer_layers_per_block\": [2, 1],"
      "\"down_block_types\": [\"CrossAttnDownBlockSpatioTemporal\","
      "\"DownBlockSpatioTemporal\"],"
      "\"up_block_types\": [\"UpBlockSpatioTemporal\","
      "\"CrossAttnUpBlockSpatioTemporal\"], \"unknown_key\": {\"a\": []}}");
  g_autofree VldmUnetConfig *single =
      load_unet (UNET ", \"sample_size\": 9,"
      "\"block_out_channels\": [64], \"num_attention_heads\": 4,"
      "\"cross_attention_dim\": 16, \"layers_per_block\": 1,"
      "\"down_block_types\": [\"DownBlockSpatioTemporal\"],"
      "\"up_block_types\": [\"UpBlockSpatioTemporal\"],"
      "\"projection_class_embeddings_input_dim\": 256}");

  g_assert_cmpuint (lists->n_levels, ==, 2);
  g_assert_cmpuint (lists->sample_height, ==, 5);
  g_assert_cmpuint (lists->sample_width, ==, 7);
  g_assert_cmpuint (lists->num_attention_heads[1], ==, 2);
  g_assert_cmpuint (lists->layers_per_block[1], ==, 3);
  g_assert_cmpuint (lists->transformer_layers_per_block[0], ==, 2);
  g_assert_true (lists->down_attention[0]);
  g_assert_false (lists->down_attention[1]);
  g_assert_false (lists->up_attention[0]);
  g_assert_true (lists->up_attention[1]);

  g_assert_cmpuint (single->n_levels, ==, 1);
  g_assert_cmpuint (single->sample_height, ==, 9);
  g_assert_cmpuint (single->sample_width, ==, 9);
  g_assert_cmpuint (single->num_attention_heads[0], ==, 4);
  g_assert_cmpuint (single->n_time_ids, ==, 1);
}

/* The public x4 upscaler's file, but for keys that say what the class assumes anyway. */
static void
test_unet_2d (void)
{
  static const guint channels[] = { 256, 512, 512, 1024 };
  g_autofree VldmUnetConfig *plain = load_unet (UNET_2D "}");
  g_autofree VldmUnetConfig *x4 =
      load_unet (UNET_2D ", \"attention_head_dim\": 8, \"in_channels\": 7,"
      "\"block_out_channels\": [256, 512, 512, 1024],"
      "\"cross_attention_dim\": 1024, \"num_class_embeds\": 1000,"
      "\"down_block_types\": [\"DownBlock2D\", \"CrossAttnDownBlock2D\","
      "\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"],"
      "\"only_cross_attention\": [true, true, true, false],"
      "\"up_block_types\": [\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\","
      "\"CrossAttnUpBlock2D\", \"UpBlock2D\"], \"class_embed_type\": null,"
      "\"use_linear_projection\": true, \"norm_num_groups\": 32,"
      "\"sample_size\": 128, \"max_noise_level\": 350}");

  g_assert_false (plain->temporal_layers);
  g_assert_cmpuint (plain->in_channels, ==, 4);
  g_assert_cmpuint (plain->cross_attention_dim[0], ==, 1280);
  g_assert_cmpuint (plain->num_attention_heads[3], ==, 8);
  g_assert_cmpuint (plain->num_class_embeds, ==, 0);
  g_assert_cmpuint (plain->n_time_ids, ==, 0);
  g_assert_false (plain->only_cross_attention[0]);
  g_assert_cmpfloat (plain->norm_eps, ==, 1e-5f);
  g_assert_cmpfloat (plain->attention_norm_eps, ==, 1e-5f);

  for (guint i = 0; i < 4; i++) {
    g_assert_cmpuint (x4->block_out_channels[i], ==, channels[i]);
    g_assert_cmpuint (x4->num_attention_heads[i], ==, 8);
    g_assert_cmpint (x4->down_attention[i], ==, i != 0);
    g_assert_cmpint (x4->up_attention[i], ==, i != 3);
    g_assert_cmpint (x4->only_cross_attention[i], ==, i != 3);
  }
  g_assert_cmpuint (x4->num_class_embeds, ==, 1000);
  g_assert_cmpuint (x4->max_noise_level, ==, 350);
  g_assert_cmpuint (x4->n_time_ids, ==, 0);
}

static void
test_autoencoders (void)
{
  g_autofree VldmAutoencoderConfig *plain = load_autoencoder (KL "}");
  g_autofree VldmAutoencoderConfig *temporal = load_autoencoder (TEMPORAL ","
      "\"block_out_channels\": [64, 96], \"use_quant_conv\": false,"
      "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"]}");
  g_autofree VldmAutoencoderConfig *full = load_autoencoder (KL ","
      "\"block_out_channels\": [8, 16, 24], \"norm_num_groups\": 4,"
      "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\","
      "\"DownEncoderBlock2D\"], \"up_block_types\": [\"UpDecoderBlock2D\","
      "\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"], \"act_fn\": \"swish\","
      "\"scaling_factor\": 0.25, \"shift_factor\": -0.5, \"latents_mean\": null,"
      "\"use_quant_conv\": false, \"use_post_quant_conv\": false,"
      "\"mid_block_add_attention\": false, \"force_upcast\": false,"
      "\"latent_channels\": 16, \"layers_per_block\": 2}");

  g_assert_false (plain->temporal_decoder);
  g_assert_cmpuint (plain->n_levels, ==, 1);
  g_assert_cmpuint (plain->block_out_channels[0], ==, 64);
  g_assert_cmpuint (plain->layers_per_block, ==, 1);
  g_assert_cmpuint (plain->norm_num_groups, ==, 32);
  g_assert_cmpfloat_with_epsilon (plain->scaling_factor, 0.18215, 1e-7);
  g_assert_cmpfloat (plain->shift_factor, ==, 0.0f);
  g_assert_true (plain->use_quant_conv);
  g_assert_true (plain->use_post_quant_conv);
  g_assert_true (plain->mid_block_attention);
  g_assert_true (plain->force_upcast);
  g_assert_cmpuint (plain->factor, ==, 1);

  /* The temporal class has no such keys: its convolutions are fixed. */
  g_assert_true (temporal->temporal_decoder);
  g_assert_true (temporal->use_quant_conv);
  g_assert_false (temporal->use_post_quant_conv);
  g_assert_true (temporal->mid_block_attention);
  g_assert_cmpuint (temporal->factor, ==, 2);

  g_assert_cmpuint (full->factor, ==, 4);
  g_assert_cmpuint (full->norm_num_groups, ==, 4);
  g_assert_cmpuint (full->latent_channels, ==, 16);
  g_assert_cmpfloat (full->shift_factor, ==, -0.5f);
  g_assert_false (full->use_quant_conv);
  g_assert_false (full->use_post_quant_conv);
  g_assert_false (full->mid_block_attention);
  g_assert_false (full->force_upcast);
}

static void
test_text (void)
{
  g_autofree VldmTextConfig *plain = load_text ("{}");
  g_autofree VldmTextConfig *inside = load_text ("{\"model_type\": \"clip\","
      "\"hidden_size\": 7, \"text_config\": {\"hidden_size\": 64,"
      "\"num_attention_heads\": 4, \"hidden_act\": \"gelu\","
      "\"layer_norm_eps\": null}}");

  g_assert_cmpuint (plain->vocab_size, ==, 49408);
  g_assert_cmpuint (plain->hidden_size, ==, 512);
  g_assert_cmpuint (plain->intermediate_size, ==, 2048);
  g_assert_cmpuint (plain->num_hidden_layers, ==, 12);
  g_assert_cmpuint (plain->num_attention_heads, ==, 8);
  g_assert_cmpuint (plain->max_position_embeddings, ==, 77);
  g_assert_true (plain->quick_gelu);
  g_assert_cmpfloat_with_epsilon (plain->layer_norm_eps, 1e-5, 1e-10);
  g_assert_cmpuint (inside->hidden_size, ==, 64);
  g_assert_false (inside->quick_gelu);
}

static void
test_scheduler_defaults (void)
{
  g_autoptr (VldmSchedulerConfig) ddim =
      load_scheduler ("{\"_class_name\": \"DDIMScheduler\"}",
      VLDM_SCHEDULER_AUTO);
  g_autoptr (VldmSchedulerConfig) euler =
      load_scheduler ("{\"_class_name\": \"EulerDiscreteScheduler\"}",
      VLDM_SCHEDULER_AUTO);
  g_autoptr (VldmSchedulerConfig) dpm =
      load_scheduler ("{\"_class_name\": \"DPMSolverMultistepScheduler\"}",
      VLDM_SCHEDULER_AUTO);

  g_assert_cmpint (ddim->kind, ==, VLDM_SCHEDULER_DDIM);
  g_assert_cmpuint (ddim->num_train_timesteps, ==, 1000);
  g_assert_cmpfloat (ddim->beta_start, ==, 0.0001);
  g_assert_cmpfloat (ddim->beta_end, ==, 0.02);
  g_assert_cmpint (ddim->beta_schedule, ==, VLDM_BETAS_LINEAR);
  g_assert_null (ddim->trained_betas);
  g_assert_cmpint (ddim->prediction, ==, VLDM_PREDICT_EPSILON);
  g_assert_cmpint (ddim->spacing, ==, VLDM_SPACING_LEADING);
  g_assert_cmpint (ddim->steps_offset, ==, 0);
  g_assert_true (ddim->set_alpha_to_one);
  g_assert_true (ddim->clip_sample);
  g_assert_cmpfloat (ddim->clip_sample_range, ==, 1.0);
  g_assert_false (ddim->rescale_betas_zero_snr);

  g_assert_cmpint (euler->kind, ==, VLDM_SCHEDULER_EULER);
  g_assert_cmpint (euler->spacing, ==, VLDM_SPACING_LINSPACE);
  g_assert_false (euler->clip_sample);
  g_assert_false (euler->use_karras_sigmas);
  g_assert_false (euler->continuous_timesteps);
  g_assert_false (euler->final_sigma_min);
  g_assert_cmpfloat (euler->sigma_min, ==, 0.0);
  g_assert_cmpfloat (euler->sigma_max, ==, 0.0);

  g_assert_cmpint (dpm->kind, ==, VLDM_SCHEDULER_DPMPP_2M);
  g_assert_cmpint (dpm->spacing, ==, VLDM_SPACING_LINSPACE);
  g_assert_cmpuint (dpm->solver_order, ==, 2);
  g_assert_true (dpm->lower_order_final);
  g_assert_false (dpm->euler_at_final);
  g_assert_false (dpm->heun);
}

/* Stable Video Diffusion's file, and what remains of it under other samplers. */
static void
test_scheduler_swap (void)
{
  static const char svd[] = "{\"_class_name\": \"EulerDiscreteScheduler\","
      "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"steps_offset\": 1,"
      "\"beta_schedule\": \"scaled_linear\", \"sigma_max\": 700.0,"
      "\"prediction_type\": \"v_prediction\", \"sigma_min\": 0.002,"
      "\"use_karras_sigmas\": true, \"timestep_type\": \"continuous\","
      "\"timestep_spacing\": \"leading\", \"trained_betas\": null}";
  g_autoptr (VldmSchedulerConfig) euler = load_scheduler (svd,
      VLDM_SCHEDULER_AUTO);
  g_autoptr (VldmSchedulerConfig) ddim = load_scheduler (svd,
      VLDM_SCHEDULER_DDIM);
  g_autoptr (VldmSchedulerConfig) dpm = load_scheduler (svd,
      VLDM_SCHEDULER_DPMPP_2M);

  g_assert_cmpint (euler->kind, ==, VLDM_SCHEDULER_EULER);
  g_assert_true (euler->use_karras_sigmas);
  g_assert_true (euler->continuous_timesteps);
  g_assert_cmpfloat (euler->sigma_max, ==, 700.0);
  g_assert_cmpint (euler->prediction, ==, VLDM_PREDICT_V);
  g_assert_cmpint (euler->beta_schedule, ==, VLDM_BETAS_SCALED_LINEAR);

  g_assert_cmpint (ddim->kind, ==, VLDM_SCHEDULER_DDIM);
  g_assert_cmpint (ddim->spacing, ==, VLDM_SPACING_LEADING);
  g_assert_cmpint (ddim->steps_offset, ==, 1);
  g_assert_true (ddim->clip_sample);
  g_assert_false (ddim->use_karras_sigmas);
  g_assert_cmpfloat (ddim->beta_end, ==, 0.012);

  g_assert_cmpint (dpm->kind, ==, VLDM_SCHEDULER_DPMPP_2M);
  g_assert_true (dpm->use_karras_sigmas);
  g_assert_false (dpm->continuous_timesteps);
}

/* Classes that have no sampler of their own. */
static void
test_scheduler_relatives (void)
{
  g_autoptr (VldmSchedulerConfig) pndm =
      load_scheduler ("{\"_class_name\": \"PNDMScheduler\","
      "\"skip_prk_steps\": true}", VLDM_SCHEDULER_AUTO);
  g_autoptr (VldmSchedulerConfig) ddpm =
      load_scheduler ("{\"_class_name\": \"DDPMScheduler\"}",
      VLDM_SCHEDULER_AUTO);
  g_autoptr (VldmSchedulerConfig) unipc =
      load_scheduler ("{\"_class_name\": \"UniPCMultistepScheduler\","
      "\"solver_type\": \"bh2\", \"lambda_min_clipped\": -Infinity}",
      VLDM_SCHEDULER_AUTO);
  /* Overridden, the file's class may be any. */
  g_autoptr (VldmSchedulerConfig) lcm =
      load_scheduler ("{\"_class_name\": \"LCMScheduler\","
      "\"trained_betas\": [0.1, 0.25], \"num_train_timesteps\": 2}",
      VLDM_SCHEDULER_EULER);

  g_assert_cmpint (pndm->kind, ==, VLDM_SCHEDULER_DDIM);
  g_assert_false (pndm->clip_sample);
  g_assert_cmpint (ddpm->kind, ==, VLDM_SCHEDULER_DDIM);
  g_assert_true (ddpm->clip_sample);
  g_assert_cmpint (unipc->kind, ==, VLDM_SCHEDULER_DPMPP_2M);
  g_assert_false (unipc->heun);
  g_assert_cmpint (lcm->kind, ==, VLDM_SCHEDULER_EULER);
  g_assert_cmpfloat (lcm->trained_betas[1], ==, 0.25);
}

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

static void
test_defaults (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  VldmUnetConfig unet = {.num_frames = 14 };
  g_autoptr (GError) error = NULL;
  g_autofree VldmDefaults *none = vldm_defaults_load (fixture.folder, NULL,
      &error);
  g_autofree VldmDefaults *model = vldm_defaults_load (fixture.folder, &unet,
      &error);
  g_autofree VldmDefaults *file = NULL, *drive = NULL;

  g_assert_cmpuint (none->width, ==, 0);
  g_assert_cmpuint (none->keyframes.frames, ==, 8);
  g_assert_cmpuint (none->keyframes.context, ==, 2);
  g_assert_cmpuint (none->keyframes.steps, ==, 25);
  g_assert_cmpint (none->keyframes.fps_n, ==, 8);
  g_assert_cmpint (none->keyframes.fps_d, ==, 1);
  g_assert_cmpfloat (none->keyframes.guidance, ==, 7.5);
  g_assert_cmpfloat (none->keyframes.rescale, ==, 0.0);
  g_assert_cmpuint (model->keyframes.frames, ==, 14);
  g_assert_cmpuint (none->upsampler.frames, ==, 8);
  g_assert_cmpuint (none->upsampler.context, ==, 2);
  g_assert_cmpuint (none->upsampler.steps, ==, 20);
  g_assert_cmpfloat (none->upsampler.guidance, ==, 9.0);
  g_assert_cmpuint (none->noise_level, ==, 20);

  fixture_write (&fixture, "videoldm.json", "{\"height\": 64, \"new\": [1],"
      "\"keyframes\": {\"fps\": 12, \"steps\": 3},"
      "\"upsampler\": {\"overlap\": 1, \"noise_level\": 35}}", -1);
  file = vldm_defaults_load (fixture.folder, &unet, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (file->height, ==, 64);
  g_assert_cmpuint (file->keyframes.frames, ==, 14);
  g_assert_cmpuint (file->keyframes.steps, ==, 3);
  g_assert_cmpint (file->keyframes.fps_n, ==, 12);
  g_assert_cmpint (file->keyframes.fps_d, ==, 1);

  g_assert_cmpuint (file->upsampler.frames, ==, 8);
  g_assert_cmpuint (file->upsampler.context, ==, 1);
  g_assert_cmpuint (file->noise_level, ==, 35);

  drive = vldm_defaults_load (drive_folder, &unet, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (drive->width, ==, 256);
  g_assert_cmpuint (drive->height, ==, 128);
  g_assert_cmpuint (drive->keyframes.frames, ==, 8);
  g_assert_cmpint (drive->keyframes.fps_n, ==, 15);
  g_assert_cmpint (drive->keyframes.fps_d, ==, 8);
  g_assert_cmpfloat (drive->keyframes.rescale, ==, 0.5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  drive_folder = argv[1];
  g_test_add_func ("/config/unet/defaults", test_unet_defaults);
  g_test_add_func ("/config/unet/forms", test_unet_forms);
  g_test_add_func ("/config/unet/2d", test_unet_2d);
  g_test_add_func ("/config/autoencoders", test_autoencoders);
  g_test_add_func ("/config/text", test_text);
  g_test_add_func ("/config/scheduler/defaults", test_scheduler_defaults);
  g_test_add_func ("/config/scheduler/swap", test_scheduler_swap);
  g_test_add_func ("/config/scheduler/relatives", test_scheduler_relatives);
  g_test_add_func ("/config/defaults", test_defaults);
  g_test_add_func ("/config/missing-files", test_missing_files);
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++) {
    g_autofree char *path = g_strconcat ("/config/error/", errors[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_error);
  }
  return g_test_run ();
}
