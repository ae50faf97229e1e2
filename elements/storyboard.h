/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A storyboard: texts with times, from a sink pad, that say from which frame on a prompt holds.
 */
#pragma once

#include "gst/sidepad.h"

G_BEGIN_DECLS

typedef struct
{
  GstVldmSidePad side;
  GArray *texts;                /* side.lock; of GstVldmText, by time */
  gsize bytes;                  /* of texts */
} GstVldmStoryboard;

void gst_vldm_storyboard_init (GstVldmStoryboard * storyboard, GstElement * element);
void gst_vldm_storyboard_clear (GstVldmStoryboard * storyboard);

/* Forgets all texts, for a new start. */
void gst_vldm_storyboard_reset (GstVldmStoryboard * storyboard);

/* What holds from frame @first on: waits until the texts of frames up to *@end (exclusive) are known. *@end becomes the
 * frame before that at which the next prompt begins, if there is one. *@prompt is a copy, NULL where no text holds. A text
 * begins with the frame nearest to its time. Without the pad there is nothing to wait for. GST_FLOW_FLUSHING:
 * interrupted. */
GstFlowReturn gst_vldm_storyboard_look (GstVldmStoryboard * storyboard, guint64 first, guint64 * end, char **prompt,
    gint fps_n, gint fps_d);

G_END_DECLS
