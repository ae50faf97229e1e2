/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear layers: sizes around the kernels' blocks (12 rows, 16 and 32 columns, tiles of 64), every part of the
 * epilogue, GEGLU, strides and mixed types; with --bench the shapes of the default model and of Stable Diffusion.
 */

#include "tests/kernels/product.h"
#include "tests/kernels/tests.h"

/* Sums of at most 320 products of order 1/16 in fp32 differ from those in double by 1e-6 of the largest result. */
#define TOLERANCE 2e-6

static const Product cases[] = {
  {1, 1, 1,.channels = 1,.out = 1},
  {1, 1, 1,.channels = 320,.out = 64},
  {1, 1, 13,.channels = 7,.out = 3,.gap = 2,.mixed = TRUE},
  {1, 1, 12,.channels = 16,.out = 16},
  {1, 1, 64,.channels = 32,.out = 64},
  {1, 1, 65,.channels = 33,.out = 65,.no_bias = TRUE},
  {2, 3, 5,.channels = 17,.out = 35,.gap = 3,.activation = OCL_ACTIVATION_SILU},
  {1, 1, 77,.channels = 64,.out = 97,.activation = OCL_ACTIVATION_GELU},
  {1, 1, 31,.channels = 31,.out = 15,.activation = OCL_ACTIVATION_QUICK_GELU},
  {3, 2, 7,.channels = 24,.out = 48,.frame_bias = 1,.mixed = TRUE},
  {3, 2, 7,.channels = 24,.out = 47,.frame_bias = 2,.gap = 1},
  {1, 5, 7,.channels = 32,.out = 32,.residual = 1},
  {1, 5, 7,.channels = 32,.out = 33,.residual = 2,.residual_scale = 0.3,.scale =
        0.7},
  {1, 5, 7,.channels = 32,.out = 64,.merge = -0.4,.mixed = TRUE},
  {2, 5, 7,.channels = 19,.out = 29,.gap = 5,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.scale = 0.5,
      .residual = 1,.residual_scale = 1.5,.merge = 0.25,.mixed = TRUE},
  {1, 1, 23,.channels = 16,.out = 64,.geglu = TRUE,.mixed = TRUE},
  {1, 1, 23,.channels = 33,.out = 70,.geglu = TRUE,.gap = 3,.no_bias = TRUE},
  {1, 3, 11,.channels = 20,.out = 34,.geglu = TRUE,.residual = 1,.merge =
        0.5,.scale = 2},
  {1, 1, 9,.channels = 8,.out = 2,.geglu = TRUE},
  /* Products in bf16; the last three layers do not suit them. */
  {1, 1, 1,.channels = 32,.out = 17,.bf16 = TRUE},
  {2, 5, 7,.channels = 96,.out = 70,.gap = 5,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.scale = 0.5,
      .residual = 1,.residual_scale = 1.5,.merge = 0.25,.bf16 = TRUE},
  {1, 1, 53,.channels = 320,.out = 130,.geglu = TRUE,.bf16 = TRUE},
  {1, 1, 24,.channels = 64,.out = 64,.residual = 2,.no_bias = TRUE,.bf16 =
        TRUE},
  {1, 1, 13,.channels = 33,.out = 40,.bf16 = TRUE},
  {1, 1, 13,.channels = 48,.out = 40,.bf16 = TRUE},
  {1, 1, 13,.channels = 64,.out = 16,.bf16 = TRUE},
  /* More than STREAMED_BYTES come out. */
  {1, 1, 262149,.channels = 1,.out = 32},
};

static const Product bench_cases[] = {
  {8, 16, 32,.channels = 64,.out = 64},
  {8, 16, 32,.channels = 64,.out = 512,.geglu = TRUE,.bf16 = TRUE},
  {8, 16, 32,.channels = 256,.out = 64,.residual = 1},
  {8, 8, 16,.channels = 96,.out = 96},
  {8, 8, 16,.channels = 96,.out = 768,.geglu = TRUE},
  {8, 8, 16,.channels = 384,.out = 96,.residual = 1},
  {1, 1, 77,.channels = 128,.out = 512,.activation = OCL_ACTIVATION_QUICK_GELU},
  {8, 128, 256,.channels = 64,.out = 64},
  /* Square. */
  {1, 16, 32,.channels = 512,.out = 512},
  {1, 32, 32,.channels = 1024,.out = 1024},
  {1, 32, 64,.channels = 2048,.out = 2048,.bf16 = TRUE},
  {1, 64, 64,.channels = 4096,.out = 4096,.bf16 = TRUE},
  /* Stable Diffusion at 320 x 512, from the highest level to the lowest: output projection, query, key and value, feed
   * forward, a shortcut. */
  {1, 40, 64,.channels = 320,.out = 320,.residual = 1},
  {1, 40, 64,.channels = 320,.out = 960,.no_bias = TRUE},
  {1, 40, 64,.channels = 320,.out = 2560,.geglu = TRUE,.bf16 = TRUE},
  {1, 40, 64,.channels = 1280,.out = 320,.residual = 1,.bf16 = TRUE},
  {1, 20, 32,.channels = 640,.out = 640,.residual = 1},
  {1, 20, 32,.channels = 640,.out = 1920,.no_bias = TRUE,.bf16 = TRUE},
  {1, 20, 32,.channels = 640,.out = 5120,.geglu = TRUE},
  {1, 20, 32,.channels = 2560,.out = 640,.residual = 1},
  {1, 10, 16,.channels = 1280,.out = 1280,.residual = 1},
  {1, 10, 16,.channels = 1280,.out = 3840,.no_bias = TRUE},
  {1, 10, 16,.channels = 1280,.out = 10240,.geglu = TRUE,.bf16 = TRUE},
  {1, 10, 16,.channels = 5120,.out = 1280,.residual = 1},
  {1, 5, 8,.channels = 1280,.out = 1280,.residual = 1},
  {1, 5, 8,.channels = 1280,.out = 10240,.geglu = TRUE,.bf16 = TRUE},
  {1, 5, 8,.channels = 5120,.out = 1280,.residual = 1},
  /* Its text, and the time projections of all its blocks. */
  {1, 1, 77,.channels = 768,.out = 3072,.activation =
        OCL_ACTIVATION_QUICK_GELU},
  {1, 1, 77,.channels = 768,.out = 2560,.no_bias = TRUE},
  {1, 1, 1,.channels = 1280,.out = 17920},
  /* Eight frames of it, as Stable Video Diffusion. */
  {8, 40, 64,.channels = 320,.out = 320,.residual = 1},
  {8, 40, 64,.channels = 320,.out = 2560,.geglu = TRUE},
  {8, 20, 32,.channels = 640,.out = 5120,.geglu = TRUE},
  {8, 10, 16,.channels = 1280,.out = 10240,.geglu = TRUE},
};

