/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which safetensors files hold the tensors of a component, variants and shards, and conversions of every half-precision
 * number.
 * Argument: the default model's folder.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "vldm/files/safetensors.h"

#include "fixture.h"

#define BASE "model"
#define FILE_NAME BASE ".safetensors"

static const char *drive_folder;

static void
test_missing (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, FILE_NAME, fixture.folder);
  g_clear_error (&error);

  fixture_write (&fixture, BASE ".bin", "x", 1);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "pickle", fixture.folder);
  g_clear_error (&error);

  fixture_remove (&fixture, BASE ".bin");
  fixture_write (&fixture, BASE ".onnx", "x", 1);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "it holds " BASE ".onnx",
      fixture.folder);
}

#define ONE_A "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}}"
#define ONE_B "{\"b\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}}"

/* Which file is opened, by the tensor that it holds. */
static void
test_variants (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmSafetensors *tensors;

  fixture_write_tensors (&fixture, BASE ".fp16.safetensors", ONE_B, 1);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_no_error (error);
  g_assert_nonnull (vldm_safetensors_find (tensors, "b"));
  vldm_safetensors_free (tensors);

  fixture_write_tensors (&fixture, FILE_NAME, ONE_A, 1);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_no_error (error);
  g_assert_nonnull (vldm_safetensors_find (tensors, "a"));
  g_assert_null (vldm_safetensors_find (tensors, "b"));
  vldm_safetensors_free (tensors);
}

/* A variant of another name, where it is the only one. */
static void
test_other_variants (void)
{
  static const char *const others[] = { ".non_ema.safetensors",
    ".bf16.safetensors.index.json", ".safetensors.index.bf16.json"
  };
  static const char *const no_variants[] = { ".bf16-1-of-2.safetensors",
    "-1-of-2.safetensors", ".a.b.safetensors", "2.safetensors", "..safetensors"
  };

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    g_auto (Fixture) fixture = fixture_new ();
    g_autofree char *name = g_strconcat (BASE, others[i], NULL);
    g_autoptr (GError) error = NULL;
    VldmSafetensors *tensors;

    for (guint k = 0; k < G_N_ELEMENTS (no_variants); k++) {
      g_autofree char *part = g_strconcat (BASE, no_variants[k], NULL);

      fixture_write_tensors (&fixture, part, ONE_A, 1);
    }
    if (g_str_has_suffix (name, ".json"))
      fixture_write (&fixture, name, "{\"weight_map\": {\"a\": \"" BASE
          ".bf16-1-of-2.safetensors\"}}", -1);
    else
      fixture_write_tensors (&fixture, name, ONE_A, 1);
    tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
    g_assert_no_error (error);
    g_assert_nonnull (vldm_safetensors_find (tensors, "a"));
    vldm_safetensors_free (tensors);

    fixture_write_tensors (&fixture, BASE ".ema.safetensors", ONE_A, 1);
    g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
    fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "several variants", name);
    fixture_check_error (error, VLDM_ERROR_NOT_FOUND, BASE ".ema.safetensors",
        fixture.folder);
  }
}

/* Links to what is not there any more, as a cache that was cleared leaves them, are no missing files. */
static void
test_broken_link (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, FILE_NAME, NULL);
  g_autoptr (GError) error = NULL;

  fixture_write_tensors (&fixture, BASE ".fp16.safetensors", ONE_A, 1);
  g_assert_cmpint (symlink ("../blobs/0123", path), ==, 0);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_READ,
      "a symbolic link to ../blobs/0123, which is not there", path);
}

static void
test_shards (void)
{
  static const char *const indices[] = { "safetensors.index.json",
    "safetensors.index.fp16.json"
  };

  for (guint i = 0; i < G_N_ELEMENTS (indices); i++) {
    g_auto (Fixture) fixture = fixture_new ();
    g_autofree char *index = g_strconcat (BASE ".", indices[i], NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (VldmSafetensors) tensors = NULL;

    fixture_write_tensors (&fixture, "m-1-of-2.safetensors", ONE_A, 1);
    fixture_write_tensors (&fixture, "m-2-of-2.safetensors", ONE_B, 1);
    fixture_write (&fixture, index, "{\"metadata\": {\"total_size\": 2}, "
        "\"weight_map\": {\"a\": \"m-1-of-2.safetensors\", "
        "\"b\": \"m-2-of-2.safetensors\"}}", -1);
    tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
    g_assert_no_error (error);
    g_assert_nonnull (vldm_safetensors_find (tensors, "a"));
    g_assert_nonnull (strstr (vldm_safetensors_find (tensors, "b")->path,
            "m-2-of-2"));
  }
}

static const struct
{
  const char *name, *index;
  const char *reason, *file;
} bad_indices[] = {
  {"parent", "{\"weight_map\": {\"a\": \"../m.safetensors\"}}",
        "\"../m.safetensors\"; expected the name of a .safetensors file beside",
      "index.json"},
  {"absolute", "{\"weight_map\": {\"a\": \"/etc/m.safetensors\"}}",
      "beside the index", "index.json"},
  {"folder", "{\"weight_map\": {\"a\": \"x/m.safetensors\"}}",
      "beside the index", "index.json"},
  {"pickle", "{\"weight_map\": {\"a\": \"m.bin\"}}", "beside the index",
      "index.json"},
  {"number", "{\"weight_map\": {\"a\": 1}}", "\"a\" is in 1", "index.json"},
  {"other-shard", "{\"weight_map\": {\"a\": \"m-2.safetensors\"}}",
      "\"a\" is not in m-2.safetensors", "index.json"},
  {"no-tensor", "{\"weight_map\": {\"c\": \"m-1.safetensors\"}}",
      "\"c\" is not in m-1.safetensors", "index.json"},
  {"both-shards", "{\"weight_map\": {\"a\": \"m-1.safetensors\", "
        "\"b\": \"m-2.safetensors\", \"d\": \"m-3.safetensors\"}}",
      "tensor \"a\": is also in", "m-3.safetensors"},
  {"no-shard", "{\"weight_map\": {\"a\": \"m-4.safetensors\"}}",
      "cannot be read", "m-4.safetensors"},
  {"no-map", "{\"metadata\": {}}", "weight_map: expected an object",
      "index.json"},
  {"empty-map", "{\"weight_map\": {}}", "weight_map: expected an object",
      "index.json"},
};

static void
test_bad_index (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;

  fixture_write_tensors (&fixture, "m-1.safetensors", ONE_A, 1);
  fixture_write_tensors (&fixture, "m-2.safetensors", ONE_B, 1);
  fixture_write_tensors (&fixture, "m-3.safetensors", ONE_A, 1);
  fixture_write (&fixture, FILE_NAME ".index.json", bad_indices[i].index, -1);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_READ, bad_indices[i].reason,
      bad_indices[i].file);
}

