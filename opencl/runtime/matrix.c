/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tries the matrix unit that a device may have, by kernels/matrix_probe.cl.
 */

#include "opencl/runtime/matrix.h"

#include "opencl/runtime/device_private.h"
#include "opencl/runtime/environment.h"
#include "opencl/runtime/queue.h"

#include <CL/cl_ext.h>

#define MAX_ROWS 16

typedef struct
{
  const char *name;
  OclMatrix matrix;
} Known;

static const Known known[] = {
  {"ptx", {OCL_MATRIX_PTX, 32, 16, 16, FALSE}},
  {"dpas8", {OCL_MATRIX_DPAS, 8, 8, 8, FALSE}},
  {"dpas16", {OCL_MATRIX_DPAS, 16, 8, 16, FALSE}},
  {"wmma", {OCL_MATRIX_WMMA, 32, 16, 16, FALSE}},
  {"mfma", {OCL_MATRIX_MFMA, 64, 16, 16, FALSE}},
};

/* 0 if the driver does not know the question. */
static guint
device_uint (OclDevice * device, cl_device_info what)
{
  cl_uint value = 0;

  return clGetDeviceInfo (device->id, what, sizeof value, &value,
      NULL) == CL_SUCCESS ? value : 0;
}

static gboolean
has_extension (OclDevice * device, const char *name)
{
  g_auto (GStrv) names = g_strsplit (device->extensions, " ", -1);

  return g_strv_contains ((const char *const *) names, name);
}

/* Intel's instruction exists for the smallest of the device's sub-groups. */
static guint
smallest_sub_group (OclDevice * device)
{
  gsize sizes[16] = { 0 }, bytes = 0;
  guint smallest = 0;

  if (clGetDeviceInfo (device->id, CL_DEVICE_SUB_GROUP_SIZES_INTEL,
          sizeof sizes, sizes, &bytes) != CL_SUCCESS)
    return 0;
  for (gsize i = 0; i < bytes / sizeof sizes[0]; i++)
    if (smallest == 0 || sizes[i] < smallest)
      smallest = sizes[i];
  return smallest;
}

/* TRUE if the driver says what devices with this unit say. */
static gboolean
may_have (OclDevice * device, const OclMatrix * matrix)
{
  switch (matrix->kind) {
    case OCL_MATRIX_PTX:
      return has_extension (device, "cl_nv_device_attribute_query")
          && device_uint (device, CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV) >= 8;
    case OCL_MATRIX_DPAS:
      return has_extension (device,
          "cl_intel_subgroup_matrix_multiply_accumulate")
          && smallest_sub_group (device) == matrix->lanes;
    case OCL_MATRIX_WMMA:
    case OCL_MATRIX_MFMA:
      return has_extension (device, "cl_amd_device_attribute_query")
          && has_extension (device, "cl_khr_fp16")
          && device_uint (device,
          CL_DEVICE_WAVEFRONT_WIDTH_AMD) == matrix->lanes;
    default:
      return FALSE;
  }
}

/* Small integers, whose sums fp32 holds exactly. */
static gint
row_value (guint row, guint depth)
{
  return (gint) ((7 * row + 3 * depth) % 9) - 4;
}

static gint
column_value (guint depth, guint column)
{
  return (gint) ((5 * depth + 2 * column) % 7) - 3;
}

static guint16
half_from_small (gint value)
{
  /* 0 to 4 as fp16. */
  static const guint16 halves[] = { 0, 0x3c00, 0x4000, 0x4200, 0x4400 };

  return halves[ABS (value)] | (value < 0 ? 0x8000 : 0);
}

