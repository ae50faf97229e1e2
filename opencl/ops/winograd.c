/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308): packing of weights, choice and launch of
 * kernels/winograd_vec.cl.
 */

#include "opencl/ops/winograd.h"
#include "opencl/ops/gemm.h"

/* As in winograd_vec.cl. */
#define POINTS 36
#define TILES 12
#define PANEL 32
#define MAX_CHANNELS 256

/* Time of a multiplication here against one of the direct way, transforms included; measured on Zen 4. */
#define RELATIVE_COST 1.5

typedef enum
{
  CHOICE_AUTO = 1,
  CHOICE_DIRECT,
  CHOICE_WINOGRAD,
} Choice;

/* Asked once: a choice never changes within a process. */
static Choice
choice_get (void)
{
  static gsize choice = 0;

  if (g_once_init_enter (&choice)) {
    const char *name = g_getenv ("VLDM_CONV");
    Choice c = CHOICE_AUTO;
    if (g_strcmp0 (name, "direct") == 0)
      c = CHOICE_DIRECT;
    else if (g_strcmp0 (name, "winograd") == 0)
      c = CHOICE_WINOGRAD;
    else if (name != NULL && g_strcmp0 (name, "auto") != 0)
      g_warning
          ("VLDM_CONV is \"%s\" where \"auto\", \"direct\" or \"winograd\" is needed; taking \"auto\"",
          name);
    g_once_init_leave (&choice, c);
  }
  return choice;
}

gboolean
ocl_winograd_suits_weights (OclDevice * device, const OclWeights * weights)
{
  return choice_get () != CHOICE_DIRECT
      && ocl_device_caps (device)->form == OCL_FORM_VECTOR
      && weights->type == OCL_F32 && weights->panel == PANEL && !weights->geglu
      && weights->kernel_t == 1 && weights->kernel_h == 3
      && weights->kernel_w == 3 && weights->in_channels % 16 == 0
      && weights->in_channels <= MAX_CHANNELS;
}

/* G g G' for one kernel of 3 x 3, in double. */
static void
transform_kernel (gdouble to[POINTS], const gfloat * g)
{
  static const gdouble G[6][3] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
  };

  for (guint y = 0; y < 6; y++)
    for (guint x = 0; x < 6; x++) {
      gdouble sum = 0;
      for (guint i = 0; i < 3; i++)
        for (guint j = 0; j < 3; j++)
          sum += G[y][i] * g[3 * i + j] * G[x][j];
      to[6 * y + x] = sum;
    }
}

gboolean
ocl_winograd_pack (OclDevice * device, OclWeights * weights,
    const gfloat * weight, GError ** error)
{
  /* At most MAX_CHANNELS inputs and 2^31 outputs, so that this product does not overflow. */
  gsize n = (gsize) weights->n_panels * POINTS * weights->in_channels * PANEL;
  g_autofree gfloat *packed = g_try_new0 (gfloat, n);

  if (packed == NULL) {
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "weights: no memory to transform %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
        " kernels", weights->out_channels, weights->in_channels);
    return FALSE;
  }
  for (gsize o = 0; o < weights->out_channels; o++)
    for (gsize c = 0; c < weights->in_channels; c++) {
      gdouble u[POINTS];
      transform_kernel (u, weight + (o * weights->in_channels + c) * 9);
      for (gsize point = 0; point < POINTS; point++)
        packed[((o / PANEL * POINTS + point) * weights->in_channels +
                c) * PANEL + o % PANEL] = u[point];
    }
  weights->winograd =
      ocl_buffer_new_from_data (device, packed, n * sizeof (gfloat), error);
  return weights->winograd != NULL;
}

static gsize
count_tiles (const OclTensor * output)
{
  return output->frames * ((output->height + 3) / 4) * ((output->width +
          3) / 4);
}

gboolean
ocl_winograd_suits (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  gsize items, rounds;

  if (weights->winograd == NULL || conv->stride > 1 || input->type != OCL_F32
      || input->channels % 16 != 0 || (input2 != NULL
          && input2->channels % 16 != 0))
    return FALSE;
  if (choice_get () == CHOICE_WINOGRAD)
    return TRUE;
  /* The last round of work-items keeps the device as long as a full one, and tiles at the edges as whole ones. */
  items = (count_tiles (output) + TILES - 1) / TILES;
  rounds = (items + units - 1) / units;
  return RELATIVE_COST * POINTS * TILES * rounds * units <
      9.0 * ocl_tensor_pixels (output);
}

gboolean
ocl_winograd (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  gsize tiles = count_tiles (output);
  OclCall call = { 0 };

  call.program = call.kernel = "winograd_vec";
  call.global[0] = (tiles + TILES - 1) / TILES;
  call.work =
      2.0 * RELATIVE_COST * tiles * POINTS * weights->in_channels *
      weights->out_channels;
  ocl_call_sources (&call, input, input2);
  ocl_call_buffer (&call, weights->winograd);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_uint64 (&call, weights->zeros);
  ocl_call_int (&call, weights->n_panels);
  ocl_call_gather (&call, conv, weights, input, output);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}