static guint32
bits_of (gfloat value)
{
  guint32 bits;

  memcpy (&bits, &value, 4);
  return bits;
}

/* What an IEEE half is worth, by its definition. */
static gdouble
half_value (guint16 half)
{
  gdouble sign = half & 0x8000 ? -1.0 : 1.0;
  guint exponent = half >> 10 & 31, mantissa = half & 1023;

  if (exponent == 31)
    return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * ldexp (mantissa, -24);
  return sign * ldexp (1024 + mantissa, (gint) exponent - 25);
}

/* All 65536 of both kinds, from an odd address. */
static void
test_conversion (void)
{
  const gsize n = 65536;
  g_autofree guint8 *bytes = g_malloc (2 * n + 1);
  g_autofree gfloat *values = g_new (gfloat, n);
  VldmTensorView view = {.dtype = VLDM_DTYPE_F16,.n_elements = n,
    .data = bytes + 1
  };

  for (gsize i = 0; i < n; i++) {
    bytes[1 + 2 * i] = i & 255;
    bytes[2 + 2 * i] = i >> 8;
  }
  vldm_tensor_view_read (&view, values);
  for (gsize i = 0; i < n; i++) {
    if (isnan (half_value (i)))
      g_assert_true (isnan (values[i]));
    else
      g_assert_cmphex (bits_of (values[i]), ==, bits_of (half_value (i)));
  }
  view.dtype = VLDM_DTYPE_BF16;
  vldm_tensor_view_read (&view, values);
  for (gsize i = 0; i < n; i++)
    g_assert_cmphex (bits_of (values[i]), ==, i << 16);
  view.dtype = VLDM_DTYPE_F32;
  view.n_elements = n / 2;
  vldm_tensor_view_read (&view, values);
  for (gsize i = 0; i < n / 2; i++)
    g_assert_cmphex (bits_of (values[i]), ==, (2 * i + 1) << 16 | 2 * i);
}

/* Sums of all weights, computed by the safetensors package for Python in fp64; and again after their pages were dropped. */
static void
test_default_model (void)
{
  static const struct
  {
    const char *component, *base;
    guint n_tensors;
    gdouble sum;
  } components[] = {
    {"unet", "diffusion_pytorch_model", 666, 2116.7157},
    {"text_encoder", "model", 36, 442.64886},
  };

  for (guint i = 0; i < G_N_ELEMENTS (components); i++) {
    g_autofree char *folder = g_build_filename (drive_folder,
        components[i].component, NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (VldmSafetensors) tensors = vldm_safetensors_open (folder,
        components[i].base, &error);
    g_autofree const char **names = NULL;
    gdouble sum = 0.0;

    g_assert_no_error (error);
    names = vldm_safetensors_names (tensors);
    g_assert_cmpuint (g_strv_length ((char **) names), ==,
        components[i].n_tensors);
    for (guint k = 0; names[k]; k++) {
      const VldmTensorView *view = vldm_safetensors_find (tensors, names[k]);
      g_autofree gfloat *values = g_new (gfloat, view->n_elements);
      g_autofree gfloat *again = g_new (gfloat, view->n_elements);

      vldm_tensor_view_read (view, values);
      vldm_tensor_view_drop (view);
      vldm_tensor_view_read (view, again);
      g_assert_cmpmem (values, view->n_elements * sizeof (gfloat), again,
          view->n_elements * sizeof (gfloat));
      for (gsize e = 0; e < view->n_elements; e++)
        sum += values[e];
    }
    g_assert_cmpfloat_with_epsilon (sum, components[i].sum, 1e-3);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  drive_folder = argv[1];
  g_test_add_func ("/safetensors/missing", test_missing);
  g_test_add_func ("/safetensors/variants", test_variants);
  g_test_add_func ("/safetensors/other-variants", test_other_variants);
  g_test_add_func ("/safetensors/broken-link", test_broken_link);
  g_test_add_func ("/safetensors/shards", test_shards);
  for (guint i = 0; i < G_N_ELEMENTS (bad_indices); i++) {
    g_autofree char *path = g_strconcat ("/safetensors/bad-index/",
        bad_indices[i].name, NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_bad_index);
  }
  g_test_add_func ("/safetensors/conversion", test_conversion);
  g_test_add_func ("/safetensors/default-model", test_default_model);
  return g_test_run ();
}
