/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The cascade as a chain of elements: from what a URI says to elements that do it, linked and set. Keys of the URI are read
 * by means of GParamSpec, so that properties of vldmsrc are keys without being named here.
 */
#include "elements/cascade.h"

#include <math.h>
#include <string.h>

#include "gst/filter.h"
#include "gst/latents.h"

#define MAX_INTERPOLATIONS 2

/* Keys of a URI that are not properties of vldmsrc. */
enum
{
  KEY_INTERP,
  KEY_SR,
  KEY_WIDTH,
  KEY_HEIGHT,
  KEY_FPS,
  KEY_MODEL,
  N_KEYS
};

static GParamSpec *keys[N_KEYS];

/* Keys that are properties of the other elements begin with these. */
static const struct
{
  const char *prefix, *factory;
  const char *wanted_by;        /* what puts the element into the chain */
} stages[] = {
  {"interp-", "vldminterp", "interp=1 or interp=2"},
  {"dec-", "vldmdec", ""},
  {"sr-", "vldmsr", "sr=1"},
};

static void
make_keys (void)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  static gsize made = 0;
  guint i;

  if (!g_once_init_enter (&made))
    return;
  keys[KEY_INTERP] = g_param_spec_string ("interp", NULL, NULL, "0", flags);
  keys[KEY_SR] = g_param_spec_boolean ("sr", NULL, NULL, FALSE, flags);
  keys[KEY_WIDTH] = g_param_spec_int ("width", NULL, NULL, 1, G_MAXINT, 1,
      flags);
  keys[KEY_HEIGHT] = g_param_spec_int ("height", NULL, NULL, 1, G_MAXINT, 1,
      flags);
  keys[KEY_FPS] = gst_param_spec_fraction ("fps", NULL, NULL, 1, G_MAXINT,
      G_MAXINT, 1, 1, 1, flags);
  keys[KEY_MODEL] =
      g_param_spec_string (GST_VLDM_CASCADE_MODEL, NULL, NULL, NULL, flags);
  for (i = 0; i < N_KEYS; i++)
    g_param_spec_ref_sink (keys[i]);
  g_once_init_leave (&made, 1);
}

/* TRUE for properties about the video, which belong to @element itself or to the base of filters, not to GStreamer's classes. */
static gboolean
is_ours (gpointer element, const GParamSpec * spec)
{
  return spec->owner_type == G_OBJECT_TYPE (element)
      || spec->owner_type == GST_TYPE_VLDM_FILTER;
}

/* TRUE for properties of vldmsrc that a URI sets by their names. */
static gboolean
is_key (GstElement * src, const GParamSpec * spec)
{
  return is_ours (src, spec)
      && (spec->flags & G_PARAM_WRITABLE)
      && strcmp (spec->name, "prompt") != 0
      && strcmp (spec->name, "model-path") != 0;
}

static GParamSpec *
find_key (GstElement * src, const char *key)
{
  GParamSpec *spec;
  guint i;

  for (i = 0; i < N_KEYS; i++) {
    if (strcmp (keys[i]->name, key) == 0)
      return keys[i];
  }
  spec = g_object_class_find_property (G_OBJECT_GET_CLASS (src), key);
  /* The search takes guidance_scale for guidance-scale, and then the two would be different keys. */
  return spec && is_key (src, spec) && strcmp (spec->name, key) == 0
      ? spec : NULL;
}

/* Which of the stages @key begins with; -1 = none. */
static gint
stage_of_key (const char *key)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (stages); i++) {
    if (g_str_has_prefix (key, stages[i].prefix))
      return i;
  }
  return -1;
}

static char *
list_keys (GstElement * src)
{
  GString *list = g_string_new (keys[0]->name);
  g_autofree GParamSpec **specs = NULL;
  guint i, n;

  for (i = 1; i < N_KEYS; i++)
    g_string_append_printf (list, ", %s", keys[i]->name);
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (src), &n);
  for (i = 0; i < n; i++) {
    if (is_key (src, specs[i]))
      g_string_append_printf (list, ", %s", specs[i]->name);
  }
  g_string_append (list, "; and interp-, dec- and sr- before properties of "
      "vldminterp, vldmdec and vldmsr, such as sr-steps. What belongs to the "
      "prompt is written %3B for a semicolon and %3F for a question mark");
  return g_string_free (list, FALSE);
}

