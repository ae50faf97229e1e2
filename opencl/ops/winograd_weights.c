/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of Winograd's kernels, and the transformation of filters (Lavin and Gray, arXiv 1509.09308).
 */

#include "opencl/ops/winograd_weights.h"

#include "opencl/kernels/shared.clh"
#include "opencl/runtime/environment.h"
#include "opencl/runtime/parallel.h"

/* Layers of at most this many inputs keep transformed weights; those of larger layers would take too much memory. */
#define MAX_CHANNELS 256

static const OclWinograd kernels[] = {
  /* F(4 x 4, 3 x 3); two of the six rows of points at a time. */
  {"winograd_vec", 1, 3, 3, WINOGRAD_POINTS,
      WINOGRAD_POINTS / 3 * WINOGRAD_DEPTH * WIDE_PANEL},
  /* F(4, 3) along the frames; all points at a time. */
  {"winograd_time_vec", 3, 1, 1, WINOGRAD_TIME_POINTS,
      WINOGRAD_TIME_POINTS * WINOGRAD_TIME_DEPTH * WIDE_PANEL},
};

static const OclWinograd *
find_filter (const OclLayer * layer)
{
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++)
    if (layer->kernel_t == kernels[i].kernel_t
        && layer->kernel_h == kernels[i].kernel_h
        && layer->kernel_w == kernels[i].kernel_w)
      return &kernels[i];
  return NULL;
}

const OclWinograd *
ocl_winograd_find (OclDevice * device, const OclLayer * layer)
{
  const OclWinograd *winograd = find_filter (layer);
  gboolean is_wide = layer->in_channels > MAX_CHANNELS;

  if (winograd == NULL || layer->geglu || layer->type == OCL_F16
      || ocl_layer_panel (layer) != WIDE_PANEL || layer->in_channels % 16 != 0
      || ocl_device_caps (device)->form != OCL_FORM_VECTOR
      || g_strcmp0 (ocl_environment_forced (OCL_ENVIRONMENT_CONV),
          "direct") == 0)
    return NULL;
  /* winograd_time_vec.cl reads no panels of bf16. */
  if (is_wide && layer->kernel_t > 1 && layer->type != OCL_F32)
    return NULL;
  return winograd;
}

static const gdouble G[6][3] = {
  {1.0 / 4, 0, 0},
  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
  {1.0 / 24, 1.0 / 12, 1.0 / 6},
  {1.0 / 24, -1.0 / 12, 1.0 / 6},
  {0, 0, 1},
};

/* G g for one filter of three taps. */
static void
transform_line (gdouble to[6], const gdouble g[3])
{
  for (guint y = 0; y < 6; y++)
    to[y] = G[y][0] * g[0] + G[y][1] * g[1] + G[y][2] * g[2];
}

/* G g G' for one filter of 3 x 3. */
static void
transform_square (gdouble to[36], const gdouble g[9])
{
  gdouble rows[3][6];

  for (guint i = 0; i < 3; i++)
    transform_line (rows[i], g + 3 * i);
  for (guint x = 0; x < 6; x++) {
    const gdouble column[3] = { rows[0][x], rows[1][x], rows[2][x] };
    gdouble transformed[6];
    transform_line (transformed, column);
    for (guint y = 0; y < 6; y++)
      to[6 * y + x] = transformed[y];
  }
}

typedef struct
{
  const OclWinograd *winograd;
  const OclLayer *layer;
  const gfloat *weight;
  gsize n_numbers;
  gfloat *packed;
} Packing;

/* All filters of one input channel in a panel; columns without a filter stay 0. */
static void
pack_channel (const Packing * packing, gsize panel, gsize c)
{
  const OclLayer *layer = packing->layer;
  gsize points = packing->winograd->points, taps = ocl_layer_taps (layer);
  gsize first = panel * WIDE_PANEL;
  gsize n_columns = MIN (WIDE_PANEL, layer->out_channels - first);
  gfloat *to = packing->packed
      + (panel * points * layer->in_channels + c) * WIDE_PANEL;

  for (gsize column = 0; column < n_columns; column++) {
    const gfloat *from = packing->weight
        + ((first + column) * layer->in_channels + c) * taps;
    gdouble g[9], u[36];
    for (gsize tap = 0; tap < taps; tap++)
      g[tap] = from[tap];
    if (taps == 3)
      transform_line (u, g);
    else
      transform_square (u, g);
    for (gsize point = 0; point < points; point++)
      to[point * layer->in_channels * WIDE_PANEL + column] = u[point];
  }
}

static void
pack_panel (gsize panel, gpointer user_data)
{
  const Packing *packing = user_data;

  for (gsize c = 0; c < packing->layer->in_channels; c++)
    pack_channel (packing, panel, c);
}

static void
pack_panels (gpointer memory, gpointer user_data)
{
  Packing *packing = user_data;

  packing->packed = memory;
  ocl_parallel_for (ocl_layer_n_panels (packing->layer), packing->n_numbers,
      pack_panel, packing);
}

gboolean
ocl_winograd_transform (OclDevice * device, const OclLayer * layer,
    const gfloat * weight, OclBuffer ** transformed, GError ** error)
{
  const OclWinograd *winograd = ocl_winograd_find (device, layer);
  Packing packing = { winograd, layer, weight };

  *transformed = NULL;
  if (winograd == NULL || layer->in_channels > MAX_CHANNELS)
    return TRUE;
  /* At most MAX_CHANNELS inputs and 2^31 outputs, so that this product does not overflow. */
  packing.n_numbers = (gsize) ocl_layer_n_panels (layer) * winograd->points
      * layer->in_channels * WIDE_PANEL;
  *transformed = ocl_buffer_new_filled (device,
      packing.n_numbers * sizeof (gfloat), pack_panels, &packing, error);
  return *transformed != NULL;
}
