/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) and F(4, 3) (Lavin and Gray, arXiv 1509.09308): a guess at when they are faster, and
 * the launch of the kernels in winograd_weights.c.
 */

#include "opencl/ops/winograd.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/winograd_weights.h"

/* The fewest blocks that are worth transforming weights for; with fewer, compute units share the panels instead. */
#define MIN_BLOCKS 4

/* Transformed inputs of a strip that a core's share of the last-level cache holds beside the weights; measured with two
 * cores and 32 MiB. */
#define STRIP_BYTES (9 << 20)

/* Operations in a launch per compute unit, and at most in a work-item: about 20 ms. */
#define LAUNCH_WORK 2e9

/* Time per multiplication, transforms included, relative to the direct product; measured on Zen 4. */
#define RELATIVE_COST 1.2

/* Speed of the direct product in bf16 relative to fp32, in which Winograd's products are computed. */
#define BF16_SPEED 1.8

/* Time of transforming one point of the weights for a strip, relative to one point of a tile. */
#define WEIGHTS_COST 4

/* TRUE for filters along the frames (winograd_time_vec.cl), FALSE for filters within frames. */
static gboolean
is_temporal (const OclProduct * product)
{
  return product->weights->layer.kernel_t > 1;
}

/* TRUE if pixels 1 and 2 as well as 3 and 4 of every tile's six rows and columns are copies of one pixel, so that row
 * 2 of B' d is 4 (d1 - d2) + (d4 - d3) = 0. */
static gboolean
has_zeros (const OclProduct * product)
{
  const OclConv *conv = &product->conv;

  return conv->upsampled_height == 2 * product->input->height
      && conv->upsampled_width == 2 * product->input->width
      && conv->pad_top % 2 != 0 && conv->pad_left % 2 != 0;
}

/* Blocks of WINOGRAD_TILES tiles each, in a row across frames and rows, or pixels in a row in four frames. */
static gsize
count_blocks (const OclProduct * product)
{
  const OclTensor *output = product->output;
  gsize pixels = output->height * output->width;
  gsize tiles = (output->height + 3) / 4 * ((output->width + 3) / 4);
  gsize last = WINOGRAD_TILES - 1;

  if (is_temporal (product))
    return (output->frames + 3) / 4 * ((pixels + last) / WINOGRAD_TILES);
  return (output->frames * tiles + last) / WINOGRAD_TILES;
}

/* The order in which a kernel goes through a convolution: strips of n_blocks blocks, n_items at a time, the panels in
 * n_sets. */
typedef struct
{
  const OclWinograd *winograd;
  gsize n_blocks, n_strips, n_items, n_sets;
  gsize products;               /* multiplications for each tile, input and output channel */
  gsize slot;                   /* numbers in the scratch memory of a work-item */
  gdouble strip_work;
} Plan;

static gdouble
strip_work (const OclLayer * layer, const Plan * plan)
{
  return 2.0 * plan->winograd->points * WINOGRAD_TILES * plan->n_blocks
      * layer->in_channels * layer->out_channels;
}

/* Strips are one block where weights come transformed, so that inputs stay in the second-level cache, and long where
 * they serve to transform weights less often: as many for each compute unit, or one for all, which then share the
 * panels and each transform all its inputs. There are as many work-items as keep all compute units busy, with short
 * strips some more, which may end at different times. */
static Plan
make_plan (OclDevice * device, const OclProduct * product)
{
  const OclWeights *weights = product->weights;
  const OclLayer *layer = &weights->layer;
  gboolean transformed = weights->winograd != NULL;
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  gsize blocks = count_blocks (product), block_numbers;
  gsize max_blocks = 1, min_blocks = 1, max_items = 4 * units;
  Plan plan = { ocl_winograd_find (device, layer) };

  block_numbers = plan.winograd->points * WINOGRAD_TILES * layer->in_channels;
  if (!transformed) {
    max_blocks = CLAMP (STRIP_BYTES / (block_numbers * sizeof (gfloat)), 1,
        WINOGRAD_MAX_BLOCKS);
    min_blocks = MIN_BLOCKS;
    max_items = units;
  }
  plan.n_strips = (blocks + max_blocks - 1) / max_blocks;
  if (plan.n_strips >= units || blocks >= units * min_blocks)
    plan.n_strips = (plan.n_strips + units - 1) / units * units;
  plan.n_blocks = (blocks + plan.n_strips - 1) / plan.n_strips;
  plan.n_strips = (blocks + plan.n_blocks - 1) / plan.n_blocks;
  plan.strip_work = strip_work (layer, &plan);
  plan.n_sets = MAX (max_items / plan.n_strips,
      1 + (gsize) (plan.strip_work / LAUNCH_WORK));
  if (plan.n_strips < units)
    plan.n_sets = (plan.n_sets + units - 1) / units * units;
  plan.n_sets = MIN (plan.n_sets, weights->n_panels);
  plan.n_items = CLAMP (max_items / plan.n_sets, 1, plan.n_strips);
  plan.products = has_zeros (product) ? 25 : plan.winograd->points;
  plan.slot = block_numbers * plan.n_blocks
      + (transformed ? 0 : plan.winograd->passing);
  return plan;
}

