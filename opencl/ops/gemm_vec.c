/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/gemm_vec.cl: divides its work among the threads of a CPU.
 */

#include "opencl/ops/gemm_vec.h"
#include "opencl/kernels/shared.clh"

/* Work-items per compute unit, enough for its threads to end together, and the most blocks of rows per work-item: with
 * that many, starting another work-item costs nothing. */
#define ITEMS_PER_UNIT 32
#define MAX_BLOCKS 16

/* Bytes of a tensor that any second-level cache holds. */
#define CACHED_BYTES (512 << 10)

gboolean
ocl_gemm_vec_can (OclDevice * device, const OclProduct * product, guint unused)
{
  return ocl_device_caps (device)->form == OCL_FORM_VECTOR;
}

typedef struct
{
  gsize n_blocks, n_chunks, n_parts;
} Order;

/* Work-items (panel, chunk of row blocks): enough of them to end together, few enough to keep their panel cached.
 * Chunks are equal but for a block, since a thread may take half of all work-items at once. Large temporal
 * convolutions go through the frames side by side, so that each frame comes from memory once. */
static Order
make_order (OclDevice * device, const OclProduct * product)
{
  const OclWeights *weights = product->weights;
  const OclTensor *input = product->input;
  gsize pixels = ocl_tensor_pixels (product->output);
  gsize bytes = pixels * input->stride * ocl_type_size (input->type);
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  gsize chunk_blocks;
  Order order;

  order.n_parts = weights->layer.kernel_t > 1
      && bytes > CACHED_BYTES ? product->output->frames : 1;
  order.n_blocks = (pixels / order.n_parts + REGISTER_ROWS - 1)
      / REGISTER_ROWS * order.n_parts;
  chunk_blocks = CLAMP (order.n_blocks * weights->n_panels
      / (units * ITEMS_PER_UNIT), 1, MAX_BLOCKS);
  order.n_chunks = (order.n_blocks + chunk_blocks - 1) / chunk_blocks;
  return order;
}

gboolean
ocl_gemm_vec (OclQueue * queue, const OclProduct * product, guint unused,
    GError ** error)
{
  const OclWeights *weights = product->weights;
  OclType type = weights->layer.type;
  Order order = make_order (ocl_queue_device (queue), product);
  g_autofree char *options = type == OCL_BF16 ? g_strdup ("-DWEIGHT_BF16=1")
      : g_strdup_printf ("-DNR=%u -DSOURCE_HALF=%d -DWEIGHT_HALF=%d",
      weights->panel, product->input->type == OCL_F16, type == OCL_F16);
  OclCall call = { 0 };

  call.program = call.kernel = "gemm_vec";
  call.options = options;
  call.global[0] = weights->n_panels;
  call.global[1] = order.n_chunks;
  call.work = ocl_product_work (product);
  ocl_call_sources (&call, product->input, product->input2);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_uint64 (&call, weights->zeros);
  ocl_call_int (&call, order.n_blocks);
  ocl_call_int (&call, order.n_chunks);
  ocl_call_int (&call, order.n_parts);
  ocl_call_product (&call, product);
  return ocl_queue_run (queue, &call, error);
}
