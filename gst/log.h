/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Debug categories of this floor, one per file that speaks: GST_DEBUG=vldm*:5 shows decisions, level 6 every buffer. Elements
 * have a category of their own name each.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum
{
  GST_VLDM_LOG_ERROR,
  GST_VLDM_LOG_FILTER,
  GST_VLDM_LOG_LATENTDECODER,
  GST_VLDM_LOG_PACE,
  GST_VLDM_LOG_SEEK,
  GST_VLDM_LOG_WORKER,
} GstVldmLog;

/* The category, made at its first use; any thread. A file defines GST_CAT_DEFAULT as this call. */
GstDebugCategory *gst_vldm_log (GstVldmLog log);

G_END_DECLS
