/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * OpenCL's status codes by name, and how they become GErrors.
 */

#include "opencl/runtime/error.h"

GQuark
ocl_error_quark (void)
{
  return g_quark_from_static_string ("ocl-error-quark");
}

#define NAME(status) { status, #status }
/* From cl_ext.h, which not every version of the headers has. */
#define PLATFORM_NOT_FOUND (-1001)
static const struct
{
  cl_int status;
  const char *name;
} names[] = {
  NAME (CL_SUCCESS),
  NAME (CL_DEVICE_NOT_FOUND),
  NAME (CL_DEVICE_NOT_AVAILABLE),
  NAME (CL_COMPILER_NOT_AVAILABLE),
  NAME (CL_MEM_OBJECT_ALLOCATION_FAILURE),
  NAME (CL_OUT_OF_RESOURCES),
  NAME (CL_OUT_OF_HOST_MEMORY),
  NAME (CL_PROFILING_INFO_NOT_AVAILABLE),
  NAME (CL_MEM_COPY_OVERLAP),
  NAME (CL_BUILD_PROGRAM_FAILURE),
  NAME (CL_MAP_FAILURE),
  NAME (CL_MISALIGNED_SUB_BUFFER_OFFSET),
  NAME (CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
  NAME (CL_COMPILE_PROGRAM_FAILURE),
  NAME (CL_LINKER_NOT_AVAILABLE),
  NAME (CL_LINK_PROGRAM_FAILURE),
  NAME (CL_DEVICE_PARTITION_FAILED),
  NAME (CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
  NAME (CL_INVALID_VALUE),
  NAME (CL_INVALID_DEVICE_TYPE),
  NAME (CL_INVALID_PLATFORM),
  NAME (CL_INVALID_DEVICE),
  NAME (CL_INVALID_CONTEXT),
  NAME (CL_INVALID_QUEUE_PROPERTIES),
  NAME (CL_INVALID_COMMAND_QUEUE),
  NAME (CL_INVALID_HOST_PTR),
  NAME (CL_INVALID_MEM_OBJECT),
  NAME (CL_INVALID_BINARY),
  NAME (CL_INVALID_BUILD_OPTIONS),
  NAME (CL_INVALID_PROGRAM),
  NAME (CL_INVALID_PROGRAM_EXECUTABLE),
  NAME (CL_INVALID_KERNEL_NAME),
  NAME (CL_INVALID_KERNEL_DEFINITION),
  NAME (CL_INVALID_KERNEL),
  NAME (CL_INVALID_ARG_INDEX),
  NAME (CL_INVALID_ARG_VALUE),
  NAME (CL_INVALID_ARG_SIZE),
  NAME (CL_INVALID_KERNEL_ARGS),
  NAME (CL_INVALID_WORK_DIMENSION),
  NAME (CL_INVALID_WORK_GROUP_SIZE),
  NAME (CL_INVALID_WORK_ITEM_SIZE),
  NAME (CL_INVALID_GLOBAL_OFFSET),
  NAME (CL_INVALID_EVENT_WAIT_LIST),
  NAME (CL_INVALID_EVENT),
  NAME (CL_INVALID_OPERATION),
  NAME (CL_INVALID_BUFFER_SIZE),
  NAME (CL_INVALID_GLOBAL_WORK_SIZE),
  NAME (CL_INVALID_PROPERTY),
  {PLATFORM_NOT_FOUND, "CL_PLATFORM_NOT_FOUND_KHR"},
};

const char *
ocl_status_name (cl_int status)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (names[i].status == status)
      return names[i].name;
  return "a code that OpenCL 1.2 does not know";
}

static OclError
code_of (cl_int status)
{
  switch (status) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_HOST_MEMORY:
    case CL_INVALID_BUFFER_SIZE:
      return OCL_ERROR_MEMORY;
    case CL_DEVICE_NOT_FOUND:
    case PLATFORM_NOT_FOUND:
      return OCL_ERROR_NO_DEVICE;
    default:
      return OCL_ERROR_CALL;
  }
}

gboolean
ocl_check (cl_int status, GError ** error, const char *call, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  if (status == CL_SUCCESS)
    return TRUE;
  va_start (args, call);
  text = g_strdup_vprintf (call, args);
  va_end (args);
  g_set_error (error, OCL_ERROR, code_of (status), "%s failed: %s (%d)",
      text, ocl_status_name (status), status);
  return FALSE;
}
