/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The table of tests: a line TEST (x) for every check_x.c, whose function check_x () it declares.
 */
#pragma once

#include "tests/kernels/check.h"

#define CHECK_TESTS \
  TEST (attention) \
  TEST (conv) \
  TEST (convert) \
  TEST (elementwise) \
  TEST (linear) \
  TEST (matrix) \
  TEST (norm) \
  TEST (peak) \
  TEST (tensor) \
  TEST (tile)

#define TEST(name) void check_##name (Check * check);
CHECK_TESTS
#undef TEST