static gboolean
check_keys (GstElement * src, const GstVldmUri * uri, GError ** error)
{
  g_autofree char *list = NULL;
  guint i;

  for (i = 0; i < uri->settings->len; i++) {
    const char *key = g_array_index (uri->settings, GstVldmUriSetting, i).key;

    if (find_key (src, key) == NULL && stage_of_key (key) == -1) {
      list = list_keys (src);
      g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
          "vldm:// URIs have no setting '%s'; there are %s", key, list);
      return FALSE;
    }
  }
  return TRUE;
}

/* What @spec allows, for messages. */
static char *
describe_range (GParamSpec * spec)
{
  GString *list;
  guint i;

  if (G_IS_PARAM_SPEC_INT (spec))
    return g_strdup_printf ("a whole number from %d to %d",
        G_PARAM_SPEC_INT (spec)->minimum, G_PARAM_SPEC_INT (spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT (spec))
    return g_strdup_printf ("a whole number from %u to %u",
        G_PARAM_SPEC_UINT (spec)->minimum, G_PARAM_SPEC_UINT (spec)->maximum);
  if (G_IS_PARAM_SPEC_DOUBLE (spec))
    return g_strdup_printf ("a number from %g to %g",
        G_PARAM_SPEC_DOUBLE (spec)->minimum,
        G_PARAM_SPEC_DOUBLE (spec)->maximum);
  if (GST_IS_PARAM_SPEC_FRACTION (spec))
    return g_strdup ("a fraction above 0, such as 24 or 24000/1001");
  if (!G_IS_PARAM_SPEC_ENUM (spec))
    return g_strdup ("0 or 1");

  list = g_string_new ("one of ");
  for (i = 0; i < G_PARAM_SPEC_ENUM (spec)->enum_class->n_values; i++)
    g_string_append_printf (list, "%s%s", i ? ", " : "",
        G_PARAM_SPEC_ENUM (spec)->enum_class->values[i].value_nick);
  return g_string_free (list, FALSE);
}

/* GStreamer's own reader of whole numbers cuts off what a gint has no room for. */
static gboolean
read_whole_number (GParamSpec * spec, const char *text, GValue * value)
{
  gint64 number;

  if (G_IS_PARAM_SPEC_INT (spec)
      && g_ascii_string_to_signed (text, 10, G_PARAM_SPEC_INT (spec)->minimum,
          G_PARAM_SPEC_INT (spec)->maximum, &number, NULL)) {
    g_value_set_int (value, number);
    return TRUE;
  }
  if (G_IS_PARAM_SPEC_UINT (spec)
      && g_ascii_string_to_signed (text, 10, G_PARAM_SPEC_UINT (spec)->minimum,
          G_PARAM_SPEC_UINT (spec)->maximum, &number, NULL)) {
    g_value_set_uint (value, number);
    return TRUE;
  }
  return FALSE;
}

/* Reads @text, the value of @key, as a value of @spec. */
static gboolean
read_value (GParamSpec * spec, const char *key, const char *text,
    GValue * value, GError ** error)
{
  g_autofree char *range = NULL;
  gboolean ok;

  g_value_init (value, spec->value_type);
  if (G_VALUE_HOLDS_STRING (value)) {
    g_value_set_string (value, text);
    return TRUE;
  }
  if (G_VALUE_HOLDS_INT (value) || G_VALUE_HOLDS_UINT (value))
    ok = read_whole_number (spec, text, value);
  else
    ok = gst_value_deserialize (value, text)
        && !(G_VALUE_HOLDS_DOUBLE (value)
        && !isfinite (g_value_get_double (value)))
        && !g_param_value_validate (spec, value);
  if (ok)
    return TRUE;

  range = describe_range (spec);
  g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
      "%s is '%s' in the URI; it must be %s", key, text, range);
  return FALSE;
}

