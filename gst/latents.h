/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents on the wire: the coded format video/x-vldm-latents. One buffer a frame, [channels, height, width] packed,
 * scaled as the UNet sees them. width and height are those of the picture after decoding, as in other coded formats.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/frames.h"
#include "vldm/model.h"

G_BEGIN_DECLS

#define GST_VLDM_LATENTS_TYPE "video/x-vldm-latents"

/* What pad templates say. Latent sizes are left out: they follow from the model, which a template does not know. */
#define GST_VLDM_LATENTS_CAPS \
    GST_VLDM_LATENTS_TYPE ", format = (string) { F32LE, F16LE }, " \
    "width = (int) [ 1, 32768 ], height = (int) [ 1, 32768 ], "

typedef struct
{
  VldmFormat format;            /* VLDM_FORMAT_F32LE or VLDM_FORMAT_F16LE */
  guint width, height;          /* of the decoded picture, pixels */
  guint latent_width, latent_height, latent_channels;
  char space[16];               /* which autoencoder decodes them: "vae" or "upsampler-vae" */
  gint fps_n, fps_d;            /* 0/1 = variable */
} GstVldmLatents;

/* Fixed caps with all fields. */
GstCaps *gst_vldm_latents_to_caps (const GstVldmLatents * latents);

/* Reads fixed caps. Fails with VLDM_ERROR_SETTINGS naming the field that is missing or absurd. */
gboolean gst_vldm_latents_from_caps (GstVldmLatents * latents, const GstCaps * caps, GError ** error);

/* Chooses one of @caps (taken) for latents that @model makes: where one of them takes the size and rate given, those, even
 * if it is not the first; else the nearest, sizes by multiples of the autoencoder's factor where @caps leave the choice; and
 * the latent sizes that follow. */
GstCaps *gst_vldm_latents_fixate (GstCaps * caps, VldmModel * model, guint width, guint height, gint fps_n, gint fps_d);

/* @caps with every frame rate multiplied by @num / @den, and without those whose product is no fraction of integers;
 * variable rates stay variable. */
GstCaps *gst_vldm_latents_scale_rate (GstCaps * caps, gint num, gint den);

/* Bytes of one frame, from caps that gst_vldm_latents_from_caps accepted; 0 before there were caps. */
gsize gst_vldm_latents_frame_size (const GstVldmLatents * latents);

/* TRUE if @buffer is one frame of @latents. Else VLDM_ERROR_INPUT names both sizes. */
gboolean gst_vldm_latents_check_size (const GstVldmLatents * latents, GstBuffer * buffer, GError ** error);

G_END_DECLS
