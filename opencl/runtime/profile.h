/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Device time per kernel, where the environment variable VLDM_PROFILE asks for it.
 */
#pragma once

#include "opencl/runtime/queue_state.h"

G_BEGIN_DECLS

/* Turns profiling on if the environment asks for it; before the command queue is created. */
void ocl_profile_init (OclQueue * queue);

/* Prints the table if the environment asks for it, and releases all events. */
void ocl_profile_end (OclQueue * queue);

/* Takes over the event of a launch of @kernel: releases it or, with profiling, keeps it until its time is collected. */
void ocl_profile_add (OclQueue * queue, OclKernel * kernel, gdouble work, cl_event event);

/* Adds the times of completed launches to their kernels. */
void ocl_profile_collect (OclQueue * queue);

G_END_DECLS
