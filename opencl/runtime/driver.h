/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The surroundings that PoCL needs: a folder to write compiled kernels to and to load them from, and /sys with its
 * description of processors and memory. In services, containers and sandboxes without them, PoCL offers no device or
 * ends the process.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* To be called before any call of OpenCL. Sets POCL_CACHE_DIR if PoCL's own choice is unusable, and HWLOC_SYNTHETIC
 * if /sys lacks what PoCL's library hwloc must know. Leaves variables alone that the user has set, and all of them
 * if PoCL is not installed or lacks nothing: setting variables is not safe beside threads that read them, though
 * PoCL itself does so when it starts. */
void ocl_driver_prepare (void);

/* The reason why PoCL cannot work here and the remedy, for an error message; NULL if there is none. */
char *ocl_driver_find_obstacle (void);

G_END_DECLS
