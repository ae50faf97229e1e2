/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Elementwise operations, and reductions for samplers and for the detection of numbers that are not finite.
 */
#pragma once

#include "opencl/ops/epilogue.h"

G_BEGIN_DECLS

/* output = activation (input). output may be input. */
gboolean ocl_activate (OclQueue * queue, OclActivation activation, const OclTensor * input, const OclTensor * output,
    GError ** error);

/* output [F, H, W, C] = input + bias, @bias [F or 1, 1, 1, C] per frame. output may be input. */
gboolean ocl_add_frame_bias (OclQueue * queue, const OclTensor * input, const OclTensor * bias,
    const OclTensor * output, GError ** error);

/* output = sum of scales[i] * inputs[i], 1 to 5 inputs of output's shape, then, if @clamp > 0, clamped to [-clamp,
 * clamp], where NaN stays NaN. Any mixture of storage types; output may be one of the inputs. The sum runs in the
 * order given. */
gboolean ocl_combine (OclQueue * queue, guint n, const OclTensor * const *inputs, const gfloat * scales, gfloat clamp,
    const OclTensor * output, GError ** error);

/* Copies input, changing type or stride. */
gboolean ocl_copy (OclQueue * queue, const OclTensor * input, const OclTensor * output, GError ** error);

/* diffusers' rescale_noise_cfg over the whole tensor: output = (w * std (text) / std (guided) + 1 - w) * guided with
 * unbiased standard deviations. All fp32, same shape; output may be guided. */
gboolean ocl_rescale_guidance (OclQueue * queue, gfloat w, const OclTensor * text, const OclTensor * guided,
    const OclTensor * output, GError ** error);

/* Running moments of data that arrives in pieces: count, mean, sum of squared deviations. */
typedef struct
{
  gdouble count, mean, squares;
} OclMoments;

/* Adds the numbers of the fp32 tensor @input to @moments, which are zeros at first. Waits for the result. */
gboolean ocl_moments (OclQueue * queue, const OclTensor * input, OclMoments * moments, GError ** error);

/* *@finite = no element of @input is infinite or NaN. Waits for the result. */
gboolean ocl_all_finite (OclQueue * queue, const OclTensor * input, gboolean * finite, GError ** error);

/* Rows of a table: output [1, 1, n, C] = table[ids[i]] + positions[i]; table fp32 [rows, C], positions fp32 [n, C] or
 * NULL. The n @ids lie on the host, each < rows. */
gboolean ocl_embed (OclQueue * queue, OclBuffer * table, gsize rows, OclBuffer * positions, const guint32 * ids,
    const OclTensor * output, GError ** error);

/* output [n, 1, 1, dim] fp32: diffusers' Timesteps with flip_sin_to_cos and no shift, cos first:
 * frequency i = 10000^(-i / (dim / 2)). @values on the host. dim is even. */
gboolean ocl_sinusoid (OclQueue * queue, const gfloat * values, gsize n, const OclTensor * output, GError ** error);

G_END_DECLS