/* Every combination of the parts of an epilogue. */
static void
check_epilogues (Check * check)
{
  for (guint i = 0; i < 4 * 3 * 2 * 3 * 2; i++) {
    Product p = { 2, 2, 7,.channels = 16,.out = 19 };
    p.activation = i % 4;
    p.frame_bias = i / 4 % 3;
    p.scale = i / 12 % 2 == 0 ? 0 : 0.7;
    p.residual = i / 24 % 3;
    p.residual_scale = i % 2 == 0 ? 0 : 0.3;
    p.merge = i / 72 % 2 == 0 ? 0 : 0.4;
    product_check (check, &p, TOLERANCE);
  }
}

static void
expect_refusal (Check * check, gboolean ok, const char *what)
{
  check_that (check, !ok, "%s is accepted", what);
  check_that (check, g_error_matches (check->error, OCL_ERROR, OCL_ERROR_CALL),
      "%s has not its error", what);
  g_clear_error (&check->error);
}

/* Shapes that do not fit each other. */
static void
check_refusals (Check * check)
{
  gfloat *data;
  OclTensor input, wide, output, long_output;
  OclWeights *weights, *geglu;
  OclEpilogue epilogue = { 0 };
  const OclLayer plain = { check->type, 3, 4, 1, 1, 1, FALSE };
  const OclLayer gated = { check->type, 3, 8, 1, 1, 1, TRUE };
  const OclLayer odd = { check->type, 3, 3, 1, 1, 1, TRUE };
  const OclLayer empty = { check->type, 0, 4, 1, 1, 1, FALSE };
  const OclLayer endless =
      { check->type, G_MAXINT32, G_MAXINT32, 64, 64, 64, FALSE };

  if (!check_begin (check, 1, "refusals"))
    return;
  data = check_normal (check, 64, 1);
  weights = ocl_weights_new (check->device, &plain, data, NULL, &check->error);
  geglu = ocl_weights_new (check->device, &gated, data, NULL, &check->error);
  check_result (check, weights != NULL && geglu != NULL);
  check_own (check, weights, (GDestroyNotify) ocl_weights_free);
  check_own (check, geglu, (GDestroyNotify) ocl_weights_free);
  input = check_input (check, data, 1, 1, 5, 3, 0);
  wide = check_input (check, data, 1, 1, 5, 4, 0);
  output = check_output (check, 1, 1, 5, 4, 0);
  long_output = check_output (check, 1, 1, 6, 4, 0);

  expect_refusal (check, ocl_linear (check->queue, weights, &wide, NULL,
          &output, &check->error), "an input with too many channels");
  expect_refusal (check, ocl_linear (check->queue, weights, &input, NULL,
          &long_output, &check->error), "an output with too many pixels");
  expect_refusal (check, ocl_linear (check->queue, weights, &input, NULL,
          &input, &check->error), "an output with too few channels");
  epilogue.residual = &long_output;
  expect_refusal (check, ocl_linear (check->queue, weights, &input, &epilogue,
          &output, &check->error), "a residual of another shape");
  epilogue.residual = NULL;
  epilogue.frame_bias = &wide;
  expect_refusal (check, ocl_linear (check->queue, weights, &input, &epilogue,
          &output, &check->error), "a frame bias with pixels");
  epilogue.frame_bias = NULL;
  epilogue.activation = OCL_ACTIVATION_SILU;
  expect_refusal (check, ocl_linear (check->queue, geglu, &input, &epilogue,
          &output, &check->error), "an activation of a GEGLU layer");
  expect_refusal (check, ocl_weights_new (check->device, &odd, data, NULL,
          &check->error) != NULL, "GEGLU of three outputs");
  expect_refusal (check, ocl_weights_new (check->device, &empty, data, NULL,
          &check->error) != NULL, "a layer without inputs");
  expect_refusal (check, ocl_weights_new (check->device, &endless, data, NULL,
          &check->error) != NULL, "a layer of 2^80 weights");
}

void
check_linear (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    product_check (check, &cases[i], TOLERANCE);
  check_epilogues (check);
  if (!check->bench)
    check_refusals (check);
  for (guint i = 0; check->bench && i < G_N_ELEMENTS (bench_cases); i++)
    product_check (check, &bench_cases[i], TOLERANCE);
}
