/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model's networks, each loaded when a stage first asks for it. One thread loads at a time; others that ask meanwhile
 * wait, and can be cancelled while they do.
 */
#include "vldm/model/model.h"

#include "opencl/ops/bf16.h"
#include "opencl/ops/warm_up.h"
#include "vldm/model/autoencoder.h"
#include "vldm/model/configs.h"
#include "vldm/model/files.h"
#include "vldm/model/json.h"
#include "vldm/model/text_encoder.h"
#include "vldm/model/tokenizer.h"
#include "vldm/model/unet.h"

/* How often a waiting thread asks whether it shall go on. */
#define POLL_INTERVAL (50 * G_TIME_SPAN_MILLISECOND)

#define RGB_CHANNELS 3

/* StableDiffusionUpscalePipeline's. */
#define DEFAULT_MAX_NOISE_LEVEL 350

struct _VldmModel
{
  gint ref_count;
  char *folder;
  OclDevice *device;
  OclType type;                 /* of weights */
  gboolean precision_is_open;
  VldmConfigs *configs;
  VldmDefaults *defaults;
  guint max_noise_level;        /* 0 = no upsampler, or noise_level_error */
  GError *noise_level_error;
  gint closing;                 /* atomic: nobody needs kernels any more */

  GMutex lock;                  /* of all below */
  GCond loaded;
  gboolean loading;             /* somebody loads, without holding the lock */
  GThread *kernels;             /* builds kernels since the first loading; NULL = not begun */
  VldmUnet *unet;
  VldmUnet *interpolator;
  VldmAutoencoder *encoder;
  VldmAutoencoder *decoder;
  VldmTextEncoder *text_encoder;
  VldmTokenizer *tokenizer;
  VldmUnet *upsampler;
  VldmAutoencoder *upsampler_decoder;
  VldmTextEncoder *upsampler_text_encoder;      /* NULL also where text_encoder serves */
  VldmTokenizer *upsampler_tokenizer;   /* likewise */
};

/* ---- configurations ---- */

static gboolean
has_component (VldmModel * model, const char *component)
{
  return vldm_folder_has (model->folder, component);
}

/* A network that sees RGB beside its latents. */
static gboolean
is_upsampler (const VldmUnetConfig * config)
{
  return config != NULL
      && config->in_channels == config->out_channels + RGB_CHANNELS;
}

const char *
vldm_model_upsampler_component (VldmModel * model)
{
  return !has_component (model, "upsampler")
      && is_upsampler (vldm_configs_unet (model->configs, "unet", NULL))
      ? "unet" : "upsampler";
}

static const char *
upsampler_autoencoder_component (VldmModel * model)
{
  return g_str_equal (vldm_model_upsampler_component (model), "unet") ? "vae"
      : "upsampler_vae";
}

/* Pipelines of the public upscaler have it in their model_index.json. */
static void
read_max_noise_level (VldmModel * model)
{
  const VldmUnetConfig *config = vldm_configs_unet (model->configs,
      vldm_model_upsampler_component (model), NULL);
  g_autofree char *path =
      g_build_filename (model->folder, VLDM_FOLDER_INDEX, NULL);
  g_auto (VldmJson) json = { 0 };
  guint level;

  if (config == NULL)
    return;
  level = config->max_noise_level;
  if (level == 0 && !vldm_file_exists (path))
    level = DEFAULT_MAX_NOISE_LEVEL;
  if (level == 0) {
    if (!vldm_json_open (&json, model->folder, VLDM_FOLDER_INDEX,
            &model->noise_level_error))
      return;
    level = vldm_json_uint (&json, "max_noise_level", DEFAULT_MAX_NOISE_LEVEL,
        1, G_MAXINT32);
    if (!vldm_json_done (&json, &model->noise_level_error))
      return;
  }
  model->max_noise_level = config->num_class_embeds > 0
      ? MIN (level, config->num_class_embeds - 1) : level;
}

