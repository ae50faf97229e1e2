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

/* One test in one round; TRUE if nothing failed. */
static gboolean
run_test (Check * check, const CheckOptions * options, const char *device,
    guint test, guint form, guint type)
{
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
  check_state_clear (check);
  return state.failures == 0;
}

static gboolean
run_form (const CheckOptions * options, OclDevice * device, const char *number,
    guint form)
{
  Check check = {.device = device };
  gboolean ok = TRUE;

  check.queue = ocl_queue_new (device, &check.error);
  if (check.queue == NULL) {
    g_print ("FAIL %s\n", check.error->message);
    g_clear_error (&check.error);
    return FALSE;
  }
  for (guint test = 0; test < G_N_ELEMENTS (tests); test++)
    for (guint type = 0; type < G_N_ELEMENTS (types); type++)
      if (is_chosen (options->type, types[type].name))
        ok &= run_test (&check, options, number, test, form, type);
  ocl_queue_free (check.queue);
  return ok;
}

/* FALSE if the device cannot be opened in one of the forms. */
static gboolean
run_device (const CheckOptions * options, const char *number, gboolean * ok,
    GError ** error)
{
  for (guint form = 0; form < G_N_ELEMENTS (forms); form++) {
    OclDevice *device;
    if (!is_chosen (options->form, forms[form].name))
      continue;
    device = ocl_device_open (number, forms[form].form, error);
    if (device == NULL)
      return FALSE;
    if (!options->list)
      g_print ("# device %s, %s form: %s\n", number, forms[form].name,
          ocl_device_description (device));
    *ok &= run_form (options, device, number, form);
    ocl_device_unref (device);
  }
  return TRUE;
}

static gboolean
run_all (const CheckOptions * options)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = TRUE;
  guint n_devices = 0;

  if (options->device != NULL)
    n_devices += run_device (options, options->device, &ok, &error);
  for (guint i = 0; options->device == NULL && i < MAX_DEVICES; i++) {
    g_autofree char *number = g_strdup_printf ("%u", i);
    g_clear_error (&error);
    if (!run_device (options, number, &ok, &error))
      break;
    n_devices++;
  }
  if (n_devices > 0)
    return ok;
  g_printerr ("%s\n", error->message);
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
  /* Times come from the device's clock. */
  if (options.bench)
    g_setenv ("VLDM_PROFILE", "1", TRUE);
  return run_all (&options) ? 0 : 1;
}
