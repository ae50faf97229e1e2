/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one place where opencl/ops/ reads the environment.
 */

#include "opencl/ops/forced.h"

static const char *const variables[OCL_N_FORCED] = {
  [OCL_FORCED_CONV] = "VLDM_CONV",
  [OCL_FORCED_GEMM] = "VLDM_GEMM",
  [OCL_FORCED_TILE] = "VLDM_TILE",
};

static const char *
read_variable (const char *variable)
{
  const char *value = g_getenv (variable);

  if (value == NULL || *value == '\0' || g_str_equal (value, "auto"))
    return NULL;
  return g_intern_string (value);
}

const char *
ocl_forced (OclForced variable)
{
  static const char *names[OCL_N_FORCED];
  static gsize is_read = 0;

  if (g_once_init_enter (&is_read)) {
    for (guint i = 0; i < OCL_N_FORCED; i++)
      names[i] = read_variable (variables[i]);
    g_once_init_leave (&is_read, 1);
  }
  return names[variable];
}

const char *
ocl_forced_variable (OclForced variable)
{
  return variables[variable];
}
