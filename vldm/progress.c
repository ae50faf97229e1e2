/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of activities, as GStreamer progress messages carry them.
 */
#include "vldm/progress.h"

const char *
vldm_activity_name (VldmActivity activity)
{
  switch (activity) {
    case VLDM_ACTIVITY_LOAD_MODEL:
      return "load-model";
    case VLDM_ACTIVITY_BUILD_KERNELS:
      return "build-kernels";
    case VLDM_ACTIVITY_TUNE_KERNELS:
      return "tune-kernels";
    case VLDM_ACTIVITY_ENCODE_TEXT:
      return "encode-text";
    case VLDM_ACTIVITY_DENOISE:
      return "denoise";
    case VLDM_ACTIVITY_DECODE:
      return "decode";
    case VLDM_ACTIVITY_ENCODE:
      return "encode";
  }
  g_return_val_if_reached ("unknown");
}
