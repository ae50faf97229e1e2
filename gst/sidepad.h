/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A request sink pad of a source element: what comes in there is not streamed through but kept, until the source's
 * streaming thread asks for it. Events end there; times become stream times.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstVldmSidePad GstVldmSidePad;

/* What is kept; all are called with the lock held. On failure the pad posts @error; a @warning (static text) is posted and
 * changes nothing. After a flush things come anew. */
typedef struct
{
  gboolean (*set_caps) (GstVldmSidePad * side, GstCaps * caps, GError ** error);        /* may be NULL */
  gboolean (*take) (GstVldmSidePad * side, GstBuffer * buffer, const char **warning, GError ** error);
  void (*flush) (GstVldmSidePad * side);        /* may be NULL */
} GstVldmSidePadClass;

/* Embedded as the first member. */
struct _GstVldmSidePad
{
  const GstVldmSidePadClass *klass;
  GstElement *element;
  GMutex lock;
  GCond changed;

  /* lock */
  GstPad *pad;                  /* NULL = not requested */
  GstSegment segment;
  GstClockTime position;        /* stream time up to which all has come */
  gboolean eos, interrupted;
};

void gst_vldm_side_pad_init (GstVldmSidePad * side, const GstVldmSidePadClass * klass, GstElement * element);
void gst_vldm_side_pad_clear (GstVldmSidePad * side);

/* Makes the pad and adds it to the element; NULL if it has one already. */
GstPad *gst_vldm_side_pad_request (GstVldmSidePad * side, GstPadTemplate * templ);

/* Removes @pad; FALSE if it is another one. */
gboolean gst_vldm_side_pad_release (GstVldmSidePad * side, GstPad * pad);
gboolean gst_vldm_side_pad_is_requested (GstVldmSidePad * side);

/* For a new start, before the pad is active. */
void gst_vldm_side_pad_reset (GstVldmSidePad * side);

/* Makes waits end at once, or possible again. Any thread. */
void gst_vldm_side_pad_interrupt (GstVldmSidePad * side, gboolean interrupted);

G_END_DECLS
