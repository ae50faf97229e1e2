/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/convert.cl.
 */

#include "opencl/ops/convert.h"

#define ITEMS 64
#define RGB 3

/* Adds a tensor whose storage type the kernel is told at run time. */
static void
call_typed (OclCall * call, const OclTensor * tensor)
{
  ocl_call_tensor (call, tensor);
  ocl_call_int (call, tensor->type == OCL_F16);
}

static void
call_planar (OclCall * call, OclBuffer * planar, gsize offset, OclType type)
{
  ocl_call_buffer (call, planar);
  ocl_call_uint64 (call, offset);
  ocl_call_int (call, type == OCL_F16);
}

/* Completes and runs @call, which has its arguments and sizes already. */
static gboolean
run (OclQueue * queue, OclCall * call, const char *kernel,
    const OclTensor * shape, GError ** error)
{
  if (ocl_tensor_pixels (shape) == 0)
    return TRUE;
  call->program = "convert";
  call->kernel = kernel;
  call->local[0] = ITEMS;
  call->work = 2.0 * ocl_tensor_pixels (shape) * shape->channels *
      sizeof (gfloat);
  return ocl_queue_run (queue, call, error);
}

/* TRUE if @buffer holds @count elements of @size bytes from element @offset on. */
static gboolean
check_range (const char *operation, OclBuffer * buffer, gsize offset,
    gsize count, gsize size, GError ** error)
{
  gsize held = ocl_buffer_size (buffer) / size;

  if (count <= held && offset <= held - count)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: %" G_GSIZE_FORMAT " elements at %" G_GSIZE_FORMAT " do not lie in "
      "a buffer of %" G_GSIZE_FORMAT, operation, count, offset, held);
  return FALSE;
}

static gboolean
check_planar (const char *operation, const OclTensor * tensor,
    OclBuffer * planar, gsize offset, OclType type, GError ** error)
{
  return ocl_tensor_check_size (operation, tensor, error)
      && check_range (operation, planar, offset,
      ocl_tensor_pixels (tensor) * tensor->channels, ocl_type_size (type),
      error);
}

gboolean
ocl_from_planar (OclQueue * queue, OclBuffer * planar, gsize offset,
    OclType type, const OclTensor * output, GError ** error)
{
  gsize pixels = output->height * output->width;
  OclCall call = {.global = { pixels, output->frames, 1 }};

  if (!check_planar ("from planar", output, planar, offset, type, error))
    return FALSE;
  call_planar (&call, planar, offset, type);
  call_typed (&call, output);
  ocl_call_int (&call, output->channels);
  ocl_call_int (&call, pixels);
  return run (queue, &call, "from_planar", output, error);
}

gboolean
ocl_to_planar (OclQueue * queue, const OclTensor * input, OclBuffer * planar,
    gsize offset, OclType type, GError ** error)
{
  gsize pixels = input->height * input->width;
  OclCall call = {.global = { pixels, input->frames, 1 }};

  if (!check_planar ("to planar", input, planar, offset, type, error))
    return FALSE;
  call_typed (&call, input);
  call_planar (&call, planar, offset, type);
  ocl_call_int (&call, input->channels);
  ocl_call_int (&call, pixels);
  return run (queue, &call, "to_planar", input, error);
}

/* A picture of @height x @width in @rgb beside a tensor of at least that size. */
static gboolean
check_rgb (const char *operation, const OclTensor * tensor, gsize height,
    gsize width, OclBuffer * rgb, gsize offset, GError ** error)
{
  g_autofree char *shape = NULL;

  if (!ocl_tensor_check_size (operation, tensor, error))
    return FALSE;
  if (tensor->channels != RGB || height == 0 || width == 0
      || height > tensor->height || width > tensor->width) {
    shape = ocl_tensor_shape (tensor);
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: a picture of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT " beside a "
        "tensor of %s; three channels are needed, and a picture no larger than "
        "the tensor", operation, width, height, shape);
    return FALSE;
  }
  return check_range (operation, rgb, offset,
      tensor->frames * height * width * RGB, 1, error);
}

gboolean
ocl_to_rgb8 (OclQueue * queue, const OclTensor * input, gsize height,
    gsize width, OclBuffer * rgb, gsize offset, GError ** error)
{
  OclCall call = {.global = { width, height, input->frames }};

  if (!check_rgb ("to RGB", input, height, width, rgb, offset, error))
    return FALSE;
  call_typed (&call, input);
  ocl_call_int (&call, input->height);
  ocl_call_int (&call, input->width);
  ocl_call_buffer (&call, rgb);
  ocl_call_uint64 (&call, offset);
  ocl_call_int (&call, height);
  ocl_call_int (&call, width);
  return run (queue, &call, "to_rgb8", input, error);
}

gboolean
ocl_from_rgb8 (OclQueue * queue, OclBuffer * rgb, gsize offset, gsize height,
    gsize width, const OclTensor * output, GError ** error)
{
  OclCall call = {.global = { output->width, output->height, output->frames }};

  if (!check_rgb ("from RGB", output, height, width, rgb, offset, error))
    return FALSE;
  ocl_call_buffer (&call, rgb);
  ocl_call_uint64 (&call, offset);
  ocl_call_int (&call, height);
  ocl_call_int (&call, width);
  call_typed (&call, output);
  ocl_call_int (&call, output->height);
  ocl_call_int (&call, output->width);
  return run (queue, &call, "from_rgb8", output, error);
}
