/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches attention within and across frames in the device's form: kernels/attention_vec.cl, attention_tile.cl or, on a
 * matrix unit (attention_matrix.c), attention_matrix.cl; and temporal_attention_vec.cl or temporal_attention.cl.
 */

#include "opencl/ops/attention.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/attention_matrix.h"

#include <math.h>

#define MAX_HEAD_DIM 512

/* Groups of queries that share a tile of keys in attention_vec.cl, and the memory for them. */
#define MIN_GROUPS 4
#define MAX_GROUPS 16
#define GROUPS_BYTES (512 << 10)

/* Heads of fewer channels do not fill a vector in bf16. */
#define BF16_LEAST_CHANNELS 16

/* Work-items per compute unit that let its threads end together. */
#define ITEMS_PER_UNIT 8

/* Work-items of a work-group of temporal_attention.cl. */
#define ITEMS 64

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

/* What both operations need of each tensor, besides their shapes. */
static gboolean
check_tensor (const char *operation, const OclTensor * tensor,
    const OclTensor * query, GError ** error)
{
  g_autofree char *is = NULL, *wanted = NULL;

  if (tensor->type == query->type && tensor->channels == query->channels
      && ocl_tensor_pixels (tensor) > 0)
    return ocl_tensor_check_size (operation, tensor, error);
  is = ocl_tensor_shape (tensor);
  wanted = ocl_tensor_shape (query);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: %s of %zu bytes each do not go with a query of %s of %zu bytes: "
      "channels and storage must be the same, and pixels at least 1", operation,
      is, ocl_type_size (tensor->type), wanted, ocl_type_size (query->type));
  return FALSE;
}

static gboolean
check_arguments (const char *operation, guint heads, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, const OclTensor * output,
    GError ** error)
{
  return check_heads (operation, heads, query, error)
      && check_tensor (operation, query, query, error)
      && check_tensor (operation, key, query, error)
      && check_tensor (operation, value, query, error)
      && check_tensor (operation, output, query, error)
      && ocl_tensor_check_shape (operation, "the value", value, key, error)
      && ocl_tensor_check_shape (operation, "the output", output, query, error);
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

/* GROUPS of attention_vec.cl: queries, in two vectors of 16 a channel, and their sums stay in the second-level cache. */
static gsize
max_groups (gsize head_dim)
{
  gsize bytes = 2 * ATTENTION_QUERIES * head_dim * sizeof (gfloat);

  return CLAMP (GROUPS_BYTES / bytes, MIN_GROUPS, MAX_GROUPS);
}

/* Work-items a frame and head: as few as can be, so that each tile of keys serves many queries, while threads end
 * together. */
static gsize
vector_blocks (const OclCaps * caps, gsize head_dim, gsize frames, guint heads,
    gsize queries)
{
  gsize groups = (queries + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES;
  gsize units = MAX (caps->compute_units, 1);
  gsize block_groups =
      CLAMP (groups * frames * heads / (units * ITEMS_PER_UNIT), 1,
      max_groups (head_dim));

  return (groups + block_groups - 1) / block_groups;
}

static char *
vector_options (const OclAttention * attention, gsize head_dim,
    const OclTensor * query)
{
  gboolean bf16 = attention->bf16 && query->type == OCL_F32
      && head_dim >= BF16_LEAST_CHANNELS && head_dim % ATTENTION_ROWS == 0;

  return g_strdup_printf ("-DHEAD_DIM=%" G_GSIZE_FORMAT " -DHALF=%d -DGROUPS=%"
      G_GSIZE_FORMAT " -DBF16=%d", head_dim, query->type == OCL_F16,
      max_groups (head_dim), bf16);
}

gboolean
ocl_attention (OclQueue * queue, const OclAttention * attention,
    const OclTensor * query, const OclTensor * key, const OclTensor * value,
    const OclTensor * output, GError ** error)
{
  const char *operation = "attention";
  guint heads = attention->heads;
  OclDevice *device = ocl_queue_device (queue);
  const OclCaps *caps = ocl_device_caps (device);
  gsize queries = query->height * query->width;
  gsize keys = key->height * key->width;
  g_autofree char *options = NULL;
  OclCall call = { 0 };
  gsize head_dim, blocks = 0;

  if (!check_arguments (operation, heads, query, key, value, output, error))
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
    options = vector_options (attention, head_dim, query);
    blocks = vector_blocks (caps, head_dim, query->frames, heads, queries);
    call.global[0] = query->frames * heads * blocks;
  } else if (ocl_attention_matrix_suits (device, head_dim, query, key, value)) {
    options =
        ocl_attention_matrix_prepare (device, &call, head_dim, heads, query);
  } else {
    call.program = call.kernel = "attention_tile";
    blocks = (queries + ATTENTION_TILE - 1) / ATTENTION_TILE;
    call.global[0] = query->frames * heads * blocks * ATTENTION_TILE_ITEMS;
    call.local[0] = ATTENTION_TILE_ITEMS;
  }
  if (options == NULL)
    options = make_options (head_dim, query->type);
  call.options = options;
  call.work = 4.0 * ocl_tensor_pixels (query) * query->channels * keys;
  call_tensors (&call, query, key, value, output);
  ocl_call_int (&call, heads);
  ocl_call_int (&call, queries);
  ocl_call_int (&call, keys);
  ocl_call_int (&call, key->frames);
  ocl_call_int (&call, attention->causal);
  ocl_call_float (&call, 1 / sqrtf (head_dim));
  if (caps->form == OCL_FORM_VECTOR)
    ocl_call_int (&call, blocks);
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

  if (!check_arguments (operation, heads, query, key, value, output, error)
      || !ocl_tensor_check_shape (operation, "the key", key, query, error))
    return FALSE;

  head_dim = query->channels / heads;
  if (caps->form == OCL_FORM_VECTOR) {
    call.program = call.kernel = "temporal_attention_vec";
    call.global[0] =
        heads * ((pixels + TEMPORAL_ATTENTION_PIXELS -
            1) / TEMPORAL_ATTENTION_PIXELS);
  } else {
    call.program = call.kernel = "temporal_attention";
    call.global[0] = query->frames * pixels * heads;
    call.local[0] = ITEMS;
  }
  call.options = options = make_options (head_dim, query->type);
  /* Two multiply-adds a key frame, or an element of all four tensors. */
  call.work = 4.0 * MAX (query->frames, ocl_type_size (query->type))
      * ocl_tensor_pixels (query) * query->channels;
  call_tensors (&call, query, key, value, output);
  ocl_call_int (&call, heads);
  ocl_call_int (&call, query->frames);
  ocl_call_int (&call, pixels);
  ocl_call_float (&call, 1 / sqrtf (head_dim));
  return ocl_queue_run (queue, &call, error);
}
