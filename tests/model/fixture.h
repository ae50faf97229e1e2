/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A temporary folder for one test, files in it, and the check that an error says what it must.
 */
#pragma once

#include "vldm/error.h"

G_BEGIN_DECLS

typedef struct
{
  char *folder;
} Fixture;

Fixture fixture_new (void);

/* Deletes the folder with all in it. */
void fixture_clear (Fixture * fixture);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear);

/* @length -1: @content is a string. Folders in @name are made. */
void fixture_write (Fixture * fixture, const char *name, const void *content, gssize length);
/* @header and @n_data bytes 0, 1, 2, ... as a safetensors file. */
void fixture_write_tensors (Fixture * fixture, const char *name, const char *header, gsize n_data);
void fixture_remove (Fixture * fixture, const char *name);

/* Copies @folder/@name if there is one. */
void fixture_copy (Fixture * fixture, const char *folder, const char *name);

/* Between both, a test that runs as root has no more rights than others. */
void fixture_drop_rights (void);
void fixture_restore_rights (void);

/* The error's code is @code, and its message holds @reason and, unless NULL, @file. */
void fixture_check_error (const GError * error, VldmError code, const char *reason, const char *file);

G_END_DECLS
