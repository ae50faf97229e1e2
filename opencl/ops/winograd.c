/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) and F(4, 3) (Lavin and Gray, arXiv 1509.09308): packing of weights, choice and launch of
 * kernels/winograd_vec.cl and kernels/winograd_time_vec.cl.
 */

#include "opencl/ops/winograd.h"
#include "opencl/ops/winograd_wide.h"
#include "opencl/ops/gemm.h"
#include "opencl/runtime/parallel.h"

/* As in both kernels: tiles a work-item, columns a panel. */
#define TILES 12
#define PANEL 32
#define MAX_CHANNELS 256

/* Time of a multiplication here against one of the direct way, transforms included; measured on Zen 4. */
#define RELATIVE_COST 1.5

/* Times faster that the direct way is in bf16; Winograd's numbers need fp32. */
#define BF16_SPEED 1.8

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

static gboolean
is_temporal (const OclWeights * weights)
{
  return weights->kernel_t == 3 && weights->kernel_h == 1
      && weights->kernel_w == 1;
}

/* Multiplications a tile, input and output channel, of four frames or of 4 x 4 pixels. */
static gsize
count_points (const OclWeights * weights)
{
  return is_temporal (weights) ? 6 : 36;
}

gboolean
ocl_winograd_suits_weights (OclDevice * device, const OclWeights * weights)
{
  gboolean spatial = weights->kernel_t == 1 && weights->kernel_h == 3
      && weights->kernel_w == 3;

  return choice_get () != CHOICE_DIRECT
      && ocl_device_caps (device)->form == OCL_FORM_VECTOR
      && weights->type != OCL_F16 && weights->panel == PANEL && !weights->geglu
      && (spatial || is_temporal (weights))
      && weights->in_channels % 16 == 0 && weights->in_channels <= MAX_CHANNELS;
}

static const gdouble G[6][3] = {
  {1.0 / 4, 0, 0},
  {-1.0 / 6, -1.0 / 6, -1.0 / 6},
  {-1.0 / 6, 1.0 / 6, -1.0 / 6},
  {1.0 / 24, 1.0 / 12, 1.0 / 6},
  {1.0 / 24, -1.0 / 12, 1.0 / 6},
  {0, 0, 1},
};

/* G g for one kernel of three taps. */
static void
transform_line (gdouble to[6], const gdouble g[3])
{
  for (guint y = 0; y < 6; y++)
    to[y] = G[y][0] * g[0] + G[y][1] * g[1] + G[y][2] * g[2];
}

/* G g G' for one kernel of 3 x 3. */
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
  const OclWeights *weights;
  const gfloat *weight;
  gsize n_numbers;
  gfloat *packed;
} Packing;

/* All kernels of one input channel in a panel, [points][in_channels][PANEL]; columns without a kernel stay 0. */
static void
pack_channel (const Packing * packing, gsize panel, gsize c)
{
  const OclWeights *weights = packing->weights;
  gsize points = count_points (weights), taps = is_temporal (weights) ? 3 : 9;
  gfloat *to =
      packing->packed + (panel * points * weights->in_channels + c) * PANEL;
  gsize n_columns = MIN (PANEL, weights->out_channels - panel * PANEL);

  for (gsize column = 0; column < n_columns; column++) {
    const gfloat *from = packing->weight
        + ((panel * PANEL + column) * weights->in_channels + c) * taps;
    gdouble g[9], u[36];
    for (gsize tap = 0; tap < taps; tap++)
      g[tap] = from[tap];
    if (is_temporal (weights))
      transform_line (u, g);
    else
      transform_square (u, g);
    for (gsize point = 0; point < points; point++)
      to[point * weights->in_channels * PANEL + column] = u[point];
  }
}

static void
pack_panel (gsize panel, gpointer user_data)
{
  const Packing *packing = user_data;

  for (gsize c = 0; c < packing->weights->in_channels; c++)
    pack_channel (packing, panel, c);
}

static void
pack_panels (gpointer memory, gpointer user_data)
{
  Packing *packing = user_data;

  packing->packed = memory;
  ocl_parallel_for (packing->weights->n_panels, packing->n_numbers, pack_panel,
      packing);
}

