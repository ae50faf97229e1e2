/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Finds devices, opens them, and shares open devices within the process.
 */

#include "opencl/runtime/device_private.h"
#include "opencl/runtime/driver.h"
#include "opencl/runtime/environment.h"

#include <string.h>

#define VENDOR_POCL "Portable Computing Language"
#define VENDOR_INTEL "Intel"

/* A device that the ICD loader knows, usable or not. */
typedef struct
{
  cl_platform_id platform;
  cl_device_id id;
  cl_device_type type;
  char *platform_name, *name;
  gboolean usable;              /* has a compiler and is switched on */
  gdouble rank;                 /* among devices of its type */
} Candidate;

/* Devices in use. The table holds no references: an entry goes with the last one. */
static GMutex table_lock;
static GList *table;

static void
candidate_free (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->platform_name);
  g_free (candidate->name);
  g_free (candidate);
}

static char *
device_string (cl_device_id id, cl_device_info what)
{
  gsize size = 0;
  g_autofree char *text = NULL;

  if (clGetDeviceInfo (id, what, 0, NULL, &size) != CL_SUCCESS || size == 0)
    return g_strdup ("unknown");
  text = g_malloc0 (size + 1);
  if (clGetDeviceInfo (id, what, size, text, NULL) != CL_SUCCESS)
    return g_strdup ("unknown");
  return g_strdup (g_strstrip (text));
}

static char *
platform_string (cl_platform_id id, cl_platform_info what)
{
  gsize size = 0;
  g_autofree char *text = NULL;

  if (clGetPlatformInfo (id, what, 0, NULL, &size) != CL_SUCCESS || size == 0)
    return g_strdup ("unknown");
  text = g_malloc0 (size + 1);
  if (clGetPlatformInfo (id, what, size, text, NULL) != CL_SUCCESS)
    return g_strdup ("unknown");
  return g_strdup (g_strstrip (text));
}

static gboolean
is_pocl (const Candidate * candidate)
{
  return strstr (candidate->platform_name, VENDOR_POCL) != NULL;
}

/* PoCL before 6.0 (its commit "fix dlhandle cache") counts the uses of a compiled kernel in the wrong entry of its
 * table when two queues run the kernel in different shapes at once, and then aborts the process or unloads code that
 * runs. */
static gboolean
confuses_queues (const Candidate * candidate, const char *driver)
{
  return (candidate->type & CL_DEVICE_TYPE_CPU) != 0
      && is_pocl (candidate) && g_ascii_strtoull (driver, NULL, 10) < 6;
}

/* The value of @what; 0 if the driver does not give one. */
static guint64
device_number (cl_device_id id, cl_device_info what)
{
  union
  {
    cl_uint narrow;
    cl_ulong wide;
  } value = {.wide = 0 };
  gsize size = 0;

  if (clGetDeviceInfo (id, what, sizeof value, &value, &size) != CL_SUCCESS)
    return 0;
  return size == sizeof value.narrow ? value.narrow : value.wide;
}

