/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors: allocation from the arena, views, and transfer of small ones.
 */

#include "opencl/ops/tensor.h"

#include <string.h>

guint16
ocl_half_from_float (gfloat value)
{
  guint32 bits, sign, magnitude;

  memcpy (&bits, &value, sizeof bits);
  sign = bits >> 16 & 0x8000;
  magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000)
    return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    /* Subnormal halves count 2^-24; adding 0.5 leaves that count, rounded, in the low bits of the sum. */
    gfloat sum;
    memcpy (&sum, &magnitude, sizeof sum);
    sum += 0.5f;
    memcpy (&bits, &sum, sizeof bits);
    return sign | (bits - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff +
          (magnitude >> 13 & 1)) >> 13);
}

gfloat
ocl_float_from_half (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16;
  guint32 magnitude = half & 0x7fff, bits;
  gfloat value;

  if (magnitude < 0x400) {
    value = magnitude * 0x1p-24f;
    return sign ? -value : value;
  }
  bits =
      sign | ((magnitude << 13) + (magnitude <
          0x7c00 ? 0x38000000 : 0x70000000));
  memcpy (&value, &bits, sizeof value);
  return value;
}

guint16
ocl_bf16_from_float (gfloat value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  /* Rounding the largest NaNs may carry into the sign, so any NaN becomes a quiet one. */
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

gfloat
ocl_float_from_bf16 (guint16 bf16)
{
  guint32 bits = (guint32) bf16 << 16;
  gfloat value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

gsize
ocl_type_size (OclType type)
{
  return type == OCL_F32 ? 4 : 2;
}

OclType
ocl_type_beside (OclType weights)
{
  return weights == OCL_BF16 ? OCL_F32 : weights;
}

gsize
ocl_tensor_pixels (const OclTensor * tensor)
{
  return tensor->frames * tensor->height * tensor->width;
}

char *
ocl_tensor_shape (const OclTensor * tensor)
{
  return g_strdup_printf ("[%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT ", %"
      G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT "]", tensor->frames, tensor->height,
      tensor->width, tensor->channels);
}

gboolean
ocl_tensor_check_shape (const char *operation, const char *what,
    const OclTensor * tensor, const OclTensor * expected, GError ** error)
{
  g_autofree char *is = NULL, *wanted = NULL;

  if (tensor->frames == expected->frames && tensor->height == expected->height
      && tensor->width == expected->width
      && tensor->channels == expected->channels)
    return TRUE;
  is = ocl_tensor_shape (tensor);
  wanted = ocl_tensor_shape (expected);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: %s is %s where %s is needed", operation, what, is, wanted);
  return FALSE;
}

gboolean
ocl_tensor_check_size (const char *operation, const OclTensor * tensor,
    GError ** error)
{
  g_autofree char *shape = NULL;

  if (ocl_tensor_pixels (tensor) <= OCL_MAX_PIXELS
      && tensor->stride <= G_MAXINT32)
    return TRUE;
  shape = ocl_tensor_shape (tensor);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: a tensor of %s pixels and channels, %" G_GSIZE_FORMAT
      " elements apart, is too large for 32-bit counts", operation, shape,
      tensor->stride);
  return FALSE;
}

void
ocl_call_tensor (OclCall * call, const OclTensor * tensor)
{
  ocl_call_buffer (call, tensor != NULL ? tensor->buffer : NULL);
  ocl_call_uint64 (call, tensor != NULL ? tensor->offset : 0);
  ocl_call_int (call, tensor != NULL ? (gint) tensor->stride : 0);
}

OclShape
ocl_shape (gsize frames, gsize height, gsize width, gsize channels)
{
  const OclShape shape = { frames, height, width, channels };

  return shape;
}

gboolean
ocl_tensor_alloc (OclQueue * queue, OclType type, OclShape shape,
    OclTensor * tensor, GError ** error)
{
  gsize bytes, offset;

  memset (tensor, 0, sizeof *tensor);
  if (!g_size_checked_mul (&bytes, shape.frames, shape.height)
      || !g_size_checked_mul (&bytes, bytes, shape.width)
      || !g_size_checked_mul (&bytes, bytes, shape.channels)
      || !g_size_checked_mul (&bytes, bytes, ocl_type_size (type))) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "a tensor [%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT
        ", %" G_GSIZE_FORMAT "] is larger than any memory", shape.frames,
        shape.height, shape.width, shape.channels);
    return FALSE;
  }
  if (!ocl_arena_alloc (ocl_queue_arena (queue), bytes, &tensor->buffer,
          &offset, error))
    return FALSE;
  tensor->offset = offset / ocl_type_size (type);
  tensor->type = type;
  tensor->frames = shape.frames;
  tensor->height = shape.height;
  tensor->width = shape.width;
  tensor->channels = shape.channels;
  tensor->stride = shape.channels;
  return TRUE;
}

