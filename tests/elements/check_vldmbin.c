/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vldmbin: the grammar of its URIs, what becomes of their settings, refusals, and playing what came out of them.
 */
#include "tests/elements/harness.h"

#include "elements/uri.h"
#include "tests/elements/chain.h"
#include "tests/elements/fake_stages.h"

static GstElement *
launch (const char *uri)
{
  GstElement *pipeline = gst_parse_launch ("vldmbin name=bin ! "
      "fakesink name=sink", NULL);

  gst_child_proxy_set (GST_CHILD_PROXY (pipeline), "bin::uri", uri, NULL);
  return pipeline;
}

static void
run (GstElement * pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = check_wait_message (pipeline, bus,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS,
      "%" GST_PTR_FORMAT, message);
  gst_message_unref (message);
  gst_object_unref (bus);
}

static void
finish (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* URIs and what they read as. NULL: as they are. */
static const struct
{
  const char *uri, *prompt, *canonical;
} uris[] = {
  {"vldm://", "", NULL},
  {"vldm://a%20cat", "a cat", NULL},
  {"vldm://a%20cat;frames=8;seed=4", "a cat", NULL},
  {"vldm://;interp=4,4;fps=24000/1001;model=/a/b", "", NULL},
  {"vldm://a;model=/mod%E8le", "a", NULL},
  {"vldm://50%25%3B%20x%3D1;negative-prompt=a%3Bb%3Dc", "50%; x=1", NULL},
  {"vldm://caf%C3%A9%20%E2%98%83", "caf\303\251 \342\230\203", NULL},
  {"VLDM://a cat", "a cat", "vldm://a%20cat"},
  {"vldm://%61%2f;%73eed=%34", "a/", "vldm://a/;seed=4"},
  {"vldm://where? there#1", "where? there#1",
      "vldm://where%3F%20there%231"},
  {"vldm://what?", "what?", "vldm://what%3F"},
  {"vldm://what?;seed=3", "what?", "vldm://what%3F;seed=3"},
  {"vldm://a%3Fseed=3", "a?seed=3", "vldm://a%3Fseed%3D3"},
  {"vldm://a?seed=3", "a", "vldm://a;seed=3"},
  {"vldm://a%20b?seed=3&negative-prompt=c%26d?;steps=4", "a b",
      "vldm://a%20b;seed=3;negative-prompt=c%26d%3F;steps=4"},
  {"vldm://a&b;frames=8?seed=3", "a&b", "vldm://a%26b;frames=8;seed=3"},
  {"vldm://?seed=3", "", "vldm://;seed=3"},
  {"vldm://caf\303\251;negative-prompt=a=b", "caf\303\251",
      "vldm://caf%C3%A9;negative-prompt=a%3Db"},
};

GST_START_TEST (test_grammar)
{
  const char *canonical = uris[__i__].canonical ? uris[__i__].canonical
      : uris[__i__].uri;
  g_autoptr (GstVldmUri) uri = gst_vldm_uri_parse (uris[__i__].uri, NULL);
  g_autoptr (GstVldmUri) again = NULL;
  g_autofree char *text = NULL;
  g_autofree char *text_again = NULL;

  fail_unless (uri != NULL, "%s", uris[__i__].uri);
  fail_unless_equals_string (uri->prompt, uris[__i__].prompt);
  text = gst_vldm_uri_to_string (uri);
  fail_unless_equals_string (text, canonical);
  again = gst_vldm_uri_parse (text, NULL);
  fail_unless (again != NULL);
  fail_unless_equals_string (again->prompt, uri->prompt);
  fail_unless_equals_int (again->settings->len, uri->settings->len);
  text_again = gst_vldm_uri_to_string (again);
  fail_unless_equals_string (text_again, text);
}

GST_END_TEST;

GST_START_TEST (test_editing)
{
  g_autoptr (GstVldmUri) uri = gst_vldm_uri_parse ("vldm://a;seed=1;sr=1",
      NULL);
  g_autofree char *text = NULL;

  gst_vldm_uri_set (uri, "seed", "2");
  gst_vldm_uri_set (uri, "sr", NULL);
  gst_vldm_uri_set (uri, "fps", NULL);
  gst_vldm_uri_set (uri, "model", "/x y");
  gst_vldm_uri_set_prompt (uri, "b;");
  fail_unless_equals_string (gst_vldm_uri_get (uri, "model"), "/x y");
  fail_unless (gst_vldm_uri_get (uri, "sr") == NULL);
  text = gst_vldm_uri_to_string (uri);
  fail_unless_equals_string (text, "vldm://b%3B;seed=2;model=/x%20y");
}

GST_END_TEST;

static const struct
{
  const char *uri;
  GstURIError code;
  const char *says, *says_too;
} refusals[] = {
  {"vldm://a%2", GST_URI_ERROR_BAD_URI, "the prompt", "%25"},
  {"vldm://a%zz", GST_URI_ERROR_BAD_URI, "the prompt", "%25"},
  {"vldm://a%00b", GST_URI_ERROR_BAD_URI, "the prompt", "00"},
  {"vldm://a%ff", GST_URI_ERROR_BAD_URI, "the prompt", "UTF-8"},
  {"vldm://a;seed=%ff", GST_URI_ERROR_BAD_URI, "value of seed", "UTF-8"},
  {"vldm://a;model=%ff;model=b", GST_URI_ERROR_BAD_URI, "model twice",
      "'\xef\xbf\xbd'"},
  {"vldm://a;seed", GST_URI_ERROR_BAD_URI, "'seed'", "KEY=VALUE"},
  {"vldm://a;", GST_URI_ERROR_BAD_URI, "''", "KEY=VALUE"},
  {"vldm://a;=4", GST_URI_ERROR_BAD_URI, "''", "KEY=VALUE"},
  {"vldm://a;seed=1;seed=2", GST_URI_ERROR_BAD_URI, "seed twice", "'2'"},
  {"vldm://a;seed=1?seed=2", GST_URI_ERROR_BAD_URI, "seed twice", "'2'"},
  {"vldm://what?seed", GST_URI_ERROR_BAD_URI, "'seed' after the question mark",
      "%3F"},
  {"vldm://a?seed=3&", GST_URI_ERROR_BAD_URI, "KEY=VALUE", "%26"},
  {"vldm://a?&seed=3", GST_URI_ERROR_BAD_URI, "KEY=VALUE", "%3F"},
  {"vldm://a?=3", GST_URI_ERROR_BAD_URI, "KEY=VALUE", "%3F"},
  {"vldm://a?fram=8", GST_URI_ERROR_BAD_URI, "'fram'", "frames"},
  {"vldm://who?is=it", GST_URI_ERROR_BAD_URI, "'is'", "%3F"},
  {"vldm://a;fram=8", GST_URI_ERROR_BAD_URI, "'fram'", "frames"},
  {"vldm://a;guidance_scale=8", GST_URI_ERROR_BAD_URI, "'guidance_scale'",
      "guidance-scale"},
  {"vldm://a;prompt=b", GST_URI_ERROR_BAD_URI, "'prompt'", "frames"},
  {"vldm://a;num-buffers=2", GST_URI_ERROR_BAD_URI, "'num-buffers'", "frames"},
  {"vldm://a;stats=2", GST_URI_ERROR_BAD_URI, "'stats'", "frames"},
  {"vldm://a;frames=x", GST_URI_ERROR_BAD_URI, "frames is 'x'", "-1"},
  {"vldm://a;frames=", GST_URI_ERROR_BAD_URI, "frames is ''", "-1"},
  {"vldm://a;frames=-2", GST_URI_ERROR_BAD_URI, "frames is '-2'", "-1"},
  {"vldm://a;seed=4294967296", GST_URI_ERROR_BAD_URI, "seed is",
      "4294967295"},
  {"vldm://a;steps=1e9", GST_URI_ERROR_BAD_URI, "steps is", "whole number"},
  {"vldm://a;guidance-scale=nan", GST_URI_ERROR_BAD_URI,
      "guidance-scale is 'nan'", "number"},
  {"vldm://a;scheduler=best", GST_URI_ERROR_BAD_URI, "scheduler is 'best'",
      "euler"},
  {"vldm://a;width=0", GST_URI_ERROR_BAD_URI, "width is '0'", "1"},
  {"vldm://a;fps=0", GST_URI_ERROR_BAD_URI, "fps is '0'", "24000/1001"},
  {"vldm://a;fps=24/0", GST_URI_ERROR_BAD_URI, "fps is '24/0'", "24000/1001"},
  {"vldm://a;sr=2x", GST_URI_ERROR_BAD_URI, "sr is '2x'", "0 or 1"},
  {"vldm://a;interp=", GST_URI_ERROR_BAD_URI, "interp is ''", "from 0 to 2"},
  {"vldm://a;interp=3", GST_URI_ERROR_BAD_URI, "interp=1;interp-factor=3",
      "4,4"},
  {"vldm://a;interp=4", GST_URI_ERROR_BAD_URI, "interp is '4'", "0 to 2"},
  {"vldm://a;interp=-1", GST_URI_ERROR_BAD_URI, "interp is '-1'", "0 to 2"},
  {"vldm://a;interp=4,4,4", GST_URI_ERROR_BAD_URI, "interp is '4,4,4'",
      "4,4"},
  {"vldm://a;sr-steps=4", GST_URI_ERROR_BAD_URI, "sr-steps is set",
      "needs sr=1"},
  {"vldm://a;interp-steps=4", GST_URI_ERROR_BAD_URI, "interp-steps is set",
      "needs interp=1"},
  {"vldm://a;sr=1;sr-fog=4", GST_URI_ERROR_BAD_URI, "'sr-fog'",
      "vldmsr has no property 'fog'"},
  {"vldm://a;sr=1;sr-stats=4", GST_URI_ERROR_BAD_URI, "'sr-stats'", "to set"},
  {"vldm://a;sr=1;sr-name=x", GST_URI_ERROR_BAD_URI, "'sr-name'", "to set"},
  {"vldm://a;sr=1;sr-noise-level=x", GST_URI_ERROR_BAD_URI,
      "sr-noise-level is 'x'", "whole number"},
  {"vldm://a;interp=4,x", GST_URI_ERROR_BAD_URI, "a factor of interp is 'x'",
      "whole number"},
};

/* A refused URI leaves the one before. */
GST_START_TEST (test_refusals)
{
  GstElement *bin = gst_element_factory_make ("vldmbin", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          "vldm://before;seed=3", NULL));
  fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          refusals[__i__].uri, &error), "%s", refusals[__i__].uri);
  fail_unless (g_error_matches (error, GST_URI_ERROR, refusals[__i__].code));
  fail_unless (strstr (error->message, refusals[__i__].says) != NULL
      && strstr (error->message, refusals[__i__].says_too) != NULL, "%s: %s",
      refusals[__i__].uri, error->message);
  uri = gst_uri_handler_get_uri (GST_URI_HANDLER (bin));
  fail_unless_equals_string (uri, "vldm://before;seed=3");
  gst_object_unref (bin);
}

