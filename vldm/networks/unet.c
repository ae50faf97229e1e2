/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A UNet call: conv_in, down blocks that leave skips on a stack, mid block, up blocks that take the skips from it, conv_out.
 *
 * Memory of a call: the skips, released one after the other as the up blocks use them, two slabs that the layers of the way
 * up write by turns, and the scratch of one layer.
 *
 * With several prompts there is a clip for each. All see the same latents, so that one clip stands for all until the first
 * layer that reads the prompt.
 */
#include "vldm/networks/unet_private.h"

#include "opencl/ops/elementwise.h"
#include "opencl/ops/linear.h"
#include "vldm/memory.h"

typedef struct
{
  OclTensor tensor;
  OclArenaMark mark;            /* of the arena before it */
} UnetSkip;

typedef struct
{
  const VldmUnet *unet;
  OclQueue *queue;
  VldmClips clips;
  const VldmUnetContext *const *contexts;       /* [clips.n] */
  OclTensor time_bias;          /* [1, 1, 1, n], of all resnets */
  UnetSkip *skips;              /* a stack */
  guint n_skips;
  VldmPingPong slabs;
} UnetRun;

/* linear_2 (silu (linear_1 (input))) + added. */
static gboolean
run_embedding (const UnetRun * run, OclWeights * const layers[2],
    const OclTensor * input, const OclTensor * added, const OclTensor * output,
    GError ** error)
{
  const OclEpilogue silu = {.activation = OCL_ACTIVATION_SILU };
  const OclEpilogue add = {.residual = added };
  OclTensor hidden;

  return ocl_tensor_alloc_like (run->queue, output, &hidden, error)
      && ocl_linear (run->queue, layers[0], input, &silu, &hidden, error)
      && ocl_linear (run->queue, layers[1], &hidden, &add, output, error);
}

/* The row of the table of class labels, as a tensor; *label stays NULL where the network has none. */
static gboolean
find_class_label (const VldmUnet * unet, const gfloat * time_ids,
    OclTensor * row, const OclTensor ** label, GError ** error)
{
  const VldmUnetConfig *config = unet->config;
  gsize width = 4 * config->block_out_channels[0];

  if (unet->class_embedding == NULL)
    return TRUE;
  if (!(time_ids[0] >= 0.0f && time_ids[0] < config->num_class_embeds)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "class label %g of a network that has 0 to %u", time_ids[0],
        config->num_class_embeds - 1);
    return FALSE;
  }
  *row = (OclTensor) {
  .buffer = unet->class_embedding,.offset =
        (gsize) time_ids[0] * width,.type = OCL_F32,.frames = 1,.height =
        1,.width = 1,.channels = width,.stride = width,};
  *label = row;
  return TRUE;
}

/* @embedding += what the time ids say. */
static gboolean
add_time_ids (const UnetRun * run, const gfloat * time_ids,
    const OclTensor * embedding, GError ** error)
{
  const VldmUnetConfig *config = run->unet->config;
  guint n = config->n_time_ids;
  OclTensor ids, row;

  if (n == 0)
    return TRUE;
  if (!ocl_tensor_alloc (run->queue, OCL_F32, ocl_shape (n, 1, 1,
              config->addition_time_embed_dim), &ids, error))
    return FALSE;
  row = vldm_tensor_reuse (&ids, n * ids.channels);
  row.frames = 1;
  return ocl_sinusoid (run->queue, time_ids, n, &ids, error)
      && run_embedding (run, run->unet->add_embedding, &row, embedding,
      embedding, error);
}

static gboolean
embed_time (const UnetRun * run, gfloat timestep, const gfloat * time_ids,
    GError ** error)
{
  const VldmUnet *unet = run->unet;
  OclQueue *queue = run->queue;
  gsize channels = unet->config->block_out_channels[0];
  const OclTensor *label = NULL;
  OclTensor time, label_row, embedding;

  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 1, channels), &time,
      error)
      && ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 1, 4 * channels),
      &embedding, error)
      && ocl_sinusoid (queue, &timestep, 1, &time, error)
      && find_class_label (unet, time_ids, &label_row, &label, error)
      && run_embedding (run, unet->time_embedding, &time, label, &embedding,
      error)
      && add_time_ids (run, time_ids, &embedding, error)
      && ocl_activate (queue, OCL_ACTIVATION_SILU, &embedding, &embedding,
      error)
      && ocl_linear (queue, unet->time_emb_proj, &embedding, NULL,
      &run->time_bias, error);
}

