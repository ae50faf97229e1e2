/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A residual block runs with one scratch tensor within frames (its output serves as the second) and two across frames:
 *
 *   a = silu (norm1 (x));  out = conv1 (a) + time;  a = silu (norm2 (out));  out = conv2 (a) + x, or + conv_shortcut (x)
 *   a = silu (norm1 (out));  b = conv1 (a) + time;  a = silu (norm2 (b));    out = out + part * conv2 (a)
 *
 * The last line is the mix of spatial result s and temporal result s + h: (1 - part) s + part (s + h).
 */
#include "vldm/networks/resnets.h"

/* ---- loading ---- */

static gboolean
load_path (VldmResidualPath * path, VldmWeights * weights, const char *prefix,
    gsize in, gsize out, VldmStack * time, GError ** error)
{
  guint kernel_t = path->norm.over_clip ? 3 : 1;
  guint kernel_s = path->norm.over_clip ? 1 : 3;

  if (time != NULL)
    path->time_bias = vldm_stack_add (time, prefix, "time_emb_proj", out);
  return vldm_weights_norm (weights, prefix, "norm1", in, &path->norm1, error)
      && vldm_weights_conv (weights, prefix, "conv1", out, in, kernel_t,
      kernel_s, &path->conv1, error)
      && vldm_weights_norm (weights, prefix, "norm2", out, &path->norm2, error)
      && vldm_weights_conv (weights, prefix, "conv2", out, out, kernel_t,
      kernel_s, &path->conv2, error);
}

static gboolean
load_spatial (VldmResnet * resnet, VldmWeights * weights, const char *prefix,
    const VldmResnetConfig * config, VldmStack * time, GError ** error)
{
  const OclGroupNorm norm = { config->groups, config->eps, FALSE, TRUE };
  gsize in = config->in_channels, out = config->out_channels;

  resnet->spatial.norm = norm;
  resnet->spatial.conv = vldm_conv_same;
  return load_path (&resnet->spatial, weights, prefix, in, out, time, error)
      && (in == out
      || vldm_weights_conv (weights, prefix, "conv_shortcut", out, in, 1, 1,
          &resnet->conv_shortcut, error));
}

static gboolean
load_temporal (VldmResnet * resnet, VldmWeights * weights, const char *prefix,
    const VldmResnetConfig * config, VldmStack * time, GError ** error)
{
  const OclGroupNorm norm =
      { config->groups, config->temporal_eps, TRUE, TRUE };
  g_autofree char *path = g_strconcat (prefix, ".temporal_res_block", NULL);
  VldmMix mix;

  if (!vldm_weights_mix (weights, prefix, &mix, error))
    return FALSE;
  resnet->temporal_part = config->mix_is_temporal ? mix.spatial : mix.temporal;
  resnet->temporal.norm = norm;
  return load_path (&resnet->temporal, weights, path, config->out_channels,
      config->out_channels, time, error);
}

gboolean
vldm_resnet_load (VldmResnet * resnet, VldmWeights * weights,
    const char *prefix, const VldmResnetConfig * config, VldmStack * time,
    GError ** error)
{
  g_autofree char *spatial = g_strconcat (prefix, ".spatial_res_block", NULL);

  resnet->in_channels = config->in_channels;
  resnet->out_channels = config->out_channels;
  resnet->has_temporal = config->temporal_eps > 0.0f;
  if (config->in_channels % config->groups != 0
      || config->out_channels % config->groups != 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s goes from %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT
        " channels; its norms need multiples of %u", prefix,
        config->in_channels, config->out_channels, config->groups);
    return FALSE;
  }
  if (!resnet->has_temporal)
    return load_spatial (resnet, weights, prefix, config, time, error);
  return load_spatial (resnet, weights, spatial, config, time, error)
      && load_temporal (resnet, weights, prefix, config, time, error);
}

static void
clear_path (VldmResidualPath * path)
{
  vldm_norm_clear (&path->norm1);
  vldm_norm_clear (&path->norm2);
  g_clear_pointer (&path->conv1, ocl_weights_free);
  g_clear_pointer (&path->conv2, ocl_weights_free);
}

void
vldm_resnet_clear (VldmResnet * resnet)
{
  clear_path (&resnet->spatial);
  clear_path (&resnet->temporal);
  g_clear_pointer (&resnet->conv_shortcut, ocl_weights_free);
}

/* ---- running ---- */