gboolean
ocl_winograd_pack (OclDevice * device, OclWeights * weights,
    const gfloat * weight, GError ** error)
{
  Packing packing = { weights, weight };

  /* At most MAX_CHANNELS inputs and 2^31 outputs, so that this product does not overflow. */
  packing.n_numbers = (gsize) weights->n_panels * count_points (weights)
      * weights->in_channels * PANEL;
  weights->winograd = ocl_buffer_new_filled (device,
      packing.n_numbers * sizeof (gfloat), pack_panels, &packing, error);
  return weights->winograd != NULL;
}

/* Work-items, of TILES tiles each. */
static gsize
count_items (const OclWeights * weights, const OclTensor * output)
{
  gsize pixels = output->height * output->width;

  if (is_temporal (weights))
    return (output->frames + 3) / 4 * ((pixels + TILES - 1) / TILES);
  return (output->frames * ((output->height + 3) / 4)
      * ((output->width + 3) / 4) + TILES - 1) / TILES;
}

/* Whether one of the kernels for transformed weights can do this convolution. */
static gboolean
suits_transformed (const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output)
{
  if (weights->winograd == NULL || conv->stride > 1 || input->type != OCL_F32
      || input->channels % 16 != 0)
    return FALSE;
  if (is_temporal (weights))
    return input2 == NULL && conv->pad_top == 0 && conv->pad_left == 0
        && conv->upsampled_height == 0 && conv->upsampled_width == 0
        && input->height == output->height && input->width == output->width;
  return input2 == NULL || input2->channels % 16 == 0;
}

/* Layers without transformed weights go the wide way. */
static gboolean
is_possible (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  if (choice_get () == CHOICE_DIRECT)
    return FALSE;
  return weights->winograd != NULL
      ? suits_transformed (conv, weights, input, input2, output)
      : ocl_winograd_wide_is_possible (device, conv, weights, input, input2,
      output);
}

gboolean
ocl_winograd_is_optional (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  return choice_get () == CHOICE_AUTO
      && is_possible (device, conv, weights, input, input2, output);
}

gboolean
ocl_winograd_suits (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  gsize rounds, taps = is_temporal (weights) ? 3 : 9;
  gdouble cost = weights->type == OCL_BF16 ? BF16_SPEED * RELATIVE_COST
      : RELATIVE_COST;

  if (!is_possible (device, conv, weights, input, input2, output))
    return FALSE;
  if (choice_get () == CHOICE_WINOGRAD)
    return TRUE;
  if (weights->winograd == NULL)
    return ocl_winograd_wide_suits (output);
  /* The last round of work-items keeps the device as long as a full one, and tiles at the edges as whole ones. */
  rounds = (count_items (weights, output) + units - 1) / units;
  return cost * count_points (weights) * TILES * rounds * units <
      (gdouble) taps *ocl_tensor_pixels (output);
}

gsize
ocl_winograd_scratch (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output)
{
  return weights->winograd == NULL
      && is_possible (device, conv, weights, input, NULL, output)
      ? ocl_winograd_wide_scratch (device, weights, output) : 0;
}

gboolean
ocl_winograd (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  gboolean temporal = is_temporal (weights);
  OclCall call = { 0 };

  if (weights->winograd == NULL)
    return ocl_winograd_wide (queue, conv, weights, input, input2, epilogue,
        output, error);
  call.program = call.kernel = temporal ? "winograd_time_vec" : "winograd_vec";
  call.global[0] = count_items (weights, output);
  call.work = 2.0 * RELATIVE_COST * call.global[0] * TILES
      * count_points (weights) * weights->in_channels * weights->out_channels;
  ocl_call_tensor (&call, input);
  ocl_call_int (&call, input->channels);
  if (!temporal) {
    ocl_call_tensor (&call, input2);
    ocl_call_int (&call, input2 != NULL ? input2->channels : 0);
  }
  ocl_call_buffer (&call, weights->winograd);
  ocl_call_buffer (&call, weights->panels);
  ocl_call_uint64 (&call, weights->zeros);
  ocl_call_int (&call, weights->n_panels);
  if (temporal)
    ocl_call_int (&call, output->frames);
  else
    ocl_call_gather (&call, conv, weights, input, output);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}
