/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A layer: x += out_proj (causal attention (LN x));  x += fc2 (act (fc1 (LN x))). Padding is not masked.
 */
#include "vldm/networks/text_encoder.h"

#include "opencl/ops/attention.h"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/linear.h"
#include "opencl/ops/norm.h"

typedef struct
{
  VldmNorm layer_norm1, layer_norm2;
  OclWeights *qkv_proj;         /* query, key and value side by side */
  OclWeights *out_proj;
  OclWeights *fc1, *fc2;
} TextLayer;

struct _VldmTextEncoder
{
  VldmTextConfig *config;
  OclType type;
  OclBuffer *token_embedding, *position_embedding;
  TextLayer *layers;            /* [num_hidden_layers] */
  VldmNorm final_layer_norm;
};

/* ---- loading ---- */

static gboolean
load_layer (TextLayer * layer, VldmWeights * weights, const char *prefix,
    const VldmTextConfig * config, GError ** error)
{
  gsize width = config->hidden_size;
  g_autofree char *attention = g_strconcat (prefix, ".self_attn", NULL);
  g_autofree char *mlp = g_strconcat (prefix, ".mlp", NULL);
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, attention, "q_proj", width);
  vldm_stack_add (stack, attention, "k_proj", width);
  vldm_stack_add (stack, attention, "v_proj", width);
  return vldm_weights_norm (weights, prefix, "layer_norm1", width,
      &layer->layer_norm1, error)
      && vldm_weights_stack (weights, stack, width, VLDM_LINEAR_BIAS,
      &layer->qkv_proj, error)
      && vldm_weights_linear (weights, attention, "out_proj", width, width,
      VLDM_LINEAR_BIAS, &layer->out_proj, error)
      && vldm_weights_norm (weights, prefix, "layer_norm2", width,
      &layer->layer_norm2, error)
      && vldm_weights_linear (weights, mlp, "fc1", config->intermediate_size,
      width, VLDM_LINEAR_BIAS, &layer->fc1, error)
      && vldm_weights_linear (weights, mlp, "fc2", width,
      config->intermediate_size, VLDM_LINEAR_BIAS, &layer->fc2, error);
}

static gboolean
load_encoder (VldmTextEncoder * encoder, VldmWeights * weights, GError ** error)
{
  const VldmTextConfig *config = encoder->config;
  const char *root = vldm_weights_has (weights, "text_model",
      "embeddings.token_embedding.weight") ? "text_model." : "";
  g_autofree char *embeddings = g_strconcat (root, "embeddings", NULL);
  g_autofree char *final_norm = g_strconcat (root, "final_layer_norm", NULL);

  if (!vldm_weights_table (weights, embeddings, "token_embedding.weight",
          config->vocab_size, config->hidden_size, &encoder->token_embedding,
          error))
    return FALSE;
  if (!vldm_weights_table (weights, embeddings, "position_embedding.weight",
          config->max_position_embeddings, config->hidden_size,
          &encoder->position_embedding, error))
    return FALSE;
  encoder->layers = g_new0 (TextLayer, config->num_hidden_layers);
  for (guint i = 0; i < config->num_hidden_layers; i++) {
    g_autofree char *prefix = g_strdup_printf ("%sencoder.layers.%u", root, i);

    if (!load_layer (&encoder->layers[i], weights, prefix, config, error))
      return FALSE;
  }
  return vldm_weights_norm (weights, "", final_norm, config->hidden_size,
      &encoder->final_layer_norm, error);
}

VldmTextEncoder *
vldm_text_encoder_load (OclDevice * device, OclType type, const char *folder,
    VldmLoadingFunc loading, gpointer user_data, GError ** error)
{
  g_autoptr (VldmTextEncoder) encoder = g_new0 (VldmTextEncoder, 1);
  g_autoptr (VldmWeights) weights = NULL;

  encoder->type = ocl_type_beside (type);
  encoder->config = vldm_text_config_load (folder, error);
  if (encoder->config == NULL)
    return NULL;
  weights = vldm_weights_open (device, type, folder, "model", loading,
      user_data, error);
  if (weights == NULL || !load_encoder (encoder, weights, error))
    return NULL;
  vldm_weights_list_unused (weights);
  return g_steal_pointer (&encoder);
}

static void
clear_layer (TextLayer * layer)
{
  vldm_norm_clear (&layer->layer_norm1);
  vldm_norm_clear (&layer->layer_norm2);
  g_clear_pointer (&layer->qkv_proj, ocl_weights_free);
  g_clear_pointer (&layer->out_proj, ocl_weights_free);
  g_clear_pointer (&layer->fc1, ocl_weights_free);
  g_clear_pointer (&layer->fc2, ocl_weights_free);
}