GST_END_TEST;

GST_START_TEST (test_too_many_settings)
{
  GString *text = g_string_new ("vldm://a");
  g_autoptr (GError) error = NULL;
  guint i;

  for (i = 0; i < 100000; i++)
    g_string_append_printf (text, ";k%u=1", i);
  fail_unless (gst_vldm_uri_parse (text->str, &error) == NULL);
  fail_unless (g_error_matches (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI));
  fail_unless (strstr (error->message, "64") != NULL);
  g_string_free (text, TRUE);
}

GST_END_TEST;

GST_START_TEST (test_missing_element)
{
  GstRegistry *registry = gst_registry_get ();
  GstPluginFeature *interp = gst_registry_lookup_feature (registry,
      "vldminterp");
  GstElement *bin = gst_element_factory_make ("vldmbin", NULL);
  g_autoptr (GError) error = NULL;

  gst_registry_remove_feature (registry, interp);
  fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          "vldm://a;interp=1", &error));
  fail_unless (g_error_matches (error, GST_URI_ERROR,
          GST_URI_ERROR_BAD_REFERENCE));
  fail_unless (strstr (error->message, "vldminterp") != NULL);
  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          "vldm://a;interp=0", NULL));
  gst_registry_add_feature (registry, interp);
  gst_object_unref (interp);
  gst_object_unref (bin);
}

