/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Cases of the kernels' test bench: their data, their guards, the comparison and the timing.
 */

#include "tests/kernels/runner.h"

#include <math.h>
#include <string.h>

/* Guard elements before and behind a tensor: more than the widest vector. */
#define MARGIN 64

/* Largest case under --small, which is for simulators, and smallest that is worth a time. */
#define SMALL_OPERATIONS 3e5
#define BENCH_OPERATIONS 1e6

/* --bench: rounds of about this many nanoseconds; the fastest counts. */
#define BENCH_ROUNDS 5
#define BENCH_ROUND_NS 60e6
#define BENCH_MAX_REPEATS 1000

/* What fp16 storage of a result may take from it, relative: half a unit in the last place, and once more where a
 * kernel keeps an intermediate result. */
#define F16_ROUNDING 0x1p-10

/* A NaN with this payload guards fp32 tensors, the fp16 one the others. */
#define CANARY_F32 0x7fc5a5a5
#define CANARY_F16 0x7e5a

/* A tensor made by the case. */
typedef struct
{
  OclTensor tensor;
  gsize elements;               /* of the whole buffer */
  gboolean guarded;
} Guarded;

typedef struct
{
  gpointer object;
  GDestroyNotify free_func;
} Owned;

static const char *
type_name (OclType type)
{
  return type == OCL_F16 ? "f16" : "f32";
}

static const char *
form_name (OclForm form)
{
  return form == OCL_FORM_TILE ? "tile" : "vector";
}

static gpointer
own (CheckState * state, gpointer object, GDestroyNotify free_func)
{
  Owned owned = { object, free_func };

  g_array_append_val (state->owned, owned);
  return object;
}

gpointer
check_own (Check * check, gpointer object, GDestroyNotify free_func)
{
  return object != NULL ? own (check->state, object, free_func) : NULL;
}

void
check_state_init (Check * check, CheckState * state,
    const CheckOptions * options)
{
  memset (state, 0, sizeof *state);
  check->state = state;
  state->options = options;
  state->owned = g_array_new (FALSE, FALSE, sizeof (Owned));
  state->tensors = g_array_new (FALSE, FALSE, sizeof (Guarded));
  state->name = g_string_new (NULL);
}

void
check_end (Check * check)
{
  CheckState *state = check->state;

  if (state->failed)
    state->failures++;
  state->failed = FALSE;
  if (check->queue != NULL)
    ocl_queue_drain (check->queue);
  for (guint i = state->owned->len; i > 0; i--) {
    Owned *owned = &g_array_index (state->owned, Owned, i - 1);
    owned->free_func (owned->object);
  }
  g_array_set_size (state->owned, 0);
  g_array_set_size (state->tensors, 0);
  g_clear_pointer (&state->random, g_rand_free);
  g_clear_error (&check->error);
}

void
check_state_clear (Check * check)
{
  check_end (check);
  g_array_unref (check->state->owned);
  g_array_unref (check->state->tensors);
  g_string_free (check->state->name, TRUE);
}

static gboolean
is_wanted (const CheckState * state)
{
  const char *pattern = state->options->test;

  return pattern == NULL || g_pattern_match_simple (pattern, state->test)
      || g_pattern_match_simple (pattern, state->name->str);
}

gboolean
check_begin (Check * check, gdouble operations, const char *format, ...)
{
  CheckState *state = check->state;
  const CheckOptions *options = state->options;
  va_list args;

  check_end (check);
  g_string_printf (state->name, "%s/", state->test);
  va_start (args, format);
  g_string_append_vprintf (state->name, format, args);
  va_end (args);
  if (!is_wanted (state))
    return FALSE;
  if (options->list) {
    g_print ("%s\n", state->name->str);
    return FALSE;
  }
  if ((options->small && operations > SMALL_OPERATIONS)
      || (options->bench && options->test == NULL
          && operations < BENCH_OPERATIONS)) {
    state->skipped++;
    return FALSE;
  }
  state->cases++;
  state->operations = operations;
  state->repeats = 0;
  state->round = 0;
  state->best_ns = INFINITY;
  /* By the case's name, so that a case alone sees the same values as in a full run. */
  state->random =
      g_rand_new_with_seed (g_str_hash (state->name->str) ^ options->seed);
  return TRUE;
}

