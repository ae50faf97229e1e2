/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the golden tests share: golden.json and expected.safetensors as make_golden.py wrote them, model folders with
 * drawn weights, tensors in diffusers' planar layout, and the comparison. Every function aborts the test when it fails.
 */
#pragma once

#include "opencl/ops/bf16.h"
#include "opencl/ops/tensor.h"
#include "vldm/files/config.h"
#include "vldm/files/json.h"
#include "vldm/files/safetensors.h"

G_BEGIN_DECLS

/* Largest error over largest value that is allowed: one call of a network in fp32, the same with half-precision
 * storage, and a whole sampling run, where errors of the calls add up. With products in bf16, PyTorch's own results
 * (autocast) are up to 7e-2 off its fp32 ones in the same calls of a UNet, and ours 2.6e-2. */
#define GOLDEN_CALL 1e-4
#define GOLDEN_CALL_F16 2e-2
#define GOLDEN_CALL_BF16 4e-2
#define GOLDEN_RUN 1e-3
#define GOLDEN_RUN_F16 2e-2
#define GOLDEN_RUN_BF16 8e-2

/* Seeds of inputs; make_golden.py has the same. */
enum
{
  GOLDEN_SEED_SAMPLE = 100001,
  GOLDEN_SEED_TEXT,
  GOLDEN_SEED_TEMPORAL_TEXT,
  GOLDEN_SEED_NEGATIVE_TEXT,
  GOLDEN_SEED_KNOWN,
};

typedef struct
{
  JsonObject *root;             /* golden.json */
  VldmSafetensors *expected;
  OclDevice *device;
  OclQueue *queue;
} Golden;

/* @folder is tests/golden in the source tree. */
void golden_open (Golden * golden, const char *folder);
void golden_clear (Golden * golden);

/* Calls @check with the name and members of every case of @kind ("unet", "autoencoder", ...), first with fp32, then with
 * half-precision storage, then with products in bf16 where the device has them. */
typedef void (*GoldenCheck) (Golden * golden, const char *name, JsonObject * golden_case, OclType type);
void golden_for_each (Golden * golden, const char *kind, GoldenCheck check);

/* main () of a test that is no more than that: its one argument is the folder, its one test is called @path. */
int golden_main (int argc, char **argv, const char *path, const char *kind, GoldenCheck check);

/* Which of the above is for @type; a case may have bounds of its own, "f16_bound" and so on. */
gdouble golden_call_bound (JsonObject * golden_case, OclType type);
gdouble golden_run_bound (OclType type);

/* A new folder, empty; golden_remove_folder deletes it with all that is in it, and frees the name. */
char *golden_new_folder (void);
void golden_remove_folder (char *folder);
void golden_write_json (const char *folder, const char *file, JsonObject * object);

/* A new folder with the config.json and drawn weights of the network that @golden_case names, stored as its "dtype" and
 * "shards" say. */
char *golden_write_network (Golden * golden, JsonObject * golden_case);

/* Puts a network, one of golden.json's, or a scheduler into the folder @model. */
void golden_put_network (Golden * golden, const char *model, const char *component, const char *network);
void golden_put_scheduler (const char *model, const char *component, JsonObject * config);

/* torch.randn of @n numbers; g_free it. */
gfloat *golden_randn (guint32 seed, gsize n);

/* A member of a case that must be there, as an unsigned number. */
guint golden_uint (JsonObject * golden_case, const char *member);

/* A tensor from the queue's arena holding planar [frames, channels, height, width] data. */
OclTensor golden_upload (Golden * golden, OclType type, gsize frames, gsize channels, gsize height, gsize width,
    const gfloat * planar);
/* The same with rows of tokens, [n, channels]. */
OclTensor golden_upload_tokens (Golden * golden, OclType type, gsize n, gsize channels, const gfloat * rows);

/* The tensor's numbers in planar order; g_free it. */
gfloat *golden_download (Golden * golden, const OclTensor * tensor);

/* Compares @n numbers in planar order with output @name of the case. */
void golden_compare (Golden * golden, JsonObject * golden_case, const char *name, const gfloat * values, gsize n,
    gdouble tolerance);

/* The stored numbers of an output that was kept whole; g_free it. */
gfloat *golden_expected (Golden * golden, const char *name, gsize n);

G_END_DECLS
