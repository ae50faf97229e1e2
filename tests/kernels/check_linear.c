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
};

static const Product bench_cases[] = {
  {8, 16, 32,.channels = 64,.out = 64},
  {8, 16, 32,.channels = 64,.out = 512,.geglu = TRUE},
  {8, 16, 32,.channels = 256,.out = 64,.residual = 1},
  {8, 8, 16,.channels = 96,.out = 96},
  {8, 8, 16,.channels = 96,.out = 768,.geglu = TRUE},
  {8, 8, 16,.channels = 384,.out = 96,.residual = 1},
  {1, 1, 77,.channels = 128,.out = 512,.activation = OCL_ACTIVATION_QUICK_GELU},
  {8, 128, 256,.channels = 64,.out = 64},
  {1, 40, 64,.channels = 320,.out = 320},
  {1, 40, 64,.channels = 320,.out = 2560,.geglu = TRUE},
  {1, 40, 64,.channels = 1280,.out = 320,.residual = 1},
};

void
check_linear (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    product_check (check, &cases[i], TOLERANCE);
  for (guint i = 0; check->bench && i < G_N_ELEMENTS (bench_cases); i++)
    product_check (check, &bench_cases[i], TOLERANCE);
}
