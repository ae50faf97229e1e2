/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches the gather matrix product in the device's form: kernels/gemm_vec.cl, or tiles of gemm_tile.c or of the matrix
 * unit (gemm_matrix.c), of the size that the tuner, else the guess of those files, or VLDM_TILE says.
 */

#include "opencl/ops/gemm.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/gemm_matrix.h"
#include "opencl/ops/gemm_tile.h"

/* Work-items a compute unit that balance its threads' ends, and row blocks after which another start costs nothing. */
#define ITEMS_PER_UNIT 32
#define MAX_BLOCKS 16

/* Of the tile form. */
#define MAX_WAYS (OCL_GEMM_MATRIX_TILES + OCL_GEMM_TILES)

/* Outputs from this size on are out of all caches before anybody reads them. */
#define STREAMED_BYTES (32 << 20)

/* What second-level caches hold of a tensor at least. */
#define CACHED_BYTES (512 << 10)

gboolean
ocl_epilogue_check (const char *operation, const OclWeights * weights,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  gsize channels =
      weights->geglu ? weights->out_channels / 2 : weights->out_channels;

  if (output->channels != channels) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: the output has %" G_GSIZE_FORMAT " channels where the weights "
        "give %" G_GSIZE_FORMAT, operation, output->channels, channels);
    return FALSE;
  }
  if (!ocl_tensor_check_size (operation, output, error))
    return FALSE;
  if (ocl_tensor_pixels (output) == 0) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL, "%s: an output without "
        "pixels", operation);
    return FALSE;
  }
  if (epilogue == NULL)
    return TRUE;
  if (weights->geglu && (epilogue->activation != OCL_ACTIVATION_NONE
          || epilogue->frame_bias != NULL)) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: a GEGLU layer takes no other activation and no frame bias",
        operation);
    return FALSE;
  }
  if (epilogue->frame_bias != NULL) {
    OclTensor expected = *output;
    expected.height = expected.width = 1;
    if (epilogue->frame_bias->frames == 1)
      expected.frames = 1;
    if (!ocl_tensor_check_shape (operation, "the frame bias",
            epilogue->frame_bias, &expected, error))
      return FALSE;
  }
  return (epilogue->residual == NULL
      || ocl_tensor_check_shape (operation, "the residual", epilogue->residual,
          output, error))
      && (epilogue->merge == NULL
      || ocl_tensor_check_shape (operation, "the merge", epilogue->merge,
          output, error));
}

static gint
tensor_flags (const OclTensor * tensor, gint present, gint half)
{
  return tensor == NULL ? 0 : tensor->type ==
      OCL_F16 ? present | half : present;
}

/* Whether kernels may store past the caches: aligned to their vectors of 16. */
static gint
stream_flag (const OclTensor * output)
{
  gsize bytes = ocl_tensor_pixels (output) * output->channels * sizeof (gfloat);

  return output->type == OCL_F32 && output->offset % 16 == 0
      && output->stride % 16 == 0
      && bytes >= STREAMED_BYTES ? EPILOGUE_STREAM : 0;
}

