/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Latents -> pictures, in chunks on an absolute grid.
 */
#include "gst/latentdecoder.h"

#include "gst/error.h"
#include "gst/log.h"
#include "gst/timing.h"
#include "vldm/stages/decode.h"

#define GST_CAT_DEFAULT gst_vldm_log (GST_VLDM_LOG_LATENTDECODER)

/* Assumed for latency and seeks while no model is open that knows better. */
#define USUAL_SIZE 8
#define USUAL_OVERLAP 2

typedef struct
{
  GstBuffer *buffer;            /* latents, then their picture */
  gpointer frame;               /* the owner's */
  GDestroyNotify free_frame;
} Item;

struct _GstVldmLatentDecoder
{
  GstElement *element;
  const GstVldmLatentDecoderOwner *owner;
  GstVldmWorker *worker;

  GstVldmLatents latents;       /* what comes in; width 0 = pictures, and nothing is decoded */
  gint size, overlap;           /* of chunks, as asked for */
  VldmChunks grid;              /* OBJECT_LOCK to write */
  gboolean grid_known;          /* else it is a guess */

  guint64 number;               /* of the chunk that is being collected */
  GPtrArray *waiting;           /* its Items, one after the other */
  guint n_held;                 /* the first of them, which were decoded with the chunk before */
  VldmFrames held;              /* and their pictures */
  guint64 next;                 /* number of the frame that continues the chunk */
  GQueue pictures;              /* of Item, ready to leave */

  GstVldmSeek seek;             /* OBJECT_LOCK */
  GstSegment upstream;          /* as it came: says which frame is which */
  GstSegment segment;           /* as it was asked for */

  /* statistics, OBJECT_LOCK */
  guint64 chunks_decoded, decode_ns;
};

/* ---- the stage ---- */

static gboolean
check_vae (VldmModel * model, GError ** error)
{
  return vldm_decode_check_model (model, VLDM_LATENTS_VAE, error);
}

static gboolean
check_upsampler_vae (VldmModel * model, GError ** error)
{
  return vldm_decode_check_model (model, VLDM_LATENTS_UPSAMPLER_VAE, error);
}

static VldmDecode *
new_vae (VldmModel * model, const VldmProgress * progress, GError ** error)
{
  return vldm_decode_new (model, VLDM_LATENTS_VAE, progress, error);
}

static VldmDecode *
new_upsampler_vae (VldmModel * model, const VldmProgress * progress,
    GError ** error)
{
  return vldm_decode_new (model, VLDM_LATENTS_UPSAMPLER_VAE, progress, error);
}

GST_VLDM_STAGE (vae, check_vae, new_vae, vldm_decode_free);
GST_VLDM_STAGE (upsampler_vae, check_upsampler_vae, new_upsampler_vae,
    vldm_decode_free);

static VldmLatentSpace
get_space (const GstVldmLatentDecoder * decoder)
{
  return g_str_equal (decoder->latents.space, "upsampler-vae")
      ? VLDM_LATENTS_UPSAMPLER_VAE : VLDM_LATENTS_VAE;
}

/* ---- life ---- */

static Item *
new_item (const GstVldmLatentDecoder * decoder, GstBuffer * buffer,
    gpointer frame)
{
  Item *item = g_new (Item, 1);

  item->buffer = buffer;
  item->frame = frame;
  item->free_frame = decoder->owner->free_frame;
  return item;
}

static void
free_item (gpointer data)
{
  Item *item = data;

  gst_clear_buffer (&item->buffer);
  if (item->frame != NULL)
    item->free_frame (item->frame);
  g_free (item);
}

GstVldmLatentDecoder *
gst_vldm_latent_decoder_new (GstElement * element,
    const GstVldmLatentDecoderOwner * owner)
{
  GstVldmLatentDecoder *decoder = g_new0 (GstVldmLatentDecoder, 1);

  decoder->element = element;
  decoder->owner = owner;
  decoder->worker = gst_vldm_worker_new (element, &vae);
  decoder->waiting = g_ptr_array_new_with_free_func (free_item);
  g_queue_init (&decoder->pictures);
  gst_segment_init (&decoder->upstream, GST_FORMAT_TIME);
  gst_segment_init (&decoder->segment, GST_FORMAT_TIME);
  gst_vldm_latent_decoder_start (decoder);
  gst_vldm_latent_decoder_ask_chunks (decoder, -1, -1);
  return decoder;
}