static void
fail (Check * check, const char *format, va_list args)
{
  CheckState *state = check->state;
  g_autofree char *text = g_strdup_vprintf (format, args);

  if (!state->failed)
    g_print ("FAIL --test='%s' --device=%s --form=%s --type=%s --seed=%u  "
        "on %s\n", state->name->str, state->device, form_name (check->form),
        type_name (check->type), state->options->seed,
        ocl_device_description (check->device));
  g_print ("     %s\n", text);
  state->failed = TRUE;
}

void
check_that (Check * check, gboolean condition, const char *format, ...)
{
  va_list args;

  if (condition)
    return;
  va_start (args, format);
  fail (check, format, args);
  va_end (args);
}

void
check_result (Check * check, gboolean ok)
{
  check_that (check, ok, "%s", check->error != NULL ? check->error->message :
      "failed without an error");
  check_that (check, !ok || check->error == NULL, "succeeded with an error: %s",
      check->error != NULL ? check->error->message : "");
  g_clear_error (&check->error);
}

void
check_refused (Check * check, gboolean ok)
{
  check_that (check, !ok && g_error_matches (check->error, OCL_ERROR,
          OCL_ERROR_CALL), "arguments that do not fit are not refused: %s",
      check->error != NULL ? check->error->message : "no error");
  g_clear_error (&check->error);
}

/* Data */

gfloat *
check_normal (Check * check, gsize n, gfloat scale)
{
  gfloat *data = own (check->state, g_new (gfloat, n + 1), g_free);

  /* Box and Muller's pairs. */
  for (gsize i = 0; i < n; i += 2) {
    gdouble u = 1 - g_rand_double (check->state->random);
    gdouble angle = 2 * G_PI * g_rand_double (check->state->random);
    gdouble radius = scale * sqrt (-2 * log (u));
    data[i] = radius * cos (angle);
    data[i + 1] = radius * sin (angle);
  }
  return data;
}

guint32 *
check_integers (Check * check, gsize n, guint32 below)
{
  guint32 *data = own (check->state, g_new (guint32, n), g_free);

  for (gsize i = 0; i < n; i++)
    data[i] = g_rand_int (check->state->random) % below;
  return data;
}

gdouble *
check_doubles (Check * check, gsize n)
{
  return own (check->state, g_new0 (gdouble, n), g_free);
}

void
check_round (gfloat * data, gsize n, OclType type)
{
  for (gsize i = 0; type == OCL_F16 && i < n; i++)
    data[i] = ocl_float_from_half (ocl_half_from_float (data[i]));
  for (gsize i = 0; type == OCL_BF16 && i < n; i++)
    data[i] = ocl_float_from_bf16 (ocl_bf16_from_float (data[i]));
}

OclBuffer *
check_bytes (Check * check, gconstpointer data, gsize n)
{
  OclBuffer *buffer =
      ocl_buffer_new_from_data (check->device, data, n, &check->error);

  check_result (check, buffer != NULL);
  return check_own (check, buffer, (GDestroyNotify) ocl_buffer_unref);
}

OclBuffer *
check_vector (Check * check, const gfloat * data, gsize n)
{
  return check_bytes (check, data, n * sizeof *data);
}

/* Tensors and their guards */

static void
set_canary (gpointer data, gsize i, OclType type)
{
  if (type == OCL_F16)
    ((guint16 *) data)[i] = CANARY_F16;
  else
    ((guint32 *) data)[i] = CANARY_F32;
}

static gboolean
is_canary (gconstpointer data, gsize i, OclType type)
{
  return type == OCL_F16 ? ((const guint16 *) data)[i] == CANARY_F16 :
      ((const guint32 *) data)[i] == CANARY_F32;
}

