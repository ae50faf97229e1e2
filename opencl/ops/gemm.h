/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix product behind linear layers and convolutions: rows are output pixels, gathered tap by tap. For the
 * operations of this folder; networks use linear.h and conv.h.
 */
#pragma once

#include "opencl/ops/conv.h"

G_BEGIN_DECLS

/* TRUE if @epilogue (NULL = none) fits @output and @weights; @operation names the caller in errors. */
gboolean ocl_epilogue_check (const char *operation, const OclWeights * weights, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error);

/* Adds both inputs' buffers, offsets, strides and channels. */
void ocl_call_sources (OclCall * call, const OclTensor * input, const OclTensor * input2);

/* Adds the arguments GATHER_PARAMS of kernels/gather.clh. */
void ocl_call_gather (OclCall * call, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * output);

/* Adds the arguments EPILOGUE_PARAMS of kernels/epilogue.clh. */
void ocl_call_epilogue (OclCall * call, const OclWeights * weights, const OclEpilogue * epilogue,
    const OclTensor * output);

/* output = convolution as in ocl_conv (), shapes already checked. */
gboolean ocl_gemm (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue, const OclTensor * output, GError ** error);

/* The same of one input, once with each kernel that ocl_gemm () takes unasked for outputs of any size. */
gboolean ocl_gemm_warm_up (OclQueue * queue, const OclConv * conv, const OclWeights * weights, const OclTensor * input,
    const OclTensor * output, GError ** error);

G_END_DECLS
