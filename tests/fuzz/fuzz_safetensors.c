/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input is a safetensors file. Whatever it claims, every tensor that comes out of it can be read to its end.
 */
#include "vldm/files/safetensors.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  g_autoptr (VldmSafetensors) tensors = NULL;
  g_autofree const char **names = NULL;
  g_autoptr (GError) error = NULL;

  fuzz_write ("model.safetensors", data, size);
  tensors = vldm_safetensors_open (fuzz_folder (), "model", &error);
  g_assert_true ((tensors == NULL) == (error != NULL));
  if (!tensors)
    return 0;
  names = vldm_safetensors_names (tensors);
  for (guint i = 0; names[i]; i++) {
    const VldmTensorView *view = vldm_safetensors_find (tensors, names[i]);
    g_autofree gfloat *values = NULL;

    if (view->dtype == VLDM_DTYPE_OTHER)
      continue;
    g_assert_cmpuint (view->n_elements, <=, size);
    values = g_new (gfloat, view->n_elements);
    vldm_tensor_view_read (view, values);
  }
  return 0;
}
