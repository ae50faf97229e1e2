/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear layers and convolutions, summed in double by seven nested loops.
 */

#include "tests/kernels/product.h"

#include <math.h>

/* The case's operands on the host, packed, and its sizes with the defaults filled in. */
typedef struct
{
  const Product *p;
  gsize taps, inputs, out, height, width;       /* out, height, width of the output */
  gsize up_height, up_width;
  guint kernel_t, kernel_h, kernel_w, stride;
  gfloat *input, *input2, *weight, *bias, *frame_bias, *residual, *merge;
  gfloat *factors, *shifts;     /* of the norm: [frames][2][inputs], [inputs] */
} Operands;

static gdouble
activate (OclActivation activation, gdouble x)
{
  switch (activation) {
    case OCL_ACTIVATION_SILU:
      return x / (1 + exp (-x));
    case OCL_ACTIVATION_GELU:
      return x * (1 + erf (x * G_SQRT2 / 2)) / 2;
    case OCL_ACTIVATION_QUICK_GELU:
      return x / (1 + exp (-1.702 * x));
    default:
      return x;
  }
}

/* The sizes, with their defaults. */
static void
set_sizes (const Product * p, Operands * o)
{
  o->p = p;
  o->kernel_t = MAX (p->kernel_t, 1);
  o->kernel_h = MAX (p->kernel_h, 1);
  o->kernel_w = MAX (p->kernel_w, 1);
  o->stride = MAX (p->conv.stride, 1);
  o->taps = o->kernel_t * o->kernel_h * o->kernel_w;
  o->inputs = p->channels + p->channels2;
  o->out = p->geglu ? p->out / 2 : p->out;
  o->up_height =
      p->conv.upsampled_height != 0 ? p->conv.upsampled_height : p->height;
  o->up_width =
      p->conv.upsampled_width != 0 ? p->conv.upsampled_width : p->width;
  o->height = p->out_height != 0 ? p->out_height : o->up_height;
  o->width = p->out_width != 0 ? p->out_width : o->up_width;
}

static void
fill (Check * check, Operands * o)
{
  const Product *p = o->p;
  gsize in_pixels = p->frames * p->height * p->width;
  gsize out_elements = p->frames * o->height * o->width * o->out;

  o->input = check_normal (check, in_pixels * p->channels, 1);
  o->input2 = check_normal (check, in_pixels * p->channels2, 1);
  /* So that results are of the order of one. */
  o->weight = check_normal (check, p->out * o->inputs * o->taps,
      1 / sqrt (o->inputs * o->taps));
  o->bias = p->no_bias ? NULL : check_normal (check, p->out, 1);
  o->frame_bias = check_normal (check, p->frames * o->out, 1);
  o->residual = check_normal (check, out_elements, 1);
  o->merge = check_normal (check, out_elements, 1);
  o->factors = check_normal (check, p->frames * 2 * o->inputs, 1);
  o->shifts = check_normal (check, o->inputs, 1);
}

/* What weights are multiplied with. */
static gdouble
input_value (const Operands * o, gsize frame, gsize pixel, gsize c)
{
  const Product *p = o->p;
  gdouble x = c < p->channels ? o->input[pixel * p->channels + c]
      : o->input2[pixel * p->channels2 + c - p->channels];
  const gfloat *mean = o->factors + (p->norm == 1 ? 0 : frame * 2 * o->inputs);

  if (p->norm == 0)
    return x;
  x = (x - mean[c]) * mean[o->inputs + c] + o->shifts[c];
  return p->norm == 2 ? activate (OCL_ACTIVATION_SILU, x) : x;
}