/* @data NULL = nothing but guards. */
static OclTensor
make_tensor (Check * check, gboolean guarded, OclType type, gfloat * data,
    gsize frames, gsize height, gsize width, gsize channels, gsize gap)
{
  gsize pixels = frames * height * width, stride = channels + gap;
  /* Tensors with gaps are views: they also begin at any element. */
  gsize start = gap > 0 ? MARGIN + 3 : MARGIN;
  gsize elements = start + pixels * stride + MARGIN;
  g_autofree gpointer bytes = g_malloc (elements * ocl_type_size (type));
  Guarded made = {.elements = elements,.guarded = guarded };

  for (gsize i = 0; i < elements; i++)
    set_canary (bytes, i, type);
  if (data != NULL)
    check_round (data, pixels * channels, type);
  for (gsize p = 0; data != NULL && p < pixels; p++)
    for (gsize c = 0; c < channels; c++) {
      gsize to = start + p * stride + c;
      if (type == OCL_F16)
        ((guint16 *) bytes)[to] = ocl_half_from_float (data[p * channels + c]);
      else
        ((gfloat *) bytes)[to] = data[p * channels + c];
    }
  made.tensor = (OclTensor) {
  check_bytes (check, bytes, elements * ocl_type_size (type)), start, type,
        frames, height, width, channels, stride};
  g_array_append_val (check->state->tensors, made);
  return made.tensor;
}

OclTensor
check_input (Check * check, gfloat * data, gsize frames, gsize height,
    gsize width, gsize channels, gsize gap)
{
  return make_tensor (check, FALSE, check->type, data, frames, height, width,
      channels, gap);
}

OclTensor
check_input_typed (Check * check, OclType type, gfloat * data, gsize frames,
    gsize height, gsize width, gsize channels, gsize gap)
{
  return make_tensor (check, FALSE, type, data, frames, height, width, channels,
      gap);
}

OclTensor
check_output (Check * check, gsize frames, gsize height, gsize width,
    gsize channels, gsize gap)
{
  return make_tensor (check, TRUE, check->type, NULL, frames, height, width,
      channels, gap);
}

OclTensor
check_output_typed (Check * check, OclType type, gsize frames, gsize height,
    gsize width, gsize channels, gsize gap)
{
  return make_tensor (check, TRUE, type, NULL, frames, height, width, channels,
      gap);
}

OclTensor
check_in_out (Check * check, gfloat * data, gsize frames, gsize height,
    gsize width, gsize channels, gsize gap)
{
  return make_tensor (check, TRUE, check->type, data, frames, height, width,
      channels, gap);
}

static const Guarded *
find_tensor (const CheckState * state, const OclTensor * tensor)
{
  for (guint i = 0; i < state->tensors->len; i++) {
    const Guarded *made = &g_array_index (state->tensors, Guarded, i);
    if (made->tensor.buffer == tensor->buffer)
      return made;
  }
  g_error ("%s: only tensors made by the case can be compared",
      state->name->str);
}

/* Elements that are outside the tensor made for the case. */
static gboolean
is_outside (const OclTensor * tensor, gsize element)
{
  gsize i = element - tensor->offset;

  return element < tensor->offset
      || i >= ocl_tensor_pixels (tensor) * tensor->stride
      || i % tensor->stride >= tensor->channels;
}

static gpointer
read_guarded (Check * check, const Guarded * made)
{
  gsize bytes = made->elements * ocl_type_size (made->tensor.type);
  gpointer data = own (check->state, g_malloc (bytes), g_free);

  check_result (check, ocl_queue_read (check->queue, made->tensor.buffer, 0,
          data, bytes, &check->error));
  return data;
}

