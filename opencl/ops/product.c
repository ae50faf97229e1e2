/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Asks the tuner about products.
 */

#include "opencl/ops/product.h"
#include "opencl/runtime/tuning.h"

typedef struct
{
  const OclProduct *product;
  OclProductFunc run;
  gpointer user_data;
} Trial;

gdouble
ocl_product_work (const OclProduct * product)
{
  const OclWeights *weights = product->weights;

  return 2.0 * ocl_tensor_pixels (product->output) * weights->out_channels
      * weights->kernel_t * weights->kernel_h * weights->kernel_w
      * weights->in_channels;
}

gsize
ocl_product_tiles_across (const OclProduct * product, gsize columns)
{
  const OclWeights *weights = product->weights;

  return ((gsize) weights->n_panels * weights->panel + columns - 1) / columns;
}

gsize
ocl_product_tiles_down (const OclProduct * product, gsize rows)
{
  return (ocl_tensor_pixels (product->output) + rows - 1) / rows;
}

static gboolean
run_aside (OclQueue * queue, guint way, gpointer user_data, GError ** error)
{
  const Trial *trial = user_data;
  OclProduct product = *trial->product;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor scratch;
  gboolean ok = ocl_tensor_alloc_like (queue, product.output, &scratch, error);

  product.output = &scratch;
  ok = ok && trial->run (queue, &product, way, trial->user_data, error);
  ocl_arena_release (arena, mark);
  return ok;
}

/* "1x3x3 96>96 f32 to 8x8x16" */
static char *
describe (const OclProduct * product)
{
  g_autofree char *layer = ocl_weights_describe (product->weights);
  const OclTensor *output = product->output;

  return g_strdup_printf ("%s to %" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT "x%"
      G_GSIZE_FORMAT "%s%s%s", layer, output->frames, output->height,
      output->width, product->input2 != NULL ? " of two" : "",
      product->conv->upsampled_height != 0 ? " upsampled" : "",
      product->norm != NULL ? " normed" : "");
}

gboolean
ocl_product_choose (OclQueue * queue, const char *operation,
    const OclProduct * product, const char *const *ways, guint n_ways,
    OclProductFunc run, gpointer user_data, guint * way, GError ** error)
{
  g_autofree char *shape = describe (product);
  Trial trial = { product, run, user_data };
  OclTuningQuestion question = { operation, shape, ways, n_ways, *way };

  question.run = run_aside;
  question.user_data = &trial;
  return ocl_tuning_choose (queue, &question, way, error);
}