/* Product and bias of one output element, before GEGLU. */
static gdouble
sum_products (const Operands * o, gsize frame, gsize row, gsize column,
    gsize channel)
{
  const Product *p = o->p;
  const gfloat *weight = o->weight + channel * o->inputs * o->taps;
  gdouble sum = o->bias != NULL ? o->bias[channel] : 0;

  for (guint t = 0; t < o->kernel_t; t++)
    for (guint y = 0; y < o->kernel_h; y++)
      for (guint x = 0; x < o->kernel_w; x++) {
        gssize f = (gssize) frame + t - (o->kernel_t - 1) / 2;
        gssize v = (gssize) (row * o->stride) + y - p->conv.pad_top;
        gssize u = (gssize) (column * o->stride) + x - p->conv.pad_left;
        gsize pixel, tap = (t * o->kernel_h + y) * o->kernel_w + x;

        if (f < 0 || f >= (gssize) p->frames || v < 0
            || v >= (gssize) o->up_height || u < 0 || u >= (gssize) o->up_width)
          continue;
        pixel = (f * p->height + v * p->height / o->up_height) * p->width
            + u * p->width / o->up_width;
        for (gsize c = 0; c < o->inputs; c++)
          sum += weight[c * o->taps + tap] * input_value (o, f, pixel, c);
      }
  return sum;
}

static gdouble
reference_element (const Operands * o, gsize frame, gsize row, gsize column,
    gsize channel)
{
  const Product *p = o->p;
  gsize at = ((frame * o->height + row) * o->width + column) * o->out + channel;
  gdouble v = sum_products (o, frame, row, column, channel);

  if (p->geglu)
    v *= activate (OCL_ACTIVATION_GELU,
        sum_products (o, frame, row, column, o->out + channel));
  if (p->frame_bias != 0)
    v += o->frame_bias[(p->frame_bias == 1 ? 0 : frame) * o->out + channel];
  v = activate (p->activation, v) * (p->scale != 0 ? p->scale : 1);
  if (p->residual != 0)
    v += (p->residual_scale != 0 ? p->residual_scale : 1) * o->residual[at];
  return v + p->merge * o->merge[at];
}

static gdouble *
reference (Check * check, const Operands * o)
{
  gsize pixels = o->p->frames * o->height * o->width;
  gdouble *expected = check_doubles (check, pixels * o->out);

  for (gsize i = 0; i < pixels * o->out; i++) {
    gsize pixel = i / o->out;
    expected[i] = reference_element (o, pixel / (o->height * o->width),
        pixel / o->width % o->height, pixel % o->width, i % o->out);
  }
  return expected;
}

static OclInputNorm
make_norm (Check * check, const Operands * o)
{
  static const OclGroupNorm norms[] = { {.groups = 1}, {.groups = 1,.silu = TRUE}
  };
  const OclInputNorm norm = {
    &norms[o->p->norm == 2],
    check_input_typed (check, OCL_F32, o->factors,
        o->p->norm == 1 ? 1 : o->p->frames, 1, 2, o->inputs, 0),
    check_vector (check, o->shifts, o->inputs)
  };

  return norm;
}

/* Runs the operation with these storage types, and compares. */
static void
run (Check * check, const Operands * o, OclType in, OclType weights_type,
    OclType out, gdouble tolerance)
{
  const Product *p = o->p;
  gsize n_weights = p->out * o->inputs * o->taps;
  OclTensor input, input2, frame_bias, residual, merge, output;
  OclEpilogue epilogue = { p->activation, NULL, p->scale, NULL,
    p->residual_scale, NULL, p->merge
  };
  OclInputNorm norm = make_norm (check, o);
  const OclLayer layer = { weights_type, o->inputs, p->out, o->kernel_t,
    o->kernel_h, o->kernel_w, p->geglu
  };
  OclProduct conv = {
    .input = &input,
    .input2 = p->channels2 != 0 ? &input2 : NULL,
    .output = &output,
    .conv = p->conv,
    .norm = p->norm != 0 ? &norm : NULL,
    .epilogue = &epilogue,
  };
  OclWeights *weights;

  check_round (o->weight, n_weights, weights_type);
  weights = ocl_weights_new (check->device, &layer, o->weight, o->bias,
      &check->error);
  check_result (check, weights != NULL);
  if (weights == NULL)
    return;
  check_own (check, weights, (GDestroyNotify) ocl_weights_free);
  conv.weights = weights;

  input = check_input_typed (check, in, o->input, p->frames, p->height,
      p->width, p->channels, p->gap);
  if (p->channels2 != 0)
    input2 = check_input_typed (check, in, o->input2, p->frames, p->height,
        p->width, p->channels2, 0);
  if (p->frame_bias != 0) {
    frame_bias = check_input (check, o->frame_bias,
        p->frame_bias == 1 ? 1 : p->frames, 1, 1, o->out, p->gap);
    epilogue.frame_bias = &frame_bias;
  }
  output = check_output_typed (check, out, p->frames, o->height, o->width,
      o->out, p->gap);
  residual = p->residual == 2
      && out == check->type ? check_in_out (check, o->residual, p->frames,
      o->height, o->width, o->out, p->gap) : check_input (check, o->residual,
      p->frames, o->height, o->width, o->out, p->gap);
  if (p->residual == 2 && out == check->type)
    output = residual;
  epilogue.residual = p->residual != 0 ? &residual : NULL;
  merge = check_input (check, o->merge, p->frames, o->height, o->width, o->out,
      p->gap);
  epilogue.merge = p->merge != 0 ? &merge : NULL;

  while (check_repeat (check))
    check_result (check, p->kernel_h == 0
        ? ocl_linear (check->queue, weights, &input, &epilogue, &output,
            &check->error)
        : ocl_conv (check->queue, &conv, &check->error));
  if (!check->bench)
    check_compare (check, &output, reference (check, o), tolerance);
}

