/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The safetensors format: 8 bytes little-endian length n, n bytes of JSON { name: { dtype, shape, data_offsets } }, then
 * the tensors' bytes, without holes. A sharded component has an index { "weight_map": { name: file } }.
 * Source: the format description of the safetensors project, whose checks are all repeated here.
 */
#include "vldm/model/safetensors.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "opencl/runtime/parallel.h"
#include "vldm/model/json.h"

#define MAX_HEADER (100 * 1000 * 1000)

/* Numbers that a processor converts at once. */
#define READ_CHUNK (64 << 10)

typedef struct
{
  char *path;
  GMappedFile *map;
  const guint8 *data;           /* after the header */
  gsize data_size;
} Shard;

struct _VldmSafetensors
{
  GPtrArray *shards;            /* of Shard */
  GHashTable *views;            /* name -> VldmTensorView, which owns its name */
};

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
  {"F8_E5M2", VLDM_DTYPE_OTHER, 8},
  {"F8_E8M0", VLDM_DTYPE_OTHER, 8},
  {"F6_E2M3", VLDM_DTYPE_OTHER, 6},
  {"F6_E3M2", VLDM_DTYPE_OTHER, 6},
  {"F4", VLDM_DTYPE_OTHER, 4},
};

static void
shard_free (Shard * shard)
{
  g_clear_pointer (&shard->map, g_mapped_file_unref);
  g_free (shard->path);
  g_free (shard);
}

static void
view_free (VldmTensorView * view)
{
  g_free ((char *) view->name);
  g_free (view);
}

static gboolean
tensor_fail (GError ** error, const Shard * shard,
    const char *name, const char *format, ...)
G_GNUC_PRINTF (4, 5);

     static gboolean
         tensor_fail (GError ** error, const Shard * shard, const char *name,
    const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: tensor \"%s\": %s",
      shard->path, name, what);
  return FALSE;
}

/* The list @key of @tensor: @min_n to @max_n integers >= 0. */
static gboolean
read_sizes (const Shard * shard, const char *name, JsonObject * tensor,
    const char *key, guint min_n, guint max_n, gsize * out, guint * n,
    GError ** error)
{
  JsonNode *node = json_object_get_member (tensor, key);
  JsonArray *list;

  if (!node || !JSON_NODE_HOLDS_ARRAY (node))
    return tensor_fail (error, shard, name, "%s is not a list of integers",
        key);
  list = json_node_get_array (node);
  *n = json_array_get_length (list);
  if (*n < min_n || *n > max_n)
    return tensor_fail (error, shard, name, "%s has %u entries, expected %u "
        "to %u", key, *n, min_n, max_n);
  for (guint i = 0; i < *n; i++) {
    JsonNode *entry = json_array_get_element (list, i);
    gint64 value;

    if (!vldm_json_node_int (entry, 0, MIN (G_MAXINT64, G_MAXSIZE), &value)) {
      g_autofree char *found = vldm_json_describe (entry);

      return tensor_fail (error, shard, name, "%s[%u] is %s, expected an "
          "integer of at least 0", key, i, found);
    }
    out[i] = value;
  }
  return TRUE;
}

static gboolean
read_dtype (const Shard * shard, JsonObject * tensor, VldmTensorView * view,
    guint * bits, GError ** error)
{
  const char *name = vldm_json_member_string (tensor, "dtype");
  g_autofree char *found = vldm_json_describe (json_object_get_member (tensor,
          "dtype"));

  for (guint i = 0; name && i < G_N_ELEMENTS (dtypes); i++) {
    if (g_str_equal (name, dtypes[i].name)) {
      view->dtype = dtypes[i].dtype;
      *bits = dtypes[i].bits;
      return TRUE;
    }
  }
  return tensor_fail (error, shard, view->name, "dtype is %s, expected F32, "
      "F16, BF16 or another name of the safetensors format", found);
}

