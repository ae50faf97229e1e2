/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors of the VideoLDM floor. Every message names what is wrong, where (path, tensor, key), and what would be right.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define VLDM_ERROR (vldm_error_quark ())

typedef enum
{
  VLDM_ERROR_NOT_FOUND,         /* folder or file missing */
  VLDM_ERROR_READ,              /* file cannot be read or is damaged */
  VLDM_ERROR_MODEL,             /* files are whole, but describe a model that cannot work: class, key, tensor, shape */
  VLDM_ERROR_SETTINGS,          /* a parameter out of its range; the message names the allowed range */
  VLDM_ERROR_INPUT,             /* frames that came in cannot be used: the message says which, and what is wrong */
  VLDM_ERROR_TEXT,              /* prompt not UTF-8 or too long */
  VLDM_ERROR_CANCELLED,
} VldmError;

GQuark vldm_error_quark (void);

G_END_DECLS
