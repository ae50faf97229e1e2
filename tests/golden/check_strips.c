/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Autoencoders where memory is short: less and less of it, until no strips fit any more. All that fits gives what the whole
 * picture gives, bit for bit: convolutions see the same numbers in the same order, and sums of norms run over the same blocks
 * of pixels in the same order. That takes one way of convolution for all sizes, so the tests force one (VLDM_CONV); chosen
 * freely, low strips may go the other way, which rounds otherwise.
 */
#include "golden.h"

#include <math.h>
#include <string.h>

#include "vldm/networks/autoencoder.h"

/* Enough for every case as a whole, and so little that arenas round up to less than a picture. */
#define ENOUGH (40 << 20)

/* Of what a whole picture takes beside the weights: in the next try. Even the first one is more than the share of the device's
 * memory that a picture may have as a whole. */
#define NEXT_TRY 0.64

/* What plans leave free for arenas that round up (vldm/memory.c) comes on top. */
#define ROUNDING (33.0 / 32)

/* And, where weights are more than the picture, the block that latents begin: a 64th of such a small device (buffer.c). */
#define ROUNDING_BLOCK (64.0 / 61)

static Golden golden;

/* Sizes are those of latents. */
typedef struct
{
  const char *network;
  gboolean encode, no_attention;
  guint frames, height, width;
} StripCase;

static const StripCase cases[] = {
  {"autoencoder", FALSE, FALSE, 1, 17, 9},
  {"autoencoder", FALSE, TRUE, 1, 37, 3},
  {"autoencoder", FALSE, FALSE, 2, 16, 16},
  /* few rows: four strips, and one */
  {"autoencoder", FALSE, FALSE, 1, 4, 33},
  {"autoencoder", FALSE, FALSE, 1, 1, 33},
  {"autoencoder", TRUE, FALSE, 1, 29, 9},
  {"autoencoder", TRUE, FALSE, 2, 1, 9},
  {"temporal_decoder", FALSE, FALSE, 1, 9, 7},
  {"temporal_decoder", FALSE, FALSE, 3, 7, 5},
  {"temporal_decoder", FALSE, FALSE, 8, 1, 5},
  {"temporal_decoder", TRUE, FALSE, 1, 19, 5},
};

/* One run on a device that has @memory bytes. */
typedef struct
{
  guint64 memory;
  guint64 loaded, peak;         /* bytes in use after loading, and the most */
  gfloat *values;               /* NULL: it failed, with error */
  gsize n;
  GError *error;
} Run;

static void
run_autoencoder (const StripCase * c, Golden * self,
    VldmAutoencoder * autoencoder, Run * run)
{
  const VldmAutoencoderConfig *config = vldm_autoencoder_config (autoencoder);
  guint factor = config->factor;
  gsize n_latents = (gsize) c->frames * c->height * c->width
      * config->latent_channels;
  gsize n_rgb = (gsize) c->frames * c->height * c->width * factor * factor * 3;
  g_autofree gfloat *noise = golden_randn (GOLDEN_SEED_SAMPLE,
      c->encode ? n_rgb : n_latents);
  OclTensor latents, rgb;
  gboolean done;

  run->n = c->encode ? n_latents : n_rgb;
  if (c->encode) {
    rgb = golden_upload (self, OCL_F32, c->frames, 3, c->height * factor,
        c->width * factor, noise);
    done =
        ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (c->frames, c->height,
            c->width, config->latent_channels), &latents, &run->error)
        && vldm_autoencoder_encode (autoencoder, self->queue, &rgb, &latents,
        &run->error);
  } else {
    latents = golden_upload (self, OCL_F32, c->frames,
        config->latent_channels, c->height, c->width, noise);
    done =
        ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (c->frames,
            c->height * factor, c->width * factor, 3), &rgb, &run->error)
        && vldm_autoencoder_decode (autoencoder, self->queue, &latents, &rgb,
        &run->error);
  }
  if (done)
    run->values = golden_download (self, c->encode ? &latents : &rgb);
}

static void
run_with (const StripCase * c, const char *folder, OclType type, Run * run)
{
  g_autofree char *memory = g_strdup_printf ("%" G_GUINT64_FORMAT,
      run->memory);
  VldmAutoencoder *autoencoder;

  g_setenv ("VLDM_MEMORY", memory, TRUE);
  golden.device = ocl_device_open (NULL, OCL_FORM_AUTO, &run->error);
  g_assert_no_error (run->error);
  golden.queue = ocl_queue_new (golden.device, &run->error);
  g_assert_no_error (run->error);
  autoencoder = vldm_autoencoder_load (golden.device, type, folder,
      c->encode ? VLDM_ENCODER : VLDM_DECODER, NULL, NULL, &run->error);
  g_assert_no_error (run->error);
  run->loaded = ocl_device_bytes_allocated (golden.device);
  run_autoencoder (c, &golden, autoencoder, run);
  run->peak = ocl_device_bytes_peak (golden.device);
  vldm_autoencoder_free (autoencoder);
  g_clear_pointer (&golden.queue, ocl_queue_free);
  g_clear_pointer (&golden.device, ocl_device_unref);
  g_unsetenv ("VLDM_MEMORY");
}

static void
run_clear (Run * run)
{
  g_clear_pointer (&run->values, g_free);
  g_clear_error (&run->error);
}

