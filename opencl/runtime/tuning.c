/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chooses a variant, and measures if the environment asks for it.
 *
 * Choices are kept for the life of the process, longer than a device, because a choice must not change once used.
 */

#include "opencl/runtime/tuning.h"

#include "opencl/runtime/environment.h"
#include "opencl/runtime/program.h"
#include "opencl/runtime/queue_state.h"
#include "opencl/runtime/tuning_file.h"
#include "opencl/runtime/wait.h"

#include <math.h>

/* Variants are timed in rounds, each for about ROUND_US or at most MAX_RUNS; the best round counts. */
#define ROUNDS 5
#define ROUND_US 20000
#define MAX_RUNS 50
/* A variant this many times slower than the best is not timed again; one that is less slow may have met a busy
 * moment. */
#define HOPELESS 4.0
/* The built-in variant is left only for one that takes less than this share of its time, so as not to chase noise. */
#define WORTHWHILE 0.97
/* Microseconds between two looks whether another thread still measures. */
#define POLL_US 5000

typedef enum
{
  MODE_AUTO = 1,
  MODE_OFF,
  MODE_NOW,
  MODE_SHOW,
} Mode;

/* One per device and kernel form. */
typedef struct _OclTuning
{
  OclTuningFile *file;          /* NULL = off */
  GMutex lock;
  GHashTable *used;             /* "operation shape" -> name of the variant; under the lock */
  GRecMutex measuring;          /* one measurement at a time; recursive, since a variant may ask a question, too */
} OclTuning;

static GMutex table_lock;
static GHashTable *table;       /* identity -> OclTuning, for the life of the process */

static Mode
mode_get (void)
{
  static const char *const names[] = { "auto", "off", "now", "show" };
  static gsize mode = 0;

  if (g_once_init_enter (&mode))
    g_once_init_leave (&mode, MODE_AUTO
        + ocl_environment_choose (OCL_ENVIRONMENT_TUNING, names,
            G_N_ELEMENTS (names), 0));
  return mode;
}

/* Everything that must be equal for two measurements to be comparable. */
static char *
make_identity (const OclDevice * device)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (guint i = 0; i < ocl_n_kernel_sources; i++)
    g_checksum_update (sum, (const guchar *) ocl_kernel_sources[i].source, -1);
  return g_strdup_printf ("%s; form %s; gst-vldm %s, kernels %.16s",
      device->identity, device->form == OCL_FORM_VECTOR ? "vector" : "tile",
      VERSION, g_checksum_get_string (sum));
}

static OclTuning *
tuning_new (const char *identity)
{
  OclTuning *tuning = g_new0 (OclTuning, 1);
  g_autofree char *folder = ocl_environment_cache_folder ();

  g_mutex_init (&tuning->lock);
  g_rec_mutex_init (&tuning->measuring);
  tuning->used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  if (mode_get () != MODE_OFF)
    tuning->file = ocl_tuning_file_open (folder, identity);
  return tuning;
}

static OclTuning *
tuning_get (OclDevice * device)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&table_lock);

  if (device->tuning == NULL) {
    g_autofree char *identity = make_identity (device);
    if (table == NULL)
      table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    device->tuning = g_hash_table_lookup (table, identity);
    if (device->tuning == NULL) {
      device->tuning = tuning_new (identity);
      g_hash_table_insert (table, g_steal_pointer (&identity), device->tuning);
    }
  }
  return device->tuning;
}

/* ---- measuring ---- */

typedef struct
{
  OclQueue *queue;
  OclTuning *tuning;
  const OclTuningQuestion *question;
  const char *key;
  gdouble us[OCL_TUNING_MAX_VARIANTS];  /* best time of each variant; INFINITY = failed */
} Trial;

/* *@us = microseconds per run, over @runs runs. */
static gboolean
time_runs (Trial * trial, guint variant, guint runs, gdouble * us,
    GError ** error)
{
  const OclTuningQuestion *question = trial->question;
  gint64 start = g_get_monotonic_time () - trial->queue->waited_us;

  for (guint i = 0; i < runs; i++)
    if (!question->run (trial->queue, variant, question->user_data, error))
      return FALSE;
  /* Not ocl_queue_finish (), which sleeps up to a millisecond too long. */
  ocl_queue_drain (trial->queue);
  *us = (g_get_monotonic_time () - trial->queue->waited_us - start)
      / (gdouble) runs;
  return ocl_queue_check (trial->queue, error);
}

