/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The layers that Winograd's kernels can compute (winograd.h), and the weights that they read.
 */
#pragma once

#include "opencl/ops/layer.h"

G_BEGIN_DECLS

/* A kernel for one kind of filter. */
typedef struct
{
  const char *kernel;           /* its name and its program's */
  guint kernel_t, kernel_h, kernel_w;
  gsize points;                 /* points of a tile: multiplications per input and output channel */
  gsize passing;                /* numbers transformed at a time if weights are not transformed at load */
} OclWinograd;

/* The kernel for @layer's filter and type on @device; NULL = there is none, or VLDM_CONV=direct forbids it. */
const OclWinograd *ocl_winograd_find (OclDevice * device, const OclLayer * layer);

/* *@transformed = the filters G g G' or G g of @weight, PyTorch's [out, in, 3, 3] or [out, in, 3], as panels
 * [n_panels][points][in_channels][WIDE_PANEL] of fp32. NULL where the kernel transforms panels itself: for wide
 * layers, whose transformed weights would take too much memory, and where there is no kernel. */
gboolean ocl_winograd_transform (OclDevice * device, const OclLayer * layer, const gfloat * weight,
    OclBuffer ** transformed, GError ** error);

G_END_DECLS
