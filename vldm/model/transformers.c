/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One layer, with LN a layer norm of its own at each place, p the frames' positions and a the mixer's spatial part:
 *
 *   h += attn1 (LN h);  h += attn2 (LN h, prompt);  h += ff (LN h)                       within frames
 *   m = h + p;  m += ff_in (LN m)
 *   m += attn1 (LN m);  m += attn2 (LN m, prompt);  h = a h + (1 - a) (m + ff (LN m))    across frames
 *
 * Tokens stay [T, h, w, C] throughout: attention across frames is an operation of its own and needs no transposition.
 */
#include "vldm/model/transformers.h"

#include <string.h>

#include "opencl/ops/elementwise.h"
#include "opencl/ops/norm.h"
#include "vldm/model/resnets.h"

#define NORM_GROUPS 32
#define GROUP_NORM_EPS 1e-6f
#define LAYER_NORM_EPS 1e-5f
/* ocl_attention's limit. */
#define MAX_HEAD_DIM 512

/* ---- loading ---- */

static gboolean
load_self_attention (VldmSelfAttention * attention, VldmWeights * weights,
    const char *prefix, gsize channels, GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".attn1", NULL);
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, path, "to_q", channels);
  vldm_stack_add (stack, path, "to_k", channels);
  vldm_stack_add (stack, path, "to_v", channels);
  return vldm_weights_norm (weights, prefix, "norm1", channels,
      &attention->norm, error)
      && vldm_weights_stack (weights, stack, channels, VLDM_LINEAR_PLAIN,
      &attention->to_qkv, error)
      && vldm_weights_linear (weights, path, "to_out.0", channels, channels,
      VLDM_LINEAR_BIAS, &attention->to_out, error);
}

static gboolean
load_cross_attention (VldmCrossAttention * attention, VldmWeights * weights,
    const char *prefix, const char *name, const char *norm, gsize channels,
    gsize context, GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".", name, NULL);
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, path, "to_k", channels);
  vldm_stack_add (stack, path, "to_v", channels);
  return vldm_weights_norm (weights, prefix, norm, channels,
      &attention->norm, error)
      && vldm_weights_linear (weights, path, "to_q", channels, channels,
      VLDM_LINEAR_PLAIN, &attention->to_q, error)
      && vldm_weights_stack (weights, stack, context, VLDM_LINEAR_PLAIN,
      &attention->to_kv, error)
      && vldm_weights_linear (weights, path, "to_out.0", channels, channels,
      VLDM_LINEAR_BIAS, &attention->to_out, error);
}

static gboolean
load_feed_forward (VldmFeedForward * ff, VldmWeights * weights,
    const char *prefix, const char *name, const char *norm, gsize channels,
    GError ** error)
{
  g_autofree char *path = g_strconcat (prefix, ".", name, NULL);

  return vldm_weights_norm (weights, prefix, norm, channels, &ff->norm, error)
      && vldm_weights_linear (weights, path, "net.0.proj", 8 * channels,
      channels, VLDM_LINEAR_BIAS | VLDM_LINEAR_GEGLU, &ff->proj, error)
      && vldm_weights_linear (weights, path, "net.2", channels, 4 * channels,
      VLDM_LINEAR_BIAS, &ff->out, error);
}

static gboolean
load_attn1 (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  if (config->only_cross_attention)
    return load_cross_attention (&block->cross_attn1, weights, prefix, "attn1",
        "norm1", config->channels, config->context_channels, error);
  return load_self_attention (&block->attn1, weights, prefix, config->channels,
      error);
}

static gboolean
load_block (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  return load_attn1 (block, weights, prefix, config, error)
      && load_cross_attention (&block->attn2, weights, prefix, "attn2", "norm2",
      config->channels, config->context_channels, error)
      && load_feed_forward (&block->ff, weights, prefix, "ff", "norm3",
      config->channels, error);
}

