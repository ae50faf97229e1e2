/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The log of the floors below, which know GLib and not GStreamer, as categories of GStreamer's log.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Creates the categories vldmopencl and vldmmodel, and from now on shows messages of these floors in them. To be called once,
 * when the plugin is loaded. */
void gst_vldm_glib_log_init (void);

G_END_DECLS
