/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The samplers as lists of linear updates: first what all share, the table of noise levels and the choice of timesteps,
 * then DDIM, Euler and DPM-Solver++ one after the other. Everything is computed in double, except the tables, which are
 * rounded to fp32 where diffusers keeps them so: near their ends 1 - alpha would differ in the fifth digit otherwise.
 * Source: diffusers 0.42 schedulers of these names; DDIM, arXiv 2010.02502; Karras et al., arXiv 2206.00364;
 * DPM-Solver++, arXiv 2211.01095; zero terminal SNR, arXiv 2305.08891.
 */
#include "vldm/sampling/scheduler.h"

#include <math.h>

#define MAX_BETA 0.999
#define KARRAS_RHO 7.0

/* DPM-Solver++ loses orders at the end of schedules shorter than this. */
#define SHORT_SCHEDULE 15

/* What the sigma-space samplers put in place of a last alpha of 0: the smallest half-precision number. */
#define SMALLEST_ALPHA 0x1p-24

/* ---- noise levels of training ---- */

/* cos^2, shifted so that the first betas are not too small: Nichol and Dhariwal, arXiv 2102.09672. */
static gdouble
cosine_alpha_bar (gdouble t)
{
  gdouble c = cos ((t + 0.008) / 1.008 * G_PI / 2.0);

  return c * c;
}

static gfloat
beta_at (const VldmSchedulerConfig * config, guint t)
{
  gdouble n = config->num_train_timesteps;
  gdouble fraction = n > 1.0 ? t / (n - 1.0) : 0.0;
  gdouble root;

  if (config->trained_betas != NULL)
    return config->trained_betas[t];
  switch (config->beta_schedule) {
    case VLDM_BETAS_COSINE:
      return MIN (1.0 - cosine_alpha_bar ((t + 1) / n) /
          cosine_alpha_bar (t / n), MAX_BETA);
    case VLDM_BETAS_SCALED_LINEAR:
      root = sqrt (config->beta_start)
          + fraction * (sqrt (config->beta_end) - sqrt (config->beta_start));
      return (gfloat) root *(gfloat) root;
    case VLDM_BETAS_LINEAR:
    default:
      return config->beta_start
          + fraction * (config->beta_end - config->beta_start);
  }
}

/* Products of alphas, rounded one by one as torch.cumprod does. */
static void
cumulate (const gfloat * alphas, guint n, gdouble * alphas_cumprod)
{
  gdouble product = 1.0;

  for (guint t = 0; t < n; t++) {
    product *= alphas[t];
    alphas_cumprod[t] = (gfloat) product;
  }
}

/* rescale_zero_terminal_snr: shifts and scales the square roots so that the last is 0 and the first stays. */
static void
rescale_to_zero_snr (gfloat * alphas, guint n, gdouble * alphas_cumprod)
{
  gfloat first = sqrtf (alphas_cumprod[0]);
  gfloat last = sqrtf (alphas_cumprod[n - 1]);
  gfloat before = 1.0f;

  for (guint t = 0; t < n; t++) {
    gfloat root = sqrtf (alphas_cumprod[t]) - last;
    gfloat alpha_bar;

    root *= first / (first - last);
    alpha_bar = root * root;
    /* through beta and back, as diffusers does, which costs digits where alpha is small */
    alphas[t] = 1.0f - (1.0f - alpha_bar / before);
    before = alpha_bar;
  }
  cumulate (alphas, n, alphas_cumprod);
}

gdouble *
vldm_alphas_cumprod (const VldmSchedulerConfig * config)
{
  guint n = config->num_train_timesteps;
  g_autofree gfloat *alphas = g_new (gfloat, n);
  gdouble *alphas_cumprod = g_new (gdouble, n);

  for (guint t = 0; t < n; t++)
    alphas[t] = 1.0f - beta_at (config, t);
  cumulate (alphas, n, alphas_cumprod);
  if (config->rescale_betas_zero_snr)
    rescale_to_zero_snr (alphas, n, alphas_cumprod);
  return alphas_cumprod;
}

/* ---- timesteps of a run, noisiest first ---- */

/* numpy's arange (n, 0, -n / n_steps), rounding errors included: they decide which way a half is rounded. They also
 * give diffusers a timestep too many, -1, for some numbers of steps (61 is the smallest); here n_steps are n_steps. */
