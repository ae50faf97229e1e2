/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * config.json of UNet, autoencoder and text encoder. Each reader goes through the keys of its class in the order of the
 * class's signature; the fallback of each is the signature's default.
 * Source: diffusers 0.42 UNetSpatioTemporalConditionModel, UNet2DConditionModel, AutoencoderKL,
 * AutoencoderKLTemporalDecoder; transformers 5 CLIPTextConfig.
 */
#include "vldm/files/config.h"

#include "vldm/files/json.h"

#define MAX_CHANNELS 65536
#define MAX_LAYERS 256
#define MAX_NOISE_LEVEL 1000000
/* Group norms of the spatio-temporal classes, whose configurations have no key for it. */
#define NORM_GROUPS 32

/* Networks that people have and nothing here computes. */
static const char *
name_family (const char *class)
{
  static const struct
  {
    const char *class, *family;
  } families[] = {
    {"UNet3DConditionModel", "ModelScope's and ZeroScope's"},
    {"UNetMotionModel", "AnimateDiff's"},
    {"MotionAdapter", "AnimateDiff's, an adapter by itself"},
    {"I2VGenXLUNet", "I2VGen-XL's"},
    {"AutoencoderTiny", "TAESD's, for previews"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    if (g_str_equal (class, families[i].class))
      return families[i].family;
  return NULL;
}

static void
check_class (VldmJson * json, const char *const *classes)
{
  JsonNode *node = vldm_json_get (json, "_class_name");
  const char *class = vldm_json_node_string (node);
  const char *family = class ? name_family (class) : NULL;
  g_autofree char *list = g_strjoinv (", ", (char **) classes);

  if (!node)
    vldm_json_fail (json, "_class_name", "missing; possible: %s", list);
  else if (family)
    vldm_json_fail (json, "_class_name", "\"%s\" is not supported; possible: "
        "%s; it is %s", class, list, family);
  else
    vldm_json_choice (json, "_class_name", classes, 0);
}

/* One entry a level in each list of a configuration. */
static void
check_levels (VldmJson * json, const char *key, guint n, guint n_levels)
{
  if (n != n_levels)
    vldm_json_fail (json, key, "has %u entries, block_out_channels has %u; "
        "they must be equal", n, n_levels);
}

static void
check_divides (VldmJson * json, const char *key, guint level, guint channels,
    guint divisor, const char *what)
{
  if (divisor == 0 || channels % divisor != 0)
    vldm_json_fail (json, key, "%u channels of level %u are no multiple of "
        "%u %s", channels, level, divisor, what);
}

static guint
read_levels (VldmJson * json, guint * channels, const guint * fallback,
    guint n_fallback)
{
  guint n = vldm_json_uints (json, "block_out_channels", channels,
      VLDM_MAX_LEVELS, 1, MAX_CHANNELS);

  for (guint i = 0; n == 0 && i < n_fallback; i++)
    channels[i] = fallback[i];
  return n > 0 ? n : n_fallback;
}

/* null, one number for both, or [height, width]. */
static void
read_sample_size (VldmJson * json, guint * height, guint * width)
{
  guint size[2] = { 0, 0 };

  vldm_json_uint_or_list (json, "sample_size", size, 2, 0, 1, MAX_CHANNELS);
  *height = size[0];
  *width = size[1];
}

/* Whether each block has attention: @types are { without, with }. */
static void
read_block_types (VldmJson * json, const char *key, const char *const *types,
    const gboolean * fallback, gboolean * attention, guint n_levels)
{
  guint chosen[VLDM_MAX_LEVELS] = { 0 };
  guint n = vldm_json_choices (json, key, types, chosen, VLDM_MAX_LEVELS);

  for (guint i = 0; i < n_levels; i++)
    attention[i] = n > 0 ? chosen[i] == 1 : fallback[i % 4];
  check_levels (json, key, n > 0 ? n : 4, n_levels);
}

/* Heads of every level, under the name that the class has for them. */
static void
read_heads (VldmJson * json, const char *key, const guint * fallback,
    VldmUnetConfig * config)
{
  guint n = config->n_levels;

  if (vldm_json_get (json, key)) {
    vldm_json_uint_or_list (json, key, config->num_attention_heads, n, 1, 1,
        MAX_CHANNELS);
  } else {
    check_levels (json, key, 4, n);
    for (guint i = 0; i < 4; i++)
      config->num_attention_heads[i] = fallback[i];
  }
}

/* Heads divide channels, and all cross-attentions see the same text. The middle block, too, has an attention: it is as
 * wide as the last level. */
static void
check_attentions (VldmJson * json, const char *heads_key,
    const VldmUnetConfig * config)
{
  guint n = config->n_levels;
  guint text = config->cross_attention_dim[n - 1];

  for (guint i = 0; i < n; i++) {
    if (!config->down_attention[i] && !config->up_attention[n - 1 - i]
        && i != n - 1)
      continue;
    check_divides (json, heads_key, i,
        config->block_out_channels[i], config->num_attention_heads[i],
        "(attention heads)");
    if (config->cross_attention_dim[i] != text)
      vldm_json_fail (json, "cross_attention_dim",
          "level %u has %u, the middle "
          "block %u; levels with attention must be equal, since all see one "
          "text", i, config->cross_attention_dim[i], text);
  }
}

/* The added time ids: each is embedded with addition_time_embed_dim numbers, all concatenated. */
static void
read_time_ids (VldmJson * json, VldmUnetConfig * config)
{
  guint all;

  config->addition_time_embed_dim =
      vldm_json_uint (json, "addition_time_embed_dim", 256, 2, MAX_CHANNELS);
  if (config->addition_time_embed_dim % 2 != 0)
    vldm_json_fail (json, "addition_time_embed_dim", "%u is odd; it holds as "
        "many sines as cosines", config->addition_time_embed_dim);
  all = vldm_json_uint (json, "projection_class_embeddings_input_dim", 768, 1,
      MAX_CHANNELS);
  config->n_time_ids = all / config->addition_time_embed_dim;
  if (all % config->addition_time_embed_dim != 0)
    vldm_json_fail (json, "projection_class_embeddings_input_dim",
        "%u is no multiple of addition_time_embed_dim, %u", all,
        config->addition_time_embed_dim);
}

/* What both classes have. @types are those of down and up blocks, { without attention, with }. */
static void
read_unet_levels (VldmJson * json, const char *const *down_types,
    const char *const *up_types, guint cross_attention_dim,
    VldmUnetConfig * config)
{
  static const gboolean down_default[] = { TRUE, TRUE, TRUE, FALSE };
  static const gboolean up_default[] = { FALSE, TRUE, TRUE, TRUE };
  static const guint channels[] = { 320, 640, 1280, 1280 };
  guint n;

  read_sample_size (json, &config->sample_height, &config->sample_width);
  n = config->n_levels = read_levels (json, config->block_out_channels,
      channels, G_N_ELEMENTS (channels));
  for (guint i = 0; i < n; i++)
    check_divides (json, "block_out_channels", i,
        config->block_out_channels[i], NORM_GROUPS, "(groups of the norms)");
  read_block_types (json, "down_block_types", down_types, down_default,
      config->down_attention, n);
  read_block_types (json, "up_block_types", up_types, up_default,
      config->up_attention, n);
  vldm_json_uint_or_list (json, "layers_per_block", config->layers_per_block,
      n, 2, 1, MAX_LAYERS);
  vldm_json_uint_or_list (json, "cross_attention_dim",
      config->cross_attention_dim, n, cross_attention_dim, 1, MAX_CHANNELS);
  vldm_json_uint_or_list (json, "transformer_layers_per_block",
      config->transformer_layers_per_block, n, 1, 1, MAX_LAYERS);
  config->max_noise_level = vldm_json_uint (json, "max_noise_level", 0, 1,
      MAX_NOISE_LEVEL);
}

/* Norms' eps are the class's, whatever its configuration says. */
static void
read_spatio_temporal (VldmJson * json, VldmUnetConfig * config)
{
  static const char *const down_types[] = { "DownBlockSpatioTemporal",
    "CrossAttnDownBlockSpatioTemporal", NULL
  };
  static const char *const up_types[] = { "UpBlockSpatioTemporal",
    "CrossAttnUpBlockSpatioTemporal", NULL
  };
  static const guint heads[] = { 5, 10, 20, 20 };

  config->temporal_layers = TRUE;
  config->norm_eps = 1e-5f;
  config->attention_norm_eps = 1e-6f;
  config->in_channels = vldm_json_uint (json, "in_channels", 8, 1, 1024);
  config->out_channels = vldm_json_uint (json, "out_channels", 4, 1, 1024);
  read_unet_levels (json, down_types, up_types, 1024, config);
  read_time_ids (json, config);
  read_heads (json, "num_attention_heads", heads, config);
  config->num_frames = vldm_json_uint (json, "num_frames", 25, 1, 65536);
  check_attentions (json, "num_attention_heads", config);
}

/* Keys of UNet2DConditionModel for variants that do not exist here: each must be missing or have its default. */
static void
refuse_variants (VldmJson * json)
{
  static const char *const absent[] = { "num_attention_heads",
    "reverse_transformer_layers_per_block", "encoder_hid_dim",
    "encoder_hid_dim_type", "class_embed_type", "addition_embed_type",
    "time_embedding_dim", "time_embedding_act_fn", "timestep_post_act",
    "time_cond_proj_dim", "cross_attention_norm"
  };
  static const struct
  {
    const char *key;
    gboolean value;
  } booleans[] = {
    {"center_input_sample", FALSE},
    {"flip_sin_to_cos", TRUE},
    {"dual_cross_attention", FALSE},
    {"resnet_skip_time_act", FALSE},
    {"class_embeddings_concat", FALSE},
  };
  static const struct
  {
    const char *key;
    gdouble value;
  } numbers[] = {
    {"freq_shift", 0},
    {"downsample_padding", 1},
    {"mid_block_scale_factor", 1},
    {"norm_num_groups", NORM_GROUPS},
    {"resnet_out_scale_factor", 1},
    {"conv_in_kernel", 3},
    {"conv_out_kernel", 3},
  };
  static const struct
  {
    const char *key;
    const char *const values[3];
  } names[] = {
    {"mid_block_type", {"UNetMidBlock2DCrossAttn"}},
    {"act_fn", {"silu", "swish"}},
    {"resnet_time_scale_shift", {"default"}},
    {"time_embedding_type", {"positional"}},
    {"attention_type", {"default"}},
  };

  for (guint i = 0; i < G_N_ELEMENTS (absent); i++)
    if (vldm_json_get (json, absent[i]))
      vldm_json_fail (json, absent[i], "is not supported; possible: null");
  for (guint i = 0; i < G_N_ELEMENTS (booleans); i++)
    if (vldm_json_bool (json, booleans[i].key, booleans[i].value) !=
        booleans[i].value)
      vldm_json_fail (json, booleans[i].key, "is not supported; possible: %s",
          booleans[i].value ? "true" : "false");
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (vldm_json_double (json, numbers[i].key, numbers[i].value, -1e6, 1e6) !=
        numbers[i].value)
      vldm_json_fail (json, numbers[i].key, "is not supported; possible: %g",
          numbers[i].value);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    vldm_json_choice (json, names[i].key, names[i].values, 0);
}

/* One boolean for all levels, or one each. */
static void
read_only_cross_attention (VldmJson * json, VldmUnetConfig * config)
{
  const char *key = "only_cross_attention";
  JsonNode *node = vldm_json_get (json, key);
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node)
      ? json_node_get_array (node) : NULL;
  guint n = config->n_levels;

  if (list != NULL)
    check_levels (json, key, json_array_get_length (list), n);
  if (list == NULL || json_array_get_length (list) != n) {
    gboolean all = list == NULL && vldm_json_bool (json, key, FALSE);

    for (guint i = 0; i < n; i++)
      config->only_cross_attention[i] = all;
    return;
  }
  for (guint i = 0; i < n; i++) {
    JsonNode *item = json_array_get_element (list, i);

    if (!vldm_json_node_holds (item, G_TYPE_BOOLEAN))
      vldm_json_fail (json, key, "expected true or false for every level");
    else
      config->only_cross_attention[i] = json_node_get_boolean (item);
  }
}

/* attention_head_dim is the number of heads, whatever it is called. */
static void
read_unet_2d (VldmJson * json, VldmUnetConfig * config)
{
  static const char *const down_types[] = { "DownBlock2D",
    "CrossAttnDownBlock2D", NULL
  };
  static const char *const up_types[] = { "UpBlock2D", "CrossAttnUpBlock2D",
    NULL
  };
  guint n;

  config->in_channels = vldm_json_uint (json, "in_channels", 4, 1, 1024);
  config->out_channels = vldm_json_uint (json, "out_channels", 4, 1, 1024);
  read_unet_levels (json, down_types, up_types, 1280, config);
  n = config->n_levels;
  read_only_cross_attention (json, config);
  config->norm_eps = vldm_json_double (json, "norm_eps", 1e-5, 1e-12, 1.0);
  config->attention_norm_eps = config->norm_eps;
  vldm_json_uint_or_list (json, "attention_head_dim",
      config->num_attention_heads, n, 8, 1, MAX_CHANNELS);
  config->num_class_embeds = vldm_json_uint (json, "num_class_embeds", 0, 1,
      1 << 20);
  config->num_frames = vldm_json_uint (json, "num_frames", 8, 1, 65536);
  refuse_variants (json);
  check_attentions (json, "attention_head_dim", config);
}

static void
read_unet (VldmJson * json, VldmUnetConfig * config)
{
  static const char *const classes[] = { "UNetSpatioTemporalConditionModel",
    "UNet2DConditionModel", NULL
  };

  check_class (json, classes);
  if (vldm_json_choice (json, "_class_name", classes, 0) == 0)
    read_spatio_temporal (json, config);
  else
    read_unet_2d (json, config);
}

VldmUnetConfig *
vldm_unet_config_load (const char *folder, GError ** error)
{
  g_autofree VldmUnetConfig *config = g_new0 (VldmUnetConfig, 1);
  g_auto (VldmJson) json = { 0 };

  if (!vldm_json_open (&json, folder, "config.json", error))
    return NULL;
  read_unet (&json, config);
  return vldm_json_done (&json, error) ? g_steal_pointer (&config) : NULL;
}

/* Both halves have one kind of block, so a list of types only says how many there are. */
static void
check_autoencoder_blocks (VldmJson * json, const char *key, const char *type,
    guint n_levels)
{
  const char *const types[] = { type, NULL };
  guint chosen[VLDM_MAX_LEVELS];
  guint n = vldm_json_choices (json, key, types, chosen, VLDM_MAX_LEVELS);

  check_levels (json, key, n > 0 ? n : 1, n_levels);
}

/* Keys that AutoencoderKLTemporalDecoder lacks: there the numbers are fixed. */
static void
read_autoencoder_kl (VldmJson * json, VldmAutoencoderConfig * config)
{
  static const char *const activations[] = { "silu", "swish", NULL };
  static const char *const unsupported[] = { "latents_mean", "latents_std" };

  check_autoencoder_blocks (json, "up_block_types", "UpDecoderBlock2D",
      config->n_levels);
  vldm_json_choice (json, "act_fn", activations, 0);
  config->norm_num_groups = vldm_json_uint (json, "norm_num_groups", 32, 1,
      MAX_CHANNELS);
  config->shift_factor = vldm_json_double (json, "shift_factor", 0.0, -1e6,
      1e6);
  for (guint i = 0; i < G_N_ELEMENTS (unsupported); i++)
    if (vldm_json_get (json, unsupported[i]))
      vldm_json_fail (json, unsupported[i], "is not supported; possible: null, "
          "with scaling_factor and shift_factor instead");
  config->use_quant_conv = vldm_json_bool (json, "use_quant_conv", TRUE);
  config->use_post_quant_conv = vldm_json_bool (json, "use_post_quant_conv",
      TRUE);
  config->mid_block_attention = vldm_json_bool (json,
      "mid_block_add_attention", TRUE);
}

static void
read_autoencoder (VldmJson * json, VldmAutoencoderConfig * config)
{
  static const char *const classes[] = { "AutoencoderKL",
    "AutoencoderKLTemporalDecoder", NULL
  };
  static const guint channels[] = { 64 };

  check_class (json, classes);
  config->temporal_decoder = vldm_json_choice (json, "_class_name", classes,
      0) == 1;
  config->in_channels = vldm_json_uint (json, "in_channels", 3, 1, 1024);
  config->out_channels = vldm_json_uint (json, "out_channels", 3, 1, 1024);
  config->n_levels = read_levels (json, config->block_out_channels, channels,
      G_N_ELEMENTS (channels));
  check_autoencoder_blocks (json, "down_block_types", "DownEncoderBlock2D",
      config->n_levels);
  config->layers_per_block = vldm_json_uint (json, "layers_per_block", 1, 1,
      MAX_LAYERS);
  config->latent_channels = vldm_json_uint (json, "latent_channels", 4, 1,
      1024);
  config->scaling_factor = vldm_json_double (json, "scaling_factor", 0.18215,
      1e-6, 1e6);
  config->force_upcast = vldm_json_bool (json, "force_upcast", TRUE);
  config->norm_num_groups = NORM_GROUPS;
  config->use_quant_conv = TRUE;
  config->mid_block_attention = TRUE;
  if (!config->temporal_decoder)
    read_autoencoder_kl (json, config);

  config->factor = 1u << (config->n_levels - 1);
  for (guint i = 0; i < config->n_levels; i++)
    check_divides (json, "block_out_channels", i,
        config->block_out_channels[i], config->norm_num_groups,
        "(groups of the norms)");
}

VldmAutoencoderConfig *
vldm_autoencoder_config_load (const char *folder, GError ** error)
{
  g_autofree VldmAutoencoderConfig *config = g_new0 (VldmAutoencoderConfig, 1);
  g_auto (VldmJson) json = { 0 };

  if (!vldm_json_open (&json, folder, "config.json", error))
    return NULL;
  read_autoencoder (&json, config);
  return vldm_json_done (&json, error) ? g_steal_pointer (&config) : NULL;
}

static void
read_text (VldmJson * json, VldmTextConfig * config)
{
  static const char *const activations[] = { "gelu", "quick_gelu", NULL };

  config->vocab_size = vldm_json_uint (json, "vocab_size", 49408, 1, 1 << 24);
  config->hidden_size = vldm_json_uint (json, "hidden_size", 512, 1,
      MAX_CHANNELS);
  config->intermediate_size = vldm_json_uint (json, "intermediate_size", 2048,
      1, MAX_CHANNELS);
  config->num_hidden_layers = vldm_json_uint (json, "num_hidden_layers", 12, 1,
      MAX_LAYERS);
  config->num_attention_heads = vldm_json_uint (json, "num_attention_heads", 8,
      1, MAX_CHANNELS);
  config->max_position_embeddings = vldm_json_uint (json,
      "max_position_embeddings", 77, 2, MAX_CHANNELS);
  config->quick_gelu = vldm_json_choice (json, "hidden_act", activations,
      1) == 1;
  config->layer_norm_eps = vldm_json_double (json, "layer_norm_eps", 1e-5,
      1e-12, 1.0);
  if (config->hidden_size % config->num_attention_heads != 0)
    vldm_json_fail (json, "hidden_size", "%u is no multiple of "
        "num_attention_heads, %u", config->hidden_size,
        config->num_attention_heads);
}

VldmTextConfig *
vldm_text_config_load (const char *folder, GError ** error)
{
  static const char *const types[] = { "clip_text_model", "clip", NULL };
  g_autofree VldmTextConfig *config = g_new0 (VldmTextConfig, 1);
  g_auto (VldmJson) json = { 0 };
  VldmJson text;

  if (!vldm_json_open (&json, folder, "config.json", error))
    return NULL;
  vldm_json_choice (&json, "model_type", types, 0);
  /* Configurations of the whole CLIP keep the text half's inside. */
  if (vldm_json_child (&json, "text_config", &text)) {
    read_text (&text, config);
    vldm_json_close (&json, &text);
  } else {
    read_text (&json, config);
  }
  return vldm_json_done (&json, error) ? g_steal_pointer (&config) : NULL;
}
