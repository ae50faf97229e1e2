/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/norm.cl. Group norm takes three launches, for statistics, factors and their application, on one
 * tensor or on strips of one; layer norm takes one launch.
 */

#include "opencl/ops/norm.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/elementwise.h"

/* Work-items per compute unit of a CPU, enough to keep all units busy. */
#define ITEMS_PER_UNIT 16

/* Options of norm.cl, and rows that a work-item sums up: many, so that few partial sums remain, but few enough for
 * every compute unit of a CPU to get ITEMS_PER_UNIT work-items and for a GPU to be full. */
typedef struct
{
  guint vec, items, span;
  gsize min_rows, max_rows;
} Variant;

static const Variant variants[] = {
  [OCL_FORM_VECTOR] = {16, 1, 4, 64, 512},
  [OCL_FORM_TILE] = {4, 64, 1, 64, 64},
};

/* Elements per work-item of layer norm where a work-item is a work-group. */
#define LAYER_NORM_ELEMENTS 4096

/* A tensor of [frames, rows, channels] in blocks of rows. */
typedef struct
{
  Variant variant;
  gsize frames, rows, block_rows, blocks, channels;
} Cut;

static Cut
make_cut (OclQueue * queue, const OclTensor * output)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  const Variant *v = &variants[caps->form];
  gsize spans = output->channels / (v->vec * v->span) + 1;
  gsize items = ITEMS_PER_UNIT * MAX (caps->compute_units, 1);
  Cut cut = {.variant = *v };

  cut.frames = output->frames;
  cut.rows = output->height * output->width;
  cut.channels = output->channels;
  cut.block_rows = CLAMP (cut.frames * cut.rows * spans / items, v->min_rows,
      v->max_rows);
  cut.blocks = (cut.rows + cut.block_rows - 1) / cut.block_rows;
  return cut;
}

static char *
make_options (const Cut * cut, const OclTensor * input,
    const OclTensor * output)
{
  return
      g_strdup_printf ("-DVEC=%u -DITEMS=%u -DSPAN=%u -DSOURCE_HALF=%d "
      "-DOUT_HALF=%d", cut->variant.vec, cut->variant.items, cut->variant.span,
      input->type == OCL_F16, output->type == OCL_F16);
}

/* TRUE if the input is not empty and the output has the same pixels. */
static gboolean
check_input (const char *operation, const OclTensor * input,
    const OclTensor * output, GError ** error)
{
  g_autofree char *is = NULL, *wanted = NULL;

  if (input->frames == output->frames && input->height == output->height
      && input->width == output->width && input->channels > 0
      && ocl_tensor_pixels (output) > 0)
    return ocl_tensor_check_size (operation, input, error)
        && ocl_tensor_check_size (operation, output, error);
  is = ocl_tensor_shape (input);
  wanted = ocl_tensor_shape (output);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: an input of %s does not give an output of %s: frames, height and "
      "width must be equal and nothing zero", operation, is, wanted);
  return FALSE;
}

static gboolean
check_vector (const char *operation, const char *what, OclBuffer * vector,
    gsize channels, GError ** error)
{
  if (ocl_buffer_size (vector) / sizeof (gfloat) >= channels)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: the %s has %" G_GSIZE_FORMAT " values for %" G_GSIZE_FORMAT
      " channels", operation, what,
      ocl_buffer_size (vector) / sizeof (gfloat), channels);
  return FALSE;
}

static gboolean
check_affine (const char *operation, const OclAffine * affine, gsize channels,
    GError ** error)
{
  return check_vector (operation, "weight", affine->weight, channels, error)
      && check_vector (operation, "bias", affine->bias, channels, error);
}

static gboolean
check_group_norm (const OclGroupNorm * norm, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output, GError ** error)
{
  gsize channels = input->channels + (input2 != NULL ? input2->channels : 0);

  if (!check_input ("group norm", input, output, error)
      || (input2 != NULL && !check_input ("group norm", input2, output, error)))
    return FALSE;
  if (channels == output->channels && norm->groups > 0
      && channels % norm->groups == 0)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "group norm: %" G_GSIZE_FORMAT " input channels, %" G_GSIZE_FORMAT
      " output channels and %u groups; inputs and output must have equally "
      "many, in whole groups", channels, output->channels, norm->groups);
  return FALSE;
}

/* The parameters of one group norm. */
typedef struct
{
  OclQueue *queue;
  const OclGroupNorm *norm;
  OclBuffer *weight, *bias;
  const OclTensor *output;
  Cut cut;
  OclTensor partials, factors;  /* as in norm.cl */
} GroupNorm;

