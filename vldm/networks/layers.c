/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors by name -> packed layers. Names and shapes are those of diffusers' and transformers' files.
 */
#include "vldm/networks/layers.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "vldm/files/safetensors.h"
#include "vldm/numbers.h"

struct _VldmWeights
{
  OclDevice *device;
  OclType type;
  char *folder;
  VldmSafetensors *tensors;
  GHashTable *taken;            /* names, owned by tensors */
  guint64 n_total, n_taken;     /* numbers */
  VldmLoadingFunc loading;
  gpointer user_data;
};

/* Numbers that loading can read. */
static gsize
count_numbers (VldmSafetensors * tensors, const char *name)
{
  const VldmTensorView *view = vldm_safetensors_find (tensors, name);

  return view->dtype == VLDM_DTYPE_OTHER ? 0 : view->n_elements;
}

VldmWeights *
vldm_weights_open (OclDevice * device, OclType type, const char *folder,
    const char *base, VldmLoadingFunc loading, gpointer user_data,
    GError ** error)
{
  g_autoptr (VldmWeights) weights = g_new0 (VldmWeights, 1);
  g_autofree const char **names = NULL;

  weights->device = ocl_device_ref (device);
  weights->type = type;
  weights->folder = g_strdup (folder);
  weights->loading = loading;
  weights->user_data = user_data;
  weights->taken = g_hash_table_new (g_str_hash, g_str_equal);
  weights->tensors = vldm_safetensors_open (folder, base, error);
  if (weights->tensors == NULL)
    return NULL;

  names = vldm_safetensors_names (weights->tensors);
  for (guint i = 0; names[i] != NULL; i++)
    weights->n_total += count_numbers (weights->tensors, names[i]);
  return g_steal_pointer (&weights);
}

void
vldm_weights_free (VldmWeights * weights)
{
  if (weights == NULL)
    return;
  g_clear_pointer (&weights->taken, g_hash_table_unref);
  g_clear_pointer (&weights->tensors, vldm_safetensors_free);
  g_clear_pointer (&weights->folder, g_free);
  g_clear_pointer (&weights->device, ocl_device_unref);
  g_free (weights);
}

void
vldm_weights_ignore (VldmWeights * weights, const char *prefix)
{
  g_autofree const char **names = vldm_safetensors_names (weights->tensors);

  for (guint i = 0; names[i] != NULL; i++) {
    if (g_str_has_prefix (names[i], prefix)
        && g_hash_table_add (weights->taken, (gpointer) names[i]))
      weights->n_total -= count_numbers (weights->tensors, names[i]);
  }
}

void
vldm_weights_list_unused (VldmWeights * weights)
{
  g_autofree const char **names = vldm_safetensors_names (weights->tensors);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; names[i] != NULL; i++) {
    if (!g_hash_table_contains (weights->taken, names[i]))
      g_string_append_printf (list, " %s", names[i]);
  }
  if (list->len > 0)
    g_debug ("%s: tensors not used:%s", weights->folder, list->str);
}

/* ---- single tensors ---- */

static char *
join (const char *prefix, const char *name)
{
  return *prefix != '\0' ? g_strconcat (prefix, ".", name,
      NULL) : g_strdup (name);
}

gboolean
vldm_weights_has (VldmWeights * weights, const char *prefix, const char *name)
{
  g_autofree char *full = join (prefix, name);

  return vldm_safetensors_find (weights->tensors, full) != NULL;
}

static char *
shape_string (const gsize * shape, guint rank)
{
  GString *string = g_string_new ("[");

  for (guint i = 0; i < rank; i++)
    g_string_append_printf (string, "%s%" G_GSIZE_FORMAT, i > 0 ? ", " : "",
        shape[i]);
  g_string_append_c (string, ']');
  return g_string_free (string, FALSE);
}

/* Dimensions of 1 at the end do not matter: they are all that tells a 1 x 1 convolution from a linear layer. */
static guint
significant_rank (const gsize * shape, guint rank)
{
  while (rank > 1 && shape[rank - 1] == 1)
    rank--;
  return rank;
}

static gboolean
shape_matches (const VldmTensorView * view, const gsize * shape, guint rank)
{
  guint significant = significant_rank (shape, rank);

  if (significant_rank (view->shape, view->rank) != significant)
    return FALSE;
  for (guint i = 0; i < significant; i++) {
    if (view->shape[i] != shape[i])
      return FALSE;
  }
  return TRUE;
}

