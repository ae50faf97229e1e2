/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plugin: registers elements and the log of the floors below, and nothing else. It runs in GStreamer's plugin scanner, so it must be quick and must
 * not touch a device.
 */
#include <gst/gst.h>

#include "elements/vldmbin.h"
#include "elements/vldmdec.h"
#include "elements/vldmenc.h"
#include "elements/vldminterp.h"
#include "elements/vldmsr.h"
#include "elements/vldmsrc.h"
#include "gst/gliblog.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  gboolean registered = FALSE;

  gst_vldm_glib_log_init ();
  registered |= GST_ELEMENT_REGISTER (vldmbin, plugin);
  registered |= GST_ELEMENT_REGISTER (vldmdec, plugin);
  registered |= GST_ELEMENT_REGISTER (vldmenc, plugin);
  registered |= GST_ELEMENT_REGISTER (vldminterp, plugin);
  registered |= GST_ELEMENT_REGISTER (vldmsr, plugin);
  registered |= GST_ELEMENT_REGISTER (vldmsrc, plugin);
  return registered;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, vldm,
    "Video latent diffusion on OpenCL", plugin_init, VERSION, "LGPL", PACKAGE,
    "Unknown package origin")