static Candidate *
candidate_new (cl_platform_id platform, cl_device_id id)
{
  Candidate *candidate = g_new0 (Candidate, 1);

  candidate->platform = platform;
  candidate->id = id;
  candidate->platform_name = platform_string (platform, CL_PLATFORM_NAME);
  candidate->name = device_string (id, CL_DEVICE_NAME);
  candidate->type = device_number (id, CL_DEVICE_TYPE);
  candidate->usable = device_number (id, CL_DEVICE_AVAILABLE)
      && device_number (id, CL_DEVICE_COMPILER_AVAILABLE)
      && device_number (id, CL_DEVICE_ENDIAN_LITTLE);
  candidate->rank = (gdouble) device_number (id, CL_DEVICE_MAX_COMPUTE_UNITS)
      * device_number (id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
  /* A card with memory of its own goes before one that shares the host's, whatever the number of its units. */
  if (!device_number (id, CL_DEVICE_HOST_UNIFIED_MEMORY))
    candidate->rank += 1e9;
  return candidate;
}

static void
set_no_device (GError ** error, const cl_platform_id * platforms,
    cl_uint n_platforms, cl_int status)
{
  g_autofree char *obstacle = ocl_driver_find_obstacle ();
  g_autoptr (GString) names = g_string_new (NULL);

  for (cl_uint p = 0; p < n_platforms; p++) {
    g_autofree char *name = platform_string (platforms[p], CL_PLATFORM_NAME);
    g_string_append_printf (names, "%s%s", p > 0 ? ", " : "", name);
  }
  if (obstacle != NULL)
    g_set_error (error, OCL_ERROR, OCL_ERROR_NO_DEVICE, "no OpenCL device: %s",
        obstacle);
  else if (n_platforms > 0)
    g_set_error (error, OCL_ERROR, OCL_ERROR_NO_DEVICE, "no OpenCL device: "
        "the installed drivers (%s) find none that this user may use",
        names->str);
  else
    g_set_error (error, OCL_ERROR, OCL_ERROR_NO_DEVICE, "no OpenCL device: "
        "no driver is installed (%s). Install the graphics card's driver or, to "
        "compute on the processor, PoCL (Debian's package pocl-opencl-icd)",
        ocl_status_name (status));
}

/* All devices in the order of `clinfo -l`. */
static GPtrArray *
list_candidates (GError ** error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (candidate_free);
  cl_platform_id platforms[32];
  cl_uint n_platforms = 0;
  cl_int status;

  ocl_driver_prepare ();
  status = clGetPlatformIDs (G_N_ELEMENTS (platforms), platforms, &n_platforms);
  n_platforms = MIN (n_platforms, G_N_ELEMENTS (platforms));
  for (cl_uint p = 0; status == CL_SUCCESS && p < n_platforms; p++) {
    cl_device_id ids[64];
    cl_uint n_ids = 0;
    if (clGetDeviceIDs (platforms[p], CL_DEVICE_TYPE_ALL, G_N_ELEMENTS (ids),
            ids, &n_ids) != CL_SUCCESS)
      continue;
    for (cl_uint d = 0; d < MIN (n_ids, G_N_ELEMENTS (ids)); d++)
      g_ptr_array_add (list, candidate_new (platforms[p], ids[d]));
  }
  if (list->len > 0)
    return g_steal_pointer (&list);
  set_no_device (error, platforms, n_platforms, status);
  return NULL;
}

static gboolean
contains (const char *text, const char *part)
{
  g_autofree char *a = g_ascii_strdown (text, -1);
  g_autofree char *b = g_ascii_strdown (part, -1);

  return strstr (a, b) != NULL;
}

static Candidate *
best_of_type (GPtrArray * list, cl_device_type type)
{
  Candidate *best = NULL;

  for (guint i = 0; i < list->len; i++) {
    Candidate *candidate = list->pdata[i];
    if (candidate->usable && (candidate->type & type) != 0
        && (best == NULL || candidate->rank > best->rank))
      best = candidate;
  }
  return best;
}

/* NULL if nothing matches @selector; "" matches any device. */
static Candidate *
select_candidate (GPtrArray * list, const char *selector)
{
  guint64 index;

  if (*selector == '\0') {
    Candidate *best = best_of_type (list, CL_DEVICE_TYPE_GPU);
    if (best == NULL)
      best = best_of_type (list, CL_DEVICE_TYPE_CPU);
    return best != NULL ? best : best_of_type (list, CL_DEVICE_TYPE_ALL);
  }
  if (g_ascii_string_to_unsigned (selector, 10, 0, G_MAXUINT, &index, NULL))
    return index < list->len ? list->pdata[index] : NULL;
  for (guint i = 0; i < list->len; i++) {
    Candidate *candidate = list->pdata[i];
    if (contains (candidate->platform_name, selector)
        || contains (candidate->name, selector))
      return candidate;
  }
  return NULL;
}

/* Without a cache folder, PoCL fails only when it compiles, and then gives no reason or ends the process. */
static gboolean
has_obstacle (const Candidate * candidate, GError ** error)
{
  g_autofree char *obstacle = NULL;

  if (is_pocl (candidate))
    obstacle = ocl_driver_find_obstacle ();
  if (obstacle != NULL)
    g_set_error (error, OCL_ERROR, OCL_ERROR_NO_DEVICE,
        "the OpenCL device %s cannot be used: %s", candidate->name, obstacle);
  return obstacle != NULL;
}

static void
set_no_match (GError ** error, GPtrArray * list, const char *selector)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++) {
    Candidate *candidate = list->pdata[i];
    g_string_append_printf (text, "%s%u = %s: %s%s", i > 0 ? "; " : "", i,
        candidate->platform_name, candidate->name,
        candidate->usable ? "" : " (unavailable or without a compiler)");
  }
  g_set_error (error, OCL_ERROR, OCL_ERROR_NO_DEVICE,
      "no usable OpenCL device \"%s\"; there are %s. Choose one by its number "
      "or by part of its name", selector, text->str);
}

static gboolean
resolve_form (OclForm * form, gboolean is_cpu, GError ** error)
{
  const char *wish = ocl_environment (OCL_ENVIRONMENT_KERNEL_FORM);

  if (*form != OCL_FORM_AUTO)
    return TRUE;
  *form = is_cpu ? OCL_FORM_VECTOR : OCL_FORM_TILE;
  if (wish == NULL)
    return TRUE;
  if (g_str_equal (wish, "vector"))
    *form = OCL_FORM_VECTOR;
  else if (g_str_equal (wish, "tile"))
    *form = OCL_FORM_TILE;
  else {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "VLDM_KERNEL_FORM is \"%s\": it must be vector or tile", wish);
    return FALSE;
  }
  return TRUE;
}

