/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Attention within frames on a device's matrix unit (runtime/matrix.h). For attention.c.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* TRUE if kernels/attention_matrix.cl can take these tensors: fp16, heads and pixels of whole chunks of eight
 * channels, at most 160 per head, on a device with a matrix unit of sub-groups of at least 16. */
gboolean ocl_attention_matrix_can (OclDevice * device, gsize head_dim, const OclTensor * query,
    const OclTensor * key, const OclTensor * value);

/* Sets the sizes of @call and returns the kernel's options, to be freed. */
char *ocl_attention_matrix_prepare (OclDevice * device, OclCall * call, gsize head_dim, gsize heads,
    const OclTensor * query);

G_END_DECLS
