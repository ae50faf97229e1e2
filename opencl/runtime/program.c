/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Builds kernels, once per device and options, and keeps what the driver compiled on disk.
 *
 * A cache file consists of MAGIC, the key (SHA-256 of everything that decides the result), the SHA-256 of the
 * binary, and the binary. Drivers with a cache of their own get no file unless VLDM_CACHE_DIR is set: PoCL hands out
 * a binary only after compiling every kernel of the program in a form that it then does not run. That takes about a
 * second per program, while the file saves 25 ms per program at later starts.
 */

#include "opencl/runtime/program.h"

#include "opencl/runtime/device_private.h"
#include "opencl/runtime/environment.h"

#include <glib/gstdio.h>
#include <string.h>

/* Without warnings: users have no use for them, and PoCL prints their number to standard error. */
#define BASE_OPTIONS "-cl-std=CL1.2 -w"
#define MAGIC "gst-vldm program 1\n"
#define DIGEST_BYTES 32

/* Bytes of the compiler's log, from its end, that an error message quotes. */
#define LOG_BYTES 4000

static char *
find_source (const char *name, GError ** error)
{
  const char *folder = ocl_environment (OCL_ENVIRONMENT_KERNEL_DIR);
  char *source = NULL;

  if (folder != NULL) {
    g_autofree char *file = g_strconcat (name, ".cl", NULL);
    g_autofree char *path = g_build_filename (folder, file, NULL);
    g_autoptr (GError) reason = NULL;
    if (!g_file_get_contents (path, &source, NULL, &reason))
      g_set_error (error, OCL_ERROR, OCL_ERROR_BUILD,
          "VLDM_KERNEL_DIR is set, but the kernel %s cannot be read from it: %s",
          name, reason->message);
    return source;
  }
  for (guint i = 0; i < ocl_n_kernel_sources; i++)
    if (g_str_equal (ocl_kernel_sources[i].name, name))
      return g_strdup (ocl_kernel_sources[i].source);
  g_set_error (error, OCL_ERROR, OCL_ERROR_BUILD,
      "there is no program \"%s\" among the %u in this plugin", name,
      ocl_n_kernel_sources);
  return NULL;
}

static char *
all_options (const char *options)
{
  const char *folder = ocl_environment (OCL_ENVIRONMENT_KERNEL_DIR);

  if (folder != NULL)
    return g_strdup_printf ("%s -I%s %s", BASE_OPTIONS, folder, options);
  return g_strdup_printf ("%s %s", BASE_OPTIONS, options);
}

static void
digest (const void *data, gsize bytes, guint8 out[DIGEST_BYTES])
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize n = DIGEST_BYTES;

  g_checksum_update (sum, data, bytes);
  g_checksum_get_digest (sum, out, &n);
}

/* The path of the program's binary, and its @key; NULL if programs are not to be kept. */
static char *
cache_path (OclDevice * device, const char *source, const char *options,
    guint8 key[DIGEST_BYTES])
{
  g_autofree char *folder = NULL, *text = NULL, *hex = NULL, *file = NULL;

  /* While kernels are edited, included files change without a change of the source that the key is made from. */
  if (ocl_environment (OCL_ENVIRONMENT_KERNEL_DIR) != NULL
      || (device->driver_caches
          && ocl_environment (OCL_ENVIRONMENT_CACHE_DIR) == NULL))
    return NULL;
  text = g_strjoin ("\n", MAGIC, device->identity, options, source, NULL);
  digest (text, strlen (text), key);
  hex = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  file = g_strconcat (hex, ".bin", NULL);
  folder = ocl_environment_cache_folder ();
  return g_build_filename (folder, file, NULL);
}

static cl_program
load_binary (OclDevice * device, const char *path, const char *options,
    const guint8 key[DIGEST_BYTES])
{
  const gsize head = strlen (MAGIC) + 2 * DIGEST_BYTES;
  g_autofree char *file = NULL;
  const unsigned char *binary;
  guint8 sum[DIGEST_BYTES];
  gsize bytes;
  cl_int status, binary_status = CL_SUCCESS;
  cl_program program;

  if (!g_file_get_contents (path, &file, &bytes, NULL) || bytes <= head
      || memcmp (file, MAGIC, strlen (MAGIC)) != 0
      || memcmp (file + strlen (MAGIC), key, DIGEST_BYTES) != 0)
    return NULL;
  binary = (const unsigned char *) file + head;
  bytes -= head;
  digest (binary, bytes, sum);
  if (memcmp (file + strlen (MAGIC) + DIGEST_BYTES, sum, DIGEST_BYTES) != 0)
    return NULL;
  program = clCreateProgramWithBinary (device->context, 1, &device->id, &bytes,
      &binary, &binary_status, &status);
  if (status != CL_SUCCESS)
    return NULL;
  if (binary_status == CL_SUCCESS && clBuildProgram (program, 1, &device->id,
          options, NULL, NULL) == CL_SUCCESS)
    return program;
  clReleaseProgram (program);
  return NULL;
}

