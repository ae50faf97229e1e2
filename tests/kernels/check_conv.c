/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Convolutions: 1 x 1, 3 x 3, strided, upsampling, temporal and three-dimensional, with one and two inputs, sizes around
 * the kernels' blocks; with --bench the shapes of the default model and of Stable Diffusion. Layers of 16 n channels
 * and one by one stride run as Winograd's where VLDM_CONV or the shape says so.
 */

#include "tests/kernels/product.h"
#include "tests/kernels/tests.h"

/* Sums of at most 2304 products in fp32; Winograd's transforms lose one more decimal digit (measured 4e-6). */
#define TOLERANCE 2e-6
#define TOLERANCE_WINOGRAD 1e-5
/* Longer sums, over weights that were transformed in fp32: 1.5e-5 was seen once in 200 000 values of 272 channels. */
#define TOLERANCE_WIDE 3e-5

#define SAME {1, 1, 1}
#define POINT .kernel_t = 1, .kernel_h = 1, .kernel_w = 1
#define SQUARE .kernel_t = 1, .kernel_h = 3, .kernel_w = 3
#define TEMPORAL .kernel_t = 3, .kernel_h = 1, .kernel_w = 1

static const Product direct_cases[] = {
  {2, 5, 7,.channels = 9,.channels2 = 7,.out = 5, SQUARE,.conv = SAME,.norm =
        2},
  {1, 1, 1,.channels = 1,.out = 1, SQUARE,.conv = SAME},
  {2, 5, 7,.channels = 4,.out = 32, SQUARE,.conv = SAME,.mixed = TRUE},
  {2, 5, 7,.channels = 9,.out = 40, SQUARE,.conv = SAME,.gap = 3,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.residual = 1,.merge = 0.5,.scale =
        0.5},
  {3, 9, 13,.channels = 24,.out = 3, SQUARE,.conv = SAME,.frame_bias = 1},
  {1, 9, 13,.channels = 5,.channels2 = 3,.out = 65, SQUARE,.conv = SAME,.gap =
        1,.mixed = TRUE},
  {1, 6, 5,.channels = 1,.channels2 = 36,.out = 33, POINT,.residual = 2},
  {2, 9, 11,.channels = 16,.out = 48, SQUARE,.conv = {2, 1, 1},.out_height =
      5,.out_width = 6},
  {1, 8, 12,.channels = 7,.out = 20, SQUARE,.conv = {2, 0, 0},.out_height =
      4,.out_width = 6},
  {1, 9, 7,.channels = 7,.out = 20, SQUARE,.conv = {2, 0, 0},.out_height =
      4,.out_width = 3},
  {2, 5, 7,.channels = 18,.out = 33, SQUARE,.conv = {1, 1, 1, 9, 13},.mixed =
      TRUE},
  {1, 5, 7,.channels = 3,.channels2 = 2,.out = 16, SQUARE,.conv =
        {1, 1, 1, 10, 14}},
  {1, 13, 2,.channels = 8,.out = 8, SQUARE,.conv =
        {2, 1, 1, 25, 3},.out_height = 13,.out_width = 2},
  {1, 3, 4,.channels = 16,.out = 16, TEMPORAL},
  {2, 3, 4,.channels = 16,.out = 17, TEMPORAL},
  {5, 3, 4,.channels = 19,.out = 64, TEMPORAL,.frame_bias = 2,.residual =
        2,.residual_scale = 0.3,.scale = 0.7,.mixed = TRUE},
  /* More than CACHED_BYTES: frames side by side. */
  {3, 41, 37,.channels = 40,.out = 33, TEMPORAL,.residual = 1},
  {2, 4, 5,.channels = 3,.out = 3,.kernel_t = 3,.kernel_h = 3,.kernel_w =
        3,.conv = SAME},
  {1, 7, 6,.channels = 6,.out = 12,.kernel_t = 1,.kernel_h = 5,.kernel_w =
        2,.conv = {1, 2, 0},.out_width = 5},
  /* Rows from the middle of an upsampled picture. */
  {2, 5, 7,.channels = 18,.out = 33, SQUARE,.conv =
        {1, -1, 1, 10, 14},.out_height = 5},
  /* Products in bf16. */
  {2, 5, 7,.channels = 64,.out = 40, SQUARE,.conv = {2, 1, 1},.out_height =
      3,.out_width = 4,.gap = 3,.bf16 = TRUE},
  {1, 6, 5,.channels = 32,.channels2 = 96,.out = 33, POINT,.residual = 2,.bf16 =
        TRUE},
  /* Inputs that suit them only together. */
  {1, 6, 5,.channels = 48,.channels2 = 48,.out = 33, POINT,.gap = 3,.bf16 =
        TRUE},
  {2, 6, 5,.channels = 33,.channels2 = 31,.out = 40, SQUARE,.conv =
        SAME,.bf16 = TRUE},
};

