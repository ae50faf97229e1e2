/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs of autoencoders that are looked at before they are believed.
 */
#include "vldm/stages/autoencode.h"

#include "opencl/ops/elementwise.h"
#include "vldm/stages/finite.h"

static gboolean
is_decoder (VldmAutoencoder * autoencoder)
{
  return vldm_autoencoder_part (autoencoder) == VLDM_DECODER;
}

static gboolean
run (VldmAutoencoder * autoencoder, OclQueue * queue, const OclTensor * input,
    const OclTensor * output, gboolean * finite, GError ** error)
{
  gboolean done = is_decoder (autoencoder)
      ? vldm_autoencoder_decode (autoencoder, queue, input, output, error)
      : vldm_autoencoder_encode (autoencoder, queue, input, output, error);

  return done && ocl_all_finite (queue, output, finite, error);
}

static gboolean
report_fraction (gdouble fraction, gpointer report)
{
  return vldm_report_progress (report, VLDM_ACTIVITY_LOAD_MODEL,
      100.0 * fraction, 100, NULL);
}

/* @autoencoder in fp32. Afterwards the report goes on where it was. */
static VldmAutoencoder *
load_wide (VldmAutoencoder * autoencoder, VldmReport * report, GError ** error)
{
  const VldmReport before = *report;
  VldmAutoencoder *wide = vldm_autoencoder_widen (autoencoder, report_fraction,
      report, error);

  return wide != NULL && vldm_report_progress (report, before.activity,
      before.done, before.total, error) ? wide : NULL;
}

static void
warn_of_overflow (VldmAutoencoder * autoencoder, const VldmReport * report)
{
  gboolean decoder = is_decoder (autoencoder);
  g_autofree char *message =
      g_strdup_printf ("the %s (%s) overflows in half precision; it runs again "
      "in fp32, and so for all frames from here on (precision=f32 does so from "
      "the start)", decoder ? "decoder" : "encoder",
      vldm_autoencoder_folder (autoencoder));

  vldm_report_warning (report, message);
}

gboolean
vldm_autoencode (VldmModel * model, VldmAutoencoder * autoencoder,
    OclQueue * queue, const OclTensor * input, const OclTensor * output,
    VldmReport * report, GError ** error)
{
  VldmAutoencoder *chosen = vldm_autoencoder_widest (autoencoder);
  gboolean finite;

  if (!run (chosen, queue, input, output, &finite, error))
    return FALSE;
  if (!finite && vldm_autoencoder_type (chosen) == OCL_F16
      && vldm_model_precision_is_open (model)) {
    chosen = load_wide (autoencoder, report, error);
    if (chosen == NULL || !run (chosen, queue, input, output, &finite, error))
      return FALSE;
    if (finite)
      warn_of_overflow (autoencoder, report);
  }
  if (!finite) {
    const VldmMaker maker = {
      is_decoder (chosen) ? "the decoder" : "the encoder",
      vldm_autoencoder_folder (chosen), vldm_autoencoder_type (chosen)
    };

    vldm_set_not_finite (&maker, error);
  }
  return finite;
}
