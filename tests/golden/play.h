/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines for tests that look at what comes out of them.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Before anything else is played. */
void play_init (int *argc, char ***argv);

/* Plays @launch, in gst-launch-1.0's words, to its end; aborts the test if it fails. Returns the bytes that reached its
 * element "sink". */
GByteArray *play (const char *launch);

G_END_DECLS