void
ocl_call_epilogue (OclCall * call, const OclWeights * weights,
    const OclEpilogue * epilogue, const OclTensor * output)
{
  static const OclEpilogue nothing;
  const OclEpilogue *e = epilogue != NULL ? epilogue : &nothing;
  const OclTensor *frame_bias = e->frame_bias;
  gint flags = (weights->geglu ? EPILOGUE_GEGLU : 0)
      | tensor_flags (frame_bias, EPILOGUE_FRAME_BIAS, EPILOGUE_FRAME_BIAS_HALF)
      | tensor_flags (e->residual, EPILOGUE_RESIDUAL, EPILOGUE_RESIDUAL_HALF)
      | tensor_flags (e->merge, EPILOGUE_MERGE, EPILOGUE_MERGE_HALF)
      | tensor_flags (output, 0, EPILOGUE_OUT_HALF) | stream_flag (output);

  ocl_call_buffer (call, weights->bias);
  ocl_call_buffer (call, frame_bias != NULL ? frame_bias->buffer : NULL);
  ocl_call_uint64 (call, frame_bias != NULL ? frame_bias->offset : 0);
  ocl_call_int (call, frame_bias != NULL
      && frame_bias->frames > 1 ? (gint) frame_bias->stride : 0);
  ocl_call_tensor (call, e->residual);
  ocl_call_float (call, e->residual_scale != 0 ? e->residual_scale : 1);
  ocl_call_tensor (call, e->merge);
  ocl_call_float (call, e->merge_scale);
  ocl_call_tensor (call, output);
  ocl_call_int (call, output->channels);
  ocl_call_int (call, output->height * output->width);
  ocl_call_float (call, e->scale != 0 ? e->scale : 1);
  ocl_call_int (call, e->activation);
  ocl_call_int (call, flags);
}

/* scale_y or scale_x of gather.clh. */
static gint
upsampling_scale (gsize in, gsize up)
{
  return in == up ? 0 : (gint) (((guint64) in << 31) / up + 1);
}

void
ocl_call_gather (OclCall * call, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output)
{
  gsize up_height =
      conv->upsampled_height != 0 ? conv->upsampled_height : input->height;
  gsize up_width =
      conv->upsampled_width != 0 ? conv->upsampled_width : input->width;

  ocl_call_int (call, output->frames);
  ocl_call_int (call, output->height);
  ocl_call_int (call, output->width);
  ocl_call_int (call, input->height);
  ocl_call_int (call, input->width);
  ocl_call_int (call, up_height);
  ocl_call_int (call, up_width);
  ocl_call_int (call, upsampling_scale (input->height, up_height));
  ocl_call_int (call, upsampling_scale (input->width, up_width));
  ocl_call_int (call, MAX (conv->stride, 1));
  ocl_call_int (call, conv->pad_top);
  ocl_call_int (call, conv->pad_left);
  ocl_call_int (call, weights->kernel_t);
  ocl_call_int (call, weights->kernel_h);
  ocl_call_int (call, weights->kernel_w);
}

void
ocl_call_sources (OclCall * call, const OclTensor * input,
    const OclTensor * input2)
{
  ocl_call_tensor (call, input);
  ocl_call_int (call, input->channels);
  ocl_call_tensor (call, input2);
  ocl_call_int (call, input2 != NULL ? input2->channels : 0);
}

typedef struct
{
  gint n_blocks, n_chunks, n_parts;
} VectorOrder;

/* Work-items (panel, chunk of row blocks): enough of them to end together, few enough to keep their panel cached. Chunks
 * are equal but for a block, since a thread may take half of all work-items at once. Large temporal convolutions go
 * through the frames side by side, so that each frame comes from memory once. */
static VectorOrder
prepare_vector (OclCall * call, const OclCaps * caps,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output)
{
  gsize pixels = ocl_tensor_pixels (output);
  gsize bytes = pixels * input->stride * ocl_type_size (input->type);
  gsize n_parts = weights->kernel_t > 1
      && bytes > CACHED_BYTES ? output->frames : 1;
  gsize blocks =
      (pixels / n_parts + REGISTER_ROWS - 1) / REGISTER_ROWS * n_parts;
  gsize units = MAX (caps->compute_units, 1);
  gsize chunk_blocks =
      CLAMP (blocks * weights->n_panels / (units * ITEMS_PER_UNIT), 1,
      MAX_BLOCKS);
  gsize n_chunks = (blocks + chunk_blocks - 1) / chunk_blocks;

  call->program = call->kernel = "gemm_vec";
  call->global[0] = weights->n_panels;
  call->global[1] = n_chunks;
  return (VectorOrder) {
  blocks, n_chunks, n_parts};
}