static OclType
weights_type (OclDevice * device, VldmPrecision precision)
{
  if (precision == VLDM_PRECISION_AUTO)
    return ocl_device_caps (device)->is_cpu ? OCL_F32 : OCL_F16;
  if (precision == VLDM_PRECISION_BF16)
    return ocl_multiplies_bf16 (device) ? OCL_BF16 : OCL_F32;
  return precision == VLDM_PRECISION_F16 ? OCL_F16 : OCL_F32;
}

VldmModel *
vldm_model_new (const char *folder, OclDevice * device,
    VldmPrecision precision, GError ** error)
{
  g_autoptr (VldmModel) model = g_new0 (VldmModel, 1);

  model->ref_count = 1;
  model->folder = g_strdup (folder);
  model->device = ocl_device_ref (device);
  model->type = weights_type (device, precision);
  model->precision_is_open = precision == VLDM_PRECISION_AUTO
      && model->type == OCL_F16;
  g_mutex_init (&model->lock);
  g_cond_init (&model->loaded);
  model->configs = vldm_configs_read (folder);
  model->defaults = vldm_defaults_load (folder,
      vldm_configs_unet (model->configs, "unet", NULL), error);
  if (model->defaults == NULL)
    return NULL;
  read_max_noise_level (model);
  return g_steal_pointer (&model);
}

VldmModel *
vldm_model_ref (VldmModel * model)
{
  g_atomic_int_inc (&model->ref_count);
  return model;
}

void
vldm_model_unref (VldmModel * model)
{
  if (model == NULL || !g_atomic_int_dec_and_test (&model->ref_count))
    return;
  g_atomic_int_set (&model->closing, TRUE);
  g_clear_pointer (&model->kernels, g_thread_join);
  g_clear_pointer (&model->unet, vldm_unet_free);
  g_clear_pointer (&model->interpolator, vldm_unet_free);
  g_clear_pointer (&model->encoder, vldm_autoencoder_free);
  g_clear_pointer (&model->decoder, vldm_autoencoder_free);
  g_clear_pointer (&model->text_encoder, vldm_text_encoder_free);
  g_clear_pointer (&model->tokenizer, vldm_tokenizer_free);
  g_clear_pointer (&model->upsampler, vldm_unet_free);
  g_clear_pointer (&model->upsampler_decoder, vldm_autoencoder_free);
  g_clear_pointer (&model->upsampler_text_encoder, vldm_text_encoder_free);
  g_clear_pointer (&model->upsampler_tokenizer, vldm_tokenizer_free);
  g_clear_pointer (&model->defaults, g_free);
  g_clear_pointer (&model->configs, vldm_configs_free);
  g_clear_error (&model->noise_level_error);
  g_clear_pointer (&model->device, ocl_device_unref);
  g_clear_pointer (&model->folder, g_free);
  g_mutex_clear (&model->lock);
  g_cond_clear (&model->loaded);
  g_free (model);
}

const char *
vldm_model_folder (VldmModel * model)
{
  return model->folder;
}

OclDevice *
vldm_model_device (VldmModel * model)
{
  return model->device;
}

OclType
vldm_model_type (VldmModel * model)
{
  return ocl_type_beside (model->type);
}

gboolean
vldm_model_precision_is_open (VldmModel * model)
{
  return model->precision_is_open;
}

OclType
vldm_model_weights_type (VldmModel * model)
{
  return model->type;
}

const VldmDefaults *
vldm_model_defaults (VldmModel * model)
{
  return model->defaults;
}

const VldmUnetConfig *
vldm_model_unet_config (VldmModel * model, GError ** error)
{
  return vldm_configs_unet (model->configs, "unet", error);
}

const char *
vldm_model_interpolator_component (VldmModel * model)
{
  return has_component (model, "interpolator") ? "interpolator" : "unet";
}