/* Across frames, attn1 always is a self-attention. */
static gboolean
load_temporal_block (VldmTransformerBlock * block, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  VldmTransformerConfig temporal = *config;

  temporal.only_cross_attention = FALSE;
  return load_feed_forward (&block->ff_in, weights, prefix, "ff_in",
      "norm_in", config->channels, error)
      && load_block (block, weights, prefix, &temporal, error);
}

static gboolean
load_layer (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, guint layer, GError ** error)
{
  const VldmTransformerConfig *config = &transformer->config;
  g_autofree char *spatial =
      g_strdup_printf ("%s.transformer_blocks.%u", prefix, layer);
  g_autofree char *temporal =
      g_strdup_printf ("%s.temporal_transformer_blocks.%u", prefix, layer);

  return load_block (&transformer->transformer_blocks[layer], weights, spatial,
      config, error)
      && (!config->temporal
      || load_temporal_block (&transformer->temporal_transformer_blocks[layer],
          weights, temporal, config, error));
}

static gboolean
load_time (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, GError ** error)
{
  gsize channels = transformer->config.channels;
  g_autofree char *positions = g_strconcat (prefix, ".time_pos_embed", NULL);

  return vldm_weights_linear (weights, positions, "linear_1", 4 * channels,
      channels, VLDM_LINEAR_BIAS, &transformer->time_pos_embed_1, error)
      && vldm_weights_linear (weights, positions, "linear_2", channels,
      4 * channels, VLDM_LINEAR_BIAS, &transformer->time_pos_embed_2, error)
      && vldm_weights_mix (weights, prefix, &transformer->mix, error);
}

static gboolean
check_config (const char *prefix, const VldmTransformerConfig * config,
    GError ** error)
{
  gsize channels = config->channels;
  guint heads = config->heads;

  if (channels % NORM_GROUPS == 0 && heads > 0 && channels % heads == 0
      && channels / heads <= MAX_HEAD_DIM)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
      "%s: %" G_GSIZE_FORMAT " channels and %u attention heads; channels must "
      "be a multiple of %u and of the heads, with at most %u a head", prefix,
      channels, heads, NORM_GROUPS, MAX_HEAD_DIM);
  return FALSE;
}

gboolean
vldm_transformer_load (VldmTransformer * transformer, VldmWeights * weights,
    const char *prefix, const VldmTransformerConfig * config, GError ** error)
{
  gsize channels = config->channels;

  if (!check_config (prefix, config, error))
    return FALSE;
  transformer->config = *config;
  transformer->transformer_blocks =
      g_new0 (VldmTransformerBlock, config->n_layers);
  if (config->temporal)
    transformer->temporal_transformer_blocks =
        g_new0 (VldmTransformerBlock, config->n_layers);
  for (guint i = 0; i < config->n_layers; i++) {
    if (!load_layer (transformer, weights, prefix, i, error))
      return FALSE;
  }
  return vldm_weights_norm (weights, prefix, "norm", channels,
      &transformer->norm, error)
      && vldm_weights_linear (weights, prefix, "proj_in", channels, channels,
      VLDM_LINEAR_BIAS, &transformer->proj_in, error)
      && vldm_weights_linear (weights, prefix, "proj_out", channels, channels,
      VLDM_LINEAR_BIAS, &transformer->proj_out, error)
      && (!config->temporal || load_time (transformer, weights, prefix, error));
}

static void
clear_feed_forward (VldmFeedForward * ff)
{
  vldm_norm_clear (&ff->norm);
  g_clear_pointer (&ff->proj, ocl_weights_free);
  g_clear_pointer (&ff->out, ocl_weights_free);
}

static void
clear_cross_attention (VldmCrossAttention * attention)
{
  vldm_norm_clear (&attention->norm);
  g_clear_pointer (&attention->to_q, ocl_weights_free);
  g_clear_pointer (&attention->to_kv, ocl_weights_free);
  g_clear_pointer (&attention->to_out, ocl_weights_free);
}

