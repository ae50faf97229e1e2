/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A vldmsrc that plays, and what it gave: frames to compare with after seeks, and what was announced before which frame.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

/* The element is h->element. */
typedef struct
{
  GstHarness *h;
  GPtrArray *played;            /* of GstBuffer, by number */
  const char *prompts[100];     /* to be set when that frame has come; NULL = none */
  GString *announced;           /* "FRAME:PROMPT " for each change that conditioning tells before that frame */
  char *prompt, *title;         /* as last told by conditioning and tags */
} Video;

/* When frame @n begins, at the fake model's rate. */
GstClockTime video_time (guint64 n);

/* A source of @frames frames, not playing yet. */
void video_init (Video * video, gint frames);
void video_clear (Video * video);

/* The next frame, which must be number @n; and its first value. */
GstBuffer *video_pull (Video * video, guint64 n);
gfloat video_value (GstBuffer * buffer);

/* Plays on to frame @end, and remembers. */
void video_play_to (Video * video, guint64 end);
void video_wait_eos (Video * video);

void video_seek (Video * video, guint64 from, guint64 to);

/* Seeks; frames must be those that were played, bit by bit. */
void video_check_seek (Video * video, guint64 from, guint64 to);

/* Compares and empties what was announced. */
void video_check_announced (Video * video, const char *expected);
