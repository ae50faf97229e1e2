/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What PoCL needs around it: a folder that it can write compiled kernels to and load them from, and the kernel's word on
 * processors and memory. Where services, containers and sandboxes lack these, PoCL gives no device or ends the process.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Before any call of OpenCL: sets POCL_CACHE_DIR where PoCL's own choice cannot be used, and HWLOC_SYNTHETIC where /sys does not
 * tell what hwloc, which PoCL asks, has to know. Neither where the user did, and nothing where PoCL is not installed or all
 * is well: setting variables is not safe beside threads that read them, though PoCL does so itself when it starts. */
void ocl_driver_prepare (void);

/* Why PoCL cannot work here and what would help, a sentence for an error; NULL where nothing speaks against it. */
char *ocl_driver_find_obstacle (void);

G_END_DECLS
