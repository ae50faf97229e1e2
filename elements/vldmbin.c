/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmbin: the whole cascade behind one element. It makes a chain of the plugin's elements as a URI says; they do the
 * rest, among it duration, seeking and everything about time.
 */

/**
 * SECTION:element-vldmbin
 * @title: vldmbin
 * @short_description: video from a vldm:// URI
 *
 * vldmbin gives raw video for a prompt. Inside it are `vldmsrc`, as many
 * `vldminterp` as the URI asks for, `vldmdec`, and `vldmsr` if it asks for that.
 * Everything that opens URIs opens its own, which look like this:
 *
 * `vldm://a%20city%20street%20at%20night;seed=3;interp=2;sr=1`
 *
 * The prompt comes first, then settings after semicolons. Prompt and values are
 * percent-encoded: a space is %20, a semicolon %3B, a question mark %3F, a
 * percent sign %25. Settings are understood as a query as well, as in
 * `vldm://a%20city?seed=3&interp=2`: a question mark with a letter or figure
 * right after it begins settings, one that ends the prompt or has a space after
 * it belongs to that. These are the settings:
 *
 * * `interp`: how many interpolations, 0 (default) to 2; or the factors of two, such as 4,4. The factor of one is
 *   `interp-factor`, as in `interp=1;interp-factor=3`
 * * `sr`: 1 for four times the width and height
 * * `width`, `height`, `fps`: of the key frames, before interpolation and upsampling
 * * `model`: model folder
 * * `frames`, `seed`, `steps`, `guidance-scale`, `negative-prompt` and whatever else is a property of vldmsrc
 * * `interp-steps`, `interp-tail`, `dec-chunk-frames`, `sr-steps`, `sr-noise-level`, `sr-tile-size` and whatever else is
 *   a property of vldminterp, vldmdec or vldmsr, behind interp-, dec- or sr-
 *
 * `model`, `device` and `precision` are for all elements inside; other keys
 * without interp-, dec- or sr- are for vldmsrc alone. `sr-model-path` names
 * another model for vldmsr. The elements inside are named src, interp1, interp2,
 * dec and sr, and a child proxy reaches their properties.
 *
 * ges-launch-1.0 takes a URI up to the first question mark, so that settings must
 * follow semicolons there, and decodes it once itself: where a percent sign is
 * part of the prompt, it wants %2525.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 playbin3 uri='vldm://a%20city%20street%20at%20night;seed=3'
 * ]| Show a video.
 * |[
 * gst-launch-1.0 vldmbin prompt="a highway at night" dec::chunk-frames=4 ! videoconvert ! autovideosink
 * ]| The same element in a pipeline, and a property of an element inside it.
 * |[
 * ges-launch-1.0 +clip 'vldm://a%20highway%20at%20night' duration=2.0
 * ]| As a clip of a timeline.
 *
 * Since: 0.1
 */

#include "elements/vldmbin.h"

#include "elements/cascade.h"
#include "elements/uri.h"
#include "gst/properties.h"

GST_DEBUG_CATEGORY_STATIC (gst_vldm_bin_debug);
#define GST_CAT_DEFAULT gst_vldm_bin_debug

#define DEFAULT_URI GST_VLDM_URI_PROTOCOL "://"
#define DEFAULT_PROMPT ""
#define DEFAULT_SEED 0
#define DEFAULT_FRAMES -1

enum
{
  PROP_0,
  PROP_URI,
  PROP_PROMPT,
  PROP_SEED,
  PROP_FRAMES,
  PROP_MODEL_PATH,
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC,
    GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));

struct _GstVldmBin
{
  GstBin parent;

  GstPad *pad;

  /* OBJECT_LOCK */
  GstVldmUri *uri;              /* what the elements were set to */
  GPtrArray *chain;             /* of GstElement, vldmsrc first; empty if the plugin lacks an element */
  GError *failure;              /* of the property uri, which can return none */
};

static void gst_vldm_bin_uri_handler_init (gpointer iface, gpointer unused);

#define gst_vldm_bin_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE (GstVldmBin, gst_vldm_bin, GST_TYPE_BIN,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER,
        gst_vldm_bin_uri_handler_init));
GST_ELEMENT_REGISTER_DEFINE (vldmbin, "vldmbin", GST_RANK_NONE,
    GST_TYPE_VLDM_BIN);

static char *
gst_vldm_bin_get_uri (GstVldmBin * self)
{
  char *text;

  GST_OBJECT_LOCK (self);
  text = gst_vldm_uri_to_string (self->uri);
  GST_OBJECT_UNLOCK (self);
  return text;
}

/* vldmsrc makes up another id each time. A URI's streams have the same one each time, and GES drops them otherwise. */
static GstPadProbeReturn
on_stream_start (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  g_autofree char *uri = NULL;
  g_autofree char *id = NULL;

  if (GST_EVENT_TYPE (event) != GST_EVENT_STREAM_START)
    return GST_PAD_PROBE_OK;
  uri = gst_vldm_bin_get_uri (data);
  id = g_compute_checksum_for_string (G_CHECKSUM_SHA256, uri, -1);
  event = gst_event_make_writable (event);
  gst_structure_set (gst_event_writable_structure (event), "stream-id",
      G_TYPE_STRING, id, NULL);
  GST_PAD_PROBE_INFO_DATA (info) = event;
  return GST_PAD_PROBE_OK;
}

