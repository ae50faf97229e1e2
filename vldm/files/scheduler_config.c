/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scheduler_config.json, read for the class that will run. A user who swaps the sampler gets what
 * OtherScheduler.from_config () gives in diffusers: the file's keys, the new class's defaults for missing ones.
 * Source: signatures of the classes named below in diffusers 0.42.
 */
#include "vldm/files/config.h"

#include <math.h>

#include "vldm/files/json.h"

/* What runs for a class: itself, or another sampler that solves the same equation on another way. */
typedef enum
{ ITSELF, ITSELF_IN_FIRST_ORDER, ANOTHER } Runs;

/* What a class of diffusers has where a file lacks a key. All agree on the rest: 1000 timesteps, linear betas, epsilon. */
typedef struct
{
  const char *name;
  VldmSchedulerKind kind;       /* that runs for it */
  Runs runs;
  gdouble beta_start, beta_end;
  VldmSpacing spacing;
  /* Of a class without the key, that of the sampler which runs for it; but a class without clip_sample never clips. */
  gboolean clip_sample, set_alpha_to_one, lower_order_final;
} SchedulerClass;

/* Classes trained for another equation (consistency, flow matching) are not listed. The first of a kind is its own. */
static const SchedulerClass classes[] = {
  {"DDIMScheduler", VLDM_SCHEDULER_DDIM, ITSELF,
      0.0001, 0.02, VLDM_SPACING_LEADING, TRUE, TRUE, TRUE},
  {"EulerDiscreteScheduler", VLDM_SCHEDULER_EULER, ITSELF,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"DPMSolverMultistepScheduler", VLDM_SCHEDULER_DPMPP_2M, ITSELF,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"DDPMScheduler", VLDM_SCHEDULER_DDIM, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LEADING, TRUE, TRUE, TRUE},
  {"PNDMScheduler", VLDM_SCHEDULER_DDIM, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LEADING, FALSE, FALSE, TRUE},
  {"EulerAncestralDiscreteScheduler", VLDM_SCHEDULER_EULER, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"HeunDiscreteScheduler", VLDM_SCHEDULER_EULER, ANOTHER,
      0.00085, 0.012, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"LMSDiscreteScheduler", VLDM_SCHEDULER_EULER, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"KDPM2DiscreteScheduler", VLDM_SCHEDULER_EULER, ANOTHER,
      0.00085, 0.012, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"KDPM2AncestralDiscreteScheduler", VLDM_SCHEDULER_EULER, ANOTHER,
      0.00085, 0.012, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"DEISMultistepScheduler", VLDM_SCHEDULER_DPMPP_2M, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
  {"DPMSolverSinglestepScheduler", VLDM_SCHEDULER_DPMPP_2M,
        ITSELF_IN_FIRST_ORDER, 0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE,
      FALSE},
  {"UniPCMultistepScheduler", VLDM_SCHEDULER_DPMPP_2M, ANOTHER,
      0.0001, 0.02, VLDM_SPACING_LINSPACE, FALSE, TRUE, TRUE},
};

/* The class whose defaults hold: the file's, or that of the sampler which was chosen in its place. */
static const SchedulerClass *
find_class (VldmJson * json, VldmSchedulerKind wanted)
{
  const char *names[G_N_ELEMENTS (classes) + 1] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++) {
    if (classes[i].kind == wanted)
      return &classes[i];
    names[i] = classes[i].name;
  }
  if (!vldm_json_get (json, "_class_name"))
    vldm_json_fail (json, "_class_name", "missing; name the scheduler's class, "
        "such as %s, or choose a sampler", names[0]);
  return &classes[vldm_json_choice (json, "_class_name", names, 0)];
}

