/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configurations: defaults of each class, and every form that diffusers takes.
 * Argument: the default model's folder.
 */
#include "vldm/files/config.h"

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
  return g_test_run ();
}
