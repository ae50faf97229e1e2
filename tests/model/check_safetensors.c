/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Safetensors files: whole ones, shards, conversions of every half-precision number, and every way to lie.
 * Argument: the default model's folder.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "vldm/model/safetensors.h"

#include "fixture.h"

#define BASE "model"
#define FILE_NAME BASE ".safetensors"

static const char *drive_folder;

/* @header and @n_data bytes 0, 1, 2, ... as a safetensors file. */
static void
write_tensors (Fixture * fixture, const char *name, const char *header,
    gsize n_data)
{
  g_autoptr (GByteArray) file = g_byte_array_new ();
  guint64 length = GUINT64_TO_LE (strlen (header));

  g_byte_array_append (file, (const guint8 *) &length, 8);
  g_byte_array_append (file, (const guint8 *) header, strlen (header));
  for (gsize i = 0; i < n_data; i++) {
    guint8 byte = i;

    g_byte_array_append (file, &byte, 1);
  }
  fixture_write (fixture, name, file->data, file->len);
}

static void
test_whole (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSafetensors) tensors = NULL;
  g_autofree const char **names = NULL;
  const VldmTensorView *view;

  /* Order in the header is free; a scalar, an empty tensor and another dtype are tensors as well. The header's end may
   * be filled up with spaces. */
  write_tensors (&fixture, FILE_NAME,
      "{\"__metadata__\": {\"format\": \"pt\"}, "
      "\"b\": {\"dtype\": \"F16\", \"shape\": [3], \"data_offsets\": [8, 14]}, "
      "\"a\": {\"dtype\": \"F32\", \"shape\": [1, 2], \"data_offsets\": [0, 8]}, "
      "\"n\": {\"dtype\": \"I64\", \"shape\": [], \"data_offsets\": [14, 22]}, "
      "\"e\": {\"dtype\": \"BF16\", \"shape\": [0, 5], "
      "\"data_offsets\": [22, 22]}}   ", 22);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_no_error (error);
  names = vldm_safetensors_names (tensors);
  g_assert_cmpuint (g_strv_length ((char **) names), ==, 4);
  g_assert_cmpstr (names[0], ==, "a");
  g_assert_cmpstr (names[3], ==, "n");

  view = vldm_safetensors_find (tensors, "a");
  g_assert_cmpint (view->dtype, ==, VLDM_DTYPE_F32);
  g_assert_cmpuint (view->rank, ==, 2);
  g_assert_cmpuint (view->shape[0], ==, 1);
  g_assert_cmpuint (view->shape[1], ==, 2);
  g_assert_cmpuint (view->n_elements, ==, 2);
  g_assert_cmpuint (view->data[7], ==, 7);
  view = vldm_safetensors_find (tensors, "n");
  g_assert_cmpint (view->dtype, ==, VLDM_DTYPE_OTHER);
  g_assert_cmpuint (view->rank, ==, 0);
  g_assert_cmpuint (view->n_elements, ==, 1);
  g_assert_cmpuint (vldm_safetensors_find (tensors, "e")->n_elements, ==, 0);
  g_assert_null (vldm_safetensors_find (tensors, "c"));
  g_assert_null (vldm_safetensors_find (tensors, "__metadata__"));
}

/* What the safetensors package 0.8 for Python reads, and one type that it does not know: tensors that no network asks for
 * may be of any type and rank. */
