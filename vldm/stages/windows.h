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

/* Key-frame window: it begins at frame `begin` with `context` frames that are known already, and shows the new ones up to
 * `end` (exclusive). Its network sees all of [begin, begin + size). */
typedef struct
{
  guint64 begin, end;
  guint context;
} VldmKeyWindow;

/* The window of @size frames whose first new frame is @first: before it lie up to @overlap (< @size) frames of the window
 * before. With @overlap full from the second window on, window k begins at frame k (size - overlap). @given: frames that
 * are known where the video begins (@first = 0), such as the one of a picture. */
VldmKeyWindow vldm_key_window (guint64 first, guint size, guint overlap, guint given);

G_END_DECLS
