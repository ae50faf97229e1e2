/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The pipeline around an element, as far as the element must know it.
 */
#include "gst/pipeline.h"

#include <gst/base/gstbasesrc.h>

#include "gst/latents.h"

GstElement *
gst_vldm_pipeline_top (GstElement * element)
{
  GstObject *top = gst_object_ref (GST_OBJECT (element));
  GstObject *parent;

  while ((parent = gst_object_get_parent (top)) != NULL) {
    gst_object_unref (top);
    top = parent;
  }
  return GST_ELEMENT (top);
}

static gboolean
add_element (const GValue * value, GValue * unused, gpointer elements)
{
  g_ptr_array_add (elements, g_value_dup_object (value));
  return TRUE;
}

GPtrArray *
gst_vldm_pipeline_elements (GstElement * top)
{
  GPtrArray *elements = g_ptr_array_new_with_free_func (gst_object_unref);
  GstIterator *iterator;

  g_ptr_array_add (elements, gst_object_ref (top));
  if (!GST_IS_BIN (top))
    return elements;
  iterator = gst_bin_iterate_recurse (GST_BIN (top));
  while (gst_iterator_fold (iterator, add_element, NULL,
          elements) == GST_ITERATOR_RESYNC) {
    g_ptr_array_set_size (elements, 1);
    gst_iterator_resync (iterator);
  }
  gst_iterator_free (iterator);
  return elements;
}

static gboolean
has (GPtrArray * elements, gboolean (*is) (GstElement *))
{
  guint i;

  for (i = 0; i < elements->len; i++)
    if (is (g_ptr_array_index (elements, i)))
      return TRUE;
  return FALSE;
}

static gboolean
is_live (GstElement * element)
{
  return GST_IS_BASE_SRC (element)
      && gst_base_src_is_live (GST_BASE_SRC (element));
}

gboolean
gst_vldm_pipeline_is_live (GstElement * element)
{
  g_autoptr (GstElement) top = gst_vldm_pipeline_top (element);
  g_autoptr (GPtrArray) elements = gst_vldm_pipeline_elements (top);

  return has (elements, is_live);
}

/* Encoders and muxers, but not an encoder to latents, which come back as pictures. */
static gboolean
is_writer (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstCaps) latents = NULL;

  if (factory == NULL || !gst_element_factory_list_is_type (factory,
          GST_ELEMENT_FACTORY_TYPE_ENCODER | GST_ELEMENT_FACTORY_TYPE_MUXER))
    return FALSE;
  latents = gst_caps_new_empty_simple (GST_VLDM_LATENTS_TYPE);
  return !gst_element_factory_can_src_any_caps (factory, latents);
}

/* A sink that shows what it prerolls with, or gives it to the application. Fakesinks do not count: GstDiscoverer has them,
 * and others that want to know what a stream is. In a player they do, as playsink is a sink itself: thumbnailers ask it for
 * the picture. */
static gboolean
is_viewer (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  if (factory == NULL)
    return GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SINK)
        && !GST_IS_BIN (element);
  return gst_element_factory_list_is_type (factory,
      GST_ELEMENT_FACTORY_TYPE_SINK)
      && g_strcmp0 (GST_OBJECT_NAME (factory), "fakesink") != 0;
}

/* A tee of video. While one of its branches waits in PAUSED with a first picture, its queue fills up, and then the others
 * get no more: one that collects frames before it gives any would wait for ever. */
static gboolean
is_video_tee (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstCaps) caps = NULL;
  guint i;

  if (factory == NULL || g_strcmp0 (GST_OBJECT_NAME (factory), "tee") != 0)
    return FALSE;
  pad = gst_element_get_static_pad (element, "sink");
  caps = gst_pad_query_caps (pad, NULL);
  for (i = 0; i < gst_caps_get_size (caps); i++)
    if (g_str_has_prefix (gst_structure_get_name (gst_caps_get_structure (caps,
                    i)), "video/"))
      return TRUE;
  return gst_caps_is_any (caps);
}

gboolean
gst_vldm_prerolls_with_gap (GstElement * element, GstVldmPreroll preroll)
{
  g_autoptr (GstElement) top = gst_vldm_pipeline_top (element);
  g_autoptr (GPtrArray) elements = gst_vldm_pipeline_elements (top);

  if (preroll == GST_VLDM_PREROLL_FRAME || has (elements, is_writer))
    return FALSE;
  return preroll == GST_VLDM_PREROLL_GAP || !has (elements, is_viewer)
      || has (elements, is_live) || has (elements, is_video_tee);
}
