/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Do windows and chunks of videos of the default model show? Frame differences across their borders, over those inside: for
 * chunks of vldmdec in an interpolated video, and for the windows of vldmsrc in a long one.
 * Argument: the model's folder.
 */
#include <stdlib.h>

#include "golden.h"
#include "play.h"
#include "seam.h"

#define BOUND 1.25
#define PICTURE (256 * 128 * 3)
#define LATENTS (32 * 16 * 4 * sizeof (gfloat))

static const char *model;

/* What differs from one video to the next, so that borders of many are measured. */
static const char *const prompts[] = {
  "driving on a city street at night, clear sky, light traffic",
  "driving on a highway in daylight, overcast, heavy traffic",
};

static GByteArray *
new_latents (guint video, const char *settings, const char *rest)
{
  g_autofree char *launch =
      g_strdup_printf ("vldmsrc model-path=%s seed=%u prompt=\"%s\" %s ! "
      "video/x-vldm-latents, format=F32LE, width=256, height=128 ! %s"
      "fakesink name=sink sync=false", model, video, prompts[video], settings,
      rest);

  return play (launch);
}

/* Decodes latents with @settings of vldmdec. */
static GByteArray *
decode (const GByteArray * latents, const char *settings)
{
  g_autoptr (GError) error = NULL;
  char *folder = golden_new_folder ();
  g_autofree char *path = g_build_filename (folder, "video.f32", NULL);
  g_autofree char *launch =
      g_strdup_printf ("filesrc location=%s blocksize=%" G_GSIZE_FORMAT " ! "
      "video/x-vldm-latents, format=F32LE, width=256, height=128, "
      "latent-width=32, latent-height=16, latent-channels=4, latent-space=vae, "
      "framerate=30/1, pixel-aspect-ratio=1/1 ! vldmdec model-path=%s %s ! "
      "fakesink name=sink sync=false", path, (gsize) LATENTS, model, settings);
  GByteArray *pictures;

  g_file_set_contents (path, (char *) latents->data, latents->len, &error);
  g_assert_no_error (error);
  pictures = play (launch);
  golden_remove_folder (folder);
  g_assert_cmpuint (pictures->len / PICTURE, ==, latents->len / LATENTS);
  return pictures;
}

/* Mean difference of frames @n and @n + 1. */
static gdouble
frame_difference (const GByteArray * pictures, guint n)
{
  const guint8 *a = pictures->data + (gsize) n * PICTURE;
  gint64 sum = 0;

  for (gsize i = 0; i < PICTURE; i++)
    sum += abs (a[i] - a[i + PICTURE]);
  return (gdouble) sum / PICTURE;
}

/* Adds a border of every @period frames from frame @first on: steps from frame @first - 1 to @first and @shared more, over
 * the others before the next border. */
static void
add_borders (Seam * seam, const GByteArray * pictures, guint first,
    guint period, guint shared)
{
  guint n_frames = pictures->len / PICTURE;

  for (guint n = first; n + period <= n_frames; n += period) {
    gdouble border = 0.0, inside = 0.0;

    for (guint i = 0; i < period; i++)
      *(i <= shared ? &border : &inside) +=
          frame_difference (pictures, n + i - 1);
    seam_add (seam, border / (shared + 1), inside / (period - shared - 1));
  }
}

/* Chunks of 8 that share 2, and chunks of 6 that share nothing. */
static void
check_chunks (void)
{
  Seam shared, split;
  gdouble upper;

  seam_init (&shared);
  seam_init (&split);
  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++) {
    g_autoptr (GByteArray) latents = new_latents (i, "",
        "vldminterp ! vldminterp ! ");
    g_autoptr (GByteArray) pictures = decode (latents, "");
    g_autoptr (GByteArray) split_pictures =
        decode (latents, "chunk-frames=6 chunk-overlap=0");

    add_borders (&shared, pictures, 6, 6, 2);
    add_borders (&split, split_pictures, 6, 6, 0);
  }
  seam_ratio (&split, "chunks of 6 that share nothing", NULL, NULL);
  seam_ratio (&shared, "chunks of 8 that share 2", NULL, &upper);
  seam_clear (&shared);
  seam_clear (&split);
  g_assert_cmpfloat (upper, <=, BOUND);
}

/* Windows of 8 frames, of which 2 are the one's before. Pictures are decoded one by one, so that chunks play no part. */
static void
measure_windows (guint context_guidance, gdouble * upper)
{
  g_autofree char *settings =
      g_strdup_printf ("frames=50 context-guidance=%u", context_guidance);
  g_autofree char *name =
      g_strdup_printf ("windows of vldmsrc, context-guidance=%u",
      context_guidance);
  Seam seam;

  seam_init (&seam);
  for (guint i = 0; i < G_N_ELEMENTS (prompts); i++) {
    g_autoptr (GByteArray) latents = new_latents (i, settings, "");
    g_autoptr (GByteArray) pictures = decode (latents, "chunk-frames=1");

    add_borders (&seam, pictures, 8, 6, 0);
  }
  seam_ratio (&seam, name, NULL, upper);
  seam_clear (&seam);
}

/* Printed only: by default nothing leads the network to the frames before a window, and how closely it follows them by
 * itself is the model's matter. */
static void
check_windows (void)
{
  measure_windows (1, NULL);
}

static void
check_led_windows (void)
{
  gdouble upper;

  measure_windows (2, &upper);
  g_assert_cmpfloat (upper, <=, BOUND);
}

int
main (int argc, char **argv)
{
  play_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  model = argv[1];
  g_test_add_func ("/seams/video/chunks", check_chunks);
  g_test_add_func ("/seams/video/windows", check_windows);
  g_test_add_func ("/seams/video/led-windows", check_led_windows);
  return g_test_run ();
}
