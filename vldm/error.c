/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The quark that marks errors of the VideoLDM floor.
 */
#include "vldm/error.h"

G_DEFINE_QUARK (vldm - error - quark, vldm_error)
