/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one place where opencl/ reads the environment.
 */

#include "opencl/runtime/environment.h"

static const char *const variables[OCL_N_ENVIRONMENT] = {
  [OCL_ENVIRONMENT_CACHE_DIR] = "VLDM_CACHE_DIR",
  [OCL_ENVIRONMENT_CONV] = "VLDM_CONV",
  [OCL_ENVIRONMENT_DEVICE] = "VLDM_DEVICE",
  [OCL_ENVIRONMENT_GEMM] = "VLDM_GEMM",
  [OCL_ENVIRONMENT_KERNEL_DIR] = "VLDM_KERNEL_DIR",
  [OCL_ENVIRONMENT_KERNEL_FORM] = "VLDM_KERNEL_FORM",
  [OCL_ENVIRONMENT_MATRIX] = "VLDM_MATRIX",
  [OCL_ENVIRONMENT_MEMORY] = "VLDM_MEMORY",
  [OCL_ENVIRONMENT_PROFILE] = "VLDM_PROFILE",
  [OCL_ENVIRONMENT_TILE] = "VLDM_TILE",
  [OCL_ENVIRONMENT_TUNING] = "VLDM_TUNING",
};

const char *
ocl_environment_name (OclEnvironment variable)
{
  return variables[variable];
}

const char *
ocl_environment_foreign (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && *value != '\0' ? value : NULL;
}

const char *
ocl_environment (OclEnvironment variable)
{
  return ocl_environment_foreign (variables[variable]);
}

const char *
ocl_environment_forced (OclEnvironment variable)
{
  static const char *values[OCL_N_ENVIRONMENT];
  static gsize is_read = 0;

  if (g_once_init_enter (&is_read)) {
    for (guint i = 0; i < OCL_N_ENVIRONMENT; i++) {
      const char *value = ocl_environment (i);
      if (g_strcmp0 (value, "auto") != 0)
        values[i] = g_intern_string (value);
    }
    g_once_init_leave (&is_read, 1);
  }
  return values[variable];
}

void
ocl_environment_warn (OclEnvironment variable, const char *value,
    const char *const *names, guint n, const char *fallback)
{
  static gint warned[OCL_N_ENVIRONMENT];
  g_autoptr (GString) list = g_string_new (NULL);

  if (!g_atomic_int_compare_and_exchange (&warned[variable], 0, 1))
    return;
  for (guint i = 0; i < n; i++)
    g_string_append_printf (list, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
  g_warning ("%s is \"%s\", which must be one of %s; taking \"%s\"",
      variables[variable], value, list->str, fallback);
}

guint
ocl_environment_choose (OclEnvironment variable, const char *const *names,
    guint n, guint fallback)
{
  const char *value = ocl_environment (variable);

  if (value == NULL)
    return 0;
  for (guint i = 0; i < n; i++)
    if (g_str_equal (value, names[i]))
      return i;
  ocl_environment_warn (variable, value, names, n, names[fallback]);
  return fallback;
}

char *
ocl_environment_cache_folder (void)
{
  const char *folder = ocl_environment (OCL_ENVIRONMENT_CACHE_DIR);

  return folder != NULL ? g_strdup (folder)
      : g_build_filename (g_get_user_cache_dir (), "gst-vldm", NULL);
}