const VldmUnetConfig *
vldm_model_interpolator_config (VldmModel * model, GError ** error)
{
  const char *component = vldm_model_interpolator_component (model);

  if (has_component (model, component))
    return vldm_configs_unet (model->configs, component, error);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
      "%s has neither a folder \"interpolator\" nor \"unet\"; interpolation needs one of them",
      model->folder);
  return NULL;
}

const VldmAutoencoderConfig *
vldm_model_autoencoder_config (VldmModel * model, GError ** error)
{
  return vldm_configs_autoencoder (model->configs, "vae", error);
}

const VldmUnetConfig *
vldm_model_upsampler_config (VldmModel * model, GError ** error)
{
  g_autoptr (GError) unet_error = NULL;
  const VldmUnetConfig *unet =
      vldm_configs_unet (model->configs, "unet", &unet_error);

  if (has_component (model, "upsampler"))
    return vldm_configs_unet (model->configs, "upsampler", error);
  if (is_upsampler (unet))
    return unet;
  if (unet == NULL && has_component (model, "unet"))
    g_propagate_error (error, g_steal_pointer (&unet_error));
  else
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND,
        "%s has neither a folder \"upsampler\" nor a \"unet\" that takes RGB beside its latents; upsampling needs one of them",
        model->folder);
  return NULL;
}

const VldmAutoencoderConfig *
vldm_model_upsampler_autoencoder_config (VldmModel * model, GError ** error)
{
  return vldm_configs_autoencoder (model->configs,
      upsampler_autoencoder_component (model), error);
}

gboolean
vldm_model_max_noise_level (VldmModel * model, guint * level, GError ** error)
{
  if (model->noise_level_error != NULL && error != NULL)
    *error = g_error_copy (model->noise_level_error);
  *level = model->max_noise_level;
  return model->noise_level_error == NULL;
}

/* ---- kernels ---- */

static gboolean
needs_kernels (gpointer model)
{
  return !g_atomic_int_get (&((VldmModel *) model)->closing);
}

/* Channels of an attention head, level by level. */
static guint
collect_head_dims (const VldmUnetConfig * config, guint * head_dims)
{
  guint n = 0;

  for (guint i = 0; config != NULL && i < config->n_levels; i++) {
    guint head_dim =
        config->block_out_channels[i] / config->num_attention_heads[i];
    if (n == 0 || head_dims[n - 1] != head_dim)
      head_dims[n++] = head_dim;
  }
  return n;
}

/* Whatever fails here fails again where it matters. */
static gpointer
build_kernels (gpointer data)
{
  VldmModel *model = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (OclQueue) queue = ocl_queue_new (model->device, &error);
  guint head_dims[VLDM_MAX_LEVELS];
  guint n = collect_head_dims (vldm_configs_unet (model->configs, "unet",
          NULL), head_dims);

  if (queue != NULL) {
    ocl_queue_set_callbacks (queue, needs_kernels, NULL, NULL, model);
    ocl_warm_up (queue, model->type, head_dims, n, &error);
  }
  if (error != NULL)
    g_debug ("%s: kernels are not built in advance: %s", model->folder,
        error->message);
  return NULL;
}

/* ---- networks ---- */

/* The caller's progress, told only when the percentage changes. */
typedef struct
{
  const VldmProgress *progress; /* may be NULL */
  gint percent;                 /* told last; -1 = none */
} LoadReport;

static gboolean
report_percent (LoadReport * report, guint percent)
{
  const VldmProgress *progress = report->progress;

  report->percent = percent;
  return progress == NULL || progress->progress == NULL
      || progress->progress (VLDM_ACTIVITY_LOAD_MODEL, percent, 100,
      progress->user_data);
}

static gboolean
report_fraction (gdouble fraction, gpointer user_data)
{
  LoadReport *report = user_data;
  gint percent = 100.0 * fraction;

  return percent == report->percent || report_percent (report, percent);
}

typedef gpointer (*LoadFunc) (VldmModel * model, LoadReport * report,
    GError ** error);

