/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Matrix products, 3 x 3 convolutions and attention at the networks' shapes, and, in turns with them, CLBlast's product and
 * convolution. Prints medians as a table in Markdown: GFLOP/s, direct count.
 *
 *   bench_kernels [--rounds N] [PEAK]
 *
 * PEAK, the device's GFLOP/s of multiply-adds (kernels --bench --test=peak/fma), adds each rate's share of it.
 */
#include <clblast_c.h>
#include <math.h>
#include <stdlib.h>

#include "opencl/ops/ops.h"

/* Shorter operations are timed several at a time. */
#define SHORTEST_US 50000

typedef enum
{
  LINEAR,                       /* pixels x in -> out */
  CONV,                         /* 3 x 3 */
  ATTENTION,                    /* in = channels, out = heads; all pixels attend to all */
} BenchKind;

typedef struct
{
  const char *name;
  BenchKind kind;
  gsize height, width, in, out;
} BenchCase;

static const BenchCase cases[] = {
  {"matrix product 512", LINEAR, 16, 32, 512, 512},
  {"matrix product 1024", LINEAR, 32, 32, 1024, 1024},
  {"matrix product 2048", LINEAR, 32, 64, 2048, 2048},
  {"matrix product 4096", LINEAR, 64, 64, 4096, 4096},
  {"2560 x 320 by 320 x 2560", LINEAR, 40, 64, 320, 2560},
  {"640 x 2560 by 2560 x 640", LINEAR, 20, 32, 2560, 640},
  {"160 x 1280 by 1280 x 5120", LINEAR, 10, 16, 1280, 5120},
  {"3 x 3, 320 -> 320 at 64 x 40", CONV, 40, 64, 320, 320},
  {"3 x 3, 640 -> 640 at 32 x 20", CONV, 20, 32, 640, 640},
  {"3 x 3, 1280 -> 1280 at 16 x 10", CONV, 10, 16, 1280, 1280},
  {"3 x 3, 1280 -> 1280 at 8 x 5", CONV, 5, 8, 1280, 1280},
  {"3 x 3, 512 -> 512 at 128 x 80", CONV, 80, 128, 512, 512},
  {"3 x 3, 256 -> 256 at 256 x 160", CONV, 160, 256, 256, 256},
  {"3 x 3, 128 -> 128 at 512 x 320", CONV, 320, 512, 128, 128},
  {"attention, 2560 tokens, 8 heads of 40", ATTENTION, 40, 64, 320, 8},
  {"attention, 2560 tokens, 5 heads of 64", ATTENTION, 40, 64, 320, 5},
  {"attention, 2560 tokens, 4 heads of 80", ATTENTION, 40, 64, 320, 4},
  {"attention, 2560 tokens, 2 heads of 160", ATTENTION, 40, 64, 320, 2},
};

typedef struct
{
  const BenchCase *of;
  OclQueue *queue;
  OclTensor input, key, value, output;
  OclWeights *weights;
  OclBuffer *plain;             /* weights without packing, for CLBlast */
} Bench;

typedef gboolean (*BenchFunc) (Bench * bench, GError ** error);

static gdouble
count_operations (const BenchCase * of)
{
  gdouble pixels = of->height * of->width;

  if (of->kind == ATTENTION)
    return 4.0 * pixels * pixels * of->in;
  return 2.0 * pixels * of->in * of->out * (of->kind == CONV ? 9 : 1);
}

static gboolean
run_ours (Bench * bench, GError ** error)
{
  const OclProduct conv = {
    .weights = bench->weights,
    .input = &bench->input,
    .output = &bench->output,
    .conv = {1, 1, 1},
  };
  const OclAttention attention = {.heads = bench->of->out };

  switch (bench->of->kind) {
    case LINEAR:
      return ocl_linear (bench->queue, bench->weights, &bench->input, NULL,
          &bench->output, error);
    case CONV:
      return ocl_conv (bench->queue, &conv, error);
    case ATTENTION:
      break;
  }
  return ocl_attention (bench->queue, &attention, &bench->input, &bench->key,
      &bench->value, &bench->output, error);
}

/* Its convolution wants channels first; the memory is the same. */
static gboolean
run_clblast (Bench * bench, GError ** error)
{
  const BenchCase *of = bench->of;
  cl_command_queue handle = ocl_queue_handle (bench->queue);
  cl_mem input = ocl_buffer_mem (bench->input.buffer);
  cl_mem output = ocl_buffer_mem (bench->output.buffer);
  cl_mem plain = ocl_buffer_mem (bench->plain);
  gsize pixels = of->height * of->width;
  CLBlastStatusCode status;

  if (of->kind == LINEAR)
    status = CLBlastSgemm (CLBlastLayoutRowMajor, CLBlastTransposeNo,
        CLBlastTransposeNo, pixels, of->out, of->in, 1.0f, input,
        bench->input.offset, of->in, plain, 0, of->out, 0.0f, output,
        bench->output.offset, of->out, &handle, NULL);
  else
    status = CLBlastSconvgemm (CLBlastKernelModeCrossCorrelation, of->in,
        of->height, of->width, 3, 3, 1, 1, 1, 1, 1, 1, of->out, 1, input,
        bench->input.offset, plain, 0, output, bench->output.offset, &handle,
        NULL);
  if (status == CLBlastSuccess)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "CLBlast fails with status %d at %s", (int) status, of->name);
  return FALSE;
}

