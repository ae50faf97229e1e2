/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each layer goes over the strips of its output from top to bottom. A window of the input's rows, with those that the kernel
 * reads above and below the strip, is put together in scratch memory, normed on the way where there is a norm; unless the rows
 * lie together already, and the convolution itself norms what it reads. Rows at the edges of two strips are normed twice, and
 * nothing else is done twice. Convolutions across frames need no further rows: a strip has all frames.
 */
#include "vldm/networks/strip_layers.h"

#include "opencl/ops/attention.h"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/linear.h"

/* ---- norm ---- */

/* memory->factors = what @norm has to know of all of @input. */
static gboolean
gather_factors (VldmStripMemory * memory, const OclGroupNorm * norm,
    const VldmNorm * affine, const VldmStrips * input, GError ** error)
{
  vldm_scratch_count (memory, ocl_group_norm_scratch (memory->queue,
          &input->whole));
  if (memory->counting)
    return TRUE;
  memory->factors.frames = norm->over_clip ? 1 : input->whole.frames;
  memory->factors.height = 1;
  memory->factors.width = 2;
  memory->factors.channels = memory->factors.stride = input->whole.channels;
  return ocl_group_norm_factors (memory->queue, norm, input->strips, input->n,
      affine->weight, &memory->factors, error);
}

static OclInputNorm
input_norm (const VldmStripMemory * memory, const VldmStripConv * layer)
{
  const OclInputNorm norm =
      { layer->norm, memory->factors, layer->affine->bias };

  return norm;
}

/* ---- windows ---- */

/* @from -> @to, of all frames or of @frame alone. */
static gboolean
copy_or_norm (VldmStripMemory * memory, const VldmStripConv * layer,
    const OclTensor * from, gsize frame, const OclTensor * to, GError ** error)
{
  OclInputNorm norm;

  if (layer->norm == NULL)
    return ocl_copy (memory->queue, from, to, error);
  norm = input_norm (memory, layer);
  if (from->frames == 1 && norm.factors.frames > 1)
    norm.factors = ocl_tensor_frames (&norm.factors, frame, 1);
  return ocl_group_norm_apply (memory->queue, &norm, from, NULL, to, error);
}

/* Rows [from_row, from_row + n) of a strip -> those from @to_row on of a window. */
static gboolean
fill_rows (VldmStripMemory * memory, const VldmStripConv * layer,
    const OclTensor * strip, gsize from_row, gsize n, const OclTensor * window,
    gsize to_row, GError ** error)
{
  if (n == strip->height && n == window->height)
    return copy_or_norm (memory, layer, strip, 0, window, error);
  for (gsize frame = 0; frame < strip->frames; frame++) {
    OclTensor from = ocl_tensor_rows (strip, frame, from_row, n);
    OclTensor to = ocl_tensor_rows (window, frame, to_row, n);

    if (!copy_or_norm (memory, layer, &from, frame, &to, error))
      return FALSE;
  }
  return TRUE;
}

/* Whether rows [begin, end) lie one after the other already. */
static gboolean
find_window (const VldmStrips * input, gsize begin, gsize end,
    OclTensor * window)
{
  const OclTensor *strip = &input->strips[begin / input->rows];
  gsize above = begin / input->rows * input->rows;

  if (end > above + strip->height)
    return FALSE;
  if (strip->frames == 1)
    *window = ocl_tensor_rows (strip, 0, begin - above, end - begin);
  else if (end - begin == strip->height)
    *window = *strip;
  else
    return FALSE;
  return TRUE;
}

/* Rows [begin, end) of @input as @layer's convolution reads them. */
static gboolean
make_window (VldmStripMemory * memory, const VldmStripConv * layer,
    const VldmStrips * input, gsize begin, gsize end, OclTensor * window,
    GError ** error)
{
  const OclTensor *whole = &input->whole;

  if (layer->norm == NULL && find_window (input, begin, end, window))
    return TRUE;
  if (!vldm_scratch_alloc (memory, whole->type, whole->frames, end - begin,
          whole->width, whole->channels, window, error))
    return FALSE;
  for (guint i = begin / input->rows; !memory->counting && i < input->n; i++) {
    gsize above = i * input->rows;
    gsize from = MAX (begin, above);
    gsize to = MIN (end, above + input->strips[i].height);

    if (from >= to)
      break;
    if (!fill_rows (memory, layer, &input->strips[i], from - above, to - from,
            window, from - begin, error))
      return FALSE;
  }
  return TRUE;
}

