/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The floors below log with g_debug () and g_info () under domains of their own. A handler per domain, for these two levels
 * only, shows the messages in GStreamer's log and then passes them to GLib's default handler, which prints those that
 * G_MESSAGES_DEBUG asks for. So the log writer of the process, which is not a plugin's to replace, stays in charge, and
 * warnings take the way that the process has chosen for them.
 */

#include "gst/gliblog.h"

#include <gst/gst.h>

GST_DEBUG_CATEGORY_STATIC (opencl_category);
GST_DEBUG_CATEGORY_STATIC (model_category);

/* Shows a message of g_debug () at @level and one of g_info () at INFO. */
static void
show (GstDebugCategory * category, GstDebugLevel level, const char *domain,
    GLogLevelFlags flags, const char *message)
{
  if ((flags & G_LOG_LEVEL_INFO) != 0)
    level = GST_LEVEL_INFO;
  if (level <= _gst_debug_min
      && level <= gst_debug_category_get_threshold (category))
    gst_debug_log (category, level, domain, "", 0, NULL, "%s", message);
  g_log_default_handler (domain, flags, message, NULL);
}

static void
show_opencl (const char *domain, GLogLevelFlags flags, const char *message,
    gpointer unused)
{
  show (opencl_category, GST_LEVEL_DEBUG, domain, flags, message);
}

/* Messages that come with every batch or turn. */
static void
show_queue (const char *domain, GLogLevelFlags flags, const char *message,
    gpointer unused)
{
  show (opencl_category, GST_LEVEL_LOG, domain, flags, message);
}

static void
show_model (const char *domain, GLogLevelFlags flags, const char *message,
    gpointer unused)
{
  show (model_category, GST_LEVEL_DEBUG, domain, flags, message);
}

void
gst_vldm_glib_log_init (void)
{
  const GLogLevelFlags levels = G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG;

  GST_DEBUG_CATEGORY_INIT (opencl_category, "vldmopencl", 0,
      "devices, programs, launches and memory of the vldm elements");
  GST_DEBUG_CATEGORY_INIT (model_category, "vldmmodel", 0,
      "models, windows and steps of the vldm elements");
  g_log_set_handler ("vldm-opencl", levels, show_opencl, NULL);
  g_log_set_handler ("vldm-opencl-queue", levels, show_queue, NULL);
  g_log_set_handler ("vldm", levels, show_model, NULL);
}