static gboolean
norm_silu (OclQueue * queue, const VldmResidualPath * path,
    const VldmNorm * norm, const OclTensor * input, const OclTensor * skip,
    const OclTensor * output, GError ** error)
{
  return ocl_group_norm (queue, &path->norm, norm, input, skip, output, error);
}

/* norm1, conv1 with the time projection, norm2: @between gets conv1's result, @normed what conv2 reads. */
static gboolean
begin_path (OclQueue * queue, const VldmResidualPath * path,
    const VldmResnetInput * input, const OclTensor * between,
    const OclTensor * normed, GError ** error)
{
  OclTensor first = vldm_tensor_reuse (normed, path->conv1->layer.in_channels);
  OclTensor bias;
  OclEpilogue add_time = { 0 };
  const OclProduct conv1 = {
    .weights = path->conv1,
    .input = &first,
    .output = between,
    .conv = path->conv,
    .epilogue = &add_time,
  };

  if (input->time_bias != NULL) {
    bias =
        ocl_tensor_channels (input->time_bias, path->time_bias,
        between->channels);
    add_time.frame_bias = &bias;
  }
  return norm_silu (queue, path, &path->norm1, input->tensor, input->skip,
      &first, error)
      && ocl_conv (queue, &conv1, error)
      && norm_silu (queue, path, &path->norm2, between, NULL, normed, error);
}

static gboolean
run_spatial (const VldmResnet * resnet, OclQueue * queue,
    const VldmResnetInput * input, const OclTensor * scratch,
    const OclTensor * output, GError ** error)
{
  const VldmResidualPath *path = &resnet->spatial;
  OclEpilogue add_input = {.residual = input->tensor };
  const OclProduct conv_shortcut = {
    .weights = resnet->conv_shortcut,
    .input = input->tensor,
    .input2 = input->skip,
    .output = output,
  };
  const OclProduct conv2 = {
    .weights = path->conv2,
    .input = scratch,
    .output = output,
    .conv = path->conv,
    .epilogue = &add_input,
  };

  if (!begin_path (queue, path, input, output, scratch, error))
    return FALSE;
  if (resnet->conv_shortcut != NULL) {
    if (!ocl_conv (queue, &conv_shortcut, error))
      return FALSE;
    add_input.residual = output;
  }
  return ocl_conv (queue, &conv2, error);
}

/* On one clip. */
static gboolean
run_temporal (const VldmResnet * resnet, OclQueue * queue,
    const OclTensor * time_bias, const OclTensor * scratch,
    const OclTensor * output, GError ** error)
{
  const VldmResidualPath *path = &resnet->temporal;
  const OclEpilogue mix = {
    .scale = resnet->temporal_part,
    .residual = output,
  };
  const OclProduct conv2 = {
    .weights = path->conv2,
    .input = scratch,
    .output = output,
    .conv = path->conv,
    .epilogue = &mix,
  };
  const VldmResnetInput input = {.tensor = output,.time_bias = time_bias };
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor between;
  gboolean done = ocl_tensor_alloc_like (queue, output, &between, error)
      && begin_path (queue, path, &input, &between, scratch, error)
      && ocl_conv (queue, &conv2, error);

  ocl_arena_release (arena, mark);
  return done;
}

static gboolean
run_temporal_clips (const VldmResnet * resnet, OclQueue * queue,
    gsize clip_frames, const OclTensor * time_bias, const OclTensor * scratch,
    const OclTensor * output, GError ** error)
{
  for (gsize i = 0; i < output->frames; i += clip_frames) {
    OclTensor clip = ocl_tensor_frames (output, i, clip_frames);
    OclTensor clip_scratch = ocl_tensor_frames (scratch, i, clip_frames);

    if (!run_temporal (resnet, queue, time_bias, &clip_scratch, &clip, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
vldm_resnet_run (const VldmResnet * resnet, OclQueue * queue,
    gsize clip_frames, const VldmResnetInput * input, const OclTensor * output,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor memory, scratch;
  gboolean done = FALSE;

  if (ocl_tensor_alloc (queue, output->type, ocl_shape (output->frames,
              output->height, output->width, MAX (resnet->in_channels,
                  resnet->out_channels)), &memory, error)) {
    scratch = vldm_tensor_reuse (&memory, resnet->out_channels);
    done = run_spatial (resnet, queue, input, &scratch, output, error)
        && (!resnet->has_temporal
        || run_temporal_clips (resnet, queue, clip_frames, input->time_bias,
            &scratch, output, error));
  }
  ocl_arena_release (arena, mark);
  return done;
}
