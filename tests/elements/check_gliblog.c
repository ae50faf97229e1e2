/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Messages that the floors below log with GLib, seen in GStreamer's log.
 */

#include "gst/gliblog.h"

#include <gst/check/gstcheck.h>

#define N_THREADS 4
#define N_MESSAGES 200

/* Messages of the floors below in GStreamer's log, as "category level: text", under the lock. */
static GMutex lock;
static GString *seen;
static guint n_seen;

static void
record (GstDebugCategory * category, GstDebugLevel level, const char *file,
    const char *function, gint line, GObject * object,
    GstDebugMessage * message, gpointer unused)
{
  const char *name = gst_debug_category_get_name (category);

  if (!g_str_has_prefix (name, "vldm"))
    return;
  g_mutex_lock (&lock);
  n_seen++;
  g_string_append_printf (seen, "%s %d: %s\n", name,
      (int) level, gst_debug_message_get (message));
  g_mutex_unlock (&lock);
}

static void
set_up (void)
{
  static gsize is_installed = 0;

  if (g_once_init_enter (&is_installed)) {
    gst_vldm_glib_log_init ();
    g_once_init_leave (&is_installed, 1);
  }
  seen = g_string_new (NULL);
  n_seen = 0;
  gst_debug_remove_log_function (gst_debug_log_default);
  gst_debug_add_log_function (record, NULL, NULL);
}

static void
tear_down (void)
{
  gst_debug_remove_log_function (record);
  gst_debug_unset_threshold_for_name ("vldm*");
  g_string_free (seen, TRUE);
}

static void
log_all (void)
{
  g_log ("vldm-opencl", G_LOG_LEVEL_DEBUG, "device %d", 1);
  g_log ("vldm-opencl-queue", G_LOG_LEVEL_DEBUG, "batch %d", 2);
  g_log ("vldm", G_LOG_LEVEL_DEBUG, "window %d", 3);
  g_log ("vldm", G_LOG_LEVEL_INFO, "model %d", 4);
  g_log ("other", G_LOG_LEVEL_DEBUG, "not ours");
}

GST_START_TEST (levels_are_those_of_gstreamer)
{
  log_all ();
  fail_unless_equals_string (seen->str, "");
  gst_debug_set_threshold_for_name ("vldm*", GST_LEVEL_INFO);
  log_all ();
  fail_unless_equals_string (seen->str, "vldmmodel 4: model 4\n");
  g_string_truncate (seen, 0);
  gst_debug_set_threshold_for_name ("vldm*", GST_LEVEL_DEBUG);
  log_all ();
  fail_unless_equals_string (seen->str, "vldmopencl 5: device 1\n"
      "vldmmodel 5: window 3\n" "vldmmodel 4: model 4\n");
  g_string_truncate (seen, 0);
  gst_debug_set_threshold_for_name ("vldm*", GST_LEVEL_LOG);
  log_all ();
  fail_unless_equals_string (seen->str, "vldmopencl 5: device 1\n"
      "vldmopencl 6: batch 2\n"
      "vldmmodel 5: window 3\n" "vldmmodel 4: model 4\n");
}

GST_END_TEST;

static gpointer
log_from_a_thread (gpointer unused)
{
  for (guint i = 0; i < N_MESSAGES; i++)
    g_log ("vldm-opencl", G_LOG_LEVEL_DEBUG, "message %u", i);
  return NULL;
}

GST_START_TEST (threads_log_at_once)
{
  GThread *threads[N_THREADS];

  gst_debug_set_threshold_for_name ("vldm*", GST_LEVEL_DEBUG);
  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("log", log_from_a_thread, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  fail_unless_equals_int (n_seen, N_THREADS * N_MESSAGES);
}

GST_END_TEST;

static guint n_messages;

static void
count_message (const char *domain, GLogLevelFlags level, const char *message,
    gpointer unused)
{
  n_messages++;
}

/* Levels that are not for developers, such as warnings, still reach the handler of the application. */
GST_START_TEST (other_levels_stay_with_the_application)
{
  GLogFunc old = g_log_set_default_handler (count_message, NULL);

  gst_debug_set_threshold_for_name ("vldm*", GST_LEVEL_LOG);
  n_messages = 0;
  g_log ("vldm-opencl", G_LOG_LEVEL_MESSAGE, "for people");
  g_log_set_default_handler (old, NULL);
  fail_unless_equals_int (n_messages, 1);
  fail_unless_equals_string (seen->str, "");
}

GST_END_TEST;

static Suite *
gliblog_suite (void)
{
  Suite *suite = suite_create ("gliblog");
  TCase *tcase = tcase_create ("general");

  tcase_add_checked_fixture (tcase, set_up, tear_down);
  tcase_add_test (tcase, levels_are_those_of_gstreamer);
  tcase_add_test (tcase, threads_log_at_once);
  tcase_add_test (tcase, other_levels_stay_with_the_application);
  suite_add_tcase (suite, tcase);
  return suite;
}

GST_CHECK_MAIN (gliblog);
