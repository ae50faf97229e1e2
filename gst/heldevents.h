/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Events that an element holds back: caps that it cannot translate before upstream has named the model, and sticky events that
 * must not overtake them. All zero, or init: none. Streaming thread.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  GQueue events;                /* of GstEvent */
} GstVldmHeldEvents;

void gst_vldm_held_events_init (GstVldmHeldEvents * held);

/* Forgets all. */
void gst_vldm_held_events_clear (GstVldmHeldEvents * held);

/* Forgets segments, as after a flush. */
void gst_vldm_held_events_forget_segments (GstVldmHeldEvents * held);

gboolean gst_vldm_held_events_are_there (const GstVldmHeldEvents * held);

/* TRUE if @event must not overtake events that are held. */
gboolean gst_vldm_held_events_follow (const GstVldmHeldEvents * held, GstEvent * event);

/* Holds @event (taken) back. */
void gst_vldm_held_events_push (GstVldmHeldEvents * held, GstEvent * event);

/* The next event to handle, or NULL. */
GstEvent *gst_vldm_held_events_pop (GstVldmHeldEvents * held);

G_END_DECLS
