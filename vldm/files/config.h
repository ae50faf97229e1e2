/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Configuration of a diffusers component, parsed once from its config.json into an immutable struct. Keys that old
 * versions did not write get the class's default. Model code asks these fields, never a class or family name.
 * Source: diffusers 0.42 / transformers 5 class signatures.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

#define VLDM_MAX_LEVELS 8

/* UNetSpatioTemporalConditionModel, and UNet2DConditionModel of upsamplers. */
typedef struct
{
  gboolean temporal_layers;     /* else frames are independent of each other */
  guint in_channels, out_channels;
  guint n_levels;
  guint block_out_channels[VLDM_MAX_LEVELS];
  gboolean down_attention[VLDM_MAX_LEVELS];     /* CrossAttnDownBlock..., else DownBlock... */
  gboolean up_attention[VLDM_MAX_LEVELS];       /* in order of up_blocks */
  guint layers_per_block[VLDM_MAX_LEVELS];
  guint transformer_layers_per_block[VLDM_MAX_LEVELS];
  guint num_attention_heads[VLDM_MAX_LEVELS];
  guint cross_attention_dim[VLDM_MAX_LEVELS];
  gboolean only_cross_attention[VLDM_MAX_LEVELS];       /* attn1 attends to the text as well; never in the middle block */
  gfloat norm_eps;              /* of plain down blocks, the middle block and conv_norm_out */
  gfloat attention_norm_eps;    /* of down blocks with attention and of all up blocks */
  guint num_class_embeds;       /* rows of the table of class labels; 0 = none */
  guint addition_time_embed_dim;
  guint n_time_ids;             /* projection_class_embeddings_input_dim / addition_time_embed_dim */
  guint num_frames;
  guint max_noise_level;        /* of upsamplers; 0 = the file does not say */
  guint sample_height, sample_width;    /* latent pixels; 0 = null */
} VldmUnetConfig;

/* AutoencoderKL and AutoencoderKLTemporalDecoder. */
typedef struct
{
  gboolean temporal_decoder;
  guint in_channels, out_channels, latent_channels;
  guint n_levels;
  guint block_out_channels[VLDM_MAX_LEVELS];
  guint layers_per_block;
  guint norm_num_groups;
  gfloat scaling_factor, shift_factor;
  gboolean use_quant_conv, use_post_quant_conv, mid_block_attention;
  gboolean force_upcast;
  guint factor;                 /* pixels a latent pixel: 2^(n_levels - 1) */
} VldmAutoencoderConfig;

/* CLIPTextModel. */
typedef struct
{
  guint hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, max_position_embeddings, vocab_size;
  gboolean quick_gelu;          /* else exact gelu */
  gfloat layer_norm_eps;
} VldmTextConfig;

typedef enum
{
  VLDM_SCHEDULER_AUTO,          /* the folder's own class, or its nearest relative below */
  VLDM_SCHEDULER_DDIM,
  VLDM_SCHEDULER_EULER,
  VLDM_SCHEDULER_DPMPP_2M,
} VldmSchedulerKind;

typedef enum { VLDM_BETAS_LINEAR, VLDM_BETAS_SCALED_LINEAR, VLDM_BETAS_COSINE } VldmBetaSchedule;
typedef enum { VLDM_PREDICT_EPSILON, VLDM_PREDICT_V, VLDM_PREDICT_SAMPLE } VldmPrediction;
typedef enum { VLDM_SPACING_LEADING, VLDM_SPACING_TRAILING, VLDM_SPACING_LINSPACE } VldmSpacing;

/* scheduler_config.json, read for the class that will run (a user who swaps the sampler keeps the file's keys and gets
 * the new class's defaults for the missing ones). */
typedef struct
{
  VldmSchedulerKind kind;       /* never AUTO */
  const char *replaced;         /* the file's class, where `kind` runs in its place and gives other results; else NULL */
  guint num_train_timesteps;
  gdouble beta_start, beta_end;
  VldmBetaSchedule beta_schedule;
  gdouble *trained_betas;       /* [num_train_timesteps] or NULL */
  VldmPrediction prediction;
  VldmSpacing spacing;
  gint steps_offset;
  gboolean set_alpha_to_one;
  gboolean clip_sample;
  gdouble clip_sample_range;
  gboolean rescale_betas_zero_snr;
  gboolean use_karras_sigmas;
  gdouble sigma_min, sigma_max; /* 0 = null */
  gboolean continuous_timesteps;        /* timestep_type */
  gboolean final_sigma_min;     /* final_sigmas_type sigma_min, else zero */
  guint solver_order;           /* DPM++ */
  gboolean lower_order_final, euler_at_final, heun;
} VldmSchedulerConfig;

/* videoldm.json: the author's defaults, or the design's where a key or the file is missing. */
typedef struct
{
  guint frames, context, steps;
  gint fps_n, fps_d;
  gdouble guidance, rescale;
} VldmStageDefaults;

#define VLDM_MAX_RATES 8

typedef struct
{
  guint width, height;          /* 0 = from sample_size */
  VldmStageDefaults keyframes;
  VldmStageDefaults interpolation;      /* frames = both ends and those between; no fps of its own */
  VldmStageDefaults upsampler;  /* frames of a window, context = those it shares with the next; no fps */
  guint noise_level;            /* of the upsampler */
  gdouble interpolation_rates[VLDM_MAX_RATES];  /* frames per second of results that it was trained for */
  guint n_interpolation_rates;  /* 0 = the author does not say */
} VldmDefaults;

/* Each reads @folder/config.json (schedulers: scheduler_config.json). VLDM_ERROR_MODEL names file, key, what was found and
 * what is possible. Free with g_free, unless there is a function for it. */
VldmUnetConfig *vldm_unet_config_load (const char *folder, GError ** error);
VldmAutoencoderConfig *vldm_autoencoder_config_load (const char *folder, GError ** error);
VldmTextConfig *vldm_text_config_load (const char *folder, GError ** error);
VldmSchedulerConfig *vldm_scheduler_config_load (const char *folder, VldmSchedulerKind kind, GError ** error);
void vldm_scheduler_config_free (VldmSchedulerConfig * config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmSchedulerConfig, vldm_scheduler_config_free);

/* @unet may be NULL; it gives the number of frames where videoldm.json does not. Free with g_free. */
VldmDefaults *vldm_defaults_load (const char *model_folder, const VldmUnetConfig * unet, GError ** error);

G_END_DECLS
