/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Property types that elements share.
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
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type)) {
    GType t = g_enum_register_static ("GstVldmPrecision", values);

    gst_type_mark_as_plugin_api (t, 0);
    g_once_init_leave (&type, t);
  }
  return type;
}