static void
compare (const Run * run, const Run * whole)
{
  gsize n_different = 0;

  for (gsize i = 0; i < whole->n; i++)
    n_different += memcmp (&run->values[i], &whole->values[i],
        sizeof (gfloat)) != 0;
  if (n_different > 0)
    g_error ("with %" G_GUINT64_FORMAT " bytes %" G_GSIZE_FORMAT " of %"
        G_GSIZE_FORMAT " numbers are others than those of the whole",
        run->memory, n_different, whole->n);
}

static char *
write_network (const StripCase * c)
{
  JsonObject *networks =
      json_object_get_object_member (golden.root, "networks");
  JsonObject *config =
      json_object_get_object_member (json_object_get_object_member (networks,
          c->network), "config");
  g_autoptr (JsonObject) network_case = json_object_new ();
  char *folder;

  json_object_set_string_member (network_case, "network", c->network);
  if (c->no_attention)
    json_object_set_boolean_member (config, "mid_block_add_attention", FALSE);
  folder = golden_write_network (&golden, network_case);
  if (c->no_attention)
    json_object_remove_member (config, "mid_block_add_attention");
  return folder;
}

static void
check_case (gconstpointer data)
{
  const StripCase *c = data;
  char *folder = write_network (c);
  const OclType types[] = { OCL_F32, OCL_F16 };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++) {
    Run whole = { ENOUGH };
    gdouble part = 1.0, least = 2.0;

    run_with (c, folder, types[i], &whole);
    g_assert_no_error (whole.error);
    for (gboolean fits = TRUE; fits; part *= NEXT_TRY) {
      Run run = { (whole.loaded + part * (whole.peak - whole.loaded))
        * ROUNDING_BLOCK
      };

      run_with (c, folder, types[i], &run);
      fits = run.values != NULL;
      if (fits) {
        compare (&run, &whole);
        g_assert_cmpuint (run.peak, <=, run.memory);
        least = part;
      } else {
        g_assert_error (run.error, OCL_ERROR, OCL_ERROR_MEMORY);
        g_test_message ("%s", run.error->message);
        g_assert_nonnull (strstr (run.error->message,
                c->encode ? "encoding" : "decoding"));
      }
      run_clear (&run);
    }
    g_test_message ("%s: whole in %" G_GUINT64_FORMAT " bytes; works with %.2f",
        types[i] == OCL_F32 ? "fp32" : "fp16", whole.peak - whole.loaded,
        least);
    g_assert_cmpfloat (least, <=, 1.0);
    run_clear (&whole);
  }
  golden_remove_folder (folder);
}

/* ---- the bound that docs/limits.md promises ---- */

/* What a decoder of @channels at the levels of the picture and of half its size needs beside strips, in fp32 and for one
 * frame: two tensors of the first level or one of the second. */
static guint64
promised_bytes (const guint * channels, gsize pixels)
{
  return pixels * sizeof (gfloat) * MAX (2 * channels[0], channels[1]);
}

/* Strips, latents, and the levels below the picture's size, as a part of the promise. */
#define BESIDE 0.3

/* A picture from @width x @height latents, on a device that has memory for what was promised and not for the whole. */
static void
check_promise (guint width, guint height)
{
  const StripCase c = { "autoencoder", FALSE, TRUE, 1, height, width };
  char *folder = write_network (&c);
  g_autoptr (GError) error = NULL;
  g_autofree VldmAutoencoderConfig *config =
      vldm_autoencoder_config_load (folder, &error);
  const StripCase tiny = { "autoencoder", FALSE, TRUE, 1, 1, 1 };
  Run run = { ENOUGH };
  gsize pixels;
  guint64 promised;

  g_assert_no_error (error);
  pixels = (gsize) width *height * config->factor * config->factor;
  promised = promised_bytes (config->block_out_channels, pixels)
      + pixels * 3 * sizeof (gfloat);
  run_with (&tiny, folder, OCL_F32, &run);
  g_assert_no_error (run.error);
  run_clear (&run);

  run.memory = (run.loaded + (1 + BESIDE) * promised) * ROUNDING;
  run_with (&c, folder, OCL_F32, &run);
  g_assert_no_error (run.error);
  g_test_message ("%u x %u: %.0f bytes a pixel, %.0f of them promised",
      width * config->factor, height * config->factor,
      (gdouble) (run.peak - run.loaded) / pixels, (gdouble) promised / pixels);
  for (gsize i = 0; i < run.n; i += 97)
    g_assert_true (isfinite (run.values[i]));
  run_clear (&run);
  golden_remove_folder (folder);
}

static void
check_small_promise (void)
{
  check_promise (128, 64);
}

/* Takes half a minute and 3 GB. */
static void
check_large_promise (void)
{
  if (g_test_slow ())
    check_promise (1024, 512);
  else
    g_test_skip ("with -m slow only");
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  golden_open (&golden, argv[1]);
  /* every run opens its own */
  g_clear_pointer (&golden.queue, ocl_queue_free);
  g_clear_pointer (&golden.device, ocl_device_unref);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const StripCase *c = &cases[i];
    g_autofree char *path = g_strdup_printf ("/strips/%s%s/%s/f%u_h%u_w%u",
        c->network, c->no_attention ? "_no_attention" : "",
        c->encode ? "encode" : "decode", c->frames, c->height, c->width);

    g_test_add_data_func (path, c, check_case);
  }
  g_test_add_func ("/strips/promise/512x256", check_small_promise);
  g_test_add_func ("/strips/promise/4096x2048", check_large_promise);
  failed = g_test_run ();
  golden_clear (&golden);
  return failed;
}
