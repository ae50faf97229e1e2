/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The choices that tuning.c remembers, in a key file that people can read. Several processes and threads may use it at
 * once.
 *
 *   [file]      version and identity of what was measured
 *   [chosen]    conv 1x3x3 320>320 f32 to 8x40x64=winograd
 *   [measured]  conv 1x3x3 320>320 f32 to 8x40x64=direct 3.21 ms, winograd 1.10 ms
 *   [failed]    conv 1x3x3 320>320 f32 to 8x40x64=winograd;
 *   [trying]    conv 1x3x3 320>320 f32 to 8x40x64=winograd;4711;     with the number of the process
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _OclTuningFile OclTuningFile;

/* @identity names everything that must be equal for measurements to be comparable. A file of another identity or a
 * damaged file is reported and ignored; the next write replaces it. */
OclTuningFile *ocl_tuning_file_open (const char *folder, const char *identity);
void ocl_tuning_file_free (OclTuningFile * file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (OclTuningFile, ocl_tuning_file_free);

/* The name of the variant that was chosen for @key, or NULL. */
char *ocl_tuning_file_chosen (OclTuningFile * file, const char *key);

/* The text about the measurement, or NULL. */
char *ocl_tuning_file_measured (OclTuningFile * file, const char *key);

/* TRUE if @variant failed for @key, or if a process ended while trying it. */
gboolean ocl_tuning_file_has_failed (OclTuningFile * file, const char *key, const char *variant);

/* Notes on disk that @variant is about to be tried for the first time or, with NULL, that the trial is over. */
void ocl_tuning_file_trying (OclTuningFile * file, const char *key, const char *variant);
void ocl_tuning_file_failed (OclTuningFile * file, const char *key, const char *variant);

/* Remembers @chosen for @key, unless another process was first. @measured is text for people. */
void ocl_tuning_file_choose (OclTuningFile * file, const char *key, const char *chosen, const char *measured);

G_END_DECLS
