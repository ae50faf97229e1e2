/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions: checks of shape, then Winograd's product (winograd.c) or the direct one (gemm.c).
 */

#include "opencl/ops/conv.h"
#include "opencl/ops/gemm.h"
#include "opencl/ops/winograd.h"

static gboolean
check_inputs (const OclProduct * conv, GError ** error)
{
  const OclTensor *input = conv->input, *input2 = conv->input2;
  gsize channels = input->channels + (input2 != NULL ? input2->channels : 0);
  g_autofree char *shape = NULL, *shape2 = NULL;

  if (channels == conv->weights->layer.in_channels
      && input->frames == conv->output->frames
      && (input2 == NULL || (input2->frames == input->frames
              && input2->height == input->height
              && input2->width == input->width && input2->type == input->type)))
    return TRUE;
  shape = ocl_tensor_shape (input);
  shape2 = input2 != NULL ? ocl_tensor_shape (input2)
      : g_strdup ("no second input");
  if (channels != conv->weights->layer.in_channels)
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: %s and %s have %" G_GSIZE_FORMAT " channels where the "
        "weights want %" G_GSIZE_FORMAT, shape, shape2, channels,
        conv->weights->layer.in_channels);
  else if (input->frames != conv->output->frames)
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: input %s does not have the output's %" G_GSIZE_FORMAT " frames",
        shape, conv->output->frames);
  else
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "conv: inputs %s and %s differ in size or type", shape, shape2);
  return FALSE;
}

/* Upsampling must not make a picture smaller, and its arithmetic holds below 2^15 rows and columns. */
static gboolean
upsamples (gsize from, gsize to)
{
  return to == from || (to > from && to < 32768);
}

/* TRUE if @out is the number of outputs of kernels with @kernel taps at every @stride. The first kernel begins @pad
 * before a picture of size @size (after its beginning if @pad is negative); the last one begins inside and extends
 * beyond the end by at most half its size. */
static gboolean
kernels_fit (gsize out, gsize stride, guint kernel, gint pad, gsize size)
{
  gint64 last = (gint64) (out - 1) * stride - pad, end = size;

  return out >= 1 && last < end && last + kernel <= end + kernel / 2;
}

static gboolean
check_geometry (const OclProduct * product, GError ** error)
{
  const OclConv *conv = &product->conv;
  const OclLayer *layer = &product->weights->layer;
  const OclTensor *input = product->input, *output = product->output;
  gsize height =
      conv->upsampled_height != 0 ? conv->upsampled_height : input->height;
  gsize width =
      conv->upsampled_width != 0 ? conv->upsampled_width : input->width;
  gsize stride = MAX (conv->stride, 1);
  g_autofree char *from = NULL, *to = NULL;

  if (upsamples (input->height, height) && upsamples (input->width, width)
      && kernels_fit (output->height, stride, layer->kernel_h, conv->pad_top,
          height)
      && kernels_fit (output->width, stride, layer->kernel_w, conv->pad_left,
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

/* The direct product reads every input once per tap, so norms are applied before. */
static gboolean
run_direct (OclQueue * queue, const OclProduct * conv, guint unused,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  const OclTensor *input = conv->input;
  OclProduct plain = *conv;
  OclTensor normalised;
  gboolean ok;

  if (conv->norm == NULL)
    return ocl_gemm (queue, conv, error);
  plain.input = &normalised;
  plain.input2 = NULL;
  plain.norm = NULL;
  ok = ocl_tensor_alloc (queue, input->type, ocl_shape (input->frames,
          input->height, input->width, conv->norm->factors.channels),
      &normalised, error)
      && ocl_group_norm_apply (queue, conv->norm, input, conv->input2,
      &normalised, error)
      && ocl_gemm (queue, &plain, error);
  ocl_arena_release (arena, mark);
  return ok;
}

static const OclVariant algorithms[] = {
  {"direct", 0, NULL, NULL, run_direct},
  {"winograd", 0, ocl_winograd_can, ocl_winograd_suits, ocl_winograd},
};

static const OclVariants variants =
    { "conv", OCL_ENVIRONMENT_CONV, algorithms, G_N_ELEMENTS (algorithms) };

gboolean
ocl_conv (OclQueue * queue, const OclProduct * conv, GError ** error)
{
  return check_inputs (conv, error) && check_geometry (conv, error)
      && (conv->norm == NULL || ocl_input_norm_check ("conv", conv->norm,
          conv->input, conv->input2, error))
      && ocl_epilogue_check ("conv", conv->weights, conv->epilogue,
      conv->output, error)
      && ocl_product_run (queue, &variants, conv, error);
}

gboolean
ocl_conv_fuses_norm (OclQueue * queue, const OclProduct * conv)
{
  const OclVariant *expected =
      ocl_product_expect (ocl_queue_device (queue), &variants, conv);

  return expected->run == ocl_winograd;
}

gsize
ocl_conv_scratch (OclQueue * queue, const OclProduct * conv)
{
  return ocl_winograd_scratch (ocl_queue_device (queue), conv);
}
