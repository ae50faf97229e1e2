/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Property types: enums with their names for pipelines.
 */
#include "gst/enums.h"

/**
 * GstVldmScheduler:
 * @auto: the one in the model folder's scheduler_config.json
 * @ddim: DDIM
 * @euler: Euler
 * @dpm++2m: DPM-Solver++ 2M
 *
 * Samplers that walk from noise to latents.
 *
 * Since: 0.1
 */
GType
gst_vldm_scheduler_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {VLDM_SCHEDULER_AUTO, "The model's own sampler", "auto"},
    {VLDM_SCHEDULER_DDIM, "DDIM", "ddim"},
    {VLDM_SCHEDULER_EULER, "Euler", "euler"},
    {VLDM_SCHEDULER_DPMPP_2M, "DPM-Solver++ 2M", "dpm++2m"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstVldmScheduler", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}

/**
 * GstVldmPrecision:
 * @auto: f32 on CPU devices, f16 on others
 * @f32: 32-bit floating point
 * @f16: stored in 16 bits, computed in 32
 * @bf16: f32, with weights and products in bf16 on CPUs with AVX512-BF16
 *
 * How networks store weights and activations.
 *
 * Since: 0.1
 */
GType
gst_vldm_precision_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {VLDM_PRECISION_AUTO, "f32 on CPU devices, f16 on others", "auto"},
    {VLDM_PRECISION_F32, "32-bit floating point", "f32"},
    {VLDM_PRECISION_F16, "Stored in 16 bits, computed in 32", "f16"},
    {VLDM_PRECISION_BF16,
          "f32, with weights and products in bf16 on CPUs with AVX512-BF16",
        "bf16"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstVldmPrecision", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}

/**
 * GstVldmTail:
 * @drop: the last frame is the end: T frames become factor (T - 1) + 1
 * @hold: the last frame is repeated: T frames become factor T
 *
 * What follows the last known frame of an interpolated stream.
 *
 * Since: 0.1
 */
GType
gst_vldm_tail_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_VLDM_TAIL_DROP, "Nothing: T frames become factor (T - 1) + 1", "drop"},
    {GST_VLDM_TAIL_HOLD, "The last frame again: T frames become factor T",
        "hold"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstVldmTail", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}

/**
 * GstVldmPreroll:
 * @auto: the first frame where a sink shows it or gives it to the application; a gap where all are fakesinks, as in
 *   GstDiscoverer, in live pipelines, and where a tee splits the video
 * @frame: the first frame, once its window is made
 * @gap: a gap, at once and with no picture
 *
 * What a pipeline prerolls with while a window is made.
 *
 * Since: 0.1
 */
GType
gst_vldm_preroll_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_VLDM_PREROLL_AUTO,
          "The first frame where somebody looks at it, else a gap",
        "auto"},
    {GST_VLDM_PREROLL_FRAME, "The first frame, once its window is made",
        "frame"},
    {GST_VLDM_PREROLL_GAP, "A gap, at once and with no picture", "gap"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstVldmPreroll", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}
