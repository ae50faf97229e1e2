/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CLIPTextModel against transformers: both activations, tensor names with and without "text_model.".
 */
#include "golden.h"
#include "vldm/networks/text_encoder.h"

static void
check_text_encoder (Golden * self, const char *name, JsonObject * text_case,
    OclType type)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_write_network (self, text_case);
  g_autoptr (VldmTextEncoder) encoder =
      vldm_text_encoder_load (self->device, type, folder, NULL, NULL, &error);
  JsonArray *list = json_object_get_array_member (text_case, "ids");
  guint n = json_array_get_length (list);
  g_autofree guint32 *ids = g_new (guint32, n);
  g_autofree gfloat *values = NULL;
  OclTensor output;

  golden_remove_folder (folder);
  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    ids[i] = json_array_get_int_element (list, i);
  ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (1, 1, n,
          vldm_text_encoder_config (encoder)->hidden_size), &output, &error);
  g_assert_no_error (error);
  vldm_text_encoder_run (encoder, self->queue, ids, n, &output, &error);
  g_assert_no_error (error);

  values = g_new (gfloat, n * output.channels);
  ocl_tensor_read (self->queue, &output, values, &error);
  g_assert_no_error (error);
  golden_compare (self, text_case, name, values, n * output.channels,
      golden_call_bound (text_case, type));
}

int
main (int argc, char **argv)
{
  return golden_main (argc, argv, "/golden/text-encoder", "text",
      check_text_encoder);
}
