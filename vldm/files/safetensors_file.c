/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One safetensors file: 8 bytes little-endian length n, n bytes of JSON { name: { dtype, shape, data_offsets } }, then the
 * tensors' bytes, without holes.
 * Source: the format description of the safetensors project, whose checks are all repeated here.
 */
#include "vldm/files/safetensors_private.h"

#include <string.h>

#include "vldm/files/files.h"
#include "vldm/files/json.h"

#define MAX_HEADER (100 * 1000 * 1000)

/* Of a text file's beginning, in messages. */
#define MAX_QUOTE 60

/* A tensor with its place in the file, for the check that the places cover the file. */
typedef struct
{
  VldmTensorView *view;
  gsize begin, end;
} Entry;

static const struct
{
  const char *name;
  VldmDtype dtype;
  guint bits;
} dtypes[] = {
  {"F32", VLDM_DTYPE_F32, 32},
  {"F16", VLDM_DTYPE_F16, 16},
  {"BF16", VLDM_DTYPE_BF16, 16},
  {"F64", VLDM_DTYPE_OTHER, 64},
  {"C64", VLDM_DTYPE_OTHER, 64},
  {"I64", VLDM_DTYPE_OTHER, 64},
  {"U64", VLDM_DTYPE_OTHER, 64},
  {"I32", VLDM_DTYPE_OTHER, 32},
  {"U32", VLDM_DTYPE_OTHER, 32},
  {"I16", VLDM_DTYPE_OTHER, 16},
  {"U16", VLDM_DTYPE_OTHER, 16},
  {"I8", VLDM_DTYPE_OTHER, 8},
  {"U8", VLDM_DTYPE_OTHER, 8},
  {"BOOL", VLDM_DTYPE_OTHER, 8},
  {"F8_E4M3", VLDM_DTYPE_OTHER, 8},
  {"F8_E4M3FNUZ", VLDM_DTYPE_OTHER, 8},
  {"F8_E5M2", VLDM_DTYPE_OTHER, 8},
  {"F8_E5M2FNUZ", VLDM_DTYPE_OTHER, 8},
  {"F8_E8M0", VLDM_DTYPE_OTHER, 8},
  {"F6_E2M3", VLDM_DTYPE_OTHER, 6},
  {"F6_E3M2", VLDM_DTYPE_OTHER, 6},
  {"F4", VLDM_DTYPE_OTHER, 4},
};

void
vldm_safetensors_file_free (VldmSafetensorsFile * file)
{
  g_clear_pointer (&file->map, g_mapped_file_unref);
  g_free (file->path);
  g_free (file);
}

void
vldm_tensor_view_free (VldmTensorView * view)
{
  g_free ((char *) view->name);
  g_free (view->dtype_name);
  g_free (view->shape);
  g_free (view);
}

static gboolean
tensor_fail (GError ** error, const VldmSafetensorsFile * file,
    const char *name, const char *format, ...)
G_GNUC_PRINTF (4, 5);

     static gboolean
         tensor_fail (GError ** error, const VldmSafetensorsFile * file,
    const char *name, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: tensor \"%s\": %s",
      file->path, name, what);
  return FALSE;
}

/* The list @key of @tensor. */
static JsonArray *
get_list (const VldmSafetensorsFile * file, const char *name,
    JsonObject * tensor, const char *key, GError ** error)
{
  JsonArray *list = vldm_json_member_array (tensor, key);

  if (!list)
    tensor_fail (error, file, name, "%s is not a list of integers", key);
  return list;
}

/* Its @n entries, integers >= 0. */
static gboolean
read_sizes (const VldmSafetensorsFile * file, const char *name, const char *key,
    JsonArray * list, guint n, gsize * out, GError ** error)
{
  for (guint i = 0; i < n; i++) {
    JsonNode *entry = json_array_get_element (list, i);
    gint64 value;

    if (!vldm_json_node_int (entry, 0, MIN (G_MAXINT64, G_MAXSIZE), &value)) {
      g_autofree char *found = vldm_json_describe (entry);

      return tensor_fail (error, file, name, "%s[%u] is %s, expected an "
          "integer of at least 0", key, i, found);
    }
    out[i] = value;
  }
  return TRUE;
}

/* Types of later versions of the format have names that are not known here, and *bits is 0: they matter only to a network
 * that needs such a tensor. */
static gboolean
read_dtype (const VldmSafetensorsFile * file, JsonObject * tensor,
    VldmTensorView * view, guint * bits, GError ** error)
{
  const char *name = vldm_json_member_string (tensor, "dtype");

  if (!name) {
    g_autofree char *found =
        vldm_json_describe (json_object_get_member (tensor, "dtype"));

    return tensor_fail (error, file, view->name, "dtype is %s, expected F32, "
        "F16, BF16 or another name of the safetensors format", found);
  }
  view->dtype_name = g_strdup (name);
  view->dtype = VLDM_DTYPE_OTHER;
  *bits = 0;
  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    if (g_str_equal (name, dtypes[i].name)) {
      view->dtype = dtypes[i].dtype;
      *bits = dtypes[i].bits;
    }
  return TRUE;
}