static gdouble
trailing_timestep (guint n, guint n_steps, guint i)
{
  gdouble delta = (n - (gdouble) n / n_steps) - n;

  return rint (n + i * delta) - 1.0;
}

static gdouble
leading_timestep (const VldmSchedulerConfig * config, guint ratio,
    guint n_steps, guint i)
{
  return (gdouble) (n_steps - 1 - i) * ratio + config->steps_offset;
}

/* Point i of @n_points from the last timestep down to 0, fractional; a single point is timestep 0, as in numpy. */
static gdouble
linspace_timestep (guint n, guint n_points, guint i)
{
  return n_points > 1 ? (n_points - 1 - i) * ((n - 1.0) / (n_points - 1)) : 0.0;
}

static gdouble
ddim_timestep (const VldmSchedulerConfig * config, guint n_steps, guint i)
{
  guint n = config->num_train_timesteps;

  switch (config->spacing) {
    case VLDM_SPACING_TRAILING:
      return trailing_timestep (n, n_steps, i);
    case VLDM_SPACING_LINSPACE:
      return rint (linspace_timestep (n, n_steps, i));
    case VLDM_SPACING_LEADING:
    default:
      return leading_timestep (config, n / n_steps, n_steps, i);
  }
}

/* Euler's linspace keeps fractions. */
static gdouble
euler_timestep (const VldmSchedulerConfig * config, guint n_steps, guint i)
{
  if (config->spacing == VLDM_SPACING_LINSPACE)
    return linspace_timestep (config->num_train_timesteps, n_steps, i);
  return ddim_timestep (config, n_steps, i);
}

/* DPM-Solver++ spreads one point more and drops the cleanest. */
static gdouble
dpm_timestep (const VldmSchedulerConfig * config, guint n_steps, guint i)
{
  guint n = config->num_train_timesteps;
  guint ratio;

  switch (config->spacing) {
    case VLDM_SPACING_TRAILING:
      return trailing_timestep (n, n_steps, i);
    case VLDM_SPACING_LEADING:
      ratio = n / (n_steps + 1);
      return leading_timestep (config, ratio, n_steps + 1, i);
    case VLDM_SPACING_LINSPACE:
    default:
      return rint (linspace_timestep (n, n_steps + 1, i));
  }
}

/* ---- sigmas, for the samplers that live in sigma space ---- */

/* sigma = sqrt ((1 - alpha) / alpha) of every training timestep, rising; rounded after each operation as torch does. */
static gdouble *
train_sigmas (const VldmSchedulerConfig * config)
{
  guint n = config->num_train_timesteps;
  gdouble *sigmas = vldm_alphas_cumprod (config);

  if (config->rescale_betas_zero_snr)
    sigmas[n - 1] = SMALLEST_ALPHA;
  for (guint t = 0; t < n; t++) {
    gfloat alpha = sigmas[t];

    sigmas[t] = sqrtf ((1.0f - alpha) / alpha);
  }
  return sigmas;
}

/* Linear interpolation in the table; outside it, its ends. */
static gdouble
sigma_at (const gdouble * sigmas, guint n, gdouble timestep)
{
  gdouble t = CLAMP (timestep, 0.0, n - 1.0);
  guint low = t;
  guint high = MIN (low + 1, n - 1);

  return sigmas[low] + (t - low) * (sigmas[high] - sigmas[low]);
}

/* Logarithms of the table, in fp32 as diffusers has them: where timesteps are cut off, a last digit decides. */
static gfloat *
log_table (const gdouble * sigmas, guint n)
{
  gfloat *logs = g_new (gfloat, n);

  for (guint t = 0; t < n; t++)
    logs[t] = log (sigmas[t]);
  return logs;
}

/* The inverse of sigma_at, linear in log sigma. */
static gdouble
timestep_of_sigma (const gfloat * logs, guint n, gdouble sigma)
{
  gdouble wanted = log (MAX (sigma, 1e-10));
  gdouble low, high, part;
  guint index = 0;

  if (n < 2)
    return 0.0;
  while (index < n - 2 && logs[index + 1] <= wanted)
    index++;
  low = logs[index];
  high = logs[index + 1];
  part = CLAMP ((low - wanted) / (low - high), 0.0, 1.0);
  return (1.0 - part) * index + part * (index + 1);
}