static gboolean
check_bf16 (const OclCaps * caps, const OclWeights * weights,
    const OclTensor * input, GError ** error)
{
  if (weights->type != OCL_BF16 || (caps->form == OCL_FORM_VECTOR
          && input->type == OCL_F32 && input->channels % BF16_CHANNELS == 0))
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "matrix product: bf16 weights for %" G_GSIZE_FORMAT " channels of %zu "
      "bytes: multiples of %d fp32 channels and the vector form are needed",
      input->channels, ocl_type_size (input->type), BF16_CHANNELS);
  return FALSE;
}

/* Products in bf16 take BF16_CHANNELS of one input at a time, which weights can promise for both together only. */
static gboolean
must_join (const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2)
{
  return weights->type == OCL_BF16 && input2 != NULL
      && (input->channels % BF16_CHANNELS != 0
      || input2->channels % BF16_CHANNELS != 0);
}

static gboolean
join (OclQueue * queue, const OclTensor * input, const OclTensor * input2,
    OclTensor * joined, GError ** error)
{
  OclTensor part, part2;

  if (!ocl_tensor_alloc (queue, input->type, input->frames, input->height,
          input->width, input->channels + input2->channels, joined, error))
    return FALSE;
  part = ocl_tensor_channels (joined, 0, input->channels);
  part2 = ocl_tensor_channels (joined, input->channels, input2->channels);
  return ocl_copy (queue, input, &part, error)
      && ocl_copy (queue, input2, &part2, error);
}

static gboolean
gemm_joined (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor joined;
  gboolean ok = join (queue, input, input2, &joined, error)
      && ocl_gemm (queue, conv, weights, &joined, NULL, epilogue, output,
      error);

  ocl_arena_release (arena, mark);
  return ok;
}

static gboolean
gemm_vector (OclQueue * queue, const OclProduct * product, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  const OclWeights *weights = product->weights;
  const OclTensor *input = product->input;
  g_autofree char *options = weights->type == OCL_BF16 ?
      g_strdup ("-DWEIGHT_BF16=1") :
      g_strdup_printf ("-DNR=%u -DSOURCE_HALF=%d -DWEIGHT_HALF=%d",
      weights->panel, input->type == OCL_F16, weights->type == OCL_F16);
  OclCall call = { 0 };
  VectorOrder order;

  call.options = options;
  call.work = ocl_product_work (product);
  ocl_call_sources (&call, input, product->input2);
  ocl_call_buffer (&call, weights->panels);
  order = prepare_vector (&call, caps, weights, input, product->output);
  ocl_call_uint64 (&call, weights->zeros);
  ocl_call_int (&call, order.n_blocks);
  ocl_call_int (&call, order.n_chunks);
  ocl_call_int (&call, order.n_parts);
  ocl_call_gather (&call, product->conv, weights, input, product->output);
  ocl_call_epilogue (&call, weights, product->epilogue, product->output);
  return ocl_queue_run (queue, &call, error);
}

/* The ways of the tile form for one product: tiles of the matrix unit, then those without. */
typedef struct
{
  guint n, n_matrix;
  const char *names[MAX_WAYS];
  guint tiles[MAX_WAYS];
  guint guess;
} Ways;

static void
add_way (Ways * ways, const char *name, guint tile, gboolean is_guess)
{
  if (is_guess)
    ways->guess = ways->n;
  ways->names[ways->n] = name;
  ways->tiles[ways->n] = tile;
  ways->n++;
}

static void
find_ways (OclDevice * device, const OclProduct * product, Ways * ways)
{
  gboolean matrix = ocl_gemm_matrix_suits (device, product);

  for (guint i = 0; matrix && i < OCL_GEMM_MATRIX_TILES; i++)
    if (ocl_gemm_matrix_fits (device, i))
      add_way (ways, ocl_gemm_matrix_names[i], i,
          i == ocl_gemm_matrix_guess (device, product));
  ways->n_matrix = ways->n;
  for (guint i = 0; i < OCL_GEMM_TILES; i++)
    if (ocl_gemm_tile_fits (device, i))
      add_way (ways, ocl_gemm_tile_names[i], i, ways->n_matrix == 0
          && i == ocl_gemm_tile_guess (device, product));
}

