/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Variants of operations that the environment forces, for tests and measurements (docs/environment.md).
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  OCL_FORCED_CONV,              /* VLDM_CONV: how to compute convolutions */
  OCL_FORCED_GEMM,              /* VLDM_GEMM: whose product linear layers take */
  OCL_FORCED_TILE,              /* VLDM_TILE: tile of our own products in the tile form */
  OCL_N_FORCED,
} OclForced;

/* The name of the variant that is forced, or NULL where the variable is not set, empty or "auto". It may name a
 * variant that does not exist or cannot be taken everywhere. Read once: a choice never changes within a process.
 * Thread-safe. */
const char *ocl_forced (OclForced variable);

/* "VLDM_CONV", for messages. */
const char *ocl_forced_variable (OclForced variable);

G_END_DECLS