/* Puts @chain in the place of the one inside, and its elements into the bin's state. Takes @uri and @chain. */
static gboolean
gst_vldm_bin_install (GstVldmBin * self, GstVldmUri * uri, GPtrArray * chain,
    GError ** error)
{
  GstElement *last = g_ptr_array_index (chain, chain->len - 1);
  g_autoptr (GstPad) target = gst_element_get_static_pad (last, "src");
  g_autoptr (GstPad) first = NULL;
  g_autoptr (GPtrArray) old_chain = NULL;
  guint i;

  gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), NULL);
  GST_OBJECT_LOCK (self);
  old_chain = self->chain;
  self->chain = chain;
  gst_vldm_uri_free (self->uri);
  self->uri = uri;
  g_clear_error (&self->failure);
  GST_OBJECT_UNLOCK (self);

  for (i = 0; i < old_chain->len; i++) {
    GstElement *element = g_ptr_array_index (old_chain, i);

    gst_element_set_state (element, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (self), element);
  }
  for (i = 0; i < chain->len; i++)
    gst_bin_add (GST_BIN (self), g_ptr_array_index (chain, i));
  if (!gst_vldm_cascade_link (chain, error))
    return FALSE;
  first = gst_element_get_static_pad (g_ptr_array_index (chain, 0), "src");
  gst_pad_add_probe (first, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      on_stream_start, self, NULL);
  gst_ghost_pad_set_target (GST_GHOST_PAD (self->pad), target);
  for (i = chain->len; i > 0; i--)
    gst_element_sync_state_with_parent (g_ptr_array_index (chain, i - 1));
  return TRUE;
}

static gboolean
gst_vldm_bin_set_uri (GstVldmBin * self, const char *text, GError ** error)
{
  g_autoptr (GstVldmUri) uri = NULL;
  GPtrArray *chain;
  gboolean stands;

  GST_OBJECT_LOCK (self);
  stands = GST_STATE (self) <= GST_STATE_READY
      && GST_STATE_NEXT (self) <= GST_STATE_READY;
  GST_OBJECT_UNLOCK (self);
  if (!stands) {
    g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE,
        "the URI of a vldmbin can be changed in the states NULL and READY "
        "only; prompt and seed can be changed at any time");
    return FALSE;
  }

  uri = gst_vldm_uri_parse (text, error);
  if (uri == NULL)
    return FALSE;
  chain = gst_vldm_cascade_new (uri, error);
  if (chain == NULL)
    return FALSE;
  GST_DEBUG_OBJECT (self, "%u elements for %s", chain->len, text);
  return gst_vldm_bin_install (self, g_steal_pointer (&uri), chain, error);
}

static GstURIType
gst_vldm_bin_uri_get_type (GType type)
{
  return GST_URI_SRC;
}

static const gchar *const *
gst_vldm_bin_uri_get_protocols (GType type)
{
  static const gchar *const protocols[] = { GST_VLDM_URI_PROTOCOL, NULL };

  return protocols;
}

static gchar *
gst_vldm_bin_uri_get_uri (GstURIHandler * handler)
{
  return gst_vldm_bin_get_uri (GST_VLDM_BIN (handler));
}

static gboolean
gst_vldm_bin_uri_set_uri (GstURIHandler * handler, const gchar * text,
    GError ** error)
{
  return gst_vldm_bin_set_uri (GST_VLDM_BIN (handler), text, error);
}

static void
gst_vldm_bin_uri_handler_init (gpointer iface, gpointer unused)
{
  GstURIHandlerInterface *handler = iface;

  handler->get_type = gst_vldm_bin_uri_get_type;
  handler->get_protocols = gst_vldm_bin_uri_get_protocols;
  handler->get_uri = gst_vldm_bin_uri_get_uri;
  handler->set_uri = gst_vldm_bin_uri_set_uri;
}

/* Properties */

/* Sets a property of the elements inside, and @key of the URI with it; the prompt's key is NULL. */
static void
gst_vldm_bin_forward (GstVldmBin * self, const char *name, const char *key,
    const GValue * value)
{
  g_autoptr (GPtrArray) chain = NULL;
  g_autofree char *text = NULL;

  /* Strings would be serialized with quotes. */
  text = G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value)
      : gst_value_serialize (value);
  GST_OBJECT_LOCK (self);
  if (key)
    gst_vldm_uri_set (self->uri, key, text);
  else
    gst_vldm_uri_set_prompt (self->uri, text);
  chain = g_ptr_array_ref (self->chain);
  GST_OBJECT_UNLOCK (self);
  gst_vldm_cascade_set (chain, name, value);
}

