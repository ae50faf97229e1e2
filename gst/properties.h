/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Properties that are plain fields of an element's struct, and those that all elements with a model have in common.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Flags of settings that may change while playing, and of those that are read when the element starts. */
#define GST_VLDM_PARAM_PLAYING (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
/* Fractions take any value, since GObject, which only warns, would drop NaN and run with what was there before. */
#define GST_VLDM_PARAM_FRACTION (GST_VLDM_PARAM_PLAYING | G_PARAM_LAX_VALIDATION)
#define GST_VLDM_PARAM_READY (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

/* The field of @base that keeps property @id, by the offset in row @id of @fields; NULL if there is no row, or nothing (0)
 * in it. */
gpointer gst_vldm_field (gpointer base, const gsize * fields, guint n_fields, guint id);

/* Copy between @value and @field, whose C type follows from the value's: char *, gint, guint, gint64, gdouble or an enum.
 * FALSE if @field is NULL: then the caller warns of an invalid property id. */
gboolean gst_vldm_field_set (gpointer field, const GValue * value);
gboolean gst_vldm_field_get (gconstpointer field, GValue * value);

/* set_property and get_property of a GstObject all of whose properties are in @fields. Take its OBJECT_LOCK. */
void gst_vldm_fields_set (GObject * object, const gsize * fields, guint n_fields, guint id, const GValue * value,
    GParamSpec * pspec);
void gst_vldm_fields_get (GObject * object, const gsize * fields, guint n_fields, guint id, GValue * value,
    GParamSpec * pspec);

/* Installs model-path, device and precision under @first_id and the two ids after it. @model_blurb says what model-path
 * NULL means; it must be static. */
void gst_vldm_install_model_properties (GObjectClass * klass, guint first_id, const char *model_blurb);

G_END_DECLS
