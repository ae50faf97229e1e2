/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Between safetensors.c, which knows a component's files, and safetensors_file.c, which reads one.
 */
#pragma once

#include "vldm/files/safetensors.h"

G_BEGIN_DECLS

typedef struct
{
  char *path;
  GMappedFile *map;
  const guint8 *data;           /* after the header */
  gsize data_size;
  guint64 claimed_size;         /* of the whole file, by its header */
} VldmSafetensorsFile;

struct _VldmSafetensors
{
  GPtrArray *files;             /* of VldmSafetensorsFile */
  GHashTable *views;            /* name -> VldmTensorView, which owns its name */
};

/* Adds the tensors of the file at @path. */
gboolean vldm_safetensors_add_file (VldmSafetensors * tensors, const char *path, GError ** error);

void vldm_safetensors_file_free (VldmSafetensorsFile * file);
void vldm_tensor_view_free (VldmTensorView * view);

G_END_DECLS
