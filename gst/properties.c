/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that are plain fields, and those that all elements with a model have in common.
 */
#include "gst/properties.h"

#include "gst/enums.h"

gpointer
gst_vldm_field (gpointer base, const gsize * fields, guint n_fields, guint id)
{
  return id < n_fields && fields[id] != 0
      ? G_STRUCT_MEMBER_P (base, fields[id]) : NULL;
}

gboolean
gst_vldm_field_set (gpointer field, const GValue * value)
{
  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
      g_free (*(char **) field);
      *(char **) field = g_value_dup_string (value);
      break;
    case G_TYPE_INT:
      *(gint *) field = g_value_get_int (value);
      break;
    case G_TYPE_UINT:
      *(guint *) field = g_value_get_uint (value);
      break;
    case G_TYPE_INT64:
      *(gint64 *) field = g_value_get_int64 (value);
      break;
    case G_TYPE_DOUBLE:
      *(gdouble *) field = g_value_get_double (value);
      break;
    case G_TYPE_ENUM:
      *(gint *) field = g_value_get_enum (value);
      break;
    default:
      g_return_val_if_reached (FALSE);
  }
  return TRUE;
}

gboolean
gst_vldm_field_get (gconstpointer field, GValue * value)
{
  if (field == NULL)
    return FALSE;
  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value))) {
    case G_TYPE_STRING:
      g_value_set_string (value, *(char *const *) field);
      break;
    case G_TYPE_INT:
      g_value_set_int (value, *(const gint *) field);
      break;
    case G_TYPE_UINT:
      g_value_set_uint (value, *(const guint *) field);
      break;
    case G_TYPE_INT64:
      g_value_set_int64 (value, *(const gint64 *) field);
      break;
    case G_TYPE_DOUBLE:
      g_value_set_double (value, *(const gdouble *) field);
      break;
    case G_TYPE_ENUM:
      g_value_set_enum (value, *(const gint *) field);
      break;
    default:
      g_return_val_if_reached (FALSE);
  }
  return TRUE;
}

void
gst_vldm_fields_set (GObject * object, const gsize * fields, guint n_fields,
    guint id, const GValue * value, GParamSpec * pspec)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = gst_vldm_field_set (gst_vldm_field (object, fields, n_fields, id),
      value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

void
gst_vldm_fields_get (GObject * object, const gsize * fields, guint n_fields,
    guint id, GValue * value, GParamSpec * pspec)
{
  gboolean known;

  GST_OBJECT_LOCK (object);
  known = gst_vldm_field_get (gst_vldm_field (object, fields, n_fields, id),
      value);
  GST_OBJECT_UNLOCK (object);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

void
gst_vldm_install_model_properties (GObjectClass * klass, guint first_id,
    const char *model_blurb)
{
  g_object_class_install_property (klass, first_id,
      g_param_spec_string ("model-path", "Model path", model_blurb, NULL,
          GST_VLDM_PARAM_READY));
  g_object_class_install_property (klass, first_id + 1,
      g_param_spec_string ("device", "Device",
          "OpenCL device: number, or part of the platform's or device's name "
          "(NULL = $VLDM_DEVICE, else the best GPU, else a CPU)", NULL,
          GST_VLDM_PARAM_READY));
  g_object_class_install_property (klass, first_id + 2,
      g_param_spec_enum ("precision", "Precision",
          "How the networks store numbers (auto = f32 on CPU devices, f16 on "
          "others)", GST_TYPE_VLDM_PRECISION, VLDM_PRECISION_AUTO,
          GST_VLDM_PARAM_READY));
}