/* Remembers that @variant fails for @reason. FALSE if @reason, moved to @error, says nothing about the variant. */
static gboolean
survive (Trial * trial, guint variant, GError * reason, GError ** error)
{
  const char *name = trial->question->variants[variant];

  ocl_queue_drain (trial->queue);
  if (g_error_matches (reason, OCL_ERROR, OCL_ERROR_CANCELLED)
      || g_error_matches (reason, OCL_ERROR, OCL_ERROR_MEMORY)) {
    g_propagate_error (error, reason);
    return FALSE;
  }
  g_warning ("tuning: %s: %s fails: %s", trial->key, name, reason->message);
  g_error_free (reason);
  trial->us[variant] = INFINITY;
  ocl_tuning_file_failed (trial->tuning->file, trial->key, name);
  return TRUE;
}

/* The first run, which may build kernels, fail, or end the process. */
static gboolean
try_variant (Trial * trial, guint variant, GError ** error)
{
  const OclTuningQuestion *question = trial->question;
  const char *name = question->variants[variant];
  GError *reason = NULL;
  gdouble first_us, us;

  trial->us[variant] = INFINITY;
  if (ocl_tuning_file_has_failed (trial->tuning->file, trial->key, name))
    return TRUE;
  /* Not for the built-in variant, without which nothing works anyway. */
  if (variant != question->built_in)
    ocl_tuning_file_trying (trial->tuning->file, trial->key, name);
  if (!time_runs (trial, variant, 1, &first_us, &reason)
      || !time_runs (trial, variant, 1, &us, &reason))
    return survive (trial, variant, reason, error);
  trial->us[variant] = MIN (first_us, us);
  return TRUE;
}

static guint
best_variant (const Trial * trial)
{
  guint built_in = trial->question->built_in, best = built_in;

  for (guint i = 0; i < trial->question->n_variants; i++)
    if (trial->us[i] < trial->us[best]
        && trial->us[i] < WORTHWHILE * trial->us[built_in])
      best = i;
  return best;
}

/* "direct 3.21 ms, winograd 1.10 ms" */
static char *
describe (const Trial * trial)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < trial->question->n_variants; i++) {
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
        trial->question->variants[i]);
    if (isinf (trial->us[i]))
      g_string_append (text, " fails");
    else
      g_string_append_printf (text, " %.3f ms", trial->us[i] / 1e3);
  }
  return g_string_free (text, FALSE);
}

static gboolean
try_all (Trial * trial, GError ** error)
{
  gboolean ok = TRUE;

  for (guint i = 0; ok && i < trial->question->n_variants; i++)
    ok = try_variant (trial, i, error);
  ocl_tuning_file_trying (trial->tuning->file, trial->key, NULL);
  return ok;
}

/* Times @variant once more, unless it is hopelessly slow. */
static gboolean
time_again (Trial * trial, guint variant, GError ** error)
{
  gdouble known_us = trial->us[variant], us;
  guint runs = CLAMP (ROUND_US / known_us, 1, MAX_RUNS);
  GError *reason = NULL;

  if (isinf (known_us) || known_us > HOPELESS * trial->us[best_variant (trial)])
    return TRUE;
  if (!time_runs (trial, variant, runs, &us, &reason))
    return survive (trial, variant, reason, error);
  trial->us[variant] = MIN (known_us, us);
  return TRUE;
}

static gboolean
time_all (Trial * trial, GError ** error)
{
  for (guint round = 0; round < ROUNDS; round++)
    for (guint i = 0; i < trial->question->n_variants; i++)
      if (!time_again (trial, i, error))
        return FALSE;
  return TRUE;
}

/* With the lock `measuring`. */
static gboolean
measure_and_remember (OclQueue * queue, OclTuning * tuning,
    const OclTuningQuestion * question, const char *key, GError ** error)
{
  Trial trial = { queue, tuning, question, key };
  g_autofree char *measured = NULL;

  if (queue->tune != NULL)
    queue->tune (key, queue->tuned, queue->user_data);
  queue->tuned++;
  if (!try_all (&trial, error) || !time_all (&trial, error))
    return FALSE;
  measured = describe (&trial);
  g_debug ("tuning: %s: measured %s", key, measured);
  ocl_tuning_file_choose (tuning->file, key,
      question->variants[best_variant (&trial)], measured);
  return TRUE;
}

/* ---- choosing ---- */