/* Step i of Karras' schedule, even in sigma^(1/7). */
static gdouble
karras_sigma (gdouble sigma_max, gdouble sigma_min, guint n_steps, guint i)
{
  gdouble ramp = n_steps > 1 ? i / (n_steps - 1.0) : 0.0;
  gdouble max_root = pow (sigma_max, 1.0 / KARRAS_RHO);
  gdouble min_root = pow (sigma_min, 1.0 / KARRAS_RHO);

  return pow (max_root + ramp * (min_root - max_root), KARRAS_RHO);
}

/* The sigma that a run ends at. */
static gdouble
final_sigma (const VldmSchedulerConfig * config, const gdouble * sigmas)
{
  return config->final_sigma_min ? sigmas[0] : 0.0;
}

/* ---- DDIM ---- */

/* x0 and epsilon as linear functions of x and of the network's output, at alpha = alphas_cumprod. */
typedef struct
{
  gdouble x0_x, x0_output;
  gdouble epsilon_x, epsilon_output;
} Prediction;

static Prediction
predict (VldmPrediction kind, gdouble alpha)
{
  gdouble signal = sqrt (alpha);
  gdouble noise = sqrt (1.0 - alpha);

  switch (kind) {
    case VLDM_PREDICT_SAMPLE:
    return (Prediction) {
    0.0, 1.0, 1.0 / noise, -signal / noise};
    case VLDM_PREDICT_V:
    return (Prediction) {
    signal, -noise, noise, signal};
    case VLDM_PREDICT_EPSILON:
    default:
    return (Prediction) {
    1.0 / signal, -noise / signal, 0.0, 1.0};
  }
}

/* Equations 12 and 16 of the DDIM paper. Epsilon comes from the network's output, not from the clamped x0. */
static void
ddim_schedule (const VldmSchedulerConfig * config, gdouble eta,
    VldmSchedule * schedule)
{
  guint n = config->num_train_timesteps;
  g_autofree gdouble *alphas = vldm_alphas_cumprod (config);

  for (guint i = 0; i < schedule->n; i++) {
    VldmStep *step = &schedule->steps[i];
    gdouble timestep = ddim_timestep (config, schedule->n, i);
    gdouble last = timestep - n / schedule->n;
    gdouble alpha = alphas[(guint) CLAMP (timestep, 0, n - 1)];
    gdouble next_alpha = last >= 0.0 ? alphas[(guint) MIN (last, n - 1)]
        : config->set_alpha_to_one ? 1.0 : alphas[0];
    gdouble variance = eta * eta * (1.0 - next_alpha) / (1.0 - alpha)
        * (1.0 - alpha / next_alpha);
    gdouble direction = sqrt (MAX (1.0 - next_alpha - variance, 0.0));
    Prediction prediction = predict (config->prediction, alpha);

    step->timestep = timestep;
    step->input_scale = 1.0f;
    step->x0_x = prediction.x0_x;
    step->x0_output = prediction.x0_output;
    step->clamp = config->clip_sample ? config->clip_sample_range : 0.0f;
    step->from_x = direction * prediction.epsilon_x;
    step->from_output = direction * prediction.epsilon_output;
    step->from_x0 = sqrt (next_alpha);
    step->from_noise = sqrt (MAX (variance, 0.0));
  }
  schedule->initial_scale = 1.0f;
}

/* ---- Euler ---- */

/* x = x0 + sigma * epsilon, unscaled: the network sees x / sqrt (sigma^2 + 1). */
static void
predict_x0_in_sigma_space (VldmPrediction kind, gdouble sigma, VldmStep * step)
{
  gdouble square = sigma * sigma + 1.0;

  switch (kind) {
    case VLDM_PREDICT_SAMPLE:
      step->x0_x = 0.0f;
      step->x0_output = 1.0f;
      break;
    case VLDM_PREDICT_V:
      step->x0_x = 1.0 / square;
      step->x0_output = -sigma / sqrt (square);
      break;
    case VLDM_PREDICT_EPSILON:
      step->x0_x = 1.0f;
      step->x0_output = -sigma;
      break;
  }
}

/* The cleanest of the timesteps that numpy gives, the one too many included: Karras' sigmas end there. */
static gdouble
last_euler_timestep (const VldmSchedulerConfig * config, guint n_steps)
{
  gdouble n = config->num_train_timesteps;
  guint points = n_steps;

  if (config->spacing == VLDM_SPACING_TRAILING)
    points = ceil (n / ((gdouble) n / n_steps));
  return euler_timestep (config, n_steps, points - 1);
}

