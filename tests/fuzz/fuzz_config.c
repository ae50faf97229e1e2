/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The input's first byte chooses a reader of configurations, the rest is its file.
 */
#include "vldm/files/config.h"

#include "fuzz.h"

#define N_READERS 8

static void
read_scheduler (VldmSchedulerKind kind, GError ** error)
{
  g_autoptr (VldmSchedulerConfig) config =
      vldm_scheduler_config_load (fuzz_folder (), kind, error);

  g_assert_true (!config || config->kind != VLDM_SCHEDULER_AUTO);
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  guint reader = size > 0 ? data[0] % N_READERS : 0;
  g_autoptr (GError) error = NULL;
  const char *name = reader < 3 ? "config.json"
      : reader < 7 ? "scheduler_config.json" : "videoldm.json";

  if (size == 0)
    return 0;
  fuzz_write (name, data + 1, size - 1);
  switch (reader) {
    case 0:
      g_free (vldm_unet_config_load (fuzz_folder (), &error));
      break;
    case 1:
      g_free (vldm_autoencoder_config_load (fuzz_folder (), &error));
      break;
    case 2:
      g_free (vldm_text_config_load (fuzz_folder (), &error));
      break;
    case 7:
      g_free (vldm_defaults_load (fuzz_folder (), NULL, &error));
      break;
    default:
      read_scheduler (VLDM_SCHEDULER_AUTO + reader - 3, &error);
      break;
  }
  return 0;
}