void
gst_vldm_cascade_set (GPtrArray * chain, const char *name, const GValue * value)
{
  const gboolean common = strcmp (name, "model-path") == 0
      || strcmp (name, "device") == 0 || strcmp (name, "precision") == 0;
  guint i;

  for (i = 0; i < (common ? chain->len : MIN (chain->len, 1)); i++) {
    GObject *element = g_ptr_array_index (chain, i);

    if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), name))
      g_object_set_property (element, name, value);
  }
}

static GstElement *
append (GPtrArray * chain, const char *factory, const char *name,
    GError ** error)
{
  GstElement *element = gst_element_factory_make (factory, name);

  if (element == NULL) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_REFERENCE,
        "the URI needs the element %s, and this version of the plugin does "
        "not have it", factory);
    return NULL;
  }
  g_ptr_array_add (chain, gst_object_ref_sink (element));
  return element;
}

/* Size and rate are caps in GStreamer. */
static gboolean
append_size (GPtrArray * chain, const GstVldmUri * uri, GError ** error)
{
  static const struct
  {
    guint key;
    const char *field;
  } fields[] = {
    {KEY_WIDTH, "width"},
    {KEY_HEIGHT, "height"},
    {KEY_FPS, "framerate"},
  };
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (GST_VLDM_LATENTS_TYPE);
  GstElement *filter;
  gboolean any = FALSE;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (fields); i++) {
    GParamSpec *spec = keys[fields[i].key];
    const char *text = gst_vldm_uri_get (uri, spec->name);
    g_auto (GValue) value = G_VALUE_INIT;

    if (text == NULL)
      continue;
    if (!read_value (spec, spec->name, text, &value, error))
      return FALSE;
    gst_caps_set_value (caps, fields[i].field, &value);
    any = TRUE;
  }
  if (!any)
    return TRUE;
  filter = append (chain, "capsfilter", "size", error);
  if (filter == NULL)
    return FALSE;
  g_object_set (filter, "caps", caps, NULL);
  return TRUE;
}

static gboolean
append_interpolations (GPtrArray * chain, const GstVldmUri * uri,
    GError ** error)
{
  const char *text = gst_vldm_uri_get (uri, keys[KEY_INTERP]->name);
  g_auto (GStrv) factors = g_strsplit (text ? text : "0", ",", -1);
  guint i, n = g_strv_length (factors);
  /* A number alone counts interpolations and is no factor, whichever it is. */
  const gboolean counted = n < 2;
  guint64 count = 0;

  if (counted && !g_ascii_string_to_unsigned (text ? text : "0", 10, 0,
          MAX_INTERPOLATIONS, &count, NULL))
    n = G_MAXUINT;
  else if (counted)
    n = count;
  if (n > MAX_INTERPOLATIONS) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "interp is '%s' in the URI; it must be a number of interpolations from "
        "0 to %d, or the factors of %d, such as 4,4; the factor of one is "
        "another setting, as in interp=1;interp-factor=3", text,
        MAX_INTERPOLATIONS, MAX_INTERPOLATIONS);
    return FALSE;
  }

  for (i = 0; i < n; i++) {
    g_autofree char *name = g_strdup_printf ("interp%u", i + 1);
    g_auto (GValue) factor = G_VALUE_INIT;
    GstElement *interp = append (chain, "vldminterp", name, error);

    if (interp == NULL)
      return FALSE;
    if (counted)
      continue;
    if (!read_value (g_object_class_find_property (G_OBJECT_GET_CLASS (interp),
                "factor"), "a factor of interp", factors[i], &factor, error))
      return FALSE;
    g_object_set_property (G_OBJECT (interp), "factor", &factor);
  }
  return TRUE;
}

static gboolean
append_upsampler (GPtrArray * chain, const GstVldmUri * uri, GError ** error)
{
  const char *text = gst_vldm_uri_get (uri, keys[KEY_SR]->name);
  g_auto (GValue) wanted = G_VALUE_INIT;

  if (text == NULL)
    return TRUE;
  if (!read_value (keys[KEY_SR], "sr", text, &wanted, error))
    return FALSE;
  return !g_value_get_boolean (&wanted)
      || append (chain, "vldmsr", "sr", error) != NULL;
}

