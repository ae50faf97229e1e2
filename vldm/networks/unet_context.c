/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a UNet's layers need of a prompt and of a window's length, before the first step.
 */
#include "vldm/networks/unet_private.h"

static void
clear_prompt (gpointer data)
{
  vldm_prompt_clear (data);
}

static gboolean
prepare_block (const VldmUnet * unet, const VldmUnetBlock * block,
    OclQueue * queue, const OclTensor * spatial_text,
    const OclTensor * temporal_text, VldmUnetContext * context, GError ** error)
{
  for (guint i = 0; i < block->n_attentions; i++) {
    const VldmTransformer *transformer = &block->attentions[i];
    guint first = context->prompts->len;

    context->first_prompt[block->first_transformer + i] = first;
    g_array_set_size (context->prompts,
        first + VLDM_PROMPTS_PER_LAYER * transformer->config.n_layers);
    if (!vldm_transformer_prepare (transformer, queue, unet->type,
            spatial_text, temporal_text, &g_array_index (context->prompts,
                VldmPrompt, first), error))
      return FALSE;
  }
  return TRUE;
}

/* Positions of frames are embedded once for all steps. */
static gboolean
embed_positions (const VldmUnet * unet, OclQueue * queue, guint frames,
    OclTensor * positions, GError ** error)
{
  const VldmUnetBlock *block;

  for (guint i = 0; (block = vldm_unet_block (unet, i)) != NULL; i++) {
    for (guint j = 0; j < block->n_attentions; j++) {
      if (!vldm_transformer_positions (&block->attentions[j], queue, frames,
              &positions[block->first_transformer + j], error))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
check_text (const VldmUnet * unet, const OclTensor * text, GError ** error)
{
  guint expected = unet->config->cross_attention_dim[0];

  if (text->channels == expected)
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
      "the text encoder gives vectors of %" G_GSIZE_FORMAT
      " numbers, the UNet's cross_attention_dim is %u: they must be equal",
      text->channels, expected);
  return FALSE;
}

VldmUnetContext *
vldm_unet_context_new (VldmUnet * unet, OclQueue * queue, guint frames,
    const OclTensor * spatial_text, const OclTensor * temporal_text,
    GError ** error)
{
  g_autoptr (VldmUnetContext) context = g_new0 (VldmUnetContext, 1);
  const VldmUnetBlock *block;

  if (!check_text (unet, spatial_text, error)
      || !check_text (unet, temporal_text, error))
    return NULL;
  context->frames = frames;
  context->n_transformers = unet->n_transformers;
  context->positions = g_new0 (OclTensor, unet->n_transformers);
  context->first_prompt = g_new0 (guint, unet->n_transformers);
  context->prompts = g_array_new (FALSE, TRUE, sizeof (VldmPrompt));
  g_array_set_clear_func (context->prompts, clear_prompt);
  for (guint i = 0; (block = vldm_unet_block (unet, i)) != NULL; i++) {
    if (!prepare_block (unet, block, queue, spatial_text, temporal_text,
            context, error))
      return NULL;
  }
  if (unet->config->temporal_layers
      && !embed_positions (unet, queue, frames, context->positions, error))
    return NULL;
  return g_steal_pointer (&context);
}

void
vldm_unet_context_free (VldmUnetContext * context)
{
  if (context == NULL)
    return;
  for (guint i = 0; i < context->n_transformers; i++)
    g_clear_pointer (&context->positions[i].buffer, ocl_buffer_unref);
  g_clear_pointer (&context->positions, g_free);
  g_clear_pointer (&context->prompts, g_array_unref);
  g_clear_pointer (&context->first_prompt, g_free);
  g_free (context);
}