/* The common part of group_norm_statistics and group_norm_apply: a work-item for a span of channels of a block. */
static void
start_call (OclCall * call, const char *kernel, const char *options,
    const Cut * cut, const OclTensor * source, gsize first_channel)
{
  gsize width = cut->variant.vec * cut->variant.span;
  gsize spans = (source->channels + width - 1) / width;

  call->program = "norm";
  call->kernel = kernel;
  call->options = options;
  call->global[0] = cut->frames * cut->blocks * spans;
  call->local[0] = cut->variant.items;
  call->work = (gdouble) ocl_tensor_pixels (source) * source->channels
      * ocl_type_size (source->type);
  ocl_call_tensor (call, source);
  ocl_call_int (call, source->channels);
  ocl_call_int (call, first_channel);
  ocl_call_int (call, cut->frames);
  ocl_call_int (call, cut->rows);
  ocl_call_int (call, cut->block_rows);
  ocl_call_int (call, cut->blocks);
  ocl_call_int (call, cut->channels);
}

static gboolean
run_statistics (const GroupNorm * g, const OclTensor * source,
    gsize first_channel, GError ** error)
{
  g_autofree char *options = make_options (&g->cut, source, g->output);
  OclCall call = { 0 };

  start_call (&call, "group_norm_statistics", options, &g->cut, source,
      first_channel);
  ocl_call_buffer (&call, g->partials.buffer);
  ocl_call_uint64 (&call, g->partials.offset);
  return ocl_queue_run (g->queue, &call, error);
}

static gboolean
run_factors (const GroupNorm * g, const OclTensor * source, GError ** error)
{
  g_autofree char *options = make_options (&g->cut, source, g->output);
  OclCall call = { 0 };

  call.program = "norm";
  call.kernel = "group_norm_factors";
  call.options = options;
  call.global[0] = g->factors.frames * g->norm->groups * g->cut.variant.items;
  call.local[0] = g->cut.variant.items;
  call.work = 4.0 * ocl_tensor_pixels (&g->partials) * g->partials.channels;
  ocl_call_buffer (&call, g->partials.buffer);
  ocl_call_uint64 (&call, g->partials.offset);
  ocl_call_buffer (&call, g->weight);
  ocl_call_buffer (&call, g->factors.buffer);
  ocl_call_uint64 (&call, g->factors.offset);
  ocl_call_int (&call, g->cut.frames / g->factors.frames);
  ocl_call_int (&call, g->cut.rows);
  ocl_call_int (&call, g->cut.block_rows);
  ocl_call_int (&call, g->cut.blocks);
  ocl_call_int (&call, g->cut.channels);
  ocl_call_int (&call, g->norm->groups);
  ocl_call_float (&call, g->norm->eps);
  return ocl_queue_run (g->queue, &call, error);
}

static gboolean
run_apply (const GroupNorm * g, const OclTensor * source, gsize first_channel,
    GError ** error)
{
  g_autofree char *options = make_options (&g->cut, source, g->output);
  OclCall call = { 0 };

  start_call (&call, "group_norm_apply", options, &g->cut, source,
      first_channel);
  call.work *= g->norm->silu ? 8 : 2;
  ocl_call_buffer (&call, g->factors.buffer);
  ocl_call_uint64 (&call, g->factors.offset);
  ocl_call_int (&call, g->cut.frames / g->factors.frames);
  ocl_call_buffer (&call, g->bias);
  ocl_call_int (&call, g->norm->silu);
  ocl_call_tensor (&call, g->output);
  return ocl_queue_run (g->queue, &call, error);
}

gboolean
ocl_group_norm (OclQueue * queue, const OclGroupNorm * norm,
    const OclAffine * affine, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output, GError ** error)
{
  OclArenaMark mark = ocl_arena_mark (ocl_queue_arena (queue));
  GroupNorm g = { queue, norm, affine->weight, affine->bias, output };
  gboolean ok;

  if (!check_group_norm (norm, input, input2, output, error)
      || !check_affine ("group norm", affine, output->channels, error))
    return FALSE;
  g.cut = make_cut (queue, output);
  ok = ocl_tensor_alloc (queue, OCL_F32, ocl_shape (g.cut.frames, g.cut.blocks,
          2, g.cut.channels), &g.partials, error)
      && ocl_tensor_alloc (queue, OCL_F32,
      ocl_shape (norm->over_clip ? 1 : g.cut.frames, 1, 2, g.cut.channels),
      &g.factors, error)
      && run_statistics (&g, input, 0, error)
      && (input2 == NULL || run_statistics (&g, input2, input->channels, error))
      && run_factors (&g, input, error)
      && run_apply (&g, input, 0, error)
      && (input2 == NULL || run_apply (&g, input2, input->channels, error));
  ocl_arena_release (ocl_queue_arena (queue), mark);
  return ok;
}

