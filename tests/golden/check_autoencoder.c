/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * AutoencoderKL and AutoencoderKLTemporalDecoder against diffusers: encoder and decoder of small networks.
 */
#include "golden.h"
#include "vldm/networks/autoencoder.h"

static void
check_autoencoder (Golden * self, const char *name, JsonObject * vae_case,
    OclType type)
{
  g_autoptr (GError) error = NULL;
  gboolean encode = g_str_equal (json_object_get_string_member (vae_case,
          "task"), "encode");
  char *folder = golden_write_network (self, vae_case);
  g_autoptr (VldmAutoencoder) autoencoder =
      vldm_autoencoder_load (self->device, type, folder,
      encode ? VLDM_ENCODER : VLDM_DECODER, NULL, NULL, &error);
  const VldmAutoencoderConfig *config;
  guint frames = golden_uint (vae_case, "frames");
  guint height = golden_uint (vae_case, "height");
  guint width = golden_uint (vae_case, "width");
  g_autofree gfloat *noise = NULL, *values = NULL;
  OclTensor latents, rgb;
  gsize n_latents, n_rgb;

  golden_remove_folder (folder);
  g_assert_no_error (error);
  config = vldm_autoencoder_config (autoencoder);
  n_latents = (gsize) frames *height * width * config->latent_channels;
  n_rgb = (gsize) frames *height * width * config->factor * config->factor * 3;

  noise = golden_randn (GOLDEN_SEED_SAMPLE, encode ? n_rgb : n_latents);
  if (encode) {
    rgb = golden_upload (self, OCL_F32, frames, 3, height * config->factor,
        width * config->factor, noise);
    ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (frames, height, width,
            config->latent_channels), &latents, &error);
    g_assert_no_error (error);
    vldm_autoencoder_encode (autoencoder, self->queue, &rgb, &latents, &error);
  } else {
    latents = golden_upload (self, OCL_F32, frames, config->latent_channels,
        height, width, noise);
    ocl_tensor_alloc (self->queue, OCL_F32, ocl_shape (frames,
            height * config->factor, width * config->factor, 3), &rgb, &error);
    g_assert_no_error (error);
    vldm_autoencoder_decode (autoencoder, self->queue, &latents, &rgb, &error);
  }
  g_assert_no_error (error);
  values = golden_download (self, encode ? &latents : &rgb);
  golden_compare (self, vae_case, name, values, encode ? n_latents : n_rgb,
      golden_call_bound (vae_case, type));
}

int
main (int argc, char **argv)
{
  return golden_main (argc, argv, "/golden/autoencoder", "autoencoder",
      check_autoencoder);
}
