/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/elementwise.cl.
 */

#include "opencl/ops/elementwise.h"

#define MAX_INPUTS 5

/* For the two forms: option VEC of elementwise.cl, blocks per work-item, and work-items per work-group. */
#define VECTOR_CHANNELS 16
#define VECTOR_BLOCKS 32
#define TILE_CHANNELS 4
#define TILE_ITEMS 64

/* The most parts that a tensor is cut into for its moments. */
#define MOMENT_PARTS 256

/* A tensor cut into rows of channels, rows into blocks of one vector, and blocks among work-items. */
typedef struct
{
  gboolean vector;
  gint channels, blocks, per_item;
  gsize items;
} Cut;

/* Tensors without gaps count as one long row. */
static Cut
make_cut (OclQueue * queue, const OclTensor * shape, gboolean one_row)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  Cut cut = {.vector = caps->form == OCL_FORM_VECTOR };
  gsize vec = cut.vector ? VECTOR_CHANNELS : TILE_CHANNELS;
  gsize pixels = ocl_tensor_pixels (shape), channels = shape->channels;

  if (one_row && pixels * channels <= G_MAXINT32) {
    channels *= pixels;
    pixels = 1;
  }
  cut.channels = channels;
  cut.blocks = pixels * ((channels + vec - 1) / vec);
  cut.per_item = cut.vector ? VECTOR_BLOCKS : 1;
  cut.items = (cut.blocks + cut.per_item - 1) / cut.per_item;
  return cut;
}

static gboolean
is_packed (const OclTensor * tensor)
{
  return tensor->stride == tensor->channels;
}

/* Adds a tensor whose storage type the kernel is told at run time. */
static void
call_typed (OclCall * call, const OclTensor * tensor)
{
  ocl_call_tensor (call, tensor);
  ocl_call_int (call, tensor != NULL && tensor->type == OCL_F16);
}

/* Adds the arguments of the cut and runs @call, which reads or writes @n_tensors tensors shaped like @shape. */
static gboolean
run (OclQueue * queue, OclCall * call, const char *kernel, const Cut * cut,
    guint n_tensors, const OclTensor * shape, GError ** error)
{
  if (cut->items == 0)
    return TRUE;
  ocl_call_int (call, cut->channels);
  ocl_call_int (call, cut->blocks);
  ocl_call_int (call, cut->per_item);
  call->program = "elementwise";
  call->kernel = kernel;
  call->options = cut->vector ? "-DVEC=16" : "-DVEC=4";
  call->global[0] = cut->items;
  call->local[0] = cut->vector ? 1 : TILE_ITEMS;
  call->work = (gdouble) n_tensors *ocl_tensor_pixels (shape) *
      shape->channels * sizeof (gfloat);
  return ocl_queue_run (queue, call, error);
}

/* The number of blocks must fit into 32 bits, too. */
static gboolean
check_output (const char *operation, const OclTensor * output, GError ** error)
{
  gsize blocks = ocl_tensor_pixels (output) *
      ((output->channels + TILE_CHANNELS - 1) / TILE_CHANNELS);
  g_autofree char *shape = NULL;

  if (!ocl_tensor_check_size (operation, output, error))
    return FALSE;
  if (blocks <= OCL_MAX_PIXELS)
    return TRUE;
  shape = ocl_tensor_shape (output);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: a tensor of %s is too large: at most 2^33 elements", operation,
      shape);
  return FALSE;
}

static gboolean
check_input (const char *operation, const char *what, const OclTensor * input,
    const OclTensor * output, GError ** error)
{
  return ocl_tensor_check_shape (operation, what, input, output, error)
      && ocl_tensor_check_size (operation, input, error);
}

gboolean
ocl_activate (OclQueue * queue, OclActivation activation,
    const OclTensor * input, const OclTensor * output, GError ** error)
{
  OclCall call = { 0 };
  Cut cut;

  if (!check_output ("activation", output, error)
      || !check_input ("activation", "the input", input, output, error))
    return FALSE;
  cut = make_cut (queue, output, is_packed (input) && is_packed (output));
  ocl_call_int (&call, activation);
  call_typed (&call, input);
  call_typed (&call, output);
  return run (queue, &call, "activate", &cut, 2, output, error);
}