static gboolean
read_shape (const VldmSafetensorsFile * file, JsonObject * tensor,
    VldmTensorView * view, GError ** error)
{
  JsonArray *shape = get_list (file, view->name, tensor, "shape", error);

  if (!shape)
    return FALSE;
  view->rank = json_array_get_length (shape);
  view->shape = g_new (gsize, view->rank);
  if (!read_sizes (file, view->name, "shape", shape, view->rank, view->shape,
          error))
    return FALSE;
  view->n_elements = 1;
  for (guint i = 0; i < view->rank; i++)
    if (!g_size_checked_mul (&view->n_elements, view->n_elements,
            view->shape[i]))
      return tensor_fail (error, file, view->name, "the product of its shape "
          "does not fit 64 bits");
  return TRUE;
}

/* Where in the data it lies: inside, and as long as @bits an element need (0 = not known). */
static gboolean
read_place (const VldmSafetensorsFile * file, JsonObject * tensor, guint bits,
    Entry * entry, GError ** error)
{
  VldmTensorView *view = entry->view;
  JsonArray *list = get_list (file, view->name, tensor, "data_offsets", error);
  gsize offsets[2], bytes;

  if (!list)
    return FALSE;
  if (json_array_get_length (list) != 2)
    return tensor_fail (error, file, view->name,
        "data_offsets has %u entries, " "expected 2",
        json_array_get_length (list));
  if (!read_sizes (file, view->name, "data_offsets", list, 2, offsets, error))
    return FALSE;
  if (!g_size_checked_mul (&bytes, view->n_elements, bits) || bytes % 8 != 0)
    return tensor_fail (error, file, view->name, "its shape times %u bits an "
        "element is no size in bytes", bits);
  bytes /= 8;

  entry->begin = offsets[0];
  entry->end = offsets[1];
  if (entry->begin > entry->end || entry->end > file->data_size)
    return tensor_fail (error, file, view->name, "data_offsets %"
        G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " are outside the %"
        G_GSIZE_FORMAT " bytes of data; the file is cut off or damaged: it has "
        "%" G_GSIZE_FORMAT " bytes, and its header asks for %" G_GUINT64_FORMAT,
        entry->begin, entry->end, file->data_size,
        g_mapped_file_get_length (file->map), file->claimed_size);
  if (bits > 0 && entry->end - entry->begin != bytes)
    return tensor_fail (error, file, view->name, "data_offsets span %"
        G_GSIZE_FORMAT " bytes, but dtype and shape need %" G_GSIZE_FORMAT,
        entry->end - entry->begin, bytes);
  view->data = file->data + entry->begin;
  view->n_bytes = entry->end - entry->begin;
  return TRUE;
}

/* Fills @entry, whose view has its name, from the header's object. */
static gboolean
read_tensor (const VldmSafetensorsFile * file, JsonNode * node, Entry * entry,
    GError ** error)
{
  JsonObject *tensor;
  guint bits = 0;

  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    g_autofree char *found = vldm_json_describe (node);

    return tensor_fail (error, file, entry->view->name, "is %s, expected an "
        "object with dtype, shape and data_offsets", found);
  }
  tensor = json_node_get_object (node);
  return read_dtype (file, tensor, entry->view, &bits, error)
      && read_shape (file, tensor, entry->view, error)
      && read_place (file, tensor, bits, entry, error);
}

static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *x = a, *y = b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Tensors lie one behind the other, from the first byte to the last: neither overlap nor hole. */
static gboolean
check_cover (const VldmSafetensorsFile * file, GArray * entries,
    GError ** error)
{
  gsize at = 0;

  g_array_sort (entries, compare_entries);
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index (entries, Entry, i);

    if (entry->begin < at)
      return tensor_fail (error, file, entry->view->name, "begins at byte %"
          G_GSIZE_FORMAT " of the data, inside the tensor that ends at %"
          G_GSIZE_FORMAT, entry->begin, at);
    if (entry->begin > at)
      return tensor_fail (error, file, entry->view->name, "begins at byte %"
          G_GSIZE_FORMAT " of the data, leaving a hole from %" G_GSIZE_FORMAT,
          entry->begin, at);
    at = entry->end;
  }
  if (at != file->data_size) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: tensors end at byte %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
        " bytes of data; the rest belongs to none", file->path, at,
        file->data_size);
    return FALSE;
  }
  return TRUE;
}

static gboolean
add_view (VldmSafetensors * tensors, const VldmSafetensorsFile * file,
    Entry * entry, GError ** error)
{
  const VldmTensorView *other = g_hash_table_lookup (tensors->views,
      entry->view->name);

  if (other)
    return tensor_fail (error, file, entry->view->name, "is also in %s",
        other->path);
  g_hash_table_insert (tensors->views, (char *) entry->view->name, entry->view);
  return TRUE;
}