static void
read_caps (OclDevice * device, const Candidate * candidate)
{
  cl_device_id id = device->id;
  g_autofree char *driver = device_string (id, CL_DRIVER_VERSION);
  g_autofree char *version =
      platform_string (candidate->platform, CL_PLATFORM_VERSION);

  device->caps.form = device->form;
  device->caps.is_cpu = (candidate->type & CL_DEVICE_TYPE_CPU) != 0;
  device->caps.unified_memory =
      device_number (id, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
  device->caps.compute_units = device_number (id, CL_DEVICE_MAX_COMPUTE_UNITS);
  device->caps.global_memory = device_number (id, CL_DEVICE_GLOBAL_MEM_SIZE);
  device->caps.max_allocation =
      device_number (id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  device->caps.local_memory = device_number (id, CL_DEVICE_LOCAL_MEM_SIZE);
  device->caps.max_work_group =
      device_number (id, CL_DEVICE_MAX_WORK_GROUP_SIZE);

  device->description = g_strdup_printf ("%s: %s (%s)",
      candidate->platform_name, candidate->name, driver);
  device->identity = g_strdup_printf ("%s\n%s\n%s\n%s",
      candidate->platform_name, version, candidate->name, driver);
  device->extensions = device_string (id, CL_DEVICE_EXTENSIONS);
  device->driver_caches = is_pocl (candidate);
  device->waiters_compute = device->caps.is_cpu
      && strstr (candidate->platform_name, VENDOR_INTEL) != NULL;
  device->one_queue_at_a_time = confuses_queues (candidate, driver);
  /* 16 operations per nanosecond and unit: less than most CPU cores and GPU units do. Kernels are timed soon. */
  device->guessed_rate = MAX (1, device->caps.compute_units) * 16.0;
}

/* Applies VLDM_MEMORY: less memory than the device has, in bytes, or with K, M or G. */
static gboolean
limit_memory (OclDevice * device, GError ** error)
{
  static const struct
  {
    const char *suffix;
    guint shift;
  } units[] = { {"", 0}, {"K", 10}, {"M", 20}, {"G", 30} };
  const char *text = ocl_environment (OCL_ENVIRONMENT_MEMORY);
  OclCaps *caps = &device->caps;
  char *end;
  guint64 n;

  if (text == NULL)
    return TRUE;
  n = g_ascii_strtoull (text, &end, 10);
  for (guint i = 0; g_ascii_isdigit (*text) && i < G_N_ELEMENTS (units); i++) {
    if (!g_str_equal (end, units[i].suffix) || n > G_MAXUINT64 >> 30)
      continue;
    n <<= units[i].shift;
    if (n == 0)
      break;
    caps->global_memory =
        caps->global_memory == 0 ? n : MIN (n, caps->global_memory);
    caps->max_allocation =
        caps->max_allocation == 0 ? n : MIN (n, caps->max_allocation);
    return TRUE;
  }
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL, "VLDM_MEMORY is \"%s\", but "
      "must be a number of bytes, such as 800000000, 800M or 2G", text);
  return FALSE;
}

static void
release_program_entry (gpointer program)
{
  clReleaseProgram (program);
}

static void
device_free (OclDevice * device)
{
  g_clear_pointer (&device->programs, g_hash_table_unref);
  g_free (device->matrix);
  if (device->context != NULL)
    clReleaseContext (device->context);
  g_mutex_clear (&device->programs_lock);
  g_mutex_clear (&device->bytes_lock);
  g_free (device->description);
  g_free (device->identity);
  g_free (device->extensions);
  g_free (device);
}

static OclDevice *
device_new (const Candidate * candidate, OclForm form, GError ** error)
{
  OclDevice *device = g_new0 (OclDevice, 1);
  const cl_context_properties properties[] = {
    CL_CONTEXT_PLATFORM, (cl_context_properties) candidate->platform, 0
  };
  cl_int status;

  device->refs = 1;
  device->id = candidate->id;
  device->form = form;
  g_mutex_init (&device->programs_lock);
  g_mutex_init (&device->bytes_lock);
  device->programs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      release_program_entry);
  read_caps (device, candidate);
  if (!limit_memory (device, error)) {
    device_free (device);
    return NULL;
  }
  device->context =
      clCreateContext (properties, 1, &device->id, NULL, NULL, &status);
  if (ocl_check (status, error, "clCreateContext for %s", device->description))
    return device;
  device_free (device);
  return NULL;
}