gboolean
ocl_add_frame_bias (OclQueue * queue, const OclTensor * input,
    const OclTensor * bias, const OclTensor * output, GError ** error)
{
  const char *operation = "frame bias";
  OclTensor row = *output, of_frames = *bias;
  OclCall call = { 0 };
  Cut cut;

  row.height = row.width = 1;
  if (bias->frames == 1) {
    row.frames = 1;
    of_frames.stride = 0;
  }
  if (!check_output (operation, output, error)
      || !check_input (operation, "the input", input, output, error)
      || !check_input (operation, "the bias", bias, &row, error))
    return FALSE;
  cut = make_cut (queue, output, FALSE);
  call_typed (&call, input);
  call_typed (&call, &of_frames);
  ocl_call_int (&call, output->height * output->width);
  call_typed (&call, output);
  return run (queue, &call, "add_frame_bias", &cut, 2, output, error);
}

gboolean
ocl_combine (OclQueue * queue, guint n, const OclTensor * const *inputs,
    const gfloat * scales, gfloat clamp, const OclTensor * output,
    GError ** error)
{
  const char *operation = "combination";
  gboolean packed = is_packed (output);
  OclCall call = { 0 };
  Cut cut;

  if (n < 1 || n > MAX_INPUTS) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: %u inputs where 1 to %d are possible", operation, n, MAX_INPUTS);
    return FALSE;
  }
  if (!check_output (operation, output, error))
    return FALSE;
  ocl_call_int (&call, n);
  for (guint i = 0; i < MAX_INPUTS; i++) {
    if (i < n) {
      if (!check_input (operation, "an input", inputs[i], output, error))
        return FALSE;
      packed = packed && is_packed (inputs[i]);
    }
    call_typed (&call, i < n ? inputs[i] : NULL);
    ocl_call_float (&call, i < n ? scales[i] : 0);
  }
  ocl_call_float (&call, clamp);
  call_typed (&call, output);
  cut = make_cut (queue, output, packed);
  return run (queue, &call, "combine", &cut, n + 1, output, error);
}

gboolean
ocl_copy (OclQueue * queue, const OclTensor * input, const OclTensor * output,
    GError ** error)
{
  const gfloat scale = 1;

  return ocl_combine (queue, 1, &input, &scale, 0, output, error);
}

/* The number of work-items for the blocks of @cut; each writes one row of moments. */
static Cut
cut_for_moments (const Cut * cut)
{
  Cut parts = *cut;

  parts.per_item = (cut->blocks + MOMENT_PARTS - 1) / MOMENT_PARTS;
  parts.items = (cut->blocks + parts.per_item - 1) / parts.per_item;
  return parts;
}

/* Computes the moments of the parts of @input: [parts][3] from element @first of @partials on. */
static gboolean
run_moments (OclQueue * queue, const Cut * cut, const OclTensor * input,
    const OclTensor * partials, gsize first, GError ** error)
{
  OclCall call = { 0 };

  call_typed (&call, input);
  ocl_call_buffer (&call, partials->buffer);
  ocl_call_uint64 (&call, partials->offset + first);
  return run (queue, &call, "moments", cut, 2, input, error);
}

static gboolean
run_factor (OclQueue * queue, const OclTensor * partials, gint parts, gfloat w,
    const OclTensor * factor, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  OclCall call = {.program = "elementwise",.kernel = "rescale_factor" };

  call.options = caps->form == OCL_FORM_VECTOR ? "-DVEC=16" : "-DVEC=4";
  call.work = 20.0 * parts;
  ocl_call_buffer (&call, partials->buffer);
  ocl_call_uint64 (&call, partials->offset);
  ocl_call_int (&call, parts);
  ocl_call_float (&call, w);
  ocl_call_buffer (&call, factor->buffer);
  ocl_call_uint64 (&call, factor->offset);
  return ocl_queue_run (queue, &call, error);
}

