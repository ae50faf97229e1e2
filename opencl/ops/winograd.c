/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) and F(4, 3) (Lavin and Gray, arXiv 1509.09308): packing of weights, choice and launch of
 * kernels/winograd_vec.cl and kernels/winograd_time_vec.cl.
 */

#include "opencl/ops/winograd.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/gemm.h"
#include "opencl/runtime/parallel.h"

/* Layers with at most so many inputs keep transformed weights; others would take too much memory. */
#define MAX_CHANNELS 256

/* Blocks that are worth transforming weights for: with fewer, compute units share the panels instead of the blocks. */
#define MIN_BLOCKS 4

/* Transformed inputs of a strip that a core's part of the last-level cache holds beside the weights; measured with two
 * cores and 32 MiB. */
#define STRIP_BYTES (9 << 20)

/* Operations a launch and compute unit, or at most a work-item: about 20 ms. */
#define LAUNCH_WORK 2e9

/* Time of a multiplication here against one of the direct way, transforms included; measured on Zen 4. */
#define RELATIVE_COST 1.2

/* Times faster that the direct way is in bf16; Winograd's products need fp32. */
#define BF16_SPEED 1.8

/* Time of transforming a point of the weights for a strip, in tiles' points. */
#define WEIGHTS_COST 4

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

/* Points of a tile of four frames or of 4 x 4 pixels. */
static gsize
count_points (const OclWeights * weights)
{
  return is_temporal (weights) ? WINOGRAD_TIME_POINTS : WINOGRAD_POINTS;
}

/* Whether pixels 1 and 2 as well as 3 and 4 of every tile's six rows and columns are copies of one pixel, so that row 2 of
 * B' d is 4 (d1 - d2) + (d4 - d3) = 0. */
static gboolean
has_zeros (const OclConv * conv, const OclTensor * input)
{
  return conv->upsampled_height == 2 * input->height
      && conv->upsampled_width == 2 * input->width
      && conv->pad_top % 2 != 0 && conv->pad_left % 2 != 0;
}

/* Multiplications a tile, input and output channel. */
static gsize
count_products (const OclConv * conv, const OclWeights * weights,
    const OclTensor * input)
{
  return has_zeros (conv, input) ? 25 : count_points (weights);
}

/* Blocks of WINOGRAD_TILES tiles: in a row across frames and rows, or pixels in a row in four frames. */
static gsize
count_blocks (const OclWeights * weights, const OclTensor * output)
{
  gsize pixels = output->height * output->width;
  gsize tiles = (output->height + 3) / 4 * ((output->width + 3) / 4);

  if (is_temporal (weights))
    return (output->frames + 3) / 4 * ((pixels + WINOGRAD_TILES -
            1) / WINOGRAD_TILES);
  return (output->frames * tiles + WINOGRAD_TILES - 1) / WINOGRAD_TILES;
}

