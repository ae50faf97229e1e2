/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Schedules against diffusers: for each case of sampling.json the timesteps, and every state of a run on a network that
 * is one line of arithmetic; then the timesteps of every noise schedule with every spacing. The configuration goes through a
 * scheduler_config.json, so class defaults are tested too.
 */
#include <glib/gstdio.h>
#include <math.h>

#include "rows.h"
#include "vldm/sampling/noise.h"
#include "vldm/sampling/scheduler.h"

/* Diffusers steps in fp32, where a state is up to 700 times the result: relative to the largest number of a run. */
#define TOLERANCE 1e-5

/* Diffusers looks fractional timesteps up in a table of fp32 logarithms, whose steps are about 1/150. */
#define TIMESTEP_TOLERANCE 1e-3

#define STATE 3                 /* as in make_sampling.py */

static char *folder;            /* where the configuration of a case is written */

static VldmSchedulerConfig *
load_config (const char *run, JsonNode * file)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path =
      g_build_filename (folder, "scheduler_config.json", NULL);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  VldmSchedulerKind kind = VLDM_SCHEDULER_DDIM;
  VldmSchedulerConfig *config;

  if (g_str_equal (run, "euler"))
    kind = VLDM_SCHEDULER_EULER;
  else if (g_str_equal (run, "dpm++2m"))
    kind = VLDM_SCHEDULER_DPMPP_2M;
  json_generator_set_root (generator, file);
  json_generator_to_file (generator, path, &error);
  g_assert_no_error (error);
  config = vldm_scheduler_config_load (folder, kind, &error);
  g_assert_no_error (error);
  g_assert_cmpint (config->kind, ==, kind);
  return config;
}

/* The network of make_sampling.py. */
static gdouble
network (gdouble x, gdouble timestep)
{
  return sin (1.3 * x + 0.01 * timestep) + 0.2 * x;
}

/* One step on all numbers of the state, as vldm/sampling/scheduler.h defines it. */
static void
apply_step (const VldmStep * step, VldmNoise * noise, gdouble * x,
    gdouble * last_x0)
{
  gfloat fresh[STATE] = { 0 };

  if (step->from_noise != 0.0f)
    vldm_noise_fill (noise, fresh, STATE);
  for (guint i = 0; i < STATE; i++) {
    gdouble output = network (x[i] * step->input_scale, step->timestep);
    gdouble x0 = step->x0_x * x[i] + step->x0_output * output;

    if (step->clamp > 0.0f)
      x0 = CLAMP (x0, -step->clamp, step->clamp);
    x[i] = step->from_x * x[i] + step->from_output * output
        + step->from_x0 * x0 + step->from_last_x0 * last_x0[i]
        + step->from_noise * fresh[i];
    last_x0[i] = x0;
  }
}

static gdouble
largest (const gdouble * x)
{
  gdouble max = 0.0;

  for (guint i = 0; i < STATE; i++)
    max = MAX (max, fabs (x[i]));
  return max;
}

static void
check_state (guint index, guint step, const gdouble * x, gdouble scale,
    JsonArray * expected)
{
  for (guint i = 0; i < STATE; i++) {
    gdouble want = json_array_get_double_element (expected, i);

    if (!(fabs (x[i] - want) <= TOLERANCE * scale))
      g_error ("schedule %u of sampling.json: after step %u number %u is "
          "%.9g, diffusers has %.9g", index, step, i, x[i], want);
  }
}

static void
check_case (guint index, JsonObject * schedule_case)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSchedulerConfig) config =
      load_config (json_object_get_string_member (schedule_case, "run"),
      json_object_get_member (schedule_case, "config"));
  g_autoptr (VldmSchedule) schedule = vldm_schedule_new (config,
      json_object_get_int_member (schedule_case, "steps"),
      json_object_get_double_member (schedule_case, "eta"), &error);
  JsonArray *timesteps =
      json_object_get_array_member (schedule_case, "timesteps");
  JsonArray *states = json_object_get_array_member (schedule_case, "states");
  guint n_states = json_array_get_length (states);
  /* make_sampling.py drew from this seed: first the state, then DDIM's noise */
  g_autoptr (VldmNoise) noise = vldm_noise_new (index);
  gfloat first[STATE];
  gdouble x[STATE], last_x0[STATE] = { 0 }, scale;
  gdouble initial_scale =
      json_object_get_double_member (schedule_case, "initial_scale");

  g_assert_no_error (error);
  g_assert_cmpuint (schedule->n, ==, json_array_get_length (timesteps));
  g_assert_cmpfloat_with_epsilon (schedule->initial_scale, initial_scale,
      1e-6 * initial_scale);
  vldm_noise_fill (noise, first, STATE);
  for (guint i = 0; i < STATE; i++)
    x[i] = first[i] * schedule->initial_scale;
  scale = largest (x);

  for (guint i = 0; i < schedule->n; i++) {
    gdouble want = json_array_get_double_element (timesteps, i);
    guint state = i + n_states - schedule->n;

    if (!(fabs (schedule->steps[i].timestep - want) <= TIMESTEP_TOLERANCE))
      g_error ("schedule %u of sampling.json: timestep %u is %.9g, diffusers "
          "has %.9g", index, i, schedule->steps[i].timestep, want);
    apply_step (&schedule->steps[i], noise, x, last_x0);
    scale = MAX (scale, largest (x));
    if (state < n_states)
      check_state (index, i, x, scale,
          json_array_get_array_element (states, state));
  }
}

