/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Layers of autoencoders over tensors in strips (strips.h): convolutions with the norm before them, residual blocks,
 * attention within frames.
 */
#pragma once

#include "vldm/networks/resnets.h"
#include "vldm/networks/strips.h"

G_BEGIN_DECLS

/* output = convolution of input or of silu (norm (input)). */
typedef struct
{
  const OclWeights *weights;
  OclConv conv;                 /* without upsampled sizes */
  gboolean upsample;            /* the input to twice its size first */
  const OclGroupNorm *norm;     /* NULL = none; memory->factors are this norm's */
  const VldmNorm *affine;
} VldmStripConv;

/* All of @output. Where @add is not 0, output += add * convolution, else @output has no memory yet. With @consume the strips
 * of @input are given back as soon as they were read. */
gboolean vldm_strips_conv (VldmStripMemory * memory, const VldmStripConv * layer, VldmStrips * input, gboolean consume,
    gfloat add, VldmStrips * output, GError ** error);

/* Replaces @x by the residual block's output. */
gboolean vldm_strips_resnet (VldmStripMemory * memory, const VldmResnet * resnet, VldmStrips * x, GError ** error);

/* x += to_out (attention (norm (x))), one head, within frames. @to_qkv gives query, key and value side by side, which are
 * there as a whole. */
gboolean vldm_strips_attention (VldmStripMemory * memory, const OclGroupNorm * norm, const VldmNorm * affine,
    const OclWeights * to_qkv, const OclWeights * to_out, const VldmStrips * x, GError ** error);

/* The last layer: @layer with its norm and, where not NULL, the pointwise or temporal convolution @then; @input -> @output, which
 * is there as a whole. @input is consumed. */
gboolean vldm_strips_conv_out (VldmStripMemory * memory, const VldmStripConv * layer, const OclWeights * then,
    VldmStrips * input, const OclTensor * output, GError ** error);

G_END_DECLS
