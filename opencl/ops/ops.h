/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every operation. Operations keep no state: (queue, parameters, tensors) -> enqueued. Shapes that do not match fail
 * with OCL_ERROR_CALL, with the operation and the shapes in the message; scratch memory comes from the queue's arena
 * and is released before they return.
 */
#pragma once

#include "opencl/ops/attention.h"
#include "opencl/ops/bf16.h"
#include "opencl/ops/conv.h"
#include "opencl/ops/convert.h"
#include "opencl/ops/elementwise.h"
#include "opencl/ops/linear.h"
#include "opencl/ops/norm.h"
#include "opencl/ops/tensor.h"
#include "opencl/ops/tile.h"
#include "opencl/ops/warm_up.h"
#include "opencl/ops/weights.h"