static const struct
{
  const char *name, *header;
  gsize n_data;
} forms[] = {
  {"null-metadata", "{\"__metadata__\": null, \"a\": {\"dtype\": \"U8\", "
        "\"shape\": [1], \"data_offsets\": [0, 1]}}", 1},
  {"no-metadata", "{\"__metadata__\": {}, \"a\": {\"dtype\": \"U8\", "
        "\"shape\": [1], \"data_offsets\": [0, 1]}}", 1},
  {"spaces-around", "\n {\"a\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [0, 1]}}\n\t", 1},
  {"other-keys", "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [0, 1], \"note\": [1, {\"x\": 2}]}}", 1},
  {"rank-9", "{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1,1,1,1,2], "
        "\"data_offsets\": [0, 8]}}", 8},
  {"empty-between", "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [0, 1]}, \"e\": {\"dtype\": \"F64\", \"shape\": [0, 9], "
        "\"data_offsets\": [1, 1]}, \"b\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [1, 2]}}", 2},
  {"all-empty", "{\"a\": {\"dtype\": \"U8\", \"shape\": [0], "
        "\"data_offsets\": [0, 0]}, \"b\": {\"dtype\": \"F32\", \"shape\": [0, 3], "
        "\"data_offsets\": [0, 0]}}", 0},
  {"c64", "{\"a\": {\"dtype\": \"C64\", \"shape\": [1], "
        "\"data_offsets\": [0, 8]}}", 8},
  {"f8-fnuz", "{\"a\": {\"dtype\": \"F8_E4M3FNUZ\", \"shape\": [4], "
        "\"data_offsets\": [0, 4]}, \"b\": {\"dtype\": \"F8_E5M2FNUZ\", "
        "\"shape\": [4], \"data_offsets\": [4, 8]}}", 8},
  {"small", "{\"a\": {\"dtype\": \"F4\", \"shape\": [4], "
        "\"data_offsets\": [0, 2]}, \"b\": {\"dtype\": \"F6_E2M3\", "
        "\"shape\": [4], \"data_offsets\": [2, 5]}, \"c\": {\"dtype\": "
        "\"F8_E8M0\", \"shape\": [1], \"data_offsets\": [5, 6]}}", 6},
  {"later-dtype", "{\"a\": {\"dtype\": \"F31\", \"shape\": [3, 5], "
        "\"data_offsets\": [0, 59]}}", 59},
};

static void
test_form (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSafetensors) tensors = NULL;
  const VldmTensorView *view;
  gsize n = 1;

  write_tensors (&fixture, FILE_NAME, forms[i].header, forms[i].n_data);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_no_error (error);
  view = vldm_safetensors_find (tensors, "a");
  g_assert_nonnull (view);
  for (guint k = 0; k < view->rank; k++)
    n *= view->shape[k];
  g_assert_cmpuint (view->n_elements, ==, n);
  g_assert_nonnull (strstr (forms[i].header, view->dtype_name));
}