/* FALSE if @name is NULL or not among the variants. */
static gboolean
find_variant (const OclTuningQuestion * question, const char *name,
    guint * variant)
{
  for (guint i = 0; i < question->n_variants; i++) {
    if (g_strcmp0 (question->variants[i], name) == 0) {
      *variant = i;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
find_used (OclTuning * tuning, const OclTuningQuestion * question,
    const char *key, guint * variant)
{
  gboolean found;

  g_mutex_lock (&tuning->lock);
  found = find_variant (question, g_hash_table_lookup (tuning->used, key),
      variant);
  g_mutex_unlock (&tuning->lock);
  return found;
}

static gboolean
find_remembered (OclTuning * tuning, const OclTuningQuestion * question,
    const char *key, guint * variant)
{
  g_autofree char *name = ocl_tuning_file_chosen (tuning->file, key);

  return find_variant (question, name, variant);
}

/* The built-in variant or, if that has failed, one that has not. */
static guint
take_built_in (OclTuning * tuning, const OclTuningQuestion * question,
    const char *key)
{
  if (!ocl_tuning_file_has_failed (tuning->file, key,
          question->variants[question->built_in]))
    return question->built_in;
  for (guint i = 0; i < question->n_variants; i++)
    if (!ocl_tuning_file_has_failed (tuning->file, key, question->variants[i]))
      return i;
  return question->built_in;
}

/* Measures, unless another thread has done so meanwhile. If memory is short, the built-in variant is taken. */
static gboolean
ensure_remembered (OclQueue * queue, OclTuning * tuning,
    const OclTuningQuestion * question, const char *key, GError ** error)
{
  g_autoptr (GError) reason = NULL;
  guint variant;

  while (!g_rec_mutex_trylock (&tuning->measuring)) {
    g_usleep (POLL_US);
    if (!ocl_queue_check (queue, error))
      return FALSE;
  }
  if (!find_remembered (tuning, question, key, &variant))
    measure_and_remember (queue, tuning, question, key, &reason);
  g_rec_mutex_unlock (&tuning->measuring);
  if (reason == NULL)
    return TRUE;
  if (g_error_matches (reason, OCL_ERROR, OCL_ERROR_MEMORY)) {
    g_warning ("tuning: %s is not measured: %s", key, reason->message);
    return TRUE;
  }
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

/* Notes that *@variant is used for @key, or takes the one that another thread was quicker to use. */
static void
use (OclTuning * tuning, const OclTuningQuestion * question, const char *key,
    guint * variant, gboolean remembered)
{
  g_autofree char *measured = NULL;
  const char *origin;

  g_mutex_lock (&tuning->lock);
  if (find_variant (question, g_hash_table_lookup (tuning->used, key), variant)) {
    g_mutex_unlock (&tuning->lock);
    return;
  }
  g_hash_table_insert (tuning->used, g_strdup (key),
      g_strdup (question->variants[*variant]));
  g_mutex_unlock (&tuning->lock);
  measured = ocl_tuning_file_measured (tuning->file, key);
  origin =
      !remembered ? "built in" : measured != NULL ? measured : "remembered";
  g_debug ("tuning: %s = %s (%s)", key, question->variants[*variant], origin);
  if (mode_get () == MODE_NOW || mode_get () == MODE_SHOW)
    g_printerr ("tuning: %s = %s (%s)\n", key, question->variants[*variant],
        origin);
}

gboolean
ocl_tuning_choose (OclQueue * queue, const OclTuningQuestion * question,
    guint * variant, GError ** error)
{
  OclTuning *tuning = tuning_get (ocl_queue_device (queue));
  g_autofree char *key = NULL;
  gboolean remembered;

  g_return_val_if_fail (question->n_variants >= 1
      && question->n_variants <= OCL_TUNING_MAX_VARIANTS
      && question->built_in < question->n_variants, FALSE);
  *variant = question->built_in;
  if (question->n_variants == 1 || tuning->file == NULL)
    return TRUE;
  key = g_strdup_printf ("%s %s", question->operation, question->shape);
  if (find_used (tuning, question, key, variant))
    return TRUE;
  remembered = find_remembered (tuning, question, key, variant);
  if (!remembered && mode_get () == MODE_NOW) {
    if (!ensure_remembered (queue, tuning, question, key, error))
      return FALSE;
    remembered = find_remembered (tuning, question, key, variant);
  }
  if (!remembered)
    *variant = take_built_in (tuning, question, key);
  use (tuning, question, key, variant, remembered);
  return TRUE;
}
