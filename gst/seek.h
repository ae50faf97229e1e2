/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Seeks widened to what a stage needs: an element that works on windows of frames asks upstream for whole ones, and shows
 * downstream the segment that was asked for, so that the base class clips its output.
 *
 *   start               gst_vldm_seek_init
 *   SEEK event          gst_vldm_seek_resolve, gst_vldm_seek_widen; gst_vldm_seek_undo if upstream refuses it
 *   frame               gst_vldm_seek_leaves before it is pushed, gst_vldm_seek_left after
 *   SEGMENT event       gst_vldm_seek_is_answered: then frames that wait are dropped, not shown; gst_vldm_seek_narrow
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* What was asked for, and of upstream, in stream time. */
typedef struct
{
  guint32 seqnum;               /* of the seek; GST_SEQNUM_INVALID = none is under way */
  gboolean flush;
  gboolean goes_on;             /* the start is where the output is when upstream answers */
  gint64 start, stop;           /* as it came; stop -1 = to the end */
  gint64 asked_start, asked_stop;       /* as it went upstream */
  gboolean answered;            /* a segment came for it */
  GstSegment answer;            /* then: that segment, */
  GstClockTime base;            /* and the running time that the output begins at */
} GstVldmSeekRequest;

/* The owner locks; the functions that take an element do so by its OBJECT_LOCK themselves. */
typedef struct
{
  GstVldmSeekRequest request;   /* the last seek that was widened */
  GstVldmSeekRequest before;    /* the one that it replaced */
  GstSegment output;            /* as it was shown downstream last; position = where the last frame that left ends */
  GstClockTime leaving;         /* where the frame ends that is being pushed */
} GstVldmSeek;

/* Widens frames @first up to, not with, @end (G_MAXUINT64 = to the end) to those that the output's need. Called with the
 * OBJECT_LOCK of the element held. */
typedef void (*GstVldmWiden) (gconstpointer stage, guint64 * first, guint64 * end);

void gst_vldm_seek_init (GstVldmSeek * seek);

/* Returns the seek @event (taken) without what depends on the element that reads it: frames become time, an offset from the
 * end becomes a position by the duration that the pad "src" of @element answers, and a stop of type NONE becomes @stop, the
 * one in force (-1 = none). A start of type NONE stays that: the stream goes on at @position. Seeks in other formats stay as
 * they are. NULL, with a log line that says why, for a seek that cannot be done: the duration is not known, the stop lies
 * before the start, or it changes the rate alone and at once (INSTANT_RATE_CHANGE), which sinks do by a clock of their own
 * that gst/pace.h knows nothing of. */
GstEvent *gst_vldm_seek_resolve (GstElement * element, GstEvent * event, gint64 position, gint64 stop, gint fps_n,
    gint fps_d);

/* Resolves @event (taken) at the rate of the output, remembers it in @seek and returns it widened by @widen of @stage; as it
 * is, and unknown to @seek, if it does not seek forwards in time or the rate is variable. NULL as above. A widened seek is
 * accurate: key frames of what is upstream mean nothing to windows of frames. */
GstEvent *gst_vldm_seek_widen (GstVldmSeek * seek, GstElement * element, GstEvent * event, gint fps_n, gint fps_d,
    GstVldmWiden widen, gconstpointer stage);

/* Upstream refused the seek: the one before it counts again. */
void gst_vldm_seek_undo (GstVldmSeek * seek, GstElement * element);

/* A frame is about to be pushed, and was taken by downstream. */
void gst_vldm_seek_leaves (GstVldmSeek * seek, GstClockTime pts, GstClockTime duration);
void gst_vldm_seek_left (GstVldmSeek * seek);

/* TRUE if @event is the first SEGMENT that answers @seek. Frames that still wait for others then were not asked for any
 * more, or come again. */
gboolean gst_vldm_seek_is_answered (const GstVldmSeek * seek, GstElement * element, GstEvent * event);

/* If @event (a SEGMENT, taken) answers @seek, returns it with what came in the seek, else as it is. Without a flush it goes
 * on in running time where the output is. @segment is what the returned event holds. */
GstEvent *gst_vldm_seek_narrow (GstVldmSeek * seek, GstEvent * event, GstSegment * segment);

G_END_DECLS