/* Settings that are properties of vldmsrc or of all elements. The others have become elements already. */
static gboolean
set_properties (GPtrArray * chain, const GstVldmUri * uri, GError ** error)
{
  GstElement *src = g_ptr_array_index (chain, 0);
  g_auto (GValue) prompt = G_VALUE_INIT;
  guint i;

  g_value_init (&prompt, G_TYPE_STRING);
  g_value_set_string (&prompt, uri->prompt);
  gst_vldm_cascade_set (chain, "prompt", &prompt);
  for (i = 0; i < uri->settings->len; i++) {
    const GstVldmUriSetting *setting =
        &g_array_index (uri->settings, GstVldmUriSetting, i);
    GParamSpec *spec = find_key (src, setting->key);
    g_auto (GValue) value = G_VALUE_INIT;

    if (spec == NULL)
      continue;
    if (spec != keys[KEY_MODEL] && !is_ours (src, spec))
      continue;
    if (!read_value (spec, setting->key, setting->value, &value, error))
      return FALSE;
    gst_vldm_cascade_set (chain,
        spec == keys[KEY_MODEL] ? "model-path" : spec->name, &value);
  }
  return TRUE;
}

static gboolean
is_made_by (gpointer element, const char *factory)
{
  return strcmp (GST_OBJECT_NAME (gst_element_get_factory (element)), factory)
      == 0;
}

/* A setting for the elements of one stage, as often as there are any. */
static gboolean
set_stage_property (GPtrArray * chain, const GstVldmUriSetting * setting,
    GError ** error)
{
  gint stage = stage_of_key (setting->key);
  const char *name = setting->key + strlen (stages[stage].prefix);
  guint i, n = 0;

  for (i = 0; i < chain->len; i++) {
    GObject *element = g_ptr_array_index (chain, i);
    g_auto (GValue) value = G_VALUE_INIT;
    GParamSpec *spec;

    if (!is_made_by (element, stages[stage].factory))
      continue;
    n++;
    spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
    if (spec == NULL || strcmp (spec->name, name) != 0
        || !(spec->flags & G_PARAM_WRITABLE)
        || !is_ours (element, spec)) {
      g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
          "vldm:// URIs have no setting '%s': %s has no property '%s' to set",
          setting->key, stages[stage].factory, name);
      return FALSE;
    }
    if (!read_value (spec, setting->key, setting->value, &value, error))
      return FALSE;
    g_object_set_property (element, name, &value);
  }
  if (n == 0)
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI,
        "%s is set in the URI, which has no %s; it needs %s", setting->key,
        stages[stage].factory, stages[stage].wanted_by);
  return n > 0;
}

/* After what is for all elements. */
static gboolean
set_stage_properties (GPtrArray * chain, const GstVldmUri * uri,
    GError ** error)
{
  guint i;

  for (i = 0; i < uri->settings->len; i++) {
    const GstVldmUriSetting *setting =
        &g_array_index (uri->settings, GstVldmUriSetting, i);

    if (stage_of_key (setting->key) != -1
        && !set_stage_property (chain, setting, error))
      return FALSE;
  }
  return TRUE;
}

GPtrArray *
gst_vldm_cascade_new (const GstVldmUri * uri, GError ** error)
{
  g_autoptr (GPtrArray) chain =
      g_ptr_array_new_with_free_func (gst_object_unref);
  GstElement *src = append (chain, "vldmsrc", "src", error);

  make_keys ();
  if (src == NULL || !check_keys (src, uri, error)
      || !append_size (chain, uri, error)
      || !append_interpolations (chain, uri, error)
      || !append (chain, "vldmdec", "dec", error)
      || !append_upsampler (chain, uri, error)
      || !set_properties (chain, uri, error)
      || !set_stage_properties (chain, uri, error))
    return NULL;
  return g_steal_pointer (&chain);
}

gboolean
gst_vldm_cascade_link (GPtrArray * chain, GError ** error)
{
  guint i;

  for (i = 1; i < chain->len; i++) {
    GstElement *from = g_ptr_array_index (chain, i - 1);
    GstElement *to = g_ptr_array_index (chain, i);

    if (!gst_element_link (from, to)) {
      g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_REFERENCE,
          "%s and %s, which the URI needs, have no caps in common",
          GST_OBJECT_NAME (from), GST_OBJECT_NAME (to));
      return FALSE;
    }
  }
  return TRUE;
}