static void
clear_blocks (VldmTransformerBlock * blocks, guint n)
{
  for (guint i = 0; blocks != NULL && i < n; i++) {
    VldmTransformerBlock *block = &blocks[i];

    clear_feed_forward (&block->ff_in);
    vldm_norm_clear (&block->attn1.norm);
    g_clear_pointer (&block->attn1.to_qkv, ocl_weights_free);
    g_clear_pointer (&block->attn1.to_out, ocl_weights_free);
    clear_cross_attention (&block->cross_attn1);
    clear_cross_attention (&block->attn2);
    clear_feed_forward (&block->ff);
  }
  g_free (blocks);
}

void
vldm_transformer_clear (VldmTransformer * transformer)
{
  guint n = transformer->config.n_layers;

  clear_blocks (g_steal_pointer (&transformer->transformer_blocks), n);
  clear_blocks (g_steal_pointer (&transformer->temporal_transformer_blocks), n);
  vldm_norm_clear (&transformer->norm);
  g_clear_pointer (&transformer->proj_in, ocl_weights_free);
  g_clear_pointer (&transformer->proj_out, ocl_weights_free);
  g_clear_pointer (&transformer->time_pos_embed_1, ocl_weights_free);
  g_clear_pointer (&transformer->time_pos_embed_2, ocl_weights_free);
}

/* ---- prompt and positions ---- */

/* A packed tensor in a buffer of its own, which outlives the arena. */
static gboolean
own_tensor (OclQueue * queue, OclType type, gsize tokens, gsize channels,
    OclTensor * tensor, GError ** error)
{
  gsize bytes;

  if (!g_size_checked_mul (&bytes, tokens, channels * ocl_type_size (type))) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "a prompt of %" G_GSIZE_FORMAT " tokens does not fit into memory",
        tokens);
    return FALSE;
  }
  memset (tensor, 0, sizeof *tensor);
  tensor->type = type;
  tensor->frames = tensor->height = 1;
  tensor->width = tokens;
  tensor->channels = tensor->stride = channels;
  tensor->buffer = ocl_buffer_new (ocl_queue_device (queue), bytes, error);
  return tensor->buffer != NULL;
}

/* The result of attention to one token: its value, whatever the query. */
static gboolean
prepare_result (const VldmCrossAttention * attention, OclQueue * queue,
    gsize channels, const OclTensor * text, const OclTensor * result,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor keys_values, values;
  gboolean done = FALSE;

  if (ocl_tensor_alloc (queue, OCL_F32, 1, 1, 1, 2 * channels, &keys_values,
          error)) {
    values = ocl_tensor_channels (&keys_values, channels, channels);
    done = ocl_linear (queue, attention->to_kv, text, NULL, &keys_values, error)
        && ocl_linear (queue, attention->to_out, &values, NULL, result, error);
  }
  ocl_arena_release (arena, mark);
  return done;
}

/* Keys and values of the prompt. */
static gboolean
prepare_keys (const VldmCrossAttention * attention, OclQueue * queue,
    OclType type, gsize channels, const OclTensor * text, VldmPrompt * prompt,
    GError ** error)
{
  return own_tensor (queue, type, ocl_tensor_pixels (text), 2 * channels,
      &prompt->tensor, error)
      && ocl_linear (queue, attention->to_kv, text, NULL, &prompt->tensor,
      error);
}

static gboolean
prepare_attn2 (const VldmCrossAttention * attention, OclQueue * queue,
    OclType type, gsize channels, const OclTensor * text, VldmPrompt * prompt,
    GError ** error)
{
  prompt->is_result = ocl_tensor_pixels (text) == 1;
  if (prompt->is_result)
    return own_tensor (queue, OCL_F32, 1, channels, &prompt->tensor, error)
        && prepare_result (attention, queue, channels, text, &prompt->tensor,
        error);
  return prepare_keys (attention, queue, type, channels, text, prompt, error);
}

