/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What latents were made from, as a sticky event that follows the caps and stays in order with the frames: stages
 * downstream use its prompt, seed and model where their own properties are unset.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct
{
  const char *prompt, *negative_prompt; /* UTF-8 */
  guint32 seed;
  guint level;                  /* 0 = key frames, 1 = interpolated once, ... */
  const char *model;            /* real path of the model folder; from an event a file: URI if that is no UTF-8 */
} GstVldmConditioning;

/* Checks what goes into events and tags: UTF-8 of at most 64 KiB. VLDM_ERROR_TEXT names @property. */
gboolean gst_vldm_check_text (const char *property, const char *text, GError ** error);

/* The event "vldm-conditioning"; a prompt that is NULL is empty. Texts must have passed gst_vldm_check_text. */
GstEvent *gst_vldm_conditioning_to_event (const GstVldmConditioning * conditioning);

/* FALSE if @event is another one. Strings belong to the event. */
gboolean gst_vldm_conditioning_from_event (GstVldmConditioning * conditioning, GstEvent * event);

/* @event (a "vldm-conditioning", taken) for the stage after an interpolation: the same with the next level. */
GstEvent *gst_vldm_conditioning_next_level (GstEvent * event);

/* Title, comment, encoder and application tags, which muxers write into the file. */
GstTagList *gst_vldm_conditioning_to_tags (const GstVldmConditioning * conditioning);

G_END_DECLS
