/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tries products in bf16. The CPU's own feature flag is asked first: a driver would run instructions that the CPU
 * lacks, and an OpenCL CPU device is the host.
 */
#include "opencl/ops/bf16.h"

#include "opencl/ops/linear.h"

/* Rows and columns that do not fill a block, and two steps of channels. */
#define ROWS 17
#define CHANNELS 64
#define COLUMNS 40

static gboolean
cpu_has_bf16 (void)
{
#if defined (__x86_64__)
  return __builtin_cpu_supports ("avx512bf16");
#else
  return FALSE;
#endif
}

/* Small integers, so that neither storage nor sums round. */
static gfloat
input_value (gsize row, gsize channel)
{
  return (gfloat) ((row * 5 + channel * 3) % 13) - 6;
}

static gfloat
weight_value (gsize column, gsize channel)
{
  return (gfloat) ((column * 7 + channel * 2) % 11) - 5;
}

static gboolean
is_product (const gfloat * output)
{
  for (gsize i = 0; i < ROWS * COLUMNS; i++) {
    gfloat sum = 0;

    for (gsize c = 0; c < CHANNELS; c++)
      sum += input_value (i / COLUMNS, c) * weight_value (i % COLUMNS, c);
    if (output[i] != sum)
      return FALSE;
  }
  return TRUE;
}

static gboolean
run_product (OclQueue * queue, const OclWeights * weights, gfloat * output,
    GError ** error)
{
  gfloat data[ROWS * CHANNELS];
  OclTensor rows, columns;

  for (gsize i = 0; i < G_N_ELEMENTS (data); i++)
    data[i] = input_value (i / CHANNELS, i % CHANNELS);
  return ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, ROWS, CHANNELS),
      &rows, error)
      && ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, ROWS, COLUMNS),
      &columns, error)
      && ocl_tensor_write (queue, &rows, data, error)
      && ocl_linear (queue, weights, &rows, NULL, &columns, error)
      && ocl_tensor_read (queue, &columns, output, error);
}

static gboolean
try_product (OclDevice * device, gfloat * output, GError ** error)
{
  g_autoptr (OclQueue) queue = ocl_queue_new (device, error);
  const OclLayer layer = { OCL_BF16, CHANNELS, COLUMNS, 1, 1, 1, FALSE };
  g_autoptr (OclWeights) weights = NULL;
  gfloat data[COLUMNS * CHANNELS];

  if (queue == NULL)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (data); i++)
    data[i] = weight_value (i / CHANNELS, i % CHANNELS);
  weights = ocl_weights_new (device, &layer, data, NULL, error);
  return weights != NULL && run_product (queue, weights, output, error);
}

gboolean
ocl_multiplies_bf16 (OclDevice * device)
{
  const OclCaps *caps = ocl_device_caps (device);
  gfloat output[ROWS * COLUMNS];
  g_autoptr (GError) error = NULL;

  if (!caps->is_cpu || caps->form != OCL_FORM_VECTOR || !cpu_has_bf16 ())
    return FALSE;
  if (!try_product (device, output, &error)) {
    g_debug ("no products in bf16: %s", error->message);
    return FALSE;
  }
  if (!is_product (output)) {
    g_debug ("no products in bf16: %s computes wrong ones",
        ocl_device_description (device));
    return FALSE;
  }
  return TRUE;
}
