/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The windows of a video, each predicted from the last frames of the one before. The chain remembers of every window
 * where it lies and which recipe made it, so that it can be made again as it was shown, and keeps the last latents of
 * each, from which the next one follows: any point already passed costs one window. All frames are kept of one window
 * only, the current one.
 *
 *   for (k = gst_vldm_chain_resume (chain, gst_vldm_chain_find (chain, n));; k++)
 *     set window k if k is the length, make it unless it is the current one, stop if it shows n
 */
#pragma once

#include "elements/recipe.h"
#include "vldm/stages/windows.h"

G_BEGIN_DECLS

typedef struct _GstVldmChain GstVldmChain;

/* Kept latents take at most @max_bytes; beyond, those of every second window are forgotten, again and again, and a point
 * passed costs 2, 4, ... windows. Besides, a window costs about 100 bytes. */
GstVldmChain *gst_vldm_chain_new (gsize max_bytes);
void gst_vldm_chain_free (GstVldmChain * chain);

/* Forgets windows @k and later ones. */
void gst_vldm_chain_cut (GstVldmChain * chain, guint64 k);

/* Number of windows that the chain remembers. */
guint64 gst_vldm_chain_length (const GstVldmChain * chain);

/* Window @k < length: its place, and what made it. */
const VldmKeyWindow *gst_vldm_chain_place (const GstVldmChain * chain, guint64 k);
GstVldmRecipe *gst_vldm_chain_recipe (const GstVldmChain * chain, guint64 k);

/* First new frame of window @k <= length. */
guint64 gst_vldm_chain_first (const GstVldmChain * chain, guint64 k);

/* The window that shows frame @n; the length if none does yet. */
guint64 gst_vldm_chain_find (const GstVldmChain * chain, guint64 n);

/* How many windows it takes from window @k <= length on, up to the one that shows frame @n, if nothing cuts those to come
 * short. */
guint64 gst_vldm_chain_distance (const GstVldmChain * chain, guint64 k, guint64 n);

/* The last window up to @k that is at hand or can be made at once. */
guint64 gst_vldm_chain_resume (const GstVldmChain * chain, guint64 k);

/* Settings for a frame @n to come. If they are others than before, they count from the window that shows @n on, and the
 * windows after it are forgotten; those before stay as they were shown. @overlap: vldm_keyframes_context. */
void gst_vldm_chain_take (GstVldmChain * chain, GstVldmRecipe * recipe, guint overlap, guint64 n);

/* The video begins with @given (host memory, copied; NULL = nothing): if that is new, all windows are forgotten. */
gboolean gst_vldm_chain_begin_with (GstVldmChain * chain, const VldmFrames * given, GError ** error);

/* Where window @k <= length lies by the settings as last taken, if nothing cuts it short. */
VldmKeyWindow gst_vldm_chain_plan (const GstVldmChain * chain, guint64 k);

/* Window @k <= length lies at @place, is made by the settings as last taken, and with @prompt unless that is NULL. If it
 * is remembered so, nothing changes; else it is remembered so, not made yet, and those after it are forgotten. */
void gst_vldm_chain_set (GstVldmChain * chain, guint64 k, const VldmKeyWindow * place, const char *prompt);

/* Makes window @k, which gst_vldm_chain_resume allowed, the current one. On failure all is as before. */
gboolean gst_vldm_chain_make (GstVldmChain * chain, guint64 k, VldmKeyframes * stage, const VldmProgress * progress,
    GError ** error);

/* Is window @k the current one? */
gboolean gst_vldm_chain_is_current (const GstVldmChain * chain, guint64 k);

/* A copy of frame @n, which the current window shows. */
GstBuffer *gst_vldm_chain_buffer (const GstVldmChain * chain, guint64 n);

G_END_DECLS
