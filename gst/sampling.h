/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sampling properties of elements that process what an upstream element generated: an unset one takes its value from the
 * event vldm-conditioning, and then from the model.
 */
#pragma once

#include "gst/conditioning.h"
#include "gst/enums.h"
#include "vldm/sampling/settings.h"

G_BEGIN_DECLS

/* Fields behind the properties, in their order; the element's OBJECT_LOCK. */
typedef struct
{
  char *prompt, *negative_prompt;       /* NULL = unset */
  gint64 seed;                  /* -1 = unset, like those below */
  gint steps;
  gdouble guidance_scale, guidance_rescale;
  VldmSchedulerKind scheduler;
} GstVldmSampling;

#define GST_VLDM_N_SAMPLING_PROPERTIES 7

/* Installs prompt, negative-prompt, seed, steps, guidance-scale, guidance-rescale and scheduler under @first_id and the ids
 * after it. */
void gst_vldm_sampling_install (GObjectClass * klass, guint first_id);

void gst_vldm_sampling_init (GstVldmSampling * settings);
void gst_vldm_sampling_clear (GstVldmSampling * settings);

/* FALSE with VLDM_ERROR_SETTINGS if @steps, a property's value, suits no model. */
gboolean gst_vldm_sampling_check_steps (gint steps, GError ** error);

/* The texts that a VldmSampling points to. */
typedef struct
{
  char *prompt, *negative_prompt;
} GstVldmSamplingTexts;

void gst_vldm_sampling_texts_clear (GstVldmSamplingTexts * texts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstVldmSamplingTexts, gst_vldm_sampling_texts_clear);

/* Puts @settings over @conditioning (zeros where there is none), and both over the model's values in @sampling. Its seed
 * is that of the stream, not of a window. @texts takes copies. Under the lock. */
void gst_vldm_sampling_apply (const GstVldmSampling * settings,
    const GstVldmConditioning * conditioning, VldmSampling * sampling, GstVldmSamplingTexts * texts);

G_END_DECLS
