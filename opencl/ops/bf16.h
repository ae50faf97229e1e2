/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a device can multiply in bf16 (kernels/bf16.clh).
 */
#pragma once

#include "opencl/runtime/device.h"

G_BEGIN_DECLS

/* TRUE for CPU devices in vector form on CPUs with AVX512-BF16, where a small layer with weights of type OCL_BF16 came out
 * right: it is built and run for that, which takes about a second where no cache has it. */
gboolean ocl_multiplies_bf16 (OclDevice * device);

G_END_DECLS
