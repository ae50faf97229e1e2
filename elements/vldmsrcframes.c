/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames of vldmsrc, one after the other: which window shows the next one, what must be made for that, and what downstream
 * is told before it.
 */
#include "elements/vldmsrcprivate.h"

#include "gst/conditioning.h"
#include "gst/error.h"
#include "gst/pipeline.h"
#include "gst/timing.h"

GstVldmRecipe *
gst_vldm_src_read_settings (GstVldmSrc * self, VldmModel * model,
    GError ** error)
{
  g_autoptr (GstVldmRecipe) recipe = NULL;

  GST_OBJECT_LOCK (self);
  recipe = gst_vldm_recipe_new (&self->settings, &self->defaults,
      &self->latents, self->n_given);
  GST_OBJECT_UNLOCK (self);
  if (!gst_vldm_recipe_check (recipe, model, self->n_given, error))
    return NULL;
  return g_steal_pointer (&recipe);
}

static gboolean
gst_vldm_src_prerolls_with_gap (GstVldmSrc * self)
{
  GstVldmPreroll preroll;

  GST_OBJECT_LOCK (self);
  preroll = self->settings.preroll;
  GST_OBJECT_UNLOCK (self);
  return gst_vldm_prerolls_with_gap (GST_ELEMENT (self), preroll);
}

/* Tells downstream, where it does not know yet, what the frames to come are made from. With @wait it is told in any case,
 * since the first frame will take a while, and may preroll before. */
static void
gst_vldm_src_announce (GstVldmSrc * self, GstVldmRecipe * recipe, gboolean wait)
{
  GstPad *pad = GST_BASE_SRC_PAD (self);
  const GstSegment *segment = &GST_BASE_SRC (self)->segment;
  GstVldmConditioning conditioning = {
    .prompt = recipe->prompt,
    .negative_prompt = recipe->negative_prompt,
    .seed = recipe->params.sampling.seed,
    .model = gst_vldm_worker_folder (self->worker),
  };
  GstEvent *event;

  if (!wait && self->announced != NULL
      && strcmp (self->announced->prompt, recipe->prompt) == 0
      && strcmp (self->announced->negative_prompt,
          recipe->negative_prompt) == 0
      && self->announced->params.sampling.seed == conditioning.seed)
    return;

  if (self->repositioned) {
    /* The base class sends its own segment only with a buffer. It is the same one, so it changes nothing. */
    event = gst_event_new_segment (segment);
    gst_event_set_seqnum (event, self->seek_seqnum != GST_SEQNUM_INVALID
        ? self->seek_seqnum : self->start_seqnum);
    gst_pad_push_event (pad, event);
  }
  gst_pad_push_event (pad, gst_vldm_conditioning_to_event (&conditioning));
  gst_pad_push_event (pad,
      gst_event_new_tag (gst_vldm_conditioning_to_tags (&conditioning)));
  if (wait && gst_vldm_src_prerolls_with_gap (self))
    gst_pad_push_event (pad, gst_event_new_gap (segment->position,
            GST_CLOCK_TIME_NONE));
  gst_vldm_recipe_unref (self->announced);
  self->announced = gst_vldm_recipe_ref (recipe);
}

/* What properties say now counts from frame @n on; all of it where nothing has been shown yet. */
static GstFlowReturn
gst_vldm_src_take_settings (GstVldmSrc * self, VldmModel * model, guint64 n)
{
  g_autoptr (GstVldmRecipe) recipe = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (VldmFrames) given = { 0, };
  GstFlowReturn flow;

  recipe = gst_vldm_src_read_settings (self, model, &error);
  if (recipe == NULL)
    return gst_vldm_fail (GST_ELEMENT (self), error, "checking settings");

  if (self->renewed) {
    if (self->n_given > 0) {
      flow = gst_vldm_first_frame_wait (&self->first_frame, &given);
      if (flow != GST_FLOW_OK)
        return flow;
    }
    if (!gst_vldm_chain_begin_with (self->chain,
            given.count > 0 ? &given : NULL, &error))
      return gst_vldm_fail (GST_ELEMENT (self), error, "keeping a frame");
    self->agreed = 0;
    n = G_MAXUINT64;
  }
  gst_vldm_chain_take (self->chain, recipe, vldm_keyframes_context (model), n);
  self->renewed = FALSE;
  return GST_FLOW_OK;
}

/* Settles what window @k of the chain is: where it lies and which prompt makes it. */
static GstFlowReturn
gst_vldm_src_settle (GstVldmSrc * self, guint64 k)
{
  VldmKeyWindow place = gst_vldm_chain_plan (self->chain, k);
  g_autofree char *prompt = NULL;
  GstFlowReturn flow;

  flow = gst_vldm_storyboard_look (&self->storyboard,
      gst_vldm_chain_first (self->chain, k), &place.end, &prompt,
      self->latents.fps_n, self->latents.fps_d);
  if (flow != GST_FLOW_OK)
    return flow;
  gst_vldm_chain_set (self->chain, k, &place, prompt);
  self->agreed = k + 1;
  return GST_FLOW_OK;
}

/* Settles the windows up to the one that shows @n, as far as the chain remembers them. */
static GstFlowReturn
gst_vldm_src_settle_known (GstVldmSrc * self, guint64 n)
{
  GstFlowReturn flow = GST_FLOW_OK;

  self->agreed = MIN (self->agreed, gst_vldm_chain_length (self->chain));
  while (flow == GST_FLOW_OK
      && self->agreed < gst_vldm_chain_length (self->chain)
      && gst_vldm_chain_first (self->chain, self->agreed) <= n)
    flow = gst_vldm_src_settle (self, self->agreed);
  return flow;
}

