/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Checks the surroundings of PoCL before PoCL does, and checks some that PoCL does not.
 */

#include "opencl/runtime/driver.h"

#include "opencl/runtime/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHE_VARIABLE "POCL_CACHE_DIR"
/* The kernels of the default model take 2 MB, and PoCL ends the process when the disk is full. */
#define LEAST_FREE_MB 8

/* ---- is PoCL installed? ---- */

static gboolean
file_names_pocl (const char *path)
{
  g_autofree char *text = NULL;

  return g_str_has_suffix (path, ".icd")
      && g_file_get_contents (path, &text, NULL, NULL)
      && strstr (text, "pocl") != NULL;
}

/* The ICD loaders look into one folder, or at the places that these variables name. */
static gboolean
is_installed (void)
{
  const char *vendors = ocl_environment_foreign ("OCL_ICD_VENDORS");
  const char *files = ocl_environment_foreign ("OCL_ICD_FILENAMES");
  g_autoptr (GDir) folder = NULL;
  gboolean found = FALSE;
  const char *name;

  if (vendors == NULL)
    vendors = "/etc/OpenCL/vendors";
  if (file_names_pocl (vendors)
      || (files != NULL && strstr (files, "pocl") != NULL))
    return TRUE;
  folder = g_dir_open (vendors, 0, NULL);
  while (!found && folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *path = g_build_filename (vendors, name, NULL);
    found = file_names_pocl (path);
  }
  return found;
}

/* ---- a folder for compiled kernels ---- */

/* TRUE if a file in @folder can be written and mapped as code, which "noexec" forbids. If not, errno says why. */
static gboolean
holds_programs (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, ".vldm-XXXXXX", NULL);
  int file = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);
  gpointer memory = MAP_FAILED;
  int reason;

  if (file < 0)
    return FALSE;
  if (write (file, "", 1) == 1)
    memory = mmap (NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
  reason = errno;
  if (memory != MAP_FAILED)
    munmap (memory, 1);
  close (file);
  g_unlink (path);
  errno = reason;
  return memory != MAP_FAILED;
}

/* NULL if kernels can be written to @folder, which is created if need be, and loaded from it; else the reason. */
static char *
find_fault (const char *folder)
{
  struct statvfs disk;

  if (g_mkdir_with_parents (folder, 0700) != 0 || !holds_programs (folder))
    return g_strdup (g_strerror (errno));
  if (statvfs (folder, &disk) == 0
      && (guint64) disk.f_bavail * disk.f_frsize < LEAST_FREE_MB << 20)
    return g_strdup_printf ("less than %d MB are free", LEAST_FREE_MB);
  return NULL;
}

/* The folder that PoCL takes by itself. NULL = a folder in /tmp that anybody may have created, and with it other
 * users' code. */
static char *
default_folder (void)
{
  const char *cache = ocl_environment_foreign ("XDG_CACHE_HOME");
  const char *home = ocl_environment_foreign ("HOME");

  if (cache != NULL)
    return g_build_filename (cache, "pocl", "kcache", NULL);
  return home == NULL ? NULL
      : g_build_filename (home, ".cache", "pocl", "kcache", NULL);
}

/* TRUE if only root and this user can replace a folder in @folder by another. */
static gboolean
keeps_entries (const char *folder)
{
  struct stat info;

  return stat (folder, &info) == 0
      && (info.st_uid == 0 || info.st_uid == geteuid ())
      && ((info.st_mode & 0022) == 0 || (info.st_mode & S_ISVTX) != 0);
}

/* A folder of this user's own in @parent, which others may write to; NULL if it cannot be created or is somebody
 * else's. */
static char *
own_folder (const char *parent)
{
  g_autofree char *name = g_strdup_printf ("gst-vldm-%u", (guint) geteuid ());
  g_autofree char *path = NULL;
  struct stat info;

  if (parent == NULL || !g_path_is_absolute (parent)
      || !keeps_entries (parent))
    return NULL;
  path = g_build_filename (parent, name, NULL);
  if (g_mkdir (path, 0700) != 0 && errno != EEXIST)
    return NULL;
  if (lstat (path, &info) != 0 || !S_ISDIR (info.st_mode)
      || info.st_uid != geteuid () || (info.st_mode & 0077) != 0)
    return NULL;
  return g_steal_pointer (&path);
}