void
gst_vldm_latent_decoder_free (GstVldmLatentDecoder * decoder)
{
  gst_vldm_latent_decoder_flush (decoder);
  gst_vldm_worker_free (decoder->worker);
  g_ptr_array_unref (decoder->waiting);
  g_free (decoder);
}

void
gst_vldm_latent_decoder_start (GstVldmLatentDecoder * decoder)
{
  GST_OBJECT_LOCK (decoder->element);
  memset (&decoder->latents, 0, sizeof (decoder->latents));
  gst_vldm_seek_init (&decoder->seek);
  GST_OBJECT_UNLOCK (decoder->element);
  gst_segment_init (&decoder->upstream, GST_FORMAT_TIME);
  gst_segment_init (&decoder->segment, GST_FORMAT_TIME);
  decoder->grid_known = FALSE;
  decoder->next = 0;
  gst_vldm_worker_interrupt (decoder->worker, FALSE);
}

void
gst_vldm_latent_decoder_ask_chunks (GstVldmLatentDecoder * decoder, gint size,
    gint overlap)
{
  const guint wanted = overlap >= 0 ? overlap : USUAL_OVERLAP;

  decoder->size = size;
  decoder->overlap = overlap;
  if (decoder->grid_known)
    return;
  GST_OBJECT_LOCK (decoder->element);
  decoder->grid.size = size > 0 ? size : USUAL_SIZE;
  decoder->grid.overlap = MIN (wanted, decoder->grid.size / 2);
  GST_OBJECT_UNLOCK (decoder->element);
}

void
gst_vldm_latent_decoder_stop (GstVldmLatentDecoder * decoder)
{
  gst_vldm_latent_decoder_flush (decoder);
  gst_vldm_worker_settle (decoder->worker);
}

void
gst_vldm_latent_decoder_close (GstVldmLatentDecoder * decoder)
{
  gst_vldm_worker_close (decoder->worker);
}

void
gst_vldm_latent_decoder_interrupt (GstVldmLatentDecoder * decoder,
    gboolean interrupted)
{
  gst_vldm_worker_interrupt (decoder->worker, interrupted);
}

/* ---- caps and model ---- */

void
gst_vldm_latent_decoder_set_caps (GstVldmLatentDecoder * decoder,
    const GstVldmLatents * latents)
{
  static const GstVldmLatents none;

  GST_OBJECT_LOCK (decoder->element);
  decoder->latents = latents != NULL ? *latents : none;
  GST_OBJECT_UNLOCK (decoder->element);
  decoder->grid_known = FALSE;
  if (latents == NULL)
    return;
  gst_vldm_worker_use (decoder->worker,
      get_space (decoder) == VLDM_LATENTS_VAE ? &vae : &upsampler_vae);
  GST_DEBUG_OBJECT (decoder->element, "decoding latents of %s, %u x %u pixels",
      latents->space, latents->width, latents->height);
}

gboolean
gst_vldm_latent_decoder_takes_latents (GstVldmLatentDecoder * decoder)
{
  return decoder->latents.width > 0;
}

gboolean
gst_vldm_latent_decoder_open (GstVldmLatentDecoder * decoder,
    const GstVldmModelSettings * settings)
{
  g_autoptr (GError) error = NULL;
  gboolean kept;

  if (!gst_vldm_latent_decoder_takes_latents (decoder))
    return TRUE;
  if (!gst_vldm_worker_open (decoder->worker, settings, &kept, &error)) {
    gst_vldm_fail (decoder->element, error, "choosing the model");
    return FALSE;
  }
  if (!kept)
    decoder->grid_known = FALSE;
  return TRUE;
}

static GstFlowReturn
find_grid (GstVldmLatentDecoder * decoder)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  VldmModel *model;
  VldmChunks grid;

  if (!decoder->owner->choose_model (decoder->element))
    return GST_FLOW_ERROR;
  flow = gst_vldm_worker_wait_model (decoder->worker, &model);
  if (flow != GST_FLOW_OK)
    return flow;
  if (!vldm_decode_chunks (model, get_space (decoder), decoder->size,
          decoder->overlap, &grid, &error))
    return gst_vldm_fail (decoder->element, error, "choosing chunks");

  GST_DEBUG_OBJECT (decoder->element, "chunks of %u frames that share %u",
      grid.size, grid.overlap);
  GST_OBJECT_LOCK (decoder->element);
  decoder->grid = grid;
  GST_OBJECT_UNLOCK (decoder->element);
  decoder->grid_known = TRUE;
  decoder->owner->delay_changed (decoder->element);
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_latent_decoder_check (GstVldmLatentDecoder * decoder)
{
  if (decoder->grid_known || !gst_vldm_latent_decoder_takes_latents (decoder))
    return GST_FLOW_OK;
  return find_grid (decoder);
}

