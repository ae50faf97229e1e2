/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a scheduler_config.json that names nothing but its class means: the class's own defaults, as diffusers' signatures in
 * sampling.json have them. Keys that a class has not are not looked at. And for which classes another sampler runs.
 */
#include <glib/gstdio.h>

#include "rows.h"
#include "vldm/files/config.h"

/* @more: further members, each behind a comma. */
static VldmSchedulerConfig *
load_class (const char *class, const char *more, VldmSchedulerKind kind)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("vldm-defaults-XXXXXX", &error);
  g_autofree char *path = NULL, *content = NULL;
  VldmSchedulerConfig *config;

  g_assert_no_error (error);
  path = g_build_filename (folder, "scheduler_config.json", NULL);
  content = g_strdup_printf ("{\"_class_name\": \"%s\"%s}", class, more);
  g_file_set_contents (path, content, -1, &error);
  g_assert_no_error (error);
  config = vldm_scheduler_config_load (folder, kind, &error);
  g_assert_no_error (error);
  g_remove (path);
  g_rmdir (folder);
  return config;
}

/* Each compares only where the class has the key. */
static void
check_number (JsonObject * defaults, const char *key, gdouble found)
{
  if (json_object_has_member (defaults, key))
    g_assert_cmpfloat (found, ==, json_object_get_double_member (defaults,
            key));
}

static void
check_boolean (JsonObject * defaults, const char *key, gboolean found)
{
  if (json_object_has_member (defaults, key))
    g_assert_cmpint (found, ==, json_object_get_boolean_member (defaults, key));
}

static void
check_choice (JsonObject * defaults, const char *key,
    const char *const *choices, guint found)
{
  if (json_object_has_member (defaults, key))
    g_assert_cmpstr (choices[found], ==, json_object_get_string_member
        (defaults, key));
}

/* What only one kind of sampler reads. */
static void
check_kind (const VldmSchedulerConfig * config, JsonObject * defaults)
{
  static const char *const types[] = { "discrete", "continuous" };
  static const char *const finals[] = { "zero", "sigma_min" };

  if (config->kind == VLDM_SCHEDULER_DDIM) {
    check_boolean (defaults, "clip_sample", config->clip_sample);
    check_number (defaults, "clip_sample_range", config->clip_sample_range);
    check_boolean (defaults, "set_alpha_to_one", config->set_alpha_to_one);
    return;
  }
  check_boolean (defaults, "use_karras_sigmas", config->use_karras_sigmas);
  check_choice (defaults, "final_sigmas_type", finals, config->final_sigma_min);
  check_choice (defaults, "timestep_type", types, config->continuous_timesteps);
  if (config->kind == VLDM_SCHEDULER_DPMPP_2M) {
    check_number (defaults, "solver_order", config->solver_order);
    check_boolean (defaults, "lower_order_final", config->lower_order_final);
    check_boolean (defaults, "euler_at_final", config->euler_at_final);
  }
}

static void
check_row (guint index, JsonObject * row)
{
  static const char *const betas[] = { "linear", "scaled_linear",
    "squaredcos_cap_v2"
  };
  static const char *const predictions[] = { "epsilon", "v_prediction",
    "sample"
  };
  static const char *const spacings[] = { "leading", "trailing", "linspace" };
  const char *class = json_object_get_string_member (row, "class");
  JsonObject *defaults = json_object_get_object_member (row, "defaults");
  g_autoptr (VldmSchedulerConfig) config = load_class (class, "",
      VLDM_SCHEDULER_AUTO);

  g_test_message ("%s", class);
  check_number (defaults, "num_train_timesteps", config->num_train_timesteps);
  check_number (defaults, "beta_start", config->beta_start);
  check_number (defaults, "beta_end", config->beta_end);
  check_choice (defaults, "beta_schedule", betas, config->beta_schedule);
  check_choice (defaults, "prediction_type", predictions, config->prediction);
  check_choice (defaults, "timestep_spacing", spacings, config->spacing);
  check_number (defaults, "steps_offset", config->steps_offset);
  check_boolean (defaults, "rescale_betas_zero_snr",
      config->rescale_betas_zero_snr);
  check_kind (config, defaults);
}

static void
check_defaults (gconstpointer path)
{
  rows_for_each (path, "defaults", 13, check_row);
}

/* Where another sampler runs than the file names, its user is told; the one that was asked for is no replacement. */
static void
check_replaced (void)
{
  static const struct
  {
    const char *class, *more;
    VldmSchedulerKind wanted;
    gboolean replaced;
  } cases[] = {
    {"DDIMScheduler", "", VLDM_SCHEDULER_AUTO, FALSE},
    {"EulerDiscreteScheduler", "", VLDM_SCHEDULER_AUTO, FALSE},
    {"DPMSolverMultistepScheduler", "", VLDM_SCHEDULER_AUTO, FALSE},
    {"DDPMScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"PNDMScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"PNDMScheduler", "", VLDM_SCHEDULER_DDIM, FALSE},
    {"EulerAncestralDiscreteScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"EulerAncestralDiscreteScheduler", "", VLDM_SCHEDULER_EULER, FALSE},
    {"HeunDiscreteScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"LMSDiscreteScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"KDPM2DiscreteScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"KDPM2AncestralDiscreteScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"DEISMultistepScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"DEISMultistepScheduler", ", \"solver_order\": 1", VLDM_SCHEDULER_AUTO,
        TRUE},
    {"UniPCMultistepScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"DPMSolverSinglestepScheduler", "", VLDM_SCHEDULER_AUTO, TRUE},
    {"DPMSolverSinglestepScheduler", ", \"solver_order\": 1",
        VLDM_SCHEDULER_AUTO, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (VldmSchedulerConfig) config =
        load_class (cases[i].class, cases[i].more, cases[i].wanted);

    g_test_message ("%s%s", cases[i].class, cases[i].more);
    g_assert_cmpstr (config->replaced, ==,
        cases[i].replaced ? cases[i].class : NULL);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  g_test_add_data_func ("/defaults/diffusers", argv[1], check_defaults);
  g_test_add_func ("/defaults/replaced", check_replaced);
  return g_test_run ();
}