gboolean
vldm_transformer_prepare (const VldmTransformer * transformer,
    OclQueue * queue, OclType type, const OclTensor * spatial_text,
    const OclTensor * temporal_text, VldmPrompt * prompts, GError ** error)
{
  const VldmTransformerConfig *config = &transformer->config;

  for (guint i = 0; i < config->n_layers; i++) {
    VldmPrompt *layer = &prompts[i * VLDM_PROMPTS_PER_LAYER];
    const VldmTransformerBlock *block = &transformer->transformer_blocks[i];

    if (config->only_cross_attention
        && !prepare_keys (&block->cross_attn1, queue, type, config->channels,
            spatial_text, &layer[VLDM_PROMPT_ATTN1], error))
      return FALSE;
    if (!prepare_attn2 (&block->attn2, queue, type, config->channels,
            spatial_text, &layer[VLDM_PROMPT_ATTN2], error))
      return FALSE;
    if (config->temporal
        && !prepare_attn2 (&transformer->temporal_transformer_blocks[i].attn2,
            queue, type, config->channels, temporal_text,
            &layer[VLDM_PROMPT_TEMPORAL_ATTN2], error))
      return FALSE;
  }
  return TRUE;
}

void
vldm_prompt_clear (VldmPrompt * prompt)
{
  g_clear_pointer (&prompt->tensor.buffer, ocl_buffer_unref);
}

gboolean
vldm_transformer_positions (const VldmTransformer * transformer,
    OclQueue * queue, const OclTensor * sinusoid, const OclTensor * output,
    GError ** error)
{
  const OclEpilogue silu = {.activation = OCL_ACTIVATION_SILU };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor hidden;
  gboolean done;

  done = ocl_tensor_alloc (queue, OCL_F32, sinusoid->frames, 1, 1,
      4 * transformer->config.channels, &hidden, error)
      && ocl_linear (queue, transformer->time_pos_embed_1, sinusoid, &silu,
      &hidden, error)
      && ocl_linear (queue, transformer->time_pos_embed_2, &hidden, NULL,
      output, error);
  ocl_arena_release (arena, mark);
  return done;
}

/* ---- running ---- */

/* What all blocks of one run share. */
typedef struct
{
  OclQueue *queue;
  guint heads;
  guint n_clips;
  const VldmPrompt *const *prompts;     /* [n_clips], of all layers */
  OclTensor normed;             /* [T, h, w, C] */
  OclTensor wide;               /* [T, h, w, 4 C] */
} TransformerRun;

static gboolean
run_norm (const TransformerRun * run, const VldmNorm * norm,
    const OclTensor * x, GError ** error)
{
  return ocl_layer_norm (run->queue, LAYER_NORM_EPS, x, norm->weight,
      norm->bias, &run->normed, error);
}

/* An attention to the prompt: which of all layers'. */
typedef struct
{
  guint layer;
  VldmPromptPlace place;
} PromptIndex;

static const VldmPrompt *
find_prompt (const TransformerRun * run, PromptIndex index, guint clip)
{
  return &run->prompts[clip][index.layer * VLDM_PROMPTS_PER_LAYER +
      index.place];
}

/* x += to_out (normed) + what @constant is for each clip, which may be NULL. */
static gboolean
add_attended (const TransformerRun * run, const OclWeights * to_out,
    const PromptIndex * constant, const OclTensor * x, GError ** error)
{
  guint n = constant != NULL ? run->n_clips : 1;

  for (guint i = 0; i < n; i++) {
    OclTensor clip = vldm_tensor_clip (x, n, i);
    OclTensor normed = vldm_tensor_clip (&run->normed, n, i);
    const OclEpilogue add = {
      .frame_bias = constant != NULL ? &find_prompt (run, *constant,
          i)->tensor : NULL,
      .residual = &clip,
    };

    if (!ocl_linear (run->queue, to_out, &normed, &add, &clip, error))
      return FALSE;
  }
  return TRUE;
}

/* Across frames, each clip by itself. */
static gboolean
attend_clips (const TransformerRun * run, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, GError ** error)
{
  for (guint i = 0; i < run->n_clips; i++) {
    OclTensor q = vldm_tensor_clip (query, run->n_clips, i);
    OclTensor k = vldm_tensor_clip (key, run->n_clips, i);
    OclTensor v = vldm_tensor_clip (value, run->n_clips, i);
    OclTensor attended = vldm_tensor_clip (&run->normed, run->n_clips, i);

    if (!ocl_temporal_attention (run->queue, run->heads, &q, &k, &v, &attended,
            error))
      return FALSE;
  }
  return TRUE;
}