static void
read_trained_betas (VldmJson * json, VldmSchedulerConfig * config)
{
  JsonNode *node = vldm_json_get (json, "trained_betas");
  g_autofree char *found = NULL;
  JsonArray *list;

  if (!node)
    return;
  found = vldm_json_describe (node);
  if (!JSON_NODE_HOLDS_ARRAY (node)
      || json_array_get_length (json_node_get_array (node))
      != config->num_train_timesteps) {
    vldm_json_fail (json, "trained_betas", "expected a list of %u numbers, "
        "one a training step, found %s", config->num_train_timesteps, found);
    return;
  }
  list = json_node_get_array (node);
  config->trained_betas = g_new0 (gdouble, config->num_train_timesteps);
  for (guint i = 0; i < config->num_train_timesteps; i++) {
    JsonNode *entry = json_array_get_element (list, i);
    gdouble beta = -1.0;

    if (JSON_NODE_HOLDS_VALUE (entry)
        && json_node_get_value_type (entry) == G_TYPE_DOUBLE)
      beta = json_node_get_double (entry);
    if (!(beta > 0.0 && beta < 1.0)) {
      vldm_json_fail (json, "trained_betas", "entry %u is no number between 0 "
          "and 1", i);
      return;
    }
    config->trained_betas[i] = beta;
  }
}

/* The noise schedule and what the network predicts. */
static void
read_training (VldmJson * json, VldmSchedulerConfig * config,
    const SchedulerClass * class)
{
  static const char *const schedules[] = { "linear", "scaled_linear",
    "squaredcos_cap_v2", NULL
  };
  static const char *const predictions[] = { "epsilon", "v_prediction",
    "sample", NULL
  };

  config->num_train_timesteps = vldm_json_uint (json, "num_train_timesteps",
      1000, 1, 1000000);
  config->beta_start = vldm_json_double (json, "beta_start",
      class->beta_start, 1e-12, 0.999999);
  config->beta_end = vldm_json_double (json, "beta_end", class->beta_end,
      1e-12, 0.999999);
  config->beta_schedule = vldm_json_choice (json, "beta_schedule", schedules,
      VLDM_BETAS_LINEAR);
  read_trained_betas (json, config);
  config->prediction = vldm_json_choice (json, "prediction_type", predictions,
      VLDM_PREDICT_EPSILON);
  config->rescale_betas_zero_snr = vldm_json_bool (json,
      "rescale_betas_zero_snr", FALSE);
}

static void
read_spacing (VldmJson * json, VldmSchedulerConfig * config,
    const SchedulerClass * class)
{
  static const char *const spacings[] = { "leading", "trailing", "linspace",
    NULL
  };

  config->spacing = vldm_json_choice (json, "timestep_spacing", spacings,
      class->spacing);
  config->steps_offset = vldm_json_uint (json, "steps_offset", 0, 0,
      config->num_train_timesteps - 1);
}

/* A switch of diffusers that must stay off here. */
static void
refuse (VldmJson * json, const char *key)
{
  if (vldm_json_bool (json, key, FALSE))
    vldm_json_fail (json, key, "true is not supported; possible: false");
}

static void
read_ddim (VldmJson * json, VldmSchedulerConfig * config,
    const SchedulerClass * class)
{
  refuse (json, "thresholding");
  config->set_alpha_to_one = vldm_json_bool (json, "set_alpha_to_one",
      class->set_alpha_to_one);
  config->clip_sample = vldm_json_bool (json, "clip_sample",
      class->clip_sample);
  config->clip_sample_range = vldm_json_double (json, "clip_sample_range",
      1.0, 1e-6, 1e6);
}

/* What Euler and DPM-Solver++ share: schedules in sigma space. */
static void
read_sigmas (VldmJson * json, VldmSchedulerConfig * config)
{
  static const char *const finals[] = { "zero", "sigma_min", NULL };

  refuse (json, "use_exponential_sigmas");
  refuse (json, "use_beta_sigmas");
  config->use_karras_sigmas = vldm_json_bool (json, "use_karras_sigmas", FALSE);
  config->sigma_min = vldm_json_double (json, "sigma_min", 0.0, 1e-9, 1e9);
  config->sigma_max = vldm_json_double (json, "sigma_max", 0.0, 1e-9, 1e9);
  if (config->sigma_max > 0.0 && config->sigma_min >= config->sigma_max)
    vldm_json_fail (json, "sigma_min", "%g is not below sigma_max, %g",
        config->sigma_min, config->sigma_max);
  config->final_sigma_min = vldm_json_choice (json, "final_sigmas_type",
      finals, 0) == 1;
}