static void
check_diffusers (gconstpointer path)
{
  rows_for_each (path, "schedules", 100, check_case);
}

/* @run is [training timesteps, steps, timesteps], of long runs a few of them from both ends. */
static void
check_timesteps_of (guint index, const char *name, JsonNode * file,
    JsonArray * run)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSchedulerConfig) config = NULL;
  g_autoptr (VldmSchedule) schedule = NULL;
  JsonArray *timesteps = json_array_get_array_element (run, 2);
  guint kept = json_array_get_length (timesteps);

  json_object_set_int_member (json_node_get_object (file),
      "num_train_timesteps", json_array_get_int_element (run, 0));
  config = load_config (name, file);
  schedule = vldm_schedule_new (config, json_array_get_int_element (run, 1),
      0.0, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < kept; i++) {
    gdouble want = json_array_get_double_element (timesteps, i);
    guint step = kept == schedule->n || i < kept / 2 ? i
        : schedule->n - kept + i;

    if (!(fabs (schedule->steps[step].timestep - want) <= TIMESTEP_TOLERANCE))
      g_error
          ("timesteps %u of sampling.json: %.9g at step %u of %u, diffusers "
          "has %.9g", index, schedule->steps[step].timestep, step, schedule->n,
          want);
  }
}

/* Predictions do not matter, but noise that is predicted from noise alone cannot be computed. */
static void
check_timesteps_row (guint index, JsonObject * row)
{
  static const char *const predictions[] = { "v_prediction", "sample",
    "epsilon"
  };
  JsonNode *file = json_object_get_member (row, "config");
  JsonObject *config = json_node_get_object (file);
  JsonArray *runs = json_object_get_array_member (row, "runs");
  gboolean blind = json_object_get_boolean_member (config,
      "rescale_betas_zero_snr");

  for (guint p = 0; p < (blind ? 2 : 3); p++) {
    json_object_set_string_member (config, "prediction_type", predictions[p]);
    for (guint i = 0; i < json_array_get_length (runs); i++)
      check_timesteps_of (index, json_object_get_string_member (row, "run"),
          file, json_array_get_array_element (runs, i));
  }
}

static void
check_timesteps (gconstpointer path)
{
  rows_for_each (path, "timesteps", 70, check_timesteps_row);
}

/* What reference tables of Stable Diffusion's schedule say. */
static void
check_alphas (void)
{
  VldmSchedulerConfig config = {.num_train_timesteps = 1000,.beta_start =
        0.00085,.beta_end = 0.012,.beta_schedule = VLDM_BETAS_SCALED_LINEAR
  };
  g_autofree gdouble *alphas = vldm_alphas_cumprod (&config);
  g_autofree gdouble *zero_snr = NULL;

  g_assert_cmpfloat_with_epsilon (alphas[0], 0.99915, 1e-6);
  g_assert_cmpfloat_with_epsilon (alphas[20], 0.981314, 1e-6);
  g_assert_cmpfloat_with_epsilon (alphas[500], 0.276333, 1e-6);
  g_assert_cmpfloat_with_epsilon (alphas[999], 0.0046601, 1e-7);
  config.rescale_betas_zero_snr = TRUE;
  zero_snr = vldm_alphas_cumprod (&config);
  g_assert_cmpfloat (zero_snr[999], ==, 0.0);
  g_assert_cmpfloat_with_epsilon (zero_snr[0], 0.99915, 1e-6);
}

static void
check_errors (void)
{
  VldmSchedulerConfig config = {.kind = VLDM_SCHEDULER_DDIM,
    .num_train_timesteps = 1000,.beta_start = 0.00085,.beta_end = 0.012,
    .prediction = VLDM_PREDICT_EPSILON,.spacing = VLDM_SPACING_TRAILING
  };
  g_autoptr (GError) none = NULL, many = NULL, blind = NULL;

  g_assert_null (vldm_schedule_new (&config, 0, 0.0, &none));
  g_assert_error (none, VLDM_ERROR, VLDM_ERROR_SETTINGS);
  g_assert_null (vldm_schedule_new (&config, 1001, 0.0, &many));
  g_assert_error (many, VLDM_ERROR, VLDM_ERROR_SETTINGS);
  /* pure noise at the start tells nothing about the noise */
  config.rescale_betas_zero_snr = TRUE;
  g_assert_null (vldm_schedule_new (&config, 10, 0.0, &blind));
  g_assert_error (blind, VLDM_ERROR, VLDM_ERROR_MODEL);
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  folder = g_dir_make_tmp ("vldm-schedules-XXXXXX", NULL);
  g_assert_nonnull (folder);
  g_test_add_data_func ("/schedules/diffusers", argv[1], check_diffusers);
  g_test_add_data_func ("/schedules/timesteps", argv[1], check_timesteps);
  g_test_add_func ("/schedules/alphas", check_alphas);
  g_test_add_func ("/schedules/errors", check_errors);
  failed = g_test_run ();

  {
    g_autofree char *path =
        g_build_filename (folder, "scheduler_config.json", NULL);

    g_remove (path);
    g_rmdir (folder);
    g_free (folder);
  }
  return failed;
}
