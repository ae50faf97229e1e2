/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The windows of a video, each predicted from the last frames of the one before. Kept over seeks and restarts, so that
 * what was generated once is generated again only when something that it depends on has changed.
 */
#include "elements/keyframechain.h"

#define NONE G_MAXUINT64

typedef struct
{
  VldmKeyWindow place;
  GstVldmRecipe *recipe;
  VldmFrames tail;              /* context of the next window; count 0 = not kept */
} Link;

struct _GstVldmChain
{
  GArray *links;                /* of Link */
  gsize max_bytes, bytes;       /* of tails */
  guint64 stride;               /* tails are kept of every stride-th window */

  VldmFrames frames;            /* all of the current window */
  guint64 current;              /* or NONE */

  GstVldmRecipe *recipe;        /* of windows to come; NULL = none yet */
  guint overlap;                /* context frames of the model */
  VldmFrames given;             /* what the video begins with; count 0 = nothing */
};

static void
link_clear (gpointer data)
{
  Link *link = data;

  gst_vldm_recipe_unref (link->recipe);
  vldm_frames_clear (&link->tail);
}

GstVldmChain *
gst_vldm_chain_new (gsize max_bytes)
{
  GstVldmChain *chain = g_new0 (GstVldmChain, 1);

  chain->links = g_array_new (FALSE, TRUE, sizeof (Link));
  g_array_set_clear_func (chain->links, link_clear);
  chain->max_bytes = max_bytes;
  chain->stride = 1;
  chain->current = NONE;
  return chain;
}

void
gst_vldm_chain_free (GstVldmChain * chain)
{
  if (chain == NULL)
    return;
  g_array_unref (chain->links);
  vldm_frames_clear (&chain->frames);
  vldm_frames_clear (&chain->given);
  gst_vldm_recipe_unref (chain->recipe);
  g_free (chain);
}

static Link *
get_link (const GstVldmChain * chain, guint64 k)
{
  return &g_array_index (chain->links, Link, k);
}

static void
forget_tail (GstVldmChain * chain, guint64 k)
{
  Link *link = get_link (chain, k);

  chain->bytes -= vldm_frames_size (&link->tail);
  vldm_frames_clear (&link->tail);
}

void
gst_vldm_chain_cut (GstVldmChain * chain, guint64 k)
{
  guint64 i, length = gst_vldm_chain_length (chain);

  for (i = k; i < length; i++)
    forget_tail (chain, i);
  if (k < length)
    g_array_set_size (chain->links, k);
  if (chain->current != NONE && chain->current >= k) {
    vldm_frames_clear (&chain->frames);
    chain->current = NONE;
  }
  if (k == 0)
    chain->stride = 1;
}

guint64
gst_vldm_chain_length (const GstVldmChain * chain)
{
  return chain->links->len;
}

const VldmKeyWindow *
gst_vldm_chain_place (const GstVldmChain * chain, guint64 k)
{
  return &get_link (chain, k)->place;
}

GstVldmRecipe *
gst_vldm_chain_recipe (const GstVldmChain * chain, guint64 k)
{
  return get_link (chain, k)->recipe;
}

guint64
gst_vldm_chain_first (const GstVldmChain * chain, guint64 k)
{
  return k == 0 ? 0 : get_link (chain, k - 1)->place.end;
}

