/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Do tiles and windows of the upsampler show? Larger differences at their borders than inside would say so.
 *
 * Drawn weights answer noise with noise, which hides every seam. So the network here does not see the noisy latents, and
 * predicts clean ones: what comes out is as smooth as what goes in, and still depends on where tiles and windows end,
 * through padding, norms and attention. That the measure finds seams is shown with tiles and windows that share nothing.
 * Arguments: the folder of golden.json, a tokenizer's.
 */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "seam.h"
#include "upsample_model.h"
#include "vldm/stages/tiles.h"
#include "vldm/stages/upsample.h"

#define SCALE 4
#define TILE 48

/* The gradient across patch borders, and frame differences across borders of windows, over those inside. */
#define PATCH_BOUND 1.05
#define WINDOW_BOUND 1.25

static Golden golden;
static VldmModel *model;
static VldmUpsample *upsample;

/* ---- the model ---- */

/* Sets conv_in's weights for the noisy latents to zero in a stored network. */
static void
ignore_noisy_latents (const char *folder)
{
  g_autofree char *path = g_build_filename (folder,
      "diffusion_pytorch_model.safetensors", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *file = NULL;
  JsonObject *entry;
  JsonArray *shape;
  guint64 header;
  gsize size, plane, begin;

  g_assert_true (g_file_get_contents (path, &file, &size, NULL));
  memcpy (&header, file, sizeof header);
  g_assert_true (json_parser_load_from_data (parser, file + sizeof header,
          header, NULL));
  entry = json_object_get_object_member (json_node_get_object
      (json_parser_get_root (parser)), "conv_in.weight");
  shape = json_object_get_array_member (entry, "shape");
  begin = sizeof header + header +
      json_array_get_int_element (json_object_get_array_member (entry,
          "data_offsets"), 0);
  plane = 9 * sizeof (gfloat);
  for (gint64 i = 0; i < json_array_get_int_element (shape, 0); i++)
    memset (file + begin + i * json_array_get_int_element (shape, 1) * plane,
        0, 4 * plane);
  g_assert_true (g_file_set_contents (path, file, size, NULL));
}

/* Returns its folder, which is read again later; golden_remove_folder deletes it. */
static char *
load_model (const char *tokenizer)
{
  g_autoptr (GError) error = NULL;
  JsonObject *run_case =
      json_object_get_object_member (json_object_get_object_member (golden.root,
          "upsample"), "native_field");
  g_autofree char *network = NULL;
  char *folder;

  json_object_set_string_member (json_object_get_object_member (run_case,
          "scheduler"), "prediction_type", "sample");
  folder = upsample_model_write (&golden, tokenizer, run_case);
  network = g_build_filename (folder, "upsampler", NULL);
  ignore_noisy_latents (network);
  model = vldm_model_new (folder, golden.device, VLDM_PRECISION_F32, &error);
  g_assert_no_error (error);
  upsample = vldm_upsample_new (model, NULL, &error);
  g_assert_no_error (error);
  return folder;
}

/* ---- pictures ---- */

/* A moving texture: waves of 6 to 90 pixels' length in all directions, the longer the stronger. */
static void
fill_texture (const VldmFrames * rgb, guint first)
{
  enum
  { WAVES = 16 };
  const gdouble turn = 2.0 * G_PI;
  g_autofree gfloat *drawn = golden_randn (GOLDEN_SEED_SAMPLE, 3 * WAVES * 2);
  guint8 *bytes = vldm_frames_host (rgb, 0);

  for (guint f = 0; f < rgb->count; f++) {
    for (guint y = 0; y < rgb->height; y++) {
      for (guint x = 0; x < rgb->width; x++) {
        for (guint c = 0; c < 3; c++) {
          const gfloat *random = drawn + 2 * c * WAVES;
          gdouble value = 0.0;

          for (guint k = 0; k < WAVES; k++) {
            gdouble length = 6.0 * pow (1.2, k);
            gdouble angle = turn * random[2 * k];
            gdouble along = cos (angle) * (x + 0.7 * (first + f))
                + sin (angle) * (y + 0.3 * (first + f));

            value += length * sin (turn * (along / length + random[2 * k + 1]));
          }
          *bytes++ = CLAMP (127.5 + 0.4 * value, 0.0, 255.0);
        }
      }
    }
  }
}

static VldmUpsampleParams
new_params (guint frames, guint overlap)
{
  g_autoptr (GError) error = NULL;
  VldmUpsampleParams params;

  vldm_upsample_defaults (model, &params, &error);
  g_assert_no_error (error);
  vldm_upsample_windows (model, frames, overlap, &params.windows, &error);
  g_assert_no_error (error);
  params.sampling.steps = 2;
  params.sampling.guidance_scale = 1.0;
  params.noise_level = 0;
  return params;
}

static void
new_frames (VldmFrames * frames, VldmFormat format, guint count,
    guint channels, guint size)
{
  g_autoptr (GError) error = NULL;

  vldm_frames_init (frames, format, count, channels, size, size, &error);
  g_assert_no_error (error);
}

/* ---- tiles ---- */

/* A square of latents or of an RGB picture, @scale times as large as what went in. */
typedef struct
{
  const gfloat *latents;
  const guint8 *picture;
  guint size, scale;
} Field;

static gdouble
field_value (const Field * field, guint c, guint along, guint across,
    gboolean down)
{
  gsize x = down ? across : along, y = down ? along : across;

  if (field->picture != NULL)
    return field->picture[(y * field->size + x) * 3 + c];
  return field->latents[(c * field->size + y) * field->size + x];
}

/* Mean difference between both sides of a line at @position across an axis, from @begin to @end along it. Positions are of
 * what went in. */
static gdouble
gradient (const Field * field, gboolean down, guint position, guint begin,
    guint end)
{
  guint channels = field->picture != NULL ? 3 : 4;
  guint line = position * field->scale;
  gdouble sum = 0.0;

  for (guint c = 0; c < channels; c++) {
    for (guint i = begin * field->scale; i < end * field->scale; i++)
      sum += fabs (field_value (field, c, line, i, down)
          - field_value (field, c, line - 1, i, down));
  }
  return sum / channels / (end - begin) / field->scale;
}

/* The border between tile @i of an axis and the next, on the stretch of tile @j of the other. Inside are lines from the
 * middle of one tile to that of the other, 2 or more away from both tiles' ends. Every second line: the network halves the
 * field once, and what it makes repeats with that period. */
static void
add_border (Seam * seam, const Field * field, const VldmTiles * tiles,
    gboolean down, guint i, guint j)
{
  guint left_end = vldm_tile_start (tiles, i) + tiles->size;
  guint right_start = vldm_tile_start (tiles, i + 1);
  guint begin = vldm_tile_start (tiles, j), end = begin + tiles->step;
  gdouble inside = 0.0;
  guint n = 0;

  for (guint x = left_end - tiles->size / 2;
      x <= right_start + tiles->size / 2; x += 2) {
    if (ABS ((gint) (x - left_end)) < 2 || ABS ((gint) (x - right_start)) < 2)
      continue;
    inside += gradient (field, down, x, begin, end);
    n++;
  }
  seam_add (seam, (gradient (field, down, left_end, begin, end)
          + gradient (field, down, right_start, begin, end)) / 2, inside / n);
}

static void
add_borders (Seam * seam, const Field * field, const VldmTiles * tiles)
{
  for (guint i = 0; i + 1 < tiles->n; i++) {
    for (guint j = 0; j < tiles->n; j++) {
      add_border (seam, field, tiles, FALSE, i, j);
      add_border (seam, field, tiles, TRUE, i, j);
    }
  }
}

/* Upsamples a picture of @n x @n tiles; lower and upper bounds of the ratios in latents and in the picture. */
static void
measure_tiles (guint n, guint overlap, const char *names[2], gdouble lower[2],
    gdouble upper[2])
{
  g_autoptr (GError) error = NULL;
  VldmUpsampleParams params = new_params (1, 0);
  const VldmUpsampleWindow alone = { 0 };
  guint size = TILE + (n - 1) * (TILE - overlap);
  VldmTiles tiles = vldm_tiles_new (size, TILE, overlap);
  g_auto (VldmFrames) rgb = { 0 }, latents = { 0 }, picture = { 0 };

  params.tile_size = TILE;
  params.tile_overlap = overlap;
  new_frames (&rgb, VLDM_FORMAT_RGB8, 1, 3, size);
  new_frames (&latents, VLDM_FORMAT_F32LE, 1, 4, size);
  new_frames (&picture, VLDM_FORMAT_RGB8, 1, 3, SCALE * size);
  fill_texture (&rgb, 0);
  vldm_upsample_run (upsample, &params, &alone, &rgb, &latents, &picture, NULL,
      &error);
  g_assert_no_error (error);
  g_assert_cmpuint (tiles.n, ==, n);

  for (guint i = 0; i < 2; i++) {
    const Field fields[] = {
      {(gfloat *) latents.host, NULL, size, 1},
      {NULL, picture.host, SCALE * size, SCALE},
    };
    Seam seam;

    seam_init (&seam);
    add_borders (&seam, &fields[i], &tiles);
    seam_ratio (&seam, names[i], &lower[i], &upper[i]);
    seam_clear (&seam);
  }
}

static void
check_tiles (void)
{
  const char *names[] = { "tiles that share 12 of 48, latents",
    "tiles that share 12 of 48, picture"
  };
  const char *split_names[] = { "tiles that share nothing, latents",
    "tiles that share nothing, picture"
  };
  gdouble lower[2], upper[2];

  measure_tiles (7, TILE / 4, names, lower, upper);
  g_assert_cmpfloat (upper[0], <=, PATCH_BOUND);
  g_assert_cmpfloat (upper[1], <=, PATCH_BOUND);
  measure_tiles (4, 0, split_names, lower, upper);
  g_assert_cmpfloat (lower[0], >, PATCH_BOUND);
  g_assert_cmpfloat (lower[1], >, PATCH_BOUND);
}

/* ---- windows ---- */

/* Upsamples @n windows that share @overlap frames, into the pictures of all. */
static void
run_windows (guint n, guint overlap, VldmFrames * pictures)
{
  VldmUpsampleParams params = new_params (8, overlap);
  guint step = params.windows.size - overlap, size = 24;

  new_frames (pictures, VLDM_FORMAT_RGB8, n * step, 3, SCALE * size);
  for (guint k = 0; k < n; k++) {
    g_autoptr (GError) error = NULL;
    g_auto (VldmFrames) rgb = { 0 };
    VldmFrames made = *pictures;
    const VldmUpsampleWindow window = {
      .shared = k > 0 ? overlap : 0,
      .earlier_seed = vldm_window_seed (1, k - 1, 15),
      .blend = k > 0 && overlap > 0,
      .keep = TRUE,
    };

    params.sampling.seed = vldm_window_seed (1, k, 15);
    new_frames (&rgb, VLDM_FORMAT_RGB8, params.windows.size, 3, size);
    fill_texture (&rgb, k * step);
    made.host = vldm_frames_host (pictures, k * step);
    made.count = step;
    vldm_upsample_run (upsample, &params, &window, &rgb, NULL, &made, NULL,
        &error);
    g_assert_no_error (error);
  }
}

/* Mean difference of frames @n and @n + 1. */
static gdouble
frame_difference (const VldmFrames * frames, guint n)
{
  const guint8 *a = vldm_frames_host (frames, n);
  const guint8 *b = vldm_frames_host (frames, n + 1);
  gsize size = vldm_frames_frame_size (frames);
  gdouble sum = 0.0;

  for (gsize i = 0; i < size; i++)
    sum += abs (a[i] - b[i]);
  return sum / size;
}

/* The ratio's bounds: steps into the shared frames, between and out of them, over the others of the window. */
static void
measure_windows (guint n, guint overlap, const char *name, gdouble * lower,
    gdouble * upper)
{
  guint step = 8 - overlap;
  g_auto (VldmFrames) pictures = { 0 };
  Seam seam;

  run_windows (n, overlap, &pictures);
  seam_init (&seam);
  for (guint k = 1; k < n; k++) {
    gdouble border = 0.0, inside = 0.0;

    for (guint i = 0; i < step; i++)
      *(i <= overlap ? &border : &inside) +=
          frame_difference (&pictures, k * step + i - 1);
    seam_add (&seam, border / (overlap + 1), inside / (step - overlap - 1));
  }
  seam_ratio (&seam, name, lower, upper);
  seam_clear (&seam);
}

static void
check_windows (void)
{
  gdouble lower, upper;

  measure_windows (24, 2, "windows that share 2 of 8 frames", NULL, &upper);
  g_assert_cmpfloat (upper, <=, WINDOW_BOUND);
  measure_windows (8, 0, "windows that share nothing", &lower, NULL);
  g_assert_cmpfloat (lower, >, WINDOW_BOUND);
}

int
main (int argc, char **argv)
{
  char *folder;
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  golden_open (&golden, argv[1]);
  folder = load_model (argv[2]);
  g_test_add_func ("/seams/upsample/tiles", check_tiles);
  g_test_add_func ("/seams/upsample/windows", check_windows);
  failed = g_test_run ();
  vldm_upsample_free (upsample);
  vldm_model_unref (model);
  golden_remove_folder (folder);
  golden_clear (&golden);
  return failed;
}
