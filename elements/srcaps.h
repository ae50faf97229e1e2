/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Caps on both sides of vldmsr: raw pictures, or latents that are decoded to them, in; raw pictures or latents of the
 * upsampler's autoencoder out.
 */
#pragma once

#include <gst/base/gstbasetransform.h>

#include "gst/latents.h"

G_BEGIN_DECLS

#define GST_VLDM_SR_SCALE 4

/* What can come out for @caps: first pictures, then latents. Sizes are multiplied, also in ranges and lists; pictures
 * are of sRGB, whatever came in; all else stays where kinds are the same. Only what @filter allows, in its order, unless it is NULL. */
GstCaps *gst_vldm_sr_caps_out (GstCaps * caps, GstCaps * filter);

/* What makes one of @caps, first pictures, then latents: sizes that are no multiples are left out. @filter as above. */
GstCaps *gst_vldm_sr_caps_in (GstCaps * caps, GstCaps * filter);

/* One of @caps (taken), which are latents, with the shape that @model gives those of @width x @height pictures. */
GstCaps *gst_vldm_sr_caps_fixate (GstCaps * caps, VldmModel * model, guint width, guint height,
    GError ** error);

/* Are fixed @caps ones that can come in? Else says with VLDM_ERROR_SETTINGS what would be right. */
gboolean gst_vldm_sr_caps_check (const GstCaps * caps, GError ** error);

gboolean gst_vldm_sr_caps_are_latents (const GstCaps * caps);

/* Bytes of a frame of fixed @caps, pictures or latents; 0 if they are neither. */
gsize gst_vldm_sr_caps_frame_size (const GstCaps * caps);

/* Functions of GstBaseTransform that follow from caps alone. */
GstCaps *gst_vldm_sr_caps_transform (GstBaseTransform * base, GstPadDirection direction, GstCaps * caps,
    GstCaps * filter);
gboolean gst_vldm_sr_caps_transform_size (GstBaseTransform * base, GstPadDirection direction, GstCaps * caps,
    gsize size, GstCaps * othercaps, gsize * othersize);

/* A probe for events on the sink pad of @element: posts why caps are refused. GstBaseTransform refuses those that it does not
 * accept without a word, and before the element is asked to set them. */
GstPadProbeReturn gst_vldm_sr_caps_explain (GstPad * pad, GstPadProbeInfo * info, gpointer element);

G_END_DECLS