static gboolean
check_rescale (const OclTensor * text, const OclTensor * guided,
    const OclTensor * output, GError ** error)
{
  const char *operation = "guidance rescale";

  if (!check_output (operation, output, error)
      || !check_input (operation, "the text's prediction", text, output, error)
      || !check_input (operation, "the guided prediction", guided, output,
          error))
    return FALSE;
  if (text->type == OCL_F32 && guided->type == OCL_F32
      && output->type == OCL_F32
      && ocl_tensor_pixels (output) * output->channels >= 2)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: a standard deviation needs fp32 tensors of at least two elements",
      operation);
  return FALSE;
}

gboolean
ocl_rescale_guidance (OclQueue * queue, gfloat w, const OclTensor * text,
    const OclTensor * guided, const OclTensor * output, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor partials, factor;
  OclCall call = { 0 };
  Cut cut, parts;
  gboolean ok;

  if (!check_rescale (text, guided, output, error))
    return FALSE;
  cut = make_cut (queue, output, is_packed (text) && is_packed (guided)
      && is_packed (output));
  parts = cut_for_moments (&cut);
  ok = ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 2 * MOMENT_PARTS, 3),
      &partials, error)
      && ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 1, 1), &factor,
      error)
      && run_moments (queue, &parts, text, &partials, 0, error)
      && run_moments (queue, &parts, guided, &partials, 3 * parts.items, error)
      && run_factor (queue, &partials, parts.items, w, &factor, error);
  if (ok) {
    ocl_call_buffer (&call, factor.buffer);
    ocl_call_uint64 (&call, factor.offset);
    call_typed (&call, guided);
    call_typed (&call, output);
    ok = run (queue, &call, "rescale", &cut, 2, output, error);
  }
  ocl_arena_release (arena, mark);
  return ok;
}

/* By Chan, Golub and LeVeque's formula. */
static void
add_moments (OclMoments * moments, const gfloat * more)
{
  gdouble total = moments->count + more[0];
  gdouble difference = more[1] - moments->mean;

  if (more[0] == 0)
    return;
  moments->squares += more[2]
      + difference * difference * (moments->count * more[0] / total);
  moments->mean += difference * more[0] / total;
  moments->count = total;
}

gboolean
ocl_moments (OclQueue * queue, const OclTensor * input, OclMoments * moments,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gfloat values[3 * MOMENT_PARTS];
  OclTensor partials;
  Cut cut, parts;
  gboolean ok;

  if (!check_output ("moments", input, error))
    return FALSE;
  cut = make_cut (queue, input, is_packed (input));
  parts = cut_for_moments (&cut);
  ok = ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, parts.items, 3),
      &partials, error)
      && run_moments (queue, &parts, input, &partials, 0, error)
      && ocl_tensor_read (queue, &partials, values, error);
  for (gsize i = 0; ok && i < (gsize) parts.items; i++)
    add_moments (moments, values + 3 * i);
  ocl_arena_release (arena, mark);
  return ok;
}

gboolean
ocl_all_finite (OclQueue * queue, const OclTensor * input, gboolean * finite,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclCall call = { 0 };
  OclBuffer *buffer;
  gint32 found = 0;
  gsize offset;
  gboolean ok;
  Cut cut;

  if (!check_output ("search for infinities", input, error))
    return FALSE;
  ok = ocl_arena_alloc (arena, sizeof (found), &buffer, &offset, error)
      && ocl_queue_write (queue, buffer, offset, &found, sizeof (found), error);
  if (ok) {
    cut = make_cut (queue, input, is_packed (input));
    call_typed (&call, input);
    ocl_call_buffer (&call, buffer);
    ocl_call_uint64 (&call, offset / sizeof (found));
    ok = run (queue, &call, "find_not_finite", &cut, 1, input, error)
        && ocl_queue_read (queue, buffer, offset, &found, sizeof (found),
        error);
  }
  *finite = !found;
  ocl_arena_release (arena, mark);
  return ok;
}