gboolean
ocl_tensor_alloc_like (OclQueue * queue, const OclTensor * like,
    OclTensor * tensor, GError ** error)
{
  return ocl_tensor_alloc (queue, like->type, ocl_shape (like->frames,
          like->height, like->width, like->channels), tensor, error);
}

OclTensor
ocl_tensor_channels (const OclTensor * tensor, gsize first, gsize count)
{
  OclTensor view = *tensor;

  view.offset += first;
  view.channels = count;
  return view;
}

OclTensor
ocl_tensor_frames (const OclTensor * tensor, gsize first, gsize count)
{
  OclTensor view = *tensor;

  view.offset += first * tensor->height * tensor->width * tensor->stride;
  view.frames = count;
  return view;
}

OclTensor
ocl_tensor_rows (const OclTensor * tensor, gsize frame, gsize first,
    gsize count)
{
  OclTensor view = ocl_tensor_frames (tensor, frame, 1);

  view.offset += first * tensor->width * tensor->stride;
  view.height = count;
  return view;
}

/* Bytes from the tensor's first element to its last. */
static gsize
span_bytes (const OclTensor * tensor)
{
  return ((ocl_tensor_pixels (tensor) - 1) * tensor->stride +
      tensor->channels) * ocl_type_size (tensor->type);
}

static gboolean
is_packed_f32 (const OclTensor * tensor)
{
  return tensor->type == OCL_F32 && tensor->stride == tensor->channels;
}

/* Copies the whole span of the tensor, gaps between rows included. */
static gpointer
read_span (OclQueue * queue, const OclTensor * tensor, GError ** error)
{
  g_autofree gpointer span = g_try_malloc (span_bytes (tensor));

  if (span == NULL) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "no %" G_GSIZE_FORMAT " bytes of host memory for a copy of a tensor",
        span_bytes (tensor));
    return NULL;
  }
  if (!ocl_queue_read (queue, tensor->buffer,
          tensor->offset * ocl_type_size (tensor->type), span,
          span_bytes (tensor), error))
    return NULL;
  return g_steal_pointer (&span);
}

gboolean
ocl_tensor_write (OclQueue * queue, const OclTensor * tensor,
    const gfloat * data, GError ** error)
{
  gsize pixels = ocl_tensor_pixels (tensor), channels = tensor->channels;
  gsize start = tensor->offset * ocl_type_size (tensor->type);
  g_autofree gpointer span = NULL;

  if (pixels == 0 || channels == 0)
    return TRUE;
  if (is_packed_f32 (tensor))
    return ocl_queue_write (queue, tensor->buffer, start, data,
        span_bytes (tensor), error);
  span = read_span (queue, tensor, error);
  if (span == NULL)
    return FALSE;
  for (gsize p = 0; p < pixels; p++)
    for (gsize c = 0; c < channels; c++) {
      if (tensor->type == OCL_F16)
        ((guint16 *) span)[p * tensor->stride + c] =
            ocl_half_from_float (data[p * channels + c]);
      else
        ((gfloat *) span)[p * tensor->stride + c] = data[p * channels + c];
    }
  return ocl_queue_write (queue, tensor->buffer, start, span,
      span_bytes (tensor), error);
}

gboolean
ocl_tensor_read (OclQueue * queue, const OclTensor * tensor, gfloat * data,
    GError ** error)
{
  gsize pixels = ocl_tensor_pixels (tensor), channels = tensor->channels;
  g_autofree gpointer span = NULL;

  if (pixels == 0 || channels == 0)
    return TRUE;
  if (is_packed_f32 (tensor))
    return ocl_queue_read (queue, tensor->buffer, tensor->offset * 4, data,
        span_bytes (tensor), error);
  span = read_span (queue, tensor, error);
  if (span == NULL)
    return FALSE;
  for (gsize p = 0; p < pixels; p++)
    for (gsize c = 0; c < channels; c++) {
      if (tensor->type == OCL_F16)
        data[p * channels + c] =
            ocl_float_from_half (((guint16 *) span)[p * tensor->stride + c]);
      else
        data[p * channels + c] = ((gfloat *) span)[p * tensor->stride + c];
    }
  return TRUE;
}

OclBuffer *
ocl_vector_new (OclDevice * device, const gfloat * data, gsize n,
    GError ** error)
{
  return ocl_buffer_new_from_data (device, data, n * sizeof *data, error);
}
