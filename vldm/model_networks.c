/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model's networks, each loaded when a stage first asks for it. One thread loads at a time; others that ask meanwhile
 * wait, and can be cancelled while they do.
 */
#include "opencl/ops/warm_up.h"
#include "vldm/model_private.h"
#include "vldm/networks/autoencoder.h"
#include "vldm/networks/text_encoder.h"
#include "vldm/networks/unet.h"
#include "vldm/text/tokenizer.h"

/* How often a waiting thread asks whether it shall go on. */
#define POLL_INTERVAL (50 * G_TIME_SPAN_MILLISECOND)

#define RGB_CHANNELS 3

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

/* ---- kinds of networks ---- */

/* A component that is being loaded. */
typedef struct
{
  VldmModel *model;
  const char *component, *folder;
  LoadReport *report;
} Loading;

static gpointer
load_unet (const Loading * loading, GError ** error)
{
  return vldm_unet_load (loading->model->device, loading->model->type,
      loading->folder, report_fraction, loading->report, error);
}

/* Autoencoders with force_upcast overflow in half precision; nearly all of any is 3 x 3 convolutions of large pictures,
 * which Winograd's algorithm computes faster in fp32 than the direct one in bf16. */
static gpointer
load_autoencoder (const Loading * loading, VldmAutoencoderPart part,
    GError ** error)
{
  VldmModel *model = loading->model;
  const VldmAutoencoderConfig *config =
      vldm_configs_autoencoder (model->configs, loading->component, NULL);
  gboolean upcast = config != NULL && config->force_upcast;

  return vldm_autoencoder_load (model->device,
      upcast ? OCL_F32 : ocl_type_beside (model->type), loading->folder, part,
      report_fraction, loading->report, error);
}

static gpointer
load_encoder (const Loading * loading, GError ** error)
{
  return load_autoencoder (loading, VLDM_ENCODER, error);
}

static gpointer
load_decoder (const Loading * loading, GError ** error)
{
  return load_autoencoder (loading, VLDM_DECODER, error);
}

static gpointer
load_text_encoder (const Loading * loading, GError ** error)
{
  return vldm_text_encoder_load (loading->model->device, loading->model->type,
      loading->folder, report_fraction, loading->report, error);
}

static gpointer
load_tokenizer (const Loading * loading, GError ** error)
{
  return vldm_tokenizer_load (loading->folder, error);
}

/* A network that sees RGB beside its latents. */
static gboolean
is_upsampler (const VldmUnetConfig * config)
{
  return config != NULL
      && config->in_channels == config->out_channels + RGB_CHANNELS;
}

/* Folders like that of the public x4 upscaler, whose unet/ is the upsampler. */
static gboolean
upsamples_by_unet (VldmModel * model)
{
  return !vldm_folder_has (model->folder, "upsampler")
      && is_upsampler (vldm_configs_unet (model->configs, "unet", NULL));
}

/* ---- the table ---- */

typedef struct
{
  gpointer (*load) (const Loading * loading, GError ** error);
  GDestroyNotify free;
} Kind;

static const Kind a_unet = { load_unet, (GDestroyNotify) vldm_unet_free };

static const Kind a_encoder = {
  load_encoder, (GDestroyNotify) vldm_autoencoder_free
};

static const Kind a_decoder = {
  load_decoder, (GDestroyNotify) vldm_autoencoder_free
};

static const Kind a_text_encoder = {
  load_text_encoder, (GDestroyNotify) vldm_text_encoder_free
};

static const Kind a_tokenizer = {
  load_tokenizer, (GDestroyNotify) vldm_tokenizer_free
};

/* A new component is a row here, a name in the enumeration and a getter; its configuration is a row in files/configs.c. */
static const struct
{
  const char *component;
  const Kind *kind;
  VldmNetwork fallback;         /* serves instead of this one, which may be itself = none, ... */
    gboolean (*falls_back) (VldmModel * model); /* ... where this says so; NULL = where there is no such folder */
} networks[VLDM_N_NETWORKS] = {
  [VLDM_NETWORK_UNET] = {"unet", &a_unet, VLDM_NETWORK_UNET},
  [VLDM_NETWORK_INTERPOLATOR] = {"interpolator", &a_unet, VLDM_NETWORK_UNET},
  [VLDM_NETWORK_ENCODER] = {"vae", &a_encoder, VLDM_NETWORK_ENCODER},
  [VLDM_NETWORK_DECODER] = {"vae", &a_decoder, VLDM_NETWORK_DECODER},
  [VLDM_NETWORK_TEXT_ENCODER] = {"text_encoder", &a_text_encoder,
      VLDM_NETWORK_TEXT_ENCODER},
  [VLDM_NETWORK_TOKENIZER] =
      {"tokenizer", &a_tokenizer, VLDM_NETWORK_TOKENIZER},
  [VLDM_NETWORK_UPSAMPLER] = {"upsampler", &a_unet, VLDM_NETWORK_UNET,
      upsamples_by_unet},
  [VLDM_NETWORK_UPSAMPLER_DECODER] = {"upsampler_vae", &a_decoder,
      VLDM_NETWORK_DECODER, upsamples_by_unet},
  [VLDM_NETWORK_UPSAMPLER_TEXT_ENCODER] = {"upsampler_text_encoder",
      &a_text_encoder, VLDM_NETWORK_TEXT_ENCODER},
  [VLDM_NETWORK_UPSAMPLER_TOKENIZER] = {"upsampler_tokenizer", &a_tokenizer,
      VLDM_NETWORK_TOKENIZER},
};