/* ---- tensors in strips ---- */

/* @n pixels of one frame of a strip, as a row. */
static OclTensor
strip_pixels (const OclTensor * strip, gsize frame, gsize first, gsize n)
{
  OclTensor pixels = ocl_tensor_frames (strip, frame, 1);

  pixels.offset += first * strip->stride;
  pixels.height = 1;
  pixels.width = n;
  return pixels;
}

/* Computes the statistics of @pixels, which are whole blocks of @frame from @block on. */
static gboolean
run_some_statistics (const GroupNorm * g, const OclTensor * pixels,
    gsize frame, gsize block, GError ** error)
{
  GroupNorm part = *g;

  part.cut.frames = 1;
  part.cut.rows = pixels->width;
  part.cut.blocks =
      (part.cut.rows + part.cut.block_rows - 1) / part.cut.block_rows;
  part.partials.offset += (frame * g->cut.blocks + block) * 2 * g->cut.channels;
  return run_statistics (&part, pixels, 0, error);
}

/* Statistics of one block of @n pixels that begins at pixel @first of @strip and goes on in the strips below, which
 * are copied to one place first. */
static gboolean
run_split_statistics (const GroupNorm * g, const OclTensor * strip,
    gsize first, gsize n, gsize frame, gsize block, GError ** error)
{
  OclArena *arena = ocl_queue_arena (g->queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor together;
  gboolean ok = ocl_tensor_alloc (g->queue, strip->type, ocl_shape (1, 1, n,
          strip->channels), &together, error);
  gsize done = 0;

  for (; ok && done < n; strip++, first = 0) {
    gsize some = MIN (n - done, strip->height * strip->width - first);
    OclTensor from = strip_pixels (strip, frame, first, some);
    OclTensor to = strip_pixels (&together, 0, done, some);

    ok = ocl_copy (g->queue, &from, &to, error);
    done += some;
  }
  ok = ok && run_some_statistics (g, &together, frame, block, error);
  ocl_arena_release (arena, mark);
  return ok;
}

/* Goes through the blocks of the whole tensor, some of which cross from one strip into the next. */
static gboolean
run_frame_statistics (const GroupNorm * g, const OclTensor * strips,
    gsize frame, GError ** error)
{
  const Cut *cut = &g->cut;
  gsize block = 0, above = 0;   /* pixels in strips above */

  while (block < cut->blocks) {
    gsize begin = block * cut->block_rows;
    gsize size = strips->height * strips->width;
    gsize end = above + size, blocks;

    if (begin >= end) {
      above = end;
      strips++;
      continue;
    }
    blocks = end == cut->rows ? cut->blocks - block
        : (end - begin) / cut->block_rows;
    if (blocks > 0) {
      OclTensor pixels = strip_pixels (strips, frame, begin - above,
          MIN (blocks * cut->block_rows, end - begin));

      if (!run_some_statistics (g, &pixels, frame, block, error))
        return FALSE;
    } else {
      blocks = 1;
      if (!run_split_statistics (g, strips, begin - above,
              MIN (cut->block_rows, cut->rows - begin), frame, block, error))
        return FALSE;
    }
    block += blocks;
  }
  return TRUE;
}

static gboolean
check_strips (const OclGroupNorm * norm, const OclTensor * strips, guint n,
    OclBuffer * weight, const OclTensor * factors, OclTensor * whole,
    GError ** error)
{
  OclTensor expected = {.height = 1,.width = 2 };

  *whole = strips[0];
  for (guint i = 1; i < n; i++) {
    OclTensor same = strips[i];

    same.height = strips[0].height;
    if (!ocl_tensor_check_shape ("group norm", "a strip", &same, &strips[0],
            error))
      return FALSE;
    whole->height += strips[i].height;
  }
  expected.frames = norm->over_clip ? 1 : whole->frames;
  expected.channels = whole->channels;
  return check_group_norm (norm, whole, NULL, whole, error)
      && check_vector ("group norm", "weight", weight, whole->channels, error)
      && ocl_tensor_check_shape ("group norm", "the factors", factors,
      &expected, error);
}

gboolean
ocl_group_norm_factors (OclQueue * queue, const OclGroupNorm * norm,
    const OclTensor * strips, guint n, OclBuffer * weight,
    const OclTensor * factors, GError ** error)
{
  OclArenaMark mark = ocl_arena_mark (ocl_queue_arena (queue));
  OclTensor whole;
  GroupNorm g = { queue, norm, weight, NULL, &whole };
  gboolean ok;

  if (!check_strips (norm, strips, n, weight, factors, &whole, error))
    return FALSE;
  g.cut = make_cut (queue, &whole);
  g.factors = *factors;
  ok = ocl_tensor_alloc (queue, OCL_F32, ocl_shape (g.cut.frames, g.cut.blocks,
          2, g.cut.channels), &g.partials, error);
  if (ok && n == 1)
    ok = run_statistics (&g, strips, 0, error);
  else
    for (gsize frame = 0; ok && frame < whole.frames; frame++)
      ok = run_frame_statistics (&g, strips, frame, error);
  ok = ok && run_factors (&g, &whole, error);
  ocl_arena_release (ocl_queue_arena (queue), mark);
  return ok;
}

gsize
ocl_group_norm_scratch (OclQueue * queue, const OclTensor * whole)
{
  Cut cut = make_cut (queue, whole);

  return sizeof (gfloat) * cut.channels
      * (2 * cut.frames * cut.blocks + cut.block_rows);
}

gboolean
ocl_input_norm_check (const char *operation, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2, GError ** error)
{
  gsize channels = input->channels + (input2 != NULL ? input2->channels : 0);
  const OclTensor expected = {
    .frames = norm->factors.frames == 1 ? 1 : input->frames,
    .height = 1,
    .width = 2,
    .channels = channels,
  };

  return check_vector (operation, "norm's bias", norm->bias, channels, error)
      && ocl_tensor_check_shape (operation, "the norm's factors",
      &norm->factors, &expected, error);
}

gboolean
ocl_group_norm_apply (OclQueue * queue, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2,
    const OclTensor * output, GError ** error)
{
  GroupNorm g = { queue, norm->norm, NULL, norm->bias, output };

  if (!check_group_norm (norm->norm, input, input2, output, error)
      || !ocl_input_norm_check ("group norm", norm, input, input2, error))
    return FALSE;
  g.cut = make_cut (queue, output);
  g.factors = norm->factors;
  return run_apply (&g, input, 0, error)
      && (input2 == NULL || run_apply (&g, input2, input->channels, error));
}

void
ocl_call_input_norm (OclCall * call, const OclInputNorm * norm)
{
  const OclTensor *factors = norm != NULL ? &norm->factors : NULL;

  ocl_call_buffer (call, factors != NULL ? factors->buffer : NULL);
  ocl_call_uint64 (call, factors != NULL ? factors->offset : 0);
  ocl_call_int (call, factors != NULL
      && factors->frames > 1 ? 2 * factors->channels : 0);
  ocl_call_int (call, factors != NULL ? factors->channels : 0);
  ocl_call_buffer (call, norm != NULL ? norm->bias : NULL);
  ocl_call_int (call, norm == NULL ? INPUT_NORM_NONE
      : norm->norm->silu ? INPUT_NORM_SILU : INPUT_NORM_PLAIN);
}

/* ---- layer norm ---- */

gboolean
ocl_layer_norm (OclQueue * queue, gfloat eps, const OclAffine * affine,
    const OclTensor * input, const OclTensor * output, GError ** error)
{
  Cut cut = { 0 };
  g_autofree char *options = NULL;
  gsize rows, block_rows;
  OclCall call = { 0 };

  if (!check_input ("layer norm", input, output, error)
      || !ocl_tensor_check_shape ("layer norm", "the output", output, input,
          error)
      || !check_affine ("layer norm", affine, input->channels, error))
    return FALSE;
  cut = make_cut (queue, output);
  rows = ocl_tensor_pixels (input);
  block_rows = cut.variant.items > 1 ? 1
      : MAX (LAYER_NORM_ELEMENTS / input->channels, 1);

  call.program = "norm";
  call.kernel = "layer_norm";
  call.options = options = make_options (&cut, input, output);
  call.global[0] = (rows + block_rows - 1) / block_rows * cut.variant.items;
  call.local[0] = cut.variant.items;
  call.work = 8.0 * rows * input->channels;
  ocl_call_tensor (&call, input);
  ocl_call_int (&call, input->channels);
  ocl_call_uint64 (&call, rows);
  ocl_call_int (&call, block_rows);
  ocl_call_buffer (&call, affine->weight);
  ocl_call_buffer (&call, affine->bias);
  ocl_call_float (&call, eps);
  ocl_call_tensor (&call, output);
  return ocl_queue_run (queue, &call, error);
}
