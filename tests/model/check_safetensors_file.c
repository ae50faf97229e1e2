/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One safetensors file: whole ones of every form, every way to lie, and what is none.
 * Argument: the default model's folder.
 */
#include <string.h>
#include <unistd.h>

#include "vldm/files/safetensors.h"

#include "fixture.h"

#define BASE "model"
#define FILE_NAME BASE ".safetensors"

static const char *drive_folder;

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
  fixture_write_tensors (&fixture, FILE_NAME,
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

  fixture_write_tensors (&fixture, FILE_NAME, forms[i].header, forms[i].n_data);
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

  fixture_write_tensors (&fixture, FILE_NAME, lies[i].header, lies[i].n_data);
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

  fixture_write_tensors (&fixture, FILE_NAME, header, 0);
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  drive_folder = argv[1];
  g_test_add_func ("/safetensors-file/whole", test_whole);
  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autofree char *path =
        g_strconcat ("/safetensors-file/form/", forms[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_form);
  }
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++) {
    g_autofree char *path = g_strconcat ("/safetensors-file/lie/", lies[i].name,
        NULL);

    g_test_add_data_func (path, GUINT_TO_POINTER (i), test_lie);
  }
  g_test_add_func ("/safetensors-file/leftovers", test_leftovers);
  g_test_add_func ("/safetensors-file/header-length", test_header_length);
  g_test_add_func ("/safetensors-file/long-header", test_long_header);
  g_test_add_func ("/safetensors-file/deep-header", test_deep_header);
  g_test_add_func ("/safetensors-file/truncated", test_truncated);
  return g_test_run ();
}
