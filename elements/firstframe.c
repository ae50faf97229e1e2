/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frame that a video begins with.
 */
#include "elements/firstframe.h"

#include "gst/error.h"
#include "vldm/error.h"

static gboolean
set_caps (GstVldmSidePad * side, GstCaps * caps, GError ** error)
{
  GstVldmFirstFrame *first = (GstVldmFirstFrame *) side;

  if (first->frame.count > 0)
    return TRUE;
  return gst_vldm_latents_from_caps (&first->latents, caps, error);
}

static gboolean
take (GstVldmSidePad * side, GstBuffer * buffer, const char **warning,
    GError ** error)
{
  GstVldmFirstFrame *first = (GstVldmFirstFrame *) side;
  const GstVldmLatents *latents = &first->latents;
  gsize size = gst_buffer_get_size (buffer);

  if (first->frame.count > 0) {
    if (!first->warned)
      *warning = "Only the first frame on pad \"context\" is used; others are "
          "dropped.";
    first->warned = TRUE;
    return TRUE;
  }
  if (latents->width == 0 || size != gst_vldm_latents_frame_size (latents)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "the frame on pad \"context\" has %" G_GSIZE_FORMAT " bytes; its caps "
        "mean %" G_GSIZE_FORMAT, size, latents->width == 0 ? 0 :
        gst_vldm_latents_frame_size (latents));
    return FALSE;
  }
  if (!vldm_frames_init (&first->frame, latents->format, 1,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error))
    return FALSE;
  gst_buffer_extract (buffer, 0, first->frame.host, size);
  return TRUE;
}

static const GstVldmSidePadClass side_class = { set_caps, take };

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
  first->warned = FALSE;
}

guint
gst_vldm_first_frame_count (GstVldmFirstFrame * first)
{
  return gst_vldm_side_pad_is_requested (&first->side) ? 1 : 0;
}

/* Waits until *@value is not 0. */
static GstFlowReturn
wait_for (GstVldmFirstFrame * first, const guint * value, const char *what)
{
  GstVldmSidePad *side = &first->side;
  GstFlowReturn flow = GST_FLOW_OK;
  g_autoptr (GError) error = NULL;

  g_mutex_lock (&side->lock);
  while (*value == 0 && flow == GST_FLOW_OK) {
    if (side->interrupted)
      flow = GST_FLOW_FLUSHING;
    else if (side->eos || side->pad == NULL)
      flow = GST_FLOW_ERROR;
    else
      g_cond_wait (&side->changed, &side->lock);
  }
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
    GstVldmLatents * latents)
{
  GstFlowReturn flow = wait_for (first, &first->latents.width, "caps");

  if (flow == GST_FLOW_OK) {
    g_mutex_lock (&first->side.lock);
    *latents = first->latents;
    g_mutex_unlock (&first->side.lock);
  }
  return flow;
}

GstFlowReturn
gst_vldm_first_frame_wait (GstVldmFirstFrame * first, const VldmFrames ** frame)
{
  *frame = &first->frame;
  return wait_for (first, &first->frame.count, "a frame");
}