/* Sizes, and what differs from a bare layer. */
static char *
describe (const Operands * o, const char *prefix)
{
  const Product *p = o->p;
  GString *s = g_string_new (prefix);

  g_string_append_printf (s, "%zux%zux%zu_c%zu", p->frames, p->height, p->width,
      p->channels);
  if (p->channels2 != 0)
    g_string_append_printf (s, "+%zu", p->channels2);
  g_string_append_printf (s, "_n%zu", p->out);
  if (o->taps > 1)
    g_string_append_printf (s, "_k%ux%ux%u", o->kernel_t, o->kernel_h,
        o->kernel_w);
  if (o->stride > 1)
    g_string_append_printf (s, "_stride%u_pad%d", o->stride, p->conv.pad_top);
  if (o->height != p->height || o->width != p->width)
    g_string_append_printf (s, "_to%zux%zu", o->height, o->width);
  if (p->gap != 0)
    g_string_append_printf (s, "_gap%zu", p->gap);
  if (p->norm != 0)
    g_string_append_printf (s, "_norm%u", p->norm);
  if (p->geglu)
    g_string_append (s, "_geglu");
  if (p->activation != OCL_ACTIVATION_NONE)
    g_string_append_printf (s, "_act%d", p->activation);
  if (p->frame_bias != 0)
    g_string_append_printf (s, "_frame%u", p->frame_bias);
  if (p->scale != 0)
    g_string_append_printf (s, "_scale%g", p->scale);
  if (p->residual != 0)
    g_string_append_printf (s, "_res%gx%g", p->residual, p->residual_scale);
  if (p->merge != 0)
    g_string_append_printf (s, "_merge%g", p->merge);
  return g_string_free (s, FALSE);
}

static gboolean
begin (Check * check, const Operands * o, const char *prefix)
{
  const Product *p = o->p;
  g_autofree char *name = describe (o, prefix);

  return check_begin (check, 2.0 * p->frames * o->height * o->width * p->out
      * o->inputs * o->taps, "%s", name);
}

void
product_check (Check * check, const Product * p, gdouble tolerance)
{
  OclType other = check->type == OCL_F32 ? OCL_F16 : OCL_F32;
  Operands o = { 0 };

  set_sizes (p, &o);
  if (begin (check, &o, "")) {
    fill (check, &o);
    run (check, &o, check->type, check->type, check->type, tolerance);
  }
  if (p->mixed && begin (check, &o, "mixed_")) {
    fill (check, &o);
    run (check, &o, check->type, OCL_F16, other, tolerance);
  }
  if (p->bf16 && check->type == OCL_F32 && ocl_multiplies_bf16 (check->device)
      && begin (check, &o, "bf16_")) {
    fill (check, &o);
    /* The kernel rounds what it multiplies. */
    check_round (o.input, p->frames * p->height * p->width * p->channels,
        OCL_BF16);
    check_round (o.input2, p->frames * p->height * p->width * p->channels2,
        OCL_BF16);
    run (check, &o, OCL_F32, OCL_BF16, OCL_F32, tolerance);
  }
}