/* A failure costs the next start a build and nothing else, so it is not an error. */
static void
save_binary (cl_program program, const char *path,
    const guint8 key[DIGEST_BYTES])
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree unsigned char *binary = NULL;
  guint8 sum[DIGEST_BYTES];
  gsize bytes = 0;

  if (clGetProgramInfo (program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes,
          NULL) != CL_SUCCESS || bytes == 0 || bytes > G_MAXUINT32 / 2)
    return;
  binary = g_malloc (bytes);
  if (clGetProgramInfo (program, CL_PROGRAM_BINARIES, sizeof binary, &binary,
          NULL) != CL_SUCCESS)
    return;
  digest (binary, bytes, sum);
  g_byte_array_append (file, (const guint8 *) MAGIC, strlen (MAGIC));
  g_byte_array_append (file, key, DIGEST_BYTES);
  g_byte_array_append (file, sum, DIGEST_BYTES);
  g_byte_array_append (file, binary, bytes);
  if (g_mkdir_with_parents (folder, 0700) != 0
      || !g_file_set_contents_full (path, (const char *) file->data, file->len,
          G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL))
    g_debug ("a program cannot be kept in %s", path);
}

static char *
build_log (OclDevice * device, cl_program program)
{
  gsize bytes = 0;
  g_autofree char *log = NULL;

  if (clGetProgramBuildInfo (program, device->id, CL_PROGRAM_BUILD_LOG, 0, NULL,
          &bytes) != CL_SUCCESS)
    return g_strdup ("(no log)");
  log = g_malloc0 (bytes + 1);
  if (clGetProgramBuildInfo (program, device->id, CL_PROGRAM_BUILD_LOG, bytes,
          log, NULL) != CL_SUCCESS)
    return g_strdup ("(no log)");
  g_strchomp (log);
  bytes = strlen (log);
  return g_utf8_make_valid (log + (bytes > LOG_BYTES ? bytes - LOG_BYTES : 0),
      -1);
}

static cl_program
build_source (OclDevice * device, const char *name, const char *source,
    const char *options, GError ** error)
{
  cl_int status;
  cl_program program =
      clCreateProgramWithSource (device->context, 1, &source, NULL, &status);
  g_autofree char *log = NULL;

  if (!ocl_check (status, error, "clCreateProgramWithSource of %s", name))
    return NULL;
  status = clBuildProgram (program, 1, &device->id, options, NULL, NULL);
  if (status == CL_SUCCESS)
    return program;
  log = build_log (device, program);
  g_set_error (error, OCL_ERROR, OCL_ERROR_BUILD,
      "clBuildProgram of %s with \"%s\" on %s failed: %s (%d). %s", name,
      options, device->description, ocl_status_name (status), status, log);
  clReleaseProgram (program);
  return NULL;
}

static cl_program
load_or_build (OclDevice * device, const char *name, const char *extra,
    GError ** error)
{
  g_autofree char *source = find_source (name, error);
  g_autofree char *options = NULL, *path = NULL;
  guint8 key[DIGEST_BYTES];
  gint64 started_us = g_get_monotonic_time ();
  cl_program program = NULL;

  if (source == NULL)
    return NULL;
  options = all_options (extra);
  path = cache_path (device, source, options, key);
  if (path != NULL)
    program = load_binary (device, path, options, key);
  if (program != NULL) {
    g_debug ("program %s with \"%s\": loaded in %.0f ms from %s", name, extra,
        (g_get_monotonic_time () - started_us) / 1e3, path);
    return program;
  }
  program = build_source (device, name, source, options, error);
  if (program == NULL)
    return NULL;
  g_debug ("program %s with \"%s\": built in %.0f ms%s", name, extra,
      (g_get_monotonic_time () - started_us) / 1e3,
      device->driver_caches ? ", or taken from the driver's cache" : "");
  if (path != NULL)
    save_binary (program, path, key);
  return program;
}

cl_program
ocl_program_get (OclDevice * device, const char *name, const char *options,
    GError ** error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&device->programs_lock);
  g_autofree char *key = NULL;
  cl_program program;

  if (options == NULL)
    options = "";
  key = g_strdup_printf ("%s %s", name, options);
  program = g_hash_table_lookup (device->programs, key);
  if (program == NULL) {
    program = load_or_build (device, name, options, error);
    if (program != NULL)
      g_hash_table_insert (device->programs, g_steal_pointer (&key), program);
  }
  return program;
}

guint
ocl_program_count (OclDevice * device)
{
  guint n;

  g_mutex_lock (&device->programs_lock);
  n = g_hash_table_size (device->programs);
  g_mutex_unlock (&device->programs_lock);
  return n;
}
