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
assert_says (GError * error, OclError code, const char *text)
{
  g_assert_error (error, OCL_ERROR, (gint) code);
  if (strstr (error->message, text) == NULL)
    g_error ("\"%s\" is not in \"%s\"", text, error->message);
}