static void
read_euler (VldmJson * json, VldmSchedulerConfig * config)
{
  static const char *const types[] = { "discrete", "continuous", NULL };
  static const char *const interpolations[] = { "linear", NULL };

  read_sigmas (json, config);
  vldm_json_choice (json, "interpolation_type", interpolations, 0);
  config->continuous_timesteps = vldm_json_choice (json, "timestep_type",
      types, 0) == 1;
}

static void
read_dpmpp (VldmJson * json, VldmSchedulerConfig * config,
    const SchedulerClass * class)
{
  /* diffusers, too, reads "deis" of DEIS as "dpmsolver++", and the last three solvers, of DEIS and UniPC, as midpoint. */
  static const char *const algorithms[] = { "dpmsolver++", "deis", NULL };
  static const char *const solvers[] = { "midpoint", "heun", "logrho", "bh1",
    "bh2", NULL
  };
  static const char *const variances[] = { "fixed_small", "fixed_small_log",
    "fixed_large", "fixed_large_log", NULL
  };

  read_sigmas (json, config);
  refuse (json, "thresholding");
  refuse (json, "use_lu_lambdas");
  refuse (json, "use_flow_sigmas");
  refuse (json, "use_dynamic_shifting");
  if (isfinite (vldm_json_double (json, "lambda_min_clipped", -INFINITY,
              -INFINITY, INFINITY)))
    vldm_json_fail (json, "lambda_min_clipped", "a finite number is not "
        "supported; possible: -Infinity");
  vldm_json_choice (json, "algorithm_type", algorithms, 0);
  /* Only networks that predict their variance differ. */
  vldm_json_choice (json, "variance_type", variances, 0);
  config->heun = vldm_json_choice (json, "solver_type", solvers, 0) == 1;
  config->solver_order = vldm_json_uint (json, "solver_order", 2, 1, 2);
  config->lower_order_final = vldm_json_bool (json, "lower_order_final",
      class->lower_order_final);
  config->euler_at_final = vldm_json_bool (json, "euler_at_final", FALSE);
}

static gboolean
is_replaced (const SchedulerClass * class, const VldmSchedulerConfig * config)
{
  return class->runs == ANOTHER
      || (class->runs == ITSELF_IN_FIRST_ORDER && config->solver_order > 1);
}

VldmSchedulerConfig *
vldm_scheduler_config_load (const char *folder, VldmSchedulerKind kind,
    GError ** error)
{
  g_autoptr (VldmSchedulerConfig) config = g_new0 (VldmSchedulerConfig, 1);
  g_auto (VldmJson) json = { 0 };
  const SchedulerClass *class;

  if (!vldm_json_open (&json, folder, "scheduler_config.json", error))
    return NULL;
  class = find_class (&json, kind);
  config->kind = class->kind;
  read_training (&json, config, class);
  read_spacing (&json, config, class);
  switch (config->kind) {
    case VLDM_SCHEDULER_AUTO:
    case VLDM_SCHEDULER_DDIM:
      read_ddim (&json, config, class);
      break;
    case VLDM_SCHEDULER_EULER:
      read_euler (&json, config);
      break;
    case VLDM_SCHEDULER_DPMPP_2M:
      read_dpmpp (&json, config, class);
      break;
  }
  if (is_replaced (class, config))
    config->replaced = class->name;
  return vldm_json_done (&json, error) ? g_steal_pointer (&config) : NULL;
}

void
vldm_scheduler_config_free (VldmSchedulerConfig * config)
{
  if (!config)
    return;
  g_free (config->trained_betas);
  g_free (config);
}