/* All that depends on time alone. */
static gboolean
embed (UnetRun * run, gfloat timestep, const gfloat * time_ids, GError ** error)
{
  OclArena *arena = ocl_queue_arena (run->queue);
  OclArenaMark mark;
  gboolean done;

  if (!ocl_tensor_alloc (run->queue, OCL_F32, ocl_shape (1, 1, 1,
              run->unet->time_emb_proj->layer.out_channels), &run->time_bias,
          error))
    return FALSE;
  mark = ocl_arena_mark (arena);
  done = embed_time (run, timestep, time_ids, error);
  ocl_arena_release (arena, mark);
  return done;
}

/* resnets[i], and attentions[i] where the block has them, after which no clip stands for all any more. */
static gboolean
run_unit (const UnetRun * run, const VldmUnetBlock * block, guint i,
    const OclTensor * input, const OclTensor * skip, OclTensor * output,
    GError ** error)
{
  guint transformer = block->first_transformer + i;
  const VldmPrompt *prompts[VLDM_UNET_MAX_PROMPTS];
  const VldmResnetInput all = { input, skip, &run->time_bias };

  if (!vldm_resnet_run (&block->resnets[i], run->queue, run->clips.frames,
          &all, output, error))
    return FALSE;
  if (i >= block->n_attentions)
    return TRUE;
  for (guint clip = 0; clip < run->clips.n; clip++) {
    const VldmUnetContext *context = run->contexts[clip];

    prompts[clip] = &g_array_index (context->prompts, VldmPrompt,
        context->first_prompt[transformer]);
  }
  return vldm_transformer_run (&block->attentions[i], run->queue, &run->clips,
      prompts, &run->contexts[0]->positions[transformer], output, error);
}

static OclTensor *
top_skip (const UnetRun * run)
{
  return &run->skips[run->n_skips - 1].tensor;
}

/* For @frames of one clip or of all. */
static gboolean
push_skip (UnetRun * run, gsize frames, gsize height, gsize width,
    gsize channels, GError ** error)
{
  UnetSkip *skip = &run->skips[run->n_skips];

  skip->mark = ocl_arena_mark (ocl_queue_arena (run->queue));
  if (!ocl_tensor_alloc (run->queue, run->unet->type,
          ocl_shape (run->clips.n * run->clips.frames, height, width, channels),
          &skip->tensor, error))
    return FALSE;
  skip->tensor.frames = frames;
  run->n_skips++;
  return TRUE;
}

static void
pop_skip (UnetRun * run)
{
  run->n_skips--;
  ocl_arena_release (ocl_queue_arena (run->queue),
      run->skips[run->n_skips].mark);
}

static gboolean
run_down_block (UnetRun * run, const VldmUnetBlock * block, gsize channels,
    GError ** error)
{
  OclTensor input = *top_skip (run);
  OclProduct halve = {
    .weights = block->sampler,
    .input = &input,
    .conv = vldm_conv_halve,
  };

  for (guint i = 0; i < block->n_resnets; i++) {
    if (!push_skip (run, input.frames, input.height, input.width, channels,
            error)
        || !run_unit (run, block, i, &input, NULL, top_skip (run), error))
      return FALSE;
    input = *top_skip (run);
  }
  if (block->sampler == NULL)
    return TRUE;
  if (!push_skip (run, input.frames, (input.height + 1) / 2,
          (input.width + 1) / 2, channels, error))
    return FALSE;
  halve.output = top_skip (run);
  return ocl_conv (run->queue, &halve, error);
}

/* The next slab's tensor, of the pixels that @like has. */
static OclTensor
next_slab (UnetRun * run, const OclTensor * like, gsize channels)
{
  return vldm_ping_pong_next (&run->slabs, like->frames, like->height,
      like->width, channels);
}