/* Of every step, then the one that the run ends at. */
static gdouble *
euler_sigmas (const VldmSchedulerConfig * config, const gdouble * table,
    guint n_steps)
{
  guint n = config->num_train_timesteps;
  gdouble *sigmas = g_new (gdouble, n_steps + 1);

  for (guint i = 0; i < n_steps; i++)
    sigmas[i] = sigma_at (table, n, euler_timestep (config, n_steps, i));
  if (config->use_karras_sigmas) {
    gdouble first = config->sigma_max > 0.0 ? config->sigma_max : sigmas[0];
    gdouble last = config->sigma_min > 0.0 ? config->sigma_min
        : sigma_at (table, n, last_euler_timestep (config, n_steps));

    for (guint i = 0; i < n_steps; i++)
      sigmas[i] = karras_sigma (first, last, n_steps, i);
  }
  sigmas[n_steps] = final_sigma (config, table);
  return sigmas;
}

/* Algorithm 1 of Karras et al. without churn: next = x + (x - x0) / sigma * (next sigma - sigma). */
static void
euler_schedule (const VldmSchedulerConfig * config, VldmSchedule * schedule)
{
  guint n = config->num_train_timesteps;
  guint n_steps = schedule->n;
  g_autofree gdouble *table = train_sigmas (config);
  g_autofree gfloat *logs = log_table (table, n);
  g_autofree gdouble *sigmas = euler_sigmas (config, table, n_steps);
  gdouble max = 0.0;

  for (guint i = 0; i < n_steps; i++) {
    VldmStep *step = &schedule->steps[i];
    gdouble sigma = sigmas[i];
    gdouble ratio = sigmas[i + 1] / sigma;

    if (config->continuous_timesteps && config->prediction == VLDM_PREDICT_V)
      step->timestep = 0.25 * log (sigma);
    else if (config->use_karras_sigmas)
      step->timestep = timestep_of_sigma (logs, n, sigma);
    else
      step->timestep = euler_timestep (config, n_steps, i);
    step->input_scale = 1.0 / sqrt (sigma * sigma + 1.0);
    predict_x0_in_sigma_space (config->prediction, sigma, step);
    step->from_x = ratio;
    step->from_x0 = 1.0 - ratio;
    max = MAX (max, sigma);
  }
  schedule->initial_scale = config->spacing == VLDM_SPACING_LEADING
      ? sqrt (max * max + 1.0) : max;
}

/* ---- DPM-Solver++ ---- */

/* One point of the way: x = alpha * x0 + noise * epsilon, lambda = log (alpha / noise). */
typedef struct
{
  gdouble alpha, noise, lambda;
} Level;

static Level
level_of_sigma (gdouble sigma)
{
  Level level;

  level.alpha = 1.0 / sqrt (sigma * sigma + 1.0);
  level.noise = sigma * level.alpha;
  level.lambda = -log (sigma);
  return level;
}

/* How x0 enters a step from @from to @to, with the x0 at @before for the second order, or NULL for the first.
 * At the end of the way (sigma = 0) lambda and h are infinite and next = x0. */
static void
dpm_update (const VldmSchedulerConfig * config, const Level * before,
    const Level * from, const Level * to, VldmStep * step)
{
  gdouble h = to->lambda - from->lambda;
  gdouble gain = -to->alpha * expm1 (-h);
  gdouble slope = 0.0;

  /* x0 is extrapolated along its last change. Steps of no length, which many steps on few training timesteps give,
   * leave x as it is and tell nothing about the change. */
  if (before != NULL && h > 0.0 && from->lambda > before->lambda) {
    gdouble r = (from->lambda - before->lambda) / h;

    slope = config->heun ? to->alpha * (expm1 (-h) / h + 1.0) : 0.5 * gain;
    slope /= r;
  }
  step->from_x = to->noise / from->noise;
  step->from_x0 = gain + slope;
  step->from_last_x0 = -slope;
}

/* Whether step i looks back: diffusers' rules for a first step, short schedules and the last step. */
static gboolean
dpm_second_order (const VldmSchedulerConfig * config, guint n_steps, guint i)
{
  if (config->solver_order < 2 || i == 0)
    return FALSE;
  if (i < n_steps - 1)
    return TRUE;
  return !(config->euler_at_final || !config->final_sigma_min
      || (config->lower_order_final && n_steps < SHORT_SCHEDULE));
}

