/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within and across frames: checks of shape, and the tables of their kernels.
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

/* Heads with fewer channels do not fill a vector in bf16. */
#define BF16_LEAST_CHANNELS 16

/* Work-items per compute unit, enough for its threads to end together. */
#define ITEMS_PER_UNIT 8

/* Work-items of a work-group of temporal_attention.cl. */
#define ITEMS 64

/* The shapes of one call. */
typedef struct
{
  const char *operation;        /* for errors */
  OclDevice *device;
  guint heads;
  gboolean bf16;
  const OclTensor *query, *key, *value, *output;
} Attention;

/* A variant: a kernel, named like its program. */
typedef struct
{
  const char *kernel;
    gboolean (*can) (const Attention * attention);      /* NULL = always */
  /* Sets the sizes, adds the arguments that only this kernel has, and returns the options, to be freed. */
  char *(*prepare) (const Attention * attention, OclCall * call);
} Variant;

/* ---- checks ---- */

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

/* Both operations require one storage type and equally many channels of all tensors. */
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
check_arguments (const Attention * a, GError ** error)
{
  const char *operation = a->operation;

  return check_heads (operation, a->heads, a->query, error)
      && check_tensor (operation, a->query, a->query, error)
      && check_tensor (operation, a->key, a->query, error)
      && check_tensor (operation, a->value, a->query, error)
      && check_tensor (operation, a->output, a->query, error)
      && ocl_tensor_check_shape (operation, "the value", a->value, a->key,
      error)
      && ocl_tensor_check_shape (operation, "the output", a->output, a->query,
      error);
}

/* ---- kernels ---- */

static gsize
head_dim (const Attention * a)
{
  return a->query->channels / a->heads;
}

/* Pixels of one frame. */
static gsize
count_pixels (const OclTensor * tensor)
{
  return tensor->height * tensor->width;
}

static gboolean
is_vector_form (const Attention * a)
{
  return ocl_device_caps (a->device)->form == OCL_FORM_VECTOR;
}

static char *
make_options (const Attention * a)
{
  return g_strdup_printf ("-DHEAD_DIM=%" G_GSIZE_FORMAT " -DHALF=%d",
      head_dim (a), a->query->type == OCL_F16);
}

static char *
prepare_tile (const Attention * a, OclCall * call)
{
  gsize tiles = (count_pixels (a->query) + ATTENTION_TILE - 1) / ATTENTION_TILE;

  call->global[0] = a->query->frames * a->heads * tiles * ATTENTION_TILE_ITEMS;
  call->local[0] = ATTENTION_TILE_ITEMS;
  return make_options (a);
}

/* GROUPS of attention_vec.cl: queries, in two vectors of 16 for each channel, and their sums stay in the second-level
 * cache. */
static gsize
max_groups (gsize head_dim)
{
  gsize bytes = 2 * ATTENTION_QUERIES * head_dim * sizeof (gfloat);

  return CLAMP (GROUPS_BYTES / bytes, MIN_GROUPS, MAX_GROUPS);
}

/* Work-items per frame and head: as few as possible, so that each tile of keys serves many queries, while threads end
 * together. */