static void
log_opened (const OclDevice * device, const char *selector, guint n_devices)
{
  const OclCaps *caps = &device->caps;

  if (*selector == '\0')
    g_debug ("device %s: opened as the best of %u", device->description,
        n_devices);
  else
    g_debug ("device %s: opened as \"%s\", out of %u", device->description,
        selector, n_devices);
  g_debug ("device %s: kernels in the form \"%s\", %s, %u compute units, %"
      G_GUINT64_FORMAT " MB of memory%s, at most %" G_GUINT64_FORMAT " MB per "
      "buffer, %" G_GUINT64_FORMAT " kB of local memory, work-groups up to %"
      G_GSIZE_FORMAT "%s", device->description,
      device->form == OCL_FORM_VECTOR ? "vector" : "tile",
      caps->is_cpu ? "CPU" : "not a CPU", caps->compute_units,
      caps->global_memory >> 20, caps->unified_memory ? " shared with the host"
      : "", caps->max_allocation >> 20, caps->local_memory >> 10,
      caps->max_work_group, device->one_queue_at_a_time ? "; its queues take "
      "turns" : "");
}

OclDevice *
ocl_device_open (const char *selector, OclForm form, GError ** error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&table_lock);
  g_autoptr (GPtrArray) list = list_candidates (error);
  Candidate *candidate;
  OclDevice *device;

  if (list == NULL)
    return NULL;
  if (selector == NULL || *selector == '\0')
    selector = ocl_environment (OCL_ENVIRONMENT_DEVICE);
  if (selector == NULL)
    selector = "";
  candidate = select_candidate (list, selector);
  if (candidate == NULL || !candidate->usable) {
    set_no_match (error, list, selector);
    return NULL;
  }
  if (!resolve_form (&form, (candidate->type & CL_DEVICE_TYPE_CPU) != 0, error))
    return NULL;

  for (GList * item = table; item != NULL; item = item->next) {
    device = item->data;
    if (device->id == candidate->id && device->form == form) {
      device->refs++;
      g_debug ("device %s: shared, %u references", device->description,
          device->refs);
      return device;
    }
  }
  if (has_obstacle (candidate, error))
    return NULL;
  device = device_new (candidate, form, error);
  if (device == NULL)
    return NULL;
  table = g_list_prepend (table, device);
  log_opened (device, selector, list->len);
  return device;
}

OclDevice *
ocl_device_ref (OclDevice * device)
{
  g_mutex_lock (&table_lock);
  device->refs++;
  g_mutex_unlock (&table_lock);
  return device;
}

void
ocl_device_unref (OclDevice * device)
{
  gboolean last;

  if (device == NULL)
    return;
  g_mutex_lock (&table_lock);
  last = --device->refs == 0;
  if (last)
    table = g_list_remove (table, device);
  g_mutex_unlock (&table_lock);
  if (!last)
    return;
  g_debug ("device %s: closed; at most %" G_GUINT64_FORMAT " MB were in use",
      device->description, device->bytes_peak >> 20);
  device_free (device);
}

const OclCaps *
ocl_device_caps (OclDevice * device)
{
  return &device->caps;
}

const char *
ocl_device_description (OclDevice * device)
{
  return device->description;
}

gboolean
ocl_device_reserve (OclDevice * device, gsize bytes, GError ** error)
{
  guint64 total = device->caps.global_memory;
  gboolean fits;

  g_mutex_lock (&device->bytes_lock);
  fits = total == 0 || (device->bytes <= total
      && bytes <= total - device->bytes);
  if (fits) {
    device->bytes += bytes;
    device->bytes_peak = MAX (device->bytes_peak, device->bytes);
  } else {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "%" G_GSIZE_FORMAT " bytes wanted, but of the %" G_GUINT64_FORMAT
        " bytes of %s %" G_GUINT64_FORMAT " are in use", bytes, total,
        device->description, device->bytes);
  }
  g_mutex_unlock (&device->bytes_lock);
  if (!fits)
    g_debug ("device %s: %" G_GSIZE_FORMAT " bytes do not fit",
        device->description, bytes);
  return fits;
}

void
ocl_device_unreserve (OclDevice * device, gsize bytes)
{
  g_mutex_lock (&device->bytes_lock);
  device->bytes -= bytes;
  g_mutex_unlock (&device->bytes_lock);
}

guint64
ocl_device_bytes_allocated (OclDevice * device)
{
  guint64 bytes;

  g_mutex_lock (&device->bytes_lock);
  bytes = device->bytes;
  g_mutex_unlock (&device->bytes_lock);
  return bytes;
}

guint64
ocl_device_bytes_peak (OclDevice * device)
{
  guint64 bytes;

  g_mutex_lock (&device->bytes_lock);
  bytes = device->bytes_peak;
  g_mutex_unlock (&device->bytes_lock);
  return bytes;
}

cl_context
ocl_device_context (OclDevice * device)
{
  return device->context;
}

cl_device_id
ocl_device_id (OclDevice * device)
{
  return device->id;
}