static gboolean
run_mid_block (UnetRun * run, OclTensor * hidden, GError ** error)
{
  const VldmUnetBlock *block = &run->unet->mid_block;
  OclTensor input = *top_skip (run);

  for (guint i = 0; i < block->n_resnets; i++) {
    *hidden = next_slab (run, &input, input.channels);
    if (!run_unit (run, block, i, &input, NULL, hidden, error))
      return FALSE;
    input = *hidden;
  }
  return TRUE;
}

/* Upsamples to the size of the skip that comes next, which need not be twice the size. */
static gboolean
run_up_block (UnetRun * run, const VldmUnetBlock * block, gsize channels,
    OclTensor * hidden, GError ** error)
{
  OclTensor input;
  OclProduct upsample = {
    .weights = block->sampler,
    .input = &input,
    .output = hidden,
  };

  for (guint i = 0; i < block->n_resnets; i++) {
    input = *hidden;
    *hidden = next_slab (run, &input, channels);
    if (!vldm_tensor_repeat (run->queue, top_skip (run), &run->clips, error)
        || !run_unit (run, block, i, &input, top_skip (run), hidden, error))
      return FALSE;
    pop_skip (run);
  }
  if (block->sampler == NULL)
    return TRUE;
  input = *hidden;
  *hidden = next_slab (run, top_skip (run), channels);
  hidden->frames = input.frames;
  upsample.conv = vldm_conv_upsample (hidden);
  return ocl_conv (run->queue, &upsample, error);
}

/* The slabs must hold every level's tensors, and what is upsampled to it, with the channels of the level below. */
static gboolean
alloc_slabs (UnetRun * run, const OclTensor * sample, GError ** error)
{
  const VldmUnetConfig *config = run->unet->config;
  gsize frames = run->clips.n * run->clips.frames;
  gsize height = sample->height, width = sample->width;
  gsize n = 0;

  for (guint i = 0; i < config->n_levels; i++) {
    guint below = MIN (i + 1, config->n_levels - 1);
    gsize channels =
        MAX (config->block_out_channels[i], config->block_out_channels[below]);
    gsize size;

    if (!g_size_checked_mul (&size, frames, channels)
        || !g_size_checked_mul (&size, size, height)
        || !g_size_checked_mul (&size, size, width)) {
      g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
          "a UNet call on %" G_GSIZE_FORMAT " frames of %" G_GSIZE_FORMAT
          " x %" G_GSIZE_FORMAT " latents exceeds any memory", frames,
          sample->width, sample->height);
      return FALSE;
    }
    n = MAX (n, size);
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  return vldm_ping_pong_alloc (&run->slabs, run->queue, run->unet->type, n,
      error);
}

static gboolean
run_blocks (UnetRun * run, const OclTensor * sample, const OclTensor * output,
    GError ** error)
{
  const VldmUnet *unet = run->unet;
  const VldmUnetConfig *config = unet->config;
  const OclGroupNorm norm =
      { VLDM_UNET_NORM_GROUPS, config->norm_eps, FALSE, TRUE };
  OclTensor hidden, normed;
  OclProduct conv_in = {
    .weights = unet->conv_in,
    .input = sample,
    .conv = vldm_conv_same,
  };
  const OclProduct conv_out = {
    .weights = unet->conv_out,
    .input = &normed,
    .output = output,
    .conv = vldm_conv_same,
  };

  if (!alloc_slabs (run, sample, error)
      || !push_skip (run, sample->frames, sample->height, sample->width,
          config->block_out_channels[0], error))
    return FALSE;
  conv_in.output = top_skip (run);
  if (!ocl_conv (run->queue, &conv_in, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!run_down_block (run, &unet->down_blocks[i],
            config->block_out_channels[i], error))
      return FALSE;
  }
  if (!run_mid_block (run, &hidden, error))
    return FALSE;
  for (guint i = 0; i < config->n_levels; i++) {
    if (!run_up_block (run, &unet->up_blocks[i],
            config->block_out_channels[config->n_levels - 1 - i], &hidden,
            error))
      return FALSE;
  }
  normed = next_slab (run, &hidden, hidden.channels);
  return ocl_group_norm (run->queue, &norm, &unet->conv_norm_out, &hidden, NULL,
      &normed, error)
      && ocl_conv (run->queue, &conv_out, error);
}

