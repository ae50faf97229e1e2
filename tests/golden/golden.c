/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The harness of the golden tests; golden.h says what each function is for.
 */
#include "golden.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "vldm/sampling/noise.h"

void
golden_open (Golden * golden, const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, "golden.json", NULL);

  memset (golden, 0, sizeof *golden);
  golden->root = vldm_json_load (path, &error);
  g_assert_no_error (error);
  golden->expected = vldm_safetensors_open (folder, "expected", &error);
  g_assert_no_error (error);
  golden->device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  golden->queue = ocl_queue_new (golden->device, &error);
  g_assert_no_error (error);
  g_test_message ("%s", ocl_device_description (golden->device));
}

void
golden_clear (Golden * golden)
{
  g_clear_pointer (&golden->queue, ocl_queue_free);
  g_clear_pointer (&golden->device, ocl_device_unref);
  g_clear_pointer (&golden->expected, vldm_safetensors_free);
  g_clear_pointer (&golden->root, json_object_unref);
}

gdouble
golden_call_bound (JsonObject * golden_case, OclType type)
{
  const char *own = type == OCL_F32 ? "f32_bound" : type == OCL_F16 ?
      "f16_bound" : "bf16_bound";

  if (json_object_has_member (golden_case, own))
    return json_object_get_double_member (golden_case, own);
  return type == OCL_F32 ? GOLDEN_CALL :
      type == OCL_F16 ? GOLDEN_CALL_F16 : GOLDEN_CALL_BF16;
}

gdouble
golden_run_bound (OclType type)
{
  return type == OCL_F32 ? GOLDEN_RUN :
      type == OCL_F16 ? GOLDEN_RUN_F16 : GOLDEN_RUN_BF16;
}

void
golden_for_each (Golden * golden, const char *kind, GoldenCheck check)
{
  JsonObject *cases = json_object_get_object_member (golden->root, kind);
  g_autoptr (GList) names = json_object_get_members (cases);
  const OclType types[] = { OCL_F32, OCL_F16, OCL_BF16 };
  const char *const type_names[] =
      { "stored in fp32", "stored in fp16", "multiplied in bf16" };
  guint n_types = ocl_multiplies_bf16 (golden->device) ? 3 : 2;

  g_assert_nonnull (names);
  for (guint i = 0; i < n_types; i++) {
    for (GList * name = names; name != NULL; name = name->next) {
      OclArena *arena = ocl_queue_arena (golden->queue);
      OclArenaMark mark = ocl_arena_mark (arena);

      g_test_message ("%s, %s", (char *) name->data, type_names[i]);
      check (golden, name->data,
          json_object_get_object_member (cases, name->data), types[i]);
      ocl_arena_release (arena, mark);
    }
  }
}

typedef struct
{
  const char *folder, *kind;
  GoldenCheck check;
} OneTest;

static void
run_cases (gconstpointer data)
{
  const OneTest *test = data;
  Golden golden;

  golden_open (&golden, test->folder);
  golden_for_each (&golden, test->kind, test->check);
  golden_clear (&golden);
}

int
golden_main (int argc, char **argv, const char *path, const char *kind,
    GoldenCheck check)
{
  OneTest test = {.kind = kind,.check = check };

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  test.folder = argv[1];
  g_test_add_data_func (path, &test, run_cases);
  return g_test_run ();
}

gfloat *
golden_randn (guint32 seed, gsize n)
{
  g_autoptr (VldmNoise) noise = vldm_noise_new (seed);
  gfloat *values = g_new (gfloat, n);

  vldm_noise_fill (noise, values, n);
  return values;
}

guint
golden_uint (JsonObject * golden_case, const char *member)
{
  g_assert_true (json_object_has_member (golden_case, member));
  return json_object_get_int_member (golden_case, member);
}

/* ---- folders ---- */

char *
golden_new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("vldm-golden-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

void
golden_remove_folder (char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR)
        && !g_file_test (path, G_FILE_TEST_IS_SYMLINK)) {
      golden_remove_folder (path);
    } else {
      g_remove (path);
      g_free (path);
    }
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
  g_free (folder);
}

void
golden_write_json (const char *folder, const char *file, JsonObject * object)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_set_object (node, object);
  text = json_to_string (node, FALSE);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

/* ---- networks with drawn weights ---- */

/* Half precision, rounded to the nearest, ties to even. Drawn weights are far from its largest number. */
static guint16
half_of_float (gfloat value)
{
  guint sign = signbit (value) ? 0x8000 : 0;
  int exponent;
  gdouble mantissa = frexp (fabs (value), &exponent);   /* in [0.5, 1) */

  if (mantissa == 0.0)
    return sign;
  /* numbers under 2^-14 count multiples of 2^-24; a carry into the next exponent adds up rightly in both branches */
  if (exponent < -13)
    return sign | (guint) rint (ldexp (fabs (value), 24));
  return sign + ((exponent + 14) << 10) + (guint) rint (ldexp (mantissa, 11))
      - 1024;
}

