/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Model folders with an upsampler of drawn weights, as the cases of upsample/golden.json describe them.
 */
#pragma once

#include "golden.h"

G_BEGIN_DECLS

/* A new folder for @run_case: in the layout of the public upscaler, or with an upsampler/ among other stages, as it says.
 * The tokenizer is a link to @tokenizer_folder. golden_remove_folder deletes it. */
char *upsample_model_write (Golden * golden, const char *tokenizer_folder, JsonObject * run_case);

/* Links the files and components of the model @other that @model lacks. */
void upsample_model_complete (const char *model, const char *other);

G_END_DECLS
