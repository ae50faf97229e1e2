/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conversions between host layouts, planar latents and 8-bit RGB, and tensors.
 */
#pragma once

#include "opencl/ops/tensor.h"

G_BEGIN_DECLS

/* A planar [frames, channels, height, width] fp32 or fp16 slice (as PyTorch and the latents caps have it), @offset in
 * elements of @type, <-> a channels-last tensor; the tensor gives the shape. */
gboolean ocl_from_planar (OclQueue * queue, OclBuffer * planar, gsize offset, OclType type, const OclTensor * output,
    GError ** error);
gboolean ocl_to_planar (OclQueue * queue, const OclTensor * input, OclBuffer * planar, gsize offset, OclType type,
    GError ** error);

/* 8-bit RGB, rows packed to 3 * width bytes, [frames, height, width, 3] with height and width at most the tensor's:
 * byte = round (255 * clamp (x / 2 + 0.5)), cropped top-left. */
gboolean ocl_to_rgb8 (OclQueue * queue, const OclTensor * input, gsize height, gsize width, OclBuffer * rgb,
    gsize offset, GError ** error);

/* The inverse: x = 2 * byte / 255 - 1, edges repeated to fill the tensor. */
gboolean ocl_from_rgb8 (OclQueue * queue, OclBuffer * rgb, gsize offset, gsize height, gsize width,
    const OclTensor * output, GError ** error);

G_END_DECLS