/* Waits for the one who loads, until there is something at @network or it is our turn. Called with the lock. */
static gboolean
wait_for_turn (VldmModel * model, gpointer * network, LoadReport * report,
    GError ** error)
{
  while (*network == NULL && model->loading) {
    gboolean go_on;

    g_cond_wait_until (&model->loaded, &model->lock,
        g_get_monotonic_time () + POLL_INTERVAL);
    g_mutex_unlock (&model->lock);
    go_on = report_percent (report, 0);
    g_mutex_lock (&model->lock);
    if (!go_on) {
      g_set_error (error, VLDM_ERROR, VLDM_ERROR_CANCELLED,
          "waiting for %s was cancelled", model->folder);
      return FALSE;
    }
  }
  return TRUE;
}

/* What is at @network, after loading it if it is not there yet. */
static gpointer
get_network (VldmModel * model, gpointer * network, LoadFunc load,
    const VldmProgress * progress, GError ** error)
{
  LoadReport report = { progress, -1 };
  gpointer result;

  g_mutex_lock (&model->lock);
  if (wait_for_turn (model, network, &report, error) && *network == NULL) {
    model->loading = TRUE;
    if (model->kernels == NULL)
      model->kernels = g_thread_new ("vldm-kernels", build_kernels, model);
    g_mutex_unlock (&model->lock);
    result = load (model, &report, error);
    g_mutex_lock (&model->lock);
    *network = result;
    model->loading = FALSE;
    g_cond_broadcast (&model->loaded);
  }
  result = *network;
  g_mutex_unlock (&model->lock);
  return result;
}

static gpointer
load_unet_from (VldmModel * model, const char *component,
    LoadReport * report, GError ** error)
{
  g_autofree char *folder =
      vldm_folder_component (model->folder, component, error);

  return folder == NULL ? NULL : vldm_unet_load (model->device, model->type,
      folder, report_fraction, report, error);
}

static gpointer
load_unet (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_unet_from (model, "unet", report, error);
}

static gpointer
load_interpolator (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_unet_from (model, "interpolator", report, error);
}

static gpointer
load_upsampler (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_unet_from (model, vldm_model_upsampler_component (model), report,
      error);
}

/* Autoencoders with force_upcast overflow in half precision; nearly all of any is 3 x 3 convolutions of large pictures,
 * which Winograd's way does faster in fp32 than the direct one in bf16. */
static gpointer
load_autoencoder_from (VldmModel * model, const char *component,
    VldmAutoencoderPart part, LoadReport * report, GError ** error)
{
  g_autofree char *folder =
      vldm_folder_component (model->folder, component, error);
  const VldmAutoencoderConfig *config =
      vldm_configs_autoencoder (model->configs, component, NULL);
  gboolean upcast = config != NULL && config->force_upcast;

  return folder == NULL ? NULL : vldm_autoencoder_load (model->device,
      upcast ? OCL_F32 : ocl_type_beside (model->type), folder, part,
      report_fraction, report, error);
}

static gpointer
load_encoder (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_autoencoder_from (model, "vae", VLDM_ENCODER, report, error);
}

static gpointer
load_decoder (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_autoencoder_from (model, "vae", VLDM_DECODER, report, error);
}

static gpointer
load_upsampler_decoder (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_autoencoder_from (model,
      upsampler_autoencoder_component (model), VLDM_DECODER, report, error);
}

static gpointer
load_text_encoder_from (VldmModel * model, const char *component,
    LoadReport * report, GError ** error)
{
  g_autofree char *folder =
      vldm_folder_component (model->folder, component, error);

  return folder == NULL ? NULL : vldm_text_encoder_load (model->device,
      model->type, folder, report_fraction, report, error);
}

static gpointer
load_text_encoder (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_text_encoder_from (model, "text_encoder", report, error);
}

static gpointer
load_upsampler_text_encoder (VldmModel * model, LoadReport * report,
    GError ** error)
{
  return load_text_encoder_from (model, "upsampler_text_encoder", report,
      error);
}

