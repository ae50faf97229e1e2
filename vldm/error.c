/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The quark that marks errors of the VideoLDM floor.
 */
#include "vldm/error.h"

GQuark
vldm_error_quark (void)
{
  return g_quark_from_static_string ("vldm-error-quark");
}
