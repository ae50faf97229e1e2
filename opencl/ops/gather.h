/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The geometry of convolutions, by which a product gathers its rows (kernels/gather.clh).
 */
#pragma once

#include "opencl/ops/layer.h"

G_BEGIN_DECLS

/* 3 x 3 "same" is { 1, 1, 1 }, diffusers' autoencoder downsampler (padded right and below) { 2, 0, 0 }; { 0 } is the
 * geometry of a single tap, as in linear layers. */
typedef struct
{
  guint stride;                 /* in space; 0 counts as 1 */
  gint pad_top, pad_left;       /* zeros before the first row and column; -n skips the first n instead. Padding
                                 * after the last row and column follows from the output's size */
  gsize upsampled_height, upsampled_width;      /* nearest-upsample first (src = dst * in / out), below 2^15; 0 = no */
} OclConv;

/* Adds both inputs' buffers, offsets, strides and channels; @input2 may be NULL. */
void ocl_call_sources (OclCall * call, const OclTensor * input, const OclTensor * input2);

/* Adds the arguments GATHER_PARAMS of kernels/gather.clh. */
void ocl_call_gather (OclCall * call, const OclConv * conv, const OclLayer * layer, const OclTensor * input,
    const OclTensor * output);

G_END_DECLS