static gpointer
load_tokenizer_from (VldmModel * model, const char *component, GError ** error)
{
  g_autofree char *folder =
      vldm_folder_component (model->folder, component, error);

  return folder == NULL ? NULL : vldm_tokenizer_load (folder, error);
}

static gpointer
load_tokenizer (VldmModel * model, LoadReport * report, GError ** error)
{
  return load_tokenizer_from (model, "tokenizer", error);
}

static gpointer
load_upsampler_tokenizer (VldmModel * model, LoadReport * report,
    GError ** error)
{
  return load_tokenizer_from (model, "upsampler_tokenizer", error);
}

VldmUnet *
vldm_model_unet (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, (gpointer *) & model->unet, load_unet, progress,
      error);
}

VldmUnet *
vldm_model_interpolator (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  if (g_str_equal (vldm_model_interpolator_component (model), "unet"))
    return vldm_model_unet (model, progress, error);
  return get_network (model, (gpointer *) & model->interpolator,
      load_interpolator, progress, error);
}

VldmAutoencoder *
vldm_model_encoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, (gpointer *) & model->encoder, load_encoder,
      progress, error);
}

VldmAutoencoder *
vldm_model_decoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, (gpointer *) & model->decoder, load_decoder,
      progress, error);
}

VldmUnet *
vldm_model_upsampler (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, (gpointer *) & model->upsampler, load_upsampler,
      progress, error);
}

/* One network in memory where vae/ serves for both. */
VldmAutoencoder *
vldm_model_upsampler_decoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  if (g_str_equal (upsampler_autoencoder_component (model), "vae"))
    return vldm_model_decoder (model, progress, error);
  return get_network (model, (gpointer *) & model->upsampler_decoder,
      load_upsampler_decoder, progress, error);
}

/* The tokens must all have rows in the text encoder's table. */
static gboolean
check_vocabulary (VldmModel * model, VldmTextEncoder * encoder,
    VldmTokenizer * tokenizer, GError ** error)
{
  guint vocab_size = vldm_text_encoder_config (encoder)->vocab_size;

  if (tokenizer == NULL)
    return FALSE;
  if (vldm_tokenizer_size (tokenizer) <= vocab_size)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
      "%s: tokenizer/ has %u tokens, text_encoder/ only %u (vocab_size)",
      model->folder, vldm_tokenizer_size (tokenizer), vocab_size);
  return FALSE;
}

VldmTextEncoder *
vldm_model_text_encoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  VldmTextEncoder *encoder = get_network (model,
      (gpointer *) & model->text_encoder, load_text_encoder, progress, error);

  if (encoder == NULL || !check_vocabulary (model, encoder,
          vldm_model_tokenizer (model, error), error))
    return NULL;
  return encoder;
}

VldmTokenizer *
vldm_model_tokenizer (VldmModel * model, GError ** error)
{
  return get_network (model, (gpointer *) & model->tokenizer, load_tokenizer,
      NULL, error);
}

VldmTextEncoder *
vldm_model_upsampler_text_encoder (VldmModel * model,
    const VldmProgress * progress, GError ** error)
{
  VldmTextEncoder *encoder;

  if (!has_component (model, "upsampler_text_encoder")
      && !has_component (model, "upsampler_tokenizer"))
    return vldm_model_text_encoder (model, progress, error);
  encoder = get_network (model, (gpointer *) & model->upsampler_text_encoder,
      load_upsampler_text_encoder, progress, error);
  if (encoder == NULL || !check_vocabulary (model, encoder,
          vldm_model_upsampler_tokenizer (model, error), error))
    return NULL;
  return encoder;
}

VldmTokenizer *
vldm_model_upsampler_tokenizer (VldmModel * model, GError ** error)
{
  if (!has_component (model, "upsampler_tokenizer"))
    return vldm_model_tokenizer (model, error);
  return get_network (model, (gpointer *) & model->upsampler_tokenizer,
      load_upsampler_tokenizer, NULL, error);
}