GST_END_TEST;

static void
check_width (GstElement * pipeline, gint expected)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  GstCaps *caps = gst_pad_get_current_caps (pad);
  gint width;

  fail_unless (gst_structure_has_name (gst_caps_get_structure (caps, 0),
          "video/x-raw"));
  gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width);
  fail_unless_equals_int (width, expected);
  gst_caps_unref (caps);
  gst_object_unref (pad);
  gst_object_unref (sink);
}

/* The whole cascade, then without the upsampler again. */
GST_START_TEST (test_cascade)
{
  GstElement *pipeline = launch ("vldm://a;frames=3;width=64;interp=2;sr=1");

  run (pipeline);
  check_width (pipeline, 256);
  fail_unless_equals_int (fake_gaps, 10);
  fail_unless (fake_upsamplings > 0);
  fail_unless_equals_int (fake_live_models, 1);

  gst_element_set_state (pipeline, GST_STATE_READY);
  gst_child_proxy_set (GST_CHILD_PROXY (pipeline), "bin::uri",
      "vldm://a;frames=3;width=64;sr=0", NULL);
  run (pipeline);
  check_width (pipeline, 64);
  finish (pipeline);
  fail_unless_equals_int (fake_live_models, 0);
}

GST_END_TEST;

static gint
inner_int (GstElement * bin, const char *name)
{
  gint value;

  gst_child_proxy_get (GST_CHILD_PROXY (bin), name, &value, NULL);
  return value;
}