/* Fills @entry, whose view has its name, from the header's object. */
static gboolean
read_tensor (const Shard * shard, JsonNode * node, Entry * entry,
    GError ** error)
{
  VldmTensorView *view = entry->view;
  JsonObject *tensor;
  gsize offsets[2], bytes;
  guint bits = 0, n;

  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    g_autofree char *found = vldm_json_describe (node);

    return tensor_fail (error, shard, view->name, "is %s, expected an object "
        "with dtype, shape and data_offsets", found);
  }
  tensor = json_node_get_object (node);
  if (!read_dtype (shard, tensor, view, &bits, error)
      || !read_sizes (shard, view->name, tensor, "shape", 0, VLDM_MAX_RANK,
          view->shape, &view->rank, error)
      || !read_sizes (shard, view->name, tensor, "data_offsets", 2, 2, offsets,
          &n, error))
    return FALSE;

  view->n_elements = 1;
  for (guint i = 0; i < view->rank; i++)
    if (!g_size_checked_mul (&view->n_elements, view->n_elements,
            view->shape[i]))
      return tensor_fail (error, shard, view->name, "the product of its shape "
          "does not fit 64 bits");
  if (!g_size_checked_mul (&bytes, view->n_elements, bits) || bytes % 8 != 0)
    return tensor_fail (error, shard, view->name, "its shape times %u bits an "
        "element is no size in bytes", bits);
  bytes /= 8;

  entry->begin = offsets[0];
  entry->end = offsets[1];
  if (entry->begin > entry->end || entry->end > shard->data_size)
    return tensor_fail (error, shard, view->name, "data_offsets %"
        G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT " are outside the %"
        G_GSIZE_FORMAT " bytes of data; the file is cut off or damaged",
        entry->begin, entry->end, shard->data_size);
  if (entry->end - entry->begin != bytes)
    return tensor_fail (error, shard, view->name, "data_offsets span %"
        G_GSIZE_FORMAT " bytes, but dtype and shape need %" G_GSIZE_FORMAT,
        entry->end - entry->begin, bytes);
  view->data = shard->data + entry->begin;
  view->n_bytes = bytes;
  return TRUE;
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
check_cover (const Shard * shard, GArray * entries, GError ** error)
{
  gsize at = 0;

  g_array_sort (entries, compare_entries);
  for (guint i = 0; i < entries->len; i++) {
    const Entry *entry = &g_array_index (entries, Entry, i);

    if (entry->begin < at)
      return tensor_fail (error, shard, entry->view->name, "begins at byte %"
          G_GSIZE_FORMAT " of the data, inside the tensor that ends at %"
          G_GSIZE_FORMAT, entry->begin, at);
    if (entry->begin > at)
      return tensor_fail (error, shard, entry->view->name, "begins at byte %"
          G_GSIZE_FORMAT " of the data, leaving a hole from %" G_GSIZE_FORMAT,
          entry->begin, at);
    at = entry->end;
  }
  if (at != shard->data_size) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ,
        "%s: tensors end at byte %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
        " bytes of data; the rest belongs to none", shard->path, at,
        shard->data_size);
    return FALSE;
  }
  return TRUE;
}

static gboolean
add_view (VldmSafetensors * tensors, const Shard * shard, Entry * entry,
    GError ** error)
{
  const VldmTensorView *other = g_hash_table_lookup (tensors->views,
      entry->view->name);

  if (other)
    return tensor_fail (error, shard, entry->view->name, "is also in %s",
        other->path);
  g_hash_table_insert (tensors->views, (char *) entry->view->name, entry->view);
  return TRUE;
}

static gboolean
read_header (VldmSafetensors * tensors, const Shard * shard,
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
      if (!JSON_NODE_HOLDS_OBJECT (node))
        ok = tensor_fail (error, shard, name, "expected an object of strings");
      continue;
    }
    entry.view = g_new0 (VldmTensorView, 1);
    entry.view->name = g_strdup (name);
    entry.view->path = shard->path;
    ok = read_tensor (shard, node, &entry, error)
        && add_view (tensors, shard, &entry, error);
    if (ok)
      g_array_append_val (entries, entry);
    else
      view_free (entry.view);
  }
  return ok && check_cover (shard, entries, error);
}