static const VldmTensorView *
find_tensor (VldmWeights * weights, const char *prefix, const char *name,
    const gsize * shape, guint rank, GError ** error)
{
  g_autofree char *full = join (prefix, name);
  g_autofree char *expected = shape_string (shape, rank);
  g_autofree char *found = NULL;
  const VldmTensorView *view = vldm_safetensors_find (weights->tensors, full);

  if (view == NULL) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s: there is no tensor %s, which its config.json asks for with shape %s",
        weights->folder, full, expected);
    return NULL;
  }
  if (view->dtype == VLDM_DTYPE_OTHER) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s: tensor %s is %s, of a type other than F32, F16 and BF16",
        view->path, full, view->dtype_name);
    return NULL;
  }
  if (!shape_matches (view, shape, rank)) {
    found = shape_string (view->shape, view->rank);
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s: tensor %s has shape %s; its config.json asks for %s", view->path,
        full, found, expected);
    return NULL;
  }
  return view;
}

static gboolean
note_taken (VldmWeights * weights, const VldmTensorView * view, GError ** error)
{
  if (g_hash_table_add (weights->taken, (gpointer) view->name))
    weights->n_taken += view->n_elements;
  if (weights->loading == NULL
      || weights->loading ((gdouble) weights->n_taken / weights->n_total,
          weights->user_data))
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_CANCELLED,
      "loading %s was cancelled", weights->folder);
  return FALSE;
}

/* Most kernels would carry one such number to every result, and some would hide it. */
static gboolean
check_finite (const VldmTensorView * view, const gfloat * numbers,
    GError ** error)
{
  gsize i = vldm_find_not_finite (numbers, view->n_elements);

  if (i == view->n_elements)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
      "%s: tensor %s is damaged: number %" G_GSIZE_FORMAT " of %"
      G_GSIZE_FORMAT " is %s, as after an interrupted training or a bad merge; "
      "the model needs a file without such numbers", view->path, view->name,
      i + 1, view->n_elements, isnan (numbers[i]) ? "NaN" : "infinite");
  return FALSE;
}

/* Converts to fp32 into @out, which holds as many numbers as @shape says. */
static gboolean
read_tensor (VldmWeights * weights, const char *prefix, const char *name,
    const gsize * shape, guint rank, gfloat * out, GError ** error)
{
  const VldmTensorView *view =
      find_tensor (weights, prefix, name, shape, rank, error);

  if (view == NULL)
    return FALSE;
  vldm_tensor_view_read (view, out);
  vldm_tensor_view_drop (view);
  return check_finite (view, out, error) && note_taken (weights, view, error);
}

static gfloat *
alloc_numbers (gsize rows, gsize columns, GError ** error)
{
  gsize n;
  gfloat *numbers = NULL;

  if (g_size_checked_mul (&n, rows, columns))
    numbers = g_try_new (gfloat, n);
  if (numbers == NULL)
    g_set_error (error, OCL_ERROR, OCL_ERROR_MEMORY,
        "no memory for a tensor of %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT
        " numbers", rows, columns);
  return numbers;
}

static OclBuffer *
read_vector (VldmWeights * weights, const char *prefix, const char *name,
    gsize n, GError ** error)
{
  g_autofree gfloat *numbers = alloc_numbers (n, 1, error);

  if (numbers == NULL
      || !read_tensor (weights, prefix, name, &n, 1, numbers, error))
    return NULL;
  return ocl_vector_new (weights->device, numbers, n, error);
}

gboolean
vldm_weights_norm (VldmWeights * weights, const char *prefix, const char *name,
    gsize channels, VldmNorm * norm, GError ** error)
{
  g_autofree char *full = join (prefix, name);

  norm->weight = read_vector (weights, full, "weight", channels, error);
  if (norm->weight == NULL)
    return FALSE;
  norm->bias = read_vector (weights, full, "bias", channels, error);
  return norm->bias != NULL;
}

void
vldm_norm_clear (VldmNorm * norm)
{
  g_clear_pointer (&norm->weight, ocl_buffer_unref);
  g_clear_pointer (&norm->bias, ocl_buffer_unref);
}

gboolean
vldm_weights_mix (VldmWeights * weights, const char *prefix, VldmMix * mix,
    GError ** error)
{
  const gsize one = 1;
  gfloat factor;

  if (!read_tensor (weights, prefix, "time_mixer.mix_factor", &one, 1, &factor,
          error))
    return FALSE;
  mix->spatial = MAX (1.0f / (1.0f + expf (-factor)), FLT_MIN);
  mix->temporal = MAX (1.0f / (1.0f + expf (factor)), FLT_MIN);
  return TRUE;
}