static guint16
bfloat16_of_float (gfloat value)
{
  guint32 bits;

  memcpy (&bits, &value, sizeof bits);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/* Appends the weights of tensor @index, a row [name, shape, offset, scale] of golden.json. Safetensors and all machines
 * that run this are little-endian. */
static void
append_weights (GByteArray * data, guint index, JsonArray * row,
    const char *dtype)
{
  JsonArray *shape = json_array_get_array_element (row, 1);
  gfloat offset = json_array_get_double_element (row, 2);
  gfloat scale = json_array_get_double_element (row, 3);
  gsize n = 1;
  g_autofree gfloat *values = NULL;

  for (guint i = 0; i < json_array_get_length (shape); i++)
    n *= json_array_get_int_element (shape, i);
  values = golden_randn (index, n);
  for (gsize i = 0; i < n; i++) {
    gfloat value = offset + scale * values[i];
    guint16 half;

    if (g_str_equal (dtype, "F32")) {
      g_byte_array_append (data, (guint8 *) & value, sizeof value);
      continue;
    }
    half = g_str_equal (dtype, "F16") ? half_of_float (value)
        : bfloat16_of_float (value);
    g_byte_array_append (data, (guint8 *) & half, sizeof half);
  }
}

/* Writes every @shards-th of the tensors, from number @shard on, and enters them in the index' @weight_map. */
static void
write_shard (JsonArray * tensors, const char *dtype, guint shard, guint shards,
    const char *folder, const char *file, JsonObject * weight_map)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autoptr (GByteArray) contents = g_byte_array_new ();
  g_autoptr (JsonObject) header = json_object_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;
  guint64 length;

  for (guint i = shard; i < json_array_get_length (tensors); i += shards) {
    JsonArray *row = json_array_get_array_element (tensors, i);
    const char *name = json_array_get_string_element (row, 0);
    JsonObject *entry = json_object_new ();
    JsonArray *offsets = json_array_new ();

    json_object_set_string_member (entry, "dtype", dtype);
    json_object_set_array_member (entry, "shape",
        json_array_ref (json_array_get_array_element (row, 1)));
    json_array_add_int_element (offsets, data->len);
    append_weights (data, i, row, dtype);
    json_array_add_int_element (offsets, data->len);
    json_object_set_array_member (entry, "data_offsets", offsets);
    json_object_set_object_member (header, name, entry);
    json_object_set_string_member (weight_map, name, file);
  }
  json_node_set_object (node, header);
  text = json_to_string (node, FALSE);
  length = GUINT64_TO_LE (strlen (text));
  g_byte_array_append (contents, (guint8 *) & length, sizeof length);
  g_byte_array_append (contents, (guint8 *) text, strlen (text));
  g_byte_array_append (contents, data->data, data->len);
  g_file_set_contents (path, (char *) contents->data, contents->len, &error);
  g_assert_no_error (error);
}

static void
write_weights (const char *folder, const char *base, JsonArray * tensors,
    const char *dtype, guint shards)
{
  g_autoptr (JsonObject) index = json_object_new ();
  JsonObject *weight_map = json_object_new ();
  g_autofree char *index_file =
      g_strdup_printf ("%s.safetensors.index.json", base);

  json_object_set_object_member (index, "metadata", json_object_new ());
  json_object_set_object_member (index, "weight_map", weight_map);
  for (guint i = 0; i < shards; i++) {
    g_autofree char *file = shards == 1
        ? g_strdup_printf ("%s.safetensors", base)
        : g_strdup_printf ("%s-%05u-of-%05u.safetensors", base, i + 1, shards);

    write_shard (tensors, dtype, i, shards, folder, file, weight_map);
  }
  if (shards > 1)
    golden_write_json (folder, index_file, index);
}

char *
golden_write_network (Golden * golden, JsonObject * golden_case)
{
  JsonObject *networks =
      json_object_get_object_member (golden->root, "networks");
  JsonObject *network = json_object_get_object_member (networks,
      json_object_get_string_member (golden_case, "network"));
  JsonObject *config = json_object_get_object_member (network, "config");
  const char *base = json_object_has_member (config, "_class_name")
      ? "diffusion_pytorch_model" : "model";
  char *folder = golden_new_folder ();

  golden_write_json (folder, "config.json", config);
  write_weights (folder, base,
      json_object_get_array_member (network, "tensors"),
      json_object_get_string_member_with_default (golden_case, "dtype", "F32"),
      json_object_get_int_member_with_default (golden_case, "shards", 1));
  return folder;
}

