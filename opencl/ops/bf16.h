/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The test for products in bf16 (kernels/bf16.clh).
 */
#pragma once

#include "opencl/runtime/device.h"

G_BEGIN_DECLS

/* TRUE for CPU devices in the vector form on CPUs with AVX512-BF16, if a small layer with weights of type OCL_BF16
 * gives the right result. The layer is built and run for this test, which takes about a second unless a cache has the
 * program. */
gboolean ocl_multiplies_bf16 (OclDevice * device);

G_END_DECLS
