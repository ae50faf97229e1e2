/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that an element has no field for: they must not reach another one, or what GObject keeps there.
 */
#include "tests/elements/harness.h"

static const char *factories[] = {
  "vldmsrc", "vldminterp", "vldmdec", "vldmenc", "vldmsr"
};

static void
expect_warning (void)
{
  g_test_expect_message (NULL, G_LOG_LEVEL_WARNING, "*invalid property id*");
}

/* By @id, which no field belongs to. */
static void
check_unknown (GObject * object, guint id, GParamSpec * spec, gboolean get)
{
  GObjectClass *klass = G_OBJECT_GET_CLASS (object);
  GValue text = G_VALUE_INIT, number = G_VALUE_INIT;

  g_value_init (&text, G_TYPE_STRING);
  g_value_set_static_string (&text, "a text of some length");
  g_value_init (&number, G_TYPE_UINT);
  expect_warning ();
  klass->set_property (object, id, &text, spec);
  expect_warning ();
  klass->set_property (object, id, &number, spec);
  if (get) {
    expect_warning ();
    klass->get_property (object, id, &text, spec);
  }
  g_test_assert_expected_messages ();
  fail_unless (G_OBJECT_GET_CLASS (object) == klass);
  g_value_unset (&text);
}

GST_START_TEST (test_unknown)
{
  GstElement *element = gst_element_factory_make (factories[__i__], NULL);
  GParamSpec *stats =
      g_object_class_find_property (G_OBJECT_GET_CLASS (element), "stats");

  check_unknown (G_OBJECT (element), 0, stats, TRUE);
  check_unknown (G_OBJECT (element), 1000, stats, TRUE);
  /* It is made when it is read. */
  check_unknown (G_OBJECT (element), stats->param_id, stats, FALSE);
  gst_object_unref (element);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("properties");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_unknown, 0, G_N_ELEMENTS (factories));
  return check_run (argc, argv, suite);
}
