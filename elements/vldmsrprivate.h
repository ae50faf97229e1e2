/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the two files of vldmsr share: vldmsr.c is the element (properties, pads, states, frames, caps), vldmsrevents.c its
 * events and queries.
 */
#pragma once

#include "elements/upsamplestream.h"
#include "elements/vldmsr.h"
#include "gst/seek.h"

G_BEGIN_DECLS

struct _GstVldmSr
{
  GstBaseTransform parent;

  GstVldmUpsampleStream stream;
  GstVldmSeek seek;             /* from what was asked for to whole windows; OBJECT_LOCK */
  GQueue waiting;               /* of GstEvent, streaming thread: caps and what came after them, until the model is known */
};

/* Pushes all that is there: no frame continues it. */
GstFlowReturn gst_vldm_sr_drain (GstVldmSr * self);

/* Handles the events that wait. */
void gst_vldm_sr_release_events (GstVldmSr * self);

/* Sets the virtual functions of events and queries. */
void gst_vldm_sr_install_events (GstBaseTransformClass * klass);

G_END_DECLS
