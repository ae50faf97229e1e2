/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which frames belong together: grids of windows and chunks as pure functions. Grids are absolute (frame 0 at stream time
 * 0), so that a seek gives the same frames as playing through.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Decoder chunk j covers frames [j (size - overlap), j (size - overlap) + size). */
typedef struct
{
  guint size, overlap;
} VldmChunks;

/* First frame of chunk @j; the first chunk that holds frame @n; the last one that holds it. */
guint64 vldm_chunk_start (const VldmChunks * chunks, guint64 j);
guint64 vldm_first_chunk_of (const VldmChunks * chunks, guint64 n);
guint64 vldm_last_chunk_of (const VldmChunks * chunks, guint64 n);

/* Seed of window @window of stage @stage (0 key frames, 1 .. 14 interpolations, 15 upsampling):
 * (seed + 2654435769 (window + 2^20 stage)) mod 2^32. */
guint32 vldm_window_seed (guint32 seed, guint64 window, guint stage);

G_END_DECLS
