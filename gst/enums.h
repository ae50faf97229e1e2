/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Property types: enums with their names for pipelines.
 */
#pragma once

#include <gst/gst.h>

#include "vldm/model.h"

G_BEGIN_DECLS

/* What vldminterp does with the time in which the last frame is shown, after which none follows. */
typedef enum
{
  GST_VLDM_TAIL_DROP,           /* leaves it out: T -> factor (T - 1) + 1 frames */
  GST_VLDM_TAIL_HOLD,           /* repeats the last frame: T -> factor T */
} GstVldmTail;

/* What vldmsrc lets a pipeline preroll with before a window is made. */
typedef enum
{
  GST_VLDM_PREROLL_AUTO,
  GST_VLDM_PREROLL_FRAME,       /* the window's first frame */
  GST_VLDM_PREROLL_GAP,         /* a GAP event, so at once and with no picture */
} GstVldmPreroll;

#define GST_TYPE_VLDM_PREROLL (gst_vldm_preroll_get_type ())
GType gst_vldm_preroll_get_type (void);

#define GST_TYPE_VLDM_TAIL (gst_vldm_tail_get_type ())
GType gst_vldm_tail_get_type (void);

/* VldmSchedulerKind: auto, ddim, euler, dpm++2m. */
#define GST_TYPE_VLDM_SCHEDULER (gst_vldm_scheduler_get_type ())
GType gst_vldm_scheduler_get_type (void);

/* VldmPrecision: auto, f32, f16. */
#define GST_TYPE_VLDM_PRECISION (gst_vldm_precision_get_type ())
GType gst_vldm_precision_get_type (void);

G_END_DECLS