static void
compare_values (Check * check, const OclTensor * tensor, gconstpointer data,
    const gdouble * expected, gdouble tolerance)
{
  gsize pixels = ocl_tensor_pixels (tensor), channels = tensor->channels;
  gsize n_bad = 0, worst = 0;
  gdouble largest = 0, largest_error = 0, worst_value = 0;

  for (gsize i = 0; i < pixels * channels; i++)
    largest = MAX (largest, fabs (expected[i]));
  if (largest == 0)
    largest = 1;
  for (gsize i = 0; i < pixels * channels; i++) {
    gsize at = tensor->offset + i / channels * tensor->stride + i % channels;
    gdouble value = tensor->type == OCL_F16 ?
        ocl_float_from_half (((const guint16 *) data)[at]) :
        ((const gfloat *) data)[at];
    gdouble error = isfinite (value) ? fabs (value - expected[i]) / largest :
        INFINITY;
    n_bad += error > tolerance;
    if (error > largest_error) {
      largest_error = error;
      worst_value = value;
      worst = i;
    }
  }
  if (tolerance > 0)
    check->state->worst = MAX (check->state->worst, largest_error / tolerance);
  check_that (check, n_bad == 0, "%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
      " values differ by more than %.3g of the largest; the worst by %.3g, at "
      "[%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT ", %"
      G_GSIZE_FORMAT "]: %.9g where %.9g is right", n_bad, pixels * channels,
      tolerance, largest_error,
      worst / channels / tensor->width / tensor->height,
      worst / channels / tensor->width % tensor->height,
      worst / channels % tensor->width, worst % channels, worst_value,
      expected[worst]);
}

void
check_compare (Check * check, const OclTensor * tensor,
    const gdouble * expected, gdouble tolerance)
{
  const Guarded *made = find_tensor (check->state, tensor);
  gsize n_overwritten = 0, first = 0;
  gpointer data;

  /* A timed operation ran many times, maybe on its own result. */
  if (check->bench || check->state->failed)
    return;
  data = read_guarded (check, made);
  if (check->state->failed)
    return;
  for (gsize i = 0; made->guarded && i < made->elements; i++)
    if (is_outside (&made->tensor, i)
        && !is_canary (data, i, made->tensor.type) && n_overwritten++ == 0)
      first = i;
  check_that (check, n_overwritten == 0,
      "%" G_GSIZE_FORMAT " elements around the tensor were overwritten, the "
      "first %" G_GSSIZE_FORMAT " elements after its start", n_overwritten,
      (gssize) (first - made->tensor.offset));
  compare_values (check, tensor, data, expected,
      tolerance + (tensor->type == OCL_F16 ? F16_ROUNDING : 0));
}

/* Timing */

static void
print_time (Check * check)
{
  CheckState *state = check->state;
  gdouble bytes = 0;

  for (guint i = 0; i < state->tensors->len; i++) {
    const OclTensor *t = &g_array_index (state->tensors, Guarded, i).tensor;
    bytes += (gdouble) ocl_tensor_pixels (t) * t->channels *
        ocl_type_size (t->type);
  }
  g_print ("%-48s %-6s %s %10.1f us %8.1f GFLOP/s %7.2f GB/s\n",
      state->name->str, form_name (check->form), type_name (check->type),
      state->best_ns / 1e3, state->operations / state->best_ns,
      bytes / state->best_ns);
}

/* Times by the device's own clock; the first run builds, the second shows how many make a round. */
static gboolean
repeat_bench (Check * check)
{
  CheckState *state = check->state;
  guint64 now;

  if (state->failed)
    return FALSE;
  if (state->repeats++ < state->wanted)
    return TRUE;
  check_result (check, ocl_queue_finish (check->queue, &check->error));
  now = ocl_queue_device_ns (check->queue);
  if (state->round > 0) {
    gdouble ns = (gdouble) (now - state->round_start) / state->wanted;
    state->best_ns = MIN (state->best_ns, MAX (ns, 1));
    state->wanted =
        CLAMP (BENCH_ROUND_NS / state->best_ns, 1, BENCH_MAX_REPEATS);
  }
  state->round_start = now;
  state->repeats = 1;
  if (state->round++ <= BENCH_ROUNDS)
    return TRUE;
  print_time (check);
  return FALSE;
}

gboolean
check_repeat (Check * check)
{
  CheckState *state = check->state;

  if (!check->bench)
    return !state->failed && state->repeats++ == 0;
  if (state->repeats == 0)
    state->wanted = 1;
  return repeat_bench (check);
}