gboolean
ocl_winograd_can (OclDevice * device, const OclProduct * product, guint unused)
{
  const OclConv *conv = &product->conv;
  const OclTensor *input = product->input, *input2 = product->input2;
  const OclLayer *layer = &product->weights->layer;

  if (conv->stride > 1 || input->type != OCL_F32 || input->channels % 16 != 0
      || ocl_winograd_find (device, layer) == NULL)
    return FALSE;
  if (is_temporal (product))
    return input2 == NULL && conv->pad_top == 0 && conv->pad_left == 0
        && conv->upsampled_height == 0 && conv->upsampled_width == 0
        && input->height == product->output->height
        && input->width == product->output->width;
  return input2 == NULL || input2->channels % 16 == 0;
}

gboolean
ocl_winograd_suits (OclDevice * device, const OclProduct * product,
    guint unused)
{
  const OclLayer *layer = &product->weights->layer;
  gdouble speed = layer->type == OCL_BF16 ? BF16_SPEED : 1;
  gdouble taps = ocl_layer_taps (layer);
  Plan plan = make_plan (device, product);
  /* Tiles at the edges take as long as whole tiles. */
  gdouble cost = RELATIVE_COST * plan.products * WINOGRAD_TILES * plan.n_blocks;

  if (product->weights->winograd == NULL)
    cost += WEIGHTS_COST * plan.winograd->points;
  return speed * cost * plan.n_strips
      < taps * ocl_tensor_pixels (product->output);
}

gsize
ocl_winograd_scratch (OclDevice * device, const OclProduct * product)
{
  Plan plan;

  if (!ocl_winograd_can (device, product, 0))
    return 0;
  plan = make_plan (device, product);
  return plan.n_items * plan.n_sets * plan.slot * sizeof (gfloat);
}

static gint
panel_form (const OclWeights * weights)
{
  if (weights->winograd != NULL)
    return PANELS_TRANSFORMED;
  return weights->layer.type == OCL_BF16 ? PANELS_BF16 : PANELS_F32;
}

/* The launch for strips from @first to @end - 1. @scratch: a slot for each work-item. */
static gboolean
run_strips (OclQueue * queue, const OclProduct * product, const Plan * plan,
    gsize first, gsize end, const OclTensor * scratch, GError ** error)
{
  const OclWeights *weights = product->weights;
  OclCall call = { 0 };

  call.program = call.kernel = plan->winograd->kernel;
  call.global[0] = plan->n_sets;
  call.global[1] = plan->n_items;
  call.work = RELATIVE_COST * (end - first) * plan->strip_work
      * plan->products / plan->winograd->points;
  if (is_temporal (product)) {
    ocl_call_tensor (&call, product->input);
    ocl_call_int (&call, product->input->channels);
  } else {
    ocl_call_sources (&call, product->input, product->input2);
    ocl_call_int (&call, has_zeros (product) ? 2 : -1);
  }
  ocl_call_buffer (&call, weights->winograd != NULL ? weights->winograd
      : weights->panels);
  ocl_call_int (&call, panel_form (weights));
  ocl_call_int (&call, weights->n_panels);
  ocl_call_int (&call, plan->n_sets);
  ocl_call_int (&call, first);
  ocl_call_int (&call, end);
  ocl_call_int (&call, plan->n_items);
  ocl_call_int (&call, plan->n_blocks);
  ocl_call_buffer (&call, scratch->buffer);
  ocl_call_uint64 (&call, scratch->offset);
  ocl_call_uint64 (&call, scratch->channels);
  ocl_call_input_norm (&call, product->norm);
  ocl_call_product (&call, product);
  return ocl_queue_run (queue, &call, error);
}

gboolean
ocl_winograd (OclQueue * queue, const OclProduct * product, guint unused,
    GError ** error)
{
  OclDevice *device = ocl_queue_device (queue);
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  Plan plan = make_plan (device, product);
  gsize at_once = plan.n_items * (gsize) CLAMP (LAUNCH_WORK * units
      / (plan.n_items * plan.strip_work), 1, plan.n_strips);
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor scratch;
  gboolean ok =
      ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, plan.n_items, plan.n_sets,
          plan.slot), &scratch, error);

  for (gsize first = 0; ok && first < plan.n_strips; first += at_once)
    ok = run_strips (queue, product, &plan, first,
        MIN (first + at_once, plan.n_strips), &scratch, error);
  ocl_arena_release (arena, mark);
  return ok;
}
