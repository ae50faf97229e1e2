/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors of the OpenCL floor. A message names the failed call, the name of its status and the sizes involved.
 */
#pragma once

#include <CL/cl.h>
#include <glib.h>

G_BEGIN_DECLS

#define OCL_ERROR (ocl_error_quark ())

typedef enum
{
  OCL_ERROR_NO_DEVICE,          /* no OpenCL device, or none that matches the selector */
  OCL_ERROR_BUILD,              /* a kernel does not compile; the message ends with the compiler's log */
  OCL_ERROR_MEMORY,             /* the device lacks memory; the message names wanted and available bytes */
  OCL_ERROR_CALL,               /* any other failing OpenCL call */
  OCL_ERROR_CANCELLED,          /* the queue's check function returned FALSE */
} OclError;

GQuark ocl_error_quark (void);

/* "CL_OUT_OF_RESOURCES" for CL_OUT_OF_RESOURCES. */
const char *ocl_status_name (cl_int status);

/* TRUE for CL_SUCCESS. Otherwise sets @error from the status (OCL_ERROR_MEMORY for allocation codes) with @call, a
 * printf-like description of the call and its sizes, in the message. */
gboolean ocl_check (cl_int status, GError ** error, const char *call, ...) G_GNUC_PRINTF (3, 4);

G_END_DECLS
