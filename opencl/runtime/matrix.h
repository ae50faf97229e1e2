/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which matrix unit a device has, found out by trying it: drivers tell little of it, and some tell what is not so.
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

typedef struct
{
  OclMatrixKind kind;
  guint lanes;                  /* work-items a sub-group */
  guint rows, columns;          /* of one product, 16 deep */
  gboolean emulated;            /* for tests, on devices that lack it */
} OclMatrix;

/* The unit of @device, kind NONE where it has none or its kernels have not the tile form. The first call builds and runs
 * a small kernel: the unit is only used if its product is right. The environment variable VLDM_MATRIX = auto | off | ptx |
 * dpas8 | dpas16 | wmma | mfma switches it off or, for tests, makes a device without it emulate one. Thread-safe; the
 * answer never changes. */
const OclMatrix *ocl_device_matrix (OclDevice * device);

G_END_DECLS
