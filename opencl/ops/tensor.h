/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A tensor on the device: a slice of a buffer in channels-last layout [frames, height, width, channels].
 * Tokens, pixels and rows are the same thing: frames * height * width of them, `stride` elements apart.
 */
#pragma once

#include "opencl/runtime/queue.h"

G_BEGIN_DECLS

/* Storage of elements; arithmetic is fp32. */
typedef enum
{
  OCL_F32,
  OCL_F16,
  OCL_BF16,                     /* of weights only (weights.h): products in bf16, sums in fp32 */
} OclType;

typedef struct
{
  OclBuffer *buffer;            /* owned by the arena or by the caller, not by the tensor */
  gsize offset;                 /* of the first element, in elements of `type` */
  OclType type;
  gsize frames, height, width, channels;
  gsize stride;                 /* elements from one pixel to the next, >= channels */
} OclTensor;

gsize ocl_type_size (OclType type);

/* The storage type of tensors that meet weights of @type. */
OclType ocl_type_beside (OclType weights);

/* Conversion to IEEE half precision: to nearest, ties to even; numbers that are too large become infinite. */
guint16 ocl_half_from_float (gfloat value);
gfloat ocl_float_from_half (guint16 half);

/* Conversion to bf16, the upper half of a float: to nearest, ties to even. */
guint16 ocl_bf16_from_float (gfloat value);
gfloat ocl_float_from_bf16 (guint16 bf16);

/* frames * height * width. */
gsize ocl_tensor_pixels (const OclTensor * tensor);

/* "[frames, height, width, channels]" for messages; g_free it. */
char *ocl_tensor_shape (const OclTensor * tensor);

/* Kernels count pixels and blocks of them in 32 bits, with room for a last, partly filled block. */
#define OCL_MAX_PIXELS (G_MAXINT32 - 65536)

/* Checks for operations; @operation and the argument @what are named in the error. TRUE if @tensor is shaped like
 * @expected, or small enough for kernels (OCL_MAX_PIXELS, and as many bits for channels). */
gboolean ocl_tensor_check_shape (const char *operation, const char *what, const OclTensor * tensor,
    const OclTensor * expected, GError ** error);
gboolean ocl_tensor_check_size (const char *operation, const OclTensor * tensor, GError ** error);

/* Adds the tensor's buffer, offset and stride to a kernel's arguments; NULL passes NULL and zeros. */
void ocl_call_tensor (OclCall * call, const OclTensor * tensor);

typedef struct
{
  gsize frames, height, width, channels;
} OclShape;

OclShape ocl_shape (gsize frames, gsize height, gsize width, gsize channels);

/* A packed tensor from the queue's arena, contents undefined. Sizes are overflow-checked. */
gboolean ocl_tensor_alloc (OclQueue * queue, OclType type, OclShape shape, OclTensor * tensor, GError ** error);

/* The same, shaped like @like. */
gboolean ocl_tensor_alloc_like (OclQueue * queue, const OclTensor * like, OclTensor * tensor, GError ** error);

/* Views: channels [first, first + count), frames [first, first + count), and rows [first, first + count) of one
 * frame. No copy. */
OclTensor ocl_tensor_channels (const OclTensor * tensor, gsize first, gsize count);
OclTensor ocl_tensor_frames (const OclTensor * tensor, gsize first, gsize count);
OclTensor ocl_tensor_rows (const OclTensor * tensor, gsize frame, gsize first, gsize count);

/* Fp32 host data <-> tensor of any storage type, both [frames, height, width, channels] packed. For tests, prompts
 * and small vectors. */
gboolean ocl_tensor_write (OclQueue * queue, const OclTensor * tensor, const gfloat * data, GError ** error);
gboolean ocl_tensor_read (OclQueue * queue, const OclTensor * tensor, gfloat * data, GError ** error);

/* A constant fp32 vector (bias, norm weight), loaded once. */
OclBuffer *ocl_vector_new (OclDevice * device, const gfloat * data, gsize n, GError ** error);

G_END_DECLS
