/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading: a component's tensors, by name and expected shape, to layers on the device. A tensor that is missing or has
 * another shape fails with VLDM_ERROR_MODEL naming file, tensor, and both shapes; one with NaN or infinities with
 * VLDM_ERROR_READ naming file, tensor and place.
 *
 * Functions that take @prefix and @name read the tensors @prefix.@name.weight and .bias; an empty prefix counts as none.
 */
#pragma once

#include "opencl/ops/norm.h"
#include "opencl/ops/weights.h"
#include "vldm/error.h"

G_BEGIN_DECLS

/* Told the part of the component's numbers that has been read, 0 .. 1. FALSE cancels (VLDM_ERROR_CANCELLED). */
typedef gboolean (*VldmLoadingFunc) (gdouble fraction, gpointer user_data);

typedef struct _VldmWeights VldmWeights;

/* Opens @folder/@base.safetensors (see vldm_safetensors_open). Layers are stored as @type, norms always as fp32.
 * @loading may be NULL. */
VldmWeights *vldm_weights_open (OclDevice * device, OclType type, const char *folder, const char *base,
    VldmLoadingFunc loading, gpointer user_data, GError ** error);

void vldm_weights_free (VldmWeights * weights);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmWeights, vldm_weights_free);

/* Tensors whose names begin with @prefix are of no use here: they count neither in progress nor as unused. */
void vldm_weights_ignore (VldmWeights * weights, const char * prefix);

/* Once all is loaded: lists in a debug message the tensors that nobody took, a help with new kinds of model files. */
void vldm_weights_list_unused (VldmWeights * weights);

/* Whether there is a tensor @prefix.@name (here with its ".weight" or ".bias"). */
gboolean vldm_weights_has (VldmWeights * weights, const char *prefix, const char *name);

typedef enum
{
  VLDM_LINEAR_PLAIN = 0,
  VLDM_LINEAR_BIAS = 1,
  VLDM_LINEAR_GEGLU = 2,        /* @out counts value and gate */
} VldmLinearFlags;

/* Weight [out, in], or the same stored as a 1 x 1 convolution. */
gboolean vldm_weights_linear (VldmWeights * weights, const char *prefix, const char *name, gsize out, gsize in,
    VldmLinearFlags flags, OclWeights ** layer, GError ** error);

/* With bias. @kernel_t x @kernel_s x @kernel_s; weight [out, in, s, s], or [out, in, t, s, s] where t > 1. */
gboolean vldm_weights_conv (VldmWeights * weights, const char *prefix, const char *name, gsize out, gsize in,
    guint kernel_t, guint kernel_s, OclWeights ** layer, GError ** error);

/* Linear layers with the same input, read as one layer whose outputs lie side by side in the order of adding. */
typedef struct _VldmStack VldmStack;
VldmStack *vldm_stack_new (void);
void vldm_stack_free (VldmStack * stack);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmStack, vldm_stack_free);

/* Returns the first output channel of the added layer. */
gsize vldm_stack_add (VldmStack * stack, const char *prefix, const char *name, gsize out);
gboolean vldm_weights_stack (VldmWeights * weights, VldmStack * stack, gsize in, VldmLinearFlags flags,
    OclWeights ** layer, GError ** error);

/* Weight and bias of a group or layer norm, owned. */
typedef OclAffine VldmNorm;
gboolean vldm_weights_norm (VldmWeights * weights, const char *prefix, const char *name, gsize channels,
    VldmNorm * norm, GError ** error);
void vldm_norm_clear (VldmNorm * norm);

/* Parts of spatial and temporal result in an AlphaBlender, from @prefix.time_mixer.mix_factor: sigmoid (m) and
 * sigmoid (-m). Never 0, which an OclEpilogue would read as "not set". */
typedef struct
{
  gfloat spatial, temporal;
} VldmMix;
gboolean vldm_weights_mix (VldmWeights * weights, const char *prefix, VldmMix * mix, GError ** error);

/* The tensor @prefix.@name itself, an fp32 table [rows, columns]. */
gboolean vldm_weights_table (VldmWeights * weights, const char *prefix, const char *name, gsize rows, gsize columns,
    OclBuffer ** table, GError ** error);

G_END_DECLS