static gboolean
open_shard (VldmSafetensors * tensors, const char *folder, const char *name,
    GError ** error)
{
  g_autoptr (GError) file_error = NULL;
  g_autoptr (JsonObject) header = NULL;
  Shard *shard = g_new0 (Shard, 1);
  const char *bytes;
  guint64 header_size;
  gsize size;

  shard->path = g_build_filename (folder, name, NULL);
  g_ptr_array_add (tensors->shards, shard);
  shard->map = g_mapped_file_new (shard->path, FALSE, &file_error);
  if (!shard->map) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: cannot be read: %s",
        shard->path, file_error->message);
    return FALSE;
  }
  bytes = g_mapped_file_get_contents (shard->map);
  size = g_mapped_file_get_length (shard->map);
  if (size < 8) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: %" G_GSIZE_FORMAT
        " bytes are too few for a safetensors file", shard->path, size);
    return FALSE;
  }
  memcpy (&header_size, bytes, 8);
  header_size = GUINT64_FROM_LE (header_size);
  if (header_size > MAX_HEADER || header_size > size - 8) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: claims a header of %"
        G_GUINT64_FORMAT " bytes, but the file has %" G_GSIZE_FORMAT " and "
        "the format allows %d; it is cut off or no safetensors file",
        shard->path, header_size, size, MAX_HEADER);
    return FALSE;
  }
  shard->data = (const guint8 *) bytes + 8 + header_size;
  shard->data_size = size - 8 - header_size;
  header = vldm_json_parse (bytes + 8, header_size, shard->path, error);
  return header && read_header (tensors, shard, header, error);
}

/* Opens the shard @file for the tensor @name unless it is open already. A shard lies beside its index, never elsewhere. */
static gboolean
open_mapped (VldmSafetensors * tensors, const char *folder, const char *index,
    const char *name, JsonNode * node, GHashTable * opened, GError ** error)
{
  g_autofree char *found = vldm_json_describe (node);
  const VldmTensorView *view;
  g_autofree char *path = NULL;
  const char *file = vldm_json_node_string (node);

  if (!file || strpbrk (file, "/\\")
      || !g_str_has_suffix (file, ".safetensors")) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: weight_map: \"%s\" "
        "is in %s; expected the name of a .safetensors file beside the index",
        index, name, found);
    return FALSE;
  }
  if (g_hash_table_add (opened, (gpointer) file)
      && !open_shard (tensors, folder, file, error))
    return FALSE;
  view = g_hash_table_lookup (tensors->views, name);
  path = g_build_filename (folder, file, NULL);
  if (!view || !g_str_equal (view->path, path)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: weight_map: tensor "
        "\"%s\" is not in %s", index, name, file);
    return FALSE;
  }
  return TRUE;
}

static gboolean
open_index (VldmSafetensors * tensors, const char *folder, const char *name,
    GError ** error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autoptr (JsonObject) index = vldm_json_load (path, error);
  g_autoptr (GHashTable) opened = g_hash_table_new (g_str_hash, g_str_equal);
  const char *tensor;
  JsonObjectIter iter;
  JsonNode *node;

  if (!index)
    return FALSE;
  node = json_object_get_member (index, "weight_map");
  if (!node || !JSON_NODE_HOLDS_OBJECT (node)
      || json_object_get_size (json_node_get_object (node)) == 0) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: weight_map: expected "
        "an object from tensor names to files", path);
    return FALSE;
  }
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &tensor, &node))
    if (!open_mapped (tensors, folder, path, tensor, node, opened, error))
      return FALSE;
  return TRUE;
}

static gboolean
exists (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
set_not_found (const char *folder, const char *base, GError ** error)
{
  static const char *const pickles[] = { "bin", "pt", "ckpt", "pth" };
  const char *hint = "";

  for (guint i = 0; i < G_N_ELEMENTS (pickles); i++) {
    g_autofree char *pickle = g_strdup_printf ("%s.%s", base, pickles[i]);

    if (exists (folder, pickle) || exists (folder, "pytorch_model.bin"))
      hint = "; it holds a pickle, to be converted to safetensors first (in "
          "Python: save_pretrained (..., safe_serialization=True))";
  }
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND, "%s: no weights: "
      "looked for %s.safetensors, %s.safetensors.index.json and their fp16 "
      "variants%s", folder, base, base, hint);
}

VldmSafetensors *
vldm_safetensors_open (const char *folder, const char *base, GError ** error)
{
  static const struct
  {
    const char *suffix;
    gboolean index;
  } forms[] = {
    {"safetensors", FALSE},
    {"safetensors.index.json", TRUE},
    {"fp16.safetensors", FALSE},
    {"safetensors.index.fp16.json", TRUE},
    {"fp16.safetensors.index.json", TRUE},
  };
  g_autoptr (VldmSafetensors) tensors = g_new0 (VldmSafetensors, 1);

  tensors->shards = g_ptr_array_new_with_free_func ((GDestroyNotify)
      shard_free);
  tensors->views = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) view_free);
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autofree char *name = g_strdup_printf ("%s.%s", base, forms[i].suffix);

    if (!exists (folder, name))
      continue;
    if (forms[i].index ? open_index (tensors, folder, name, error)
        : open_shard (tensors, folder, name, error))
      return g_steal_pointer (&tensors);
    return NULL;
  }
  set_not_found (folder, base, error);
  return NULL;
}

