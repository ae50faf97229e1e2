/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model folder in diffusers' layout: where it is, and which of its folders serves a component, with the fallbacks of
 * docs/models.md.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

/* Path of the model to use: @path if given, else the environment variable VLDM_MODEL_PATH, else the default model
 * (in the build folder's source tree for uninstalled use, else the installed one). Checks that model_index.json is
 * there. VLDM_ERROR_NOT_FOUND names the folder, how it was chosen, and what a model folder holds. */
char *vldm_folder_resolve (const char *path, GError ** error);

/* The component's folder, falling back as the design says; NULL with VLDM_ERROR_NOT_FOUND naming what was looked for. */
char *vldm_folder_component (const char *model_folder, const char *component, GError ** error);

G_END_DECLS
