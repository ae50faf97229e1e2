/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/norm.cl: group norm as statistics, factors and their application; layer norm in one go.
 */

#include "opencl/ops/norm.h"

/* VEC, ITEMS and SPAN of norm.cl in the two forms. */
#define VECTOR_CHANNELS 16
#define VECTOR_SPAN 4
#define TILE_CHANNELS 4
#define TILE_ITEMS 64

/* Rows a work-item sums up: many, that few partial sums remain, but few enough for every compute unit of a CPU to get
 * ITEMS_PER_UNIT work-items and for a GPU to be full. */
#define VECTOR_MIN_ROWS 64
#define VECTOR_MAX_ROWS 512
#define ITEMS_PER_UNIT 16
#define TILE_ROWS 64

/* Elements that a work-item of layer norm takes where it works alone. */
#define LAYER_NORM_ELEMENTS 4096

/* How the device's form cuts a tensor of [frames, rows, channels]. */
typedef struct
{
  guint vec, items, span;
  gsize frames, rows, block_rows, blocks, channels;
} Cut;

static Cut
make_cut (OclQueue * queue, const OclTensor * output)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  Cut cut = { 0 };

  cut.frames = output->frames;
  cut.rows = output->height * output->width;
  cut.channels = output->channels;
  if (caps->form == OCL_FORM_VECTOR) {
    gsize spans = cut.channels / (VECTOR_CHANNELS * VECTOR_SPAN) + 1;
    cut.vec = VECTOR_CHANNELS;
    cut.items = 1;
    cut.span = VECTOR_SPAN;
    cut.block_rows = CLAMP (cut.frames * cut.rows * spans
        / (ITEMS_PER_UNIT * MAX (caps->compute_units, 1)), VECTOR_MIN_ROWS,
        VECTOR_MAX_ROWS);
  } else {
    cut.vec = TILE_CHANNELS;
    cut.items = TILE_ITEMS;
    cut.span = 1;
    cut.block_rows = TILE_ROWS;
  }
  cut.blocks = (cut.rows + cut.block_rows - 1) / cut.block_rows;
  return cut;
}

static char *
make_options (const Cut * cut, const OclTensor * input,
    const OclTensor * output)
{
  return
      g_strdup_printf ("-DVEC=%u -DITEMS=%u -DSOURCE_HALF=%d -DOUT_HALF=%d",
      cut->vec, cut->items, input->type == OCL_F16, output->type == OCL_F16);
}

/* Something in, and the same pixels out. */
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

/* A group norm under way. */
typedef struct
{
  OclQueue *queue;
  const OclGroupNorm *norm;
  OclBuffer *weight, *bias;
  const OclTensor *output;
  Cut cut;
  OclTensor partials, factors;  /* as in norm.cl */
} GroupNorm;

/* What group_norm_statistics and group_norm_apply have in common: a work-item for a span of channels of a block. */
static void
start_call (OclCall * call, const char *kernel, const char *options,
    const Cut * cut, const OclTensor * source, gsize first_channel)
{
  gsize width = cut->vec * cut->span;
  gsize spans = (source->channels + width - 1) / width;

  call->program = "norm";
  call->kernel = kernel;
  call->options = options;
  call->global[0] = cut->frames * cut->blocks * spans;
  call->local[0] = cut->items;
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
  call.global[0] = g->factors.frames * g->norm->groups * g->cut.items;
  call.local[0] = g->cut.items;
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
    const OclTensor * input, const OclTensor * input2, OclBuffer * weight,
    OclBuffer * bias, const OclTensor * output, GError ** error)
{
  OclArenaMark mark = ocl_arena_mark (ocl_queue_arena (queue));
  GroupNorm g = { queue, norm, weight, bias, output };
  gboolean ok;

  if (!check_group_norm (norm, input, input2, output, error)
      || !check_vector ("group norm", "weight", weight, output->channels, error)
      || !check_vector ("group norm", "bias", bias, output->channels, error))
    return FALSE;
  g.cut = make_cut (queue, output);
  ok = ocl_tensor_alloc (queue, OCL_F32, g.cut.frames, g.cut.blocks, 2,
      g.cut.channels, &g.partials, error)
      && ocl_tensor_alloc (queue, OCL_F32,
      norm->over_clip ? 1 : g.cut.frames, 1, 2, g.cut.channels, &g.factors,
      error)
      && run_statistics (&g, input, 0, error)
      && (input2 == NULL || run_statistics (&g, input2, input->channels, error))
      && run_factors (&g, input, error)
      && run_apply (&g, input, 0, error)
      && (input2 == NULL || run_apply (&g, input2, input->channels, error));
  ocl_arena_release (ocl_queue_arena (queue), mark);
  return ok;
}

gboolean
ocl_layer_norm (OclQueue * queue, gfloat eps, const OclTensor * input,
    OclBuffer * weight, OclBuffer * bias, const OclTensor * output,
    GError ** error)
{
  Cut cut = { 0 };
  g_autofree char *options = NULL;
  gsize rows, block_rows;
  OclCall call = { 0 };

  if (!check_input ("layer norm", input, output, error)
      || !ocl_tensor_check_shape ("layer norm", "the output", output, input,
          error)
      || !check_vector ("layer norm", "weight", weight, input->channels, error)
      || !check_vector ("layer norm", "bias", bias, input->channels, error))
    return FALSE;
  cut = make_cut (queue, output);
  rows = ocl_tensor_pixels (input);
  block_rows = cut.items > 1 ? 1
      : MAX (LAYER_NORM_ELEMENTS / input->channels, 1);

  call.program = "norm";
  call.kernel = "layer_norm";
  call.options = options = make_options (&cut, input, output);
  call.global[0] = (rows + block_rows - 1) / block_rows * cut.items;
  call.local[0] = cut.items;
  call.work = 8.0 * rows * input->channels;
  ocl_call_tensor (&call, input);
  ocl_call_int (&call, input->channels);
  ocl_call_uint64 (&call, rows);
  ocl_call_int (&call, block_rows);
  ocl_call_buffer (&call, weight);
  ocl_call_buffer (&call, bias);
  ocl_call_float (&call, eps);
  ocl_call_tensor (&call, output);
  return ocl_queue_run (queue, &call, error);
}