/* ---- convolutions ---- */

/* The row of the input, upsampled where the layer does that, at which row @y of the output begins to read; -1 is the padding
 * above. */
static gssize
first_row (const VldmStripConv * layer, gsize y)
{
  return (gssize) (y * MAX (layer->conv.stride, 1)) - layer->conv.pad_top;
}

/* @output = rows from @y on. */
static gboolean
conv_rows (VldmStripMemory * memory, const VldmStripConv * layer,
    const VldmStrips * input, gsize y, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  VldmScratchMark mark = vldm_scratch_mark (memory);
  gsize factor = layer->upsample ? 2 : 1;
  gssize first = first_row (layer, y);
  gssize end = first_row (layer, y + output->height - 1)
      + layer->weights->layer.kernel_h;
  gsize from = MAX (first, 0) / factor;
  gsize to = MIN ((end + factor - 1) / factor, input->whole.height);
  OclInputNorm norm;
  OclTensor window;
  OclProduct conv = {
    .weights = layer->weights,
    .input = &window,
    .output = output,
    .conv = layer->conv,
    .epilogue = epilogue,
  };
  gboolean done = TRUE;

  conv.conv.pad_top = (gssize) (from * factor) - first;
  if (layer->upsample) {
    conv.conv.upsampled_height = (to - from) * factor;
    conv.conv.upsampled_width = input->whole.width * factor;
  }
  if (layer->norm != NULL && find_window (input, from, to, &window)
      && ocl_conv_fuses_norm (memory->queue, &conv)) {
    norm = input_norm (memory, layer);
    conv.norm = &norm;
  } else {
    done = make_window (memory, layer, input, from, to, &window, error);
  }
  if (memory->counting)
    vldm_scratch_count (memory, ocl_conv_scratch (memory->queue, &conv));
  else
    done = done && ocl_conv (memory->queue, &conv, error);
  vldm_scratch_release (memory, mark);
  return done;
}

/* Gives back what rows of the output from @y on do not read. */
static void
release_read (VldmStripMemory * memory, const VldmStripConv * layer,
    VldmStrips * input, gsize y)
{
  gssize first = first_row (layer, y) / (layer->upsample ? 2 : 1);

  vldm_strips_release_above (memory, input, MAX (first, 0));
}

gboolean
vldm_strips_conv (VldmStripMemory * memory, const VldmStripConv * layer,
    VldmStrips * input, gboolean consume, gfloat add, VldmStrips * output,
    GError ** error)
{
  for (guint i = 0; i < output->n; i++) {
    OclTensor *strip = &output->strips[i];
    OclEpilogue epilogue = {.scale = add };

    if (add != 0.0f)
      epilogue.residual = strip;
    else
      vldm_strips_take (memory, output);
    if (!conv_rows (memory, layer, input, i * output->rows, &epilogue, strip,
            error))
      return FALSE;
    if (consume)
      release_read (memory, layer, input, (i + 1) * output->rows);
  }
  return TRUE;
}

