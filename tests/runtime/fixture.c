/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the runtime's tests share.
 */

#include "tests/runtime/fixture.h"

#include <string.h>

void
set_up (Fixture * f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  f->device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  f->queue = ocl_queue_new (f->device, &error);
  g_assert_no_error (error);
}

void
tear_down (Fixture * f, gconstpointer unused)
{
  ocl_queue_free (f->queue);
  g_assert_cmpuint (ocl_device_bytes_allocated (f->device), ==, 0);
  ocl_device_unref (f->device);
}

void
set_up_probe (Fixture * f, gconstpointer unused)
{
  g_setenv ("VLDM_KERNEL_DIR", TEST_KERNELS, TRUE);
  set_up (f, NULL);
}

void
tear_down_probe (Fixture * f, gconstpointer unused)
{
  tear_down (f, NULL);
  g_unsetenv ("VLDM_KERNEL_DIR");
}

void
assert_says (GError * error, OclError code, const char *text)
{
  g_assert_error (error, OCL_ERROR, (gint) code);
  if (strstr (error->message, text) == NULL)
    g_error ("\"%s\" is not in \"%s\"", text, error->message);
}
