/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pipeline around an element, as far as the element must know it.
 */
#pragma once

#include "gst/enums.h"

G_BEGIN_DECLS

/* The outermost bin that @element is in, normally the pipeline, or @element itself. Transfer full. */
GstElement *gst_vldm_pipeline_top (GstElement * element);

/* @top and all elements in it, outer ones first. Transfer full, of GstElement. */
GPtrArray *gst_vldm_pipeline_elements (GstElement * top);

/* TRUE if a source of the pipeline around @element is live: then sinks wait for no first frame, and buffers are stamped with
 * the running time, which must not jump. */
gboolean gst_vldm_pipeline_is_live (GstElement * element);

/* What lets the pipeline around @element preroll before a window is made: TRUE = a GAP event, FALSE = the window's first
 * frame, for which sinks wait. Where files are written it is always the frame, since muxers may lose frames after a gap. */
gboolean gst_vldm_prerolls_with_gap (GstElement * element, GstVldmPreroll preroll);

G_END_DECLS