static gboolean
run_probe (OclDevice * device, const OclMatrix * matrix, gfloat * product,
    GError ** error)
{
  guint16 rows[MAX_ROWS * MATRIX_DEPTH],
      columns[MATRIX_DEPTH * MATRIX_PROBE_COLUMNS];
  g_autoptr (OclBuffer) row_buffer = NULL, column_buffer = NULL, out = NULL;
  g_autoptr (OclQueue) queue = ocl_queue_new (device, error);
  g_autofree char *options =
      g_strdup_printf ("-DMATRIX=%d -DMATRIX_LANES=%u -DMATRIX_EMULATED=%d",
      matrix->kind, matrix->lanes, matrix->emulated);
  gsize bytes = matrix->rows * matrix->columns * sizeof (gfloat);
  OclCall call = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    rows[i] = half_from_small (row_value (i / MATRIX_DEPTH, i % MATRIX_DEPTH));
  for (guint i = 0; i < G_N_ELEMENTS (columns); i++)
    columns[i] =
        half_from_small (column_value (i / MATRIX_PROBE_COLUMNS,
            i % MATRIX_PROBE_COLUMNS));
  if (queue == NULL)
    return FALSE;
  row_buffer = ocl_buffer_new_from_data (device, rows, sizeof rows, error);
  if (row_buffer == NULL)
    return FALSE;
  column_buffer =
      ocl_buffer_new_from_data (device, columns, sizeof columns, error);
  if (column_buffer == NULL)
    return FALSE;
  out = ocl_buffer_new (device, bytes, error);
  if (out == NULL)
    return FALSE;
  call.program = call.kernel = "matrix_probe";
  call.options = options;
  call.global[0] = call.local[0] = matrix->lanes;
  call.work = 2.0 * matrix->rows * matrix->columns * MATRIX_DEPTH;
  ocl_call_buffer (&call, row_buffer);
  ocl_call_buffer (&call, column_buffer);
  ocl_call_buffer (&call, out);
  return ocl_queue_run (queue, &call, error)
      && ocl_queue_read (queue, out, 0, product, bytes, error);
}

static gboolean
is_right (const OclMatrix * matrix, const gfloat * product)
{
  for (guint row = 0; row < matrix->rows; row++)
    for (guint column = 0; column < matrix->columns; column++) {
      gint sum = 0;
      for (guint depth = 0; depth < MATRIX_DEPTH; depth++)
        sum += row_value (row, depth) * column_value (depth, column);
      if (product[row * matrix->columns + column] != sum)
        return FALSE;
    }
  return TRUE;
}

/* A unit that does not work is not an error: other kernels do without. */
static gboolean
try_unit (OclDevice * device, const Known * candidate, gboolean emulated)
{
  OclMatrix matrix = candidate->matrix;
  gfloat product[MAX_ROWS * MAX_ROWS];
  g_autoptr (GError) error = NULL;

  matrix.emulated = emulated;
  if (!run_probe (device, &matrix, product, &error)) {
    g_debug ("%s: its matrix unit (%s) is not used: %s", device->description,
        candidate->name, error->message);
    return FALSE;
  }
  if (!is_right (&matrix, product)) {
    g_debug ("%s: its matrix unit (%s) is not used: its product is wrong",
        device->description, candidate->name);
    return FALSE;
  }
  *device->matrix = matrix;
  g_debug ("%s: its matrix unit (%s%s) is used", device->description,
      candidate->name, emulated ? ", emulated" : "");
  return TRUE;
}

/* Indices of what VLDM_MATRIX may be; the units follow in the order of known[]. */
#define WISH_AUTO 0
#define WISH_OFF 1
#define WISH_KNOWN 2

static guint
read_wish (void)
{
  const char *names[WISH_KNOWN + G_N_ELEMENTS (known)] = { "auto", "off" };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    names[WISH_KNOWN + i] = known[i].name;
  return ocl_environment_choose (OCL_ENVIRONMENT_MATRIX, names,
      G_N_ELEMENTS (names), WISH_OFF);
}

static void
find_unit (OclDevice * device)
{
  guint wish;

  if (device->caps.form != OCL_FORM_TILE)
    return;
  wish = read_wish ();
  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    gboolean has = may_have (device, &known[i].matrix);
    if ((wish == WISH_KNOWN + i || (wish == WISH_AUTO && has))
        && try_unit (device, &known[i], !has))
      return;
  }
}

const OclMatrix *
ocl_device_matrix (OclDevice * device)
{
  if (g_once_init_enter (&device->matrix_tried)) {
    device->matrix = g_new0 (OclMatrix, 1);
    find_unit (device);
    g_once_init_leave (&device->matrix_tried, 1);
  }
  return device->matrix;
}
