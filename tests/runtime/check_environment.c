/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Environment variables: not set, empty, known and unknown values.
 */

#include "opencl/runtime/environment.h"

static const char *const names[] = { "auto", "off", "now" };

static guint
choose (const char *value, guint fallback)
{
  g_setenv ("VLDM_TUNING", value, TRUE);
  return ocl_environment_choose (OCL_ENVIRONMENT_TUNING, names,
      G_N_ELEMENTS (names), fallback);
}

static void
empty_is_not_set (void)
{
  for (guint i = 0; i < OCL_N_ENVIRONMENT; i++) {
    const char *name = ocl_environment_name (i);
    g_assert_true (g_str_has_prefix (name, "VLDM_"));
    g_setenv (name, "x", TRUE);
    g_assert_cmpstr (ocl_environment (i), ==, "x");
    g_setenv (name, "", TRUE);
    g_assert_null (ocl_environment (i));
    g_unsetenv (name);
    g_assert_null (ocl_environment (i));
  }
  g_assert_cmpuint (choose ("", 1), ==, 0);
}

static void
unknown_values_are_reported_once (void)
{
  g_assert_cmpuint (choose ("now", 0), ==, 2);
  g_test_expect_message ("vldm-opencl", G_LOG_LEVEL_WARNING,
      "VLDM_TUNING is \"soon\", which must be one of \"auto\", \"off\", "
      "\"now\"; taking \"off\"");
  g_assert_cmpuint (choose ("soon", 1), ==, 1);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (choose ("later", 1), ==, 1);
}

/* Whatever was read first holds, and "auto" forces nothing. */
static void
forced_values_never_change (void)
{
  g_setenv ("VLDM_CONV", "direct", TRUE);
  g_setenv ("VLDM_GEMM", "auto", TRUE);
  g_assert_cmpstr (ocl_environment_forced (OCL_ENVIRONMENT_CONV), ==, "direct");
  g_setenv ("VLDM_CONV", "winograd", TRUE);
  g_setenv ("VLDM_GEMM", "own", TRUE);
  g_assert_cmpstr (ocl_environment_forced (OCL_ENVIRONMENT_CONV), ==, "direct");
  g_assert_null (ocl_environment_forced (OCL_ENVIRONMENT_GEMM));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/runtime/environment/empty_is_not_set", empty_is_not_set);
  g_test_add_func ("/runtime/environment/unknown_values_are_reported_once",
      unknown_values_are_reported_once);
  g_test_add_func ("/runtime/environment/forced_values_never_change",
      forced_values_never_change);
  return g_test_run ();
}
