/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One fault of each kind that a sanitizer is there for, as "faults KIND" asks: check_faults.sh looks for the reports. They
 * are made the way the code under test would make them, with GLib's memory, threads and locks.
 */
#include <glib.h>
#include <string.h>

static void
overflow (void)
{
  g_autofree char *bytes = g_new0 (char, 100);
  volatile gsize n = 101;

  memset (bytes, 1, n);
}

static void
leak (void)
{
  char *volatile lost = g_strdup ("nobody frees this");

  lost = NULL;
  (void) lost;
}

static void
undefined (void)
{
  volatile gint most = G_MAXINT;

  most = most + 1;
}

static GMutex lock;
static gint guarded, bare;

static gpointer
count (gpointer unused)
{
  for (gint i = 0; i < 1000; i++) {
    bare++;
    g_mutex_lock (&lock);
    guarded++;
    g_mutex_unlock (&lock);
  }
  return NULL;
}

/* The number without a lock is the fault, and the other one shows that GLib's locks are known. */
static void
race (void)
{
  GThread *thread = g_thread_new ("other", count, NULL);

  count (NULL);
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *kind;
    void (*make) (void);
  } faults[] = {
    {"overflow", overflow}, {"leak", leak}, {"undefined", undefined},
    {"race", race},
  };

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    if (argc == 2 && strcmp (argv[1], faults[i].kind) == 0)
      faults[i].make ();
  }
  return 0;
}
