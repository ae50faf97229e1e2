/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Packs PyTorch's weights into column panels.
 */

#include "opencl/ops/weights.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/winograd_weights.h"
#include "opencl/runtime/parallel.h"

/* Input channels packed at once. */
#define PACK_BLOCK 16

/* PyTorch's output channel in column @column of panel @panel, or -1 for padding. */
static gssize
column_channel (const OclWeights * weights, gsize panel, gsize column)
{
  const OclLayer *layer = &weights->layer;
  gsize half = layer->out_channels / 2, channel;

  if (!layer->geglu) {
    channel = panel * weights->panel + column;
    return channel < layer->out_channels ? (gssize) channel : -1;
  }
  channel = panel * 16 + column % 16;
  if (channel >= half)
    return -1;
  return column < 16 ? channel : half + channel;
}

typedef struct
{
  const OclWeights *weights;
  const gfloat *weight;
  gsize n_numbers;
  gpointer packed;
} Packing;

/* @row counts the input channels of all taps of all panels. */
static void
store (const Packing * packing, gsize row, gsize column, gfloat value)
{
  gsize width = packing->weights->panel;

  switch (packing->weights->layer.type) {
    case OCL_F32:
      ((gfloat *) packing->packed)[row * width + column] = value;
      break;
    case OCL_F16:
      ((guint16 *) packing->packed)[row * width + column] =
          ocl_half_from_float (value);
      break;
    case OCL_BF16:
      ((guint16 *) packing->packed)[(row / 2 * width + column) * 2 + row % 2] =
          ocl_bf16_from_float (value);
      break;
  }
}

/* Panels are [taps][in_channels][panel] in storage type, bf16 in pairs of input channels. Input channels go in blocks
 * whose lines of a panel stay in the cache until all columns are stored. */
static void
pack_panel (gsize panel, gpointer user_data)
{
  const Packing *packing = user_data;
  const OclWeights *weights = packing->weights;
  gsize taps = ocl_layer_taps (&weights->layer);
  gsize n_in = weights->layer.in_channels, depth = n_in * taps;

  for (gsize block = 0; block < n_in; block += PACK_BLOCK)
    for (gsize column = 0; column < weights->panel; column++) {
      gssize channel = column_channel (weights, panel, column);
      if (channel < 0)
        continue;
      for (gsize c = block; c < MIN (block + PACK_BLOCK, n_in); c++)
        for (gsize tap = 0; tap < taps; tap++)
          store (packing, panel * depth + tap * n_in + c, column,
              packing->weight[channel * depth + c * taps + tap]);
    }
}

static void
pack_panels (gpointer memory, gpointer user_data)
{
  Packing *packing = user_data;

  packing->packed = memory;
  ocl_parallel_for (packing->weights->n_panels, packing->n_numbers, pack_panel,
      packing);
}

static OclBuffer *
pack_bias (const OclWeights * weights, OclDevice * device, const gfloat * bias,
    GError ** error)
{
  gsize n = (gsize) weights->n_panels * weights->panel;
  g_autofree gfloat *packed = g_new0 (gfloat, n);

  for (gsize i = 0; bias != NULL && i < n; i++) {
    gssize channel =
        column_channel (weights, i / weights->panel, i % weights->panel);
    if (channel >= 0)
      packed[i] = bias[channel];
  }
  return ocl_vector_new (device, packed, n, error);
}

/* The bytes of the panels alone and with their row of zeros; FALSE if a size overflows. */
static gboolean
panel_bytes (OclWeights * weights, gsize * bytes)
{
  const OclLayer *layer = &weights->layer;
  gsize n, zeros;

  if (!g_size_checked_mul (&n, weights->n_panels, weights->panel)
      || !g_size_checked_mul (&n, n, layer->in_channels)
      || !g_size_checked_mul (&n, n, ocl_layer_taps (layer))
      || !g_size_checked_mul (&n, n, ocl_type_size (layer->type))
      || !g_size_checked_mul (&zeros, layer->in_channels, sizeof (gfloat)))
    return FALSE;
  weights->zeros = n;
  return g_size_checked_add (bytes, n, zeros);
}

static OclType
storage_type (const OclLayer * layer)
{
  gboolean suits_bf16 = ocl_layer_panel (layer) == WIDE_PANEL
      && layer->in_channels % BF16_CHANNELS == 0;

  return layer->type == OCL_BF16 && !suits_bf16 ? OCL_F32 : layer->type;
}

OclWeights *
ocl_weights_new (OclDevice * device, const OclLayer * layer,
    const gfloat * weight, const gfloat * bias, GError ** error)
{
  g_autoptr (OclWeights) weights = g_new0 (OclWeights, 1);
  Packing packing = { weights, weight };
  gsize bytes;

  weights->layer = *layer;
  weights->layer.type = storage_type (layer);
  weights->panel = ocl_layer_panel (layer);
  weights->n_panels = ocl_layer_n_panels (layer);

  if (layer->out_channels == 0 || layer->in_channels == 0
      || layer->out_channels > G_MAXINT32 || layer->in_channels > G_MAXINT32
      || (layer->geglu && layer->out_channels % 2 != 0)
      || !panel_bytes (weights, &bytes)) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "weights: no layer has %" G_GSIZE_FORMAT " outputs, %" G_GSIZE_FORMAT
        " inputs and %u x %u x %u taps%s", layer->out_channels,
        layer->in_channels, layer->kernel_t, layer->kernel_h, layer->kernel_w,
        layer->geglu ? " with GEGLU, which needs an even number of outputs" :
        "");
    return NULL;
  }
  packing.n_numbers = bytes / ocl_type_size (weights->layer.type);
  weights->panels = ocl_buffer_new_filled (device, bytes, pack_panels, &packing,
      error);
  if (weights->panels == NULL)
    return NULL;
  weights->bias = pack_bias (weights, device, bias, error);
  if (weights->bias == NULL)
    return NULL;
  if (!ocl_winograd_transform (device, &weights->layer, weight,
          &weights->winograd, error))
    return NULL;
  return g_steal_pointer (&weights);
}

void
ocl_weights_free (OclWeights * weights)
{
  if (weights == NULL)
    return;
  g_clear_pointer (&weights->panels, ocl_buffer_unref);
  g_clear_pointer (&weights->bias, ocl_buffer_unref);
  g_clear_pointer (&weights->winograd, ocl_buffer_unref);
  g_free (weights);
}
