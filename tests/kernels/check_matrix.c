/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Products for matrix units: layers of whole chunks of eight channels around the tiles' sizes, and the unit that
 * VLDM_MATRIX asks for. Devices without one run these cases on their ordinary kernels, and emulate the unit where
 * VLDM_MATRIX names it. --bench times what tells the share of a card's peak.
 */

#include "opencl/runtime/matrix.h"
#include "tests/kernels/product.h"
#include "tests/kernels/tests.h"

/* Sums of at most 640 products in fp32; what fp16 rounds away comes on top. Without a unit, convolutions may go Winograd's
 * way (see check_conv.c). */
#define TOLERANCE 2e-6
#define TOLERANCE_WINOGRAD 1e-5

#define SAME {1, 1, 1}
#define SQUARE .kernel_t = 1, .kernel_h = 3, .kernel_w = 3
#define TEMPORAL .kernel_t = 3, .kernel_h = 1, .kernel_w = 1

static const Product cases[] = {
  {1, 1, 1,.channels = 8,.out = 32},
  {1, 1, 17,.channels = 16,.out = 17},
  {1, 1, 64,.channels = 32,.out = 64},
  {1, 1, 129,.channels = 40,.out = 130,.gap = 8},
  {1, 1, 300,.channels = 72,.out = 161,.no_bias = TRUE,.mixed = TRUE},
  {2, 5, 7,.channels = 24,.out = 36,.activation =
        OCL_ACTIVATION_SILU,.frame_bias = 2,.scale = 0.5,.residual =
        1,.residual_scale = 1.5,.merge = 0.25,.mixed = TRUE},
  {1, 1, 23,.channels = 16,.out = 64,.geglu = TRUE,.mixed = TRUE},
  {1, 3, 71,.channels = 48,.out = 140,.geglu = TRUE,.residual = 1},
  {1, 9, 13,.channels = 24,.channels2 = 40,.out = 65, SQUARE,.conv = SAME,.gap =
        8,.residual = 2},
  {2, 9, 11,.channels = 16,.out = 48, SQUARE,.conv = {2, 1, 1},.out_height =
      5,.out_width = 6},
  {1, 8, 12,.channels = 8,.out = 20, SQUARE,.conv = {2, 0, 0},.out_height =
      4,.out_width = 6},
  {2, 5, 7,.channels = 24,.out = 33, SQUARE,.conv = {1, 1, 1, 9, 13}},
  /* Too narrow for the unit, or in pieces that it cannot copy. */
  {1, 1, 33,.channels = 16,.out = 16},
  {1, 1, 33,.channels = 12,.out = 40},
  {1, 1, 33,.channels = 16,.out = 40,.gap = 4},
};

static const Product winograd_cases[] = {
  {2, 5, 7,.channels = 16,.out = 48, SQUARE,.conv = SAME},
  {5, 7, 9,.channels = 64,.out = 150, TEMPORAL,.frame_bias = 2,.merge = 0.5},
};

static const Product bench_cases[] = {
  {1, 1, 4096,.channels = 4096,.out = 4096},
  {8, 40, 64,.channels = 320,.out = 320},
  {8, 40, 64,.channels = 320,.out = 2560,.geglu = TRUE},
  {8, 20, 32,.channels = 640,.out = 640, SQUARE,.conv = SAME},
};

/* Whoever asks for a unit by name tests that one, not the kernel that does without. */
static void
check_wish (Check * check)
{
  const char *wish = g_getenv ("VLDM_MATRIX");
  gboolean named = wish != NULL && !g_str_equal (wish, "auto")
      && !g_str_equal (wish, "off");

  if (!named || check->form != OCL_FORM_TILE
      || !check_begin (check, 1, "wish_%s", wish))
    return;
  check_that (check, ocl_device_matrix (check->device)->kind !=
      OCL_MATRIX_NONE, "the unit \"%s\" does not multiply right", wish);
}

void
check_matrix (Check * check)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    product_check (check, &cases[i], TOLERANCE);
  for (guint i = 0; i < G_N_ELEMENTS (winograd_cases); i++)
    product_check (check, &winograd_cases[i], TOLERANCE_WINOGRAD);
  for (guint i = 0; check->bench && i < G_N_ELEMENTS (bench_cases); i++)
    product_check (check, &bench_cases[i], TOLERANCE);
  check_wish (check);
}
