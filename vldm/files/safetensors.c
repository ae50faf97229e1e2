/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which files hold a component's tensors, and their numbers. A sharded component has an index
 * { "weight_map": { name: file } }.
 * Source: diffusers' and transformers' file names.
 */
#include "vldm/files/safetensors_private.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "opencl/runtime/parallel.h"
#include "vldm/files/files.h"
#include "vldm/files/json.h"

/* Names of other files in messages. */
#define MAX_OTHERS 4

/* Numbers that a processor converts at once. */
#define READ_CHUNK (64 << 10)

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
  path = g_build_filename (folder, file, NULL);
  if (!vldm_file_exists (path)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: cannot be read: no "
        "such file, but %s says that tensor \"%s\" is there; a part of the "
        "download is missing", path, index, name);
    return FALSE;
  }
  if (g_hash_table_add (opened, (gpointer) file)
      && !vldm_safetensors_add_file (tensors, path, error))
    return FALSE;
  view = g_hash_table_lookup (tensors->views, name);
  if (!view || !g_str_equal (view->path, path)) {
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_READ, "%s: weight_map: tensor "
        "\"%s\" is not in %s", index, name, file);
    return FALSE;
  }
  return TRUE;
}

static gboolean
open_index (VldmSafetensors * tensors, const char *folder, const char *path,
    GError ** error)
{
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

  return vldm_file_exists (path);
}

/* What else a folder without weights holds, as an end for the message. */
static char *
describe_others (const char *folder)
{
  static const char *const pickles[] = { ".bin", ".pt", ".ckpt", ".pth" };
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GString) list = g_string_new (NULL);
  gboolean pickle = FALSE;
  const char *name;
  guint n = 0;

  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    for (guint i = 0; i < G_N_ELEMENTS (pickles); i++)
      pickle = pickle || g_str_has_suffix (name, pickles[i]);
    if (!g_str_equal (name, "config.json") && n++ < MAX_OTHERS)
      g_string_append_printf (list, "%s%s", n > 1 ? ", " : "", name);
  }
  if (n == 0)
    return g_strdup ("");
  return g_strdup_printf ("; it holds %s%s%s", list->str, n > MAX_OTHERS
      ? " and more" : "", pickle ? ": a pickle, to be converted to safetensors "
      "first (in Python: save_pretrained (..., safe_serialization=True))" : "");
}

static void
set_not_found (const char *folder, const char *base, GError ** error)
{
  g_autofree char *others = describe_others (folder);

  g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND, "%s: no weights: "
      "looked for %s.safetensors, %s.safetensors.index.json and their fp16 "
      "variants%s", folder, base, base, others);
}

/* The file, or the index, of a variant whose name is not known here, such as BASE.non_ema.safetensors. */
static gboolean
is_variant (const char *name, const char *base)
{
  const char *rest = name + strlen (base);
  gsize length;

  if (!g_str_has_prefix (name, base) || *rest++ != '.')
    return FALSE;
  if (g_str_has_prefix (rest, "safetensors.index.")) {
    rest += strlen ("safetensors.index.");
    length = strcspn (rest, ".");
    return length > 0 && g_str_equal (rest + length, ".json");
  }
  /* Parts of a whole are called VARIANT-1-of-2. */
  length = strcspn (rest, ".-");
  return length > 0 && (g_str_equal (rest + length, ".safetensors")
      || g_str_equal (rest + length, ".safetensors.index.json"));
}

/* The one variant in @folder: which of several is meant, nobody can know. */
static char *
find_variant (const char *folder, const char *base, GError ** error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autofree char *found = NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)) != NULL) {
    if (!is_variant (name, base))
      continue;
    if (found) {
      g_set_error (error, VLDM_ERROR, VLDM_ERROR_NOT_FOUND, "%s: several "
          "variants of the weights, %s and %s; name the one to use %s.safetensors "
          "(a link will do)", folder, found, name, base);
      return NULL;
    }
    found = g_strdup (name);
  }
  if (found)
    g_debug ("%s: the only variant of the weights is %s", folder, found);
  else
    set_not_found (folder, base, error);
  return g_steal_pointer (&found);
}

VldmSafetensors *
vldm_safetensors_open (const char *folder, const char *base, GError ** error)
{
  static const char *const forms[] = { "safetensors", "safetensors.index.json",
    "fp16.safetensors", "safetensors.index.fp16.json",
    "fp16.safetensors.index.json"
  };
  g_autoptr (VldmSafetensors) tensors = g_new0 (VldmSafetensors, 1);
  g_autofree char *name = NULL, *path = NULL;

  tensors->files = g_ptr_array_new_with_free_func ((GDestroyNotify)
      vldm_safetensors_file_free);
  tensors->views = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) vldm_tensor_view_free);
  for (guint i = 0; i < G_N_ELEMENTS (forms) && !name; i++) {
    name = g_strdup_printf ("%s.%s", base, forms[i]);
    if (!exists (folder, name))
      g_clear_pointer (&name, g_free);
  }
  if (!name)
    name = find_variant (folder, base, error);
  if (!name)
    return NULL;
  path = g_build_filename (folder, name, NULL);
  if (g_str_has_suffix (name, ".json") ? open_index (tensors, folder, path,
          error) : vldm_safetensors_add_file (tensors, path, error))
    return g_steal_pointer (&tensors);
  return NULL;
}

void
vldm_safetensors_free (VldmSafetensors * tensors)
{
  if (!tensors)
    return;
  g_clear_pointer (&tensors->views, g_hash_table_unref);
  g_clear_pointer (&tensors->files, g_ptr_array_unref);
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
