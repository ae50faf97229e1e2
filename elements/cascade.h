/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cascade as a chain of elements: vldmsrc, vldminterp as often as wanted, vldmdec, and vldmsr if wanted.
 */
#pragma once

#include <gst/gst.h>

#include "elements/uri.h"

G_BEGIN_DECLS

/* The key of a URI that is model-path of every element. */
#define GST_VLDM_CASCADE_MODEL "model"

/* The elements that @uri wants, as GstElement in the order of flow, vldmsrc first, each with its settings. NULL with
 * GST_URI_ERROR_BAD_URI for a key or value that there is not; the message lists those that there are. NULL with
 * GST_URI_ERROR_BAD_REFERENCE for an element that is not installed. */
GPtrArray *gst_vldm_cascade_new (const GstVldmUri * uri, GError ** error);

/* Links the elements, once they are in a bin: bins unlink what is added to them. */
gboolean gst_vldm_cascade_link (GPtrArray * chain, GError ** error);

/* Sets property @name of vldmsrc; model-path, device and precision of all elements that have them. */
void gst_vldm_cascade_set (GPtrArray * chain, const char *name, const GValue * value);

G_END_DECLS
