/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * An OpenCL device with its context, its limits as data, and its table of built programs. A process has one
 * OclDevice per device and kernel form: opening it again returns another reference.
 */
#pragma once

#include "opencl/runtime/error.h"

G_BEGIN_DECLS

typedef struct _OclDevice OclDevice;

/* The form of the kernels. Both forms give the same results, and each can be forced on any device, so that the form for
 * GPUs is tested on CPUs, too. */
typedef enum
{
  OCL_FORM_AUTO,                /* VECTOR on CPUs, TILE elsewhere, unless VLDM_KERNEL_FORM names one */
  OCL_FORM_VECTOR,              /* work-groups of one work-item, explicit float16 vectors */
  OCL_FORM_TILE,                /* work-groups that share tiles in local memory */
} OclForm;

/* Capabilities. Limits are in bytes unless noted otherwise; 0 = absent or unknown. The environment variable VLDM_MEMORY
 * ("2G") lowers global_memory and max_allocation. */
typedef struct
{
  OclForm form;                 /* VECTOR or TILE */
  gboolean is_cpu;
  gboolean unified_memory;      /* the host sees the device's memory */
  guint compute_units;
  guint64 global_memory;
  guint64 max_allocation;
  guint64 local_memory;
  gsize max_work_group;         /* work-items */
} OclCaps;

/* Opens a device. @selector is NULL or "" (the environment variable VLDM_DEVICE, else the best GPU, else the best
 * CPU), an index as in `clinfo -l`, counted over all platforms ("0"), or part of the platform's or device's name in
 * any case ("pocl", "nvidia"). Fails with OCL_ERROR_NO_DEVICE; the message lists the devices that exist. */
OclDevice *ocl_device_open (const char *selector, OclForm form, GError ** error);

OclDevice *ocl_device_ref (OclDevice * device);
void ocl_device_unref (OclDevice * device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclDevice, ocl_device_unref);

const OclCaps *ocl_device_caps (OclDevice * device);

/* "Portable Computing Language: pthread-skylake-avx512 (3.1+debian)", for messages and stats. */
const char *ocl_device_description (OclDevice * device);

/* Bytes in OclBuffers of this device: at present, and at most so far. */
guint64 ocl_device_bytes_allocated (OclDevice * device);
guint64 ocl_device_bytes_peak (OclDevice * device);

/* For the runtime itself and for CLBlast. */
cl_context ocl_device_context (OclDevice * device);
cl_device_id ocl_device_id (OclDevice * device);

G_END_DECLS