static gboolean
read_header (VldmSafetensors * tensors, const VldmSafetensorsFile * file,
    JsonObject * header, GError ** error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  gboolean ok = TRUE;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, header);
  while (ok && json_object_iter_next_ordered (&iter, &name, &node)) {
    Entry entry = { 0 };

    if (g_str_equal (name, "__metadata__")) {
      if (!JSON_NODE_HOLDS_OBJECT (node) && !JSON_NODE_HOLDS_NULL (node))
        ok = tensor_fail (error, file, name, "expected an object of strings");
      continue;
    }
    entry.view = g_new0 (VldmTensorView, 1);
    entry.view->name = g_strdup (name);
    entry.view->path = file->path;
    ok = read_tensor (file, node, &entry, error)
        && add_view (tensors, file, &entry, error);
    if (ok)
      g_array_append_val (entries, entry);
    else
      vldm_tensor_view_free (entry.view);
  }
  return ok && check_cover (file, entries, error);
}

/* Where the last tensor of @header ends: how long the data would be if all of it were there. */
static gsize
find_end (JsonObject * header)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  gint64 end = 0;

  json_object_iter_init_ordered (&iter, header);
  while (json_object_iter_next_ordered (&iter, &name, &node)) {
    JsonArray *offsets = JSON_NODE_HOLDS_OBJECT (node)
        ? vldm_json_member_array (json_node_get_object (node), "data_offsets")
        : NULL;
    gint64 value;

    if (offsets && json_array_get_length (offsets) == 2
        && vldm_json_node_int (json_array_get_element (offsets, 1), end,
            G_MAXINT64, &value))
      end = value;
  }
  return end;
}

/* A beginning that can be no safetensors header: says what the file is, if that can be seen. */
static gboolean
refuse_beginning (const VldmSafetensorsFile * file, const char *bytes,
    gsize size, const char *otherwise, GError ** error)
{
  const char *is = vldm_file_recognize (bytes, size);
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < MIN (size, MAX_QUOTE) && text; i++) {
    if (!g_ascii_isprint (bytes[i]) && !g_ascii_isspace (bytes[i]))
      break;
    g_string_append_c (text, g_ascii_isspace (bytes[i]) ? ' ' : bytes[i]);
  }
  if (is)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: %s", file->path, is);
  else if (size > 0 && text->len == MIN (size, MAX_QUOTE))
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: is text and no "
        "safetensors file; it begins with \"%s\"", file->path, text->str);
  else
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: %s", file->path,
        otherwise);
  return FALSE;
}

static gboolean
find_header (VldmSafetensorsFile * file, guint64 * header_size, GError ** error)
{
  const char *bytes = g_mapped_file_get_contents (file->map);
  gsize size = g_mapped_file_get_length (file->map);
  g_autofree char *otherwise = NULL;

  if (size < 8) {
    otherwise = g_strdup_printf ("%" G_GSIZE_FORMAT " bytes are too few for a "
        "safetensors file; a failed download leaves such a file", size);
    return refuse_beginning (file, bytes, size, otherwise, error);
  }
  memcpy (header_size, bytes, 8);
  *header_size = GUINT64_FROM_LE (*header_size);
  if (*header_size > MAX_HEADER || *header_size > size - 8) {
    otherwise = g_strdup_printf ("claims a header of %" G_GUINT64_FORMAT
        " bytes, but the file has %" G_GSIZE_FORMAT
        " and the format allows %d; " "it is cut off or no safetensors file",
        *header_size, size, MAX_HEADER);
    return refuse_beginning (file, bytes, size, otherwise, error);
  }
  if (*header_size == 0)
    return refuse_beginning (file, bytes, 0, "begins with eight zeros where "
        "the length of its header (JSON) belongs; a download that has not ended "
        "leaves such a file", error);
  file->data = (const guint8 *) bytes + 8 + *header_size;
  file->data_size = size - 8 - *header_size;
  return TRUE;
}

gboolean
vldm_safetensors_add_file (VldmSafetensors * tensors, const char *path,
    GError ** error)
{
  g_autoptr (JsonObject) header = NULL;
  VldmSafetensorsFile *file = g_new0 (VldmSafetensorsFile, 1);
  guint64 header_size = 0;

  file->path = g_strdup (path);
  g_ptr_array_add (tensors->files, file);
  file->map = vldm_file_map (file->path, error);
  if (!file->map || !find_header (file, &header_size, error))
    return FALSE;
  header = vldm_json_parse (g_mapped_file_get_contents (file->map) + 8,
      header_size, file->path, error);
  if (!header)
    return FALSE;
  file->claimed_size = 8 + header_size + find_end (header);
  return read_header (tensors, file, header, error);
}