/* Windows that are made one after the other before a frame leaves: their denoising is one activity. */
typedef struct
{
  const VldmProgress *all;      /* the worker's */
  guint64 done, windows;
} Jump;

static gboolean
on_progress (VldmActivity activity, guint done, guint total, gpointer user_data)
{
  const Jump *jump = user_data;
  guint64 windows = MIN (jump->windows, G_MAXUINT / MAX (total, 1));

  if (activity == VLDM_ACTIVITY_DENOISE) {
    done += MIN (jump->done, windows - 1) * total;
    total *= windows;
  }
  return jump->all->progress (activity, done, total, jump->all->user_data);
}

static void
on_warning (const char *message, gpointer user_data)
{
  const Jump *jump = user_data;

  jump->all->warn (message, jump->all->user_data);
}

/* Makes window @k of the chain, the next one of @jump. */
static GstFlowReturn
gst_vldm_src_generate (GstVldmSrc * self, guint64 k, Jump * jump)
{
  const VldmProgress progress = { on_progress, on_warning, jump };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  gpointer stage;
  gint64 start;

  flow = gst_vldm_worker_wait_stage (self->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  start = g_get_monotonic_time ();
  gst_vldm_chain_make (self->chain, k, stage, &progress, &error);
  jump->done++;
  if (error != NULL || jump->done == jump->windows)
    flow = gst_vldm_worker_end (self->worker, error, "generating key frames");
  if (flow != GST_FLOW_OK)
    return flow;

  GST_OBJECT_LOCK (self);
  self->windows_made++;
  self->n_made = gst_vldm_chain_first (self->chain,
      gst_vldm_chain_length (self->chain));
  self->generate_ns += 1000 * (g_get_monotonic_time () - start);
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}

/* Makes the window that shows frame @n the current one, by way of those that it follows from. */
static GstFlowReturn
gst_vldm_src_go_to (GstVldmSrc * self, guint64 n)
{
  GstVldmChain *chain = self->chain;
  gboolean preroll = self->repositioned;
  gboolean shows_n = FALSE, make = FALSE;
  Jump jump = { gst_vldm_worker_progress (self->worker), 0, 0 };
  GstFlowReturn flow;
  VldmModel *model;
  guint64 k;

  flow = gst_vldm_worker_wait_model (self->worker, &model);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_src_take_settings (self, model, n);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_src_settle_known (self, n);
  if (flow != GST_FLOW_OK)
    return flow;

  for (k = gst_vldm_chain_resume (chain, gst_vldm_chain_find (chain, n));
      !shows_n; k++) {
    if (k == gst_vldm_chain_length (chain))
      flow = gst_vldm_src_settle (self, k);
    if (flow != GST_FLOW_OK)
      return flow;

    shows_n = gst_vldm_chain_place (chain, k)->end > n;
    make = !gst_vldm_chain_is_current (chain, k);
    if (shows_n || (preroll && make))
      gst_vldm_src_announce (self, gst_vldm_chain_recipe (chain, k),
          preroll && make);
    if (make) {
      preroll = FALSE;
      /* Texts of a storyboard that cut windows short become known on the way. */
      jump.windows = shows_n ? jump.done + 1
          : jump.done + MAX (gst_vldm_chain_distance (chain, k, n), 2);
      flow = gst_vldm_src_generate (self, k, &jump);
    }
    if (flow != GST_FLOW_OK)
      return flow;
    self->window = k;
  }
  if (!make) {
    GST_OBJECT_LOCK (self);
    self->windows_reused++;
    GST_OBJECT_UNLOCK (self);
  }
  self->repositioned = FALSE;
  return GST_FLOW_OK;
}

/* The base class looks at the stop only after a frame, and a seek may have put it before the position. */
static gboolean
gst_vldm_src_is_past_stop (GstVldmSrc * self)
{
  const GstSegment *segment = &GST_BASE_SRC (self)->segment;

  return GST_CLOCK_TIME_IS_VALID (segment->stop)
      && segment->position >= segment->stop
      && segment->position > segment->start;
}

GstFlowReturn
gst_vldm_src_create (GstPushSrc * push, GstBuffer ** buf)
{
  GstVldmSrc *self = GST_VLDM_SRC (push);
  const GstVldmLatents *latents = &self->latents;
  GstFlowReturn flow;
  GstClockTime begin, end;

  if (gst_vldm_worker_is_interrupted (self->worker))
    return GST_FLOW_FLUSHING;
  if (self->repositioned)
    self->next = gst_vldm_frame_at (GST_BASE_SRC (self)->segment.position,
        latents->fps_n, latents->fps_d);
  if (self->next >= self->n_frames
      || (self->repositioned && gst_vldm_src_is_past_stop (self)))
    return GST_FLOW_EOS;
  if (self->repositioned
      || self->next >= gst_vldm_chain_first (self->chain, self->window + 1)) {
    flow = gst_vldm_src_go_to (self, self->next);
    if (flow != GST_FLOW_OK)
      return flow;
  }

  begin = gst_vldm_frame_time (self->next, latents->fps_n, latents->fps_d);
  end = gst_vldm_frame_time (self->next + 1, latents->fps_n, latents->fps_d);
  *buf = gst_vldm_chain_buffer (self->chain, self->next);
  GST_BUFFER_PTS (*buf) = begin;
  GST_BUFFER_DURATION (*buf) = end - begin;
  GST_BUFFER_OFFSET (*buf) = self->next;
  GST_BUFFER_OFFSET_END (*buf) = self->next + 1;
  if (self->next > gst_vldm_chain_first (self->chain, self->window))
    GST_BUFFER_FLAG_SET (*buf, GST_BUFFER_FLAG_DELTA_UNIT);

  self->next++;
  GST_OBJECT_LOCK (self);
  self->frames_pushed++;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}