static const Product winograd_cases[] = {
  {1, 4, 4,.channels = 16,.out = 17, SQUARE,.conv = SAME},
  {1, 3, 3,.channels = 256,.out = 32, SQUARE,.conv = SAME},
  {3, 5, 7,.channels = 32,.out = 64, SQUARE,.conv = SAME,.frame_bias =
        2,.activation = OCL_ACTIVATION_SILU},
  {2, 13, 17,.channels = 16,.channels2 = 32,.out = 70, SQUARE,.conv =
        SAME,.gap = 5,.residual = 1,.merge = 0.5,.scale = 0.5},
  {1, 7, 9,.channels = 32,.out = 33, SQUARE,.conv =
        {1, 1, 1, 11, 18},.residual = 2},
  {1, 9, 9,.channels = 16,.out = 24, SQUARE,.conv = {1, 0, 2},.out_height =
      7,.out_width = 10},
  /* Twice as large: rows and columns of points are zero where windows begin on odd pixels, and not where on even ones. */
  {1, 6, 9,.channels = 32,.out = 33, SQUARE,.conv =
        {1, -1, 1, 12, 18},.out_height = 8},
  {3, 5, 7,.channels = 32,.channels2 = 16,.out = 40, SQUARE,.conv =
        {1, 1, 1, 10, 14},.residual = 1},
  {1, 5, 7,.channels = 32,.out = 40, SQUARE,.conv =
        {1, 0, 1, 10, 14},.out_height = 9},
  {1, 5, 7,.channels = 32,.out = 40, SQUARE,.conv =
        {1, 1, -2, 10, 14},.out_width = 11},
  {8, 5, 7,.channels = 32,.out = 70, TEMPORAL,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.residual = 2,.scale = 0.5,.gap =
        3},
  {5, 3, 3,.channels = 256,.out = 24, TEMPORAL,.merge = 0.5},
  {2, 5, 7,.channels = 32,.channels2 = 32,.out = 33, SQUARE,.conv =
        {1, 1, 1, 9, 13},.bf16 = TRUE},
  {3, 41, 37,.channels = 64,.out = 33, TEMPORAL,.merge = 0.5,.bf16 = TRUE},
  {3, 9, 13,.channels = 32,.channels2 = 16,.out = 33, SQUARE,.conv =
        SAME,.norm = 2,.gap = 3},
  {2, 9, 13,.channels = 32,.out = 24, SQUARE,.conv = SAME,.norm = 1},
  {6, 5, 7,.channels = 32,.out = 33, TEMPORAL,.norm = 1,.frame_bias = 1},
  {5, 5, 7,.channels = 48,.out = 24, TEMPORAL,.norm = 2},
};

/* More channels than layers with transformed weights have; in one strip, and in more than there are work-items. */
static const Product wide_cases[] = {
  {1, 5, 9,.channels = 288,.out = 33, SQUARE,.conv = SAME,.bf16 = TRUE},
  {2, 13, 18,.channels = 256,.channels2 = 64,.out = 70, SQUARE,.conv =
        SAME,.gap = 5,.frame_bias = 2,.residual = 1,.merge = 0.5,.scale =
        0.5,.bf16 = TRUE},
  {1, 9, 9,.channels = 352,.out = 24, SQUARE,.conv =
        {1, 1, 1, 17, 18},.activation = OCL_ACTIVATION_SILU,.bf16 = TRUE},
  {1, 9, 9,.channels = 288,.channels2 = 32,.out = 33, SQUARE,.conv =
        {1, 1, 1, 18, 18},.bf16 = TRUE},
  {1, 53, 67,.channels = 272,.out = 33, SQUARE,.conv = SAME},
  {6, 3, 5,.channels = 272,.out = 70, TEMPORAL,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.residual = 2,.scale = 0.5,.gap =
        3},
  {3, 31, 37,.channels = 528,.out = 33, TEMPORAL,.merge = 0.5},
  {2, 13, 18,.channels = 192,.channels2 = 96,.out = 33, SQUARE,.conv =
        SAME,.norm = 2},
};

