/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames on a device's matrix unit (runtime/matrix.h). For attention.c.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* Whether kernels/attention_matrix.cl does these tensors: fp16, heads and pixels of whole chunks of eight channels, at
 * most 160 a head, on a device with a matrix unit of sub-groups of at least 16. */
gboolean ocl_attention_matrix_suits (OclDevice * device, gsize head_dim, const OclTensor * query,
    const OclTensor * key, const OclTensor * value);

/* Makes @call, whose arguments are those of every attention kernel, one of this kernel: program, sizes, and the options,
 * which the caller frees. */
char *ocl_attention_matrix_prepare (OclDevice * device, OclCall * call, gsize head_dim, gsize heads,
    const OclTensor * query);

G_END_DECLS
