/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where a model is looked for, which folder serves a component, and frames in host memory.
 * Argument: the default model's folder.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vldm/files/folder.h"
#include "vldm/frames.h"
#include "vldm/progress.h"

#include "fixture.h"

#define ENVIRONMENT "VLDM_MODEL_PATH"

static const char *drive_folder;

static void
test_choice (void)
{
  g_auto (Fixture) given = fixture_new ();
  g_auto (Fixture) chosen = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *by_path = NULL, *by_environment = NULL, *by_default = NULL;

  fixture_write (&given, "model_index.json", "{}", -1);
  fixture_write (&chosen, "model_index.json", "{}", -1);

  g_setenv (ENVIRONMENT, chosen.folder, TRUE);
  by_path = vldm_folder_resolve (given.folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (by_path, ==, given.folder);
  by_environment = vldm_folder_resolve (NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (by_environment, ==, chosen.folder);

  g_unsetenv (ENVIRONMENT);
  by_default = vldm_folder_resolve ("", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_suffix (by_default, "drive"));
}

/* Two spellings of one folder are one folder. */
static void
test_spelling (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *spelling = g_strconcat (fixture.folder, "/./a/../", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  fixture_write (&fixture, "a/b", "", 0);
  fixture_write (&fixture, "model_index.json", "{}", -1);
  path = vldm_folder_resolve (spelling, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (path, ==, fixture.folder);
}

static void
test_no_model (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *missing = g_build_filename (fixture.folder, "none", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (vldm_folder_resolve (missing, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "(the property model-path): no such folder", missing);
  g_clear_error (&error);
  g_assert_null (vldm_folder_resolve (fixture.folder, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "no model_index.json inside", fixture.folder);
  g_clear_error (&error);
  g_setenv (ENVIRONMENT, missing, TRUE);
  g_assert_null (vldm_folder_resolve (NULL, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "the environment variable " ENVIRONMENT, missing);
  g_unsetenv (ENVIRONMENT);
}

static void
check_model (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = vldm_folder_resolve (path, &error);

  g_assert_no_error (error);
  g_assert_nonnull (found);
}

static void
check_no_model (const Fixture * fixture, const char *name, const char *reason)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (vldm_folder_resolve (path, &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, reason, path);
}

/* File names are bytes; a URI names them in ASCII. */
static void
test_uri (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *name = g_build_filename (fixture.folder, "mod\xe8le %41",
      NULL);
  g_autofree char *index = g_build_filename (name, "model_index.json", NULL);
  g_autofree char *uri = g_filename_to_uri (name, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *by_name = NULL, *by_uri = NULL;

  fixture_write (&fixture, "mod\xe8le %41/model_index.json", "{}", -1);
  by_name = vldm_folder_resolve (name, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (by_name, ==, name);
  by_uri = vldm_folder_resolve (uri, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (by_uri, ==, name);
}

#define AUTOENCODER "{\"_class_name\": \"AutoencoderKL\"}"
#define UNET "{\"_class_name\": \"UNet2DConditionModel\"}"

/* Folders without model_index.json that hold enough for some element. */
static void
test_parts (void)
{
  g_auto (Fixture) vae = fixture_new ();
  g_auto (Fixture) alone = fixture_new ();
  g_autofree char *component = NULL, *upsampler = NULL;
  g_autoptr (GError) error = NULL;

  fixture_write (&vae, "vae/config.json", AUTOENCODER, -1);
  check_model (vae.folder);
  g_assert_true (vldm_folder_has (vae.folder, "vae"));

  fixture_write (&alone, "config.json", AUTOENCODER, -1);
  check_model (alone.folder);
  component = vldm_folder_component (alone.folder, "vae", &error);
  g_assert_cmpstr (component, ==, alone.folder);
  upsampler = vldm_folder_component (alone.folder, "upsampler_vae", &error);
  g_assert_cmpstr (upsampler, ==, alone.folder);
  g_assert_null (vldm_folder_component (alone.folder, "unet", &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "it is an autoencoder by itself (AutoencoderKL)", alone.folder);
}

/* Next to a model, and what is none: the message says where to look. */
static void
test_advice (void)
{
  static const char inside[] = "hub/models--a--b/snapshots/0123";
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *link = g_build_filename (fixture.folder, "link", NULL);
  g_autofree char *model = g_build_filename (fixture.folder, inside, NULL);
  g_autofree char *hint = g_strdup_printf ("a model is in %s", model);
  g_autofree char *the_model = g_strdup_printf ("the model is %s", model);
  g_autofree char *of_model = g_strdup_printf ("a file of the model %s", model);

  fixture_write (&fixture, "hub/models--a--b/snapshots/0123/model_index.json",
      "{\"_class_name\": \"WanPipeline\"}", -1);
  fixture_write (&fixture, "hub/models--a--b/snapshots/0123/unet/config.json",
      UNET, -1);
  fixture_write (&fixture, "adapter/config.json",
      "{\"_class_name\": \"MotionAdapter\"}", -1);
  fixture_write (&fixture, "single/v1-5.safetensors", "x", 1);
  fixture_write (&fixture, "single/notes.txt", "x", 1);
  fixture_write (&fixture, "empty/sub/x", "x", 1);
  g_assert_cmpint (symlink ("../blobs/1", link), ==, 0);

  check_no_model (&fixture, "hub", hint);
  check_no_model (&fixture, "hub/models--a--b", hint);
  check_no_model (&fixture, "hub/models--a--b/snapshots", hint);
  check_no_model (&fixture, "hub/models--a--b/snapshots/0123/unet", the_model);
  check_no_model (&fixture, "hub/models--a--b/snapshots/0123/unet",
      "it is a component by itself (UNet2DConditionModel)");
  check_no_model (&fixture, "hub/models--a--b/snapshots/0123/model_index.json",
      of_model);
  check_no_model (&fixture,
      "hub/models--a--b/snapshots/0123/unet/config.json", of_model);
  check_no_model (&fixture, "adapter",
      "it is a component by itself (MotionAdapter)");
  check_no_model (&fixture, "single",
      "it holds v1-5.safetensors, but single files are not read yet");
  check_no_model (&fixture, "single/v1-5.safetensors",
      "a file; single files are not read yet, so convert it");
  check_no_model (&fixture, "single/notes.txt", "a file, not a folder");
  check_no_model (&fixture, "empty", "no model_index.json inside; a model is a "
      "folder in diffusers' layout");
  check_no_model (&fixture, "link",
      "a symbolic link to ../blobs/1, which is not there");
}

/* What may not be looked at is no model, so that the next one is tried, and the message says why. */
static void
test_forbidden (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *path = g_build_filename (fixture.folder, "a", NULL);

  fixture_write (&fixture, "a/model_index.json", "{}", -1);
  g_assert_true (vldm_folder_is_model (path));
  g_assert_cmpint (chmod (fixture.folder, 0755), ==, 0);
  g_assert_cmpint (chmod (path, 0), ==, 0);
  fixture_drop_rights ();
  g_assert_false (vldm_folder_is_model (path));
  check_no_model (&fixture, "a", "Permission denied");
  fixture_restore_rights ();
  g_assert_cmpint (chmod (path, 0755), ==, 0);
}

/* A model that lacks a component says what it is. */
static void
test_lacking (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autofree char *link = g_build_filename (fixture.folder, "vae", NULL);
  g_autoptr (GError) error = NULL;

  fixture_write (&fixture, "model_index.json",
      "{\"_class_name\": \"WanPipeline\"}", -1);
  g_assert_null (vldm_folder_component (fixture.folder, "unet", &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "has no folder \"unet\"",
      fixture.folder);
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "its model_index.json is that of a WanPipeline", "/unet: no such folder");
  g_clear_error (&error);
  g_assert_cmpint (symlink ("../gone", link), ==, 0);
  g_assert_null (vldm_folder_component (fixture.folder, "vae", &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND,
      "a symbolic link to ../gone, which is not there", link);
}

static void
check_component (const char *component, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = vldm_folder_component (drive_folder, component,
      &error);
  g_autofree char *name = path ? g_path_get_basename (path) : NULL;

  g_assert_cmpstr (name, ==, expected);
  if (!expected)
    fixture_check_error (error, VLDM_ERROR_NOT_FOUND, component, drive_folder);
}

static void
test_components (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *own = NULL;

  check_component ("unet", "unet");
  check_component ("interpolator_scheduler", "scheduler");
  check_component ("upsampler_scheduler", "scheduler");
  check_component ("temporal_text_encoder", "text_encoder");
  check_component ("upsampler_text_encoder", "text_encoder");
  check_component ("upsampler_tokenizer", "tokenizer");
  check_component ("upsampler", NULL);
  check_component ("upsampler_vae", NULL);
  check_component ("low_res_scheduler", NULL);

  fixture_write (&fixture, "interpolator_scheduler/x", "", 0);
  fixture_write (&fixture, "scheduler/x", "", 0);
  fixture_write (&fixture, "unet", "a file", -1);
  own = vldm_folder_component (fixture.folder, "interpolator_scheduler",
      &error);
  g_assert_true (g_str_has_suffix (own, "/interpolator_scheduler"));
  g_assert_null (vldm_folder_component (fixture.folder, "unet", &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "no such folder",
      fixture.folder);
  g_clear_error (&error);
  g_assert_null (vldm_folder_component (fixture.folder, "upsampler_tokenizer",
          &error));
  fixture_check_error (error, VLDM_ERROR_NOT_FOUND, "nor the one beside it "
      "that would serve, tokenizer", fixture.folder);
}

static void
test_frames (void)
{
  g_auto (VldmFrames) frames = { 0 };
  VldmFrames huge = { VLDM_FORMAT_F32LE, 1, G_MAXUINT, G_MAXUINT, G_MAXUINT };
  g_autoptr (GError) error = NULL;

  g_assert_true (vldm_frames_init (&frames, VLDM_FORMAT_F16LE, 3, 4, 5, 7,
          &error));
  g_assert_cmpuint (vldm_frames_frame_size (&frames), ==, 2 * 4 * 5 * 7);
  g_assert_cmpuint (vldm_frames_size (&frames), ==, 3 * 2 * 4 * 5 * 7);
  g_assert_true (vldm_frames_host (&frames, 2) == frames.host + 2 * 280);
  g_assert_cmpuint (vldm_frames_host (&frames, 2)[279], ==, 0);
  vldm_frames_clear (&frames);
  g_assert_null (frames.host);

  g_assert_cmpuint (vldm_frames_frame_size (&huge), ==, 0);
  g_assert_cmpuint (vldm_frames_size (&huge), ==, 0);
  g_assert_false (vldm_frames_init (&frames, VLDM_FORMAT_RGB8, 0, 3, 5, 7,
          &error));
  fixture_check_error (error, VLDM_ERROR_SETTINGS, "0 frames", NULL);
  g_clear_error (&error);
  /* 2^63 bytes: a size, but no allocation. */
  g_assert_false (vldm_frames_init (&frames, VLDM_FORMAT_F32LE, 1u << 31,
          1u << 30, 1, 1, &error));
  fixture_check_error (error, VLDM_ERROR_SETTINGS, "fewer or smaller", NULL);
}

static void
test_activities (void)
{
  g_assert_cmpstr (vldm_activity_name (VLDM_ACTIVITY_LOAD_MODEL), ==,
      "load-model");
  g_assert_cmpstr (vldm_activity_name (VLDM_ACTIVITY_BUILD_KERNELS), ==,
      "build-kernels");
  g_assert_cmpstr (vldm_activity_name (VLDM_ACTIVITY_ENCODE_TEXT), ==,
      "encode-text");
  g_assert_cmpstr (vldm_activity_name (VLDM_ACTIVITY_DENOISE), ==, "denoise");
  g_assert_cmpstr (vldm_activity_name (VLDM_ACTIVITY_DECODE), ==, "decode");
}

int
main (int argc, char **argv)
{
  g_setenv ("LC_ALL", "C", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  drive_folder = argv[1];
  g_test_add_func ("/folder/choice", test_choice);
  g_test_add_func ("/folder/spelling", test_spelling);
  g_test_add_func ("/folder/no-model", test_no_model);
  g_test_add_func ("/folder/uri", test_uri);
  g_test_add_func ("/folder/parts", test_parts);
  g_test_add_func ("/folder/advice", test_advice);
  g_test_add_func ("/folder/forbidden", test_forbidden);
  g_test_add_func ("/folder/lacking", test_lacking);
  g_test_add_func ("/folder/components", test_components);
  g_test_add_func ("/frames", test_frames);
  g_test_add_func ("/activities", test_activities);
  return g_test_run ();
}
