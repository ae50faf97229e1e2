/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines in which pictures are made slower than real time: every picture is shown for its time.
 *
 * A sink drops what reaches it after its time. In a file player nothing is late, since the pipeline prerolls before its
 * clock starts; here a window may take minutes while the clock runs. So the clock is set back to the time of a picture
 * that comes late, for all elements of the pipeline alike: what plays beside it stays in step, and time stamps stay what
 * they are, so that files come out unchanged.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Sinks that wait for one element's pictures; all zero = none. Not for two threads at a time. */
typedef struct
{
  GPtrArray *sinks;
} GstVldmPace;

/* Called before a picture leaves by @src: from now on the clock waits for pictures at all sinks that they reach. Pipelines
 * with a live source are left alone, and so are sinks that do not synchronize. */
void gst_vldm_pace_follow (GstVldmPace * pace, GstPad * src);

/* Called when the stream has ended: the clock waits no more. */
void gst_vldm_pace_clear (GstVldmPace * pace);

G_END_DECLS