/* Each element's own, and all of a kind alike. */
GST_START_TEST (test_stage_settings)
{
  GstElement *bin = gst_element_factory_make ("vldmbin", NULL);
  g_autofree char *model = NULL;
  g_autofree char *dec_model = NULL;

  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          "vldm://a;sr-model-path=/other;steps=3;interp=2;interp-steps=5;"
          "dec-chunk-frames=4;sr=1;sr-noise-level=33;sr-steps=7;model=/m",
          NULL));
  fail_unless_equals_int (inner_int (bin, "src::steps"), 3);
  fail_unless_equals_int (inner_int (bin, "interp1::steps"), 5);
  fail_unless_equals_int (inner_int (bin, "interp2::steps"), 5);
  fail_unless_equals_int (inner_int (bin, "dec::chunk-frames"), 4);
  fail_unless_equals_int (inner_int (bin, "sr::noise-level"), 33);
  fail_unless_equals_int (inner_int (bin, "sr::steps"), 7);
  gst_child_proxy_get (GST_CHILD_PROXY (bin), "sr::model-path", &model,
      "dec::model-path", &dec_model, NULL);
  fail_unless_equals_string (model, "/other");
  fail_unless_equals_string (dec_model, "/m");
  gst_object_unref (bin);
}

GST_END_TEST;

/* The URI as a property can return no error, so the state change does. */
GST_START_TEST (test_property_refused)
{
  GstElement *bin = gst_element_factory_make ("vldmbin", NULL);
  GstBus *bus = gst_bus_new ();

  gst_element_set_bus (bin, bus);
  g_object_set (bin, "uri", "vldm://a;fram=8", NULL);
  fail_unless_equals_int (gst_element_set_state (bin, GST_STATE_READY),
      GST_STATE_CHANGE_FAILURE);
  check_error (bus, gst_resource_error_quark (), GST_RESOURCE_ERROR_SETTINGS,
      "'fram'", "frames", NULL);
  fail_if (gst_bus_have_pending (bus)
      && gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR) != NULL);

  g_object_set (bin, "uri", "vldm://a;frames=8", NULL);
  fail_unless_equals_int (gst_element_set_state (bin, GST_STATE_READY),
      GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state (bin, GST_STATE_NULL);
  gst_element_set_bus (bin, NULL);
  gst_object_unref (bus);
  gst_object_unref (bin);
}

GST_END_TEST;

/* What cannot be played does not preroll either, though no frame is made for that: a player or an editor that only looks at
 * it hears of the same error. */
