/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Stages that compute nothing: linked in place of floors 1 and 2, so that tests of elements are quick, need no device, and
 * can make every step slow or fail.
 *
 * Latents: the first value of frame i is 1000 * seed + i; with context it goes on from the last context frame by 1. The
 * others are: hash of the prompt, the seed's low bits, number of context frames, steps. Pictures: the pixels of a frame are
 * (frame number mod 256, number of the chunk's first frame mod 256, frames of the chunk + 16 * frames that were blended if
 * this is one of them), which tells how it was decoded. Between two frames of latents the first value is interpolated
 * linearly; the second is the seed mod 65536, the third the frame rate. Encoded pictures: every value is the first byte of
 * the picture. Upsampled pictures: the pixels of a frame are (the xor of its first three bytes, the low bits of the seeds
 * of its noise, frames of the window + 16 * frames that were blended if this is one of them); upsampled latents: the same
 * three numbers.
 */
#pragma once

#include <glib.h>

typedef enum
{
  FAKE_FAIL_NOTHING,
  FAKE_FAIL_DEVICE,             /* ocl_device_open */
  FAKE_FAIL_MODEL,              /* vldm_model_new */
  FAKE_FAIL_CHECK,              /* whether the model can run a stage */
  FAKE_FAIL_LOAD,               /* making a stage */
  FAKE_FAIL_GENERATE,           /* vldm_keyframes_run, half way */
  FAKE_FAIL_DECODE,             /* vldm_decode_run, half way */
  FAKE_FAIL_INTERPOLATE,        /* vldm_interpolate_run, half way */
  FAKE_FAIL_ENCODE,             /* vldm_encode_run */
  FAKE_FAIL_NO_UPSAMPLER,       /* whether the model can upsample, and all that ask about it */
  FAKE_FAIL_UPSAMPLE,           /* vldm_upsample_run, half way */
  FAKE_FAIL_UPSAMPLED,          /* vldm_upsample_decode */
} FakeFailure;

/* Set before the pipeline starts. */
typedef struct
{
  gint load_ms;                 /* a stage takes so long to make */
  gint step_ms;                 /* a denoising step */
  gint decode_ms;               /* a frame of a chunk */
  gint encode_ms;               /* a picture */
  gint fps_n, fps_d;            /* of the model */
  guint chunk_frames;           /* of the model's decoder; 0 = 8 */
  gboolean clip_decoder;        /* the upsampler's decodes all of a window at once */
  gboolean no_context;          /* the model has no context channels */
  gboolean bf16;                /* the device multiplies in bf16 */
  FakeFailure failure;
} FakeSettings;

extern FakeSettings fake;

/* What happened since fake_reset. Atomic. */
extern gint fake_models_opened, fake_stages_made, fake_generations, fake_chunks, fake_gaps, fake_upsamplings;
/* Loadings, steps, frames and pictures of FAKE_LONG_MS and more that nobody cancelled, so that they ran to their end.
 * Atomic. */
#define FAKE_LONG_MS 10000
extern gint fake_long_works;
/* VldmLatentSpace of the last decoder made. Atomic. */
extern gint fake_decoder_space;
/* What is alive. Atomic. */
extern gint fake_live_models, fake_live_stages;

/* What the last gap was made with. */
typedef struct
{
  char prompt[64], negative_prompt[64];
  guint steps;
  gdouble guidance_scale, fps;
} FakeGap;

extern FakeGap fake_last_gap;

/* What the last window was upsampled with. */
typedef struct
{
  char prompt[64], negative_prompt[64];
  guint steps, noise_level, tile_size, tile_overlap;
  guint32 seed;
} FakeUpsampling;

extern FakeUpsampling fake_last_upsampling;

/* One generation, as it was asked for. */
typedef struct
{
  guint32 seed;
  guint frames, context;
  gfloat first;                 /* value of the first context frame */
  gdouble context_guidance;
  char prompt[32];
} FakeWindow;

/* The first of fake_generations. */
#define FAKE_MAX_WINDOWS 256
extern FakeWindow fake_windows[FAKE_MAX_WINDOWS];

void fake_reset (void);