void
vldm_text_encoder_free (VldmTextEncoder * encoder)
{
  if (encoder == NULL)
    return;
  for (guint i = 0;
      encoder->layers != NULL && i < encoder->config->num_hidden_layers; i++)
    clear_layer (&encoder->layers[i]);
  g_clear_pointer (&encoder->layers, g_free);
  g_clear_pointer (&encoder->token_embedding, ocl_buffer_unref);
  g_clear_pointer (&encoder->position_embedding, ocl_buffer_unref);
  vldm_norm_clear (&encoder->final_layer_norm);
  g_clear_pointer (&encoder->config, g_free);
  g_free (encoder);
}

const VldmTextConfig *
vldm_text_encoder_config (VldmTextEncoder * encoder)
{
  return encoder->config;
}

/* ---- running ---- */

/* Scratch of a run, [1, 1, n, channels] each. */
typedef struct
{
  OclTensor x;                  /* hidden_size */
  OclTensor normed;             /* hidden_size */
  OclTensor qkv;                /* 3 hidden_size */
  OclTensor inner;              /* intermediate_size */
} TextRun;

static gboolean
alloc_run (const VldmTextEncoder * encoder, OclQueue * queue, guint n,
    TextRun * run, GError ** error)
{
  gsize width = encoder->config->hidden_size;

  return ocl_tensor_alloc (queue, encoder->type, ocl_shape (1, 1, n, width),
      &run->x, error)
      && ocl_tensor_alloc (queue, encoder->type, ocl_shape (1, 1, n, width),
      &run->normed, error)
      && ocl_tensor_alloc (queue, encoder->type, ocl_shape (1, 1, n, 3 * width),
      &run->qkv, error)
      && ocl_tensor_alloc (queue, encoder->type, ocl_shape (1, 1, n,
          encoder->config->intermediate_size), &run->inner, error);
}

static gboolean
run_norm (const VldmTextEncoder * encoder, OclQueue * queue,
    const VldmNorm * norm, const OclTensor * x, const OclTensor * output,
    GError ** error)
{
  return ocl_layer_norm (queue, encoder->config->layer_norm_eps, norm, x,
      output, error);
}

static gboolean
run_layer (const VldmTextEncoder * encoder, OclQueue * queue,
    const TextLayer * layer, const TextRun * run, GError ** error)
{
  const VldmTextConfig *config = encoder->config;
  gsize width = config->hidden_size;
  OclTensor query = ocl_tensor_channels (&run->qkv, 0, width);
  OclTensor key = ocl_tensor_channels (&run->qkv, width, width);
  OclTensor value = ocl_tensor_channels (&run->qkv, 2 * width, width);
  const OclAttention attention = {
    .heads = config->num_attention_heads,
    .causal = TRUE,
    .bf16 = layer->qkv_proj->layer.type == OCL_BF16,
  };
  const OclEpilogue add = {.residual = &run->x };
  const OclEpilogue activate = {
    .activation =
        config->quick_gelu ? OCL_ACTIVATION_QUICK_GELU : OCL_ACTIVATION_GELU,
  };

  return run_norm (encoder, queue, &layer->layer_norm1, &run->x, &run->normed,
      error)
      && ocl_linear (queue, layer->qkv_proj, &run->normed, NULL, &run->qkv,
      error)
      && ocl_attention (queue, &attention, &query, &key, &value,
      &run->normed, error)
      && ocl_linear (queue, layer->out_proj, &run->normed, &add, &run->x, error)
      && run_norm (encoder, queue, &layer->layer_norm2, &run->x, &run->normed,
      error)
      && ocl_linear (queue, layer->fc1, &run->normed, &activate, &run->inner,
      error)
      && ocl_linear (queue, layer->fc2, &run->inner, &add, &run->x, error);
}

static gboolean
run_encoder (const VldmTextEncoder * encoder, OclQueue * queue,
    const guint32 * ids, guint n, const OclTensor * output, GError ** error)
{
  const VldmTextConfig *config = encoder->config;
  TextRun run;

  if (!alloc_run (encoder, queue, n, &run, error)
      || !ocl_embed (queue, encoder->token_embedding, config->vocab_size,
          encoder->position_embedding, ids, &run.x, error))
    return FALSE;
  for (guint i = 0; i < config->num_hidden_layers; i++) {
    if (!run_layer (encoder, queue, &encoder->layers[i], &run, error))
      return FALSE;
  }
  return run_norm (encoder, queue, &encoder->final_layer_norm, &run.x, output,
      error);
}

gboolean
vldm_text_encoder_run (VldmTextEncoder * encoder, OclQueue * queue,
    const guint32 * ids, guint n, const OclTensor * output, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done;

  if (n == 0 || n > encoder->config->max_position_embeddings) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%u tokens; the text encoder takes 1 to %u", n,
        encoder->config->max_position_embeddings);
    return FALSE;
  }
  done = run_encoder (encoder, queue, ids, n, output, error);
  ocl_arena_release (arena, mark);
  return done;
}
