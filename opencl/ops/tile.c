/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/tile.cl.
 */

#include "opencl/ops/tile.h"

#define ITEMS 64

/* TRUE if a tile at this place lies inside the field. */
static gboolean
check_tile (const char *operation, const OclTensor * tile,
    const OclPlace * place, const OclTensor * field, GError ** error)
{
  gsize y = place->y, x = place->x;
  g_autofree char *is = NULL, *wanted = NULL;

  if (!ocl_tensor_check_size (operation, tile, error)
      || !ocl_tensor_check_size (operation, field, error))
    return FALSE;
  if (tile->frames == field->frames && tile->channels == field->channels
      && tile->height <= field->height && y <= field->height - tile->height
      && tile->width <= field->width && x <= field->width - tile->width)
    return TRUE;
  is = ocl_tensor_shape (tile);
  wanted = ocl_tensor_shape (field);
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "%s: a tile of %s at row %" G_GSIZE_FORMAT ", column %" G_GSIZE_FORMAT
      " is not a part of a field of %s", operation, is, y, x, wanted);
  return FALSE;
}

/* Checks for @n packed fp32 numbers. */
static gboolean
check_weights (const char *operation, const char *what,
    const OclTensor * weights, gsize n, GError ** error)
{
  const OclTensor expected = {.frames = 1,.height = 1,.width = 1,.channels = n
  };

  if (!ocl_tensor_check_shape (operation, what, weights, &expected, error))
    return FALSE;
  if (weights->type == OCL_F32)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL, "%s: %s are fp16 where fp32 "
      "is needed", operation, what);
  return FALSE;
}

gboolean
ocl_tile_add (OclQueue * queue, const OclTensor * tile,
    const OclPlace * place, const OclTensor * field, GError ** error)
{
  const OclTensor *rows = place->rows, *columns = place->columns;
  const char *operation = "tile add";
  OclCall call = { 0 };

  if (!check_tile (operation, tile, place, field, error)
      || !check_weights (operation, "the rows' weights", rows, tile->height,
          error)
      || !check_weights (operation, "the columns' weights", columns,
          tile->width, error))
    return FALSE;
  if (field->type != OCL_F32) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "%s: sums need an fp32 field", operation);
    return FALSE;
  }
  if (ocl_tensor_pixels (tile) == 0)
    return TRUE;
  call.program = "tile";
  call.kernel = "tile_add";
  call.global[0] = tile->width;
  call.global[1] = tile->height;
  call.global[2] = tile->frames;
  call.local[0] = ITEMS;
  call.work = 3.0 * ocl_tensor_pixels (tile) * tile->channels * sizeof (gfloat);
  ocl_call_tensor (&call, tile);
  ocl_call_int (&call, tile->type == OCL_F16);
  ocl_call_buffer (&call, rows->buffer);
  ocl_call_uint64 (&call, rows->offset);
  ocl_call_buffer (&call, columns->buffer);
  ocl_call_uint64 (&call, columns->offset);
  ocl_call_int (&call, place->y);
  ocl_call_int (&call, place->x);
  ocl_call_tensor (&call, field);
  ocl_call_int (&call, field->height);
  ocl_call_int (&call, field->width);
  ocl_call_int (&call, tile->height);
  ocl_call_int (&call, tile->width);
  ocl_call_int (&call, tile->channels);
  return ocl_queue_run (queue, &call, error);
}
