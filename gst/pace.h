/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pipelines in which frames are made slower than real time: they show every frame for its time.
 */
#pragma once

#include "gst/worker.h"

G_BEGIN_DECLS

/* Called before a frame leaves for the sink. If the pipeline's clock has already passed @running_time, sets the clock
 * back to it, as a flushing seek does; other elements' running times stay what they are, so files come out unchanged.
 * Does nothing unless the pipeline is PLAYING, is not live and manages its own base time. Waits at most 200 ms, and
 * not while @worker is interrupted. */
void gst_vldm_pace (GstElement * element, GstClockTime running_time, GstVldmWorker * worker);

G_END_DECLS