GST_START_TEST (test_unplayable)
{
  static const struct
  {
    const char *uri, *says, *says_too;
    FakeFailure failure;
  } cases[] = {
    {"vldm://a;sr=1", "upsampler", "", FAKE_FAIL_NO_UPSAMPLER},
    {"vldm://a;sr=1;sr-noise-level=351", "noise-level is 351", "350", 0},
    {"vldm://a;sr=1;sr-steps=1001", "steps is 1001", "1000", 0},
    {"vldm://a;interp=1;interp-steps=1001", "steps is 1001", "1000", 0},
    {"vldm://a;interp=2;fps=700", "frames per second is 11200", "10000", 0},
    {"vldm://a;interp=1;interp-factor=33", "factor is 33", "32", 0},
    {"vldm://a;dec-chunk-frames=1025", "chunk-frames is 1025", "1024", 0},
    {"vldm://a;chunk-frames=1025", "chunk-frames is 1025", "1024", 0},
    {"vldm://a;width=100", "width is 100", "96 and 104", 0},
    {"vldm://a;model=/no/such/folder", "/no/such/folder", "model_index.json",
        0},
  };
  GstElement *pipeline = launch (cases[__i__].uri);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  GError *error;

  fake.failure = cases[__i__].failure;
  fake.step_ms = 20000;
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  message = check_wait_message (pipeline, bus,
      GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_ERROR);
  fail_unless (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR,
      "%s prerolls", cases[__i__].uri);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, cases[__i__].says) != NULL
      && strstr (error->message, cases[__i__].says_too) != NULL, "%s: %s",
      cases[__i__].uri, error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_object_unref (bus);
  check_stops (pipeline);
  gst_object_unref (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_states)
{
  GstElement *pipeline = launch ("vldm://a");
  GstElement *bin = gst_bin_get_by_name (GST_BIN (pipeline), "bin");
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  gst_element_set_state (pipeline, GST_STATE_READY);
  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (bin), "vldm://b",
          NULL));
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (bin), "vldm://c", &error));
  fail_unless (g_error_matches (error, GST_URI_ERROR, GST_URI_ERROR_BAD_STATE));
  uri = gst_uri_handler_get_uri (GST_URI_HANDLER (bin));
  fail_unless_equals_string (uri, "vldm://b");
  run (pipeline);
  gst_element_set_state (pipeline, GST_STATE_READY);
  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (bin),
          "vldm://c;interp=1", NULL));
  run (pipeline);
  gst_object_unref (bin);
  finish (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_settings)
{
  GstElement *bin = gst_element_make_from_uri (GST_URI_SRC,
      "vldm://a%20cat;frames=5;seed=4294967295;interp=2,3;precision=f16;"
      "device=d;model=/m;width=64;fps=24000/1001;negative-prompt=%22x%22",
      NULL, NULL);
  const char *const common[] = { "src", "dec", "interp1", "interp2" };
  g_autofree char *prompt = NULL;
  g_autofree char *negative = NULL;
  g_autofree char *caps_text = NULL;
  GstCaps *caps;
  guint i, seed;
  gint frames, factors[2];

  fail_unless (bin != NULL);
  fail_unless (GST_OBJECT_FLAG_IS_SET (bin, GST_ELEMENT_FLAG_SOURCE));
  fail_unless_equals_int (GST_BIN_NUMCHILDREN (bin), 5);
  gst_child_proxy_get (GST_CHILD_PROXY (bin), "src::prompt", &prompt,
      "src::negative-prompt", &negative, "src::seed", &seed, "src::frames",
      &frames, "interp1::factor", &factors[0], "interp2::factor", &factors[1],
      "size::caps", &caps, NULL);
  fail_unless_equals_string (prompt, "a cat");
  fail_unless_equals_string (negative, "\"x\"");
  fail_unless_equals_int (frames, 5);
  fail_unless (seed == G_MAXUINT32);
  fail_unless_equals_int (factors[0], 2);
  fail_unless_equals_int (factors[1], 3);
  caps_text = gst_caps_to_string (caps);
  fail_unless_equals_string (caps_text, "video/x-vldm-latents, "
      "width=(int)64, framerate=(fraction)24000/1001");
  gst_caps_unref (caps);

  for (i = 0; i < G_N_ELEMENTS (common); i++) {
    GstElement *element = gst_bin_get_by_name (GST_BIN (bin), common[i]);
    g_autofree char *device = NULL;
    g_autofree char *model = NULL;
    gint precision;

    g_object_get (element, "device", &device, "model-path", &model,
        "precision", &precision, NULL);
    fail_unless_equals_string (device, "d");
    fail_unless_equals_string (model, "/m");
    fail_unless_equals_int (precision, 2);
    gst_object_unref (element);
  }
  gst_object_unref (bin);
}

GST_END_TEST;

