/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs every operation's test on every OpenCL device, in both kernel forms and both storage types, or times them.
 * A failing case prints the options that run it alone.
 */

#include "tests/kernels/runner.h"
#include "tests/kernels/tests.h"

/* More devices than any machine has. */
#define MAX_DEVICES 64

static const struct
{
  const char *name;
  void (*run) (Check * check);
} tests[] = {
#define TEST(name) {#name, check_##name},
  CHECK_TESTS
#undef TEST
};

static const struct
{
  const char *name;
  OclForm form;
} forms[] = {
  {"vector", OCL_FORM_VECTOR},
  {"tile", OCL_FORM_TILE},
};

static const struct
{
  const char *name;
  OclType type;
} types[] = {
  {"f32", OCL_F32},
  {"f16", OCL_F16},
};

static gboolean
is_chosen (const char *choice, const char *name)
{
  return choice == NULL || g_str_equal (choice, name);
}

typedef struct
{
  const CheckOptions *options;
  guint devices, cases, failures;
} Runner;

/* One test in one round. */
static void
run_test (Runner * runner, Check * check, const char *device, guint test,
    guint form, guint type)
{
  const CheckOptions *options = runner->options;
  CheckState state;

  check_state_init (check, &state, options);
  state.test = tests[test].name;
  state.device = device;
  check->form = forms[form].form;
  check->type = types[type].type;
  check->bench = options->bench;
  tests[test].run (check);
  check_end (check);
  if (!options->list && !options->bench && state.cases + state.skipped > 0)
    g_print ("%-4s %-20s %-6s %s %4u cases, worst error %.2f of its bound%s\n",
        state.failures > 0 ? "FAIL" : "ok", tests[test].name, forms[form].name,
        types[type].name, state.cases, state.worst,
        state.skipped > 0 ? ", large ones skipped" : "");
  runner->cases += state.cases + state.skipped;
  runner->failures += state.failures;
  check_state_clear (check);
}

static void
run_form (Runner * runner, OclDevice * device, const char *number, guint form)
{
  Check check = {.device = device };

  check.queue = ocl_queue_new (device, &check.error);
  if (check.queue == NULL) {
    g_print ("FAIL %s\n", check.error->message);
    g_clear_error (&check.error);
    runner->failures++;
    return;
  }
  for (guint test = 0; test < G_N_ELEMENTS (tests); test++)
    for (guint type = 0; type < G_N_ELEMENTS (types); type++)
      if (is_chosen (runner->options->type, types[type].name))
        run_test (runner, &check, number, test, form, type);
  ocl_queue_free (check.queue);
}

/* FALSE if the device cannot be opened. */
static gboolean
run_device (Runner * runner, const char *number, GError ** error)
{
  for (guint form = 0; form < G_N_ELEMENTS (forms); form++) {
    OclDevice *device;
    if (!is_chosen (runner->options->form, forms[form].name))
      continue;
    device = ocl_device_open (number, forms[form].form, error);
    if (device == NULL)
      return FALSE;
    if (!runner->options->list)
      g_print ("# device %s, %s form: %s\n", number, forms[form].name,
          ocl_device_description (device));
    run_form (runner, device, number, form);
    ocl_device_unref (device);
  }
  runner->devices++;
  return TRUE;
}

static gboolean
run_all (const CheckOptions * options)
{
  Runner runner = {.options = options };
  g_autoptr (GError) error = NULL;

  if (options->device != NULL)
    run_device (&runner, options->device, &error);
  for (guint i = 0; options->device == NULL && i < MAX_DEVICES; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);
    if (!run_device (&runner, number, &error))
      break;
  }
  if (runner.devices == 0)
    g_printerr ("%s\n", error->message);
  else if (runner.cases == 0 && !options->list)
    g_printerr ("no case matches the options; --list prints all\n");
  else
    return runner.failures == 0;
  return FALSE;
}

int
main (int argc, char **argv)
{
  CheckOptions options = {.seed = 1 };
  const GOptionEntry entries[] = {
    {"test", 0, 0, G_OPTION_ARG_STRING, &options.test,
        "Only tests or test/case that match (* and ?)", "PATTERN"},
    {"device", 0, 0, G_OPTION_ARG_STRING, &options.device,
        "Number or part of the name, as for VLDM_DEVICE", "DEVICE"},
    {"form", 0, 0, G_OPTION_ARG_STRING, &options.form, "vector or tile",
        "FORM"},
    {"type", 0, 0, G_OPTION_ARG_STRING, &options.type, "f32 or f16", "TYPE"},
    {"seed", 0, 0, G_OPTION_ARG_INT, &options.seed, "Of the random data", "N"},
    {"small", 0, 0, G_OPTION_ARG_NONE, &options.small,
        "Only small cases, for simulators", NULL},
    {"list", 0, 0, G_OPTION_ARG_NONE, &options.list, "Print the cases", NULL},
    {"bench", 0, 0, G_OPTION_ARG_NONE, &options.bench,
        "Time the cases instead of comparing their results", NULL},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    g_printerr ("%s\n", error->message);
    return 2;
  }
  /* One round shows every case. */
  if (options.list) {
    options.form = g_strdup (forms[0].name);
    options.type = g_strdup (types[0].name);
  }
  /* Times come from the device's clock. */
  if (options.bench)
    g_setenv ("VLDM_PROFILE", "quiet", TRUE);
  return run_all (&options) ? 0 : 1;
}
