/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * From safetensors to layers: what a network's loader accepts, what it refuses and says, its progress and its cancelling.
 * The network is a CLIPTextModel of one layer, small enough to be written here for every case.
 */
#include "fixture.h"
#include "vldm/model.h"
#include "vldm/networks/autoencoder.h"
#include "vldm/networks/text_encoder.h"

#define CONFIG "{\"hidden_size\": 16, \"intermediate_size\": 32, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, " \
    "\"max_position_embeddings\": 6, \"vocab_size\": 10, \"hidden_act\": \"gelu\"}"

static const struct
{
  const char *name, *shape;
  gsize n_numbers;
} tensors[] = {
  {"embeddings.token_embedding.weight", "[10,16]", 160},
  {"embeddings.position_embedding.weight", "[6,16]", 96},
  {"encoder.layers.0.layer_norm1.weight", "[16]", 16},
  {"encoder.layers.0.layer_norm1.bias", "[16]", 16},
  {"encoder.layers.0.self_attn.q_proj.weight", "[16,16]", 256},
  {"encoder.layers.0.self_attn.q_proj.bias", "[16]", 16},
  {"encoder.layers.0.self_attn.k_proj.weight", "[16,16]", 256},
  {"encoder.layers.0.self_attn.k_proj.bias", "[16]", 16},
  {"encoder.layers.0.self_attn.v_proj.weight", "[16,16]", 256},
  {"encoder.layers.0.self_attn.v_proj.bias", "[16]", 16},
  {"encoder.layers.0.self_attn.out_proj.weight", "[16,16]", 256},
  {"encoder.layers.0.self_attn.out_proj.bias", "[16]", 16},
  {"encoder.layers.0.layer_norm2.weight", "[16]", 16},
  {"encoder.layers.0.layer_norm2.bias", "[16]", 16},
  {"encoder.layers.0.mlp.fc1.weight", "[32,16]", 512},
  {"encoder.layers.0.mlp.fc1.bias", "[32]", 32},
  {"encoder.layers.0.mlp.fc2.weight", "[16,32]", 512},
  {"encoder.layers.0.mlp.fc2.bias", "[16]", 16},
  {"final_layer_norm.weight", "[16]", 16},
  {"final_layer_norm.bias", "[16]", 16},
};

/* How one case's file differs from a right one. */
typedef struct
{
  const char *prefix;           /* of all names */
  const char *tensor;           /* the tensor that differs; NULL = none */
  const char *shape;            /* its shape instead; NULL = it is left out */
  const char *dtype;            /* its type instead of F32, of four bytes too */
  guint32 last;                 /* the bits of its last number instead of 0 */
} Difference;

static OclDevice *device;
static const char *default_model;

static void
write_text_encoder (Fixture * fixture, const char *folder,
    const Difference * difference)
{
  g_autofree char *config = g_strconcat (folder, "config.json", NULL);
  g_autofree char *weights = g_strconcat (folder, "model.safetensors", NULL);
  g_autoptr (GString) header = g_string_new ("{");
  g_autoptr (GByteArray) file = g_byte_array_new ();
  guint64 length;
  gsize offset = 0, end = 0;
  guint32 last = GUINT32_TO_LE (difference->last);

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++) {
    gboolean differs = g_strcmp0 (tensors[i].name, difference->tensor) == 0;
    gsize bytes = tensors[i].n_numbers * sizeof (gfloat);

    if (differs && difference->shape == NULL)
      continue;
    g_string_append_printf (header, "%s\"%s%s\": {\"dtype\": \"%s\", "
        "\"shape\": %s, \"data_offsets\": [%" G_GSIZE_FORMAT ", %"
        G_GSIZE_FORMAT "]}", header->len > 1 ? ", " : "", difference->prefix,
        tensors[i].name, differs ? difference->dtype : "F32",
        differs ? difference->shape : tensors[i].shape, offset, offset + bytes);
    offset += bytes;
    if (differs)
      end = offset;
  }
  g_string_append_c (header, '}');
  length = GUINT64_TO_LE (header->len);
  g_byte_array_append (file, (guint8 *) & length, sizeof length);
  g_byte_array_append (file, (guint8 *) header->str, header->len);
  g_byte_array_set_size (file, file->len + offset);
  memset (file->data + file->len - offset, 0, offset);
  if (end > 0)
    memcpy (file->data + file->len - offset + end - sizeof last, &last,
        sizeof last);
  fixture_write (fixture, config, CONFIG, -1);
  fixture_write (fixture, weights, file->data, file->len);
}

