/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Events that an element holds back.
 */
#include "gst/heldevents.h"

void
gst_vldm_held_events_init (GstVldmHeldEvents * held)
{
  g_queue_init (&held->events);
}

void
gst_vldm_held_events_clear (GstVldmHeldEvents * held)
{
  g_queue_clear_full (&held->events, (GDestroyNotify) gst_event_unref);
}

void
gst_vldm_held_events_forget_segments (GstVldmHeldEvents * held)
{
  GList *l, *next;

  for (l = held->events.head; l != NULL; l = next) {
    next = l->next;
    if (GST_EVENT_TYPE (l->data) == GST_EVENT_SEGMENT) {
      gst_event_unref (l->data);
      g_queue_delete_link (&held->events, l);
    }
  }
}

gboolean
gst_vldm_held_events_are_there (const GstVldmHeldEvents * held)
{
  return held->events.length > 0;
}

gboolean
gst_vldm_held_events_follow (const GstVldmHeldEvents * held, GstEvent * event)
{
  return held->events.length > 0 && GST_EVENT_IS_SERIALIZED (event)
      && GST_EVENT_IS_STICKY (event)
      && GST_EVENT_TYPE (event) != GST_EVENT_STREAM_START
      && GST_EVENT_TYPE (event) != GST_EVENT_EOS;
}

void
gst_vldm_held_events_push (GstVldmHeldEvents * held, GstEvent * event)
{
  g_queue_push_tail (&held->events, event);
}

GstEvent *
gst_vldm_held_events_pop (GstVldmHeldEvents * held)
{
  return g_queue_pop_head (&held->events);
}
