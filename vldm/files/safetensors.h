/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Tensors of one component folder, read from safetensors files (one, a variant, or shards with an index) by mapping them.
 * Everything that a file claims is checked against its length before use.
 * Source: the safetensors format description; diffusers' and transformers' file names.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

typedef enum
{
  VLDM_DTYPE_F32,
  VLDM_DTYPE_F16,
  VLDM_DTYPE_BF16,
  VLDM_DTYPE_OTHER,             /* integers and the like, and names that are not known: never converted */
} VldmDtype;

typedef struct
{
  const char *name;
  const char *path;             /* of the file, for messages */
  VldmDtype dtype;
  char *dtype_name;             /* as the file calls it */
  guint rank;
  gsize *shape;
  gsize n_elements;
  const guint8 *data;           /* little-endian, any alignment */
  gsize n_bytes;
} VldmTensorView;

typedef struct _VldmSafetensors VldmSafetensors;

/* Opens @folder/@base.safetensors, else @folder/@base.safetensors.index.json with its shards, else the fp16 variants of
 * both, else another variant if there is only one. @base is "diffusion_pytorch_model" or "model". VLDM_ERROR_NOT_FOUND
 * names the folder, what it looked for, and what the folder holds; VLDM_ERROR_READ names file, tensor and what is wrong. */
VldmSafetensors *vldm_safetensors_open (const char *folder, const char *base, GError ** error);
void vldm_safetensors_free (VldmSafetensors * tensors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmSafetensors, vldm_safetensors_free);

/* NULL if there is none of that name. */
const VldmTensorView *vldm_safetensors_find (VldmSafetensors * tensors, const char *name);

/* For listings: all names, NULL-terminated, sorted; free the array only. */
const char **vldm_safetensors_names (VldmSafetensors * tensors);

/* Converts all elements to fp32. @view's dtype must not be OTHER. */
void vldm_tensor_view_read (const VldmTensorView * view, gfloat * out);

/* Takes the pages of the file behind @view, one that vldm_safetensors_find () gave, out of this process's memory, where
 * they would count beside what was made of them; reading again brings them back. */
void vldm_tensor_view_drop (const VldmTensorView * view);

G_END_DECLS