static void
check_loads (const Difference * difference)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTextEncoder) encoder = NULL;

  write_text_encoder (&fixture, "", difference);
  encoder = vldm_text_encoder_load (device, OCL_F32, fixture.folder, NULL,
      NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (encoder);
}

static void
check_fails (const Difference * difference, VldmError code, const char *reason)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  VldmTextEncoder *encoder;

  write_text_encoder (&fixture, "", difference);
  encoder = vldm_text_encoder_load (device, OCL_F32, fixture.folder, NULL,
      NULL, &error);
  g_assert_null (encoder);
  fixture_check_error (error, code, reason, fixture.folder);
  fixture_check_error (error, code, difference->tensor, NULL);
}

static void
check_refused (const Difference * difference, const char *reason)
{
  check_fails (difference, VLDM_ERROR_MODEL, reason);
}

static void
check_accepted (void)
{
  check_loads (&(Difference) {
      "text_model."});
  check_loads (&(Difference) {
      ""});
  /* a linear layer stored as a 1 x 1 convolution */
  check_loads (&(Difference) {
      "", "encoder.layers.0.mlp.fc1.weight", "[32,16,1,1]", "F32"});
}

static void
check_missing (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    check_refused (&(Difference) {
        "", tensors[i].name}
      , "there is no tensor");
}

static void
check_wrong (void)
{
  check_refused (&(Difference) {
      "", "encoder.layers.0.mlp.fc1.weight",
        "[16,32]", "F32"},
      "has shape [16, 32]; its config.json asks for [32, 16]");
  check_refused (&(Difference) {
      "", "encoder.layers.0.layer_norm2.bias",
        "[4,4]", "F32"}, "has shape [4, 4]");
  check_refused (&(Difference) {
      "", "embeddings.token_embedding.weight",
        "[16,10]", "F32"}, "has shape [16, 10]");
  check_refused (&(Difference) {
      "", "encoder.layers.0.self_attn.k_proj.bias",
        "[16]", "I32"}, "a type other than F32, F16 and BF16");
}

/* Numbers that are not finite, as the last of every tensor. */
static void
check_damaged (void)
{
  static const struct
  {
    guint32 bits;
    const char *reason;
  } kinds[] = {
    {0x7fc00000, "is NaN"},
    {0xffffffff, "is NaN"},
    {0x7f800000, "is infinite"},
    {0xff800000, "is infinite"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++) {
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      g_autofree char *reason = g_strdup_printf ("number %" G_GSIZE_FORMAT
          " of %" G_GSIZE_FORMAT " %s", tensors[i].n_numbers,
          tensors[i].n_numbers, kinds[k].reason);

      check_fails (&(Difference) {
          "", tensors[i].name, tensors[i].shape, "F32", kinds[k].bits},
          VLDM_ERROR_READ, reason);
    }
  }
  /* the largest number is still one */
  check_loads (&(Difference) {
      "", "final_layer_norm.weight", "[16]", "F32", 0x7f7fffff});
}

/* ---- progress ---- */

typedef struct
{
  gdouble last;
  gdouble stop_at;
} Loading;

static gboolean
note_fraction (gdouble fraction, gpointer user_data)
{
  Loading *loading = user_data;

  g_assert_cmpfloat (fraction, >, loading->last);
  g_assert_cmpfloat (fraction, <=, 1.0);
  loading->last = fraction;
  return fraction < loading->stop_at;
}

