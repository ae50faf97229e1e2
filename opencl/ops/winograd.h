/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * 3 x 3 convolutions by Winograd's F(4 x 4, 3 x 3), a quarter of the multiplications, and temporal ones by F(4, 3),
 * half of them; both about one digit less exact. For conv.c and warm_up.c.
 */
#pragma once

#include "opencl/ops/product.h"

G_BEGIN_DECLS

/* TRUE if a kernel can compute this convolution. */
gboolean ocl_winograd_can (OclDevice * device, const OclProduct * product, guint unused);

/* TRUE if it is expected to be faster than the direct product, by a rule that was measured on Zen 4. */
gboolean ocl_winograd_suits (OclDevice * device, const OclProduct * product, guint unused);

/* Bytes that the convolution takes from the queue's arena while it runs; 0 if no kernel can compute it. */
gsize ocl_winograd_scratch (OclDevice * device, const OclProduct * product);

/* Computes the convolution, whose shapes have been checked and for which ocl_winograd_can () is TRUE. */
gboolean ocl_winograd (OclQueue * queue, const OclProduct * product, guint unused, GError ** error);

G_END_DECLS