static gboolean
check_embed (OclBuffer * table, gsize rows, OclBuffer * positions,
    const guint32 * ids, const OclTensor * output, GError ** error)
{
  const char *operation = "embedding";
  gsize n = output->width, channels = output->channels, row =
      channels * sizeof (gfloat);
  OclTensor expected = {.frames = 1,.height = 1,.width = n,.channels = channels
  };

  if (!check_output (operation, output, error)
      || !ocl_tensor_check_shape (operation, "the output", output, &expected,
          error))
    return FALSE;
  if (row > 0 && (rows > ocl_buffer_size (table) / row
          || (positions != NULL && n > ocl_buffer_size (positions) / row))) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: %" G_GSIZE_FORMAT " rows of %" G_GSIZE_FORMAT " channels, or %"
        G_GSIZE_FORMAT " positions, do not lie in their buffers", operation,
        rows, channels, n);
    return FALSE;
  }
  for (gsize i = 0; i < n; i++)
    if (ids[i] >= rows) {
      g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
          "%s: id %u at place %" G_GSIZE_FORMAT " of a table of %"
          G_GSIZE_FORMAT " rows", operation, ids[i], i, rows);
      return FALSE;
    }
  return TRUE;
}

gboolean
ocl_embed (OclQueue * queue, OclBuffer * table, gsize rows,
    OclBuffer * positions, const guint32 * ids, const OclTensor * output,
    GError ** error)
{
  gsize n = output->width;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclCall call = { 0 };
  OclBuffer *buffer;
  gsize offset;
  gboolean ok;
  Cut cut;

  if (!check_embed (table, rows, positions, ids, output, error))
    return FALSE;
  ok = ocl_arena_alloc (arena, n * sizeof *ids, &buffer, &offset, error)
      && ocl_queue_write (queue, buffer, offset, ids, n * sizeof *ids, error);
  if (ok) {
    cut = make_cut (queue, output, FALSE);
    ocl_call_buffer (&call, buffer);
    ocl_call_uint64 (&call, offset / sizeof *ids);
    ocl_call_buffer (&call, table);
    ocl_call_buffer (&call, positions);
    ocl_call_int (&call, positions != NULL);
    call_typed (&call, output);
    ok = run (queue, &call, "embed", &cut, 3, output, error);
  }
  ocl_arena_release (arena, mark);
  return ok;
}

/* Writes rows [first, first + count) of the output, which share @value. */
static gboolean
run_sinusoid (OclQueue * queue, gfloat value, gsize first, gsize count,
    const OclTensor * output, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  OclTensor rows = ocl_tensor_frames (output, first, count);
  OclCall call = {.program = "elementwise",.kernel = "sinusoid" };

  call.options = caps->form == OCL_FORM_VECTOR ? "-DVEC=16" : "-DVEC=4";
  call.global[0] = output->channels / 2;
  call.global[1] = count;
  call.local[0] = TILE_ITEMS;
  call.work = 40.0 * count * output->channels;
  ocl_call_float (&call, value);
  ocl_call_int (&call, output->channels / 2);
  ocl_call_int (&call, count);
  ocl_call_buffer (&call, rows.buffer);
  ocl_call_uint64 (&call, rows.offset);
  ocl_call_int (&call, rows.stride);
  return ocl_queue_run (queue, &call, error);
}

gboolean
ocl_sinusoid (OclQueue * queue, const gfloat * values, gsize n,
    const OclTensor * output, GError ** error)
{
  OclTensor expected = {.frames = n,.height = 1,.width = 1,.channels =
        output->channels
  };

  if (!ocl_tensor_check_shape ("sinusoid", "the output", output, &expected,
          error)
      || !ocl_tensor_check_size ("sinusoid", output, error))
    return FALSE;
  if (output->type != OCL_F32 || output->channels % 2 != 0) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "sinusoid: %" G_GSIZE_FORMAT " channels of type %d; an even number of "
        "fp32 channels is needed", output->channels, output->type);
    return FALSE;
  }
  /* Values are arguments, so that no step waits for a write; most frames share one value. */
  for (gsize first = 0, end; first < n; first = end) {
    for (end = first + 1; end < n && values[end] == values[first]; end++);
    if (!run_sinusoid (queue, values[first], first, end - first, output, error))
      return FALSE;
  }
  return TRUE;
}
