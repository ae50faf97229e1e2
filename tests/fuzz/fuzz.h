/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What fuzz targets share: the entry that libFuzzer calls, and a folder to lay the input down in, as readers take files.
 */
#pragma once

#include <glib.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

/* The process's folder for inputs; it goes when the process ends in order. */
const char *fuzz_folder (void);

/* Writes @folder/@name, or removes it where @data is NULL. */
void fuzz_write (const char *name, const void *data, gsize size);
