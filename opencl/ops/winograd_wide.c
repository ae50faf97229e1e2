/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Winograd's F(4 x 4, 3 x 3) for layers of many channels: how kernels/winograd_wide_vec.cl is cut into work-items and
 * launches.
 */

#include "opencl/ops/winograd_wide.h"
#include "opencl/ops/gemm.h"

/* As in the kernel: tiles a block, points a tile, columns a panel, blocks a strip at most. */
#define TILES 12
#define POINTS 36
#define PANEL 32
#define MAX_BLOCKS 8

/* Transformed inputs of a strip, which pass by each panel's weights: what stays in third-level caches. */
#define STRIP_BYTES (8 << 20)

/* Work-items a compute unit, so that its units end together. */
#define ITEMS_PER_UNIT 2

/* Operations a launch, about 25 ms of two CPU cores. */
#define LAUNCH_OPERATIONS 4e9

/* Time of a multiplication here against one of the direct way, transforms included; measured on Zen 4: 1.4 for layers of
 * 320 channels, 1.7 for those of 1280 with few pixels. */
#define RELATIVE_COST 1.7

gboolean
ocl_winograd_wide_is_possible (OclDevice * device, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclTensor * output)
{
  return ocl_device_caps (device)->form == OCL_FORM_VECTOR
      && weights->type == OCL_F32 && weights->panel == PANEL
      && !weights->geglu && weights->kernel_t == 1 && weights->kernel_h == 3
      && weights->kernel_w == 3 && conv->stride <= 1 && input->type == OCL_F32
      && input->channels % 16 == 0
      && (input2 == NULL || input2->channels % 16 == 0);
}

static gsize
count_blocks (const OclTensor * output)
{
  gsize tiles = output->frames * ((output->height + 3) / 4)
      * ((output->width + 3) / 4);

  return (tiles + TILES - 1) / TILES;
}

gboolean
ocl_winograd_wide_suits (const OclTensor * output)
{
  return RELATIVE_COST * POINTS * TILES * count_blocks (output)
      < 9.0 * ocl_tensor_pixels (output);
}

/* Strips of blocks, and who does them: work-items (set of panels, strips one in n_items). */
typedef struct
{
  gsize n_blocks, n_strips;
  gsize n_sets, n_items;
  gsize wave;                   /* strips a launch */
  gsize slot_size;              /* numbers of a strip's transformed inputs */
  gdouble strip_work;
} Division;

/* As many strips as units or a multiple, of as many blocks as memory allows: the more pass by transformed weights, the
 * cheaper those are. Where there are few strips, the panels are shared out, too. */
static Division
divide (gsize units, const OclWeights * weights, const OclTensor * output)
{
  gsize blocks = count_blocks (output);
  gsize block_size = (gsize) POINTS * TILES * weights->in_channels;
  gsize most = CLAMP (STRIP_BYTES / (block_size * sizeof (gfloat)), 1,
      MAX_BLOCKS);
  gsize all_items = units * ITEMS_PER_UNIT;
  Division d = { 0 };
  gsize step;

  d.n_strips = (blocks + most - 1) / most;
  d.n_strips = (d.n_strips + units - 1) / units * units;
  d.n_blocks = (blocks + d.n_strips - 1) / d.n_strips;
  d.n_strips = (blocks + d.n_blocks - 1) / d.n_blocks;
  d.n_sets = CLAMP (all_items / d.n_strips, 1, weights->n_panels);
  d.n_items = CLAMP (all_items / d.n_sets, 1, d.n_strips);
  d.strip_work = 2.0 * d.n_blocks * TILES * POINTS * weights->in_channels
      * weights->out_channels;
  step = CLAMP (LAUNCH_OPERATIONS / d.strip_work, 1, d.n_strips);
  d.wave = (step + d.n_items - 1) / d.n_items * d.n_items;
  d.slot_size = d.n_blocks * block_size;
  return d;
}

gsize
ocl_winograd_wide_scratch (OclDevice * device, const OclWeights * weights,
    const OclTensor * output)
{
  gsize units = MAX (ocl_device_caps (device)->compute_units, 1);
  Division d = divide (units, weights, output);

  return d.n_items * d.n_sets * d.slot_size * sizeof (gfloat);
}

gboolean
ocl_winograd_wide (OclQueue * queue, const OclConv * conv,
    const OclWeights * weights, const OclTensor * input,
    const OclTensor * input2, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  Division d = divide (MAX (caps->compute_units, 1), weights, output);
  OclTensor scratch;
  gboolean done = ocl_tensor_alloc (queue, OCL_F32, 1, d.n_items, d.n_sets,
      d.slot_size, &scratch, error);

  for (gsize first = 0; done && first < d.n_strips; first += d.wave) {
    gsize end = MIN (first + d.wave, d.n_strips);
    OclCall call = { 0 };

    call.program = call.kernel = "winograd_wide_vec";
    call.global[0] = d.n_sets;
    call.global[1] = d.n_items;
    call.work = d.strip_work * (end - first);
    ocl_call_sources (&call, input, input2);
    ocl_call_buffer (&call, weights->panels);
    ocl_call_int (&call, weights->n_panels);
    ocl_call_int (&call, d.n_sets);
    ocl_call_int (&call, first);
    ocl_call_int (&call, end);
    ocl_call_int (&call, d.n_items);
    ocl_call_int (&call, d.n_blocks);
    ocl_call_buffer (&call, scratch.buffer);
    ocl_call_uint64 (&call, scratch.offset);
    ocl_call_uint64 (&call, d.slot_size);
    ocl_call_gather (&call, conv, weights, input, output);
    ocl_call_epilogue (&call, weights, epilogue, output);
    done = ocl_queue_run (queue, &call, error);
  }
  ocl_arena_release (arena, mark);
  return done;
}
