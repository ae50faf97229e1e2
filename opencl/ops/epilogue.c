/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checks epilogues and adds them to the arguments of kernels.
 */

#include "opencl/ops/epilogue.h"

/* Outputs of at least this many bytes leave all caches before they are read. */
#define STREAMED_BYTES (32 << 20)

gboolean
ocl_epilogue_check (const char *operation, const OclWeights * weights,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  gsize channels = ocl_layer_outputs (&weights->layer);

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
  if (weights->layer.geglu && (epilogue->activation != OCL_ACTIVATION_NONE
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

/* Kernels may store outputs past the caches that are larger than these and aligned to vectors of 16. */
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
  gint flags = (weights->layer.geglu ? EPILOGUE_GEGLU : 0)
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
