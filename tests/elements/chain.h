/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A pipeline that plays, and the frames that reached its sink since the last flush: to compare runs with each other.
 */
#pragma once

#include <gst/check/gstcheck.h>

/* One frame at the sink: latents of floats, or pictures. */
typedef struct
{
  GstClockTime pts, duration;
  GstClockTime running;         /* running time that it begins at */
  gint width, height;           /* as the caps say */
  gsize size;                   /* bytes */
  union
  {
    gfloat values[3];           /* the first bytes of the frame */
    guint8 bytes[12];
  };
} ChainFrame;

typedef struct
{
  GstElement *pipeline;
  GMutex lock;
  GCond changed;

  /* lock */
  GArray *frames;               /* of ChainFrame; pushes after a flush begin anew */
  gboolean ended;               /* EOS or SEGMENT_DONE came since the last flush */
  gboolean prerolled;           /* as said by the last ASYNC_DONE */
  char *error;                  /* the first one */
} Chain;

/* @description as for gst-launch-1.0, with a sink of the name "sink". */
void chain_init (Chain * chain, const char *description);

/* Stops; nothing of the fake stages and models may be left. */
void chain_clear (Chain * chain);

/* Forgets the frames that came. */
void chain_forget (Chain * chain);

/* Waits at most 30 s until it stands in PAUSED, or for the end; an error message fails. */
void chain_wait_paused (Chain * chain);
void chain_wait_end (Chain * chain);

/* Plays to the end. */
void chain_run (Chain * chain);

/* A flushing, accurate seek; @stop may be GST_CLOCK_TIME_NONE = to the end. */
void chain_seek (Chain * chain, GstClockTime start, GstClockTime stop);

const ChainFrame *chain_frame (Chain * chain, guint i);

/* There are @count frames, each begins where the one before it ends, the first at @begin, and rates are constant. */
void chain_check_times (Chain * chain, guint count, GstClockTime begin, gint fps_n, gint fps_d);

/* Frames are those of @expected from its frame @from on, @count of them. @what says what was done, for messages. */
void chain_check_frames (Chain * chain, GArray * expected, guint from, guint count, const char *what);

/* A copy of the frames. */
GArray *chain_copy_frames (Chain * chain);