/* One header, with as many data bytes, that is refused. */
static const struct
{
  const char *name, *header;
  gsize n_data;
  const char *reason;
} lies[] = {
  {"overlap",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
        "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [4, 12]}}",
      12, "tensor \"b\": begins at byte 4"},
  {"same-place",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
        "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
      8, "inside the tensor that ends at 8"},
  {"hole",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]},"
        "\"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [8, 12]}}",
      12, "leaving a hole from 4"},
  {"hole-first",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}",
      8, "leaving a hole from 0"},
  {"rest",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
      5, "end at byte 4 of 5"},
  {"rest-only", "{}", 3, "end at byte 0 of 3"},
  {"beyond",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
      7, "outside the 7 bytes"},
  {"beyond-far",
        "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [9223372036854775806, 9223372036854775807]}}",
      8, "outside the 8 bytes"},
  {"backwards",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}",
      4, "data_offsets 4 to 0"},
  {"negative",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [-4, 0]}}",
      4, "data_offsets[0] is -4"},
  {"size-of-dtype",
        "{\"a\": {\"dtype\": \"F16\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
      8, "need 4"},
  {"product",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], "
        "\"data_offsets\": [0, 0]}}", 0, "does not fit 64 bits"},
  {"product-2^63",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904, 2], "
        "\"data_offsets\": [0, 0]}}", 0, "no size in bytes"},
  {"dimension-2^63",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [9223372036854775808], "
        "\"data_offsets\": [0, 0]}}", 0, "tensor \"a\""},
  {"dimension-2^64",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [18446744073709551616], "
        "\"data_offsets\": [0, 0]}}", 0, "tensor \"a\""},
  {"bits-overflow",
      "{\"a\": {\"dtype\": \"F64\", \"shape\": [576460752303423488], "
        "\"data_offsets\": [0, 0]}}", 0, "no size in bytes"},
  {"half-bytes",
        "{\"a\": {\"dtype\": \"F4\", \"shape\": [3], \"data_offsets\": [0, 1]}}",
      1, "no size in bytes"},
  {"twice",
        "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]},"
        "\"a\": {\"dtype\": \"U8\", \"shape\": [1], \"data_offsets\": [0, 1]}}",
      1, "\"a\" occurs twice"},
  {"number", "{\"a\": 3}", 0, "tensor \"a\": is 3, expected an object"},
  {"null", "{\"a\": null}", 0, "tensor \"a\": is null"},
  {"no-dtype",
        "{\"a\": {\"shape\": [1], \"data_offsets\": [0, 4]}}", 4,
      "dtype is null"},
  {"number-dtype",
        "{\"a\": {\"dtype\": 31, \"shape\": [1], \"data_offsets\": [0, 4]}}",
      4, "dtype is 31"},
  {"unknown-dtype-beyond",
        "{\"a\": {\"dtype\": \"F31\", \"shape\": [1], \"data_offsets\": [0, 5]}}",
      4, "outside the 4 bytes"},
  {"unknown-dtype-hole",
        "{\"a\": {\"dtype\": \"F31\", \"shape\": [1], \"data_offsets\": [1, 4]}}",
      4, "leaving a hole from 0"},
  {"unknown-dtype-product",
      "{\"a\": {\"dtype\": \"F31\", \"shape\": [4294967296, 4294967296], "
        "\"data_offsets\": [0, 0]}}", 0, "does not fit 64 bits"},
  {"empty-inside",
        "{\"a\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]},"
        "\"b\": {\"dtype\": \"F32\", \"shape\": [0], \"data_offsets\": [2, 2]}}",
      4, "inside the tensor that ends at 4"},
  {"no-shape", "{\"a\": {\"dtype\": \"F32\", \"data_offsets\": [0, 4]}}", 4,
      "shape is not a list"},
  {"shape-text",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [\"1\"], "
        "\"data_offsets\": [0, 4]}}", 4, "shape[0] is \"1\""},
  {"shape-fraction",
      "{\"a\": {\"dtype\": \"F32\", \"shape\": [1.0], "
        "\"data_offsets\": [0, 4]}}", 4, "shape[0] is 1"},
  {"no-offsets", "{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}", 4,
      "data_offsets is not a list"},
  {"three-offsets",
      "{\"a\": {\"dtype\": \"U8\", \"shape\": [1], "
        "\"data_offsets\": [0, 1, 2]}}", 1, "data_offsets has 3 entries"},
  {"metadata", "{\"__metadata__\": [1]}", 0, "expected an object of strings"},
  {"cut-off",
        "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
        "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 16]}}",
      12, "it has 142 bytes, and its header asks for 146"},
  {"list", "[1, 2]", 0, "expected a JSON object"},
  {"empty", "", 0, "JSON"},
  {"broken", "{\"a\": {\"dtype\": \"F32\"", 0, "cut off"},
  {"no-json", "\x93NUMPY", 0, "line 1"},
};

static void
test_lie (gconstpointer index)
{
  const guint i = GPOINTER_TO_UINT (index);
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSafetensors) tensors = NULL;

  write_tensors (&fixture, FILE_NAME, lies[i].header, lies[i].n_data);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_null (tensors);
  fixture_check_error (error, VLDM_ERROR_READ, lies[i].reason, FILE_NAME);
}

static void
check_refused (const void *content, gssize length, const char *reason)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmSafetensors) tensors = NULL;

  fixture_write (&fixture, FILE_NAME, content, length);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_null (tensors);
  fixture_check_error (error, VLDM_ERROR_READ, reason, FILE_NAME);
}

/* What downloads leave under a file's name: the message says what it is. */
static void
test_leftovers (void)
{
  static const char zip[] = "PK\3\4\0\0\10\10 and more", zeros[16] = "";

  check_refused ("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"
      "size 492265168\n", -1, "pointer of git-lfs");
  check_refused ("<!DOCTYPE html><html>Log in</html>", -1, "HTML page");
  check_refused ("\n<html>Log in</html>", -1, "HTML page");
  check_refused ("<?xml version=\"1.0\"?><Error/>", -1, "XML page");
  check_refused (zip, sizeof zip, "zip archive");
  check_refused ("{\"error\": \"Repository not found\"}", -1,
      "is text and no safetensors file; it begins with \"{\"error\": ");
  check_refused ("Entry\nnot found", -1, "begins with \"Entry not found\"");
  check_refused ("Gone", -1, "begins with \"Gone\"");
  check_refused (zeros, sizeof zeros, "begins with eight zeros");
}

