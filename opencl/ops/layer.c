/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Numbers that follow from a layer's shape.
 */

#include "opencl/ops/layer.h"
#include "opencl/kernels/shared.clh"

gsize
ocl_layer_taps (const OclLayer * layer)
{
  return (gsize) layer->kernel_t * layer->kernel_h * layer->kernel_w;
}

gsize
ocl_layer_outputs (const OclLayer * layer)
{
  return layer->geglu ? layer->out_channels / 2 : layer->out_channels;
}

guint
ocl_layer_panel (const OclLayer * layer)
{
  return layer->geglu || layer->out_channels > NARROW_PANEL ? WIDE_PANEL
      : NARROW_PANEL;
}

guint
ocl_layer_n_panels (const OclLayer * layer)
{
  /* A panel of a GEGLU layer holds a value and a gate for each output. */
  gsize width = layer->geglu ? WIDE_PANEL / 2 : ocl_layer_panel (layer);

  return (ocl_layer_outputs (layer) + width - 1) / width;
}

char *
ocl_layer_describe (const OclLayer * layer)
{
  static const char *const type_names[] = { "f32", "f16", "bf16" };

  return g_strdup_printf ("%ux%ux%u %" G_GSIZE_FORMAT ">%" G_GSIZE_FORMAT
      " %s%s", layer->kernel_t, layer->kernel_h, layer->kernel_w,
      layer->in_channels, layer->out_channels, type_names[layer->type],
      layer->geglu ? " geglu" : "");
}
