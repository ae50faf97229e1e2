/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Looks before PoCL does, and where PoCL would not look.
 */

#include "opencl/runtime/driver.h"

#include "opencl/runtime/private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CACHE_VARIABLE "POCL_CACHE_DIR"
/* The kernels of the default model take 2 MB; PoCL ends the process where the disk is full. */
#define LEAST_FREE_MB 8

/* Is it installed? */

static gboolean
file_names_pocl (const char *path)
{
  g_autofree char *text = NULL;

  return g_str_has_suffix (path, ".icd")
      && g_file_get_contents (path, &text, NULL, NULL)
      && strstr (text, "pocl") != NULL;
}

/* The ICD loaders look in one folder, or in what these variables say. */
static gboolean
is_installed (void)
{
  const char *vendors = g_getenv ("OCL_ICD_VENDORS");
  const char *files = g_getenv ("OCL_ICD_FILENAMES");
  g_autoptr (GDir) folder = NULL;
  gboolean found = FALSE;
  const char *name;

  if (vendors == NULL || *vendors == '\0')
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

/* A folder for compiled kernels */

/* Whether a file in @folder can be written, and mapped as programs are, which "noexec" forbids; errno says why not. */
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

/* NULL where @folder, made if need be, can have kernels written to it and loaded from it; else why not. */
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

/* What PoCL takes by itself. NULL = a folder in /tmp that is nobody's: whoever made it could have other users execute code. */
static char *
default_folder (void)
{
  const char *cache = g_getenv ("XDG_CACHE_HOME"), *home = g_getenv ("HOME");

  if (cache != NULL && *cache != '\0')
    return g_build_filename (cache, "pocl", "kcache", NULL);
  return home == NULL ? NULL
      : g_build_filename (home, ".cache", "pocl", "kcache", NULL);
}

/* Whether nobody but root and this user can put another folder in the place of one in @folder. */
static gboolean
keeps_entries (const char *folder)
{
  struct stat info;

  return stat (folder, &info) == 0
      && (info.st_uid == 0 || info.st_uid == geteuid ())
      && ((info.st_mode & 0022) == 0 || (info.st_mode & S_ISVTX) != 0);
}

/* This user's own folder in @parent, which others may write to; NULL where it cannot be had or is somebody else's. */
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

/* Where kernels may go instead, the best place first. */
static GPtrArray *
other_folders (void)
{
  const char *const parents[] = { g_getenv ("XDG_RUNTIME_DIR"),
    g_get_tmp_dir ()
  };
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *cache = ocl_cache_folder ();

  g_ptr_array_add (list, g_build_filename (cache, "pocl", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (parents); i++) {
    char *folder = own_folder (parents[i]);
    if (folder != NULL)
      g_ptr_array_add (list, folder);
  }
  return list;
}

static void
choose_folder (void)
{
  g_autofree char *folder = default_folder ();
  g_autofree char *fault = folder != NULL ? find_fault (folder) : NULL;
  g_autoptr (GPtrArray) others = NULL;

  if (folder != NULL && fault == NULL)
    return;
  others = other_folders ();
  for (guint i = 0; i < others->len; i++) {
    g_autofree char *reason = find_fault (others->pdata[i]);
    if (reason == NULL) {
      g_info ("PoCL's kernels go to %s, because %s cannot be used (%s)",
          (char *) others->pdata[i], folder != NULL ? folder : "/tmp/pocl",
          fault != NULL ? fault : "anybody may own it");
      g_setenv (CACHE_VARIABLE, others->pdata[i], TRUE);
      return;
    }
  }
}

/* Processors and memory */

/* "node0", but not "node" or "nodes". */
static gboolean
has_numbered_entry (const char *path, const char *prefix)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    if (g_str_has_prefix (name, prefix)
        && g_ascii_isdigit (name[strlen (prefix)]))
      return TRUE;
  return FALSE;
}

/* hwloc 2.9 knows no memory without the first folder's entries, at which PoCL aborts, and aborts where the second one is
 * there without any. */
static gboolean
system_is_described (void)
{
  const char *nodes = "/sys/devices/system/node";

  return has_numbered_entry ("/sys/devices/system/cpu", "cpu")
      && (!g_file_test (nodes, G_FILE_TEST_EXISTS)
      || has_numbered_entry (nodes, "node"));
}

/* Tells hwloc what the C library knows without /sys. */
static void
describe_system (void)
{
  static const char *const variables[] = { "HWLOC_SYNTHETIC", "HWLOC_XMLFILE",
    "HWLOC_FSROOT", "HWLOC_COMPONENTS"
  };
  g_autofree char *text = NULL;
  glong pages = sysconf (_SC_PHYS_PAGES), page = sysconf (_SC_PAGESIZE);

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    if (g_getenv (variables[i]) != NULL)
      return;
  text = g_strdup_printf ("numa:1(memory=%" G_GUINT64_FORMAT ") core:%u pu:1",
      (guint64) MAX (pages, 0) * MAX (page, 0), g_get_num_processors ());
  g_info ("/sys does not describe the system; hwloc is told \"%s\"", text);
  g_setenv ("HWLOC_SYNTHETIC", text, TRUE);
}

void
ocl_driver_prepare (void)
{
  if (!is_installed ())
    return;
  if (g_getenv (CACHE_VARIABLE) == NULL)
    choose_folder ();
  if (!system_is_described ())
    describe_system ();
}

char *
ocl_driver_find_obstacle (void)
{
  const char *chosen = g_getenv (CACHE_VARIABLE);
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
      fault, chosen != NULL ? "Give the variable another folder, or unset it"
      : "Set the environment variable VLDM_CACHE_DIR to a folder that can be "
      "written");
}
