/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Debug categories of this floor.
 */
#include "gst/log.h"

static struct
{
  const char *name, *description;
  gsize category;
} rows[] = {
  [GST_VLDM_LOG_ERROR] = {"vldmerror", "errors that are posted"},
  [GST_VLDM_LOG_FILTER] = {"vldmfilter", "frames through a stage"},
  [GST_VLDM_LOG_LATENTDECODER] = {"vldmlatentdecoder", "chunks of latents"},
  [GST_VLDM_LOG_PACE] = {"vldmpace", "the clock, set back for late pictures"},
  [GST_VLDM_LOG_SEEK] = {"vldmseek", "seeks as asked and as widened"},
  [GST_VLDM_LOG_WORKER] = {"vldmworker", "models and their loading"},
};

GstDebugCategory *
gst_vldm_log (GstVldmLog log)
{
  if (g_once_init_enter (&rows[log].category))
    g_once_init_leave (&rows[log].category, (gsize)
        _gst_debug_category_new (rows[log].name, 0, rows[log].description));
  return (GstDebugCategory *) rows[log].category;
}
