/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Progress and cancellation of a running stage.
 */
#include "vldm/stages/report.h"

#include <string.h>

#include "vldm/error.h"

static gboolean
may_go_on (const VldmReport * report, VldmActivity activity, guint done,
    guint total)
{
  const VldmProgress *progress = report->progress;

  return progress == NULL || progress->progress == NULL
      || progress->progress (activity, done, total, progress->user_data);
}

static gboolean
check (gpointer user_data)
{
  const VldmReport *report = user_data;

  return may_go_on (report, report->activity, report->done, report->total);
}

/* A build cannot be stopped; the check before the next launch sees the caller's answer again. */
static void
building (const char *program, const char *kernel, guint built,
    gpointer user_data)
{
  may_go_on (user_data, VLDM_ACTIVITY_BUILD_KERNELS, built, 0);
}

static void
tuning (const char *what, guint tuned, gpointer user_data)
{
  may_go_on (user_data, VLDM_ACTIVITY_TUNE_KERNELS, tuned, 0);
}

void
vldm_report_begin (VldmReport * report, OclQueue * queue,
    const VldmProgress * progress)
{
  memset (report, 0, sizeof (*report));
  report->progress = progress;
  report->queue = queue;
  report->mark = ocl_arena_mark (ocl_queue_arena (queue));
  ocl_queue_set_callbacks (queue, check, building, tuning, report);
}

gboolean
vldm_report_end (VldmReport * report, gboolean ok, GError ** error)
{
  ocl_queue_set_callbacks (report->queue, NULL, NULL, NULL, NULL);
  if (!ok)
    ocl_queue_drain (report->queue);
  ocl_arena_release (ocl_queue_arena (report->queue), report->mark);

  if (!ok && error != NULL
      && g_error_matches (*error, OCL_ERROR, OCL_ERROR_CANCELLED)) {
    g_clear_error (error);
    g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_CANCELLED, "cancelled");
  }
  return ok;
}

gboolean
vldm_report_progress (VldmReport * report, VldmActivity activity, guint done,
    guint total, GError ** error)
{
  report->activity = activity;
  report->done = done;
  report->total = total;
  if (may_go_on (report, activity, done, total))
    return TRUE;
  g_set_error_literal (error, VLDM_ERROR, VLDM_ERROR_CANCELLED, "cancelled");
  return FALSE;
}

gboolean
vldm_report_step (guint done, guint total, gpointer report, GError ** error)
{
  return vldm_report_progress (report, VLDM_ACTIVITY_DENOISE, done, total,
      error);
}

void
vldm_report_warning (const VldmReport * report, const char *message)
{
  if (report->progress != NULL && report->progress->warn != NULL)
    report->progress->warn (message, report->progress->user_data);
}
