/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text -> tokens -> text encoder -> the UNet's contexts.
 */
#include "vldm/stages/prompts.h"

#include "vldm/stages/finite.h"

typedef struct
{
  char *prompt;
  guint frames;                 /* of windows */
  VldmUnetContext *context;
} EncodedPrompt;

struct _VldmPrompts
{
  VldmTokenizer *tokenizer;
  VldmTextEncoder *encoder;
  char *folder;                 /* the encoder's */
  VldmUnet *unet;
  OclType type;
  EncodedPrompt text, negative;
};

VldmPrompts *
vldm_prompts_new (VldmTokenizer * tokenizer, VldmTextEncoder * encoder,
    const char *folder, VldmUnet * unet, OclType type)
{
  VldmPrompts *prompts = g_new0 (VldmPrompts, 1);

  prompts->tokenizer = tokenizer;
  prompts->encoder = encoder;
  prompts->folder = g_strdup (folder);
  prompts->unet = unet;
  prompts->type = type;
  return prompts;
}

static void
encoded_prompt_clear (EncodedPrompt * encoded)
{
  g_clear_pointer (&encoded->prompt, g_free);
  g_clear_pointer (&encoded->context, vldm_unet_context_free);
}

void
vldm_prompts_free (VldmPrompts * prompts)
{
  if (prompts == NULL)
    return;
  encoded_prompt_clear (&prompts->text);
  encoded_prompt_clear (&prompts->negative);
  g_free (prompts->folder);
  g_free (prompts);
}

static gboolean
encode_prompt (VldmPrompts * prompts, OclQueue * queue, guint frames,
    const char *prompt, VldmUnetContext ** context, VldmReport * report,
    GError ** error)
{
  const VldmTextConfig *config = vldm_text_encoder_config (prompts->encoder);
  const VldmMaker maker = { "the text encoder", prompts->folder,
    prompts->type
  };
  guint length = config->max_position_embeddings;
  g_autofree guint32 *ids = g_new (guint32, length);
  g_autofree char *dropped = NULL;
  OclTensor text;

  if (!vldm_tokenizer_encode (prompts->tokenizer, prompt, length, ids,
          &dropped, error))
    return FALSE;
  if (dropped != NULL) {
    g_autofree char *message =
        g_strdup_printf ("the prompt is longer than %u tokens; dropped: \"%s\"",
        length, dropped);
    vldm_report_warning (report, message);
  }

  if (!ocl_tensor_alloc (queue, prompts->type, ocl_shape (1, 1, length,
              config->hidden_size), &text, error)
      || !vldm_text_encoder_run (prompts->encoder, queue, ids, length, &text,
          error) || !vldm_check_tensor_made (&maker, queue, &text, error))
    return FALSE;
  *context = vldm_unet_context_new (prompts->unet, queue, frames, &text, &text,
      error);
  return *context != NULL;
}

/* Does nothing where @encoded already holds @prompt for windows of just as many frames, so that no result depends on what
 * ran before. */
static gboolean
ensure_prompt (VldmPrompts * prompts, OclQueue * queue, guint frames,
    const char *prompt, EncodedPrompt * encoded, VldmReport * report,
    GError ** error)
{
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  gboolean done;

  if (g_strcmp0 (encoded->prompt, prompt) == 0 && encoded->frames == frames)
    return TRUE;

  encoded_prompt_clear (encoded);
  done = encode_prompt (prompts, queue, frames, prompt, &encoded->context,
      report, error);
  if (done) {
    g_debug ("%s: encoded \"%s\" for windows of %u frames", prompts->folder,
        prompt, frames);
    encoded->prompt = g_strdup (prompt);
    encoded->frames = frames;
  }
  ocl_arena_release (arena, mark);
  return done;
}

gboolean
vldm_prompts_encode (VldmPrompts * prompts, OclQueue * queue, guint frames,
    const char *prompt, const char *negative, VldmReport * report,
    GError ** error)
{
  return vldm_report_progress (report, VLDM_ACTIVITY_ENCODE_TEXT, 0, 1, error)
      && ensure_prompt (prompts, queue, frames, prompt, &prompts->text, report,
      error)
      && (negative == NULL
      || ensure_prompt (prompts, queue, frames, negative, &prompts->negative,
          report, error))
      && vldm_report_progress (report, VLDM_ACTIVITY_ENCODE_TEXT, 1, 1, error);
}

const VldmUnetContext *
vldm_prompts_text (const VldmPrompts * prompts)
{
  return prompts->text.context;
}

const VldmUnetContext *
vldm_prompts_negative (const VldmPrompts * prompts)
{
  return prompts->negative.context;
}