void
vldm_safetensors_free (VldmSafetensors * tensors)
{
  if (!tensors)
    return;
  g_clear_pointer (&tensors->views, g_hash_table_unref);
  g_clear_pointer (&tensors->shards, g_ptr_array_unref);
  g_free (tensors);
}

const VldmTensorView *
vldm_safetensors_find (VldmSafetensors * tensors, const char *name)
{
  return g_hash_table_lookup (tensors->views, name);
}

static gint
compare_names (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

const char **
vldm_safetensors_names (VldmSafetensors * tensors)
{
  guint n;
  const char **names =
      (const char **) g_hash_table_get_keys_as_array (tensors->views, &n);

  g_qsort_with_data (names, n, sizeof *names, compare_names, NULL);
  return names;
}

/* Exact for every value: subnormals, infinities, NaN with its payload. Integer arithmetic but for one subtraction that
 * cannot round, so that a thread that flushes subnormals to zero reads the same. */
static inline gfloat
half_to_float (guint16 half)
{
  guint32 sign = (guint32) (half & 0x8000) << 16;
  guint32 exponent = half >> 10 & 31, mantissa = (guint32) (half & 1023) << 13;
  union
  {
    guint32 bits;
    gfloat value;
  } normal, subnormal;

  /* Both are computed, without a branch, so that compilers make vectors of it. */
  subnormal.bits = 113u << 23 | mantissa;       /* 2^-14 (1 + m / 1024) */
  subnormal.value -= 0x1p-14f;
  normal.bits = (exponent + 112 + (exponent == 31 ? 112 : 0)) << 23 | mantissa;
  normal.bits = (exponent == 0 ? subnormal.bits : normal.bits) | sign;
  return normal.value;
}

typedef struct
{
  const VldmTensorView *view;
  gfloat *out;
} Reading;

/* Numbers [chunk * READ_CHUNK, ...), so that processors share the work. */
static void
read_chunk (gsize chunk, gpointer user_data)
{
  const Reading *reading = user_data;
  const VldmTensorView *view = reading->view;
  gsize first = chunk * READ_CHUNK;
  gsize end = MIN (first + READ_CHUNK, view->n_elements);
  gfloat *out = reading->out;
  guint32 bits;
  guint16 half;

  switch (view->dtype) {
    case VLDM_DTYPE_F32:
      for (gsize i = first; i < end; i++) {
        memcpy (&bits, view->data + 4 * i, 4);
        bits = GUINT32_FROM_LE (bits);
        memcpy (&out[i], &bits, 4);
      }
      break;
    case VLDM_DTYPE_F16:
      for (gsize i = first; i < end; i++) {
        memcpy (&half, view->data + 2 * i, 2);
        out[i] = half_to_float (GUINT16_FROM_LE (half));
      }
      break;
    case VLDM_DTYPE_BF16:
      for (gsize i = first; i < end; i++) {
        memcpy (&half, view->data + 2 * i, 2);
        bits = (guint32) GUINT16_FROM_LE (half) << 16;
        memcpy (&out[i], &bits, 4);
      }
      break;
    case VLDM_DTYPE_OTHER:
      g_return_if_reached ();
  }
}

void
vldm_tensor_view_read (const VldmTensorView * view, gfloat * out)
{
  Reading reading = { view, out };

  ocl_parallel_for ((view->n_elements + READ_CHUNK - 1) / READ_CHUNK,
      view->n_elements, read_chunk, &reading);
}

/* The pages that also hold a part of a neighbouring tensor stay. */
void
vldm_tensor_view_drop (const VldmTensorView * view)
{
  guintptr page = sysconf (_SC_PAGESIZE);
  guintptr begin = ((guintptr) view->data + page - 1) / page * page;
  guintptr end = ((guintptr) view->data + view->n_bytes) / page * page;

  if (begin < end)
    madvise ((void *) begin, end - begin, MADV_DONTNEED);
}
