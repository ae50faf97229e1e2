/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches the gather matrix product in the device's form, kernels/gemm_vec.cl or kernels/gemm_tile.cl, or leaves it to
 * the matrix unit (gemm_matrix.c).
 */

#include "opencl/ops/gemm.h"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/gemm_matrix.h"

/* Bits of EPILOGUE_* in kernels/epilogue.clh. */
enum
{
  FLAG_GEGLU = 1,
  FLAG_FRAME_BIAS = 2,
  FLAG_RESIDUAL = 4,
  FLAG_MERGE = 8,
  FLAG_FRAME_BIAS_HALF = 16,
  FLAG_RESIDUAL_HALF = 32,
  FLAG_MERGE_HALF = 64,
  FLAG_OUT_HALF = 128,
  FLAG_STREAM = 256,
};

/* ROWS of gemm_vec.cl; TILE and SIDE of gemm_tile.cl. */
#define VECTOR_ROWS 12
#define TILE_SIZE 64
#define TILE_SIDE 8

/* Work-items a compute unit that balance its threads' ends, and row blocks after which another start costs nothing. */
#define ITEMS_PER_UNIT 32
#define MAX_BLOCKS 16

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
      && output->stride % 16 == 0 && bytes >= STREAMED_BYTES ? FLAG_STREAM : 0;
}

void
ocl_call_epilogue (OclCall * call, const OclWeights * weights,
    const OclEpilogue * epilogue, const OclTensor * output)
{
  static const OclEpilogue nothing;
  const OclEpilogue *e = epilogue != NULL ? epilogue : &nothing;
  const OclTensor *frame_bias = e->frame_bias;
  gint flags = (weights->geglu ? FLAG_GEGLU : 0)
      | tensor_flags (frame_bias, FLAG_FRAME_BIAS, FLAG_FRAME_BIAS_HALF)
      | tensor_flags (e->residual, FLAG_RESIDUAL, FLAG_RESIDUAL_HALF)
      | tensor_flags (e->merge, FLAG_MERGE, FLAG_MERGE_HALF)
      | tensor_flags (output, 0, FLAG_OUT_HALF) | stream_flag (output);

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
  gsize blocks = (pixels / n_parts + VECTOR_ROWS - 1) / VECTOR_ROWS * n_parts;
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

static void
prepare_tile (OclCall * call, const OclWeights * weights,
    const OclTensor * output)
{
  gsize columns = (gsize) weights->n_panels * weights->panel;

  call->program = call->kernel = "gemm_tile";
  call->global[0] = (columns + TILE_SIZE - 1) / TILE_SIZE * TILE_SIDE;
  call->global[1] =
      (ocl_tensor_pixels (output) + TILE_SIZE - 1) / TILE_SIZE * TILE_SIDE;
  call->local[0] = call->local[1] = TILE_SIDE;
}

static gboolean
check_bf16 (const OclCaps * caps, const OclWeights * weights,
    const OclTensor * input, GError ** error)
{
  if (weights->type != OCL_BF16 || (caps->form == OCL_FORM_VECTOR
          && input->type == OCL_F32
          && input->channels % OCL_BF16_CHANNELS == 0))
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "matrix product: bf16 weights for %" G_GSIZE_FORMAT " channels of %zu "
      "bytes: multiples of %d fp32 channels and the vector form are needed",
      input->channels, ocl_type_size (input->type), OCL_BF16_CHANNELS);
  return FALSE;
}

/* Products in bf16 take OCL_BF16_CHANNELS of one input at a time, which weights can promise for both together only. */
static gboolean
must_join (const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2)
{
  return weights->type == OCL_BF16 && input2 != NULL
      && (input->channels % OCL_BF16_CHANNELS != 0
      || input2->channels % OCL_BF16_CHANNELS != 0);
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

gboolean
ocl_gemm (OclQueue * queue, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  g_autofree char *options = NULL;
  OclCall call = { 0 };

  if (must_join (weights, input, input2))
    return gemm_joined (queue, conv, weights, input, input2, epilogue, output,
        error);
  if (!ocl_tensor_check_size ("matrix product", input, error)
      || (input2 != NULL
          && !ocl_tensor_check_size ("matrix product", input2, error))
      || !check_bf16 (caps, weights, input, error))
    return FALSE;
  if (ocl_gemm_matrix_suits (ocl_queue_device (queue), weights, input, input2))
    return ocl_gemm_matrix (queue, conv, weights, input, input2, epilogue,
        output, error);
  call.work = 2.0 * ocl_tensor_pixels (output) * weights->out_channels
      * weights->kernel_t * weights->kernel_h * weights->kernel_w *
      weights->in_channels;
  ocl_call_sources (&call, input, input2);
  ocl_call_buffer (&call, weights->panels);
  if (caps->form == OCL_FORM_VECTOR) {
    VectorOrder order = prepare_vector (&call, caps, weights, input, output);
    ocl_call_uint64 (&call, weights->zeros);
    ocl_call_int (&call, order.n_blocks);
    ocl_call_int (&call, order.n_chunks);
    ocl_call_int (&call, order.n_parts);
    options =
        weights->type == OCL_BF16 ? g_strdup ("-DWEIGHT_BF16=1") :
        g_strdup_printf ("-DNR=%u -DSOURCE_HALF=%d -DWEIGHT_HALF=%d",
        weights->panel, input->type == OCL_F16, weights->type == OCL_F16);
  } else {
    prepare_tile (&call, weights, output);
    ocl_call_int (&call, weights->panel);
    ocl_call_int (&call, weights->n_panels);
    options =
        g_strdup_printf ("-DSOURCE_HALF=%d -DWEIGHT_HALF=%d",
        input->type == OCL_F16, weights->type == OCL_F16);
  }
  call.options = options;
  ocl_call_gather (&call, conv, weights, input, output);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}
