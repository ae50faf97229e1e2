/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Launches kernels/attention_matrix.cl.
 */

#include "opencl/ops/attention_matrix.h"
#include "opencl/kernels/shared.clh"
#include "opencl/runtime/matrix.h"

/* The most channels for which 48 KiB of local memory hold a tile beside the scores. */
#define MAX_HEAD_DIM 160
/* The softmax of a tile needs at least one work-item per query. */
#define MIN_LANES (ATTENTION_TILE / ATTENTION_MATRIX_GROUPS)

static gboolean
is_chunked (const OclTensor * tensor)
{
  return tensor->type == OCL_F16 && tensor->stride % MATRIX_CHUNK == 0
      && tensor->offset % MATRIX_CHUNK == 0;
}

gboolean
ocl_attention_matrix_can (OclDevice * device, gsize head_dim,
    const OclTensor * query, const OclTensor * key, const OclTensor * value)
{
  return head_dim % MATRIX_CHUNK == 0 && head_dim <= MAX_HEAD_DIM
      && is_chunked (query) && is_chunked (key) && is_chunked (value)
      && ocl_device_matrix (device)->kind != OCL_MATRIX_NONE
      && ocl_device_matrix (device)->lanes >= MIN_LANES;
}

char *
ocl_attention_matrix_prepare (OclDevice * device, OclCall * call,
    gsize head_dim, gsize heads, const OclTensor * query)
{
  const OclMatrix *matrix = ocl_device_matrix (device);
  gsize queries = query->height * query->width;
  gsize items = (gsize) ATTENTION_MATRIX_GROUPS * matrix->lanes;

  call->global[0] =
      query->frames * heads * ((queries + ATTENTION_TILE -
          1) / ATTENTION_TILE) * items;
  call->local[0] = items;
  return g_strdup_printf ("-DMATRIX=%d -DMATRIX_LANES=%u -DMATRIX_EMULATED=%d "
      "-DHEAD_DIM=%" G_GSIZE_FORMAT, matrix->kind, matrix->lanes,
      matrix->emulated, head_dim);
}
