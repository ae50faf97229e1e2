/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Calls each operation once, without a question to the tuner, since nothing is to be measured here.
 */

#include "opencl/ops/warm_up.h"

#include "opencl/ops/attention.h"
#include "opencl/ops/gemm.h"
#include "opencl/ops/norm.h"
#include "opencl/ops/winograd.h"

/* The fewest channels that Winograd's kernels take, which make a layer with narrow panels, and twice as many with
 * wide ones. */
#define CHANNELS 16
#define SIZE 4

static const gfloat zeros[2 * CHANNELS * CHANNELS * 9];

static gboolean
alloc (OclQueue * queue, OclType type, gsize channels, OclTensor * tensor,
    GError ** error)
{
  return ocl_tensor_alloc (queue, type, ocl_shape (SIZE, SIZE, SIZE, channels),
      tensor, error);
}

/* Runs a convolution of @kernel_t x @kernel_s x @kernel_s taps directly and, if there is such a kernel, by Winograd. */
static gboolean
warm_conv (OclQueue * queue, OclType type, gsize out, guint kernel_t,
    guint kernel_s, GError ** error)
{
  OclDevice *device = ocl_queue_device (queue);
  const OclLayer layer =
      { type, CHANNELS, out, kernel_t, kernel_s, kernel_s, FALSE };
  g_autoptr (OclWeights) weights =
      ocl_weights_new (device, &layer, zeros, NULL, error);
  OclTensor input, output;
  const OclProduct conv = {
    .weights = weights,
    .input = &input,
    .output = &output,
    .conv = {1, kernel_s / 2, kernel_s / 2},
  };

  if (weights == NULL || !alloc (queue, type, CHANNELS, &input, error)
      || !alloc (queue, type, out, &output, error)
      || !ocl_gemm_warm_up (queue, &conv, error))
    return FALSE;
  if (ocl_winograd_can (device, &conv, 0)
      && !ocl_winograd (queue, &conv, 0, error))
    return FALSE;
  /* Buffers are freed with their weights. */
  return ocl_queue_finish (queue, error);
}

static gboolean
warm_norms (OclQueue * queue, OclType type, GError ** error)
{
  const OclGroupNorm norm = {.groups = 1,.eps = 1e-5f };
  g_autoptr (OclBuffer) vector =
      ocl_vector_new (ocl_queue_device (queue), zeros, CHANNELS, error);
  const OclAffine affine = { vector, vector };
  OclTensor input, output;

  return vector != NULL && alloc (queue, type, CHANNELS, &input, error)
      && alloc (queue, type, CHANNELS, &output, error)
      && ocl_group_norm (queue, &norm, &affine, &input, NULL, &output, error)
      && ocl_layer_norm (queue, norm.eps, &affine, &input, &output, error)
      && ocl_queue_finish (queue, error);
}

static gboolean
warm_attention (OclQueue * queue, OclType type, gboolean bf16, guint head_dim,
    GError ** error)
{
  const OclAttention attention = {.heads = 1,.bf16 = bf16 };
  OclTensor input, output;

  return alloc (queue, type, head_dim, &input, error)
      && alloc (queue, type, head_dim, &output, error)
      && ocl_attention (queue, &attention, &input, &input, &input, &output,
      error)
      && ocl_temporal_attention (queue, 1, &input, &input, &input, &output,
      error) && ocl_queue_finish (queue, error);
}

gboolean
ocl_warm_up (OclQueue * queue, OclType type, const guint * head_dims, guint n,
    GError ** error)
{
  OclType beside = ocl_type_beside (type);
  gboolean ok = warm_conv (queue, beside, 2 * CHANNELS, 1, 3, error)
      && warm_conv (queue, beside, 2 * CHANNELS, 3, 1, error)
      && warm_norms (queue, beside, error)
      && warm_conv (queue, beside, CHANNELS, 1, 3, error);

  for (guint i = 0; ok && i < n; i++)
    ok = warm_attention (queue, beside, type == OCL_BF16, head_dims[i], error);
  return ok;
}
