/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors of the floors below as element messages: one table says which domain and code an application sees.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Turns a failure into what a streaming thread returns. Posts an error message on @element, its text @error's message
 * and its debug text @context ("decoding frames 6 to 13"), unless it was the last one posted, and gives GST_FLOW_ERROR; a
 * cancelled call posts nothing and gives GST_FLOW_FLUSHING. */
GstFlowReturn gst_vldm_fail (GstElement * element, const GError * error, const char *context);

/* Posts why @caps are refused, as STREAM/FORMAT with the text of @error. */
void gst_vldm_refuse_caps (GstElement * element, const GstCaps * caps, const GError * error);

/* What was posted last is not posted again until then: caps that an element refused come again with each buffer and event, since
 * they are sticky. For a new start, and after a flush. */
void gst_vldm_forget_errors (GstElement * element);
/* @message of a floor below, which may hold file names in any encoding, as the UTF-8 that goes into element messages. */
char *gst_vldm_message_text (const char *message);

/* TRUE if the call ended because it was asked to. */
gboolean gst_vldm_error_is_cancelled (const GError * error);

G_END_DECLS
