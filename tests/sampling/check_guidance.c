/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Guidance by the rule of diffusers' pipelines: runs of sampling.json on a network that is one line of arithmetic, computed
 * on the host, with the latents on the device and with those in the host's memory.
 */
#include <math.h>

#include "rows.h"
#include "vldm/sampling/field.h"

/* Relative to the first latents, which are up to 15 times the result. */
#define TOLERANCE 1e-5

#define STATE 3                 /* as in make_sampling.py */
#define CONTEXT_FREE 1.0

/* What stands for the prompts' contexts: a number that the network adds. */
static const gdouble text_prompt = 0.5, negative_prompt = -0.8;

/* Prompts of the calls so far that saw the context. */
static guint n_prompts_seen;

static OclQueue *queue;

static gfloat
network (gdouble x, gdouble timestep)
{
  return sin (1.3 * x + 0.01 * timestep) + 0.2 * x;
}

/* @sample [STATE, 1, 1, 2]: the latents, then 1 where the context is. */
static gboolean
call_on_device (OclQueue * unused, const VldmUnetCall * call,
    const OclTensor * sample, const OclTensor * output, gpointer unused_too,
    GError ** error)
{
  gfloat seen[2 * STATE], made[2 * STATE];

  if (!ocl_tensor_read (queue, sample, seen, error))
    return FALSE;
  for (guint p = 0; p < call->n_prompts; p++) {
    for (guint i = 0; i < STATE; i++)
      made[p * STATE + i] = network (seen[2 * i] + 0.3 * seen[2 * i + 1]
          + *(const gdouble *) call->contexts[p], call->timestep);
  }
  if (seen[1] == 1.0f)
    n_prompts_seen += call->n_prompts;
  return ocl_tensor_write (queue, output, made, error);
}

static gboolean
call_on_host (OclQueue * unused, const VldmUnetCall * call,
    const VldmFrames * latents, gfloat input_scale, VldmFrames * const *outputs,
    gpointer unused_too, GError ** error)
{
  const gfloat *x = (const gfloat *) vldm_frames_host (latents, 0);

  for (guint p = 0; p < call->n_prompts; p++) {
    gfloat *made = (gfloat *) vldm_frames_host (outputs[p], 0);

    for (guint i = 0; i < STATE; i++)
      made[i] = network (x[i] * input_scale + 0.3
          + *(const gdouble *) call->contexts[p], call->timestep);
  }
  n_prompts_seen += call->n_prompts;
  return TRUE;
}

static gboolean
never_stop (guint done, guint total, gpointer user_data, GError ** error)
{
  return TRUE;
}

static VldmSchedule *
new_schedule (void)
{
  const VldmSchedulerConfig config = {.kind = VLDM_SCHEDULER_EULER,
    .num_train_timesteps = 1000,.beta_start = 0.00085,.beta_end = 0.012,
    .beta_schedule = VLDM_BETAS_SCALED_LINEAR,
    .prediction = VLDM_PREDICT_EPSILON,.spacing = VLDM_SPACING_LINSPACE
  };
  g_autoptr (GError) error = NULL;
  VldmSchedule *schedule = vldm_schedule_new (&config, 4, 0.0, &error);

  g_assert_no_error (error);
  return schedule;
}

static OclTensor
new_tensor (gsize channels, const gfloat * data)
{
  g_autoptr (GError) error = NULL;
  OclTensor tensor;

  ocl_tensor_alloc (queue, OCL_F32, ocl_shape (STATE, 1, 1, channels), &tensor,
      &error);
  g_assert_no_error (error);
  ocl_tensor_write (queue, &tensor, data, &error);
  g_assert_no_error (error);
  return tensor;
}

static void
run_on_device (const VldmSchedule * schedule, gdouble guidance,
    gdouble context_guidance, VldmNoise * noise, gfloat * x)
{
  const gfloat with[] = { 0, 1, 0, 1, 0, 1 }, without[2 * STATE] = { 0 };
  OclTensor latents = new_tensor (1, x), sample = new_tensor (2, with);
  OclTensor blank_sample = new_tensor (2, without);
  const VldmSamplerTensors tensors = {.call = call_on_device,
    .latents = &latents,.sample = &sample,.blank_sample = &blank_sample
  };
  const VldmSampler sampler = {.schedule = schedule,
    .text = (const VldmUnetContext *) &text_prompt,
    .negative_text = (const VldmUnetContext *) &negative_prompt,
    .guidance_scale = guidance,.guidance_rescale = 0.5,
    .context_guidance = context_guidance,.noise = noise,.step = never_stop
  };
  g_autoptr (GError) error = NULL;

  vldm_sampler_run (&sampler, queue, &tensors, &error);
  g_assert_no_error (error);
  ocl_tensor_read (queue, &latents, x, &error);
  g_assert_no_error (error);
}

static void
run_on_host (const VldmSchedule * schedule, gdouble guidance,
    VldmNoise * noise, gfloat * x)
{
  VldmFrames latents = {.format = VLDM_FORMAT_F32LE,.count = STATE,
    .channels = 1,.height = 1,.width = 1,.host = (guint8 *) x
  };
  const VldmSamplerField field = {.call = call_on_host,.latents = &latents };
  const VldmSampler sampler = {.schedule = schedule,
    .text = (const VldmUnetContext *) &text_prompt,
    .negative_text = (const VldmUnetContext *) &negative_prompt,
    .guidance_scale = guidance,.guidance_rescale = 0.5,
    .context_guidance = 1.0,.noise = noise,.step = never_stop
  };
  g_autoptr (GError) error = NULL;

  vldm_field_sampler_run (&sampler, queue, &field, &error);
  g_assert_no_error (error);
}

static void
check_case (JsonObject * row, gboolean on_device)
{
  gdouble guidance = json_object_get_double_member (row, "guidance");
  gdouble context_guidance =
      json_object_get_double_member (row, "context_guidance");
  JsonArray *result = json_object_get_array_member (row, "result");
  g_autoptr (VldmSchedule) schedule = new_schedule ();
  g_autoptr (VldmNoise) noise = vldm_noise_new (42);
  gfloat x[STATE];

  vldm_noise_fill (noise, x, STATE);
  n_prompts_seen = 0;
  if (on_device)
    run_on_device (schedule, guidance, context_guidance, noise, x);
  else
    run_on_host (schedule, guidance, noise, x);
  for (guint i = 0; i < STATE; i++) {
    gdouble want = json_array_get_double_element (result, i);

    if (!(fabs (x[i] - want) <= TOLERANCE * schedule->initial_scale))
      g_error ("guidance %g, context guidance %g: number %u is %.9g, with "
          "diffusers' rule %.9g", guidance, context_guidance, i, x[i], want);
  }
  if (context_guidance == CONTEXT_FREE)
    g_assert_cmpuint (n_prompts_seen, ==,
        schedule->n * json_object_get_int_member (row, "calls"));
}

static void
check_row (guint index, JsonObject * row)
{
  check_case (row, TRUE);
  if (json_object_get_double_member (row, "context_guidance") == CONTEXT_FREE)
    check_case (row, FALSE);
}

static void
check_diffusers (gconstpointer path)
{
  rows_for_each (path, "guidance", 10, check_row);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  OclDevice *device;
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  queue = ocl_queue_new (device, &error);
  g_assert_no_error (error);
  g_test_add_data_func ("/guidance/diffusers", argv[1], check_diffusers);
  failed = g_test_run ();
  ocl_queue_free (queue);
  ocl_device_unref (device);
  return failed;
}