gboolean
vldm_strips_conv_out (VldmStripMemory * memory, const VldmStripConv * layer,
    const OclWeights * then, VldmStrips * input, const OclTensor * output,
    GError ** error)
{
  const OclTensor *whole = &input->whole;

  if (!gather_factors (memory, layer->norm, layer->affine, input, error))
    return FALSE;
  for (guint i = 0; i < input->n; i++) {
    VldmScratchMark mark = vldm_scratch_mark (memory);
    gsize y = i * input->rows, n = input->strips[i].height;
    gboolean in_place = input->n == 1 || whole->frames == 1;
    OclTensor rows = input->n == 1 ? *output
        : ocl_tensor_rows (output, 0, y, n);
    OclTensor before;
    const OclProduct pointwise = {
      .weights = then,
      .input = &before,
      .output = &rows,
    };
    gboolean done = TRUE;

    if (!in_place)
      done = vldm_scratch_alloc (memory, output->type, whole->frames, n,
          whole->width, output->channels, &rows, error);
    before = rows;
    if (then != NULL)
      done = done && vldm_scratch_alloc (memory, output->type, whole->frames, n,
          whole->width, then->layer.in_channels, &before, error);
    done = done && conv_rows (memory, layer, input, y, NULL, &before, error);
    if (then != NULL && !memory->counting)
      done = done && ocl_conv (memory->queue, &pointwise, error);
    for (gsize f = 0; !in_place && !memory->counting && done
        && f < whole->frames; f++) {
      OclTensor from = ocl_tensor_frames (&rows, f, 1);
      OclTensor to = ocl_tensor_rows (output, f, y, n);

      done = ocl_copy (memory->queue, &from, &to, error);
    }
    vldm_scratch_release (memory, mark);
    if (!done)
      return FALSE;
    release_read (memory, layer, input, y + n);
  }
  return TRUE;
}

/* ---- residual blocks ---- */

/* h = conv1 (silu (norm1 (x))), and x becomes conv_shortcut (x): a strip of x makes room for one of each. */
static gboolean
run_shortcut (VldmStripMemory * memory, const VldmStripConv * conv1,
    const OclWeights * conv_shortcut, VldmStrips * x, VldmStrips * h,
    GError ** error)
{
  const VldmStripConv shortcut = {.weights = conv_shortcut };
  const OclTensor *whole = &h->whole;
  VldmStrips result;
  gboolean done = TRUE;

  vldm_strips_init (memory, whole->frames, whole->height, whole->width,
      whole->channels, &result);
  for (guint i = 0; done && i < h->n; i++) {
    gsize y = i * h->rows;

    vldm_strips_take (memory, h);
    vldm_strips_take (memory, &result);
    done = conv_rows (memory, conv1, x, y, NULL, &h->strips[i], error)
        && conv_rows (memory, &shortcut, x, y, NULL, &result.strips[i], error);
    release_read (memory, conv1, x, y + h->rows);
  }
  vldm_strips_clear (memory, x);
  *x = result;
  return done;
}

/* x += part * conv2 (silu (norm2 (conv1 (silu (norm1 (x)))))), or with conv_shortcut (x) in the place of x. */
static gboolean
run_path (VldmStripMemory * memory, const VldmResidualPath * path,
    const OclWeights * conv_shortcut, gfloat part, VldmStrips * x,
    GError ** error)
{
  const OclTensor *whole = &x->whole;
  const VldmStripConv conv1 = {
    .weights = path->conv1,
    .conv = path->conv,
    .norm = &path->norm,
    .affine = &path->norm1,
  };
  const VldmStripConv conv2 = {
    .weights = path->conv2,
    .conv = path->conv,
    .norm = &path->norm,
    .affine = &path->norm2,
  };
  VldmStrips h;
  gboolean done;

  vldm_strips_init (memory, whole->frames, whole->height, whole->width,
      path->conv1->layer.out_channels, &h);
  done = gather_factors (memory, conv1.norm, conv1.affine, x, error)
      && (conv_shortcut != NULL
      ? run_shortcut (memory, &conv1, conv_shortcut, x, &h, error)
      : vldm_strips_conv (memory, &conv1, x, FALSE, 0.0f, &h, error))
      && gather_factors (memory, conv2.norm, conv2.affine, &h, error)
      && vldm_strips_conv (memory, &conv2, &h, TRUE, part, x, error);
  vldm_strips_clear (memory, &h);
  return done;
}

gboolean
vldm_strips_resnet (VldmStripMemory * memory, const VldmResnet * resnet,
    VldmStrips * x, GError ** error)
{
  return run_path (memory, &resnet->spatial, resnet->conv_shortcut, 1.0f, x,
      error)
      && (!resnet->has_temporal
      || run_path (memory, &resnet->temporal, NULL, resnet->temporal_part, x,
          error));
}