static gfloat *
draw (gsize n, gfloat scale)
{
  GRand *rand = g_rand_new_with_seed (1);
  gfloat *values = g_new (gfloat, n);

  for (gsize i = 0; i < n; i++)
    values[i] = g_rand_double_range (rand, -scale, scale);
  g_rand_free (rand);
  return values;
}

static gboolean
alloc_drawn (Bench * bench, gsize channels, OclTensor * tensor, GError ** error)
{
  const BenchCase *of = bench->of;
  g_autofree gfloat *values = draw (of->height * of->width * channels, 1.0f);

  return ocl_tensor_alloc (bench->queue, OCL_F32, ocl_shape (1, of->height,
          of->width, channels), tensor, error)
      && ocl_tensor_write (bench->queue, tensor, values, error);
}

static gboolean
prepare (Bench * bench, GError ** error)
{
  const BenchCase *of = bench->of;
  OclDevice *device = ocl_queue_device (bench->queue);
  guint kernel = of->kind == CONV ? 3 : 1;
  const OclLayer layer = { OCL_F32, of->in, of->out, 1, kernel, kernel, FALSE };
  g_autofree gfloat *values = NULL;
  gsize n = of->in * of->out * kernel * kernel;

  if (!alloc_drawn (bench, of->in, &bench->input, error)
      || !alloc_drawn (bench, of->kind == ATTENTION ? of->in : of->out,
          &bench->output, error))
    return FALSE;
  if (of->kind == ATTENTION)
    return alloc_drawn (bench, of->in, &bench->key, error)
        && alloc_drawn (bench, of->in, &bench->value, error);
  values = draw (n, 1.0f / sqrtf (of->in));
  bench->plain = ocl_vector_new (device, values, n, error);
  if (bench->plain == NULL)
    return FALSE;
  bench->weights = ocl_weights_new (device, &layer, values, NULL, error);
  return bench->weights != NULL;
}

/* @seconds of one of @n operations. */
static gboolean
time_operations (Bench * bench, BenchFunc run, guint n, gdouble * seconds,
    GError ** error)
{
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < n; i++) {
    if (!run (bench, error))
      return FALSE;
  }
  if (!ocl_queue_finish (bench->queue, error))
    return FALSE;
  *seconds = (g_get_monotonic_time () - start) * 1e-6 / n;
  return TRUE;
}

static gint
by_value (gconstpointer a, gconstpointer b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

static void
print_rate (const BenchCase * of, gdouble * seconds, guint rounds, gdouble peak)
{
  gdouble rate;

  qsort (seconds, rounds, sizeof *seconds, by_value);
  rate = count_operations (of) / seconds[rounds / 2] * 1e-9;
  g_print (" %.0f", rate);
  if (peak > 0)
    g_print (" (%.0f%%)", 100.0 * rate / peak);
  g_print (" |");
}

/* Both by turns, after one that compiles and chooses, and one that says how many make a stable time. */
static gboolean
time_case (Bench * bench, guint rounds, gdouble peak, GError ** error)
{
  const BenchFunc sides[] = { run_ours, run_clblast };
  guint n_sides = bench->of->kind == ATTENTION ? 1 : 2, times[2];
  g_autofree gdouble *seconds = g_new (gdouble, 2 * rounds);
  gdouble first;

  for (guint side = 0; side < n_sides; side++) {
    if (!time_operations (bench, sides[side], 1, &first, error)
        || !time_operations (bench, sides[side], 1, &first, error))
      return FALSE;
    times[side] = CLAMP (SHORTEST_US * 1e-6 / first, 1, 1000);
  }
  for (guint round = 0; round < rounds; round++) {
    for (guint side = 0; side < n_sides; side++) {
      if (!time_operations (bench, sides[side], times[side],
              &seconds[side * rounds + round], error))
        return FALSE;
    }
  }
  g_print ("| %s |", bench->of->name);
  for (guint side = 0; side < n_sides; side++)
    print_rate (bench->of, seconds + side * rounds, rounds, peak);
  g_print ("%s\n", n_sides == 1 ? " |" : "");
  return TRUE;
}

static gboolean
run_cases (guint rounds, gdouble peak, GError ** error)
{
  g_autoptr (OclDevice) device = ocl_device_open (NULL, OCL_FORM_AUTO, error);
  g_autoptr (OclQueue) queue =
      device != NULL ? ocl_queue_new (device, error) : NULL;
  gboolean done = queue != NULL;

  if (done)
    g_print ("%s\n| operation | GFLOP/s | CLBlast |\n|---|---|---|\n",
        ocl_device_description (device));
  for (guint i = 0; done && i < G_N_ELEMENTS (cases); i++) {
    OclArena *arena = ocl_queue_arena (queue);
    OclArenaMark mark = ocl_arena_mark (arena);
    Bench bench = {.of = &cases[i],.queue = queue };

    done = prepare (&bench, error) && time_case (&bench, rounds, peak, error);
    g_clear_pointer (&bench.weights, ocl_weights_free);
    g_clear_pointer (&bench.plain, ocl_buffer_unref);
    ocl_arena_release (arena, mark);
  }
  return done;
}

int
main (int argc, char **argv)
{
  gint rounds = 5;
  const GOptionEntry entries[] = {
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "timed runs of each", "N"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[PEAK]");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error)
      && run_cases (MAX (rounds, 1), argc > 1 ? g_ascii_strtod (argv[1], NULL)
          : 0.0, &error))
    return EXIT_SUCCESS;
  g_printerr ("%s\n", error->message);
  return EXIT_FAILURE;
}