/* Where kernels may go instead, the best place first; NULL where there is no such place. */
#define N_OTHER_FOLDERS 3
static char *
other_folder (guint i)
{
  g_autofree char *cache = NULL;

  if (i > 0)
    return own_folder (i == 1 ? ocl_environment_foreign ("XDG_RUNTIME_DIR")
        : g_get_tmp_dir ());
  cache = ocl_environment_cache_folder ();
  return g_build_filename (cache, "pocl", NULL);
}

static void
choose_folder (void)
{
  g_autofree char *folder = default_folder ();
  g_autofree char *fault = folder != NULL ? find_fault (folder) : NULL;

  if (folder != NULL && fault == NULL)
    return;
  for (guint i = 0; i < N_OTHER_FOLDERS; i++) {
    g_autofree char *other = other_folder (i);
    g_autofree char *reason = other != NULL ? find_fault (other) : NULL;
    if (other == NULL || reason != NULL)
      continue;
    g_info ("PoCL's kernels go to %s, because %s cannot be used (%s)", other,
        folder != NULL ? folder : "/tmp/pocl",
        fault != NULL ? fault : "anybody may own it");
    g_setenv (CACHE_VARIABLE, other, TRUE);
    return;
  }
}

/* ---- processors and memory ---- */

/* Whether @path has a folder such as "node0", but not "node" or "nodes", and @below in it. */
static gboolean
has_numbered_folder (const char *path, const char *prefix, const char *below)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  gboolean found = FALSE;
  const char *name;

  while (!found && folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *entry = g_build_filename (path, name, below, NULL);
    found = g_str_has_prefix (name, prefix)
        && g_ascii_isdigit (name[strlen (prefix)])
        && g_file_test (entry, G_FILE_TEST_EXISTS);
  }
  return found;
}

/* Without entries in the first folder, hwloc 2.9 finds no memory, and PoCL aborts; hwloc itself aborts if the second
 * folder exists without entries. */
static gboolean
system_is_described (void)
{
  const char *nodes = "/sys/devices/system/node";

  return has_numbered_folder ("/sys/devices/system/cpu", "cpu",
      "topology/core_siblings")
      && (!g_file_test (nodes, G_FILE_TEST_EXISTS)
      || has_numbered_folder (nodes, "node", NULL));
}

/* Tells hwloc what the C library knows without /sys, unless the user has told it something. */
static void
describe_system (void)
{
  static const char *const variables[] = { "HWLOC_SYNTHETIC", "HWLOC_XMLFILE",
    "HWLOC_FSROOT", "HWLOC_COMPONENTS"
  };
  g_autofree char *text = NULL;
  glong pages = sysconf (_SC_PHYS_PAGES), page = sysconf (_SC_PAGESIZE);

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    if (ocl_environment_foreign (variables[i]) != NULL)
      return;
  text = g_strdup_printf ("numa:1(memory=%" G_GUINT64_FORMAT ") core:%u pu:1",
      (guint64) MAX (pages, 0) * MAX (page, 0), g_get_num_processors ());
  g_debug ("/sys does not describe the system; hwloc is told \"%s\"", text);
  g_setenv ("HWLOC_SYNTHETIC", text, TRUE);
}

void
ocl_driver_prepare (void)
{
  if (!is_installed ())
    return;
  if (ocl_environment_foreign (CACHE_VARIABLE) == NULL) {
    /* An empty variable makes PoCL abort. */
    g_unsetenv (CACHE_VARIABLE);
    choose_folder ();
  }
  if (!system_is_described ())
    describe_system ();
}

char *
ocl_driver_find_obstacle (void)
{
  const char *chosen = ocl_environment_foreign (CACHE_VARIABLE);
  g_autofree char *standard = default_folder ();
  const char *folder = chosen != NULL ? chosen : standard;
  g_autofree char *fault = NULL;

  if (!is_installed ())
    return NULL;
  fault = folder != NULL ? find_fault (folder)
      : g_strdup ("HOME is not set, and there is no other place");
  if (fault == NULL)
    return NULL;
  return g_strdup_printf ("PoCL needs a cache folder for compiled kernels, but "
      "cannot use %s%s: %s. %s", folder != NULL ? folder : "/tmp/pocl",
      chosen != NULL ? " (environment variable " CACHE_VARIABLE ")" : "",
      fault, chosen != NULL ? "Set the variable to another folder, or unset it"
      : "Set the environment variable VLDM_CACHE_DIR to a writable folder");
}
