/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whole denoising runs of small UNets against diffusers' schedulers: guidance with rescale, every sampler, key frames
 * and windows with known first frames.
 */
#include <string.h>

#include "golden.h"
#include "vldm/sampling/sampler.h"

static VldmSchedule *
new_schedule (JsonObject * run_case)
{
  g_autoptr (GError) error = NULL;
  const char *run = json_object_get_string_member (run_case, "run");
  VldmSchedulerKind kind = g_str_equal (run, "ddim") ? VLDM_SCHEDULER_DDIM
      : g_str_equal (run, "euler") ? VLDM_SCHEDULER_EULER
      : VLDM_SCHEDULER_DPMPP_2M;
  char *folder = golden_new_folder ();
  g_autoptr (VldmSchedulerConfig) config = NULL;
  VldmSchedule *schedule;

  golden_write_json (folder, "scheduler_config.json",
      json_object_get_object_member (run_case, "scheduler"));
  config = vldm_scheduler_config_load (folder, kind, &error);
  golden_remove_folder (folder);
  g_assert_no_error (error);
  schedule = vldm_schedule_new (config, golden_uint (run_case, "steps"), 0.0,
      &error);
  g_assert_no_error (error);
  return schedule;
}

static VldmUnetContext *
new_context (Golden * self, JsonObject * run_case, VldmUnet * unet,
    guint32 seed)
{
  g_autoptr (GError) error = NULL;
  guint tokens = golden_uint (run_case, "tokens");
  guint dim = vldm_unet_config (unet)->cross_attention_dim[0];
  g_autofree gfloat *rows = golden_randn (seed, tokens * dim);
  OclTensor text = golden_upload_tokens (self, OCL_F32, tokens, dim, rows);
  VldmUnetContext *context =
      vldm_unet_context_new (unet, self->queue, golden_uint (run_case,
          "frames"), &text,
      &text, &error);

  g_assert_no_error (error);
  return context;
}

/* The network's input: nothing where the latents will be, then, for networks with context channels, @known frames and
 * their mask. */
static OclTensor
new_sample (Golden * self, JsonObject * run_case, guint channels, guint known)
{
  guint frames = golden_uint (run_case, "frames");
  guint height = golden_uint (run_case, "height");
  guint width = golden_uint (run_case, "width");
  gsize plane = (gsize) height * width;
  g_autofree gfloat *sample = g_new0 (gfloat, frames * channels * plane);
  g_autofree gfloat *latents =
      golden_randn (GOLDEN_SEED_KNOWN, known * 4 * plane);

  for (guint f = 0; f < known; f++) {
    gfloat *context = sample + (f * channels + 4) * plane;

    memcpy (context, latents + f * 4 * plane, 4 * plane * sizeof (gfloat));
    for (gsize i = 0; i < plane; i++)
      context[4 * plane + i] = 1.0f;
  }
  return golden_upload (self, OCL_F32, frames, channels, height, width, sample);
}

typedef struct
{
  VldmUnet *unet;
  gfloat time_id;
} Network;

static gboolean
call_unet (OclQueue * queue, const VldmUnetCall * call,
    const OclTensor * sample, const OclTensor * output, gpointer network,
    GError ** error)
{
  const Network *self = network;
  VldmUnetCall with_id = *call;

  with_id.time_ids = &self->time_id;
  return vldm_unet_run (self->unet, queue, &with_id, sample, output, error);
}

static gboolean
never_stop (guint done, guint total, gpointer user_data, GError ** error)
{
  return TRUE;
}

static void
check_run (Golden * self, const char *name, JsonObject * run_case, OclType type)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_write_network (self, run_case);
  g_autoptr (VldmUnet) unet =
      vldm_unet_load (self->device, type, folder, NULL, NULL, &error);
  g_autoptr (VldmSchedule) schedule = new_schedule (run_case);
  g_autoptr (VldmNoise) noise = vldm_noise_new (golden_uint (run_case, "seed"));
  g_autoptr (VldmUnetContext) text = NULL, negative_text = NULL;
  Network network = { unet };
  OclTensor sample, blank_sample, latents;
  const VldmSamplerTensors tensors = {
    call_unet, &network, &latents, &sample, &blank_sample
  };
  VldmSampler sampler;
  g_autofree gfloat *values = NULL;

  golden_remove_folder (folder);
  g_assert_no_error (error);
  network.time_id =
      json_array_get_double_element (json_object_get_array_member (run_case,
          "time_ids"), 0);
  text = new_context (self, run_case, unet, GOLDEN_SEED_TEXT);
  negative_text = new_context (self, run_case, unet, GOLDEN_SEED_NEGATIVE_TEXT);
  sample = new_sample (self, run_case, vldm_unet_config (unet)->in_channels,
      json_object_get_int_member_with_default (run_case, "known", 0));
  blank_sample =
      new_sample (self, run_case, vldm_unet_config (unet)->in_channels, 0);
  ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (sample.frames,
          sample.height, sample.width, 4), &latents, &error);
  g_assert_no_error (error);
  vldm_noise_to_tensor (noise, self->queue, &latents, &error);
  g_assert_no_error (error);

  sampler = (VldmSampler) {
  .schedule = schedule,.text = text,.negative_text =
        negative_text,.guidance_scale =
        json_object_get_double_member (run_case,
        "guidance"),.guidance_rescale =
        json_object_get_double_member (run_case,
        "rescale"),.context_guidance =
        json_object_get_double_member_with_default (run_case,
        "context_guidance", 1.0),.noise = noise,.step = never_stop,};
  vldm_sampler_run (&sampler, self->queue, &tensors, &error);
  g_assert_no_error (error);
  values = golden_download (self, &latents);
  golden_compare (self, run_case, name, values,
      ocl_tensor_pixels (&latents) * 4, golden_run_bound (type));
}

int
main (int argc, char **argv)
{
  return golden_main (argc, argv, "/golden/sampling", "sampling", check_run);
}