static void
check_progress (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmTextEncoder) encoder = NULL;
  Loading loading = { 0.0, 2.0 };

  write_text_encoder (&fixture, "", &(Difference) {
      ""});
  encoder = vldm_text_encoder_load (device, OCL_F32, fixture.folder,
      note_fraction, &loading, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (loading.last, ==, 1.0);
}

static void
check_cancel (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  Loading loading = { 0.0, 0.5 };

  write_text_encoder (&fixture, "", &(Difference) {
      ""});
  g_assert_null (vldm_text_encoder_load (device, OCL_F32, fixture.folder,
          note_fraction, &loading, &error));
  fixture_check_error (error, VLDM_ERROR_CANCELLED, "cancelled",
      fixture.folder);
  g_assert_cmpfloat (loading.last, <, 1.0);
}

/* ---- models ---- */

static gpointer
get_decoder (gpointer model)
{
  return vldm_model_decoder (model, NULL, NULL);
}

/* Whoever asks, however many at a time, gets the same network. */
static void
check_shared (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmModel) model =
      vldm_model_new (default_model, device, VLDM_PRECISION_F32, &error);
  GThread *threads[4];
  gpointer first;

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("load", get_decoder, model);
  first = g_thread_join (threads[0]);
  g_assert_nonnull (first);
  for (guint i = 1; i < G_N_ELEMENTS (threads); i++)
    g_assert_true (g_thread_join (threads[i]) == first);
}

/* Bytes of the device that a part of the default model's autoencoder takes. */
static guint64
load_part (VldmAutoencoderPart part)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_build_filename (default_model, "vae", NULL);
  guint64 before = ocl_device_bytes_allocated (device);
  Loading loading = { 0.0, 2.0 };
  g_autoptr (VldmAutoencoder) autoencoder = vldm_autoencoder_load (device,
      OCL_F32, folder, part, note_fraction, &loading, &error);

  g_assert_no_error (error);
  /* an attention that this decoder never runs is not read */
  g_assert_cmpfloat (loading.last, >, 0.95);
  return ocl_device_bytes_allocated (device) - before;
}

/* Who decodes has no encoder in memory, nor the reverse: the decoder's layers across frames make it 1.6 times as large. */
static void
check_parts (void)
{
  guint64 encoder = load_part (VLDM_ENCODER);
  guint64 decoder = load_part (VLDM_DECODER);

  g_test_message ("encoder %" G_GUINT64_FORMAT " bytes, decoder %"
      G_GUINT64_FORMAT, encoder, decoder);
  g_assert_cmpuint (3 * encoder, <, 2 * decoder);
}

static void
check_vocabulary (void)
{
  g_auto (Fixture) fixture = fixture_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VldmModel) model = NULL;

  write_text_encoder (&fixture, "text_encoder/", &(Difference) {
      ""});
  fixture_copy (&fixture, default_model, "tokenizer/vocab.json");
  fixture_copy (&fixture, default_model, "tokenizer/merges.txt");
  model = vldm_model_new (fixture.folder, device, VLDM_PRECISION_F32, &error);
  g_assert_no_error (error);
  g_assert_null (vldm_model_text_encoder (model, NULL, &error));
  fixture_check_error (error, VLDM_ERROR_MODEL,
      "has 719 tokens, text_encoder/ only 10", fixture.folder);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int failed;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  default_model = argv[1];
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_test_add_func ("/loading/accepted", check_accepted);
  g_test_add_func ("/loading/missing", check_missing);
  g_test_add_func ("/loading/wrong", check_wrong);
  g_test_add_func ("/loading/damaged", check_damaged);
  g_test_add_func ("/loading/progress", check_progress);
  g_test_add_func ("/loading/cancel", check_cancel);
  g_test_add_func ("/loading/shared", check_shared);
  g_test_add_func ("/loading/parts", check_parts);
  g_test_add_func ("/loading/vocabulary", check_vocabulary);
  failed = g_test_run ();
  ocl_device_unref (device);
  return failed;
}
