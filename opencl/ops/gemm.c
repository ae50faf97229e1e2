/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of kernels for the gather matrix product, and the preparations that all of them need.
 */

#include "opencl/ops/gemm.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/gemm_matrix.h"
#include "opencl/ops/gemm_tile.h"
#include "opencl/ops/gemm_vec.h"

/* Tiles are named rows x columns x depth; the sizes of matrix-small and the others depend on the matrix unit. */
static const OclVariant kernels[] = {
  {"vector", 0, ocl_gemm_vec_can, NULL, ocl_gemm_vec},
  {"32x32x16", OCL_TILE_32X32X16, ocl_gemm_tile_can, NULL, ocl_gemm_tile},
  {"64x64x16", OCL_TILE_64X64X16, ocl_gemm_tile_can, ocl_gemm_tile_suits,
      ocl_gemm_tile},
  {"64x64x32", OCL_TILE_64X64X32, ocl_gemm_tile_can, ocl_gemm_tile_suits,
      ocl_gemm_tile},
  {"128x64x16", OCL_TILE_128X64X16, ocl_gemm_tile_can, ocl_gemm_tile_suits,
      ocl_gemm_tile},
  {"128x128x16", OCL_TILE_128X128X16, ocl_gemm_tile_can, ocl_gemm_tile_suits,
      ocl_gemm_tile},
  {"matrix-small", OCL_MATRIX_TILE_SMALL, ocl_gemm_matrix_can, NULL,
      ocl_gemm_matrix},
  {"matrix-medium", OCL_MATRIX_TILE_MEDIUM, ocl_gemm_matrix_can,
      ocl_gemm_matrix_suits, ocl_gemm_matrix},
  {"matrix-large", OCL_MATRIX_TILE_LARGE, ocl_gemm_matrix_can,
      ocl_gemm_matrix_suits, ocl_gemm_matrix},
};

static const OclVariants variants =
    { "gemm", OCL_ENVIRONMENT_TILE, kernels, G_N_ELEMENTS (kernels) };

static gboolean
check_bf16 (OclDevice * device, const OclProduct * product, GError ** error)
{
  const OclTensor *input = product->input;

  if (product->weights->layer.type != OCL_BF16
      || (ocl_device_caps (device)->form == OCL_FORM_VECTOR
          && input->type == OCL_F32 && input->channels % BF16_CHANNELS == 0))
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "matrix product: bf16 weights for %" G_GSIZE_FORMAT " channels of %zu "
      "bytes: multiples of %d fp32 channels and the vector form are needed",
      input->channels, ocl_type_size (input->type), BF16_CHANNELS);
  return FALSE;
}

/* Products in bf16 take BF16_CHANNELS of one input at a time, which weights can promise only for both inputs
 * together. */
static gboolean
must_join (const OclProduct * product)
{
  const OclTensor *input = product->input, *input2 = product->input2;

  return product->weights->layer.type == OCL_BF16 && input2 != NULL
      && (input->channels % BF16_CHANNELS != 0
      || input2->channels % BF16_CHANNELS != 0);
}

static gboolean
join (OclQueue * queue, const OclTensor * input, const OclTensor * input2,
    OclTensor * joined, GError ** error)
{
  OclTensor part, part2;

  if (!ocl_tensor_alloc (queue, input->type, ocl_shape (input->frames,
              input->height, input->width, input->channels + input2->channels),
          joined, error))
    return FALSE;
  part = ocl_tensor_channels (joined, 0, input->channels);
  part2 = ocl_tensor_channels (joined, input->channels, input2->channels);
  return ocl_copy (queue, input, &part, error)
      && ocl_copy (queue, input2, &part2, error);
}

static gboolean
gemm_joined (OclQueue * queue, const OclProduct * product, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclProduct of_one = *product;
  OclTensor joined;
  gboolean ok;

  of_one.input = &joined;
  of_one.input2 = NULL;
  ok = join (queue, product->input, product->input2, &joined, error)
      && ocl_gemm (queue, &of_one, error);
  ocl_arena_release (arena, mark);
  return ok;
}

gboolean
ocl_gemm (OclQueue * queue, const OclProduct * product, GError ** error)
{
  if (must_join (product))
    return gemm_joined (queue, product, error);
  return ocl_tensor_check_size ("matrix product", product->input, error)
      && (product->input2 == NULL
      || ocl_tensor_check_size ("matrix product", product->input2, error))
      && check_bf16 (ocl_queue_device (queue), product, error)
      && ocl_product_run (queue, &variants, product, error);
}

gboolean
ocl_gemm_warm_up (OclQueue * queue, const OclProduct * product, GError ** error)
{
  OclDevice *device = ocl_queue_device (queue);
  const OclVariant *for_small =
      ocl_product_expect (device, &variants, product), *for_large;
  OclTensor large = *product->output;
  OclProduct larger = *product;

  /* A shape that only serves the choice: at least one tile of any size per frame, and one frame per compute unit. */
  large.frames = ocl_device_caps (device)->compute_units;
  large.height = large.width = 256;
  larger.output = &large;
  for_large = ocl_product_expect (device, &variants, &larger);
  return for_small->run (queue, product, for_small->number, error)
      && (for_large == for_small
      || for_large->run (queue, product, for_large->number, error));
}