static guint
count_skips (const VldmUnetConfig * config)
{
  guint n = config->n_levels;   /* conv_in and the downsamplers */

  for (guint i = 0; i < config->n_levels; i++)
    n += config->layers_per_block[i];
  return n;
}

/* Numbers a pixel that the layers of a level have beside skips and slabs: a resnet of the way up its normed input and, across
 * frames, one tensor more; a transformer hidden, normed and four times as wide ones, and the one across frames. */
static guint64
scratch_channels (const VldmUnetConfig * config, guint level)
{
  guint below = MIN (level + 1, config->n_levels - 1);
  guint64 channels = config->block_out_channels[level];
  guint64 resnet = config->block_out_channels[below] + 2 * channels;
  gboolean attention = config->down_attention[level]
      || config->up_attention[config->n_levels - 1 - level]
      || level == config->n_levels - 1;

  return attention ? MAX (resnet, 7 * channels) : resnet;
}

guint64
vldm_unet_bytes (const VldmUnetConfig * config, OclType type, guint frames,
    guint height, guint width, guint64 * largest)
{
  guint64 pixels = (guint64) frames * height * width;
  guint64 skips = 0, slab = 0, scratch = 0, widest = 0;

  for (guint i = 0; i < config->n_levels; i++) {
    guint below = MIN (i + 1, config->n_levels - 1);
    guint64 channels = config->block_out_channels[i];
    /* conv_in's or the downsampler's output, and the layers' */
    guint64 n_skips = config->layers_per_block[i] + 1;

    skips += pixels * n_skips * channels;
    slab = MAX (slab, pixels *
        MAX (channels, config->block_out_channels[below]));
    scratch = MAX (scratch, pixels * scratch_channels (config, i));
    widest = MAX (widest, MAX (slab, pixels * 4 * channels));
    height = (height + 1) / 2;
    width = (width + 1) / 2;
    pixels = (guint64) frames *height * width;
  }
  *largest = widest * ocl_type_size (type);
  /* a quarter more, for the ends of the arena's blocks that a tensor did not fit into */
  return (skips + 2 * slab + scratch) * ocl_type_size (type) / 4 * 5;
}

gboolean
vldm_unet_fits (const VldmUnetConfig * config, OclType type,
    OclDevice * device, guint frames, guint height, guint width)
{
  guint64 largest;
  guint64 all = vldm_unet_bytes (config, type, frames, height, width, &largest);

  return all <= vldm_memory_share (device)
      && largest <= vldm_memory_largest (device);
}

/* All prompts together. */
static gboolean
run_clips (VldmUnet * unet, OclQueue * queue, const VldmUnetCall * call,
    const OclTensor * sample, const OclTensor * output, GError ** error)
{
  g_autofree UnetSkip *skips = g_new0 (UnetSkip, count_skips (unet->config));
  UnetRun run = {
    .unet = unet,
    .queue = queue,
    .clips = {call->n_prompts, sample->frames},
    .contexts = call->contexts,
    .skips = skips,
  };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done;

  done = embed (&run, call->timestep, call->time_ids, error)
      && run_blocks (&run, sample, output, error);
  ocl_arena_release (arena, mark);
  return done;
}

gboolean
vldm_unet_run (VldmUnet * unet, OclQueue * queue, const VldmUnetCall * call,
    const OclTensor * sample, const OclTensor * output, GError ** error)
{
  gboolean all = vldm_unet_fits (unet->config, unet->type,
      ocl_queue_device (queue), output->frames, sample->height, sample->width);
  VldmUnetCall some = *call;

  g_return_val_if_fail (call->n_prompts >= 1
      && call->n_prompts <= VLDM_UNET_MAX_PROMPTS
      && sample->frames <= call->contexts[0]->frames
      && output->frames == call->n_prompts * sample->frames, FALSE);
  some.n_prompts = all ? call->n_prompts : 1;
  for (guint i = 0; i < call->n_prompts; i += some.n_prompts) {
    OclTensor outputs = ocl_tensor_frames (output, i * sample->frames,
        some.n_prompts * sample->frames);

    some.contexts = call->contexts + i;
    if (!run_clips (unet, queue, &some, sample, &outputs, error))
      return FALSE;
  }
  return TRUE;
}