/* ---- chunks ---- */

static Item *
item_at (const GstVldmLatentDecoder * decoder, guint i)
{
  return g_ptr_array_index (decoder->waiting, i);
}

static void
free_frames (gpointer frames)
{
  vldm_frames_clear (frames);
  g_free (frames);
}

/* The memory of all @pictures (taken), which single ones share. */
static GstMemory *
wrap_pictures (VldmFrames * pictures)
{
  gsize size = vldm_frames_size (pictures);
  VldmFrames *owned = g_memdup2 (pictures, sizeof (*pictures));

  memset (pictures, 0, sizeof (*pictures));
  return gst_memory_new_wrapped (GST_MEMORY_FLAG_READONLY, owned->host, size, 0,
      size, owned, free_frames);
}

/* A picture in @memory with the time of its latents. */
static GstBuffer *
new_picture (GstBuffer * latents, GstMemory * memory, gsize offset, gsize size)
{
  GstBuffer *picture = gst_buffer_new ();

  gst_buffer_append_memory (picture, gst_memory_share (memory, offset, size));
  gst_buffer_copy_into (picture, latents,
      GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  GST_BUFFER_FLAG_UNSET (picture, GST_BUFFER_FLAG_DELTA_UNIT);
  return picture;
}

/* Frame @n is shown, or decoded for its neighbours only. */
static gboolean
is_wanted (const GstVldmLatentDecoder * decoder, GstBuffer * latents, guint64 n)
{
  if (!decoder->owner->clips
      || gst_vldm_frame_is_inside (&decoder->segment, latents, n,
          decoder->latents.fps_n, decoder->latents.fps_d))
    return TRUE;
  GST_DEBUG_OBJECT (decoder->element, "clipping frame %" G_GUINT64_FORMAT ", %"
      GST_TIME_FORMAT, n, GST_TIME_ARGS (GST_BUFFER_PTS (latents)));
  return FALSE;
}

/* The first @n waiting frames have become @pictures (taken). */
static void
release (GstVldmLatentDecoder * decoder, guint n, VldmFrames * pictures)
{
  const gsize size = vldm_frames_frame_size (pictures);
  guint64 first = decoder->next - decoder->waiting->len;
  GstMemory *memory = wrap_pictures (pictures);
  guint i;

  for (i = 0; i < n; i++) {
    GstBuffer *latents = item_at (decoder, i)->buffer;

    if (is_wanted (decoder, latents, first + i))
      g_queue_push_tail (&decoder->pictures, new_item (decoder,
              new_picture (latents, memory, i * size, size),
              g_steal_pointer (&item_at (decoder, i)->frame)));
  }
  g_ptr_array_remove_range (decoder->waiting, 0, n);
  gst_memory_unref (memory);
}

static void
reset_chunk (GstVldmLatentDecoder * decoder)
{
  g_ptr_array_set_size (decoder->waiting, 0);
  vldm_frames_clear (&decoder->held);
  decoder->n_held = 0;
}

static gboolean
gather (const GstVldmLatentDecoder * decoder, VldmFrames * gathered,
    GError ** error)
{
  const GstVldmLatents *latents = &decoder->latents;
  guint i;

  if (!vldm_frames_init (gathered, latents->format, decoder->waiting->len,
          latents->latent_channels, latents->latent_height,
          latents->latent_width, error))
    return FALSE;
  for (i = 0; i < gathered->count; i++)
    gst_buffer_extract (item_at (decoder, i)->buffer, 0,
        vldm_frames_host (gathered, i), vldm_frames_frame_size (gathered));
  return TRUE;
}

/* Keeps copies of the pictures from @first on. */
static gboolean
hold (GstVldmLatentDecoder * decoder, const VldmFrames * pictures, guint first,
    GError ** error)
{
  guint n = pictures->count - first;

  vldm_frames_clear (&decoder->held);
  decoder->n_held = n;
  if (n == 0)
    return TRUE;
  if (!vldm_frames_init (&decoder->held, VLDM_FORMAT_RGB8, n, 3,
          pictures->height, pictures->width, error))
    return FALSE;
  memcpy (vldm_frames_host (&decoder->held, 0),
      vldm_frames_host (pictures, first), vldm_frames_size (&decoder->held));
  return TRUE;
}

/* Decodes all waiting frames to @pictures and holds those that the next chunk shares, unless this is the @last one. */
static gboolean
run (GstVldmLatentDecoder * decoder, VldmDecode * stage, gboolean last,
    VldmFrames * pictures, GError ** error)
{
  const VldmDecodeParams params = {
    .width = decoder->latents.width,
    .height = decoder->latents.height,
    .blend = decoder->n_held,
    .keep = !last && decoder->grid.overlap > 0,
    .overlap = decoder->grid.overlap,
  };
  g_auto (VldmFrames) gathered = { 0, };

  return gather (decoder, &gathered, error)
      && vldm_frames_init (pictures, VLDM_FORMAT_RGB8, gathered.count, 3,
      params.height, params.width, error)
      && vldm_decode_run (stage, &params, &gathered, pictures,
      gst_vldm_worker_progress (decoder->worker), error)
      && hold (decoder, pictures,
      gathered.count - (last ? 0 : params.overlap), error);
}

static GstFlowReturn
decode (GstVldmLatentDecoder * decoder, gboolean last)
{
  g_auto (VldmFrames) pictures = { 0, };
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  gpointer stage;
  gint64 start;

  flow = gst_vldm_worker_wait_stage (decoder->worker, &stage);
  if (flow != GST_FLOW_OK)
    return flow;

  GST_DEBUG_OBJECT (decoder->element, "chunk %" G_GUINT64_FORMAT ": %u frames, "
      "%u of them blended, before frame %" G_GUINT64_FORMAT "%s",
      decoder->number, decoder->waiting->len, decoder->n_held, decoder->next,
      last ? ", the last" : "");
  start = g_get_monotonic_time ();
  run (decoder, stage, last, &pictures, &error);
  flow = gst_vldm_worker_end (decoder->worker, error, "decoding");
  start = g_get_monotonic_time () - start;
  GST_DEBUG_OBJECT (decoder->element, "chunk %" G_GUINT64_FORMAT " ended: %s, "
      "%" G_GINT64_FORMAT " us", decoder->number, gst_flow_get_name (flow),
      start);
  if (flow != GST_FLOW_OK) {
    reset_chunk (decoder);
    return flow;
  }

  GST_OBJECT_LOCK (decoder->element);
  decoder->chunks_decoded++;
  decoder->decode_ns += 1000 * start;
  GST_OBJECT_UNLOCK (decoder->element);
  release (decoder, decoder->waiting->len - decoder->n_held, &pictures);
  return GST_FLOW_OK;
}

/* ---- frames ---- */

static guint64
number_of (const GstVldmLatentDecoder * decoder, GstBuffer * latents)
{
  const guint n = decoder->waiting->len;

  return gst_vldm_frame_number (&decoder->upstream, GST_BUFFER_PTS (latents),
      decoder->latents.fps_n, decoder->latents.fps_d, decoder->next,
      n > 0 ? GST_BUFFER_PTS (item_at (decoder, n - 1)->buffer)
      : GST_CLOCK_TIME_NONE);
}

static GstFlowReturn
push_latents (GstVldmLatentDecoder * decoder, Item * item)
{
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  guint64 number = number_of (decoder, item->buffer);

  GST_LOG_OBJECT (decoder->element, "frame %" G_GUINT64_FORMAT ": %"
      GST_PTR_FORMAT, number, item->buffer);
  if (!gst_vldm_latents_check_size (&decoder->latents, item->buffer, &error))
    flow = gst_vldm_fail (decoder->element, error, "reading latents");
  else if (number != decoder->next
      || GST_BUFFER_FLAG_IS_SET (item->buffer, GST_BUFFER_FLAG_DISCONT))
    flow = gst_vldm_latent_decoder_drain (decoder);
  if (flow == GST_FLOW_OK)
    flow = gst_vldm_latent_decoder_check (decoder);
  if (flow != GST_FLOW_OK) {
    free_item (item);
    return flow;
  }

  if (decoder->waiting->len == decoder->n_held)
    decoder->number = vldm_last_chunk_of (&decoder->grid, number);
  g_ptr_array_add (decoder->waiting, item);
  decoder->next = number + 1;
  return decoder->next < vldm_chunk_start (&decoder->grid, decoder->number)
      + decoder->grid.size ? GST_FLOW_OK : decode (decoder, FALSE);
}

GstFlowReturn
gst_vldm_latent_decoder_push (GstVldmLatentDecoder * decoder,
    GstBuffer * latents, gpointer frame)
{
  Item *item = new_item (decoder, latents, frame);

  if (gst_vldm_latent_decoder_takes_latents (decoder))
    return push_latents (decoder, item);
  g_queue_push_tail (&decoder->pictures, item);
  return GST_FLOW_OK;
}

GstFlowReturn
gst_vldm_latent_decoder_drain (GstVldmLatentDecoder * decoder)
{
  GstFlowReturn flow = GST_FLOW_OK;

  if (decoder->waiting->len > 0)
    GST_DEBUG_OBJECT (decoder->element, "draining %u frames, %u of them "
        "decoded", decoder->waiting->len, decoder->n_held);
  if (decoder->waiting->len > decoder->n_held)
    flow = decode (decoder, TRUE);
  else if (decoder->n_held > 0)
    release (decoder, decoder->n_held, &decoder->held);
  reset_chunk (decoder);
  return flow;
}

void
gst_vldm_latent_decoder_flush (GstVldmLatentDecoder * decoder)
{
  if (decoder->waiting->len > 0 || decoder->pictures.length > 0)
    GST_DEBUG_OBJECT (decoder->element, "forgetting %u latents, %u pictures",
        decoder->waiting->len, decoder->pictures.length);
  reset_chunk (decoder);
  g_queue_clear_full (&decoder->pictures, free_item);
}

GstBuffer *
gst_vldm_latent_decoder_pop (GstVldmLatentDecoder * decoder, gpointer * frame)
{
  Item *item = g_queue_pop_head (&decoder->pictures);
  GstBuffer *picture;

  if (item == NULL)
    return NULL;
  if (frame != NULL)
    *frame = g_steal_pointer (&item->frame);
  picture = g_steal_pointer (&item->buffer);
  free_item (item);
  return picture;
}

void
gst_vldm_latent_decoder_foreach (GstVldmLatentDecoder * decoder, GFunc func,
    gpointer user_data)
{
  GList *l;
  guint i;

  for (l = decoder->pictures.head; l != NULL; l = l->next)
    func (((Item *) l->data)->frame, user_data);
  for (i = 0; i < decoder->waiting->len; i++)
    func (item_at (decoder, i)->frame, user_data);
}

/* ---- segments and seeks ---- */

GstVldmSeek *
gst_vldm_latent_decoder_seek (GstVldmLatentDecoder * decoder)
{
  return &decoder->seek;
}

void
gst_vldm_chunks_widen (gconstpointer grid, guint64 * first, guint64 * end)
{
  const VldmChunks *chunks = grid;

  *first = vldm_chunk_start (chunks, vldm_first_chunk_of (chunks, *first));
  if (*end != G_MAXUINT64)
    *end = vldm_chunk_start (chunks, vldm_last_chunk_of (chunks, *end - 1))
        + chunks->size;
}

GstEvent *
gst_vldm_latent_decoder_widen (GstVldmLatentDecoder * decoder, GstEvent * event)
{
  return gst_vldm_seek_widen (&decoder->seek, decoder->element, event,
      decoder->latents.fps_n, decoder->latents.fps_d,
      gst_vldm_chunks_widen, &decoder->grid);
}

GstEvent *
gst_vldm_latent_decoder_take_segment (GstVldmLatentDecoder * decoder,
    GstEvent * event)
{
  gst_event_copy_segment (event, &decoder->upstream);
  return gst_vldm_seek_narrow (&decoder->seek, event, &decoder->segment);
}

/* ---- what others ask ---- */

guint
gst_vldm_latent_decoder_delay (GstVldmLatentDecoder * decoder)
{
  return gst_vldm_latent_decoder_takes_latents (decoder)
      ? decoder->grid.size - 1 : 0;
}

void
gst_vldm_latent_decoder_add_stats (GstVldmLatentDecoder * decoder,
    GstStructure * stats)
{
  gst_structure_set (stats, "chunks-decoded", G_TYPE_UINT64,
      decoder->chunks_decoded, "decode-time", G_TYPE_UINT64,
      decoder->decode_ns, NULL);
  gst_vldm_worker_add_stats (decoder->worker, stats);
}
