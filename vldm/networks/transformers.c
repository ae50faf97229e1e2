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
#include "vldm/networks/transformers.h"

#include <string.h>

#include "opencl/ops/elementwise.h"
#include "opencl/ops/linear.h"
#include "opencl/ops/norm.h"

#define GROUP_NORM_EPS 1e-6f
#define LAYER_NORM_EPS 1e-5f

/* ---- prompt and positions ---- */

/* A packed tensor in a buffer of its own, which outlives the arena. */
static gboolean
own_tensor (OclQueue * queue, OclType type, gsize frames, gsize tokens,
    gsize channels, OclTensor * tensor, GError ** error)
{
  gsize bytes;

  if (!g_size_checked_mul (&bytes, frames, tokens)
      || !g_size_checked_mul (&bytes, bytes, channels * ocl_type_size (type))) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "a prompt of %" G_GSIZE_FORMAT " tokens or %" G_GSIZE_FORMAT
        " frames do not fit into memory", tokens, frames);
    return FALSE;
  }
  memset (tensor, 0, sizeof *tensor);
  tensor->type = type;
  tensor->frames = frames;
  tensor->height = 1;
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

  if (ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 1, 2 * channels),
          &keys_values, error)) {
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
  return own_tensor (queue, type, 1, ocl_tensor_pixels (text), 2 * channels,
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
    return own_tensor (queue, OCL_F32, 1, 1, channels, &prompt->tensor, error)
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

static gboolean
embed_frames (OclQueue * queue, guint frames, gsize channels,
    OclTensor * sinusoid, GError ** error)
{
  g_autofree gfloat *numbers = g_new (gfloat, frames);

  for (guint i = 0; i < frames; i++)
    numbers[i] = i;
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (frames, 1, 1, channels),
      sinusoid, error)
      && ocl_sinusoid (queue, numbers, frames, sinusoid, error);
}

gboolean
vldm_transformer_positions (const VldmTransformer * transformer,
    OclQueue * queue, guint frames, OclTensor * positions, GError ** error)
{
  const OclEpilogue silu = {.activation = OCL_ACTIVATION_SILU };
  gsize channels = transformer->config.channels;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor sinusoid, hidden;
  gboolean done;

  if (!own_tensor (queue, OCL_F32, frames, 1, channels, positions, error))
    return FALSE;
  done = embed_frames (queue, frames, channels, &sinusoid, error)
      && ocl_tensor_alloc (queue, OCL_F32, ocl_shape (frames, 1, 1,
          4 * channels), &hidden, error)
      && ocl_linear (queue, transformer->time_pos_embed_1, &sinusoid, &silu,
      &hidden, error)
      && ocl_linear (queue, transformer->time_pos_embed_2, &hidden, NULL,
      positions, error);
  ocl_arena_release (arena, mark);
  return done;
}

/* ---- running ---- */

/* What all blocks of one run share. */
typedef struct
{
  OclQueue *queue;
  guint heads;
  const VldmClips *clips;
  const VldmPrompt *const *prompts;     /* [clips->n], of all layers */
  OclTensor normed;             /* [T, h, w, C], T frames of all clips */
  OclTensor wide;               /* [T, h, w, 4 C] */
} TransformerRun;

/* The first numbers of scratch as a tensor of @x's pixels. */
static OclTensor
scratch_for (const OclTensor * x, const OclTensor * scratch, gsize channels)
{
  OclTensor tensor = vldm_tensor_reuse (scratch, channels);

  tensor.frames = x->frames;
  return tensor;
}

/* @normed, in run->normed, = LN x. */
static gboolean
run_norm (const TransformerRun * run, const VldmNorm * norm,
    const OclTensor * x, OclTensor * normed, GError ** error)
{
  *normed = scratch_for (x, &run->normed, x->channels);
  return ocl_layer_norm (run->queue, LAYER_NORM_EPS, norm, x, normed, error);
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

/* x += to_out (attended) + what @constant is for each clip. */
static gboolean
add_attended_to_clips (const TransformerRun * run, const OclWeights * to_out,
    PromptIndex constant, const OclTensor * attended, OclTensor * x,
    GError ** error)
{
  if (!vldm_tensor_repeat (run->queue, x, run->clips, error))
    return FALSE;
  for (guint i = 0; i < run->clips->n; i++) {
    OclTensor clip = vldm_tensor_clip (x, run->clips, i);
    OclTensor clip_attended = vldm_tensor_clip (attended, run->clips, i);
    const OclEpilogue add = {
      .frame_bias = &find_prompt (run, constant, i)->tensor,
      .residual = &clip,
    };

    if (!ocl_linear (run->queue, to_out, &clip_attended, &add, &clip, error))
      return FALSE;
  }
  return TRUE;
}

/* The same where @constant is not NULL. */
static gboolean
add_attended (const TransformerRun * run, const OclWeights * to_out,
    const PromptIndex * constant, const OclTensor * attended, OclTensor * x,
    GError ** error)
{
  const OclEpilogue add = {.residual = x };

  if (constant != NULL)
    return add_attended_to_clips (run, to_out, *constant, attended, x, error);
  return ocl_linear (run->queue, to_out, attended, &add, x, error);
}

/* Across frames, each clip by itself. */
static gboolean
attend_clips (const TransformerRun * run, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, const OclTensor * attended,
    GError ** error)
{
  for (guint i = 0; i < run->clips->n; i++) {
    OclTensor q = vldm_tensor_clip (query, run->clips, i);
    OclTensor k = vldm_tensor_clip (key, run->clips, i);
    OclTensor v = vldm_tensor_clip (value, run->clips, i);
    OclTensor clip = vldm_tensor_clip (attended, run->clips, i);

    if (!ocl_temporal_attention (run->queue, run->heads, &q, &k, &v, &clip,
            error))
      return FALSE;
  }
  return TRUE;
}

/* x += attn1 (LN x) + @constant, which may be NULL. */
static gboolean
run_self_attention (const TransformerRun * run,
    const VldmSelfAttention * attention, gboolean temporal,
    const PromptIndex * constant, OclTensor * x, GError ** error)
{
  gsize channels = x->channels;
  const OclAttention within = {
    .heads = run->heads,
    .bf16 = attention->to_qkv->layer.type == OCL_BF16,
  };
  OclTensor qkv = scratch_for (x, &run->wide, 3 * channels);
  OclTensor query = ocl_tensor_channels (&qkv, 0, channels);
  OclTensor key = ocl_tensor_channels (&qkv, channels, channels);
  OclTensor value = ocl_tensor_channels (&qkv, 2 * channels, channels);
  OclTensor normed;
  gboolean attended;

  if (!run_norm (run, &attention->norm, x, &normed, error)
      || !ocl_linear (run->queue, attention->to_qkv, &normed, NULL, &qkv,
          error))
    return FALSE;
  if (temporal)
    attended = attend_clips (run, &query, &key, &value, &normed, error);
  else
    attended = ocl_attention (run->queue, &within, &query, &key,
        &value, &normed, error);
  return attended
      && add_attended (run, attention->to_out, constant, &normed, x, error);
}

/* Each clip attends to its own prompt; the result is run->normed. */
static gboolean
attend_prompts (const TransformerRun * run, const OclAttention * attention,
    PromptIndex index, const OclTensor * query, GError ** error)
{
  gsize channels = query->channels;

  for (guint i = 0; i < run->clips->n; i++) {
    const OclTensor *prompt = &find_prompt (run, index, i)->tensor;
    OclTensor key = ocl_tensor_channels (prompt, 0, channels);
    OclTensor value = ocl_tensor_channels (prompt, channels, channels);
    OclTensor clip = vldm_tensor_clip (query, run->clips, i);
    OclTensor attended = vldm_tensor_clip (&run->normed, run->clips, i);

    if (!ocl_attention (run->queue, attention, &clip, &key, &value, &attended,
            error))
      return FALSE;
  }
  return TRUE;
}

/* x += attention (LN x, prompt) + @constant, which may be NULL. */
static gboolean
run_cross_attention (const TransformerRun * run,
    const VldmCrossAttention * attention, PromptIndex prompt,
    const PromptIndex * constant, OclTensor * x, GError ** error)
{
  const OclAttention to_prompt = {
    .heads = run->heads,
    .bf16 = attention->to_kv->layer.type == OCL_BF16,
  };
  OclTensor query = scratch_for (x, &run->wide, x->channels);
  OclTensor normed;

  return run_norm (run, &attention->norm, x, &normed, error)
      && ocl_linear (run->queue, attention->to_q, &normed, NULL, &query, error)
      && attend_prompts (run, &to_prompt, prompt, &query, error)
      && vldm_tensor_repeat (run->queue, x, run->clips, error)
      && add_attended (run, attention->to_out, constant, &run->normed, x,
      error);
}

/* attn1 and attn2. A prompt of one token gives the same vector everywhere in a clip: it rides on attn1's last layer.
 * @cross: attn1, too, attends to the prompt. */
static gboolean
run_attentions (const TransformerRun * run, const VldmTransformerBlock * block,
    guint layer, gboolean temporal, gboolean cross, OclTensor * x,
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
  OclTensor normed;

  return run_norm (run, &ff->norm, x, &normed, error)
      && ocl_linear (run->queue, ff->proj, &normed, NULL, &run->wide, error)
      && ocl_linear (run->queue, ff->out, &run->wide, epilogue, output, error);
}

/* The layer within frames, on @hidden in place. */
static gboolean
run_spatial_block (const VldmTransformer * transformer,
    const TransformerRun * run, guint layer, OclTensor * hidden,
    GError ** error)
{
  const VldmTransformerBlock *block = &transformer->transformer_blocks[layer];
  const OclEpilogue add = {.residual = hidden };

  return run_attentions (run, block, layer, FALSE,
      transformer->config.only_cross_attention, hidden, error)
      && run_feed_forward (run, &block->ff, &add, hidden, hidden, error);
}

/* output = x + @positions, in every clip. */
static gboolean
add_positions (const TransformerRun * run, const OclTensor * x,
    const OclTensor * positions, const OclTensor * output, GError ** error)
{
  OclTensor of_clip = ocl_tensor_frames (positions, 0, run->clips->frames);

  for (guint i = 0; i < run->clips->n; i++) {
    OclTensor clip = vldm_tensor_clip (x, run->clips, i);
    OclTensor output_clip = vldm_tensor_clip (output, run->clips, i);

    if (!ocl_add_frame_bias (run->queue, &clip, &of_clip, &output_clip, error))
      return FALSE;
  }
  return TRUE;
}

/* The layer across frames, mixed into @hidden; @mixed is scratch. */
static gboolean
run_temporal_block (const VldmTransformer * transformer,
    const TransformerRun * run, guint layer, const OclTensor * positions,
    const OclTensor * hidden, OclTensor * mixed, GError ** error)
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

  return add_positions (run, hidden, positions, mixed, error)
      && run_feed_forward (run, &block->ff_in, &add, mixed, mixed, error)
      && run_attentions (run, block, layer, TRUE, FALSE, mixed, error)
      && run_feed_forward (run, &block->ff, &mix, mixed, hidden, error);
}

static gboolean
run_layers (const VldmTransformer * transformer, OclQueue * queue,
    const VldmClips * clips, const VldmPrompt * const *prompts,
    const OclTensor * positions, OclTensor * x, GError ** error)
{
  const VldmTransformerConfig *config = &transformer->config;
  const OclGroupNorm norm =
      { VLDM_TRANSFORMER_NORM_GROUPS, GROUP_NORM_EPS, FALSE, FALSE };
  const OclEpilogue add = {.residual = x };
  gsize frames = clips->n * clips->frames;
  TransformerRun run = { queue, config->heads, clips, prompts };
  OclTensor hidden, mixed, normed;

  if (!ocl_tensor_alloc (queue, x->type, ocl_shape (frames, x->height, x->width,
              x->channels), &run.normed, error)
      || !ocl_tensor_alloc_like (queue, &run.normed, &hidden, error)
      || !ocl_tensor_alloc (queue, x->type, ocl_shape (frames, x->height,
              x->width, 4 * x->channels), &run.wide, error)
      || (config->temporal
          && !ocl_tensor_alloc_like (queue, &run.normed, &mixed, error)))
    return FALSE;
  hidden.frames = x->frames;
  normed = scratch_for (x, &run.normed, x->channels);
  if (!ocl_group_norm (queue, &norm, &transformer->norm, x, NULL, &normed,
          error)
      || !ocl_linear (queue, transformer->proj_in, &normed, NULL, &hidden,
          error))
    return FALSE;
  for (guint i = 0; i < config->n_layers; i++) {
    if (!run_spatial_block (transformer, &run, i, &hidden, error))
      return FALSE;
    if (config->temporal && !run_temporal_block (transformer, &run, i,
            positions, &hidden, &mixed, error))
      return FALSE;
  }
  return vldm_tensor_repeat (queue, x, clips, error)
      && ocl_linear (queue, transformer->proj_out, &hidden, &add, x, error);
}

gboolean
vldm_transformer_run (const VldmTransformer * transformer, OclQueue * queue,
    const VldmClips * clips, const VldmPrompt * const *prompts,
    const OclTensor * positions, OclTensor * x, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done =
      run_layers (transformer, queue, clips, prompts, positions, x, error);

  ocl_arena_release (arena, mark);
  return done;
}