static gboolean
run_way (OclQueue * queue, const OclProduct * product, guint way,
    gpointer user_data, GError ** error)
{
  const Ways *ways = user_data;

  return (way < ways->n_matrix ? ocl_gemm_matrix : ocl_gemm_tile) (queue,
      product, ways->tiles[way], error);
}

static gboolean
is_known (const char *name)
{
  for (guint i = 0; i < OCL_GEMM_MATRIX_TILES; i++)
    if (g_str_equal (ocl_gemm_matrix_names[i], name))
      return TRUE;
  for (guint i = 0; i < OCL_GEMM_TILES; i++)
    if (g_str_equal (ocl_gemm_tile_names[i], name))
      return TRUE;
  return FALSE;
}

/* What VLDM_TILE says, or NULL. Asked once: a choice never changes within a process. */
static const char *
wished_tile (void)
{
  static gsize asked = 0;
  static const char *wish = NULL;

  if (g_once_init_enter (&asked)) {
    const char *name = g_getenv ("VLDM_TILE");
    if (name != NULL && is_known (name))
      wish = g_intern_string (name);
    else if (name != NULL && g_strcmp0 (name, "auto") != 0)
      g_warning ("VLDM_TILE is \"%s\" where \"auto\" or the name of a tile is "
          "needed, as \"%s\" or \"%s\"; taking \"auto\"", name,
          ocl_gemm_tile_names[0], ocl_gemm_matrix_names[0]);
    g_once_init_leave (&asked, 1);
  }
  return wish;
}

/* Sets *@way to the wished one, where this product can be computed so. */
static gboolean
find_wish (const Ways * ways, guint * way)
{
  for (guint i = 0; i < ways->n; i++) {
    if (g_strcmp0 (ways->names[i], wished_tile ()) == 0) {
      *way = i;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
gemm_tiled (OclQueue * queue, const OclProduct * product, GError ** error)
{
  Ways ways = { 0 };
  guint way;

  find_ways (ocl_queue_device (queue), product, &ways);
  way = ways.guess;
  return (find_wish (&ways, &way)
      || ocl_product_choose (queue, "gemm", product, ways.names, ways.n,
          run_way, &ways, &way, error))
      && run_way (queue, product, way, &ways, error);
}

gboolean
ocl_gemm (OclQueue * queue, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  const OclProduct product = { conv, weights, input, input2, epilogue, output };
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));

  if (must_join (weights, input, input2))
    return gemm_joined (queue, conv, weights, input, input2, epilogue, output,
        error);
  if (!ocl_tensor_check_size ("matrix product", input, error)
      || (input2 != NULL
          && !ocl_tensor_check_size ("matrix product", input2, error))
      || !check_bf16 (caps, weights, input, error))
    return FALSE;
  return (caps->form == OCL_FORM_VECTOR ? gemm_vector : gemm_tiled) (queue,
      &product, error);
}

gboolean
ocl_gemm_warm_up (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output, GError ** error)
{
  OclProduct product = { conv, weights, input, NULL, NULL, output };
  OclDevice *device = ocl_queue_device (queue);
  const OclCaps *caps = ocl_device_caps (device);
  OclTensor large = *output;
  Ways few = { 0 }, many = { 0 };

  if (caps->form == OCL_FORM_VECTOR)
    return gemm_vector (queue, &product, error);
  find_ways (device, &product, &few);
  /* Only looked at: one tile of any size a frame and compute unit. */
  large.frames = caps->compute_units;
  large.height = large.width = 256;
  product.output = &large;
  find_ways (device, &product, &many);
  product.output = output;
  return run_way (queue, &product, few.guess, &few, error)
      && (many.guess == few.guess
      || run_way (queue, &product, many.guess, &many, error));
}