static gboolean
suits_weights (OclDevice * device, const OclWeights * weights)
{
  gboolean spatial = weights->kernel_t == 1 && weights->kernel_h == 3
      && weights->kernel_w == 3;

  return choice_get () != CHOICE_DIRECT
      && ocl_device_caps (device)->form == OCL_FORM_VECTOR
      && weights->type != OCL_F16 && weights->panel == WIDE_PANEL
      && !weights->geglu && (spatial || is_temporal (weights))
      && weights->in_channels % 16 == 0 && (weights->in_channels <= MAX_CHANNELS
      || spatial || weights->type == OCL_F32);
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

/* All kernels of one input channel in a panel, [points][in_channels][WIDE_PANEL]; columns without a kernel stay 0. */
static void
pack_channel (const Packing * packing, gsize panel, gsize c)
{
  const OclWeights *weights = packing->weights;
  gsize points = count_points (weights), taps = is_temporal (weights) ? 3 : 9;
  gfloat *to =
      packing->packed + (panel * points * weights->in_channels +
      c) * WIDE_PANEL;
  gsize n_columns =
      MIN (WIDE_PANEL, weights->out_channels - panel * WIDE_PANEL);

  for (gsize column = 0; column < n_columns; column++) {
    const gfloat *from = packing->weight
        + ((panel * WIDE_PANEL + column) * weights->in_channels + c) * taps;
    gdouble g[9], u[36];
    for (gsize tap = 0; tap < taps; tap++)
      g[tap] = from[tap];
    if (is_temporal (weights))
      transform_line (u, g);
    else
      transform_square (u, g);
    for (gsize point = 0; point < points; point++)
      to[point * weights->in_channels * WIDE_PANEL + column] = u[point];
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
ocl_winograd_prepare (OclDevice * device, OclWeights * weights,
    const gfloat * weight, GError ** error)
{
  Packing packing = { weights, weight };

  weights->suits_winograd = suits_weights (device, weights);
  /* Wider layers would be four times as large: their kernel transforms the panels on the way. */
  if (!weights->suits_winograd || weights->in_channels > MAX_CHANNELS)
    return TRUE;
  /* At most MAX_CHANNELS inputs and 2^31 outputs, so that this product does not overflow. */
  packing.n_numbers = (gsize) weights->n_panels * count_points (weights)
      * weights->in_channels * WIDE_PANEL;
  weights->winograd = ocl_buffer_new_filled (device,
      packing.n_numbers * sizeof (gfloat), pack_panels, &packing, error);
  return weights->winograd != NULL;
}

/* How the kernels go through a convolution: strips of n_blocks blocks, n_items at a time, the panels in n_sets. */
typedef struct
{
  gsize n_blocks, n_strips, n_items, n_sets;
} Plan;

static gdouble
strip_work (const OclWeights * weights, const Plan * plan)
{
  return 2.0 * count_points (weights) * WINOGRAD_TILES * plan->n_blocks *
      weights->in_channels * weights->out_channels;
}

/* Strips are a block where weights come transformed, so that inputs stay in the second-level cache, and long where they
 * serve to transform weights less often: as many for each compute unit, or one for all, which then share the panels and
 * each transform all its inputs. There are as many work-items as keep all compute units busy, with short strips some more,
 * which may end at different times. */
static Plan
make_plan (OclDevice * device, const OclWeights * weights,
    const OclTensor * output)
{
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  gsize blocks = count_blocks (weights, output);
  gsize block_bytes =
      count_points (weights) * WINOGRAD_TILES * weights->in_channels *
      sizeof (gfloat);
  gsize max_blocks =
      weights->winograd != NULL ? 1 : CLAMP (STRIP_BYTES / block_bytes, 1,
      WINOGRAD_MAX_BLOCKS);
  gsize min_blocks = weights->winograd != NULL ? 1 : MIN_BLOCKS;
  gsize max_items = weights->winograd != NULL ? 4 * units : units;
  Plan plan;

  plan.n_strips = (blocks + max_blocks - 1) / max_blocks;
  if (plan.n_strips >= units || blocks >= units * min_blocks)
    plan.n_strips = (plan.n_strips + units - 1) / units * units;
  plan.n_blocks = (blocks + plan.n_strips - 1) / plan.n_strips;
  plan.n_strips = (blocks + plan.n_blocks - 1) / plan.n_blocks;
  plan.n_sets = MAX (max_items / plan.n_strips,
      1 + (gsize) (strip_work (weights, &plan) / LAUNCH_WORK));
  if (plan.n_strips < units)
    plan.n_sets = (plan.n_sets + units - 1) / units * units;
  plan.n_sets = MIN (plan.n_sets, weights->n_panels);
  plan.n_items = CLAMP (max_items / plan.n_sets, 1, plan.n_strips);
  return plan;
}

/* Whether the kernel can do this convolution at all. */
static gboolean
is_possible (const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output)
{
  if (!weights->suits_winograd || conv->stride > 1 || input->type != OCL_F32
      || input->channels % 16 != 0)
    return FALSE;
  if (is_temporal (weights))
    return input2 == NULL && conv->pad_top == 0 && conv->pad_left == 0
        && conv->upsampled_height == 0 && conv->upsampled_width == 0
        && input->height == output->height && input->width == output->width;
  return input2 == NULL || input2->channels % 16 == 0;
}

gboolean
ocl_winograd_is_optional (const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output)
{
  return choice_get () == CHOICE_AUTO
      && is_possible (conv, weights, input, input2, output);
}

gboolean
ocl_winograd_suits (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  gdouble speed = weights->type == OCL_BF16 ? BF16_SPEED : 1;
  gdouble taps = is_temporal (weights) ? 3 : 9;
  gdouble cost;
  Plan plan;

  if (!is_possible (conv, weights, input, input2, output))
    return FALSE;
  if (choice_get () == CHOICE_WINOGRAD)
    return TRUE;
  /* Tiles at the edges take as long as whole ones. */
  plan = make_plan (device, weights, output);
  cost = RELATIVE_COST * count_products (conv, weights, input) * WINOGRAD_TILES
      * plan.n_blocks;
  if (weights->winograd == NULL)
    cost += WEIGHTS_COST * count_points (weights);
  return speed * cost * plan.n_strips < taps * ocl_tensor_pixels (output);
}

/* The launch for strips from @first to @end - 1. @scratch: a slot a work-item. */
static gboolean
run_strips (OclQueue * queue, const OclConv * conv, const OclWeights * weights,
    const OclInputNorm * norm, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, const Plan * plan, gsize first, gsize end,
    const OclTensor * scratch, GError ** error)
{
  gint form = weights->winograd != NULL ? PANELS_TRANSFORMED
      : weights->type == OCL_BF16 ? PANELS_BF16 : PANELS_F32;
  OclCall call = { 0 };

  call.program = call.kernel =
      is_temporal (weights) ? "winograd_time_vec" : "winograd_vec";
  call.global[0] = plan->n_sets;
  call.global[1] = plan->n_items;
  call.work = RELATIVE_COST * (end - first) * strip_work (weights, plan)
      * count_products (conv, weights, input) / count_points (weights);
  ocl_call_sources (&call, input, input2);
  ocl_call_buffer (&call,
      form == PANELS_TRANSFORMED ? weights->winograd : weights->panels);
  ocl_call_int (&call, form);
  ocl_call_int (&call, has_zeros (conv, input) ? 2 : -1);
  ocl_call_int (&call, weights->n_panels);
  ocl_call_int (&call, plan->n_sets);
  ocl_call_int (&call, first);
  ocl_call_int (&call, end);
  ocl_call_int (&call, plan->n_items);
  ocl_call_int (&call, plan->n_blocks);
  ocl_call_buffer (&call, scratch->buffer);
  ocl_call_uint64 (&call, scratch->offset);
  ocl_call_uint64 (&call, scratch->channels);
  ocl_call_input_norm (&call, norm);
  ocl_call_gather (&call, conv, weights, input, output);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}

/* Transformed weights in a work-item's scratch memory where they do not come transformed: all points, or two of six rows. */
static gsize
passing_weights (const OclWeights * weights)
{
  return is_temporal (weights) ? WINOGRAD_TIME_DEPTH * WINOGRAD_TIME_POINTS *
      WIDE_PANEL : WINOGRAD_DEPTH * WINOGRAD_POINTS / 3 * WIDE_PANEL;
}

/* Numbers that a work-item keeps. */
static gsize
slot_size (const OclWeights * weights, const Plan * plan)
{
  return count_points (weights) * WINOGRAD_TILES * plan->n_blocks *
      weights->in_channels + (weights->winograd ==
      NULL ? passing_weights (weights) : 0);
}

gsize
ocl_winograd_scratch (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * output)
{
  Plan plan;

  if (!is_possible (conv, weights, input, NULL, output))
    return 0;
  plan = make_plan (device, weights, output);
  return plan.n_items * plan.n_sets * slot_size (weights, &plan)
      * sizeof (gfloat);
}

gboolean
ocl_winograd (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclInputNorm * norm,
    const OclTensor * input, const OclTensor * input2,
    const OclEpilogue * epilogue, const OclTensor * output, GError ** error)
{
  OclDevice *device = ocl_queue_device (queue);
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gsize at_once;
  OclTensor scratch;
  Plan plan;
  gboolean ok;

  plan = make_plan (device, weights, output);
  at_once = plan.n_items * (gsize) CLAMP (LAUNCH_WORK * units
      / (plan.n_items * strip_work (weights, &plan)), 1, plan.n_strips);
  ok = ocl_tensor_alloc (queue, OCL_F32, 1, plan.n_items, plan.n_sets,
      slot_size (weights, &plan), &scratch, error);
  for (gsize first = 0; ok && first < plan.n_strips; first += at_once)
    ok = run_strips (queue, conv, weights, norm, input, input2, epilogue,
        output, &plan, first, MIN (first + at_once, plan.n_strips), &scratch,
        error);
  ocl_arena_release (arena, mark);
  return ok;
}
