/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The gather matrix product on a device's matrix unit (runtime/matrix.h). For gemm.c.
 */
#pragma once

#include "opencl/ops/gemm.h"

G_BEGIN_DECLS

/* Whether ocl_gemm_matrix () can do this product: fp16 sources and weights whose pixels are whole chunks of eight
 * channels, on a device with a matrix unit. */
gboolean ocl_gemm_matrix_suits (OclDevice * device, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2);

/* As ocl_gemm (). */
gboolean ocl_gemm_matrix (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output, GError ** error);

G_END_DECLS