static gsize
vector_blocks (const Attention * a)
{
  gsize queries = count_pixels (a->query);
  gsize groups = (queries + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES;
  gsize units = MAX (ocl_device_caps (a->device)->compute_units, 1);
  gsize block_groups =
      CLAMP (groups * a->query->frames * a->heads / (units * ITEMS_PER_UNIT), 1,
      max_groups (head_dim (a)));

  return (groups + block_groups - 1) / block_groups;
}

static char *
prepare_vector (const Attention * a, OclCall * call)
{
  gsize channels = head_dim (a), blocks = vector_blocks (a);
  gboolean bf16 = a->bf16 && a->query->type == OCL_F32
      && channels >= BF16_LEAST_CHANNELS && channels % ATTENTION_ROWS == 0;

  call->global[0] = a->query->frames * a->heads * blocks;
  ocl_call_int (call, blocks);
  return g_strdup_printf ("-DHEAD_DIM=%" G_GSIZE_FORMAT " -DHALF=%d -DGROUPS=%"
      G_GSIZE_FORMAT " -DBF16=%d", channels, a->query->type == OCL_F16,
      max_groups (channels), bf16);
}

static gboolean
can_matrix (const Attention * a)
{
  return !is_vector_form (a) && ocl_attention_matrix_can (a->device,
      head_dim (a), a->query, a->key, a->value);
}

static char *
prepare_matrix (const Attention * a, OclCall * call)
{
  return ocl_attention_matrix_prepare (a->device, call, head_dim (a), a->heads,
      a->query);
}

static char *
prepare_temporal (const Attention * a, OclCall * call)
{
  call->global[0] = ocl_tensor_pixels (a->query) * a->heads;
  call->local[0] = ITEMS;
  return make_options (a);
}

static char *
prepare_temporal_vector (const Attention * a, OclCall * call)
{
  gsize last = TEMPORAL_ATTENTION_PIXELS - 1;

  call->global[0] = a->heads
      * ((count_pixels (a->query) + last) / TEMPORAL_ATTENTION_PIXELS);
  return make_options (a);
}

/* The portable kernel first; the last one that can is taken. */
static const Variant within_frames[] = {
  {"attention_tile", NULL, prepare_tile},
  {"attention_vec", is_vector_form, prepare_vector},
  {"attention_matrix", can_matrix, prepare_matrix},
};

static const Variant across_frames[] = {
  {"temporal_attention", NULL, prepare_temporal},
  {"temporal_attention_vec", is_vector_form, prepare_temporal_vector},
};

/* Completes and runs @call, which has the arguments that all kernels share. */
static gboolean
run (OclQueue * queue, const Attention * a, const Variant * variants, guint n,
    OclCall * call, GError ** error)
{
  g_autofree char *options = NULL;
  const Variant *taken = &variants[0];

  for (guint i = 1; i < n; i++)
    if (variants[i].can (a))
      taken = &variants[i];
  call->program = call->kernel = taken->kernel;
  call->options = options = taken->prepare (a, call);
  return ocl_queue_run (queue, call, error);
}

static void
call_tensors (OclCall * call, const Attention * a)
{
  ocl_call_tensor (call, a->query);
  ocl_call_tensor (call, a->key);
  ocl_call_tensor (call, a->value);
  ocl_call_tensor (call, a->output);
  ocl_call_int (call, a->heads);
}

/* ---- operations ---- */

gboolean
ocl_attention (OclQueue * queue, const OclAttention * attention,
    const OclTensor * query, const OclTensor * key, const OclTensor * value,
    const OclTensor * output, GError ** error)
{
  const Attention a = { "attention", ocl_queue_device (queue), attention->heads,
    attention->bf16, query, key, value, output
  };
  gsize keys = count_pixels (key);
  OclCall call = { 0 };

  if (!check_arguments (&a, error))
    return FALSE;
  if (key->frames != 1 && key->frames != query->frames) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: keys of %" G_GSIZE_FORMAT " frames for queries of %"
        G_GSIZE_FORMAT " frames; 1 or as many are needed", a.operation,
        key->frames, query->frames);
    return FALSE;
  }
  call.work = 4.0 * ocl_tensor_pixels (query) * query->channels * keys;
  call_tensors (&call, &a);
  ocl_call_int (&call, count_pixels (query));
  ocl_call_int (&call, keys);
  ocl_call_int (&call, key->frames);
  ocl_call_int (&call, attention->causal);
  ocl_call_float (&call, 1 / sqrtf (head_dim (&a)));
  return run (queue, &a, within_frames, G_N_ELEMENTS (within_frames), &call,
      error);
}

gboolean
ocl_temporal_attention (OclQueue * queue, guint heads, const OclTensor * query,
    const OclTensor * key, const OclTensor * value, const OclTensor * output,
    GError ** error)
{
  const Attention a = { "temporal attention", ocl_queue_device (queue), heads,
    FALSE, query, key, value, output
  };
  OclCall call = { 0 };

  if (!check_arguments (&a, error)
      || !ocl_tensor_check_shape (a.operation, "the key", key, query, error))
    return FALSE;
  /* Per channel: two multiply-adds for each key frame, or one element of all four tensors. */
  call.work = 4.0 * MAX (query->frames, ocl_type_size (query->type))
      * ocl_tensor_pixels (query) * query->channels;
  call_tensors (&call, &a);
  ocl_call_int (&call, query->frames);
  ocl_call_int (&call, count_pixels (query));
  ocl_call_float (&call, 1 / sqrtf (head_dim (&a)));
  return run (queue, &a, across_frames, G_N_ELEMENTS (across_frames), &call,
      error);
}
