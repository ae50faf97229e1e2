/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How a stage reports progress and is cancelled: one place where the queue's callbacks, the denoising loop and the
 * caller's VldmProgress meet.
 */
#pragma once

#include "opencl/runtime/queue.h"
#include "vldm/progress.h"

G_BEGIN_DECLS

/* What was reported last. Lives on the stack of a stage's run function. */
typedef struct
{
  const VldmProgress *progress;
  OclQueue *queue;
  OclArenaMark mark;            /* of the queue's arena before the run */
  VldmActivity activity;
  guint done, total;
} VldmReport;

/* Begins a run: from now on @queue asks @progress (may be NULL) whether to go on, and reports the kernels that it builds. */
void vldm_report_begin (VldmReport * report, OclQueue * queue, const VldmProgress * progress);

/* Ends it: takes the callbacks off again and releases what the run took from the queue's arena. Where @ok is FALSE it waits
 * for the queue first, so that the caller may free memory, and turns OCL_ERROR_CANCELLED into VLDM_ERROR_CANCELLED.
 * Returns @ok. */
gboolean vldm_report_end (VldmReport * report, gboolean ok, GError ** error);

/* FALSE with VLDM_ERROR_CANCELLED if the caller wants to stop. */
gboolean vldm_report_progress (VldmReport * report, VldmActivity activity, guint done, guint total, GError ** error);

/* The same of denoising: a VldmStepFunc whose @user_data is the VldmReport. */
gboolean vldm_report_step (guint done, guint total, gpointer report, GError ** error);

void vldm_report_warning (const VldmReport * report, const char *message);

G_END_DECLS
