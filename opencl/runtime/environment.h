/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The environment variables of this floor (docs/environment.md). A variable that is set to an empty string counts as
 * not set.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  OCL_ENVIRONMENT_CACHE_DIR,    /* VLDM_CACHE_DIR: a folder for measurements and built programs */
  OCL_ENVIRONMENT_CONV,         /* VLDM_CONV: the variant that computes convolutions */
  OCL_ENVIRONMENT_DEVICE,       /* VLDM_DEVICE: which device is opened */
  OCL_ENVIRONMENT_GEMM,         /* VLDM_GEMM: the library that computes matrix products */
  OCL_ENVIRONMENT_KERNEL_DIR,   /* VLDM_KERNEL_DIR: a folder with kernels in place of the embedded ones */
  OCL_ENVIRONMENT_KERNEL_FORM,  /* VLDM_KERNEL_FORM: "vector" or "tile" */
  OCL_ENVIRONMENT_MATRIX,       /* VLDM_MATRIX: the matrix unit (matrix.h) */
  OCL_ENVIRONMENT_MEMORY,       /* VLDM_MEMORY: lowers the memory that may be used */
  OCL_ENVIRONMENT_PROFILE,      /* VLDM_PROFILE: times kernels */
  OCL_ENVIRONMENT_TILE,         /* VLDM_TILE: the tile of our own matrix products */
  OCL_ENVIRONMENT_TUNING,       /* VLDM_TUNING: measures variants (tuning.h) */
  OCL_N_ENVIRONMENT
} OclEnvironment;

/* "VLDM_CONV" for OCL_ENVIRONMENT_CONV. */
const char *ocl_environment_name (OclEnvironment variable);

/* The present value, or NULL. */
const char *ocl_environment (OclEnvironment variable);

/* The value at the first call for any variable, or NULL; "auto" counts as not set. A choice that decides the last
 * bit of frames thus never changes within a process. Thread-safe. */
const char *ocl_environment_forced (OclEnvironment variable);

/* The index of the value among the @n @names; 0 if the variable is not set. Any other value is reported with the
 * list, once per variable, and counts as @names[@fallback]. */
guint ocl_environment_choose (OclEnvironment variable, const char *const *names, guint n, guint fallback);

/* Warns, once per variable, that its @value is none of the @n @names and that @fallback is taken. */
void ocl_environment_warn (OclEnvironment variable, const char *value, const char *const *names, guint n,
    const char *fallback);

/* Variables of other programs, such as PoCL's: the present value, or NULL. */
const char *ocl_environment_foreign (const char *name);

/* The folder for files that are kept between processes: VLDM_CACHE_DIR, else gst-vldm in the user's cache folder. */
char *ocl_environment_cache_folder (void);

G_END_DECLS
