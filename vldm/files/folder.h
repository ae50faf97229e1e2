/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model folder in diffusers' layout: where it is, and which of its folders serves a component, with the fallbacks of
 * docs/models.md.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

/* What diffusers knows a model by. */
#define VLDM_FOLDER_INDEX "model_index.json"

/* Path of the model to use: @path if given, which may be a file: URI, else the environment variable VLDM_MODEL_PATH, else
 * the default model (in the build folder's source tree for uninstalled use, else the installed one). A model is a folder
 * with model_index.json or with components inside, or an autoencoder's own folder. VLDM_ERROR_NOT_FOUND names the folder,
 * how it was chosen, what it is instead, and what a model folder holds. */
char *vldm_folder_resolve (const char *path, GError ** error);

/* TRUE if @path is a folder that vldm_folder_resolve takes. */
gboolean vldm_folder_is_model (const char *path);

/* Whether the model has a folder of its own for the component. */
gboolean vldm_folder_has (const char *model_folder, const char *component);

/* The component's folder, falling back as the design says; NULL with VLDM_ERROR_NOT_FOUND naming what was looked for. Where
 * the model is an autoencoder's own folder, that is its vae and upsampler_vae. */
char *vldm_folder_component (const char *model_folder, const char *component, GError ** error);

/* The class that a component's config.json, or a model's model_index.json, names; NULL if it cannot be told. */
char *vldm_folder_component_class (const char *folder);
char *vldm_folder_pipeline_class (const char *model_folder);

G_END_DECLS