/* x += attn1 (LN x) + @constant, which may be NULL. */
static gboolean
run_self_attention (const TransformerRun * run,
    const VldmSelfAttention * attention, gboolean temporal,
    const PromptIndex * constant, const OclTensor * x, GError ** error)
{
  gsize channels = x->channels;
  OclTensor qkv = vldm_tensor_reuse (&run->wide, 3 * channels);
  OclTensor query = ocl_tensor_channels (&qkv, 0, channels);
  OclTensor key = ocl_tensor_channels (&qkv, channels, channels);
  OclTensor value = ocl_tensor_channels (&qkv, 2 * channels, channels);
  gboolean attended;

  if (!run_norm (run, &attention->norm, x, error)
      || !ocl_linear (run->queue, attention->to_qkv, &run->normed, NULL, &qkv,
          error))
    return FALSE;
  if (temporal)
    attended = attend_clips (run, &query, &key, &value, error);
  else
    attended = ocl_attention (run->queue, run->heads, FALSE, &query, &key,
        &value, &run->normed, error);
  return attended && add_attended (run, attention->to_out, constant, x, error);
}

/* Each clip attends to its own prompt. */
static gboolean
attend_prompts (const TransformerRun * run, PromptIndex index,
    const OclTensor * query, GError ** error)
{
  gsize channels = query->channels;

  for (guint i = 0; i < run->n_clips; i++) {
    const OclTensor *prompt = &find_prompt (run, index, i)->tensor;
    OclTensor key = ocl_tensor_channels (prompt, 0, channels);
    OclTensor value = ocl_tensor_channels (prompt, channels, channels);
    OclTensor clip = vldm_tensor_clip (query, run->n_clips, i);
    OclTensor attended = vldm_tensor_clip (&run->normed, run->n_clips, i);

    if (!ocl_attention (run->queue, run->heads, FALSE, &clip, &key, &value,
            &attended, error))
      return FALSE;
  }
  return TRUE;
}

/* x += attention (LN x, prompt) + @constant, which may be NULL. */
static gboolean
run_cross_attention (const TransformerRun * run,
    const VldmCrossAttention * attention, PromptIndex prompt,
    const PromptIndex * constant, const OclTensor * x, GError ** error)
{
  OclTensor query = vldm_tensor_reuse (&run->wide, x->channels);

  return run_norm (run, &attention->norm, x, error)
      && ocl_linear (run->queue, attention->to_q, &run->normed, NULL, &query,
      error)
      && attend_prompts (run, prompt, &query, error)
      && add_attended (run, attention->to_out, constant, x, error);
}

/* attn1 and attn2. A prompt of one token gives the same vector everywhere in a clip: it rides on attn1's last layer.
 * @cross: attn1, too, attends to the prompt. */
static gboolean
run_attentions (const TransformerRun * run, const VldmTransformerBlock * block,
    guint layer, gboolean temporal, gboolean cross, const OclTensor * x,
    GError ** error)
{
  const PromptIndex attn1 = { layer, VLDM_PROMPT_ATTN1 };
  const PromptIndex attn2 = { layer,
    temporal ? VLDM_PROMPT_TEMPORAL_ATTN2 : VLDM_PROMPT_ATTN2
  };
  gboolean is_result = find_prompt (run, attn2, 0)->is_result;
  const PromptIndex *constant = is_result ? &attn2 : NULL;
  gboolean done;

  if (cross)
    done = run_cross_attention (run, &block->cross_attn1, attn1, constant, x,
        error);
  else
    done = run_self_attention (run, &block->attn1, temporal, constant, x,
        error);
  return done && (is_result
      || run_cross_attention (run, &block->attn2, attn2, NULL, x, error));
}