guint64
gst_vldm_chain_find (const GstVldmChain * chain, guint64 n)
{
  guint64 low = 0, high = gst_vldm_chain_length (chain);

  while (low < high) {
    guint64 middle = low + (high - low) / 2;

    if (get_link (chain, middle)->place.end > n)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

guint64
gst_vldm_chain_resume (const GstVldmChain * chain, guint64 k)
{
  while (k > 0 && k != chain->current && k - 1 != chain->current
      && get_link (chain, k - 1)->tail.count == 0)
    k--;
  return k;
}

gboolean
gst_vldm_chain_begin_with (GstVldmChain * chain, const VldmFrames * given,
    GError ** error)
{
  const VldmFrames *old = &chain->given;
  gsize size = given != NULL ? vldm_frames_size (given) : 0;

  if (size == vldm_frames_size (old)
      && (size == 0 || memcmp (old->host, given->host, size) == 0))
    return TRUE;
  gst_vldm_chain_cut (chain, 0);
  vldm_frames_clear (&chain->given);
  if (size == 0)
    return TRUE;
  if (!vldm_frames_init (&chain->given, given->format, given->count,
          given->channels, given->height, given->width, error))
    return FALSE;
  memcpy (chain->given.host, given->host, size);
  return TRUE;
}

void
gst_vldm_chain_take (GstVldmChain * chain, GstVldmRecipe * recipe,
    guint overlap, guint64 n)
{
  if (chain->recipe == NULL || !gst_vldm_recipe_equal (chain->recipe, recipe))
    gst_vldm_chain_cut (chain, gst_vldm_chain_find (chain, n));
  gst_vldm_recipe_unref (chain->recipe);
  chain->recipe = gst_vldm_recipe_ref (recipe);
  chain->overlap = overlap;
}

VldmKeyWindow
gst_vldm_chain_plan (const GstVldmChain * chain, guint64 k)
{
  VldmKeyWindow place = vldm_key_window (gst_vldm_chain_first (chain, k),
      chain->recipe->params.frames, chain->overlap, chain->given.count);

  place.end = MIN (place.end, chain->recipe->n_frames);
  return place;
}

guint64
gst_vldm_chain_distance (const GstVldmChain * chain, guint64 k, guint64 n)
{
  guint64 length = gst_vldm_chain_length (chain);
  guint64 last = gst_vldm_chain_find (chain, n);
  VldmKeyWindow place;

  if (last == length) {
    place = gst_vldm_chain_plan (chain, length);
    /* Those after it show as many new frames each as a full window. */
    if (place.end <= n)
      last += 1 + (n - place.end) / (chain->recipe->params.frames
          - chain->overlap);
  }
  return last - k + 1;
}

static GstVldmRecipe *
with_prompt (const GstVldmChain * chain, const char *prompt)
{
  if (prompt == NULL || strcmp (prompt, chain->recipe->prompt) == 0)
    return gst_vldm_recipe_ref (chain->recipe);
  return gst_vldm_recipe_with_prompt (chain->recipe, prompt);
}

void
gst_vldm_chain_set (GstVldmChain * chain, guint64 k,
    const VldmKeyWindow * place, const char *prompt)
{
  g_autoptr (GstVldmRecipe) recipe = with_prompt (chain, prompt);
  Link link = { *place, NULL, {0,} };

  if (k < gst_vldm_chain_length (chain)) {
    if (get_link (chain, k)->place.end == place->end
        && gst_vldm_recipe_equal (get_link (chain, k)->recipe, recipe))
      return;
    gst_vldm_chain_cut (chain, k);
  }
  link.recipe = g_steal_pointer (&recipe);
  g_array_append_val (chain->links, link);
}

/* Copies @count frames of the window at @place, from video frame @n on. */
static gboolean
copy_frames (VldmFrames * copy, const VldmFrames * frames,
    const VldmKeyWindow * place, guint64 n, guint count, GError ** error)
{
  if (!vldm_frames_init (copy, frames->format, count, frames->channels,
          frames->height, frames->width, error))
    return FALSE;
  memcpy (copy->host, vldm_frames_host (frames, n - place->begin),
      vldm_frames_size (copy));
  return TRUE;
}

/* Halves what is kept until one more of @size fits. */
static void
make_room (GstVldmChain * chain, gsize size)
{
  guint64 i;

  while (chain->bytes > 0 && chain->bytes + size > chain->max_bytes) {
    chain->stride *= 2;
    for (i = 0; i < gst_vldm_chain_length (chain); i++)
      if (i % chain->stride != 0)
        forget_tail (chain, i);
    if (chain->stride > gst_vldm_chain_length (chain))
      forget_tail (chain, 0);
  }
}

/* Keeps the frames of window @k that the next one begins with. */
static gboolean
keep_tail (GstVldmChain * chain, guint64 k, const VldmFrames * frames,
    GError ** error)
{
  Link *link = get_link (chain, k);
  guint count = MIN (chain->overlap, link->place.end);

  if (count == 0 || link->tail.count > 0)
    return TRUE;
  make_room (chain, count * vldm_frames_frame_size (frames));
  if (k % chain->stride != 0)
    return TRUE;
  if (!copy_frames (&link->tail, frames, &link->place, link->place.end - count,
          count, error))
    return FALSE;
  chain->bytes += vldm_frames_size (&link->tail);
  return TRUE;
}

/* The frames that window @k begins with: those given, those kept, or those of the window before, which is current. */
static gboolean
find_context (const GstVldmChain * chain, guint64 k,
    const VldmFrames ** context, VldmFrames * scratch, GError ** error)
{
  const VldmKeyWindow *place = gst_vldm_chain_place (chain, k);

  *context = NULL;
  if (place->context == 0)
    return TRUE;
  if (k == 0) {
    *context = &chain->given;
  } else if (get_link (chain, k - 1)->tail.count == place->context) {
    *context = &get_link (chain, k - 1)->tail;
  } else {
    if (!copy_frames (scratch, &chain->frames,
            gst_vldm_chain_place (chain, k - 1), place->begin, place->context,
            error))
      return FALSE;
    *context = scratch;
  }
  return TRUE;
}

gboolean
gst_vldm_chain_make (GstVldmChain * chain, guint64 k, VldmKeyframes * stage,
    const VldmProgress * progress, GError ** error)
{
  const GstVldmRecipe *recipe = gst_vldm_chain_recipe (chain, k);
  const GstVldmLatents *latents = &recipe->latents;
  VldmKeyframesParams params = recipe->params;
  g_auto (VldmFrames) frames = { 0, };
  g_auto (VldmFrames) scratch = { 0, };
  const VldmFrames *context;

  params.sampling.seed = vldm_window_seed (params.sampling.seed, k, 0);
  if (!find_context (chain, k, &context, &scratch, error)
      || !vldm_frames_init (&frames, latents->format, params.frames,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error)
      || !vldm_keyframes_run (stage, &params, context, &frames, progress, error)
      || !keep_tail (chain, k, &frames, error))
    return FALSE;

  vldm_frames_clear (&chain->frames);
  chain->frames = frames;
  memset (&frames, 0, sizeof (frames));
  chain->current = k;
  return TRUE;
}

gboolean
gst_vldm_chain_is_current (const GstVldmChain * chain, guint64 k)
{
  return chain->current == k;
}

GstBuffer *
gst_vldm_chain_buffer (const GstVldmChain * chain, guint64 n)
{
  const VldmKeyWindow *place = gst_vldm_chain_place (chain, chain->current);

  return gst_buffer_new_memdup (vldm_frames_host (&chain->frames,
          n - place->begin), vldm_frames_frame_size (&chain->frames));
}