/* ---- attention ---- */

/* How often, and with what of @tensor, an operation runs for a strip of @x at rows [y, y + n): once with all frames if the strip
 * is the whole picture, else frame by frame. */
static guint
count_parts (const VldmStrips * x)
{
  return x->n == 1 ? 1 : x->whole.frames;
}

static OclTensor
find_part (const VldmStrips * x, const OclTensor * tensor, guint part,
    gsize y, gsize n)
{
  return x->n == 1 ? *tensor : ocl_tensor_rows (tensor, part, y, n);
}

/* The rows of @qkv that strip @i gives. */
static gboolean
project_strip (VldmStripMemory * memory, const VldmStripConv * to_qkv,
    const VldmStrips * x, guint i, const OclTensor * qkv, GError ** error)
{
  VldmScratchMark mark = vldm_scratch_mark (memory);
  gsize y = i * x->rows, n = x->strips[i].height;
  OclTensor normed;
  gboolean done = make_window (memory, to_qkv, x, y, y + n, &normed, error);

  for (guint part = 0; done && !memory->counting && part < count_parts (x);
      part++) {
    OclTensor from = find_part (x, &normed, part, 0, n);
    OclTensor to = find_part (x, qkv, part, y, n);

    done = ocl_linear (memory->queue, to_qkv->weights, &from, NULL, &to, error);
  }
  vldm_scratch_release (memory, mark);
  return done;
}

/* Strip @i of x += to_out (attention). */
static gboolean
attend_strip (VldmStripMemory * memory, const OclWeights * to_out,
    const VldmStrips * x, guint i, const OclTensor * qkv, GError ** error)
{
  VldmScratchMark mark = vldm_scratch_mark (memory);
  const OclTensor *strip = &x->strips[i];
  const OclEpilogue add = {.residual = strip };
  const OclAttention attention = {
    .heads = 1,
    .bf16 = to_out->layer.type == OCL_BF16,
  };
  gsize y = i * x->rows, n = strip->height, channels = strip->channels;
  OclTensor attended;
  gboolean done = vldm_scratch_alloc (memory, strip->type, strip->frames, n,
      strip->width, channels, &attended, error);

  for (guint part = 0; done && !memory->counting && part < count_parts (x);
      part++) {
    OclTensor rows = find_part (x, qkv, part, y, n);
    OclTensor all = find_part (x, qkv, part, 0, x->whole.height);
    OclTensor query = ocl_tensor_channels (&rows, 0, channels);
    OclTensor key = ocl_tensor_channels (&all, channels, channels);
    OclTensor value = ocl_tensor_channels (&all, 2 * channels, channels);
    OclTensor to = find_part (x, &attended, part, 0, n);

    done = ocl_attention (memory->queue, &attention, &query, &key, &value, &to,
        error);
  }
  if (!memory->counting)
    done = done && ocl_linear (memory->queue, to_out, &attended, &add, strip,
        error);
  vldm_scratch_release (memory, mark);
  return done;
}

gboolean
vldm_strips_attention (VldmStripMemory * memory, const OclGroupNorm * norm,
    const VldmNorm * affine, const OclWeights * to_qkv,
    const OclWeights * to_out, const VldmStrips * x, GError ** error)
{
  const VldmStripConv project = {
    .weights = to_qkv,
    .norm = norm,
    .affine = affine,
  };
  VldmScratchMark mark = vldm_scratch_mark (memory);
  const OclTensor *whole = &x->whole;
  OclTensor qkv;
  gboolean done;

  done = gather_factors (memory, norm, affine, x, error)
      && vldm_scratch_alloc (memory, whole->type, whole->frames, whole->height,
      whole->width, to_qkv->layer.out_channels, &qkv, error);
  for (guint i = 0; done && i < x->n; i++)
    done = project_strip (memory, &project, x, i, &qkv, error);
  for (guint i = 0; done && i < x->n; i++)
    done = attend_strip (memory, to_out, x, i, &qkv, error);
  vldm_scratch_release (memory, mark);
  return done;
}