static VldmNetwork
choose_network (VldmModel * model, VldmNetwork network)
{
  VldmNetwork fallback = networks[network].fallback;
  const char *component = networks[network].component;
  gboolean falls_back;

  if (fallback == network)
    return network;
  falls_back = networks[network].falls_back != NULL
      ? networks[network].falls_back (model)
      : !vldm_folder_has (model->folder, component);
  if (!falls_back)
    return network;
  g_debug ("%s: %s/ serves for %s/", model->folder,
      networks[fallback].component, component);
  return fallback;
}

const char *
vldm_model_serving_component (VldmModel * model, VldmNetwork network)
{
  return networks[model->serving[network]].component;
}

void
vldm_model_choose_networks (VldmModel * model)
{
  for (guint i = 0; i < VLDM_N_NETWORKS; i++)
    model->serving[i] = choose_network (model, i);
}

void
vldm_model_unload_networks (VldmModel * model)
{
  g_atomic_int_set (&model->closing, TRUE);
  g_clear_pointer (&model->kernels, g_thread_join);
  for (guint i = 0; i < VLDM_N_NETWORKS; i++)
    g_clear_pointer (&model->networks[i], networks[i].kind->free);
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

/* ---- loading ---- */

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

static gpointer
load_network (VldmModel * model, VldmNetwork network, LoadReport * report,
    GError ** error)
{
  const char *component = networks[network].component;
  g_autofree char *folder =
      vldm_folder_component (model->folder, component, error);
  const Loading loading = { model, component, folder, report };
  guint64 before = ocl_device_bytes_allocated (model->device);
  gint64 start = g_get_monotonic_time ();
  gpointer loaded = folder == NULL ? NULL
      : networks[network].kind->load (&loading, error);

  if (loaded != NULL)
    g_debug ("%s: loaded in %.3f s, %" G_GUINT64_FORMAT " bytes on the device",
        folder,
        (g_get_monotonic_time () - start) / (gdouble) G_TIME_SPAN_SECOND,
        ocl_device_bytes_allocated (model->device) - before);
  return loaded;
}

/* The network that serves for @wanted, after loading it if that has not been done. */
static gpointer
get_network (VldmModel * model, VldmNetwork wanted,
    const VldmProgress * progress, GError ** error)
{
  VldmNetwork network = model->serving[wanted];
  gpointer *place = &model->networks[network];
  LoadReport report = { progress, -1 };
  gpointer result;

  g_mutex_lock (&model->lock);
  if (wait_for_turn (model, place, &report, error) && *place == NULL) {
    model->loading = TRUE;
    if (model->kernels == NULL)
      model->kernels = g_thread_new ("vldm-kernels", build_kernels, model);
    g_mutex_unlock (&model->lock);
    result = load_network (model, network, &report, error);
    g_mutex_lock (&model->lock);
    *place = result;
    model->loading = FALSE;
    g_cond_broadcast (&model->loaded);
  }
  result = *place;
  g_mutex_unlock (&model->lock);
  return result;
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

/* The encoder, if its tokenizer fits. */
static VldmTextEncoder *
get_text_encoder (VldmModel * model, VldmNetwork encoder, VldmNetwork tokenizer,
    const VldmProgress * progress, GError ** error)
{
  VldmTextEncoder *self = get_network (model, encoder, progress, error);

  if (self == NULL || !check_vocabulary (model, self,
          get_network (model, tokenizer, NULL, error), error))
    return NULL;
  return self;
}

VldmUnet *
vldm_model_unet (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_UNET, progress, error);
}

VldmUnet *
vldm_model_interpolator (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_INTERPOLATOR, progress, error);
}

VldmAutoencoder *
vldm_model_encoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_ENCODER, progress, error);
}

VldmAutoencoder *
vldm_model_decoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_DECODER, progress, error);
}

VldmTextEncoder *
vldm_model_text_encoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_text_encoder (model, VLDM_NETWORK_TEXT_ENCODER,
      VLDM_NETWORK_TOKENIZER, progress, error);
}

VldmTokenizer *
vldm_model_tokenizer (VldmModel * model, GError ** error)
{
  return get_network (model, VLDM_NETWORK_TOKENIZER, NULL, error);
}

VldmUnet *
vldm_model_upsampler (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_UPSAMPLER, progress, error);
}

VldmAutoencoder *
vldm_model_upsampler_decoder (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return get_network (model, VLDM_NETWORK_UPSAMPLER_DECODER, progress, error);
}

VldmTextEncoder *
vldm_model_upsampler_text_encoder (VldmModel * model,
    const VldmProgress * progress, GError ** error)
{
  return get_text_encoder (model, VLDM_NETWORK_UPSAMPLER_TEXT_ENCODER,
      VLDM_NETWORK_UPSAMPLER_TOKENIZER, progress, error);
}

VldmTokenizer *
vldm_model_upsampler_tokenizer (VldmModel * model, GError ** error)
{
  return get_network (model, VLDM_NETWORK_UPSAMPLER_TOKENIZER, NULL, error);
}
