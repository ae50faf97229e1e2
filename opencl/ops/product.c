/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Chooses the variant in which a product is computed.
 */

#include "opencl/ops/product.h"
#include "opencl/runtime/tuning.h"

gdouble
ocl_product_work (const OclProduct * product)
{
  const OclLayer *layer = &product->weights->layer;

  return 2.0 * ocl_tensor_pixels (product->output) * layer->out_channels
      * ocl_layer_taps (layer) * layer->in_channels;
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

void
ocl_call_product (OclCall * call, const OclProduct * product)
{
  ocl_call_gather (call, &product->conv, &product->weights->layer,
      product->input, product->output);
  ocl_call_epilogue (call, product->weights, product->epilogue,
      product->output);
}

/* ---- variants ---- */

/* The variants that can compute a product. */
typedef struct
{
  const OclProduct *product;
  const OclVariant *variants[OCL_TUNING_MAX_VARIANTS];
  const char *names[OCL_TUNING_MAX_VARIANTS];
  guint n, expected;
  gboolean forced;              /* the expected variant is forced by the environment */
} Candidates;

static gboolean
is_variant (const OclVariants * variants, const char *name)
{
  for (guint i = 0; i < variants->n_variants; i++)
    if (g_str_equal (variants->variants[i].name, name))
      return TRUE;
  return FALSE;
}

/* The name that the environment forces, or NULL. Warns once about a name that no variant has. */
static const char *
find_forced (const OclVariants * variants)
{
  const char *known[OCL_TUNING_MAX_VARIANTS + 1] = { "auto" };
  const char *name = ocl_environment_forced (variants->forced);

  if (name == NULL || is_variant (variants, name))
    return name;
  for (guint i = 0; i < variants->n_variants; i++)
    known[1 + i] = variants->variants[i].name;
  ocl_environment_warn (variants->forced, name, known,
      1 + variants->n_variants, "auto");
  return NULL;
}

static void
find_candidates (OclDevice * device, const OclVariants * variants,
    const OclProduct * product, Candidates * candidates)
{
  const char *forced = find_forced (variants);

  *candidates = (Candidates) {
  .product = product};
  for (guint i = 0; i < variants->n_variants; i++) {
    const OclVariant *v = &variants->variants[i];

    if (v->can != NULL && !v->can (device, product, v->number))
      continue;
    candidates->variants[candidates->n] = v;
    candidates->names[candidates->n] = v->name;
    if (g_strcmp0 (v->name, forced) == 0) {
      candidates->forced = TRUE;
      candidates->expected = candidates->n;
    } else if (!candidates->forced && (v->suits == NULL
            || v->suits (device, product, v->number))) {
      candidates->expected = candidates->n;
    }
    candidates->n++;
  }
}

const OclVariant *
ocl_product_expect (OclDevice * device, const OclVariants * variants,
    const OclProduct * product)
{
  Candidates candidates;

  find_candidates (device, variants, product, &candidates);
  return candidates.variants[candidates.expected];
}

/* Runs candidate @i with an output that is thrown away. */
static gboolean
run_aside (OclQueue * queue, guint i, gpointer user_data, GError ** error)
{
  const Candidates *candidates = user_data;
  const OclVariant *variant = candidates->variants[i];
  OclProduct product = *candidates->product;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor scratch;
  gboolean ok = ocl_tensor_alloc_like (queue, product.output, &scratch, error);

  product.output = &scratch;
  ok = ok && variant->run (queue, &product, variant->number, error);
  ocl_arena_release (arena, mark);
  return ok;
}

/* "1x3x3 96>96 f32 to 8x8x16" */
static char *
describe (const OclProduct * product)
{
  g_autofree char *layer = ocl_layer_describe (&product->weights->layer);
  const OclTensor *output = product->output;

  return g_strdup_printf ("%s to %" G_GSIZE_FORMAT "x%" G_GSIZE_FORMAT "x%"
      G_GSIZE_FORMAT "%s%s%s", layer, output->frames, output->height,
      output->width, product->input2 != NULL ? " of two" : "",
      product->conv.upsampled_height != 0 ? " upsampled" : "",
      product->norm != NULL ? " normalised" : "");
}

/* *@i = the index of the candidate to take. */
static gboolean
choose (OclQueue * queue, const char *operation, Candidates * candidates,
    guint * i, GError ** error)
{
  g_autofree char *shape = NULL;
  OclTuningQuestion question = { operation };

  *i = candidates->expected;
  if (candidates->forced || candidates->n == 1)
    return TRUE;
  question.shape = shape = describe (candidates->product);
  question.variants = candidates->names;
  question.n_variants = candidates->n;
  question.built_in = candidates->expected;
  question.run = run_aside;
  question.user_data = candidates;
  return ocl_tuning_choose (queue, &question, i, error);
}

gboolean
ocl_product_run (OclQueue * queue, const OclVariants * variants,
    const OclProduct * product, GError ** error)
{
  const OclVariant *variant;
  Candidates candidates;
  guint i;

  find_candidates (ocl_queue_device (queue), variants, product, &candidates);
  if (!choose (queue, variants->operation, &candidates, &i, error))
    return FALSE;
  variant = candidates.variants[i];
  return variant->run (queue, product, variant->number, error);
}
