/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The matrix unit of a device, found by trying it, since drivers say little about it and some are wrong.
 */
#pragma once

#include "opencl/kernels/shared.clh"
#include "opencl/runtime/device.h"

G_BEGIN_DECLS

typedef enum
{
  OCL_MATRIX_NONE = MATRIX_NONE,
  OCL_MATRIX_PTX = MATRIX_PTX,  /* NVIDIA, mma.sync */
  OCL_MATRIX_DPAS = MATRIX_DPAS,        /* Intel, sub-group matrix multiply-accumulate */
  OCL_MATRIX_WMMA = MATRIX_WMMA,        /* AMD RDNA */
  OCL_MATRIX_MFMA = MATRIX_MFMA,        /* AMD CDNA */
} OclMatrixKind;

typedef struct _OclMatrix
{
  OclMatrixKind kind;
  guint lanes;                  /* work-items per sub-group */
  guint rows, columns;          /* of one product, which is 16 deep */
  gboolean emulated;            /* for tests on devices without the unit */
} OclMatrix;

/* The unit of @device; kind NONE if it has none or its kernels are not in the tile form. The first call builds and
 * runs a small kernel: the unit is used only if its product is right. The environment variable VLDM_MATRIX = auto |
 * off | ptx | dpas8 | dpas16 | wmma | mfma switches the unit off or, for tests, makes a device without one emulate
 * it. Thread-safe; the answer never changes. */
const OclMatrix *ocl_device_matrix (OclDevice * device);

G_END_DECLS