/* Properties and the URI say the same. */
GST_START_TEST (test_properties)
{
  GstElement *bin = gst_element_factory_make ("vldmbin", NULL);
  g_autofree char *uri = NULL;
  g_autofree char *prompt = NULL;
  g_autofree char *model = NULL;
  guint seed;
  gint frames;

  g_object_set (bin, "uri", "vldm://a;frames=3;seed=1", NULL);
  g_object_get (bin, "frames", &frames, "seed", &seed, NULL);
  fail_unless_equals_int (frames, 3);
  fail_unless_equals_int (seed, 1);
  g_object_set (bin, "prompt", "b c", "seed", 7, "model-path", "/m", NULL);
  g_object_get (bin, "uri", &uri, "prompt", &prompt, "model-path", &model,
      NULL);
  fail_unless_equals_string (uri, "vldm://b%20c;frames=3;seed=7;model=/m");
  fail_unless_equals_string (prompt, "b c");
  fail_unless_equals_string (model, "/m");
  gst_object_unref (bin);
}

GST_END_TEST;

static char *
get_stream_id (GstElement * pipeline)
{
  GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GstPad *pad = gst_element_get_static_pad (sink, "sink");
  char *id = gst_pad_get_stream_id (pad);

  gst_object_unref (pad);
  gst_object_unref (sink);
  return id;
}

/* Duration and seekability are there before anything is generated, and the same URI is the same stream. */
GST_START_TEST (test_preroll)
{
  GstElement *pipeline = launch ("vldm://a;frames=6;fps=3");
  GstElement *same = launch ("vldm://a;frames=6;fps=3");
  GstElement *other = launch ("vldm://a;frames=5;fps=3");
  g_autofree char *id = NULL;
  g_autofree char *same_id = NULL;
  g_autofree char *other_id = NULL;
  GstQuery *query = gst_query_new_seeking (GST_FORMAT_TIME);
  gint64 duration;
  gboolean seekable;

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
  fail_unless_equals_int (fake_chunks, 0);
  fail_unless (gst_element_query_duration (pipeline, GST_FORMAT_TIME,
          &duration));
  fail_unless_equals_uint64 (duration, 2 * GST_SECOND);
  fail_unless (gst_element_query (pipeline, query));
  gst_query_parse_seeking (query, NULL, &seekable, NULL, NULL);
  fail_unless (seekable);
  gst_query_unref (query);

  run (pipeline);
  run (same);
  run (other);
  id = get_stream_id (pipeline);
  same_id = get_stream_id (same);
  other_id = get_stream_id (other);
  fail_unless_equals_string (id, same_id);
  fail_if (g_str_equal (id, other_id));
  finish (pipeline);
  finish (same);
  finish (other);
}

GST_END_TEST;

/* A video without an end: its duration is not known, and what is sought comes. */
GST_START_TEST (test_endless)
{
  gint64 duration;
  GArray *all;
  Chain chain;

  chain_init (&chain, "vldmbin uri=\"vldm://a;frames=0;fps=25;interp=1\" ! "
      "fakesink name=sink");
  chain_wait_paused (&chain);
  fail_if (gst_element_query_duration (chain.pipeline, GST_FORMAT_TIME,
          &duration) && duration != -1);
  chain_seek (&chain, 0, 2 * GST_SECOND);
  chain_run (&chain);
  chain_check_times (&chain, 200, 0, 100, 1);
  all = chain_copy_frames (&chain);
  chain_seek (&chain, GST_SECOND, 2 * GST_SECOND);
  chain_run (&chain);
  chain_check_frames (&chain, all, 100, 100, "the second half");
  g_array_unref (all);
  chain_clear (&chain);
}

GST_END_TEST;

int
main (int argc, char **argv)
{
  Suite *suite = suite_create ("vldmbin");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_checked_fixture (tc, check_setup, NULL);
  tcase_add_loop_test (tc, test_grammar, 0, G_N_ELEMENTS (uris));
  tcase_add_test (tc, test_editing);
  tcase_add_loop_test (tc, test_refusals, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tc, test_too_many_settings);
  tcase_add_test (tc, test_missing_element);
  tcase_add_test (tc, test_cascade);
  tcase_add_test (tc, test_stage_settings);
  tcase_add_test (tc, test_property_refused);
  tcase_add_loop_test (tc, test_unplayable, 0, 10);
  tcase_add_test (tc, test_states);
  tcase_add_test (tc, test_settings);
  tcase_add_test (tc, test_properties);
  tcase_add_test (tc, test_preroll);
  tcase_add_test (tc, test_endless);
  return check_run (argc, argv, suite);
}
