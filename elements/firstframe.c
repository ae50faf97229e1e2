/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frame that a video begins with.
 */
#include "elements/firstframe.h"

#include <gst/base/gstbasesrc.h>

#include "gst/error.h"
#include "vldm/error.h"

static gboolean
set_caps (GstVldmSidePad * side, GstCaps * caps, GError ** error)
{
  GstVldmFirstFrame *first = (GstVldmFirstFrame *) side;

  if (first->frame.count > 0)
    return TRUE;
  first->settled = gst_vldm_latents_from_caps (&first->latents, caps, error);
  return first->settled;
}

static gboolean
take (GstVldmSidePad * side, GstBuffer * buffer, const char **warning,
    GError ** error)
{
  GstVldmFirstFrame *first = (GstVldmFirstFrame *) side;
  const GstVldmLatents *latents = &first->latents;

  if (first->frame.count > 0) {
    if (!first->warned)
      *warning = "Only the first frame on pad \"context\" is used; others are "
          "dropped.";
    first->warned = TRUE;
    return TRUE;
  }
  if (!gst_vldm_latents_check_size (latents, buffer, error)
      || !vldm_frames_init (&first->frame, latents->format, 1,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error))
    return FALSE;
  gst_buffer_extract (buffer, 0, first->frame.host,
      vldm_frames_size (&first->frame));
  first->settled = TRUE;
  return TRUE;
}

/* Caps are sent again only if they are others, so those of the pad are settled when a frame comes. */
static void
flush (GstVldmSidePad * side)
{
  GstVldmFirstFrame *first = (GstVldmFirstFrame *) side;
  g_autoptr (GstCaps) caps = NULL;

  if (side->pad != NULL)
    caps = gst_pad_get_current_caps (side->pad);
  if (caps != NULL)
    gst_vldm_latents_from_caps (&first->latents, caps, NULL);
  vldm_frames_clear (&first->frame);
  first->settled = first->warned = FALSE;
  first->serial++;
  gst_pad_mark_reconfigure (GST_BASE_SRC_PAD (side->element));
}

static const GstVldmSidePadClass side_class = { set_caps, take, flush };

void
gst_vldm_first_frame_init (GstVldmFirstFrame * first, GstElement * element)
{
  gst_vldm_side_pad_init (&first->side, &side_class, element);
}

void
gst_vldm_first_frame_clear (GstVldmFirstFrame * first)
{
  vldm_frames_clear (&first->frame);
  gst_vldm_side_pad_clear (&first->side);
}

void
gst_vldm_first_frame_reset (GstVldmFirstFrame * first)
{
  gst_vldm_side_pad_reset (&first->side);
  memset (&first->latents, 0, sizeof (first->latents));
  vldm_frames_clear (&first->frame);
  first->settled = first->warned = FALSE;
}

guint
gst_vldm_first_frame_count (GstVldmFirstFrame * first)
{
  return gst_vldm_side_pad_is_requested (&first->side) ? 1 : 0;
}

/* Waits until *@there is not 0, and holds the lock then; after a failure it does not. */
static GstFlowReturn
lock_when (GstVldmFirstFrame * first, const guint * there, const char *what)
{
  GstVldmSidePad *side = &first->side;
  GstFlowReturn flow = GST_FLOW_OK;
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&side->lock);
  while (*there == 0 && flow == GST_FLOW_OK) {
    if (side->interrupted)
      flow = GST_FLOW_FLUSHING;
    else if (side->eos || side->pad == NULL)
      flow = GST_FLOW_ERROR;
    else
      g_cond_wait (&side->changed, &side->lock);
  }
  if (flow == GST_FLOW_OK)
    return flow;
  g_mutex_unlock (&side->lock);

  if (flow == GST_FLOW_ERROR) {
    g_set_error (&error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "pad \"context\" ended without %s: it takes one frame of latents, "
        "which the video begins with", what);
    gst_vldm_fail (side->element, error, "waiting for the first frame");
  }
  return flow;
}

GstFlowReturn
gst_vldm_first_frame_wait_caps (GstVldmFirstFrame * first,
    GstVldmLatents * latents, guint * serial)
{
  GstFlowReturn flow = lock_when (first, &first->settled, "caps");

  if (flow != GST_FLOW_OK)
    return flow;
  *latents = first->latents;
  *serial = first->serial;
  g_mutex_unlock (&first->side.lock);
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_first_frame_wait (GstVldmFirstFrame * first, VldmFrames * frame)
{
  GstFlowReturn flow = lock_when (first, &first->frame.count, "a frame");
  g_autoptr (GError) error = NULL;
  gboolean copied;

  if (flow != GST_FLOW_OK)
    return flow;
  copied = vldm_frames_init (frame, first->frame.format, 1,
      first->frame.channels, first->frame.height, first->frame.width, &error);
  if (copied)
    memcpy (frame->host, first->frame.host, vldm_frames_size (frame));
  g_mutex_unlock (&first->side.lock);
  return copied ? GST_FLOW_OK : gst_vldm_fail (first->side.element, error,
      "keeping the first frame");
}