/* Timestep and sigma of step i. Timesteps are rounded, but a cosine schedule's are cut off, as diffusers does. */
static void
dpm_point (const VldmSchedulerConfig * config, const gdouble * table,
    const gfloat * logs, guint n_steps, guint i, gdouble * timestep,
    gdouble * sigma)
{
  guint n = config->num_train_timesteps;

  if (!config->use_karras_sigmas) {
    *timestep = dpm_timestep (config, n_steps, i);
    *sigma = sigma_at (table, n, *timestep);
    return;
  }
  *sigma = karras_sigma (config->sigma_max > 0.0 ? config->sigma_max
      : table[n - 1], config->sigma_min > 0.0 ? config->sigma_min : table[0],
      n_steps, i);
  *timestep = timestep_of_sigma (logs, n, *sigma);
  *timestep = config->beta_schedule == VLDM_BETAS_COSINE ? floor (*timestep)
      : rint (*timestep);
}

static void
dpm_schedule (const VldmSchedulerConfig * config, VldmSchedule * schedule)
{
  g_autofree gdouble *table = train_sigmas (config);
  g_autofree gfloat *logs = log_table (table, config->num_train_timesteps);
  g_autofree Level *levels = g_new (Level, schedule->n + 1);

  for (guint i = 0; i < schedule->n; i++) {
    VldmStep *step = &schedule->steps[i];
    gdouble timestep, sigma, alpha;
    Prediction prediction;

    dpm_point (config, table, logs, schedule->n, i, &timestep, &sigma);
    levels[i] = level_of_sigma (sigma);
    alpha = levels[i].alpha * levels[i].alpha;
    prediction = predict (config->prediction, alpha);
    step->timestep = timestep;
    step->input_scale = 1.0f;
    step->x0_x = prediction.x0_x;
    step->x0_output = prediction.x0_output;
  }
  levels[schedule->n] = level_of_sigma (final_sigma (config, table));

  for (guint i = 0; i < schedule->n; i++) {
    gboolean second = dpm_second_order (config, schedule->n, i);

    dpm_update (config, second ? &levels[i - 1] : NULL, &levels[i],
        &levels[i + 1], &schedule->steps[i]);
  }
  schedule->initial_scale = 1.0f;
}

/* ---- all ---- */

/* A schedule that starts without any signal cannot be run on a network that predicts the noise: x0 = 0 / 0. */
static gboolean
check_finite (const VldmSchedule * schedule, GError ** error)
{
  for (guint i = 0; i < schedule->n; i++) {
    const VldmStep *step = &schedule->steps[i];

    if (!isfinite (step->x0_x + step->x0_output + step->from_x
            + step->from_output + step->from_x0 + step->from_last_x0
            + step->from_noise + step->input_scale + step->timestep)) {
      g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
          "the scheduler's step %u at timestep %g cannot be computed: a schedule with zero terminal SNR needs "
          "prediction_type v_prediction or sample, and betas lie between 0 and 1",
          i, step->timestep);
      return FALSE;
    }
  }
  return TRUE;
}

VldmSchedule *
vldm_schedule_new (const VldmSchedulerConfig * config, guint n_steps,
    gdouble eta, GError ** error)
{
  g_autoptr (VldmSchedule) schedule = NULL;

  if (n_steps < 1 || n_steps > config->num_train_timesteps) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "steps is %u; this model's scheduler allows 1 to %u", n_steps,
        config->num_train_timesteps);
    return NULL;
  }
  schedule = g_new0 (VldmSchedule, 1);
  schedule->n = n_steps;
  schedule->steps = g_new0 (VldmStep, n_steps);
  switch (config->kind) {
    case VLDM_SCHEDULER_EULER:
      euler_schedule (config, schedule);
      break;
    case VLDM_SCHEDULER_DPMPP_2M:
      dpm_schedule (config, schedule);
      break;
    case VLDM_SCHEDULER_DDIM:
    default:
      ddim_schedule (config, eta, schedule);
      break;
  }
  if (!check_finite (schedule, error))
    return NULL;
  return g_steal_pointer (&schedule);
}

void
vldm_schedule_free (VldmSchedule * schedule)
{
  if (schedule == NULL)
    return;
  g_free (schedule->steps);
  g_free (schedule);
}
