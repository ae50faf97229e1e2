/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions: checks of shape, then Winograd's way (winograd.c) or the gather matrix product (gemm.c), as the tuner or
 * else winograd.c says.
 */

#include "opencl/ops/conv.h"
#include "opencl/ops/gemm.h"
#include "opencl/ops/product.h"
#include "opencl/ops/winograd.h"

static gboolean
check_inputs (const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output, GError ** error)
{
  g_autofree char *shape = ocl_tensor_shape (input);
  g_autofree char *shape2 =
      input2 != NULL ? ocl_tensor_shape (input2) : g_strdup ("no second input");
  gsize channels = input->channels + (input2 != NULL ? input2->channels : 0);

  if (channels != weights->in_channels) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: %s and %s have %" G_GSIZE_FORMAT " channels where the "
        "weights want %" G_GSIZE_FORMAT, shape, shape2, channels,
        weights->in_channels);
    return FALSE;
  }
  if (input2 != NULL && (input2->frames != input->frames
          || input2->height != input->height || input2->width != input->width
          || input2->type != input->type)) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: inputs %s and %s differ in size or type", shape, shape2);
    return FALSE;
  }
  if (input->frames != output->frames) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: input %s has not the output's %" G_GSIZE_FORMAT " frames", shape,
        output->frames);
    return FALSE;
  }
  return TRUE;
}

/* Upsampling makes no picture smaller, and its arithmetic holds below 2^15 rows and columns. */
static gboolean
upsamples (gsize from, gsize to)
{
  return to == from || (to > from && to < 32768);
}

/* Whether windows of @kernel at every @stride, the first @pad before the picture's @size or, below 0, behind its beginning,
 * make @out outputs: the last one begins inside and hangs over the end by half its size at most. */
static gboolean
windows_fit (gsize out, gsize stride, guint kernel, gint pad, gsize size)
{
  gint64 last = (gint64) (out - 1) * stride - pad, end = size;

  return out >= 1 && last < end && last + kernel <= end + kernel / 2;
}

static gboolean
check_geometry (const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * output, GError ** error)
{
  gsize height =
      conv->upsampled_height != 0 ? conv->upsampled_height : input->height;
  gsize width =
      conv->upsampled_width != 0 ? conv->upsampled_width : input->width;
  gsize stride = MAX (conv->stride, 1);
  g_autofree char *from = NULL, *to = NULL;

  if (upsamples (input->height, height) && upsamples (input->width, width)
      && windows_fit (output->height, stride, weights->kernel_h, conv->pad_top,
          height)
      && windows_fit (output->width, stride, weights->kernel_w, conv->pad_left,
          width))
    return TRUE;
  from = ocl_tensor_shape (input);
  to = ocl_tensor_shape (output);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "conv: %s upsampled to %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
      " does not give %s with stride %" G_GSIZE_FORMAT " and padding %d, %d",
      from, height, width, to, stride, conv->pad_top, conv->pad_left);
  return FALSE;
}

enum
{
  WAY_DIRECT,
  WAY_WINOGRAD,
};

static const char *const ways[] = { "direct", "winograd" };

/* This way reads every input as often as the kernel has taps, so that norms are done before. */
static gboolean
run_direct (OclQueue * queue, const OclProduct * p, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  const OclTensor *input = p->input, *input2 = p->input2;
  OclTensor normed;
  gboolean ok = TRUE;

  if (p->norm != NULL) {
    ok = ocl_tensor_alloc (queue, input->type, input->frames, input->height,
        input->width, p->norm->factors.channels, &normed, error)
        && ocl_group_norm_apply (queue, p->norm, input, input2, &normed, error);
    input = &normed;
    input2 = NULL;
  }
  ok = ok && ocl_gemm (queue, p->conv, p->weights, input, input2, p->epilogue,
      p->output, error);
  ocl_arena_release (arena, mark);
  return ok;
}

static gboolean
run_way (OclQueue * queue, const OclProduct * p, guint way,
    gpointer unused, GError ** error)
{
  if (way == WAY_DIRECT)
    return run_direct (queue, p, error);
  return ocl_winograd (queue, p->conv, p->weights, p->norm, p->input,
      p->input2, p->epilogue, p->output, error);
}

gboolean
ocl_conv (OclQueue * queue, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  return ocl_conv_normed (queue, conv, weights, NULL, input, input2, epilogue,
      output, error);
}

gboolean
ocl_conv_norms (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  return ocl_winograd_suits (ocl_queue_device (queue), conv, weights, input,
      input2, output);
}

gboolean
ocl_conv_normed (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  const OclProduct product =
      { conv, weights, input, input2, epilogue, output, norm };
  guint way = WAY_DIRECT;

  if (!check_inputs (weights, input, input2, output, error)
      || !check_geometry (conv, weights, input, output, error)
      || (norm != NULL && !ocl_input_norm_check ("conv", norm, input, input2,
              error))
      || !ocl_epilogue_check ("conv", weights, epilogue, output, error))
    return FALSE;
  if (ocl_winograd_suits (ocl_queue_device (queue), conv, weights, input,
          input2, output))
    way = WAY_WINOGRAD;
  if (ocl_winograd_is_optional (conv, weights, input, input2, output)
      && !ocl_product_choose (queue, "conv", &product, ways,
          G_N_ELEMENTS (ways), run_way, NULL, &way, error))
    return FALSE;
  return run_way (queue, &product, way, NULL, error);
}

gsize
ocl_conv_scratch (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output)
{
  return ocl_winograd_scratch (ocl_queue_device (queue), conv, weights, input,
      output);
}
