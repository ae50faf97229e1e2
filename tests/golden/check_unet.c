/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * UNetSpatioTemporalConditionModel and UNet2DConditionModel against diffusers: one call each of small networks, and for two
 * prompts.
 */
#include "golden.h"
#include "vldm/networks/unet.h"

static VldmUnetContext *
new_context (Golden * self, JsonObject * unet_case, VldmUnet * unet,
    OclType type, guint32 spatial_seed)
{
  g_autoptr (GError) error = NULL;
  guint tokens = golden_uint (unet_case, "tokens");
  guint dim = vldm_unet_config (unet)->cross_attention_dim[0];
  gboolean two = json_object_has_member (unet_case, "temporal_text");
  g_autofree gfloat *spatial = golden_randn (spatial_seed, tokens * dim);
  g_autofree gfloat *temporal =
      golden_randn (two ? GOLDEN_SEED_TEMPORAL_TEXT : spatial_seed,
      tokens * dim);
  OclTensor spatial_text =
      golden_upload_tokens (self, type, tokens, dim, spatial);
  OclTensor temporal_text =
      golden_upload_tokens (self, type, tokens, dim, temporal);
  VldmUnetContext *context =
      vldm_unet_context_new (unet, self->queue, golden_uint (unet_case,
          "frames"),
      &spatial_text, &temporal_text, &error);

  g_assert_no_error (error);
  return context;
}

/* Our kernels give the same bits however many rows there are; CLBlast has other kernels for more rows. */
static void
compare_prompt (const gfloat * values, const gfloat * expected, gsize n,
    gdouble clblast_bound)
{
  gfloat largest = 0, error = 0;

  if (g_strcmp0 (g_getenv ("VLDM_GEMM"), "clblast") != 0) {
    g_assert_cmpmem (values, n * sizeof (gfloat), expected,
        n * sizeof (gfloat));
    return;
  }
  for (gsize i = 0; i < n; i++) {
    largest = MAX (largest, ABS (expected[i]));
    error = MAX (error, ABS (values[i] - expected[i]));
  }
  g_assert_cmpfloat (error, <=, clblast_bound * largest);
}

/* A call for two prompts gives what calls for each give: @expected for the prompt of @call. */
static void
check_prompts (Golden * self, JsonObject * unet_case, VldmUnet * unet,
    const VldmUnetCall * call, const OclTensor * sample,
    const gfloat * expected, OclType type)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmUnetContext) other =
      new_context (self, unet_case, unet, type, GOLDEN_SEED_NEGATIVE_TEXT);
  const VldmUnetContext *other_context = other;
  const VldmUnetCall alone = { 1, &other_context, call->timestep,
    call->time_ids
  };
  gsize n = ocl_tensor_pixels (sample) * vldm_unet_config (unet)->out_channels;
  g_autofree gfloat *expected_other = NULL;
  OclTensor outputs, output;

  ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (2 * sample->frames,
          sample->height, sample->width, vldm_unet_config (unet)->out_channels),
      &outputs, &error);
  g_assert_no_error (error);
  output = ocl_tensor_frames (&outputs, 0, sample->frames);
  vldm_unet_run (unet, self->queue, &alone, sample, &output, &error);
  g_assert_no_error (error);
  expected_other = golden_download (self, &output);
  for (guint place = 0; place < 2; place++) {
    const VldmUnetContext *contexts[2] = { other, other };
    const VldmUnetCall both = { 2, contexts, call->timestep, call->time_ids };
    g_autofree gfloat *values = NULL;

    contexts[place] = call->contexts[0];
    vldm_unet_run (unet, self->queue, &both, sample, &outputs, &error);
    g_assert_no_error (error);
    values = golden_download (self, &outputs);
    compare_prompt (values + place * n, expected, n,
        golden_call_bound (unet_case, type));
    compare_prompt (values + (1 - place) * n, expected_other, n,
        golden_call_bound (unet_case, type));
  }
}

static void
check_unet (Golden * self, const char *name, JsonObject * unet_case,
    OclType type)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_write_network (self, unet_case);
  g_autoptr (VldmUnet) unet =
      vldm_unet_load (self->device, type, folder, NULL, NULL, &error);
  const VldmUnetConfig *config;
  g_autoptr (VldmUnetContext) context = NULL;
  guint frames = golden_uint (unet_case, "frames");
  guint height = golden_uint (unet_case, "height");
  guint width = golden_uint (unet_case, "width");
  JsonArray *ids = json_object_get_array_member (unet_case, "time_ids");
  gfloat time_ids[3];
  guint n_ids;
  gsize pixels = (gsize) frames * height * width;
  g_autofree gfloat *noise = NULL, *values = NULL;
  OclTensor sample, output;
  VldmUnetCall call = { 1 };
  const VldmUnetContext *only;

  golden_remove_folder (folder);
  g_assert_no_error (error);
  config = vldm_unet_config (unet);
  n_ids = config->n_time_ids + (config->num_class_embeds > 0 ? 1 : 0);
  g_assert_cmpuint (n_ids, ==, json_array_get_length (ids));
  for (guint i = 0; i < n_ids; i++)
    time_ids[i] = json_array_get_double_element (ids, i);

  context = new_context (self, unet_case, unet, type, GOLDEN_SEED_TEXT);
  noise = golden_randn (GOLDEN_SEED_SAMPLE, pixels * config->in_channels);
  sample = golden_upload (self, OCL_F32, frames, config->in_channels, height,
      width, noise);
  ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (frames, height, width,
          config->out_channels), &output, &error);
  g_assert_no_error (error);
  only = context;
  call.contexts = &only;
  call.timestep = json_object_get_double_member (unet_case, "timestep");
  call.time_ids = time_ids;
  vldm_unet_run (unet, self->queue, &call, &sample, &output, &error);
  g_assert_no_error (error);
  values = golden_download (self, &output);
  golden_compare (self, unet_case, name, values, pixels * config->out_channels,
      golden_call_bound (unet_case, type));
  check_prompts (self, unet_case, unet, &call, &sample, values, type);
}

int
main (int argc, char **argv)
{
  return golden_main (argc, argv, "/golden/unet", "unet", check_unet);
}
