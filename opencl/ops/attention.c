/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches attention within and across frames in the device's form: kernels/attention_vec.cl, attention_tile.cl and
 * temporal_attention.cl.
 */

#include "opencl/ops/attention.h"
#include "opencl/ops/gemm.h"

#include <math.h>

#define MAX_HEAD_DIM 512

/* QUERIES of attention_vec.cl; TILE and ITEMS of attention_tile.cl. */
#define VECTOR_QUERIES 32
#define TILE_QUERIES 64
#define TILE_ITEMS 256

/* Pixels a work-item of temporal_attention_vec.cl; work-items a work-group of temporal_attention.cl. */
#define VECTOR_PIXELS 16
#define ITEMS 64

/* Kernels count rows in 32 bits, with room for their last, partly filled block. */
static gboolean
check_tensor (const char *operation, const char *what, const OclTensor * tensor,
    const OclTensor * query, GError ** error)
{
  g_autofree char *is = NULL, *wanted = NULL;

  if (tensor->channels == query->channels && tensor->type == query->type
      && ocl_tensor_pixels (tensor) > 0
      && ocl_tensor_pixels (tensor) <= G_MAXINT32 - 65536
      && tensor->stride <= G_MAXINT32)
    return TRUE;
  is = ocl_tensor_shape (tensor);
  wanted = ocl_tensor_shape (query);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: %s of shape %s and type %d does not go with a query of shape %s "
      "and type %d: channels and type must be equal, and pixels from 1 to 2^31",
      operation, what, is, tensor->type, wanted, query->type);
  return FALSE;
}

static gboolean
check_heads (const char *operation, guint heads, const OclTensor * query,
    GError ** error)
{
  if (heads > 0 && query->channels > 0 && query->channels % heads == 0
      && query->channels / heads <= MAX_HEAD_DIM)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: %" G_GSIZE_FORMAT " channels do not make %u heads of 1 to %d "
      "channels", operation, query->channels, heads, MAX_HEAD_DIM);
  return FALSE;
}

static void
call_tensors (OclCall * call, const OclTensor * query, const OclTensor * key,
    const OclTensor * value, const OclTensor * output)
{
  ocl_call_tensor (call, query);
  ocl_call_tensor (call, key);
  ocl_call_tensor (call, value);
  ocl_call_tensor (call, output);
}

static char *
make_options (gsize head_dim, OclType type)
{
  return g_strdup_printf ("-DHEAD_DIM=%" G_GSIZE_FORMAT " -DHALF=%d", head_dim,
      type == OCL_F16);
}

gboolean
ocl_attention (OclQueue * queue, guint heads, gboolean causal,
    const OclTensor * query, const OclTensor * key, const OclTensor * value,
    const OclTensor * output, GError ** error)
{
  const char *operation = "attention";
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  gsize queries = query->height * query->width;
  gsize keys = key->height * key->width;
  g_autofree char *options = NULL;
  OclCall call = { 0 };
  gsize head_dim;

  if (!check_heads (operation, heads, query, error)
      || !check_tensor (operation, "the query", query, query, error)
      || !check_tensor (operation, "the key", key, query, error)
      || !check_tensor (operation, "the value", value, query, error)
      || !check_tensor (operation, "the output", output, query, error)
      || !ocl_tensor_check_shape (operation, "the value", value, key, error)
      || !ocl_tensor_check_shape (operation, "the output", output, query,
          error))
    return FALSE;
  if (key->frames != 1 && key->frames != query->frames) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: keys of %" G_GSIZE_FORMAT " frames for queries of %"
        G_GSIZE_FORMAT " frames; 1 or as many are needed", operation,
        key->frames, query->frames);
    return FALSE;
  }

  head_dim = query->channels / heads;
  if (caps->form == OCL_FORM_VECTOR) {
    call.program = call.kernel = "attention_vec";
    call.global[0] = query->frames * heads
        * ((queries + VECTOR_QUERIES - 1) / VECTOR_QUERIES);
  } else {
    call.program = call.kernel = "attention_tile";
    call.global[0] = query->frames * heads
        * ((queries + TILE_QUERIES - 1) / TILE_QUERIES) * TILE_ITEMS;
    call.local[0] = TILE_ITEMS;
  }
  call.options = options = make_options (head_dim, query->type);
  call.work = 4.0 * ocl_tensor_pixels (query) * query->channels * keys;
  call_tensors (&call, query, key, value, output);
  ocl_call_int (&call, heads);
  ocl_call_int (&call, queries);
  ocl_call_int (&call, keys);
  ocl_call_int (&call, key->frames);
  ocl_call_int (&call, causal);
  ocl_call_float (&call, 1 / sqrtf (head_dim));
  return ocl_queue_run (queue, &call, error);
}

gboolean
ocl_temporal_attention (OclQueue * queue, guint heads, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, const OclTensor * output,
    GError ** error)
{
  const char *operation = "temporal attention";
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  gsize pixels = query->height * query->width;
  g_autofree char *options = NULL;
  OclCall call = { 0 };
  gsize head_dim;

  if (!check_heads (operation, heads, query, error)
      || !check_tensor (operation, "the query", query, query, error)
      || !check_tensor (operation, "the key", key, query, error)
      || !check_tensor (operation, "the value", value, query, error)
      || !check_tensor (operation, "the output", output, query, error)
      || !ocl_tensor_check_shape (operation, "the key", key, query, error)
      || !ocl_tensor_check_shape (operation, "the value", value, query, error)
      || !ocl_tensor_check_shape (operation, "the output", output, query,
          error))
    return FALSE;

  head_dim = query->channels / heads;
  if (caps->form == OCL_FORM_VECTOR) {
    call.program = call.kernel = "temporal_attention_vec";
    call.global[0] = heads * ((pixels + VECTOR_PIXELS - 1) / VECTOR_PIXELS);
  } else {
    call.program = call.kernel = "temporal_attention";
    call.global[0] = query->frames * pixels * heads;
    call.local[0] = ITEMS;
  }
  call.options = options = make_options (head_dim, query->type);
  call.work = MAX (4.0 * query->frames, 4.0 * ocl_type_size (query->type))
      * ocl_tensor_pixels (query) * query->channels;
  call_tensors (&call, query, key, value, output);
  ocl_call_int (&call, heads);
  ocl_call_int (&call, query->frames);
  ocl_call_int (&call, pixels);
  ocl_call_float (&call, 1 / sqrtf (head_dim));
  return ocl_queue_run (queue, &call, error);
}