gboolean
vldm_weights_table (VldmWeights * weights, const char *prefix,
    const char *name, gsize rows, gsize columns, OclBuffer ** table,
    GError ** error)
{
  const gsize shape[] = { rows, columns };
  g_autofree gfloat *numbers = alloc_numbers (rows, columns, error);

  if (numbers == NULL
      || !read_tensor (weights, prefix, name, shape, 2, numbers, error))
    return FALSE;
  *table = ocl_vector_new (weights->device, numbers, rows * columns, error);
  return *table != NULL;
}

/* ---- layers ---- */

gboolean
vldm_weights_linear (VldmWeights * weights, const char *prefix,
    const char *name, gsize out, gsize in, VldmLinearFlags flags,
    OclWeights ** layer, GError ** error)
{
  g_autoptr (VldmStack) stack = vldm_stack_new ();

  vldm_stack_add (stack, prefix, name, out);
  return vldm_weights_stack (weights, stack, in, flags, layer, error);
}

gboolean
vldm_weights_conv (VldmWeights * weights, const char *prefix, const char *name,
    gsize out, gsize in, guint kernel_t, guint kernel_s, OclWeights ** layer,
    GError ** error)
{
  const gsize shape[] = { out, in, kernel_s, kernel_s };
  const gsize shape_3d[] = { out, in, kernel_t, kernel_s, kernel_s };
  const OclLayer of =
      { weights->type, in, out, kernel_t, kernel_s, kernel_s, FALSE };
  g_autofree char *full = join (prefix, name);
  g_autofree gfloat *bias = alloc_numbers (out, 1, error);
  g_autofree gfloat *weight = NULL;

  if (bias == NULL)
    return FALSE;
  weight = alloc_numbers (out * kernel_t * kernel_s * kernel_s, in, error);
  if (weight == NULL)
    return FALSE;
  if (!read_tensor (weights, full, "weight", kernel_t > 1 ? shape_3d : shape,
          kernel_t > 1 ? 5 : 4, weight, error))
    return FALSE;
  if (!read_tensor (weights, full, "bias", shape, 1, bias, error))
    return FALSE;
  *layer = ocl_weights_new (weights->device, &of, weight, bias, error);
  return *layer != NULL;
}

/* ---- stacks ---- */

typedef struct
{
  char *name;
  gsize out;
} StackPart;

struct _VldmStack
{
  GArray *parts;
  gsize channels;
};

static void
stack_part_clear (gpointer data)
{
  g_free (((StackPart *) data)->name);
}

VldmStack *
vldm_stack_new (void)
{
  VldmStack *stack = g_new0 (VldmStack, 1);

  stack->parts = g_array_new (FALSE, FALSE, sizeof (StackPart));
  g_array_set_clear_func (stack->parts, stack_part_clear);
  return stack;
}

void
vldm_stack_free (VldmStack * stack)
{
  if (stack == NULL)
    return;
  g_array_unref (stack->parts);
  g_free (stack);
}

gsize
vldm_stack_add (VldmStack * stack, const char *prefix, const char *name,
    gsize out)
{
  const StackPart part = { join (prefix, name), out };
  gsize first = stack->channels;

  g_array_append_val (stack->parts, part);
  stack->channels += out;
  return first;
}

gboolean
vldm_weights_stack (VldmWeights * weights, VldmStack * stack, gsize in,
    VldmLinearFlags flags, OclWeights ** layer, GError ** error)
{
  gboolean has_bias = (flags & VLDM_LINEAR_BIAS) != 0;
  const OclLayer of = { weights->type, in, stack->channels, 1, 1, 1,
    (flags & VLDM_LINEAR_GEGLU) != 0
  };
  g_autofree gfloat *bias = alloc_numbers (stack->channels, 1, error);
  g_autofree gfloat *weight = NULL;
  gsize first = 0;

  if (bias == NULL)
    return FALSE;
  weight = alloc_numbers (stack->channels, in, error);
  if (weight == NULL)
    return FALSE;
  for (guint i = 0; i < stack->parts->len; i++) {
    const StackPart *part = &g_array_index (stack->parts, StackPart, i);
    const gsize shape[] = { part->out, in };

    if (!read_tensor (weights, part->name, "weight", shape, 2,
            weight + first * in, error))
      return FALSE;
    if (has_bias && !read_tensor (weights, part->name, "bias", shape, 1,
            bias + first, error))
      return FALSE;
    first += part->out;
  }
  *layer = ocl_weights_new (weights->device, &of, weight,
      has_bias ? bias : NULL, error);
  return *layer != NULL;
}