static void
gst_vldm_bin_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstVldmBin *self = GST_VLDM_BIN (object);
  const char *text;
  GError *error = NULL;

  switch (id) {
    case PROP_URI:
      text = g_value_get_string (value);
      if (gst_vldm_bin_set_uri (self, text ? text : DEFAULT_URI, &error))
        break;
      GST_WARNING_OBJECT (self, "%s", error->message);
      GST_OBJECT_LOCK (self);
      g_clear_error (&self->failure);
      self->failure = error;
      GST_OBJECT_UNLOCK (self);
      break;
    case PROP_MODEL_PATH:
      gst_vldm_bin_forward (self, pspec->name, GST_VLDM_CASCADE_MODEL, value);
      break;
    default:
      gst_vldm_bin_forward (self, pspec->name,
          id == PROP_PROMPT ? NULL : pspec->name, value);
      break;
  }
}

static void
gst_vldm_bin_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstVldmBin *self = GST_VLDM_BIN (object);
  g_autoptr (GPtrArray) chain = NULL;

  if (id == PROP_URI) {
    g_value_take_string (value, gst_vldm_bin_get_uri (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  chain = g_ptr_array_ref (self->chain);
  GST_OBJECT_UNLOCK (self);
  if (chain->len > 0)
    g_object_get_property (g_ptr_array_index (chain, 0), pspec->name, value);
}

static GstStateChangeReturn
gst_vldm_bin_change_state (GstElement * element, GstStateChange transition)
{
  GstVldmBin *self = GST_VLDM_BIN (element);
  g_autoptr (GError) failure = NULL;

  GST_OBJECT_LOCK (self);
  if (self->failure)
    failure = g_error_copy (self->failure);
  GST_OBJECT_UNLOCK (self);
  if (failure && transition == GST_STATE_CHANGE_NULL_TO_READY) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", failure->message),
        ("while setting the property uri"));
    return GST_STATE_CHANGE_FAILURE;
  }
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static void
gst_vldm_bin_finalize (GObject * object)
{
  GstVldmBin *self = GST_VLDM_BIN (object);

  g_clear_pointer (&self->chain, g_ptr_array_unref);
  gst_vldm_uri_free (self->uri);
  g_clear_error (&self->failure);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_vldm_bin_install_properties (GObjectClass * klass)
{
  const GParamFlags playing = GST_VLDM_PARAM_PLAYING;
  const GParamFlags ready = GST_VLDM_PARAM_READY;

  g_object_class_install_property (klass, PROP_URI,
      g_param_spec_string ("uri", "URI",
          "vldm://PROMPT;KEY=VALUE... with the settings of all elements inside",
          DEFAULT_URI, ready));
  g_object_class_install_property (klass, PROP_PROMPT,
      g_param_spec_string ("prompt", "Prompt",
          "What the video shows (taken at the next window)", DEFAULT_PROMPT,
          playing));
  g_object_class_install_property (klass, PROP_SEED,
      g_param_spec_uint ("seed", "Seed",
          "Starts the noise: the same seed gives the same video", 0,
          G_MAXUINT32, DEFAULT_SEED, playing));
  g_object_class_install_property (klass, PROP_FRAMES,
      g_param_spec_int ("frames", "Frames",
          "Key frames, before interpolation (-1 = one window, 0 = endless)",
          -1, G_MAXINT, DEFAULT_FRAMES, ready));
  g_object_class_install_property (klass, PROP_MODEL_PATH,
      g_param_spec_string ("model-path", "Model path",
          "Model folder in diffusers' layout (NULL = $VLDM_MODEL_PATH, else "
          "the model that comes with the plugin)", NULL, ready));
}

static void
gst_vldm_bin_class_init (GstVldmBinClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_vldm_bin_debug, "vldmbin", 0,
      "video from a vldm:// URI");

  object_class->set_property = gst_vldm_bin_set_property;
  object_class->get_property = gst_vldm_bin_get_property;
  object_class->finalize = gst_vldm_bin_finalize;
  gst_vldm_bin_install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "Video from a vldm:// URI", "Source/Video",
      "Generates, interpolates, decodes and upsamples a video as a URI says",
      "The gst-vldm developers");
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_vldm_bin_change_state);
}

static void
gst_vldm_bin_init (GstVldmBin * self)
{
  g_autoptr (GstPadTemplate) template =
      gst_static_pad_template_get (&src_template);

  /* Players look for the flag of sources, and the elements inside must not take it away when they change. */
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SOURCE);
  gst_bin_set_suppressed_flags (GST_BIN (self),
      GST_ELEMENT_FLAG_SOURCE | GST_ELEMENT_FLAG_SINK);

  self->pad = gst_ghost_pad_new_no_target_from_template ("src", template);
  gst_element_add_pad (GST_ELEMENT (self), self->pad);
  self->uri = gst_vldm_uri_parse (DEFAULT_URI, NULL);
  self->chain = g_ptr_array_new_with_free_func (gst_object_unref);
  gst_vldm_bin_set_uri (self, DEFAULT_URI, &self->failure);
}