/* output = ff (LN x), then @epilogue. */
static gboolean
run_feed_forward (const TransformerRun * run, const VldmFeedForward * ff,
    const OclEpilogue * epilogue, const OclTensor * x,
    const OclTensor * output, GError ** error)
{
  return run_norm (run, &ff->norm, x, error)
      && ocl_linear (run->queue, ff->proj, &run->normed, NULL, &run->wide,
      error)
      && ocl_linear (run->queue, ff->out, &run->wide, epilogue, output, error);
}

/* The layer within frames, on @hidden in place. */
static gboolean
run_spatial_block (const VldmTransformer * transformer,
    const TransformerRun * run, guint layer, const OclTensor * hidden,
    GError ** error)
{
  const VldmTransformerBlock *block = &transformer->transformer_blocks[layer];
  const OclEpilogue add = {.residual = hidden };

  return run_attentions (run, block, layer, FALSE,
      transformer->config.only_cross_attention, hidden, error)
      && run_feed_forward (run, &block->ff, &add, hidden, hidden, error);
}

/* The layer across frames, mixed into @hidden; @mixed is scratch. */
static gboolean
run_temporal_block (const VldmTransformer * transformer,
    const TransformerRun * run, guint layer, const OclTensor * positions,
    const OclTensor * hidden, const OclTensor * mixed, GError ** error)
{
  const VldmTransformerBlock *block =
      &transformer->temporal_transformer_blocks[layer];
  const OclEpilogue add = {.residual = mixed };
  const OclEpilogue mix = {
    .scale = transformer->mix.temporal,
    .residual = mixed,
    .residual_scale = transformer->mix.temporal,
    .merge = hidden,
    .merge_scale = transformer->mix.spatial,
  };

  return ocl_add_frame_bias (run->queue, hidden, positions, mixed, error)
      && run_feed_forward (run, &block->ff_in, &add, mixed, mixed, error)
      && run_attentions (run, block, layer, TRUE, FALSE, mixed, error)
      && run_feed_forward (run, &block->ff, &mix, mixed, hidden, error);
}

static gboolean
run_layers (const VldmTransformer * transformer, OclQueue * queue,
    guint n_clips, const VldmPrompt * const *prompts,
    const OclTensor * positions, const OclTensor * x, GError ** error)
{
  const VldmTransformerConfig *config = &transformer->config;
  const OclGroupNorm norm = { NORM_GROUPS, GROUP_NORM_EPS, FALSE, FALSE };
  const OclEpilogue add = {.residual = x };
  TransformerRun run = { queue, config->heads, n_clips, prompts };
  OclTensor hidden, mixed;

  if (!ocl_tensor_alloc_like (queue, x, &hidden, error)
      || !ocl_tensor_alloc_like (queue, x, &run.normed, error)
      || !ocl_tensor_alloc (queue, x->type, x->frames, x->height, x->width,
          4 * x->channels, &run.wide, error)
      || (config->temporal && !ocl_tensor_alloc_like (queue, x, &mixed, error)))
    return FALSE;
  if (!ocl_group_norm (queue, &norm, x, NULL, transformer->norm.weight,
          transformer->norm.bias, &run.normed, error)
      || !ocl_linear (queue, transformer->proj_in, &run.normed, NULL, &hidden,
          error))
    return FALSE;
  for (guint i = 0; i < config->n_layers; i++) {
    if (!run_spatial_block (transformer, &run, i, &hidden, error))
      return FALSE;
    if (config->temporal && !run_temporal_block (transformer, &run, i,
            positions, &hidden, &mixed, error))
      return FALSE;
  }
  return ocl_linear (queue, transformer->proj_out, &hidden, &add, x, error);
}

gboolean
vldm_transformer_run (const VldmTransformer * transformer, OclQueue * queue,
    guint n_clips, const VldmPrompt * const *prompts,
    const OclTensor * positions, const OclTensor * x, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done =
      run_layers (transformer, queue, n_clips, prompts, positions, x, error);

  ocl_arena_release (arena, mark);
  return done;
}