static const Product bench_cases[] = {
  {8, 16, 32,.channels = 9,.out = 64, SQUARE,.conv = SAME},
  {8, 16, 32,.channels = 64,.out = 64, SQUARE,.conv = SAME,.frame_bias = 2},
  {8, 16, 32,.channels = 64,.out = 64, TEMPORAL},
  {8, 16, 32,.channels = 96,.channels2 = 64,.out = 64, SQUARE,.conv = SAME},
  {8, 8, 16,.channels = 96,.out = 96, SQUARE,.conv = SAME,.frame_bias = 2},
  {8, 4, 8,.channels = 96,.channels2 = 96,.out = 96, SQUARE,.conv = SAME},
  {8, 4, 8,.channels = 96,.out = 96, TEMPORAL},
  {8, 16, 32,.channels = 64,.out = 4, SQUARE,.conv = SAME},
  {8, 16, 32,.channels = 128,.out = 128, SQUARE,.conv = SAME},
  {8, 64, 128,.channels = 96,.out = 64, SQUARE,.conv = SAME},
  {8, 64, 128,.channels = 64,.out = 64, SQUARE,.conv = {1, 1, 1, 128, 256}},
  {8, 128, 256,.channels = 64,.out = 64, SQUARE,.conv = SAME},
  {8, 128, 256,.channels = 64,.out = 64, TEMPORAL,.merge = 0.5,.scale = 0.5},
  {8, 128, 256,.channels = 64,.out = 3, SQUARE,.conv = SAME},
  {8, 128, 256,.channels = 3,.out = 3, TEMPORAL},
  /* Stable Diffusion's autoencoder decodes 320 x 512. */
  {1, 40, 64,.channels = 512,.out = 512, SQUARE,.conv = SAME},
  {1, 80, 128,.channels = 512,.out = 512, SQUARE,.conv = {1, 1, 1, 160, 256}},
  {1, 160, 256,.channels = 512,.out = 256, SQUARE,.conv = SAME},
  {1, 160, 256,.channels = 256,.out = 256, SQUARE,.conv = SAME},
  {1, 320, 512,.channels = 128,.out = 128, SQUARE,.conv = SAME},
  {1, 320, 512,.channels = 128,.out = 3, SQUARE,.conv = SAME},
  /* Its UNet, with guidance, and Stable Video Diffusion's temporal layers. */
  {2, 40, 64,.channels = 4,.out = 320, SQUARE,.conv = SAME},
  {1, 40, 64,.channels = 320,.out = 320, SQUARE,.conv = SAME,.bf16 = TRUE},
  {2, 40, 64,.channels = 640,.channels2 = 320,.out = 320, SQUARE,.conv =
        SAME,.bf16 = TRUE},
  {2, 20, 32,.channels = 640,.out = 640, SQUARE,.conv = SAME,.bf16 = TRUE},
  {2, 20, 32,.channels = 1280,.channels2 = 640,.out = 640, SQUARE,.conv =
        SAME,.bf16 = TRUE},
  {2, 10, 16,.channels = 1280,.channels2 = 1280,.out = 1280, SQUARE,.conv =
        SAME,.bf16 = TRUE},
  {2, 5, 8,.channels = 1280,.out = 1280, SQUARE,.conv = SAME,.bf16 = TRUE},
  {8, 40, 64,.channels = 320,.out = 320, TEMPORAL},
  {8, 10, 16,.channels = 1280,.out = 1280, TEMPORAL},
  {8, 40, 64,.channels = 512,.out = 512, TEMPORAL},
};

static void
expect_refusal (Check * check, const OclConv * conv, const OclWeights * weights,
    const OclTensor * input, const OclTensor * input2, const OclTensor * output,
    const char *what)
{
  const OclProduct product = {
    .weights = weights,
    .input = input,
    .input2 = input2,
    .output = output,
    .conv = *conv,
  };

  check_that (check, !ocl_conv (check->queue, &product, &check->error),
      "%s is accepted", what);
  check_that (check, g_error_matches (check->error, OCL_ERROR, OCL_ERROR_CALL),
      "%s has not its error", what);
  g_clear_error (&check->error);
}

/* Shapes that do not fit each other. */
static void
check_refusals (Check * check)
{
  const OclConv same = SAME, shrinking = { 1, 1, 1, 4, 5 };
  const OclConv below = { 1, -1, 1 };
  const OclLayer layer = { check->type, 4, 4, 1, 3, 3, FALSE };
  gfloat *data;
  OclTensor input, narrow, frames, output;
  OclWeights *weights;

  if (!check_begin (check, 1, "refusals"))
    return;
  data = check_normal (check, 2 * 5 * 5 * 4 * 9, 1);
  weights = ocl_weights_new (check->device, &layer, data, NULL, &check->error);
  check_result (check, weights != NULL);
  check_own (check, weights, (GDestroyNotify) ocl_weights_free);
  input = check_input (check, data, 1, 5, 5, 4, 0);
  narrow = check_input (check, data, 1, 5, 4, 2, 0);
  frames = check_input (check, data, 2, 5, 5, 4, 0);
  output = check_output (check, 1, 5, 5, 4, 0);

  expect_refusal (check, &same, weights, &input, &narrow, &output,
      "a second input too many");
  expect_refusal (check, &same, weights, &narrow, &narrow, &output,
      "an output wider than its input");
  expect_refusal (check, &same, weights, &frames, NULL, &output,
      "an input with more frames than the output");
  expect_refusal (check, &shrinking, weights, &input, NULL, &output,
      "upsampling to less");
  expect_refusal (check, &below, weights, &input, NULL, &output,
      "rows from below the picture");
  input = ocl_tensor_channels (&input, 0, 2);
  expect_refusal (check, &same, weights, &input, &narrow, &output,
      "a second input of another size");
}

void
check_conv (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (direct_cases); i++)
    product_check (check, &direct_cases[i], TOLERANCE);
  for (guint i = 0; i < G_N_ELEMENTS (winograd_cases); i++)
    product_check (check, &winograd_cases[i], TOLERANCE_WINOGRAD);
  for (guint i = 0; i < G_N_ELEMENTS (wide_cases); i++)
    product_check (check, &wide_cases[i], TOLERANCE_WIDE);
  if (!check->bench)
    check_refusals (check);
  for (guint i = 0; check->bench && i < G_N_ELEMENTS (bench_cases); i++)
    product_check (check, &bench_cases[i], TOLERANCE_WIDE);
}
