/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where numbers that are not finite are, and whose fault they are.
 */
#include "vldm/stages/finite.h"

#include "opencl/ops/elementwise.h"
#include "vldm/error.h"
#include "vldm/numbers.h"

/* The first such number in all of @latents; how many numbers there are if there is none. */
static gsize
find_not_finite (const VldmFrames * latents)
{
  const guint8 *data = vldm_frames_host (latents, 0);

  return latents->format == VLDM_FORMAT_F16LE
      ? vldm_find_not_finite_half ((const guint16 *) data,
      vldm_frames_size (latents) / sizeof (guint16))
      : vldm_find_not_finite ((const gfloat *) data,
      vldm_frames_size (latents) / sizeof (gfloat));
}

static gsize
count_numbers (const VldmFrames * latents)
{
  return (gsize) latents->count * latents->channels * latents->height
      * latents->width;
}

gboolean
vldm_check_latents_in (const VldmFrames * latents, GError ** error)
{
  gsize i = find_not_finite (latents);
  gsize plane = (gsize) latents->height * latents->width;
  gsize frame = plane * latents->channels;

  if (i == count_numbers (latents))
    return TRUE;
  g_set_error (error, VLDM_ERROR, VLDM_ERROR_INPUT,
      "the latents that came in are not finite numbers: NaN or infinity in "
      "channel %u, row %u, column %u of frame %u of %u; whatever made or stored "
      "them is at fault", (guint) (i % frame / plane),
      (guint) (i % plane / latents->width), (guint) (i % latents->width),
      (guint) (i / frame), latents->count);
  return FALSE;
}

void
vldm_set_not_finite (const VldmMaker * maker, GError ** error)
{
  if (maker->type == OCL_F16)
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_SETTINGS,
        "%s (%s) gives numbers that are not finite: some exceed half "
        "precision's largest, 65504; precision=f32 has room for them",
        maker->name, maker->folder);
  else
    g_set_error (error, VLDM_ERROR, VLDM_ERROR_MODEL,
        "%s (%s) gives numbers that are not finite: its weights are, but some "
        "are so large, or what came in is, that single precision has no room "
        "for the results; the weights are damaged, or not those of its "
        "config.json", maker->name, maker->folder);
}

gboolean
vldm_check_latents_made (const VldmMaker * maker, const VldmFrames * latents,
    GError ** error)
{
  if (find_not_finite (latents) == count_numbers (latents))
    return TRUE;
  vldm_set_not_finite (maker, error);
  return FALSE;
}

gboolean
vldm_check_tensor_made (const VldmMaker * maker, OclQueue * queue,
    const OclTensor * tensor, GError ** error)
{
  gboolean finite;

  if (!ocl_all_finite (queue, tensor, &finite, error))
    return FALSE;
  if (!finite)
    vldm_set_not_finite (maker, error);
  return finite;
}