static void
test_header_length (void)
{
  /* As long as a file of 100 MB allows, and longer than any. */
  static const guint64 lengths[] = { 3, 100000001, 1ull << 63, G_MAXUINT64 };

  check_refused ("", 0, "too few");
  check_refused ("\x02\0\0\0\0\0\0", 7, "too few");
  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    guint8 bytes[10] = { 0 };
    guint64 length = GUINT64_TO_LE (lengths[i]);

    memcpy (bytes, &length, 8);
    memcpy (bytes + 8, "{}", 2);
    check_refused (bytes, 10, "claims a header of");
  }
}

/* The file is as long as it says, but the format allows no such header. */
static void
test_long_header (void)
{
  const guint64 length = 100000001;
  guint64 bytes = GUINT64_TO_LE (length);

  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, FILE_NAME, NULL);
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, FILE_NAME, &bytes, 8);
  g_assert_cmpint (truncate (path, 8 + length), ==, 0);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_READ, "the format allows 100000000",
      FILE_NAME);
}

static void
test_deep_header (void)
{
  g_autofree char *header = g_strnfill (1000000, '[');

  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;

  write_tensors (&fixture, FILE_NAME, header, 0);
  g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
  fixture_check_error (error, VLDM_ERROR_READ, "nested more than 64",
      FILE_NAME);
}

static void
test_truncated (void)
{
  g_autofree char *path = g_build_filename (drive_folder, "text_encoder",
      "model.safetensors", NULL);
  g_autofree char *content = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &content, &length, NULL));
  /* At every power of two, and by one byte. */
  for (gsize n = 1; n < length; n *= 2) {
    g_auto (Fixture) fixture = fixture_new ();
    g_autoptr (GError) error = NULL;

    fixture_write (&fixture, FILE_NAME, content, 2 * n < length ? n
        : length - 1);
    g_assert_null (vldm_safetensors_open (fixture.folder, BASE, &error));
    fixture_check_error (error, VLDM_ERROR_READ, "", FILE_NAME);
  }
}

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

  write_tensors (&fixture, BASE ".fp16.safetensors", ONE_B, 1);
  tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
  g_assert_no_error (error);
  g_assert_nonnull (vldm_safetensors_find (tensors, "b"));
  vldm_safetensors_free (tensors);

  write_tensors (&fixture, FILE_NAME, ONE_A, 1);
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

      write_tensors (&fixture, part, ONE_A, 1);
    }
    if (g_str_has_suffix (name, ".json"))
      fixture_write (&fixture, name, "{\"weight_map\": {\"a\": \"" BASE
          ".bf16-1-of-2.safetensors\"}}", -1);
    else
      write_tensors (&fixture, name, ONE_A, 1);
    tensors = vldm_safetensors_open (fixture.folder, BASE, &error);
    g_assert_no_error (error);
    g_assert_nonnull (vldm_safetensors_find (tensors, "a"));
    vldm_safetensors_free (tensors);

    write_tensors (&fixture, BASE ".ema.safetensors", ONE_A, 1);
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

  write_tensors (&fixture, BASE ".fp16.safetensors", ONE_A, 1);
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

    write_tensors (&fixture, "m-1-of-2.safetensors", ONE_A, 1);
    write_tensors (&fixture, "m-2-of-2.safetensors", ONE_B, 1);
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

  write_tensors (&fixture, "m-1.safetensors", ONE_A, 1);
  write_tensors (&fixture, "m-2.safetensors", ONE_B, 1);
  write_tensors (&fixture, "m-3.safetensors", ONE_A, 1);
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
  g_test_add_func ("/safetensors/whole", test_whole);
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autofree char *path = g_strconcat ("/safetensors/form/", forms[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_form);
  }
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++) {
    g_autofree char *path = g_strconcat ("/safetensors/lie/", lies[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_lie);
  }
  g_test_add_func ("/safetensors/leftovers", test_leftovers);
  g_test_add_func ("/safetensors/header-length", test_header_length);
  g_test_add_func ("/safetensors/long-header", test_long_header);
  g_test_add_func ("/safetensors/deep-header", test_deep_header);
  g_test_add_func ("/safetensors/truncated", test_truncated);
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