void
golden_put_network (Golden * golden, const char *model, const char *component,
    const char *network)
{
  g_autoptr (JsonObject) network_case = json_object_new ();
  g_autofree char *path = g_build_filename (model, component, NULL);
  g_autofree char *folder = NULL;

  json_object_set_string_member (network_case, "network", network);
  folder = golden_write_network (golden, network_case);
  g_assert_cmpint (g_rename (folder, path), ==, 0);
}

void
golden_put_scheduler (const char *model, const char *component,
    JsonObject * config)
{
  g_autofree char *path = g_build_filename (model, component, NULL);

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  golden_write_json (path, "scheduler_config.json", config);
}

/* ---- tensors ---- */

OclTensor
golden_upload (Golden * golden, OclType type, gsize frames, gsize channels,
    gsize height, gsize width, const gfloat * planar)
{
  g_autoptr (GError) error = NULL;
  gsize pixels = height * width;
  g_autofree gfloat *data = g_new (gfloat, frames * channels * pixels);
  OclTensor tensor;

  for (gsize f = 0; f < frames; f++) {
    for (gsize p = 0; p < pixels; p++) {
      for (gsize c = 0; c < channels; c++)
        data[(f * pixels + p) * channels + c] =
            planar[(f * channels + c) * pixels + p];
    }
  }
  ocl_tensor_alloc (golden->queue, ocl_type_beside (type), ocl_shape (frames,
          height, width, channels), &tensor, &error);
  g_assert_no_error (error);
  ocl_tensor_write (golden->queue, &tensor, data, &error);
  g_assert_no_error (error);
  return tensor;
}

OclTensor
golden_upload_tokens (Golden * golden, OclType type, gsize n, gsize channels,
    const gfloat * rows)
{
  g_autoptr (GError) error = NULL;
  OclTensor tensor;

  ocl_tensor_alloc (golden->queue, ocl_type_beside (type), ocl_shape (1, 1, n,
          channels), &tensor, &error);
  g_assert_no_error (error);
  ocl_tensor_write (golden->queue, &tensor, rows, &error);
  g_assert_no_error (error);
  return tensor;
}

gfloat *
golden_download (Golden * golden, const OclTensor * tensor)
{
  g_autoptr (GError) error = NULL;
  gsize pixels = tensor->height * tensor->width;
  gsize channels = tensor->channels;
  gsize n = tensor->frames * pixels * channels;
  g_autofree gfloat *data = g_new (gfloat, n);
  gfloat *planar = g_new (gfloat, n);

  ocl_tensor_read (golden->queue, tensor, data, &error);
  g_assert_no_error (error);
  for (gsize f = 0; f < tensor->frames; f++) {
    for (gsize p = 0; p < pixels; p++) {
      for (gsize c = 0; c < channels; c++)
        planar[(f * channels + c) * pixels + p] =
            data[(f * pixels + p) * channels + c];
    }
  }
  return planar;
}

/* ---- comparison ---- */

gfloat *
golden_expected (Golden * golden, const char *name, gsize n)
{
  const VldmTensorView *view = vldm_safetensors_find (golden->expected, name);
  gfloat *values = g_new (gfloat, n);

  g_assert_nonnull (view);
  g_assert_cmpuint (view->n_elements, ==, n);
  vldm_tensor_view_read (view, values);
  return values;
}

void
golden_compare (Golden * golden, JsonObject * golden_case, const char *name,
    const gfloat * values, gsize n, gdouble tolerance)
{
  JsonObject *output = json_object_get_object_member
      (json_object_get_object_member (golden_case, "outputs"), name);
  gsize stride = golden_uint (output, "stride");
  gsize kept = (n + stride - 1) / stride;
  gdouble max = json_object_get_double_member (output, "max");
  g_autofree gfloat *expected = golden_expected (golden, name, kept);
  gdouble worst = 0.0;
  gsize worst_index = 0;

  g_assert_cmpuint (n, ==, golden_uint (output, "n"));
  for (gsize i = 0; i < n; i++)
    g_assert_true (isfinite (values[i]));
  for (gsize i = 0; i < kept; i++) {
    gdouble difference = fabs (values[i * stride] - expected[i]);

    if (difference > worst) {
      worst = difference;
      worst_index = i;
    }
  }
  g_test_message ("%s: largest error / largest value = %.2g, allowed is %.2g",
      name, worst / max, tolerance);
  if (!(worst <= tolerance * max))
    g_error ("%s: number %" G_GSIZE_FORMAT " is %.7g, expected is %.7g; "
        "largest error / largest value = %.3g, allowed is %.2g", name,
        worst_index * stride, values[worst_index * stride],
        expected[worst_index], worst / max, tolerance);
}
